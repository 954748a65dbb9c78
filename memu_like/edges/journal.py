"""The journal of a writer: how large the JSONL files were before it began, so that a crash can be undone.

It is written before the first item of a batch of runs and removed once the index has them. A journal that
is found under the lock means that its writer died.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from ..errors import CorruptFile
from . import files
from .folder import UserFolder

JOURNAL = ".memu/journal.json"


def begin(folder: UserFolder) -> None:
    """Record the sizes of all JSONL files. The caller holds the folder's lock."""
    sizes = {name: folder.path(name).stat().st_size for name in (*folder.item_files(), *folder.event_files())}
    folder.write(JOURNAL, json.dumps({"sizes": sizes}).encode())


def found(folder: UserFolder) -> bool:
    return folder.path(JOURNAL).exists()


def end(folder: UserFolder) -> None:
    folder.remove(JOURNAL)


def sizes(folder: UserFolder) -> Mapping[str, int]:
    """What `begin` recorded; empty where the journal itself was cut short, so that whole files are looked at."""
    data = folder.read_or_none(JOURNAL) or b"{}"
    try:
        values = json.loads(data).get("sizes", {})
        return {str(name): int(size) for name, size in values.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise CorruptFile(folder.path(JOURNAL), None, f"not a journal: {error}") from error


def roll_back(folder: UserFolder) -> int:
    """Cut torn tails, and the items of runs whose event line never came; returns the bytes cut.

    Runs whose event line is there have happened: they stay, and their categories and index follow.
    """
    before = sizes(folder)
    cut = sum(files.cut_torn_tail(folder.root, folder.path(name)) for name in folder.event_files())
    runs = {event.id for name in folder.event_files() for event in folder.events(name)}
    for name in folder.item_files():
        cut += files.cut_torn_tail(folder.root, folder.path(name))
        cut += _drop_uncommitted(folder, name, before.get(name, 0), runs)
    for leftover in folder.root.rglob(f".*{files.TEMPORARY_SUFFIX}"):
        leftover.unlink(missing_ok=True)
    return cut


def _drop_uncommitted(folder: UserFolder, name: str, start: int, runs: Collection[str]) -> int:
    """Lines from `start` on whose run does not count are cut; a batch appends them in one block at the end."""
    data = folder.read(name)
    kept = bytearray(data[:start])
    for line, item in folder.items(name, start):
        if item.run in runs:
            kept += data[line.offset : line.offset + line.length + 1]
    if len(kept) < len(data):
        folder.write(name, bytes(kept))
    return len(data) - len(kept)
