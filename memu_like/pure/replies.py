"""Replies of a language model to values: a tolerant reader of JSON that adds nothing of its own.

What it forgives has one meaning only: code fences and prose around the JSON, trailing commas, single or
typographic quotes, Python's literals, comments, keys without quotes, line breaks in strings, a comma missing
after a closed bracket. All else is a ReplyError whose text can be shown to the model. JSON that ends early is
never completed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

from .patterns import lazy

if TYPE_CHECKING:
    from pydantic import BaseModel

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
Model = TypeVar("Model", bound="BaseModel")

MAX_CHARACTERS = 500_000
MAX_DEPTH = 64
MAX_STARTS = 200
"""Brackets in prose that lead to no JSON, after which the search for some is given up: it stays linear."""
MAX_VALUES = 2000
MAX_DIGITS = 400

BLANK = " \t\r\n\ufeff\u200b\u00a0"
START = lazy(r"[{\[]")
FENCE = lazy(r"\n[ \t]*(?:```|~~~)[^\n]*\n(?=[ \t]*[{\[])")
SKIPPED = lazy(r"(?:[\s\ufeff\u200b]++|//[^\n]*+|#[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+")
QUOTES = "\"'\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b"
"""Quotes that open a text: straight ones end at the same, typographic ones at any of their kind."""
QUOTED = [
    lazy(rf"[^{end}\\]*+(?:\\.[^{end}\\]*+)*+", re.DOTALL)
    for end in ['"', "'", *[QUOTES[2:6]] * 4, *[QUOTES[6:]] * 4]
]
BARE = lazy(r"[^\s,:{}\[\]\"'/#]*+")
KEY = lazy(r"[\w$][\w$.-]*")
NUMBER = lazy(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
LITERALS: dict[str, JSON] = {"true": True, "false": False, "null": None, "none": None}
ESCAPE = lazy(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
BAD_ESCAPE = lazy(r"(?<!\\)(?:\\\\)*\\u(?![0-9a-fA-F]{4})")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": "", **{c: c for c in "\"'/\\"}}
SURROGATE = lazy("[\ud800-\udfff]")
SURROGATE_ESCAPE = lazy(r"\\u[dD][89a-fA-F]")


class ReplyError(ValueError):
    """A reply that cannot be used, in one line. `cut` is True where the JSON ends before it is complete."""

    def __init__(self, reason: str, *, cut: bool = False) -> None:
        self.cut = cut
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What was complete in a reply; `cut` is False where that is all of it."""

    value: JSON
    cut: bool


def parse_reply(text: str) -> JSON:
    """The JSON object or list in a reply. Raises ReplyError.

    Of several, objects on end (JSON lines) are a list; of those with prose between them the longest counts,
    objects before lists of plain values, the last of equals. Of a key given twice the last value counts.
    """
    best = _best(text)
    if best.error:
        raise best.error
    return best.value


def salvage_reply(text: str) -> Salvaged:
    """As `parse_reply`, and of a reply that was cut, its complete part: the whole elements of the list in
    which it ends, and the whole members of the objects around that list. Raises ReplyError where the reply
    is wrong in another way, or holds no whole element."""
    best = _best(text)
    if best.error is None:
        return Salvaged(best.value, cut=False)
    if best.error.cut and _holds_elements(best.value):
        return Salvaged(best.value, cut=True)
    raise best.error


def fit(value: JSON, model: type[Model]) -> Model:
    """`value` as `model`. Raises ReplyError, which names up to three places and what is wrong there.

    A list is wrapped where an object with a single list field was asked for, and an object with a single
    list unwrapped where a list (a RootModel) was; a list of one object is that object.
    """
    from pydantic import ValidationError

    reason = ""
    for shape in _shapes(value, model):
        try:
            return model.model_validate(shape)
        except ValidationError as error:
            reason = reason or _told(error.errors(include_url=False, include_input=False))
    raise ReplyError(reason)


# -- finding the JSON in a reply


@dataclass(frozen=True, slots=True)
class _Found:
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


def _best(text: str) -> _Found:
    if len(text) > MAX_CHARACTERS:
        raise ReplyError(f"the reply has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read")
    text = _whole(text)
    if not text.strip(BLANK):
        raise ReplyError("the reply is empty")
    strict = _strict(text.strip(BLANK))
    if isinstance(strict, str):
        strict = _strict(strict.strip(BLANK))  # JSON within a JSON string
    if isinstance(strict, dict | list):
        return _Found(0, len(text), strict)
    found = _joined(text, _candidates(text))
    if not found:
        raise ReplyError("no JSON object found")
    return _chosen(found)


def _strict(text: str) -> JSON:
    """The usual case: exact JSON, read at the speed of C. None where it is not."""
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        return None
    if text.count("[") + text.count("{") > MAX_DEPTH and _too_deep(value):
        return None
    return _without_surrogates(value) if SURROGATE_ESCAPE.search(text) else value


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError(word)
    return number


def _too_deep(value: JSON) -> bool:
    level: list[JSON] = [value]
    for _ in range(MAX_DEPTH + 1):
        inner = [v for v in level if isinstance(v, dict | list)]
        if not inner:
            return False
        level = [part for v in inner for part in (v.values() if isinstance(v, dict) else v)]
    return True


def _whole(text: str) -> str:
    """Surrogates in pairs become their character, lone ones U+FFFD: they could not be written to a file."""
    if not SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _without_surrogates(value: JSON) -> JSON:
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, list):
        return [_without_surrogates(one) for one in value]
    if isinstance(value, dict):
        return {_whole(key): _without_surrogates(one) for key, one in value.items()}
    return value


def _candidates(text: str) -> list[_Found]:
    """Everything between brackets that is JSON or was meant to be, in order, none within another."""
    found: list[_Found] = []
    at = misses = 0
    while misses < MAX_STARTS and (start := START.search(text, at)):
        reader = _Reader(text, start.start())
        one = reader.read()
        if one is None or (not one.value and not one.error and not _alone(text, one)):
            misses += 1
            at = start.end() if one is None else one.end
            continue
        if len(found) == MAX_VALUES:
            raise ReplyError(f"the reply holds more than {MAX_VALUES} JSON values; answer with a single one")
        found.append(one)
        at = one.end
        if one.error:
            # What stands within broken JSON is a fragment of it; a code fence after it begins anew.
            fence = FENCE.search(text, reader.at)
            if one.error.cut or not fence:
                break
            found[-1] = replace(one, end=fence.start())
            at = fence.end()
    return found


def _alone(text: str, one: _Found) -> bool:
    """Whether nothing else stands on its lines: `[ ]` within prose is a box to tick, not an empty answer."""
    before = text[text.rfind("\n", 0, one.start) + 1 : one.start]
    end = text.find("\n", one.end)
    after = text[one.end : len(text) if end < 0 else end]
    return not before.strip(BLANK) and not after.strip(BLANK)


def _joined(text: str, found: list[_Found]) -> list[_Found]:
    """Objects with nothing between them become the list that they are the lines of."""
    groups: list[list[_Found]] = []
    for one in found:
        if groups and not text[groups[-1][-1].end : one.start].strip(BLANK + ","):
            groups[-1].append(one)
        else:
            groups.append([one])
    return [group[0] if len(group) == 1 else _lines(group) for group in groups]


def _lines(group: list[_Found]) -> _Found:
    last = group[-1]
    whole: list[JSON] = [one.value for one in group if one.error is None]
    error = last.error
    if not error and not all(isinstance(value, dict) for value in whole):
        error = ReplyError("several JSON values stand one after the other; answer with a single one")
    return _Found(group[0].start, last.end, whole, error)


def _chosen(found: list[_Found]) -> _Found:
    best = max(found, key=lambda one: one.rank)
    for one in found:
        if one is not best and not best.error and _rivals(one.value, best.value):
            reason = "the reply holds several JSON objects that differ; answer with a single one"
            return replace(best, error=ReplyError(reason))
    return best


def _rivals(one: JSON, best: JSON) -> bool:
    """Whether two objects answer the same question in other words; an empty one is an example."""
    if not isinstance(one, dict) or not isinstance(best, dict) or one.keys() != best.keys():
        return False
    return one != best and any(value not in (None, "", [], {}) for value in one.values())


def _holds_elements(value: JSON) -> bool:
    if isinstance(value, dict):
        return any(_holds_elements(one) for one in value.values())
    return isinstance(value, list) and bool(value)


# -- reading one JSON value


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
        return "" if self.key is None else f".{_shown(self.key)}"


class _Reader:
    """Reads one object or list with a stack of its own, each character once."""

    def __init__(self, text: str, start: int) -> None:
        self.text, self.start, self.at = text, start, start
        self.stack: list[_Open] = []
        self.root: JSON = None
        self.began = False
        self.last: Literal["bracket", "text", "word"] = "word"

    def read(self) -> _Found | None:
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
        return _Found(self.start, self.at, self.root)

    def _found(self, error: ReplyError) -> _Found:
        return _Found(self.start, len(self.text), self._complete(), error)

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
        return f" {word} '{_shown(path, 80)}'" if path else ""

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
            if self._char() != ":":
                raise _Wrong(f"':' is missing after the key '{_shown(top.key)}'")
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
        if char == ",":
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
            raise _Wrong(f"a key should stand here, not '{_shown(word or char)}'")
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
            body = _whole(ESCAPE.sub(_unescaped, body))
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
            raise _Wrong(f"a JSON value should stand here, not '{_shown(word or self.text[self.at])}'")
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


def _shown(text: str, size: int = 40) -> str:
    """`text` in an error: one line, short."""
    line = " ".join(text.split())
    return line if len(line) <= size else line[: size - 3] + "..."


# -- fitting a value to a model


def _shapes(value: JSON, model: type[BaseModel]) -> Iterator[JSON]:
    """`value` as it stands or as it was probably meant, the likeliest first."""
    from pydantic import RootModel

    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    lists = [name for name, annotation in fields.items() if _is_list(annotation)]
    if issubclass(model, RootModel):
        if lists and isinstance(value, dict):
            inner = [one for one in value.values() if isinstance(one, list)]
            yield inner[0] if len(inner) == 1 else [value]
    elif isinstance(value, list):
        first = value[0] if len(value) == 1 else None
        if isinstance(first, dict) and first.keys() & set(lists or fields):
            yield first
        elif len(lists) == 1:
            yield {lists[0]: value}
    elif isinstance(value, dict):
        if value and not value.keys() & fields.keys():
            raise ReplyError(f"none of the fields asked for is there: {', '.join(fields)}")
        alone = {name: [value[name]] for name in lists if isinstance(value.get(name), dict)}
        yield {**value, **alone}
    yield value


def _is_list(annotation: object) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_list(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return any(_is_list(one) for one in get_args(annotation))
    return (get_origin(annotation) or annotation) in (list, tuple, set, frozenset, Sequence)


def _told(errors: Sequence[Mapping[str, Any]]) -> str:
    told = [f"{_shown('.'.join(map(str, e['loc'])), 60)}: {_shown(e['msg'], 120)}" for e in errors[:3]]
    more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
    return "; ".join(one.removeprefix(": ") for one in told) + more
