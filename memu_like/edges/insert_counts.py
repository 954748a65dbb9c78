"""How many blobs came in on each day (UTC): a file a day in the store's `.memu/`, a byte a blob.

One write appends to it whichever process it is of, and its size is the count. Counts are not precious.
"""

from __future__ import annotations

import os
import re
from datetime import date, timedelta
from pathlib import Path

from . import files
from .folder import DERIVED

FOLDER = "inserts"
DAYS_KEPT = 40
_NAME = re.compile(r"\d{4}-\d{2}-\d{2}")
_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)


def count(store: Path, day: date) -> None:
    """One blob more; old days go when a new one begins. Raises StorageError."""
    path = _file(store, day)
    with files.explained("write", path):
        begins = not files.guard(store, path).exists()
        if begins:
            path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, _APPENDING, 0o666)
        try:
            os.write(handle, b".")
        finally:
            os.close(handle)
        if begins:
            _remove_before(path.parent, day - timedelta(days=DAYS_KEPT))


def counted(store: Path, day: date) -> int:
    """How many came in. Raises StorageError."""
    path = _file(store, day)
    with files.explained("read", path):
        try:
            return files.guard(store, path).stat().st_size
        except FileNotFoundError:
            return 0


def _file(store: Path, day: date) -> Path:
    return store / DERIVED / FOLDER / day.isoformat()


def _remove_before(folder: Path, first: date) -> None:
    for path in folder.iterdir():
        if _NAME.fullmatch(path.name) and path.name < first.isoformat():
            path.unlink(missing_ok=True)
