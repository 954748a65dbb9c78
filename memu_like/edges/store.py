"""The store: the directory that holds one memory folder per user."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from ..errors import CorruptFile, StorageError
from ..pure.names import user_id_of
from . import files
from .folder import USER_FILE

GITIGNORE = """\
# Derived, or in flight: `memu-like reindex` builds it again.
.memu/
buffer*.jsonl
*.tmp
"""
GITATTRIBUTES = """\
# Bytes are kept as they are, whatever the line ends. Lines appended on two branches are all kept.
* -text
**/items/*.jsonl merge=union
**/events/*.jsonl merge=union
"""


def user_ids(store: Path) -> list[str]:
    """The ids of all users, in order."""
    if not store.is_dir():
        return []
    found = []
    for path in store.iterdir():
        if (path / USER_FILE).is_file():
            found.append(user_id_of(path.name) or stored_user_id(path))
    return sorted(found)


def users_of(store: Path, folders: Collection[str] | None) -> tuple[list[str], list[str]]:
    """Whose these folders are now (None: every folder of the store), and what is wrong with any of them.

    A name that is no user's folder, or no more, counts for nothing.
    """
    users, problems = [], []
    try:
        names = [path.name for path in store.iterdir()] if folders is None else folders
        for name in names:
            if (store / name / USER_FILE).is_file():
                try:
                    users.append(user_id_of(name) or stored_user_id(store / name))
                except StorageError as error:
                    problems.append(str(error))
    except OSError as error:
        problems.append(str(StorageError.from_os("read", store, error)))
    return users, problems


def stored_user_id(path: Path) -> str:
    """The user id in a folder's `user.json`. Raises CorruptFile."""
    place = path / USER_FILE
    try:
        found = json.loads(files.read_bytes(path, place))["user_id"]
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptFile(place, None, "it names no user_id") from error
    if not isinstance(found, str):
        raise CorruptFile(place, None, "its user_id is not text")
    return found


def init_store(store: Path) -> None:
    """Make the directory and what git should know about it; what is there already stays."""
    with files.explained("create", store):
        store.mkdir(parents=True, exist_ok=True)
    for name, text in (
        (".gitignore", GITIGNORE),
        (".gitattributes", GITATTRIBUTES),
    ):
        if not (store / name).exists():
            files.write_atomic(store, store / name, text.encode())
