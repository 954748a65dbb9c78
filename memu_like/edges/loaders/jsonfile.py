"""JSON and JSONL text to its top-level values, each with the place it stood at."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ...errors import LoadError

_LINE_SUFFIXES = (".jsonl", ".ndjson")
_LOOKS_LIKE_JSON = re.compile(r'\s*(?:\{\s*(?:"|\}\s*\Z)|\[\s*(?:(?:\[\s*)?\{|\]\s*\Z))')


@dataclass(frozen=True, slots=True)
class JsonValue:
    """One element of the file: of its array, of its lines (`line` is set), or the whole of it."""

    value: Any
    index: int
    line: int | None = None

    def place(self, name: str, noun: str) -> str:
        return f"{name}: {noun} {self.index}" if self.line is None else f"{name}:{self.line}"


def looks_like_json(text: str, name: str) -> bool:
    return name.lower().endswith((".json", *_LINE_SUFFIXES)) or _LOOKS_LIKE_JSON.match(text) is not None


def parse_json(text: str, name: str) -> tuple[JsonValue, ...]:
    """The elements of an array, the lines of a JSONL file, or the one value there is.

    LoadError carries the line and the column of what is broken.
    """
    if _is_lines(text, name):
        numbered = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        return tuple(
            JsonValue(_decode(line, name, number), index, number)
            for index, (number, line) in enumerate(numbered, 1)
        )
    value = _decode(text, name, 1)
    if isinstance(value, list):
        return tuple(JsonValue(element, index) for index, element in enumerate(value, 1))
    return (JsonValue(value, 1),)


def _is_lines(text: str, name: str) -> bool:
    """JSONL by its name, or because its first line is a whole object and more follows."""
    stripped = text.strip()
    if not stripped.startswith("{"):
        return False
    if name.lower().endswith(_LINE_SUFFIXES):
        return True
    first, _, rest = stripped.partition("\n")
    return bool(rest) and first.rstrip().endswith("}") and _parses(first)


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _decode(text: str, name: str, line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"is not valid JSON: {error.msg} at column {error.colno}"
        raise LoadError(name, reason, line + error.lineno - 1) from error
    except RecursionError as error:
        raise LoadError(name, "is nested too deeply to be a conversation", line) from error
    except ValueError as error:  # a whole number with thousands of digits
        raise LoadError(name, "holds a number of more than 4,000 digits", line) from error
