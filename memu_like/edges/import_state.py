"""How far an import has come: a file in the store's `.memu/`, a line for each user that is done.

It is there while an import is unfinished, so that the next one goes on and does not begin again. Nothing
depends on it: what is imported once more is found to be there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from . import files
from .folder import DERIVED

FOLDER = "imports"


class ImportState:
    """Of the import from one source into one store."""

    def __init__(self, store: Path, source: str) -> None:
        self._store = store
        name = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        self._path = store / DERIVED / FOLDER / f"{name}.jsonl"

    def done(self) -> frozenset[str]:
        """The ids of the users that are done. Raises StorageError."""
        return frozenset(self._lines())

    def _lines(self) -> Iterator[str]:
        with files.explained("read", self._path):
            data = files.bytes_or_none(self._path) or b""
        for line in data.split(b"\n"):
            try:
                value = json.loads(line)
            except ValueError:
                continue  # a line that was cut short: that user is looked at again
            if isinstance(value, str):
                yield value

    def add(self, user_id: str) -> None:
        """A user is done. Raises StorageError."""
        if self._path.exists():
            files.cut_torn_tail(self._store, self._path)
        files.append(self._store, self._path, json.dumps(user_id).encode() + b"\n")

    def clear(self) -> None:
        """All are done. Raises StorageError."""
        if self._path.exists():
            files.remove(self._store, self._path)
