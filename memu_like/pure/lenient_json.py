"""JSON as language models write it, read leniently, each character once, and never completed.

What is forgiven has one meaning only: trailing commas, single or typographic quotes, Python's literals,
comments, keys without quotes, line breaks in strings, a comma missing after a closed bracket.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal, cast

from .patterns import lazy

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]

MAX_DEPTH = 64
MAX_DIGITS = 4300
"""As many as Python itself turns into a number (`sys.int_info.default_max_str_digits`)."""

BLANK = " \t\r\n\ufeff\u200b\u00a0"
SKIPPED = lazy(r"(?:[\s\ufeff\u200b]++|//[^\n]*+|#[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+")
QUOTES = "\"'\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b"
"""Quotes that open a text: straight ones end at the same, typographic ones at any of their kind."""
QUOTED = [
    lazy(rf"[^{end}\\]*+(?:\\.[^{end}\\]*+)*+", re.DOTALL)
    for end in ['"', "'", *[QUOTES[2:6]] * 4, *[QUOTES[6:]] * 4]
]
COLONS, COMMAS = ":\uff1a", ",\uff0c"
BARE = lazy(rf"[^\s{COLONS}{COMMAS}{{}}\[\]\"'/#]*+")
KEY = lazy(r"[\w$][\w$.-]*")
NUMBER = lazy(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
LITERALS: dict[str, JSON] = {"true": True, "false": False, "null": None, "none": None}
ESCAPE = lazy(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
BAD_ESCAPE = lazy(r"(?<!\\)(?:\\\\)*\\u(?![0-9a-fA-F]{4})")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": "", **{c: c for c in "\"'/\\"}}
SURROGATE = lazy("[\ud800-\udfff]")


class ReplyError(ValueError):
    """A reply that cannot be used, in one line. `cut` is True where the JSON ends before it is complete."""

    def __init__(self, reason: str, *, cut: bool = False) -> None:
        self.cut = cut
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Found:
    """Something between two brackets: `value` is what of it is complete, `error` what is wrong with it."""

    start: int
    end: int
    value: JSON
    error: ReplyError | None = None

    @property
    def rank(self) -> tuple[bool, int, int]:
        value = self.value
        objects = isinstance(value, dict) or (
            isinstance(value, list) and any(isinstance(v, dict) for v in value)
        )
        return objects or self.error is not None, self.end - self.start, self.start


def whole(text: str) -> str:
    """Surrogates in pairs become their character, lone ones U+FFFD: they could not be written to a file."""
    if not SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class _Wrong(Exception):
    """Where the reader stands, the text is no JSON."""


class _Ended(Exception):
    """The text ends before the JSON does."""


@dataclass(slots=True)
class _Open:
    """A bracket that is not closed yet. `key` waits for its value; `full` once a comma must follow."""

    value: list[JSON] | dict[str, JSON]
    closer: str
    key: str | None = None
    full: bool = False

    @property
    def place(self) -> str:
        if isinstance(self.value, list):
            return f"[{len(self.value)}]"
        return "" if self.key is None else f".{shown(self.key)}"


class Reader:
    """Reads one object or list with a stack of its own, each character once."""

    def __init__(self, text: str, start: int) -> None:
        self.text, self.start, self.at = text, start, start
        self.stack: list[_Open] = []
        self.root: JSON = None
        self.began = False
        self.last: Literal["bracket", "text", "word"] = "word"

    def read(self) -> Found | None:
        """What begins at `start`; None where it is a bracket in prose."""
        try:
            self._open()
            while self.stack:
                self._step()
        except _Wrong as wrong:
            if not self.began:
                return None
            return self._found(ReplyError(f"{wrong} at character {self.at + 1}{self._place('in')}"))
        except _Ended:
            if not self.began and not self._begins_a_line():
                return None
            reason = f"the JSON ends at character {len(self.text)}{self._place('in the middle of')}"
            return self._found(ReplyError(reason, cut=True))
        return Found(self.start, self.at, self.root)

    def _found(self, error: ReplyError) -> Found:
        return Found(self.start, len(self.text), self._complete(), error)

    def _complete(self) -> JSON:
        """The complete members of the outer objects, and the complete elements of the first open list."""
        depth = next((i for i, one in enumerate(self.stack) if isinstance(one.value, list)), 0)
        value: JSON = self.stack[depth].value
        for outer in reversed(self.stack[:depth]):
            value = {**cast("dict[str, JSON]", outer.value), outer.key or "": value}
        return value

    def _begins_a_line(self) -> bool:
        return not self.text[self.text.rfind("\n", 0, self.start) + 1 : self.start].strip(BLANK)

    def _place(self, word: str) -> str:
        path = "".join(one.place for one in self.stack).removeprefix(".")
        return f" {word} '{shown(path, 80)}'" if path else ""

    def _char(self) -> str:
        """The next character that means something. Raises _Ended."""
        self.at = cast("re.Match[str]", SKIPPED.match(self.text, self.at)).end()
        if self.at == len(self.text) or self.text.startswith("/*", self.at):
            raise _Ended
        return self.text[self.at]

    def _step(self) -> None:
        top, char = self.stack[-1], self._char()
        if char == top.closer and top.key is None:
            self._close()
        elif top.full:
            self._comma(top, char)
        elif isinstance(top.value, dict) and top.key is None:
            top.key = self._key(char)
            if self._char() not in COLONS:
                raise _Wrong(f"':' is missing after the key '{shown(top.key)}'")
            self.began = True
            self.at += 1
        elif char in "{[":
            self._open()
        else:
            quoted = char in QUOTES
            self._put(self._string(char) if quoted else self._word())
            self.last = "text" if quoted else "word"

    def _comma(self, top: _Open, char: str) -> None:
        wanted = "{[" if isinstance(top.value, list) else QUOTES
        if char in COMMAS:
            self.at += 1
        elif not (self.last == "bracket" and char in wanted):
            hint = ", or a quote within the text has no backslash" if self.last == "text" else ""
            raise _Wrong(f"',' or '{top.closer}' is missing{hint}")
        top.full = False

    def _open(self) -> None:
        if len(self.stack) == MAX_DEPTH:
            raise _Wrong(f"brackets are nested more than {MAX_DEPTH} deep")
        self.began = bool(self.stack)
        self.stack.append(_Open({}, "}") if self.text[self.at] == "{" else _Open([], "]"))
        self.at += 1

    def _close(self) -> None:
        self.root = self.stack.pop().value
        self.at += 1
        if self.stack:
            self._put(self.root)
        self.last = "bracket"

    def _put(self, value: JSON) -> None:
        top = self.stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        else:
            top.value[top.key or ""] = value
        top.key, top.full, self.began = None, True, True

    def _key(self, char: str) -> str:
        if char in QUOTES:
            return self._string(char)
        word = self._bare()
        if not KEY.fullmatch(word):
            raise _Wrong(f"a key should stand here, not '{shown(word or char)}'")
        self.at += len(word)
        return word

    def _string(self, quote: str) -> str:
        self.began = True
        found = cast("re.Match[str]", QUOTED[QUOTES.index(quote)].match(self.text, self.at + 1))
        if found.end() == len(self.text) or self.text[found.end()] == "\\":
            raise _Ended
        body = found[0]
        if "\\" in body:
            if BAD_ESCAPE.search(body):
                raise _Wrong("a \\u escape without four hex digits")
            body = whole(ESCAPE.sub(_unescaped, body))
        self.at = found.end() + 1
        return body

    def _bare(self) -> str:
        word = cast("re.Match[str]", BARE.match(self.text, self.at))[0]
        if self.at + len(word) == len(self.text):
            raise _Ended
        return word

    def _word(self) -> JSON:
        word = self._bare()
        if word.lower() in LITERALS:
            value: JSON = LITERALS[word.lower()]
        elif not NUMBER.fullmatch(word):
            raise _Wrong(f"a JSON value should stand here, not '{shown(word or self.text[self.at])}'")
        elif len(word) > MAX_DIGITS:
            raise _Wrong("a number is too long")
        else:
            value = int(word) if word.lstrip("+-").isdigit() else float(word)
            if isinstance(value, float) and not math.isfinite(value):
                raise _Wrong("a number is too large")
        self.at += len(word)
        return value


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return ESCAPES.get(code, "\\" + code)


def shown(text: str, size: int = 40) -> str:
    """`text` in an error: one line, short."""
    line = " ".join(text.split())
    return line if len(line) <= size else line[: size - 3] + "..."
