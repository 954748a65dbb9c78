"""Export and import: a user's folder as one zip archive, nothing derived in it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from ..edges import archive, buffer, files
from ..edges.folder import USER_FILE, UserFolder
from ..edges.index.index import Index
from ..errors import CorruptFile, InvalidInput, NotFound
from ..models import FORMAT_VERSION
from .desk import Desk
from .memorize import settle

# What an archive may unpack to, as a multiple of the largest file that is taken in.
MAX_UNPACKED = 4
BATCH_FILES = 256


def export(desk: Desk, target: Path) -> int:
    """Pack the user's files, buffers included, into `target`; returns how many. Raises InvalidInput."""
    _check_target(desk.folder, target)
    with _at_rest(desk):
        return archive.write(desk.folder.root, layout_files(desk.folder), target)


def layout_files(folder: UserFolder) -> list[str]:
    """The files that make up the memory, in order of name; links and hidden files are not among them."""
    found = []
    for path in folder.root.rglob("*"):
        name = path.relative_to(folder.root).as_posix()
        if archive.in_layout(name) and path.is_file() and not path.is_symlink():
            found.append(name)
    return sorted(found)


def _check_target(folder: UserFolder, target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise InvalidInput(f"{target} exists already: name another file, or remove it first")
    if not target.parent.is_dir():
        raise InvalidInput(f"{target.parent} is no folder: make it first")
    if os.path.realpath(target).startswith(os.path.realpath(folder.root) + os.sep):
        raise InvalidInput(f"{target} is within the folder that is exported: name a place outside it")


@contextlib.contextmanager
def _at_rest(desk: Desk) -> Iterator[None]:
    """No writer at work, and nothing unfinished. A folder that cannot be written is at rest."""
    if not os.access(desk.folder.root, os.W_OK):
        yield
        return
    timeout = desk.settings.lock_timeout_seconds
    with desk.folder.lock(timeout=timeout):
        settle(desk)
        with desk.folder.lock(buffer.LOCK, timeout=timeout):
            yield


def import_archive(desk: Desk, data: bytes) -> int:
    """Unpack an export into this user, who must be new; all or nothing. Returns how many files.

    Raises InvalidInput where the user exists, or the archive is not an export, damaged, or not safe.
    """
    folder = desk.folder
    if folder.exists() or folder.root.exists():
        raise InvalidInput(f"user {folder.user_id!r} exists already: import into a new one")
    limit = MAX_UNPACKED * desk.settings.max_file_bytes
    staging = UserFolder(folder.store / f".import-{secrets.token_hex(4)}.tmp", folder.user_id)
    files.make_folder(folder.store, folder.store)
    try:
        count = _unpack(staging, data, limit)
        _build_index(desk, staging)
        _move(staging, folder)
        folder.record_all()
    finally:
        files.remove_tree(folder.store, staging.store)
    return count


def _unpack(staging: UserFolder, data: bytes, limit: int) -> int:
    files.make_folder(staging.store.parent, staging.store)
    count, batch, found = 0, [], False
    for name, contents in archive.read(data, limit):
        if name == USER_FILE:
            found, contents = True, _user_file(contents, staging.user_id)
        batch.append((staging.path(name), contents))
        count += 1
        if len(batch) == BATCH_FILES:
            files.write_many(staging.store, batch)
            batch = []
    if not found:
        raise InvalidInput(f"the archive has no {USER_FILE}: it is not an export of a memory folder")
    files.write_many(staging.store, batch)
    return count


def _user_file(contents: bytes, user_id: str) -> bytes:
    """`user.json` for this user; as it was where it names them already."""
    try:
        values = json.loads(contents)
        version = values["version"]
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidInput(f"the archive's {USER_FILE} cannot be read: {error}") from error
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise InvalidInput(
            f"the archive is in format {version!r}, and this version reads up to {FORMAT_VERSION}; upgrade"
        )
    if values.get("user_id") == user_id:
        return contents
    return json.dumps({**values, "user_id": user_id}, ensure_ascii=False, indent=2).encode() + b"\n"


def _build_index(desk: Desk, staging: UserFolder) -> None:
    """The index is built before the folder counts: so every record has been read once."""
    try:
        staging.require()
        with staging.lock():
            _index(desk, staging).rebuild()
            staging.all_events()
    except (CorruptFile, NotFound) as error:
        place = str(error).replace(f"{staging.root}{os.sep}", "").replace("; run `memu-like doctor`", "; see")
        raise InvalidInput(f"the archive holds a damaged file: {place.partition('; see')[0]}") from error


def _index(desk: Desk, folder: UserFolder) -> Index:
    return Index(folder, desk.tools.embedder, desk.tools.words, desk.tools.timezone)


def _move(staging: UserFolder, folder: UserFolder) -> None:
    if folder.root.exists():
        raise InvalidInput(f"user {folder.user_id!r} was made meanwhile: import into a new one")
    with files.explained("create", folder.root):
        staging.root.rename(folder.root)
        files.sync_folder(folder.store)
