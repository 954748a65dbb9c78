"""A category file as a lossless document: `render(parse(text)) == text` for every string.

The file is markdown as people and Obsidian write it. Structure is: front matter, `# topic`, `## slot`
headings and `- text ^blockid` bullets at the top level of a slot. Everything else (prose, tables, code
fences, comments, deeper headings) is kept in blocks of kind "other" and never interpreted. Where a line
belongs is decided as CommonMark does (https://spec.commonmark.org/0.31.2/), in the part that matters here.

Texts must be read with `newline=""`: the line ends are part of what is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from ..models import Entry
from .lines import (
    DEEPEST,
    ITEM_ID,
    Line,
    Mark,
    Problem,
    Scanner,
    column_at,
    conflict_in,
    is_rule,
    list_marker,
    split_lines,
    trailing_ids,
)

BOM = "\ufeff"
_TASK = re.compile(r"\[[^\]]\](?:[ \t]|$)")
_FIELD = re.compile(r"([^\s:#\-][^:]*?)[ \t]*:(?:[ \t]+(.*))?$")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")

_WITHIN_A_LINE = re.compile(r"\^([^\s^]++)(?=[^\S\n]*+\S)")  # whole words: an id's beginning is none
KEPT, LONGEST_KEPT = 32, 65_536
"""How many parsed files are kept, and of how many characters at most: some ten megabytes in all."""

LONG_KEPT, LONGEST_LONG_KEPT = 2, 524_288
"""The same of files above that: those of one write, which looks at each several times."""

LINES_KEPT, LONGEST_LINE_KEPT = 2048, 400
"""The same of bullets of one line: those that a change leaves as they are."""

BlockKind = Literal["bullet", "blank", "other"]


@dataclass(frozen=True, slots=True)
class Bullet:
    """A bullet as an entry: a top-level one, or a nested one that carries an item id.

    `text` has no marker and no block id; continuation lines follow after a newline each, dedented. A
    nested bullet without an id is part of the bullet above it. `lines` are the bullet's own lines;
    `anchor` is the line that carries its id, or would. `foreign` is a block id that a person chose.
    `nested_ids` are the ids of the bullets below this one, which are entries of their own.
    """

    text: str
    id: str | None
    foreign: str | None
    lines: tuple[Line, ...]
    anchor: Line
    prefix: str
    suffix: str
    nested: bool
    task: bool
    nested_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together; a "bullet" block is one top-level bullet with all that hangs below it."""

    kind: BlockKind
    lines: tuple[Line, ...]
    bullets: tuple[Bullet, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """From one `#` or `##` heading to the next; level 0, without a heading, is what stands before them.

    `slot` is the name of a `##` heading as markdown shows it, and "" at levels 0 and 1.
    """

    level: int
    slot: str
    heading: Line | None
    blocks: tuple[Block, ...]

    @property
    def lines(self) -> Iterator[Line]:
        if self.heading is not None:
            yield self.heading
        for block in self.blocks:
            yield from block.lines

    @property
    def bullets(self) -> tuple[Bullet, ...]:
        return tuple([bullet for block in self.blocks for bullet in block.bullets])


@dataclass(frozen=True, slots=True)
class Field:
    """One `key: value` of the front matter; the value is unquoted."""

    key: str
    value: str
    line: Line


@dataclass(frozen=True, slots=True)
class Document:
    bom: str
    front: tuple[Line, ...]
    fields: tuple[Field, ...]
    sections: tuple[Section, ...]
    problem: Problem | None = None

    @property
    def lines(self) -> Iterator[Line]:
        yield from self.front
        for section in self.sections:
            yield from section.lines

    @property
    def bullets(self) -> tuple[Bullet, ...]:
        return tuple([b for section in self.sections for block in section.blocks for b in block.bullets])

    def get(self, key: str) -> str | None:
        """The value of the first front matter field of that name."""
        return next((found.value for found in self.fields if found.key == key), None)


def is_blank(text: str) -> bool:
    """Whether a file says nothing, as one does for a moment while some editors save."""
    return not text.strip(BOM + " \t\r\n")


def parse(text: str, known: Collection[str] = ()) -> Document:
    """Read a category file. Never fails: what is wrong with the file is in `Document.problem`.

    An id counts at the end of a line. One of `known` also counts within a line, for a person types on
    after the id when the cursor stands at the end.
    """
    if len(text) > LONGEST_KEPT:
        read = _parse_long if len(text) <= LONGEST_LONG_KEPT else _parse
        return read(text, _ids_within(text).intersection(known))
    return _parse_kept(text, _kept_ids_within(text).intersection(known))


def _ids_within(text: str) -> frozenset[str]:
    return frozenset(_WITHIN_A_LINE.findall(text))


_kept_ids_within = lru_cache(maxsize=KEPT)(_ids_within)


def ids_within(text: str) -> frozenset[str]:
    """What looks like an id within a line."""
    return _ids_within(text) if len(text) > LONGEST_KEPT else _kept_ids_within(text)


def _parse(text: str, known: frozenset[str]) -> Document:
    bom = BOM if text.startswith(BOM) else ""
    lines = split_lines(text[len(bom) :])
    front_length, problem = _front_length(lines)
    scanner = Scanner()
    marks = [scanner.mark(line) for line in lines[front_length:]]
    front = tuple(lines[:front_length])
    problem = conflict_in(lines) or problem or scanner.problem
    return Document(bom, front, _fields(front), _sections(marks, known), problem)


# A run looks at a file it writes many times: for edits, for what to merge, for what has changed.
_parse_kept = lru_cache(maxsize=KEPT)(_parse)
_parse_long = lru_cache(maxsize=LONG_KEPT)(_parse)


def render(document: Document) -> str:
    """The text that `parse` read, byte for byte."""
    return document.bom + "".join(line.text + line.end for line in document.lines)


def entries(document: Document, topic: str, path: str) -> tuple[Entry, ...]:
    """The file's bullets, in file order: with an id, or at the top level with a text that is no task."""
    return tuple(
        Entry(bullet.text, topic, section.slot, path, bullet.lines[0].number, bullet.id)
        for section in document.sections
        for bullet in section.bullets
        if bullet.id or (bullet.text and not bullet.task)
    )


def bullet_of(line: str) -> Bullet | None:
    """The bullet that a text is, where it is one bullet on one line and nothing else."""
    lines = split_lines(line)
    if len(lines) != 1 or Scanner().mark(lines[0]).kind != "bullet":
        return None
    found = _of_line(line) if len(line) <= LONGEST_LINE_KEPT else _bullet_of_line(line)
    return None if found.nested or found.nested_ids else found


def with_ids(document: Document, ids: Mapping[int, str]) -> str:
    """The text with ids (by the bullet's first line number) given to bullets; no other byte changes."""
    added = {bullet.anchor.number: ids.get(bullet.lines[0].number) for bullet in document.bullets}
    out = [document.bom]
    for line in document.lines:
        new = added.get(line.number)
        out.append((_insert_id(line.text, new) if new else line.text) + line.end)
    return "".join(out)


def unescape(text: str) -> str:
    """The text as markdown shows it, as far as backslashes go."""
    return _ESCAPED.sub(r"\1", text)


def _insert_id(text: str, new: str) -> str:
    """Put an id before a person's own block id, which Obsidian finds only at the very end."""
    bare, ids = trailing_ids(text)
    kept = len(bare) if ids else len(text.rstrip(" \t"))
    return f"{text[:kept]} ^{new}{text[kept:]}"


def _front_length(lines: list[Line]) -> tuple[int, Problem | None]:
    """How many lines the front matter takes.

    When its end was lost, the next `---` far below must not turn every bullet into front matter: a slot
    heading or a bullet with an id on the way shows that it is not closed.
    """
    if not lines or lines[0].text.rstrip(" \t") != "---":
        return 0, None
    for line in lines[1:]:
        if line.text.rstrip(" \t") == "---":
            return line.number, None
        if line.text.startswith("##") or (list_marker(line.text) and trailing_ids(line.text)[1]):
            break
    return 0, Problem(1, "the front matter is not closed: add a line --- after it")


def _fields(front: tuple[Line, ...]) -> tuple[Field, ...]:
    found = ((line, _FIELD.match(line.text.rstrip(" \t"))) for line in front[1:-1])
    return tuple(Field(m.group(1), _scalar(m.group(2) or ""), line) for line, m in found if m)


def _scalar(raw: str) -> str:
    """A YAML scalar on one line, in the quotings that people use."""
    raw = raw.strip(" \t")
    if len(raw) > 1 and raw[0] == raw[-1] == "'":
        return raw[1:-1].replace("''", "'")
    if len(raw) > 1 and raw[0] == raw[-1] == '"':
        try:
            return str(json.loads(raw))
        except ValueError:  # other escapes than JSON has: shown as they stand
            return raw
    return raw


def _sections(marks: list[Mark], known: frozenset[str]) -> tuple[Section, ...]:
    done: list[Section] = []
    heading: Line | None = None
    start = 0
    for at, mark in enumerate(marks):
        if mark.kind == "heading":
            done.append(_section(heading, marks[start:at], known))
            heading, start = mark.line, at + 1
    done.append(_section(heading, marks[start:], known))
    return tuple(done)


def _section(heading: Line | None, marks: list[Mark], known: frozenset[str]) -> Section:
    level = 0 if heading is None else len(heading.text.lstrip(" ").split()[0])
    slot = heading_name(heading.text) if heading is not None and level == 2 else ""
    return Section(level, slot, heading, tuple(_blocks(marks, known)))


def heading_name(text: str) -> str:
    """The name in a heading line, without its hashes and backslashes."""
    name = text.strip(" \t").lstrip("#").strip(" \t")
    bare = name.rstrip("#")
    if not bare or bare[-1] in " \t":  # a closing run of hashes stands apart
        name = bare.rstrip(" \t")
    return unescape(name)


def _blocks(marks: list[Mark], known: frozenset[str]) -> Iterator[Block]:
    """Group the lines: blank lines between a bullet and more of it belong to the bullet."""
    at = 0
    while at < len(marks):
        kind, end = marks[at].kind, at + 1
        if kind == "bullet":
            end = _bullet_end(marks, end)
            group = marks[at:end]
            yield Block("bullet", tuple(mark.line for mark in group), _bullets(group, known))
        else:
            while end < len(marks) and marks[end].kind == kind:
                end += 1
            yield Block("blank" if kind == "blank" else "other", tuple(m.line for m in marks[at:end]))
        at = end


def _bullet_end(marks: list[Mark], end: int) -> int:
    ahead = end
    while ahead < len(marks) and marks[ahead].kind in ("more", "blank"):
        ahead += 1
        if marks[ahead - 1].kind == "more":
            end = ahead
    return end


@dataclass(slots=True)
class _Node:
    """A bullet while its lines are gathered, with the bullets nested in it."""

    content: int
    prefix: str
    nested: bool
    lines: list[tuple[Line, str]] = field(default_factory=list)
    paragraph: bool = True
    ids: list[str] = field(default_factory=list)
    anchor: int = 0
    children: list[_Node] = field(default_factory=list)

    @property
    def id(self) -> str | None:
        return next((found for found in reversed(self.ids) if ITEM_ID.fullmatch(found)), None)

    def add(self, line: Line, text: str, paragraph: bool) -> None:
        """Take a line; within the first paragraph it may carry the id."""
        self.paragraph = self.paragraph and paragraph
        if self.paragraph and not self.ids:
            self.anchor = len(self.lines)
            text, self.ids = trailing_ids(text)
        self.lines.append((line, text.rstrip(" \t")))

    def find_within(self, known: frozenset[str]) -> None:
        """Take a known id that stands within the first line, where somebody typed on after it."""
        line, text = self.lines[0]
        for word in text.split():
            if word[0] == "^" and word[1:] in known:
                before, _, after = text.partition(word)
                self.lines[0] = (line, f"{before.rstrip()} {after.lstrip()}".strip())
                self.ids, self.anchor = [word[1:]], 0
                return


def _bullets(marks: list[Mark], known: frozenset[str]) -> tuple[Bullet, ...]:
    """The entries of one top-level bullet: itself, and the nested bullets that have an id."""
    line, written = marks[0].line, marks[0].written
    if len(marks) == 1 and written is not None:
        text, identity = written
        suffix = line.text[2 + len(text) :]
        return (Bullet(text, identity, None, (line,), line, "- ", suffix, False, False, ()),)
    if len(marks) > 1 or known or len(line.text) > LONGEST_LINE_KEPT:
        return _entries_of(marks, known)
    b = _of_line(line.text)
    ids = b.id, b.foreign
    return (Bullet(b.text, *ids, (line,), line, b.prefix, b.suffix, b.nested, b.task, b.nested_ids),)


def _bullet_of_line(text: str) -> Bullet:
    """The bullet of a line that stands alone."""
    return _entries_of([Mark(Line(1, text, ""), "bullet")], frozenset())[0]


_of_line = lru_cache(maxsize=LINES_KEPT)(_bullet_of_line)


def _entries_of(marks: list[Mark], known: frozenset[str]) -> tuple[Bullet, ...]:
    root = _tree(marks)
    found: list[Bullet] = []
    _flatten(root, known, found)
    return tuple(sorted(found, key=lambda bullet: bullet.lines[0].number))


def _tree(marks: list[Mark]) -> _Node:
    stack: list[_Node] = []
    for mark in marks:
        text = mark.line.text
        bare = text.lstrip(" \t")
        column = column_at(text, len(text) - len(bare))
        marker = None if mark.opaque else list_marker(text)
        if marker:
            _push(stack, column, marker)
            stack[-1].add(mark.line, text[len(marker[2]) :], True)
            continue
        lazy = stack[-1].paragraph and not stack[-1].ids
        while len(stack) > 1 and bare and not lazy and column < stack[-1].content:
            stack.pop()
        top = stack[-1]
        dedented = bare if column <= top.content else " " * (column - top.content) + bare
        top.add(mark.line, dedented, bool(bare) and not mark.opaque and not is_rule(bare))
    return stack[0]


def _push(stack: list[_Node], column: int, marker: tuple[int, int, str]) -> None:
    while len(stack) > 1 and column < stack[-1].content:
        stack.pop()
    del stack[DEEPEST:]
    node = _Node(marker[1], marker[2], nested=bool(stack))
    if stack:
        stack[-1].children.append(node)
        stack[-1].paragraph = False
    stack.append(node)


def _flatten(node: _Node, known: frozenset[str], found: list[Bullet]) -> list[tuple[Line, str]]:
    """Collect the bullets below `node`; returns the lines that stay with the bullet above, if any."""
    if known and not node.ids:
        node.find_within(known)
    own, before = list(node.lines), len(found)
    for child in node.children:
        own.extend(_flatten(child, known, found))
    own.sort(key=lambda pair: pair[0].number)
    if node.nested and node.id is None:
        first, text = node.lines[0]
        own[0] = (first, first.text.strip(" \t") if not node.ids else f"- {text}")
        return own
    found.append(_bullet(node, own, [bullet.id for bullet in found[before:] if bullet.id]))
    return []


def _bullet(node: _Node, own: list[tuple[Line, str]], nested_ids: list[str]) -> Bullet:
    while len(own) > 1 and not own[-1][1] and own[-1][0] is not node.lines[node.anchor][0]:
        own.pop()
    first, text = node.lines[0]
    return Bullet(
        text="\n".join(text for _, text in own).strip("\n"),
        id=node.id,
        foreign=next((found for found in node.ids if not ITEM_ID.fullmatch(found)), None),
        lines=tuple(line for line, _ in own),
        anchor=node.lines[node.anchor][0],
        prefix=node.prefix,
        suffix=first.text[len(node.prefix) + len(text) :],
        nested=node.nested,
        task=bool(_TASK.match(text)),
        nested_ids=tuple(nested_ids),
    )
