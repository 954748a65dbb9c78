"""The journal of a writer: how large the JSONL files were before it began, so that a crash can be undone.

It is written before the first item of a batch of runs and removed once the index has them. A journal that
is found under the lock means that its writer died.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import CorruptFile
from ..models import Item, Resource
from . import files
from .folder import UserFolder

JOURNAL = ".memu/journal.json"
UNDER_LOCK = ("bases", "index", "seen")
"""Folders of `.memu/` that are written to under the folder's lock alone, at times before a journal stands."""


def begin(folder: UserFolder, planned: Sequence[Resource] = ()) -> None:
    """Record the sizes of all JSONL files, and the resources that are about to be written.

    The caller holds the folder's lock.
    """
    sizes = {name: folder.path(name).stat().st_size for name in (*folder.item_files(), *folder.event_files())}
    values = {"sizes": sizes, "resources": [[r.id, r.file, r.text_file] for r in planned]}
    # Its name is synced with the first line that is appended: without that line there is nothing to undo.
    folder.write(JOURNAL, json.dumps(values).encode(), durable="file")


@dataclass(frozen=True, slots=True)
class Forgetting:
    """A forget under way: once it has begun it is finished, whoever writes next.

    `lines` are those of the resource that are forgotten; none where all of it is.
    """

    resource: str
    run: str
    now: datetime
    lines: tuple[int, ...] = ()


def begin_forgetting(folder: UserFolder, forgetting: Forgetting) -> None:
    """Record what is being erased. The caller holds the folder's lock, and no run is unfinished."""
    values: dict[str, Any] = {
        "resource": forgetting.resource,
        "run": forgetting.run,
        "now": forgetting.now.isoformat(),
    }
    if forgetting.lines:
        values["lines"] = list(forgetting.lines)
    folder.write(JOURNAL, json.dumps({"forget": values}).encode())


def forgetting(folder: UserFolder) -> Forgetting | None:
    """The forget that the journal names. Raises CorruptFile."""
    values = _read(folder).get("forget")
    if values is None:
        return None
    try:
        lines = tuple(int(line) for line in values.get("lines", ()))
        return Forgetting(values["resource"], values["run"], datetime.fromisoformat(values["now"]), lines)
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFile(folder.path(JOURNAL), None, f"not a journal: {error}") from error


def found(folder: UserFolder) -> bool:
    return folder.path(JOURNAL).exists()


def end(folder: UserFolder) -> None:
    """A journal that a power cut brings back is gone through again, and finds nothing to undo."""
    folder.remove(JOURNAL, durable="none")


def sizes(folder: UserFolder) -> Mapping[str, int]:
    """What `begin` recorded. Raises CorruptFile."""
    try:
        return {str(name): int(size) for name, size in _read(folder).get("sizes", {}).items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise CorruptFile(folder.path(JOURNAL), None, f"not a journal: {error}") from error


def _read(folder: UserFolder) -> dict[str, Any]:
    try:
        values = json.loads(folder.read_or_none(JOURNAL) or b"{}")
    except ValueError as error:
        raise CorruptFile(folder.path(JOURNAL), None, f"not JSON: {error}") from error
    if not isinstance(values, dict):
        raise CorruptFile(folder.path(JOURNAL), None, "not a JSON object")
    return values


def roll_back(folder: UserFolder) -> int:
    """Cut torn tails, and the items of runs whose event line never came; returns the bytes cut.

    Runs whose event line is there have happened: they stay, and their categories and index follow.
    """
    before = sizes(folder)
    cut = sum(_cut_tail(folder, name, before) for name in folder.event_files())
    if forgetting(folder) is None:
        cut += _roll_back_items(folder, before)
    _remove_planned(folder)
    return cut


def drop_unread(folder: UserFolder, unread: Collection[str]) -> None:
    """Where the journal is gone: cut the items of interrupted runs, as far as the files alone tell.

    Those are all lines of a run with no event that quotes one of the `unread` resources, which no run has
    read: they will be learnt again. Others may be a person's.
    """
    runs = {event.id for name in folder.event_files() for event in folder.events(name)}
    cut_short = {
        item.run
        for name in folder.item_files()
        for _, item in folder.items(name)
        if item.run not in runs and not sources(item).isdisjoint(unread)
    }
    if cut_short:
        for name in folder.item_files():
            _drop(folder, name, 0, lambda item: item.run in cut_short)


def sources(item: Item) -> set[str]:
    """The resources that an item was learnt from."""
    return {source.resource for source in (item.source, *item.corroborations) if source is not None}


def leftovers(folder: UserFolder) -> list[Path]:
    """Temporary files that a writer left that was killed before its journal stood, or that one has now."""
    places = [(place, f".*.json.*{files.TEMPORARY_SUFFIX}") for place in (folder.root, folder.derived)]
    places += [(folder.derived / name, f".*{files.TEMPORARY_SUFFIX}") for name in UNDER_LOCK]
    return [place / name for place, pattern in places for name in files.matching(str(place), [pattern])]


def sweep(folder: UserFolder) -> None:
    """Remove what a writer left that was killed before its journal stood.

    The caller holds the folder's lock and the buffer's: then nobody else writes.
    """
    for leftover in leftovers(folder):
        leftover.unlink(missing_ok=True)


def sweep_all(folder: UserFolder) -> None:
    """Remove every temporary file. The caller holds the folder's lock and the buffer's."""
    for leftover in folder.root.rglob(f".*{files.TEMPORARY_SUFFIX}"):
        leftover.unlink(missing_ok=True)


def _remove_planned(folder: UserFolder) -> None:
    """The files of a resource whose meta file never came: it was not acknowledged, or is still buffered."""
    for identity, names in _planned(folder).items():
        if not folder.has_resource(identity):
            # The journal is a file that anybody may write: only what can be that resource's is removed.
            for name in folder.resource_files(identity):
                if name in names:
                    folder.remove(name)


def _planned(folder: UserFolder) -> dict[str, set[object]]:
    """Resource id -> the files that were about to be written. Raises CorruptFile."""
    try:
        return {str(identity): set(names) for identity, *names in _read(folder).get("resources", ())}
    except (ValueError, TypeError) as error:
        raise CorruptFile(folder.path(JOURNAL), None, f"not a journal: {error}") from error


def _cut_tail(folder: UserFolder, name: str, before: Mapping[str, int]) -> int:
    """A last line with no newline that stood there before the writer began is somebody's edit: it stays."""
    path = folder.path(name)
    return files.cut_torn_tail(folder.root, path) if path.stat().st_size != before.get(name) else 0


def _roll_back_items(folder: UserFolder, before: Mapping[str, int]) -> int:
    cut = 0
    runs = {event.id for name in folder.event_files() for event in folder.events(name)}
    for name in folder.item_files():
        if folder.path(name).stat().st_size != before.get(name):
            cut += _cut_tail(folder, name, before)
            cut += _drop(folder, name, before.get(name, 0), lambda item: item.run not in runs)
    return cut


def _drop(folder: UserFolder, name: str, start: int, unwanted: Callable[[Item], bool]) -> int:
    """Lines from `start` on that are unwanted are cut; a batch appends them in one block at the end."""
    data = folder.read(name)
    kept = bytearray(data[:start])
    for line, item in folder.items(name, start):
        if not unwanted(item):
            kept += data[line.offset : line.offset + line.length + 1]
    if len(kept) < len(data):
        folder.write(name, bytes(kept))
    return len(data) - len(kept)
