"""Three-way merges of what programs write: lines of JSON that are only appended, and small JSON objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

FIXED = ("id", "user_id", "sha256", "file", "text_file", "modality", "lines")
"""Where these differ, the two files are not copies of one."""
EARLIER = ("stored_at", "created_at")
"""When something came in first counts; times are ISO 8601 in UTC, as we write them, and sort as text."""
_ABSENT = object()


def merged_records(base: bytes, ours: bytes, theirs: bytes) -> bytes:
    """The lines of both sides, byte for byte, each once: ours in their order, then what theirs have besides.

    What one side took out of base (an erased line, the old form of a corrected one) does not come back,
    unless the other side made another line of it.
    """
    before, standing, there = (frozenset(_lines(side)) for side in (base, ours, theirs))
    kept = [line for line in _lines(ours) if line not in before or line in there]
    new = [line for line in _lines(theirs) if line not in before and line not in standing]
    lines = [*kept, *dict.fromkeys(new)]
    return b"".join(line + b"\n" for line in lines)


def _lines(data: bytes) -> list[bytes]:
    """A last line without its newline is one too: an editor leaves it so."""
    lines = data.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def merged_values(base: bytes, ours: bytes, theirs: bytes) -> bytes:
    """One JSON object of two, key by key. `base` is empty where both sides made the file.

    A key that one side alone changed stands as changed there. Where both did, the same value is chosen
    whichever side is ours: the earlier time of coming in, the higher version, the longer list or text.
    Raises ValueError where one is no JSON object, or where the two are files of different things.
    """
    before, one, two = (_object(side) for side in (base.strip() or b"{}", ours, theirs))
    for key in FIXED:
        if key in one and key in two and one[key] != two[key]:
            raise ValueError(f"the two sides differ in {key!r}: {one[key]!r} and {two[key]!r}")
    values = _merged(before, one, two)
    if values == one:
        return ours
    return json.dumps(values, ensure_ascii=False, indent=2).encode() + b"\n"


def _object(data: bytes) -> dict[str, Any]:
    values = json.loads(data)
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    return values


def _merged(base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        key: _value(key, *(side.get(key, _ABSENT) for side in (base, ours, theirs)))
        for key in {**ours, **theirs}
    }
    return {key: value for key, value in found.items() if value is not _ABSENT}


def _value(key: str, base: Any, ours: Any, theirs: Any) -> Any:
    if _same(ours, theirs) or _same(theirs, base):
        return ours
    if _same(ours, base):
        return theirs
    if ours is _ABSENT or theirs is _ABSENT:
        return theirs if ours is _ABSENT else ours  # taken out on one side, changed on the other
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return _merged(base if isinstance(base, dict) else {}, ours, theirs)
    if key in EARLIER and isinstance(ours, str) and isinstance(theirs, str):
        return min(ours, theirs)
    if key == "version" and isinstance(ours, int) and isinstance(theirs, int):
        return max(ours, theirs)
    return max(ours, theirs, key=_weight)


def _same(one: Any, other: Any) -> bool:
    """True is no 1 here."""
    return one is other or (type(one) is type(other) and _weight(one) == _weight(other))


def _weight(value: Any) -> tuple[int, str]:
    if value is _ABSENT:
        return -1, ""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return len(text), text
