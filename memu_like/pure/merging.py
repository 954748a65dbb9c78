"""The machine's write of a category file: a plan of what it should show, merged into what stands there.

What a person wrote stays, byte for byte and in its place. The rules, in short: a bullet is rewritten or
dropped only while it still reads as the machine last wrote it; a bullet that a person deleted does not come
back; a new bullet goes beside the machine's own, never into somebody's prose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

from ..errors import Unmergeable
from .lines import ITEM_ID, Line
from .markdown import BOM, Block, Bullet, Document, Section, bullet_of, heading_name, is_blank, parse
from .rendering import KEPT, LONGEST_KEPT, heading_text, neutral_line, plain_line, scalar, timestamp


@dataclass(frozen=True, slots=True)
class SlotPlan:
    """The bullets that a slot should show, best first, as (item id, `bullet_text`).

    `removed` are ids that should no longer stand in the file, in whatever slot they are.
    """

    name: str
    bullets: tuple[tuple[str, str], ...] = ()
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CategoryPlan:
    """What one category file should show.

    `base` is the text of each bullet as the machine last wrote it, the value of `base_of` after the last
    merge: a bullet that differs is pinned, an id that the file lacks was deleted by a person.
    `previous_summary` and `previous_description` are what the machine last wrote there. `moved` are planned
    ids that should stand in their planned slot, wherever the machine put them before. `path` is for messages.
    `title` heads a file that is made anew; "" for the topic.
    """

    topic: str
    description: str
    updated_at: datetime
    summary: str = ""
    slots: tuple[SlotPlan, ...] = ()
    base: Mapping[str, str] = field(default_factory=dict, hash=False)
    previous_summary: str = ""
    previous_description: str = ""
    path: str = ""
    moved: frozenset[str] = frozenset()
    title: str = ""

    def __post_init__(self) -> None:
        for item_id, _ in self.bullets:
            if not ITEM_ID.fullmatch(item_id):
                raise ValueError(f"item id {item_id!r} cannot be a block id: it needs 4 to 12 of a-z, 0-9")

    @property
    def bullets(self) -> tuple[tuple[str, str], ...]:
        return tuple([bullet for slot in self.slots for bullet in slot.bullets])

    @property
    def removed(self) -> frozenset[str]:
        """What should go; an id that is also planned stays."""
        gone = frozenset[str]().union(*(slot.removed for slot in self.slots))
        return gone - {item_id for item_id, _ in self.bullets}

    @property
    def place(self) -> str:
        return self.path or f"categories/{self.topic}.md"


def merge(current: str | None, plan: CategoryPlan) -> str:
    """The text to write. `current` is what stands there now, None where there is no file.

    Returns `current` itself where nothing changes. Raises Unmergeable where the structure of the file
    cannot be told (open front matter, open fence or comment, conflict marker) or where a file that held
    entries is blank, as it is for a moment while some editors save.
    """
    if current is None or is_blank(current):
        if current is not None and plan.base:
            raise Unmergeable(plan.place, 1, "the file is blank, though entries stood in it")
        return (BOM if current and current.startswith(BOM) else "") + _from_scratch(plan)
    document = parse(current, known={*plan.base, *(item_id for item_id, _ in plan.bullets)})
    if document.problem is not None:
        raise Unmergeable(plan.place, document.problem.line, document.problem.reason)
    if plan.moved:
        current, plan = _taken_out(document, current, plan)
        document = parse(current, known={*plan.base, *(item_id for item_id, _ in plan.bullets)})
    return _Merge(document, plan).result(current)


def _taken_out(document: Document, current: str, plan: CategoryPlan) -> tuple[str, CategoryPlan]:
    """The text without the moved bullets that are the machine's, and a plan that puts these anew."""
    own = _Merge(document, plan)
    wanted = {item_id: slot_key(slot.name) for slot in plan.slots for item_id, _ in slot.bullets}
    stands = {
        bullet.id: section.slot.casefold() for section in document.sections for bullet in section.bullets
    }
    moved = frozenset(
        item_id
        for item_id in plan.moved & wanted.keys()
        if own._unedited(item_id) is not None and stands.get(item_id) != wanted[item_id]
    )
    slots = [replace(s, bullets=tuple(b for b in s.bullets if b[0] not in moved)) for s in plan.slots]
    without = replace(plan, slots=(*slots, SlotPlan("", removed=moved)), moved=frozenset())
    text = _Merge(document, without).result(current)
    return text, replace(plan, base=base_of(text, without), moved=frozenset())


def unedited(text: str, base: Mapping[str, str]) -> frozenset[str]:
    """The ids of the bullets that are the machine's own: each stands once, as last written, and alone."""
    plan = CategoryPlan("", "", datetime.min, base=base)
    merge = _Merge(parse(text, base.keys()), plan)
    found = {item_id: merge._unedited(item_id) for item_id in merge.standing}
    return frozenset(
        item_id
        for item_id, bullet in found.items()
        if bullet is not None and len(bullet.lines) == 1 and not bullet.nested_ids
    )


def standing_summary(text: str) -> str:
    """The summary line of a category file as it stands, whoever wrote it; "" where there is none."""
    return _block_text(_summary_block(parse(text)))


def base_of(text: str, plan: CategoryPlan) -> Mapping[str, str]:
    """The base to keep after `text = merge(..., plan)` was written.

    A pinned bullet keeps the text that the machine last wrote, so that it stays pinned; so does a bullet
    that a person deleted, so that it stays away, until a sync has taken the edit in.
    """
    planned = dict(plan.bullets)
    standing = bullets_of(text, {*planned, *plan.base})
    written = {item_id: text for item_id, text in standing.items() if planned.get(item_id) == text}
    removed = {item_id for item_id in plan.removed if item_id not in standing}
    kept = {item_id: text for item_id, text in plan.base.items() if item_id not in removed}
    return {**kept, **written}


def bullets_of(text: str, known: Collection[str] = ()) -> Mapping[str, str]:
    """Each item id of a file with its bullet's text as it stands; of a doubled id, the first."""
    found: dict[str, str] = {}
    for bullet in parse(text, known).bullets:
        if bullet.id is not None:
            found.setdefault(bullet.id, bullet.text)
    return found


def summary_base(text: str, plan: CategoryPlan) -> str:
    """The `previous_summary` to keep after a merge: the plan's, if it is what stands in the file."""
    standing = _summary_block(parse(text))
    shown = _block_text(standing)
    return plan.summary if shown == neutral_line(plan.summary) else plan.previous_summary


def description_base(text: str, plan: CategoryPlan) -> str:
    """The `previous_description` to keep after a merge."""
    return (
        plan.description if parse(text).get("description") == plan.description else plan.previous_description
    )


def _from_scratch(plan: CategoryPlan) -> str:
    head = [
        "---",
        f"topic: {scalar(plan.title or plan.topic)}",
        f"description: {scalar(plan.description)}",
        f"updated_at: {timestamp(plan.updated_at)}",
        "---",
        f"# {heading_text(plan.title or plan.topic)}",
    ]
    summary = neutral_line(plan.summary)
    page = "\n".join([*head, *(["", summary] if summary else []), ""])
    return _Merge(parse(page), replace(plan, previous_summary=plan.summary)).result(page)


def slot_key(slot: str) -> str:
    """Slots are the same when their headings read the same, capitals aside."""
    return _kept_key(slot) if len(slot) <= LONGEST_KEPT else _key_of(slot)


def _key_of(slot: str) -> str:
    return heading_name(f"## {heading_text(slot)}").casefold()


_kept_key = lru_cache(maxsize=KEPT)(_key_of)


def _title_section(document: Document) -> Section:
    """The section of `# topic`; what stands before any heading where there is none."""
    return next((found for found in document.sections if found.level == 1), document.sections[0])


def _summary_block(document: Document) -> Block | None:
    """The first paragraph in the title's section, if anything but bullets stands there."""
    return next((block for block in _title_section(document).blocks if block.kind == "other"), None)


def _block_text(block: Block | None) -> str:
    return "\n".join(line.text.strip(" \t") for line in block.lines) if block else ""


def _prefix(block: Block) -> str:
    """Indentation, marker and space that make a new bullet a sibling of this one."""
    prefix = block.bullets[0].prefix
    bare = prefix.rstrip(" \t")
    return prefix if 1 <= len(prefix) - len(bare) <= 4 else bare + " "


def _is_indented(heading: Line | None) -> bool:
    """Far enough to belong to a bullet above it."""
    return heading is not None and heading.text.startswith("  ")


class _Merge:
    """One merge: which lines are rewritten or dropped (None), and which are inserted after which line."""

    def __init__(self, document: Document, plan: CategoryPlan) -> None:
        self.document, self.plan = document, plan
        self.lines = {line.number: line for line in document.lines}
        blocks = [block for section in document.sections for block in section.blocks]
        self.prose = {block.lines[0].number for block in blocks if block.kind == "other"}
        self.standing: dict[str, list[Bullet]] = {}
        for bullet in document.bullets:
            if bullet.id is not None:
                self.standing.setdefault(bullet.id, []).append(bullet)
        self.known = {*plan.base, *(item_id for item_id, _ in plan.bullets)}
        self.rewritten: dict[int, str | None] = {}
        self.inserted: dict[int, list[str]] = {}

    def result(self, current: str) -> str:
        self._update_bullets()
        self._update_summary()
        self._update_field("description", self.plan.previous_description, self.plan.description)
        self._insert_bullets()
        if not self.rewritten and not self.inserted:
            return current
        self._set_field("updated_at", timestamp(self.plan.updated_at))
        return self._text()

    def _update_bullets(self) -> None:
        for item_id, text in self.plan.bullets:
            bullet = self._unedited(item_id)
            if bullet is not None and bullet.text != text:
                self.rewritten[bullet.lines[0].number] = _readable(
                    bullet.prefix, text, bullet.suffix, item_id
                )
        ours = {bullet.id: bullet for bullet in map(self._unedited, self.plan.removed) if bullet is not None}
        for bullet in ours.values():
            if ours.keys() >= set(bullet.nested_ids):  # what stands indented below another needs that
                self._drop(bullet)

    def _drop(self, bullet: Bullet) -> None:
        """Take the line out; text glued below it gets a blank line, or it would join what stands above."""
        at = bullet.lines[0].number
        self.rewritten[at] = "" if at + 1 in self.prose else None

    def _unedited(self, item_id: str) -> Bullet | None:
        """The one bullet with this id, if it reads as the machine last wrote it."""
        standing = self.standing.get(item_id, [])
        if len(standing) != 1:
            return None  # absent, or copied by a person: then neither is ours alone
        bullet = standing[0]
        whole = bullet.prefix + bullet.text + bullet.suffix == bullet.lines[0].text and bullet.text
        return bullet if whole and bullet.text == self.plan.base.get(item_id) else None

    def _update_summary(self) -> None:
        block, title = _summary_block(self.document), _title_section(self.document)
        old, new = neutral_line(self.plan.previous_summary), neutral_line(self.plan.summary)
        if block is not None and old and old != new and _block_text(block) == old:
            at = block.lines[0].number
            self.rewritten[at] = new or None
            if not new and not self._filled(at + 1):
                self.rewritten[at + 1] = None
        elif block is None and new and not old and title.heading is not None:
            at = title.heading.number
            self.inserted[at] = ["", new, *([""] if self._filled(at + 1) else [])]

    def _update_field(self, key: str, old: str, new: str) -> None:
        if plain_line(old) != plain_line(new) and self.document.get(key) == plain_line(old):
            self._set_field(key, scalar(new))

    def _set_field(self, key: str, value: str) -> None:
        """Set a front matter field that is there; one that a person took out stays out."""
        found = next((field for field in self.document.fields if field.key == key), None)
        if found is not None:
            self.rewritten[found.line.number] = f"{key}: {value}"

    def _insert_bullets(self) -> None:
        fresh: dict[str, list[SlotPlan]] = {}
        seen: set[str] = set()
        for slot in self.plan.slots:
            new = {
                item_id: text
                for item_id, text in slot.bullets
                if item_id not in self.standing and item_id not in self.plan.base and item_id not in seen
            }
            seen.update(new)
            section = self._section(slot.name)
            if new and section is not None and not self._would_swallow(section):
                self._insert_into(section, slot, new)
            elif new:
                fresh.setdefault(slot_key(slot.name), []).append(replace(slot, bullets=tuple(new.items())))
        in_order = self._is_machine_written()
        for slots in fresh.values():
            self._insert_section(slots, in_order)

    def _section(self, slot: str) -> Section | None:
        key = slot_key(slot)
        if not key:
            return _title_section(self.document)
        return next((s for s in self.document.sections if s.level == 2 and s.slot.casefold() == key), None)

    def _would_swallow(self, section: Section) -> bool:
        """A first bullet would take in the next heading, if a person indented that."""
        if any(block.kind == "bullet" for block in section.blocks):
            return False
        after = self.document.sections.index(section) + 1
        return after < len(self.document.sections) and _is_indented(self.document.sections[after].heading)

    def _insert_into(self, section: Section, slot: SlotPlan, new: Mapping[str, str]) -> None:
        blocks = [block for block in section.blocks if block.kind == "bullet"]
        if not blocks:
            self._append_to(section, new)
        elif self._is_ours(section):
            self._insert_ranked(blocks, slot, new)
        else:
            self._insert_beside_prose(section, new)

    def _append_to(self, section: Section, new: Mapping[str, str]) -> None:
        filled = [line.number for line in section.lines if line.text.strip(" \t")]
        at = filled[-1] if filled else len(self.document.front)
        below_heading = section.heading is not None and at == section.heading.number and section.level == 2
        self._insert(at, [*([] if below_heading else [""]), *_bullet_lines("- ", new)])

    def _insert_ranked(self, blocks: Sequence[Block], slot: SlotPlan, new: Mapping[str, str]) -> None:
        """Among bullets that are all the machine's: after the next better one that stands here."""
        block_of = {bullet.id: block for block in blocks for bullet in block.bullets}
        ranked = [item_id for item_id, _ in slot.bullets]
        for rank, item_id in enumerate(ranked):
            if item_id not in new:
                continue
            better = next((block_of[i] for i in reversed(ranked[:rank]) if i in block_of), None)
            worse = next((block_of[i] for i in ranked[rank:] if i in block_of), None)
            line = {item_id: new[item_id]}
            if better is None and worse is not None:
                self._insert(worse.lines[0].number - 1, _bullet_lines(_prefix(worse), line))
            else:
                self._insert_after(better or blocks[-1], line)

    def _insert_beside_prose(self, section: Section, new: Mapping[str, str]) -> None:
        """At the end of the first list that holds an item, never between a bullet and text glued to it."""
        runs: list[list[Block]] = [[]]
        glued: set[int] = set()
        for at, block in enumerate(section.blocks):
            if block.kind == "bullet":
                runs[-1].append(block)
            elif block.kind == "other":
                runs.append([])
                if at and section.blocks[at - 1].kind == "bullet":
                    glued.add(section.blocks[at - 1].lines[0].number)
        lists = [run for run in runs if run]
        run = next((r for r in lists if any(b.id in self.known for k in r for b in k.bullets)), lists[0])
        free = [block for block in run if block.lines[0].number not in glued]
        if free:
            self._insert_after(free[-1], new)
        else:
            self._insert(run[0].lines[0].number - 1, _bullet_lines(_prefix(run[0]), new))

    def _insert_after(self, block: Block, new: Mapping[str, str]) -> None:
        self._insert(block.lines[-1].number, _bullet_lines(_prefix(block), new))

    def _insert_section(self, slots: Sequence[SlotPlan], in_order: bool) -> None:
        """A new slot: in plan order in a file that only the machine wrote, else at the end."""
        texts = [f"## {heading_text(slots[0].name)}"]
        for slot in slots:
            texts.extend(_bullet_lines("- ", dict(slot.bullets)))
        following = self._next_section(slots[0].name) if in_order else None
        at = following.number - 1 if following is not None else len(self.lines)
        before = self.inserted.get(at)
        gap = bool(before[-1]) if before else self._filled(at)
        self._insert(at, [*([""] if gap else []), *texts, *([""] if following is not None else [])])

    def _next_section(self, slot: str) -> Line | None:
        keys = [slot_key(planned.name) for planned in self.plan.slots]
        for later in keys[keys.index(slot_key(slot)) + 1 :]:
            section = self._section(later)
            if later and section is not None and not _is_indented(section.heading):
                return section.heading
        return None

    def _is_ours(self, section: Section) -> bool:
        """Nothing but bullets of known items and blank lines stands under the heading."""
        ids = {bullet.id for bullet in section.bullets}
        return ids <= self.known and all(block.kind != "other" for block in section.blocks)

    def _is_machine_written(self) -> bool:
        keys = {slot_key(slot.name) for slot in self.plan.slots}
        for section in self.document.sections:
            if section.level == 2 and (section.slot.casefold() not in keys or not self._is_ours(section)):
                return False
        others = [b for s in self.document.sections if s.level < 2 for b in s.blocks if b.kind == "other"]
        titles = [section for section in self.document.sections if section.level == 1]
        ours = neutral_line(self.plan.previous_summary)
        return len(titles) == 1 and all(_block_text(block) == ours for block in others)

    def _filled(self, number: int) -> bool:
        return number in self.lines and bool(self.lines[number].text.strip(" \t"))

    def _insert(self, after: int, texts: Sequence[str]) -> None:
        self.inserted.setdefault(after, []).extend(texts)

    def _text(self) -> str:
        """All lines, with the file's usual line end on those that are new, and its last line as it was."""
        ends = Counter([line.end for line in self.lines.values() if line.end])
        usual = ends.most_common(1)[0][0] if ends else "\n"
        out: list[tuple[str, str]] = [(text, usual) for text in self.inserted.get(0, [])]
        last = ""
        for number, line in self.lines.items():
            text, last = self.rewritten.get(number, line.text), line.end
            if text is not None:
                out.append((text, line.end or usual))
            if number in self.inserted:
                out.extend((text, usual) for text in self.inserted[number])
        if not last and out:
            out[-1] = (out[-1][0], "")
        return self.document.bom + "".join([text + end for text, end in out])


def _bullet_lines(prefix: str, new: Mapping[str, str]) -> list[str]:
    return [_readable(prefix, text, f" ^{item_id}", item_id) for item_id, text in new.items()]


def _readable(prefix: str, text: str, suffix: str, item_id: str) -> str:
    """The bullet's line, once it is certain that it reads back as this item and nothing else."""
    line = prefix + text + suffix
    read = bullet_of(line.lstrip(" \t"))
    if read is None or (read.id, read.text) != (item_id, text):
        raise ValueError(f"the text of item {item_id} must come from bullet_text: {text[:80]!r}")
    return line
