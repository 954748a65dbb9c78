"""The parts of a category file by the keys that they are known by in three copies of it."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from .lines import Line
from .markdown import Block, Document, Section, parse

Key = tuple[object, ...]
PartKind = Literal["front", "heading", "bullet", "other"]
TOP: Key = ("section", 0, "", 0)
TITLE: Key = ("section", 1, "", 0)
SUMMARY: Key = ("summary",)
ALIKE = 0.5
"""The share of lines, or of a single line's words, from which a block is another one as somebody edited it;
and the share of a section's entries from which a section is another one as somebody renamed it."""
MAX_PAIRS = 10_000
"""How many pairs of blocks of one section are compared: above that an edited one is a new one."""

_FOUND_ID = re.compile(r"(?<=[ \t])\^([a-z0-9]{4,12})(?=[ \t]*(?:\^|[\r\n]|\Z))")
_MARKED_ID = re.compile(r"[ \t]*(?<!\S)\^([a-z0-9]{4,12})(?!\S)")
_LINE_END = re.compile(r"\r\n|\n|\r")
_SIGNS = re.compile(r"[\s.,;:!?'\"’“”()-]+")


def found_ids(texts: Iterable[str]) -> frozenset[str]:
    """The ids at the ends of lines: in another copy somebody may have typed on behind one."""
    return frozenset(found for text in texts for found in _FOUND_ID.findall(text))


def line_end(text: str) -> str:
    """The end of the first line; "" where there is none."""
    found = _LINE_END.search(text)
    return found.group() if found else ""


def fold(text: str) -> str:
    """Equal for texts that differ only in capitals, spacing and punctuation."""
    return _SIGNS.sub(" ", text.casefold()).strip()


@dataclass(frozen=True, slots=True)
class Part:
    """Lines that stay together. `said` are the bullets in it that have an id, with their texts."""

    key: Key
    kind: PartKind
    lines: tuple[Line, ...]
    texts: tuple[str, ...]
    bare: str = ""
    said: tuple[tuple[str, str], ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(bullet_id for bullet_id, _ in self.said)

    @property
    def folded(self) -> str:
        return fold(self.bare)

    def reading(self, texts: Sequence[str]) -> Part:
        """The same part with other lines."""
        found = parse("\n".join(texts) + "\n")
        blocks = [block for section in found.sections for block in section.blocks if block.kind != "blank"]
        made = part_of(self.key, blocks[0]) if len(blocks) == 1 else self
        lines = tuple(Line(0, text, "") for text in texts)
        return replace(made, kind=self.kind, lines=lines, texts=tuple(texts))

    def beside(self) -> Part:
        """The same as a second part, that stands directly below another with its key."""
        return replace(self, key=(*self.key, "beside"))


def part_of(key: Key, block: Block) -> Part:
    texts = tuple(line.text for line in block.lines)
    if block.kind != "bullet":
        return Part(key, "other", block.lines, texts, "\n".join(texts))
    said = tuple((bullet.id, bullet.text) for bullet in block.bullets if bullet.id)
    return Part(key, "bullet", block.lines, texts, "\n".join(b.text for b in block.bullets), said)


def stripped(part: Part, gone: set[str]) -> Part:
    """The part without these ids, and with any other once."""
    if not gone and len(set(part.ids)) == len(part.ids):
        return part
    seen = set(gone)

    def once(found: re.Match[str]) -> str:
        before = len(seen)
        seen.add(found.group(1))
        return found.group() if len(seen) > before else ""

    return part.reading([_MARKED_ID.sub(once, text) for text in part.texts])


@dataclass(slots=True)
class Side:
    """One copy: its parts, the section that each stands in, and the blank lines between neighbours."""

    parts: dict[Key, Part] = field(default_factory=dict)
    home: dict[Key, Key] = field(default_factory=dict)
    members: dict[Key, list[Key]] = field(default_factory=dict)
    headings: dict[Key, Part] = field(default_factory=dict)
    gaps: dict[tuple[Key | None, Key], tuple[Line, ...]] = field(default_factory=dict)
    trailing: tuple[Line, ...] = ()
    fence: tuple[Line, Line] | None = None
    fields: dict[Key, tuple[Line, ...]] = field(default_factory=dict)

    def renamed(self, names: Mapping[Key, Key]) -> Side:
        """The same side with other keys for some of its parts."""
        if not names:
            return self
        return replace(
            self,
            parts={names.get(k, k): replace(p, key=names.get(k, k)) for k, p in self.parts.items()},
            home={names.get(k, k): home for k, home in self.home.items()},
            members={home: [names.get(k, k) for k in keys] for home, keys in self.members.items()},
            gaps={(a and names.get(a, a), names.get(b, b)): gap for (a, b), gap in self.gaps.items()},
        )


def matched(base: Document, ours: Document, theirs: Document) -> tuple[Side, Side, Side]:
    """The three sides, with one key for what is the same part in several."""
    names = _renamed_sections(base, ours, theirs)
    summary = _summary(base, None)
    one, two, three = (
        _side(document, name, _summary(document, summary))
        for document, name in zip((base, ours, theirs), ({}, *names), strict=True)
    )
    two = two.renamed(_edited(one, two))
    three = three.renamed(_edited(one, three))
    return one, two, three.renamed(_same_additions(one, two, three))


# -- sections


def _section_keys(document: Document) -> list[Key]:
    counts: dict[tuple[int, str], int] = defaultdict(int)
    keys: list[Key] = []
    titled = False
    for section in document.sections:
        name = _name(section)
        if section.level == 1 and not titled:
            name, titled = "", True
        keys.append(("section", section.level, name, counts[section.level, name]))
        counts[section.level, name] += 1
    return keys


def _name(section: Section) -> str:
    if section.level == 2:
        return section.slot.casefold()
    return section.heading.text.strip("# \t").casefold() if section.heading is not None else ""


def _renamed_sections(
    base: Document, ours: Document, theirs: Document
) -> tuple[dict[Key, Key], dict[Key, Key]]:
    """For each side, its key of a heading that somebody renamed -> the key it has in base."""
    contents = [_contents(document) for document in (base, ours, theirs)]
    found = [_renames(contents[0], side) for side in contents[1:]]
    kept = []
    for own, other, there in ((found[0], found[1], contents[2]), (found[1], found[0], contents[1])):
        # A heading of that name which the other side has besides is another section.
        kept.append({new: old for new, old in own.items() if new not in there or other.get(new) == old})
    return kept[0], kept[1]


def _contents(document: Document) -> dict[Key, set[str]]:
    """What each section holds: ids, and the words of what has none."""
    return {
        key: {bullet.id or fold(bullet.text) for bullet in section.bullets}
        for key, section in zip(_section_keys(document), document.sections, strict=True)
    }


def _renames(base: Mapping[Key, set[str]], side: Mapping[Key, set[str]]) -> dict[Key, Key]:
    gone = [key for key in base if key not in side and key[1] == 2]
    found: dict[Key, Key] = {}
    for new in (key for key in side if key not in base and key[1] == 2):
        alike = [old for old in gone if old not in found.values() and _mostly(base[old], side[new])]
        if alike:
            found[new] = max(alike, key=lambda old: len(base[old] & side[new]))
    return found


def _mostly(old: set[str], new: set[str]) -> bool:
    shared = len(old & new)
    return shared > 0 and shared >= ALIKE * len(old)


# -- one side


def _summary(document: Document, base: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The lines of the paragraph under the title: base's where it stands further down by now."""
    found = [
        tuple(line.text for line in block.lines)
        for key, section in zip(_section_keys(document), document.sections, strict=True)
        for block in section.blocks
        if key == TITLE and block.kind == "other"
    ]
    if base is not None and base in found:
        return base
    return found[0] if found else None


def _side(document: Document, names: Mapping[Key, Key], summary: tuple[str, ...] | None) -> Side:
    side = Side()
    _read_front(side, document)
    counts: dict[Key, int] = defaultdict(int)
    previous: Key | None = ("front",) if document.front else None
    blanks: list[Line] = []

    def follow(key: Key) -> None:
        nonlocal previous
        side.gaps[previous, key] = tuple(blanks)
        blanks.clear()
        previous = key

    for own, section in zip(_section_keys(document), document.sections, strict=True):
        home = names.get(own, own)
        side.members.setdefault(home, [])
        if section.heading is not None:
            text = section.heading.text
            side.headings[home] = Part(home, "heading", (section.heading,), (text,), text)
            follow(home)
        for block in section.blocks:
            if block.kind == "blank":
                blanks += block.lines
                continue
            key = _numbered(_block_key(block, home, summary), counts)
            side.parts[key], side.home[key] = part_of(key, block), home
            side.members[home].append(key)
            follow(key)
    side.trailing = tuple(blanks)
    return side


def _block_key(block: Block, home: Key, summary: tuple[str, ...] | None) -> Key:
    """The block id of a bullet, else the words in their section."""
    if block.kind == "bullet":
        found = next((bullet.id for bullet in block.bullets if bullet.id), None)
        if found is not None:
            return ("id", found)
    texts = tuple(line.text for line in block.lines)
    if home == TITLE and block.kind == "other" and texts == summary:
        return SUMMARY
    return ("text", home, block.kind, texts)


def _numbered(key: Key, counts: dict[Key, int]) -> Key:
    """A second part with the same key is another part."""
    counts[key] += 1
    return key if counts[key] == 1 else (*key, counts[key])


def _read_front(side: Side, document: Document) -> None:
    """The fields, each with the lines below it that are none, as lists have."""
    if not document.front:
        return
    side.fence = document.front[0], document.front[-1]
    starts = {one.line.number: one.key for one in document.fields}
    counts: dict[Key, int] = defaultdict(int)
    key: Key = ("",)
    for line in document.front[1:-1]:
        if line.number in starts:
            key = _numbered((starts[line.number],), counts)
        side.fields[key] = (*side.fields.get(key, ()), line)


# -- the same part under two keys


def _edited(base: Side, side: Side) -> dict[Key, Key]:
    """The side's keys of parts without an id in base -> their keys there: given an id, moved, or reworded."""
    gone = [key for key in base.parts if key not in side.parts and key[0] == "text"]
    new = [key for key in side.parts if key not in base.parts]
    found = _same_words(base, gone, side, new)
    left: dict[tuple[Key, str], list[Key]] = defaultdict(list)
    for key in gone:
        if key not in found.values():
            left[base.home[key], base.parts[key].kind].append(key)
    texts: dict[tuple[Key, str], list[Key]] = defaultdict(list)
    for key in new:
        if key[0] == "text" and key not in found:
            texts[side.home[key], side.parts[key].kind].append(key)
    for place, olds in left.items():
        if len(olds) * len(texts[place]) <= MAX_PAIRS:
            found |= _reworded(base, olds, side, texts[place])
    return found


def _same_words(base: Side, gone: Sequence[Key], side: Side, new: Sequence[Key]) -> dict[Key, Key]:
    """Bullets by their words, one for one."""
    waiting: dict[str, deque[Key]] = defaultdict(deque)
    for key in gone:
        if base.parts[key].kind == "bullet":
            waiting[base.parts[key].folded].append(key)
    found: dict[Key, Key] = {}
    for key in new if waiting else ():
        if side.parts[key].kind == "bullet" and waiting[folded := side.parts[key].folded]:
            found[key] = waiting[folded].popleft()
    return found


def _reworded(base: Side, olds: Sequence[Key], side: Side, news: Sequence[Key]) -> dict[Key, Key]:
    found: dict[Key, Key] = {}
    free = list(news)
    for old in olds:
        alike = next((key for key in free if _alike(base.parts[old], side.parts[key])), None)
        if alike is not None:
            free.remove(alike)
            found[alike] = old
    return found


def _alike(old: Part, new: Part) -> bool:
    several = len(old.texts) > 1 and len(new.texts) > 1
    one, other = (set(part.texts if several else part.folded.split()) for part in (old, new))
    return len(one & other) >= ALIKE * max(1, min(len(one), len(other)))


def _same_additions(base: Side, ours: Side, theirs: Side) -> dict[Key, Key]:
    """Their keys of bullets that both sides added in the same words -> our keys of them."""
    mine = [key for key in ours.parts if key not in base.parts and key not in theirs.parts]
    new = [key for key in theirs.parts if key not in base.parts and key not in ours.parts]
    return _same_words(ours, mine, theirs, new)
