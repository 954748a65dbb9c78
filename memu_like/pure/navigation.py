"""Reading a memory's files step by step: the tools that a model gets, and what it asks of them, checked.

Whatever stands in the files has a short handle (c1 a category, i7 an item, e2 a bullet without an item, r3 a
resource, r3:12 a line of it), given when it is shown. Only what was shown can be opened or cited: an
invented id leads nowhere. What a model asks for is never trusted: it becomes an action, or a refusal that
says what was wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..chat import OutputSchema, Tool
from .rendering import plain_line
from .replies import ReplyError, parse_reply, salvage_reply

MAX_IDS = 40
MAX_RANGE = 60
"""Items, and lines of a resource, that one step can ask for."""
MAX_WORDS = 200
MAX_REASON = 300
MAX_CITED = 200
"""Characters of words to find and of a reason; citations that are looked at."""
MAX_ARGUMENTS = 20_000
STATUSES = ("active", "superseded", "all")
_HANDLE = re.compile(r"[cie]\d{1,6}|r\d{1,6}(?::\d{1,9}(?:-\d{1,9})?)?")
_HANDLES = re.compile(rf"(?<![\w:]){_HANDLE.pattern}(?![\w:])")


@dataclass(frozen=True, slots=True)
class OpenCategory:
    category: str
    slot: str = ""


@dataclass(frozen=True, slots=True)
class OpenItems:
    """Items by handle, or those of a category (and slot) with a status."""

    ids: tuple[str, ...] = ()
    category: str = ""
    slot: str = ""
    status: str = "active"


@dataclass(frozen=True, slots=True)
class ReadLines:
    resource: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Find:
    words: str


@dataclass(frozen=True, slots=True)
class Cited:
    handle: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    """`enough` is None where the model did not say."""

    enough: bool | None
    hits: tuple[Cited, ...] = ()
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """What a model asked for and cannot get, with what it is told. `name` is what it asked for, cut."""

    name: str
    reason: str


Action = OpenCategory | OpenItems | ReadLines | Find | Finish


# -- what a model is given


def _object(properties: Mapping[str, Any], required: Sequence[str]) -> Mapping[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


_TEXT = {"type": "string"}
_LINE = {"type": "integer", "minimum": 1}
_STATUS = {"type": "string", "enum": list(STATUSES)}
_IDS = {"type": "array", "items": _TEXT}
_HITS = {"type": "array", "items": _object({"handle": _TEXT, "reason": _TEXT}, ["handle", "reason"])}

FINISH = Tool(
    "finish",
    "End. hits: handles of what answers the question (i7, e2, r3:12), best first, each with your reason.",
    _object({"enough": {"type": "boolean"}, "hits": _HITS, "missing": _TEXT}, ["enough", "hits"]),
)
TOOLS = (
    Tool(
        "open_category",
        "Entries of a category (c1), or of one of its slots.",
        _object({"category": _TEXT, "slot": _TEXT}, ["category"]),
    ),
    Tool(
        "open_items",
        "Memory items with dates and sources: by handle (i7), or of a category and slot. status superseded "
        "or all shows what held before.",
        _object({"ids": _IDS, "category": _TEXT, "slot": _TEXT, "status": _STATUS}, []),
    ),
    Tool(
        "read_lines",
        "Lines of a resource (r3) as they were said, first to last.",
        _object({"resource": _TEXT, "first": _LINE, "last": _LINE}, ["resource", "first", "last"]),
    ),
    Tool("find", "Lines and items that hold the words.", _object({"words": _TEXT}, ["words"])),
    FINISH,
)
NAMES = tuple(tool.name for tool in TOOLS)
STEP_SCHEMA = OutputSchema(
    "step",
    _object(
        {
            "action": {"type": "string", "enum": list(NAMES)},
            "category": _TEXT,
            "slot": _TEXT,
            "ids": _IDS,
            "status": _STATUS,
            "resource": _TEXT,
            "first": _LINE,
            "last": _LINE,
            "words": _TEXT,
            "enough": {"type": "boolean"},
            "hits": _HITS,
            "missing": _TEXT,
        },
        ["action"],
    ),
)
"""One step as JSON, for a model that takes no tools."""


class Handles:
    """Handles for what has been shown, by its key; the same key keeps its handle."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._handles: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def give(self, letter: str, key: str) -> str:
        if (letter, key) not in self._handles:
            self._counts[letter] = self._counts.get(letter, 0) + 1
            handle = f"{letter}{self._counts[letter]}"
            self._handles[letter, key] = handle
            self._keys[handle] = key
        return self._handles[letter, key]

    def key(self, handle: str) -> str | None:
        return self._keys.get(handle)

    def knows(self, letter: str, key: str) -> bool:
        return (letter, key) in self._handles


# -- what a model asks for


def read_call(name: str, arguments: str) -> Action | Refused:
    """The action of a tool call: `arguments` is JSON text as a model wrote it."""
    if len(arguments) > MAX_ARGUMENTS:
        return Refused(shown_name(name), f"the arguments have more than {MAX_ARGUMENTS} characters")
    try:
        values = parse_reply(arguments) if arguments.strip() else {}
    except ReplyError as error:
        return Refused(shown_name(name), f"the arguments are no JSON object: {error}")
    if not isinstance(values, Mapping):
        return Refused(shown_name(name), "the arguments are no JSON object")
    return _action(name, values)


def read_step(text: str) -> Action | Refused:
    """The action of a step written as JSON: {"action": "find", "words": "..."}."""
    if len(text) > MAX_ARGUMENTS:
        return Refused("", f"the reply has more than {MAX_ARGUMENTS} characters")
    try:
        values = salvage_reply(text).value  # of citations that were cut, those that are whole count
    except ReplyError as error:
        return Refused("", f"the reply is no JSON object: {error}")
    if isinstance(values, list) and values:
        values = values[0]
    if not isinstance(values, Mapping):
        return Refused("", "the reply is no JSON object")
    name = values.get("action", values.get("name"))
    if not isinstance(name, str):
        return Refused("", f'it lacks "action", one of {", ".join(NAMES)}')
    inner = values.get("arguments")
    return _action(name, inner if isinstance(inner, Mapping) else values)


def handles_in(text: str) -> dict[str, str]:
    """Handles that a text mentions, in order, each with the line it stands in."""
    found: dict[str, str] = {}
    for line in text[:MAX_ARGUMENTS].splitlines():
        told = plain_line(line[:MAX_REASON])
        for match in _HANDLES.finditer(line):
            found.setdefault(match[0], told)
            if len(found) >= MAX_CITED:
                return found
    return found


def shown_name(name: str) -> str:
    return plain_line(name)[:40]


class _Wrong(ValueError):
    """An argument of another kind than was asked for; never leaves this module."""


def _action(name: str, values: Mapping[str, Any]) -> Action | Refused:
    read = _READERS.get(name)
    if read is None:
        return Refused(shown_name(name), f"there is no such tool; there are {', '.join(NAMES)}")
    try:
        return read(values)
    except _Wrong as error:
        return Refused(name, str(error))


def _open_category(values: Mapping[str, Any]) -> Action:
    return OpenCategory(
        _text(values, "category") or _text(values, "name", needed=True), _text(values, "slot")
    )


def _open_items(values: Mapping[str, Any]) -> Action:
    ids = _texts(values, "ids")
    category = _text(values, "category")
    if not ids and not category:
        raise _Wrong("give ids (i7, ...) or a category (c1)")
    status = _text(values, "status") or "active"
    if status not in STATUSES:
        raise _Wrong(f"status is one of {', '.join(STATUSES)}")
    return OpenItems(ids, category, _text(values, "slot"), status)


def _read_lines(values: Mapping[str, Any]) -> Action:
    resource, _, lines = _text(values, "resource", needed=True).partition(":")
    start, _, end = lines.partition("-")
    first = _number(values.get("first", start or 1), "first")
    last = _number(values.get("last", end or start or first), "last")
    if last < first:
        raise _Wrong("last comes before first")
    return ReadLines(resource, first, min(last, first + MAX_RANGE - 1))


def _find(values: Mapping[str, Any]) -> Action:
    return Find(_text(values, "words", needed=True)[:MAX_WORDS])


def _finish(values: Mapping[str, Any]) -> Action:
    given = values.get("hits", [])
    if not isinstance(given, list):
        raise _Wrong('hits is a list of {"handle", "reason"}')
    enough = values.get("enough", bool(given))
    if not isinstance(enough, bool):
        enough = str(enough).strip().lower() in ("true", "yes", "1")
    cited = [one for hit in given[:MAX_CITED] for one in _cited(hit)]
    return Finish(enough, tuple(cited), _text(values, "missing")[:MAX_REASON])


_READERS = {
    "open_category": _open_category,
    "open_items": _open_items,
    "read_lines": _read_lines,
    "find": _find,
    "finish": _finish,
}


def _cited(hit: object) -> list[Cited]:
    """A citation may be an object or the bare handle, and may name several handles or a run of lines."""
    if isinstance(hit, str):
        hit = {"handle": hit}
    if not isinstance(hit, Mapping):
        return [Cited(shown_name(str(hit)), "")]
    handle = next((hit[key] for key in ("handle", "place", "id") if isinstance(hit.get(key), str)), "")
    reason = hit.get("reason")
    told = plain_line(reason)[:MAX_REASON] if isinstance(reason, str) else ""
    found = _HANDLES.findall(handle)[:MAX_IDS]
    return [Cited(one, told) for one in found] or [Cited(shown_name(handle), told)]


def _text(values: Mapping[str, Any], key: str, *, needed: bool = False) -> str:
    value = values.get(key)
    if value is None or value == "":
        if needed:
            raise _Wrong(f"it lacks {key}")
        return ""
    if not isinstance(value, str):
        raise _Wrong(f"{key} is a text")
    return plain_line(value)[:MAX_REASON].strip("[]^\"'` ")


def _texts(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = values.get(key) or []
    given = re.split(r"[\s,;]+", value) if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise _Wrong(f"{key} is a list of handles")
    return tuple(dict.fromkeys(one.strip("[]^\"'` ") for one in given if one))[:MAX_IDS]


def _number(value: object, key: str) -> int:
    if isinstance(value, str) and re.fullmatch(r"\s*\d{1,9}\s*", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 10**9:
        raise _Wrong(f"{key} is a line number, from 1 on")
    return value
