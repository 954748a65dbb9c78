"""Changes as they are recorded: what runs, edits and syncs have appended to the events since a cursor.

An event's line is the commit mark of its run, whichever process made it. So the events' files are the queue:
nothing is kept for a reader, and one that was away goes on where it stopped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..edges.files import stamp
from ..errors import InvalidInput
from ..models import Event, Recorded
from ..pure import records
from .desk import Desk

MAX_BYTES = 1024 * 1024
"""Of one answer, about."""
_CURSOR = re.compile(r"(?:\d{4}-\d{2}\.[0-9a-f]{1,12}(?:,(?!$)|$)){0,4096}")


@dataclass(frozen=True, slots=True)
class _Part:
    """The whole lines of a month's file from where the cursor stood, and where they end."""

    data: bytes
    end: int


def recorded(desk: Desk, after: str | None = None) -> Recorded:
    """What was recorded after the cursor; None is now, and "" the beginning. Raises InvalidInput.

    `gap` says that something before the new cursor cannot be told any more: a forget has rewritten the file.
    """
    sizes = {name: _size(desk, name) for name in desk.folder.event_files()}
    if after is None:
        return Recorded(_cursor({name: _last_end(desk, name, size) for name, size in sizes.items()}))
    ends = _positions(after)
    events: list[Event] = []
    gap = False
    for name, size in sizes.items():
        start = ends.get(name, 0)
        if start > size or (start and not _is_after_a_line(desk, name, start)):
            ends[name], gap = _last_end(desk, name, size), True
        elif start < size:
            part = _part(desk, name, start, size)
            found = _events(part.data)
            gap = gap or found is None
            events += found or ()
            ends[name] = part.end
    gap = gap or any(name not in sizes for name in ends)
    return Recorded(_cursor({name: end for name, end in ends.items() if name in sizes}), tuple(events), gap)


def _size(desk: Desk, name: str) -> int:
    found = stamp(desk.folder.path(name))
    return found[1] if found else 0


def _last_end(desk: Desk, name: str, size: int) -> int:
    """Where the last whole line ends: a writer may be at the next one."""
    return desk.folder.read_slice(name, 0, size).rfind(b"\n") + 1


def _is_after_a_line(desk: Desk, name: str, at: int) -> bool:
    return desk.folder.read_slice(name, at - 1, 1) == b"\n"


def _part(desk: Desk, name: str, start: int, size: int) -> _Part:
    """At most so much; a line that is longer than that is read whole."""
    data = desk.folder.read_slice(name, start, min(size - start, MAX_BYTES))
    if b"\n" not in data and size - start > MAX_BYTES:
        data = desk.folder.read_slice(name, start, size - start)
    whole = data[: data.rfind(b"\n") + 1]
    return _Part(whole, start + len(whole))


def _events(data: bytes) -> Sequence[Event] | None:
    """None where a line is none of ours: doctor tells which."""
    try:
        return [records.parse(Event, line) for _, line in records.lines_with_offsets(data)]
    except ValueError:
        return None


# -- cursors: how far each month's file has been read, such as "2023-05.1f4,2023-06.63"


def _cursor(ends: Mapping[str, int]) -> str:
    return ",".join(f"{name[len('events/') : -len('.jsonl')]}.{end:x}" for name, end in sorted(ends.items()))


def _positions(cursor: str) -> dict[str, int]:
    if not _CURSOR.fullmatch(cursor):
        raise InvalidInput("this is no cursor: give the id of a change, or none")
    return dict(_position(part) for part in cursor.split(",") if part)


def _position(part: str) -> tuple[str, int]:
    month, _, end = part.partition(".")
    return f"events/{month}.jsonl", int(end, 16)
