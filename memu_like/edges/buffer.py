"""The buffer: messages that were added and not yet memorized, one a line, as given.

It stands beside the user's other files and not in `.memu/`, so that deleting what is derived loses
nothing. A flush renames it first and works from the renamed file, so that whatever is added meanwhile
goes to a new one, and an interrupted flush finds the same bytes again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import CorruptFile
from ..pure import records
from . import files
from .folder import DERIVED, UserFolder

BUFFER = "buffer.jsonl"
ROTATED = "buffer-*.jsonl"
LOCK = "buffer.lock"
IN_FLIGHT = ("pending.json", "journal.json")
"""In `.memu/`: what a flush leaves there until its runs are made."""


def render(messages: Sequence[Mapping[str, Any]]) -> bytes:
    """One message a line."""
    return b"".join(json.dumps(raw, ensure_ascii=False).encode() + b"\n" for raw in messages)


def add(
    folder: UserFolder, messages: Sequence[Mapping[str, Any]], timeout: float, *, new_user: bool = True
) -> None:
    """Append durably: on return the messages survive a crash of this process and of the machine.

    Without `new_user`, raises NotFound where the user has no folder yet.
    """
    data = render(messages)
    if not new_user:
        folder.require()  # before the lock, which makes a folder
    with folder.lock(LOCK, timeout):
        if new_user:
            folder.create()  # under the lock: who forgets the user holds it too
        else:
            folder.require()
        path = folder.path(BUFFER)
        if path.exists():
            # A writer that was killed in the middle of a line never got to acknowledge it.
            files.cut_torn_tail(folder.root, path)
        folder.append(BUFFER, data)


def rotate(folder: UserFolder, timeout: float) -> list[str]:
    """Set the buffer aside; returns the files that wait, oldest first, those of a killed flush included."""
    # What is being added at this moment is not acknowledged yet, and need not be waited for.
    if not folder.path(BUFFER).exists() and not folder.listing(ROTATED):
        return []
    with folder.lock(LOCK, timeout):
        waiting = folder.listing(ROTATED)
        path = folder.path(BUFFER)
        if path.exists():
            files.cut_torn_tail(folder.root, path)
            if path.stat().st_size:
                number = 1 + max((int(name[7:-6]) for name in waiting), default=0)
                name = f"buffer-{number:06d}.jsonl"
                files.rename(folder.root, path, folder.path(name))
                waiting.append(name)
    return waiting


def read(folder: UserFolder, name: str) -> list[dict[str, Any]]:
    """The messages of a buffer file. Raises CorruptFile."""
    messages = []
    data = folder.read_or_none(name) or b""
    for number, (_, line) in enumerate(records.lines_with_offsets(data), start=1):
        try:
            messages.append(json.loads(line))
        except ValueError as error:
            raise CorruptFile(folder.path(name), number, f"not JSON: {error}") from error
    return messages


def drop(folder: UserFolder, gone: Callable[[dict[str, Any]], bool], timeout: float) -> int:
    """Take the messages out that are `gone`, from every buffer file; returns how many.

    The caller holds the folder's lock, so that no run works from these files. Raises CorruptFile.
    """
    dropped = 0
    with folder.lock(LOCK, timeout):
        for name in names(folder):
            messages = read(folder, name)
            left = [raw for raw in messages if not gone(raw)]
            dropped += len(messages) - len(left)
            if len(left) < len(messages):
                folder.write(name, render(left)) if left else folder.remove(name)
    return dropped


def is_waiting(root: Path) -> bool:
    """Whether a user's folder holds a buffer, a flush that was cut short or runs that wait: a few looks."""
    names = files.names(str(root))
    if any(name.startswith("buffer") and name.endswith(".jsonl") for name in names):
        return True
    return any((root / DERIVED / name).exists() for name in IN_FLIGHT)


def names(folder: UserFolder) -> list[str]:
    """The files that may hold messages that are not memorized yet, oldest first."""
    return [*folder.listing(ROTATED), BUFFER]


def waiting(folder: UserFolder) -> int:
    """How many messages are not memorized yet."""
    return sum((folder.read_or_none(name) or b"").count(b"\n") for name in names(folder))
