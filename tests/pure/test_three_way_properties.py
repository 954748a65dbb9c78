"""What holds of every merge of two copies, whatever somebody did to each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from memu_like.errors import Unmergeable
from memu_like.pure.markdown import parse
from memu_like.pure.three_way import merge_categories

WORDS = ["horses", "ducks", "tea", "chess", "rain", "jazz", "bees", "snow"]
SLOTS = ["pets", "music", "food", "sport"]
IDS = [f"id{n:02d}" for n in range(12)]
PROSE = [
    "A note of mine",
    "Two lines\nof a note",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "```\n- no bullet\n\n## no heading\n```",
    "> quoted",
    "1. first\n2. second",
    "<!-- aside -->",
    "### deeper",
]
HOSTILE = ["- a ^aaaa", "- b ^bbbb", "- b", "  more", "    code", "## x", "  ## y", "", "```", "---", "k: v"]
HOSTILE += ["<!--", "-->", "- ", "text", "  - n ^nnnn", "| a |", "^aaaa", "1. x", "%%", "- - ^cccc", "# t"]
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)


@dataclass(frozen=True)
class Bullet:
    text: str
    id: str | None = None
    below: str = ""


@dataclass(frozen=True)
class File:
    """Sections by name, each with bullets and prose in order."""

    time: int
    summary: str
    sections: tuple[tuple[str, tuple[Bullet | str, ...]], ...]

    @property
    def text(self) -> str:
        head = f"---\ntopic: t\nupdated_at: 2023-10-{self.time:02d}T09:55:00Z\n---\n# t\n\n{self.summary}\n"
        return head + "".join(f"\n## {name}\n" + rendered(blocks) for name, blocks in self.sections)


def rendered(blocks: tuple[Bullet | str, ...]) -> str:
    out = ""
    for block in blocks:
        if isinstance(block, Bullet):
            out += f"- {block.text}" + (f" ^{block.id}" if block.id else "") + "\n" + block.below
        else:
            out += f"\n{block}\n\n"
    return out


bullets = st.builds(Bullet, texts, st.none(), st.sampled_from(["", "", "  more of it\n", "  - nested\n"]))


@st.composite
def files(draw: st.DrawFn) -> File:
    free = list(IDS[:6])
    sections = []
    for name in draw(st.lists(st.sampled_from(SLOTS), max_size=3, unique=True)):
        blocks: list[Bullet | str] = []
        for one in draw(st.lists(st.one_of(bullets, st.sampled_from(PROSE)), max_size=4)):
            marked = isinstance(one, Bullet) and free and draw(st.booleans())
            blocks.append(replace(one, id=free.pop()) if marked and isinstance(one, Bullet) else one)
        sections.append((name, tuple(blocks)))
    return File(draw(st.integers(1, 28)), "Summary of it", tuple(sections))


@st.composite
def edited(draw: st.DrawFn, file: File, fresh: list[str]) -> File:
    """What somebody made of a file: blocks changed, taken out, moved, added; headings added or renamed."""
    free = list(fresh)
    sections = [(name, list(blocks)) for name, blocks in file.sections]
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(
            st.sampled_from(["add", "drop", "change", "move", "heading", "rename", "summary", "time"])
        )
        if kind == "heading":
            name = draw(st.sampled_from(SLOTS))
            if name not in [known for known, _ in sections]:
                sections.insert(draw(st.integers(0, len(sections))), (name, []))
        elif kind == "summary":
            file = replace(file, summary=draw(texts))
        elif kind == "time":
            file = replace(file, time=draw(st.integers(1, 28)))
        elif sections:
            at = draw(st.integers(0, len(sections) - 1))
            name, blocks = sections[at]
            place = draw(st.integers(0, max(0, len(blocks) - 1)))
            if kind == "rename":
                sections[at] = (f"{name} anew", blocks)
            elif kind == "add":
                new: Bullet | str = draw(st.one_of(bullets, st.sampled_from(PROSE)))
                if isinstance(new, Bullet) and free and draw(st.booleans()):
                    new = replace(new, id=free.pop())
                blocks.insert(place, new)
            elif blocks and kind == "drop":
                del blocks[place]
            elif blocks and kind == "move":
                sections[draw(st.integers(0, len(sections) - 1))][1].append(blocks.pop(place))
            elif blocks and kind == "change":
                old = blocks[place]
                changed = isinstance(old, Bullet) and replace(old, text=draw(texts))
                blocks[place] = changed or f"{old}\nand more"
    return replace(file, sections=tuple((name, tuple(blocks)) for name, blocks in sections))


@st.composite
def copies(draw: st.DrawFn) -> tuple[str, str, str]:
    base = draw(files())
    ours, theirs = draw(edited(base, IDS[6:9])), draw(edited(base, IDS[9:]))
    return base.text, ours.text, theirs.text


def ids_of(text: str) -> list[str]:
    return [bullet.id for bullet in parse(text).bullets if bullet.id]


def lines_of(text: str) -> set[str]:
    """What a person may have written: not the front matter, the summary, the headings; ids aside."""
    body = text.split("\n---\n", 1)[1]
    lines = (line.partition(" ^")[0].strip() for line in body.splitlines()[3:])
    return {line for line in lines if line and not line.startswith("## ")}


@given(copies())
def test_a_merge_reads_well_holds_no_id_twice_and_swaps(copy: tuple[str, str, str]) -> None:
    base, ours, theirs = copy
    merged, swapped = merge_categories(base, ours, theirs), merge_categories(base, theirs, ours)
    assert parse(merged).problem is None
    assert len(ids_of(merged)) == len(set(ids_of(merged)))
    assert set(ids_of(merged)) == set(ids_of(swapped))
    assert lines_of(merged) == lines_of(swapped)


@given(copies())
def test_what_one_side_has_and_the_other_did_not_take_out_stands(copy: tuple[str, str, str]) -> None:
    base, ours, theirs = copy
    merged = merge_categories(base, ours, theirs)
    before, one, two, after = (set(ids_of(text)) for text in (base, ours, theirs, merged))
    same = words_by_id(base, ours, theirs)
    for found in (one | two) - after:
        gone = found in before and (found not in one or found not in two)
        assert gone or same[found] & {w for i, ws in same.items() if i in after for w in ws}, found
    before_lines, kept = lines_of(base), lines_of(merged)
    for line in (lines_of(ours) | lines_of(theirs)) - before_lines:
        assert line in kept or fold(line) in {fold(other) for other in kept}, line


def fold(line: str) -> str:
    return line.casefold().strip(" .,")


def words_by_id(*texts: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for text in texts:
        for bullet in parse(text).bullets:
            if bullet.id:
                found.setdefault(bullet.id, set()).add(bullet.text)
    return found


@given(copies())
def test_a_line_that_nobody_took_out_stands(copy: tuple[str, str, str]) -> None:
    base, ours, theirs = copy
    kept = lines_of(merge_categories(base, ours, theirs))
    once = {line for line in lines_of(base) if base.count(line) == 1}
    assert once & lines_of(ours) & lines_of(theirs) <= kept


@given(copies())
def test_a_side_that_did_nothing_changes_nothing(copy: tuple[str, str, str]) -> None:
    base, ours, _ = copy
    assert merge_categories(base, base, ours) == ours
    assert merge_categories(base, ours, base) == ours
    assert merge_categories(base, ours, ours) == ours


@given(copies())
def test_a_merge_that_is_merged_again_stays(copy: tuple[str, str, str]) -> None:
    base, ours, theirs = copy
    merged = merge_categories(base, ours, theirs)
    assert merge_categories(ours, merged, ours) == merged
    assert merge_categories(theirs, merged, theirs) == merged
    other = merge_categories(base, theirs, ours)
    again = merge_categories(base, merged, other)
    assert set(ids_of(again)) == set(ids_of(merged))
    assert lines_of(again) == lines_of(merged)


anything = st.lists(
    st.sampled_from(HOSTILE),
    max_size=12,
).map("\n".join)


@given(anything, anything, anything)
def test_whatever_the_texts_are_a_merge_is_sound_or_refused(base: str, ours: str, theirs: str) -> None:
    try:
        merged = merge_categories(base, ours, theirs)
    except Unmergeable:
        return
    if merged not in (ours, theirs):
        assert parse(merged).problem is None
        assert len(ids_of(merged)) == len(set(ids_of(merged)))
