"""Runs that wait for a language model: which resources, how often they were tried, and what went wrong.

Kept in `.memu/`, for it says nothing that the files do not: a resource without an event has had no run.
What this file adds is that it need not be looked for, and which ones wait for a person's `flush --retry`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from ..errors import CorruptFile
from ..results import Kept
from .folder import UserFolder

PENDING = ".memu/pending.json"
_ADAPTER: TypeAdapter[tuple[Kept, ...]] = TypeAdapter(tuple[Kept, ...])


def read(folder: UserFolder) -> tuple[Kept, ...]:
    """In the order in which they came in. Raises CorruptFile."""
    data = folder.read_or_none(PENDING)
    if data is None:
        return ()
    try:
        return _ADAPTER.validate_json(data)
    except ValidationError as error:
        raise CorruptFile(folder.path(PENDING), None, "not a list of runs that wait") from error


def add(folder: UserFolder, resources: Iterable[str], now: datetime) -> None:
    """Let resources wait; those that wait already stay where they are. The caller holds the folder's lock."""
    waiting = read(folder)
    known = {one.resource for one in waiting}
    new = [Kept(resource, 0, "", now) for resource in dict.fromkeys(resources) if resource not in known]
    if new:
        _write(folder, [*waiting, *new])


def replace(folder: UserFolder, resources: Iterable[str], now: datetime) -> None:
    """Begin the list anew, whatever stands there. The caller holds the folder's lock."""
    _write(folder, [Kept(resource, 0, "", now) for resource in resources])


def fail(folder: UserFolder, failed: Kept) -> None:
    """Record why a resource still waits. The caller holds the folder's lock."""
    _write(folder, [failed if one.resource == failed.resource else one for one in read(folder)])


def remove(folder: UserFolder, resources: Iterable[str]) -> None:
    """Their runs are made, or they are gone. The caller holds the folder's lock."""
    gone = frozenset(resources)
    waiting = read(folder)
    left = [one for one in waiting if one.resource not in gone]
    if len(left) < len(waiting):
        _write(folder, left)


def _write(folder: UserFolder, waiting: Sequence[Kept]) -> None:
    # Before what it announces, which is synced after it; or after what it need not wait for any more, and
    # then an older list that a power cut brings back is found out by the events.
    if waiting:
        folder.write(PENDING, _ADAPTER.dump_json(tuple(waiting)), durable="file")
    else:
        folder.remove(PENDING, durable="none")
