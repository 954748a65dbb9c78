"""Two copies of a category file that grew apart, made into one: by block ids, with no conflict marker.

A file is a sequence of parts: front matter fields, headings, and under each heading blocks (a bullet with all
that hangs below it, or a person's own prose, table, code). A part has a key by which it is known in all
three texts: a bullet its block id, anything else its own words. What one side alone changed, added, moved or
took out is done. Where both changed the same part:

- two wordings of a bullet are both kept: one in place with the id, the other below it with none;
- what one side took out and the other changed stays, as changed;
- of two times in `updated_at` the later stands; of two descriptions, summaries or names of one heading the
  longer, or of equally long ones the one later in the alphabet, so that both copies choose alike;
- lines of prose and rows of a table are merged line by line. A block that holds a code fence is kept twice.

The result is parsed again, and a text that does not read as it was meant is never returned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..errors import Unmergeable
from .lines import Line
from .markdown import BOM, Document, parse
from .sequences import merged_lines, merged_order
from .three_way_parts import SUMMARY, Key, Part, Side, fold, found_ids, line_end, matched, stripped

FENCES = ("```", "~~~")


def merge_categories(base: str | None, ours: str, theirs: str, path: str = "") -> str:
    """One text of two. `base` is what both come from, None where there was no such file.

    BOM, line ends and the end of the last line stay as in `ours`. Raises Unmergeable, which names `path`,
    where the structure of a text cannot be told: an open fence or front matter, or a conflict marker.
    """
    if ours == theirs or theirs == base:
        return ours
    if ours == base:
        return theirs
    end = line_end(ours) or line_end(theirs) or "\n"
    texts = (base or "", ours, theirs)
    known = found_ids(texts)
    documents = [parse(text if text is ours else _ended(text, end), known) for text in texts]
    for document in documents:
        if document.problem is not None:
            raise Unmergeable(path, document.problem.line, document.problem.reason)
    merge = _Merge(*matched(*documents))
    for loose in (False, True):
        written = merge.written(loose=loose)
        text = _joined(written, ours, documents[1].bom, end)
        if _reads_as(parse(text, known), written):
            return text
    raise Unmergeable(path, 1, "the two sides cannot be told apart any more where they meet: merge by hand")


def _ended(text: str, end: str) -> str:
    """The text with the line ends of the other side."""
    unix = text.replace("\r\n", "\n").replace("\r", "\n")
    return unix if end == "\n" else unix.replace("\n", end)


def _joined(written: Written, ours: str, bom: str, end: str) -> str:
    text = "".join(line.text + (line.end or end) for line in written.lines)
    if ours.strip(BOM) and not ours.endswith(("\n", "\r")):
        text = text.removesuffix(end)
    return bom + text


def _reads_as(document: Document, written: Written) -> bool:
    """Whether the text reads as the parts that were put in it, and holds no id twice."""
    found: list[tuple[str, ...]] = [tuple(line.text for line in document.front)] if document.front else []
    for section in document.sections:
        if section.heading is not None:
            found.append((section.heading.text,))
        found += [
            tuple(line.text for line in block.lines) for block in section.blocks if block.kind != "blank"
        ]
    ids = [bullet.id for bullet in document.bullets if bullet.id]
    return document.problem is None and found == written.parts and len(ids) == len(set(ids))


@dataclass(slots=True)
class Written:
    """The lines of the result, and the parts that they are meant to read as."""

    lines: list[Line]
    parts: list[tuple[str, ...]]


class _Merge:
    """One merge of three matched sides."""

    def __init__(self, base: Side, ours: Side, theirs: Side) -> None:
        self.base, self.ours, self.theirs = base, ours, theirs
        self.blocks: dict[Key, list[Part]] = {}
        self.home: dict[Key, Key] = {}
        for key in {**ours.parts, **theirs.parts}:
            blocks = self._blocks(key)
            if blocks:
                self.blocks[key], self.home[key] = blocks, self._home(key)
        self._drop_doubles()

    # -- what stands

    def _blocks(self, key: Key) -> list[Part]:
        """What becomes of one part: nothing, one block, or two."""
        base, ours, theirs = (side.parts.get(key) for side in (self.base, self.ours, self.theirs))
        if ours is None or theirs is None:
            stays = ours or theirs
            return [stays] if stays and (base is None or _is_changed(base, stays)) else []
        if ours.texts == theirs.texts or (base and theirs.texts == base.texts):
            return [ours]
        if base and ours.texts == base.texts:
            return [theirs]
        return _both(base, ours, theirs)

    def _home(self, key: Key) -> Key:
        """The section a part stands in; one that both sides moved goes where both copies would put it."""
        base, ours, theirs = (side.home.get(key) for side in (self.base, self.ours, self.theirs))
        if ours is None or theirs is None:
            found = ours or theirs
            assert found is not None  # it stands on one side
            return found
        if ours == theirs or theirs == base:
            return ours
        return theirs if ours == base else max(ours, theirs)

    def _drop_doubles(self) -> None:
        """Of an id that stands twice, as copies and nested bullets can bring it, one bullet keeps it.

        Another that says nothing besides, word for word as that one or as base did, goes.
        """
        counts = Counter(i for blocks in self.blocks.values() for block in blocks for i in block.ids)
        if not counts or max(counts.values()) < 2:
            return
        base = dict(pair for part in self.base.parts.values() for pair in part.said)
        said: dict[str, str] = {}
        for key in sorted(self.blocks, key=lambda key: self._claim(key, base)):
            kept = [block for block in self.blocks[key] if not _is_told(block, said, base)]
            self.blocks[key] = [stripped(block, said.keys() & block.ids) for block in kept]
            said |= {i: text for block in self.blocks[key] for i, text in block.said}

    def _claim(self, key: Key, base: Mapping[str, str]) -> tuple[int, bool, tuple[str, ...]]:
        """Who comes first keeps its ids: no copy, rather one that somebody changed; the same both ways."""
        block = self.blocks[key][0] if self.blocks[key] else None
        unchanged = block is None or all(base.get(i) == text for i, text in block.said)
        return len(key), unchanged, block.texts if block else ()

    # -- how it is written

    def written(self, *, loose: bool) -> Written:
        """The result's lines. `loose` sets a blank line between any two that are not both bullets."""
        out = Written([], [])
        previous: Part | None = None
        for part in [*self._front(), *self._ordered()]:
            if previous is not None:
                out.lines += self._gap(previous, part, loose)
            else:
                out.lines += self._leading(part)
            out.lines += part.lines
            out.parts.append(part.texts)
            previous = part
        out.lines += self._trailing(previous)
        return out

    def _ordered(self) -> Iterable[Part]:
        """Headings, each with its blocks; a heading stands while one side wants it or a block needs it."""
        filled: dict[Key, set[Key]] = {}
        for key, home in self.home.items():
            if self.blocks[key]:
                filled.setdefault(home, set()).add(key)
        sides = (self.base, self.ours, self.theirs)
        kept = {
            key for key in {**self.ours.members, **self.theirs.members} if key in filled or self._wanted(key)
        }
        for section in merged_order(*([key for key in side.members if key in kept] for side in sides)):
            yield from self._heading(section)
            inside = filled.get(section, set())
            for key in merged_order(
                *([k for k in side.members.get(section, ()) if k in inside] for side in sides)
            ):
                yield from self.blocks[key]

    def _wanted(self, section: Key) -> bool:
        sides = (self.base, self.ours, self.theirs)
        base, ours, theirs = (section in side.members for side in sides)
        return (ours and theirs) or ((ours or theirs) and not base)

    def _heading(self, section: Key) -> Iterable[Part]:
        base, ours, theirs = (s.headings.get(section) for s in (self.base, self.ours, self.theirs))
        if ours is None or theirs is None:
            found = ours or theirs or base
            return [found] if found is not None else []
        if ours.texts == theirs.texts or (base and theirs.texts == base.texts):
            return [ours]
        return [theirs] if base and ours.texts == base.texts else [_longer(ours, theirs)]

    def _gap(self, one: Part, other: Part, loose: bool) -> list[Line]:
        """The blank lines between two parts: as where they are neighbours already, else as is usual."""
        pair = _bare(one.key), other.key
        ours, theirs, base = found = [s.gaps.get(pair) for s in (self.ours, self.theirs, self.base)]
        same = base is not None and ours is not None and len(ours) == len(base)
        gap = theirs if same and theirs is not None else next((g for g in found if g is not None), None)
        bullets = one.kind == other.kind == "bullet"
        if gap is not None and (gap or bullets or not loose):
            return list(gap)
        tight = bullets or (one.kind == "heading" and other.kind == "bullet") or one.kind == "front"
        return [] if tight and not (loose and not bullets) else [Line(0, "", "")]

    def _leading(self, first: Part) -> list[Line]:
        return list(self.ours.gaps.get((None, first.key), ()))

    def _trailing(self, last: Part | None) -> list[Line]:
        side = self.ours if self.ours.members else self.theirs
        return list(side.trailing) if last is not None else []

    # -- front matter

    def _front(self) -> list[Part]:
        """Field by field; the lines that open and close it come from whichever side has them."""
        sides = (self.base, self.ours, self.theirs)
        kept = {key: line for key in {**self.ours.fields, **self.theirs.fields} if (line := self._field(key))}
        order = merged_order(*([key for key in side.fields if key in kept] for side in sides))
        fence = self.ours.fence or self.theirs.fence
        gone = self.base.fence and not (self.ours.fence and self.theirs.fence) and not order
        if fence is None or gone:
            return []
        lines = (fence[0], *(line for key in order for line in kept[key]), fence[1])
        return [Part(("front",), "front", lines, tuple(line.text for line in lines))]

    def _field(self, key: Key) -> tuple[Line, ...]:
        """The lines of a field; () where it goes. Who takes `updated_at` out has no use for its changes."""
        base, ours, theirs = (side.fields.get(key, ()) for side in (self.base, self.ours, self.theirs))
        said = [tuple(line.text for line in lines) for lines in (base, ours, theirs)]
        if not ours or not theirs:
            stays = ours or theirs
            unchanged = said[0] in said[1:] or key[0] == "updated_at"
            return () if base and unchanged else stays
        if said[1] == said[2] or said[2] == said[0]:
            return ours
        if said[1] == said[0]:
            return theirs
        if key[0] == "updated_at":
            return max(ours, theirs, key=lambda lines: [line.text for line in lines])
        if len(ours) > 1 or len(theirs) > 1:
            return tuple(Line(0, text, "") for text in merged_lines(*said)[0])
        return max(ours, theirs, key=lambda lines: (len(lines[0].text), lines[0].text))


def _is_told(block: Part, said: Mapping[str, str], base: Mapping[str, str]) -> bool:
    """Whether a bullet of one line repeats what stands elsewhere with its id."""
    if len(block.texts) > 1 or not block.said or not said.keys() >= set(block.ids):
        return False
    return all(fold(text) in (fold(said[i]), fold(base.get(i, said[i]))) for i, text in block.said)


def _is_changed(base: Part, part: Part) -> bool:
    """Giving a bullet its id is no change of it."""
    return part.texts != base.texts and not (
        part.kind == "bullet" and not base.ids and part.bare == base.bare
    )


def _bare(key: Key) -> Key:
    """What follows a second wording follows the first where there is only that."""
    return key[:-1] if key[-1] == "beside" else key


def _longer(ours: Part, theirs: Part) -> Part:
    """The same one whichever side it stands on."""
    return max(ours, theirs, key=lambda part: (len(part.folded), part.folded, part.texts))


def _both(base: Part | None, ours: Part, theirs: Part) -> list[Part]:
    """What becomes of a block that both sides changed, or made."""
    if ours.kind == "bullet":
        return _both_bullets(base, ours, theirs)
    if ours.key == SUMMARY and len(ours.lines) == len(theirs.lines) == 1:
        return [_longer(ours, theirs)]
    if ours.folded == theirs.folded:
        return [_longer(ours, theirs)]
    merged, clean = merged_lines(base.texts if base else (), ours.texts, theirs.texts)
    fenced = any(FENCES[0] in text or FENCES[1] in text for text in merged)
    if (clean or not fenced) and _is_one(merged, ours.kind):
        return [ours.reading(merged)]
    return [ours, theirs.beside()]


def _both_bullets(base: Part | None, ours: Part, theirs: Part) -> list[Part]:
    if ours.folded == theirs.folded:
        return [min(ours, theirs, key=lambda part: (not part.ids, part.ids, part.texts))]
    given = _id_given(base, ours, theirs)
    if given is not None:
        return [given]
    if base is not None and len(base.lines) + len(ours.lines) + len(theirs.lines) > 3:
        merged, clean = merged_lines(base.texts, ours.texts, theirs.texts)
        if clean and _is_one(merged, "bullet"):
            return [ours.reading(merged)]
    first = _longer(ours, theirs)
    second = theirs if first is ours else ours
    return [first, stripped(second, {i for i in second.ids if i in first.ids}).beside()]


def _id_given(base: Part | None, ours: Part, theirs: Part) -> Part | None:
    """One side gave a bullet its id and left the words; the other changed them: both."""
    if base is None or base.ids or len(ours.lines) + len(theirs.lines) > 2:
        return None
    for one, other in ((ours, theirs), (theirs, ours)):
        if one.folded == base.folded and len(one.ids) == 1 and not other.ids:
            return other.reading([f"{other.texts[0].rstrip()} ^{one.ids[0]}"])
    return None


def _is_one(lines: list[str], kind: str) -> bool:
    """Whether these lines read as one block, with nothing open and no id twice."""
    document = parse("\n".join(lines) + "\n")
    blocks = [block for section in document.sections for block in section.blocks]
    ids = [bullet.id for bullet in document.bullets if bullet.id]
    same = len(blocks) == 1 and blocks[0].kind == kind and len(document.sections) == 1
    return same and document.problem is None and not document.front and len(ids) == len(set(ids))
