"""Values to lines of JSON and back: items, events, and the meta file of a resource.

A line holds the fields that differ from their defaults, in the order of the dataclass, as compact JSON
with no escaping of what UTF-8 can say. Unknown fields are ignored, so that an older version can read a
newer minor one; a missing or ill-typed one is a ValueError that names it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from ..models import Event, Item, Resource

Record = TypeVar("Record", Item, Event, Resource)


@cache
def _adapters() -> dict[type[Any], TypeAdapter[Any]]:
    return {kind: TypeAdapter(kind) for kind in (Item, Event, Resource)}


def render(record: Item | Event | Resource) -> bytes:
    """One line of JSON with its newline."""
    line: bytes = _adapters()[type(record)].dump_json(record, exclude_defaults=True)
    return line + b"\n"


def render_pretty(record: Resource) -> bytes:
    """The same, over several lines: a meta file is read by people."""
    values = json.loads(render(record))
    values["version"] = record.version
    return json.dumps(values, ensure_ascii=False, indent=2).encode() + b"\n"


def parse(kind: type[Record], line: bytes) -> Record:
    """Raises ValueError that names the field and what is wrong with it."""
    try:
        record: Record = _adapters()[kind].validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or kind.__name__.lower()
        raise ValueError(f"{place}: {first['msg']}") from error
    return record


def is_whole(line: bytes) -> bool:
    """Whether a line is a JSON object, and not a part of one."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def lines_with_offsets(data: bytes, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """(offset, line without its newline) of each whole, non-blank line of `data` from `start` on.

    What follows the last newline is a torn tail and is not given.
    """
    position = start
    while (end := data.find(b"\n", position)) >= 0:
        line = data[position:end]
        if line.strip():
            yield position, line
        position = end + 1
