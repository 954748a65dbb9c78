"""What each line of a markdown file is: a heading, a bullet, more of it, blank, or a person's own.

Where a line belongs is decided as CommonMark does (https://spec.commonmark.org/0.31.2/), in the part that
matters to a category file. Every pattern here is tried at one place only, so that time stays linear in a
line's length whatever the line is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

ITEM_ID = re.compile(r"[a-z0-9]{4,12}")
"""Our block ids. Obsidian also allows capitals, '-' and other lengths: such ids are a person's own."""

DEEPEST = 8
"""How many list markers are followed on one line (`- - - x`), and how many block ids at its end."""

KEPT, LONGEST_KEPT = 2048, 400
"""How many lines' looks are kept, and of how many characters at most: a file is read again whenever a bullet
of it changes, and all its other lines are the same."""

_MARKERS = frozenset("-*+")
_BREAK = re.compile(r"(\r\n|\n|\r)")
_BLOCK_ID = re.compile(r"\^([A-Za-z0-9-]+)")
_HEADING = re.compile(r"(#{1,6})(?=[ \t]|$)")
_BULLET = re.compile(r"[-*+](?:[ \t]+|$)")
_THEMATIC = re.compile(r"([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_FENCE = re.compile(r"(`{3,})[^`]*$|(~{3,})")
_RAW_HTML = re.compile(r"<(pre|script|style|textarea)(?=[\s>]|$)", re.IGNORECASE)
_RAW_HTML_END = re.compile(r"</(pre|script|style|textarea)>", re.IGNORECASE)
_INTERRUPTS = re.compile(r">|\||<[A-Za-z/!?]|1[.)][ \t]|%%")
_MACHINE_BULLET = re.compile(r"- ([^\W\d_][^^]*(?<![ \t])) \^([a-z0-9]{4,12})")
_CONFLICT = re.compile(r"(<{7}|\|{7}|>{7})(?: |$)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `number` counts from 1; `end` is its line end, "" on a last line that has none."""

    number: int
    text: str
    end: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a machine must not write this file: its structure cannot be told until a person mends it."""

    line: int
    reason: str


def split_lines(text: str) -> list[Line]:
    parts = _BREAK.split(text)
    lines = [Line(at // 2 + 1, parts[at], parts[at + 1]) for at in range(0, len(parts) - 1, 2)]
    if parts[-1]:
        lines.append(Line(len(lines) + 1, parts[-1], ""))
    return lines


def conflict_in(lines: list[Line]) -> Problem | None:
    for line in lines:
        if line.text[:1] in ("<", ">", "|") and _CONFLICT.match(line.text):
            return Problem(line.number, "a merge conflict marker stands here: resolve the conflict first")
    return None


def column_at(text: str, length: int) -> int:
    """The column after the first `length` characters; tab stops are 4 wide, as in CommonMark."""
    return len(text[:length].expandtabs(4)) if "\t" in text[:length] else length


def trailing_ids(text: str) -> tuple[str, list[str]]:
    """The text before the block ids at its end, and the ids from left to right."""
    rest, ids = _kept_ids(text) if len(text) <= LONGEST_KEPT else _trailing_ids(text)
    return rest, list(ids)


def _trailing_ids(text: str) -> tuple[str, tuple[str, ...]]:
    ids: list[str] = []
    rest = text.rstrip(" \t")
    while len(ids) < DEEPEST:
        start = max(rest.rfind(" "), rest.rfind("\t")) + 1
        found = _BLOCK_ID.fullmatch(rest, start)
        if not found:
            break
        ids.insert(0, found.group(1))
        rest = rest[:start].rstrip(" \t")
    return (rest, tuple(ids)) if ids else (text, ())


_kept_ids = lru_cache(maxsize=KEPT)(_trailing_ids)


def is_rule(text: str) -> bool:
    """A thematic break: `---`, `* * *`."""
    return bool(_THEMATIC.match(text.lstrip(" \t")))


def list_marker(text: str) -> tuple[int, int, str] | None:
    """For a line that starts a bullet: the columns of its marker and of its content, and the prefix."""
    return _kept_marker(text) if len(text) <= LONGEST_KEPT else _list_marker(text)


def _list_marker(text: str) -> tuple[int, int, str] | None:
    bare = text.lstrip(" \t")
    marker = _BULLET.match(bare)
    if not marker or _THEMATIC.match(bare):
        return None
    indent = len(text) - len(bare)
    prefix = text[: indent + marker.end()]
    column = column_at(text, indent)
    content = column_at(text, len(prefix))
    empty_or_code = len(prefix) == len(text) or content - column > 5
    return column, column + 2 if empty_or_code else content, prefix


_kept_marker = lru_cache(maxsize=KEPT)(_list_marker)


@dataclass(slots=True)
class _Opaque:
    """A construct whose inside is no structure. `container`: the content column of the bullet around it."""

    start: int
    container: int
    kind: str
    length: int = 0

    def closed_by(self, content: str) -> bool:
        if self.kind in "`~":
            bare = content.strip(" \t")
            return len(bare) >= self.length and not bare.strip(self.kind)
        if self.kind == "html":
            return bool(_RAW_HTML_END.search(content))
        return self.kind in content


def _opening(content: str, line: int, container: int) -> _Opaque | None:
    """The opaque construct that this text opens and does not close."""
    fence = _FENCE.match(content)
    if fence:
        run = fence.group(1) or fence.group(2)
        return _Opaque(line, container, run[0], len(run))
    for opener, kind, skip in (("<!--", "-->", 2), ("%%", "%%", 2)):
        if content.startswith(opener):
            return None if kind in content[skip:] else _Opaque(line, container, kind)
    if _RAW_HTML.match(content) and not _RAW_HTML_END.search(content):
        return _Opaque(line, container, "html")
    return None


@dataclass(frozen=True, slots=True)
class Mark:
    """What a line is: a heading, a bullet's first line, more of that bullet, blank, or other text.

    `written` are the text and the id of a bullet that stands as the machine writes most: words, and their id.
    """

    line: Line
    kind: Literal["heading", "bullet", "more", "blank", "other"]
    opaque: bool = False
    written: tuple[str, str] | None = None


@dataclass(slots=True)
class Scanner:
    """Goes through the lines once and says what each one is."""

    opaque: _Opaque | None = None
    bullet: int | None = None
    in_paragraph: bool = False
    """Within the bullet's first paragraph, and its block id has not come yet."""

    @property
    def problem(self) -> Problem | None:
        if self.opaque is None or self.opaque.container:
            return None  # what is open within a bullet ends with the bullet
        what = "code fence" if self.opaque.kind in "`~" else "comment or raw HTML block"
        return Problem(self.opaque.start, f"the {what} that starts here is not closed")

    def mark(self, line: Line) -> Mark:
        if self.opaque is None and line.text[:1] in _MARKERS:
            # Nearly all lines of a file: what the rules below say of them is known beforehand.
            written = _MACHINE_BULLET.fullmatch(line.text)
            if written:
                self.bullet, self.in_paragraph = 2, False
                return Mark(line, "bullet", False, (written[1], written[2]))
            found = _plain_bullet(line.text) if len(line.text) <= LONGEST_KEPT else None
            if found is not None:
                self.bullet, self.in_paragraph = found
                return Mark(line, "bullet")
        return self._mark(line)

    def _mark(self, line: Line) -> Mark:
        bare = line.text.lstrip(" \t")
        column = column_at(line.text, len(line.text) - len(bare))
        if self.opaque and bare and column < self.opaque.container:
            self.opaque = None
        if self.opaque:
            self.in_paragraph = False
            if self.opaque.closed_by(bare):
                self.opaque = None
            return Mark(line, "other" if self.bullet is None else "more", opaque=True)
        if not bare:
            self.in_paragraph = False
            return Mark(line, "blank")
        return self._visible(line, bare, column)

    def _visible(self, line: Line, bare: str, column: int) -> Mark:
        if self.bullet is not None and (column >= self.bullet or self._continues(bare, column)):
            return self._inside(line, "more")
        heading, marker = _HEADING.match(bare), list_marker(line.text)
        if marker and column <= 3:
            self.bullet = marker[1]
            return self._inside(line, "bullet")
        self.bullet = None
        if heading and column <= 3:
            return Mark(line, "heading" if len(heading.group()) <= 2 else "other")
        # An indented line after a blank one is code; after text it continues that text.
        self.opaque = _opening(bare, line.number, 0) if column <= 3 else None
        return Mark(line, "other", opaque=self.opaque is not None)

    def _inside(self, line: Line, kind: Literal["bullet", "more"]) -> Mark:
        """A line within a bullet; what opens behind its markers ends with the bullet."""
        rest, container, ids = line.text, self.bullet or 0, trailing_ids(line.text)[1]
        for _ in range(DEEPEST):
            marker = list_marker(rest)
            if not marker:
                break
            rest = rest[len(marker[2]) :]
        self.opaque = _opening(rest.lstrip(" \t"), line.number, container)
        goes_on = kind == "bullet" or (self.in_paragraph and rest is line.text and not is_rule(rest))
        self.in_paragraph = goes_on and not ids and self.opaque is None and bool(rest.strip(" \t"))
        return Mark(line, kind, opaque=kind == "more" and self.opaque is not None)

    def _continues(self, bare: str, column: int) -> bool:
        """A paragraph's next line need not be indented; but a line with the block id ends the paragraph."""
        if not self.in_paragraph:
            return False
        starts_block = _HEADING.match(bare) or _BULLET.match(bare) or _THEMATIC.match(bare)
        return not (column <= 3 and (starts_block or _FENCE.match(bare) or _INTERRUPTS.match(bare)))


@lru_cache(maxsize=KEPT)
def _plain_bullet(text: str) -> tuple[int | None, bool] | None:
    """What a scanner holds after a bullet that starts at the margin and opens nothing; None for other lines.

    It is the same whatever stands above, for such a line neither continues a paragraph nor a bullet.
    """
    scanner = Scanner()
    mark = scanner._mark(Line(1, text, ""))
    plain = mark.kind == "bullet" and scanner.opaque is None
    return (scanner.bullet, scanner.in_paragraph) if plain else None
