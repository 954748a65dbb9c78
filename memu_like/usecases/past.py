"""A memory as it stood in a commit, laid out as a folder of its own below `.memu/at/`, to be read there.

The folder is named by what it holds, so two points that hold the same share it. It is written under another
name and renamed when it is whole: a killed process leaves nothing half. Only the last few are kept.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import time

from ..edges import files
from ..edges.folder import USER_FILE
from ..edges.git.repository import Blob, Repository
from ..edges.recording import COMMITTED
from ..errors import GitError, NotFound
from .desk import Desk
from .states import repository

PAST = "at"
KEPT = 8
"""How many pasts of one user stay laid out."""
UNDER_WAY_SECONDS = 3600.0
"""What was begun longer ago than this was left by a process that was killed."""


@dataclass(frozen=True, slots=True)
class LaidOut:
    """Where a past stands: `store` holds the user's folder as it was in `commit`, which is of `time`."""

    store: Path
    commit: str
    time: datetime


def lay_out(desk: Desk, point: str | datetime) -> LaidOut:
    """Lay out the memory as it stood at `point`, if it is not there yet.

    Raises GitError with no repository, NotFound where `point` names no commit, or one without this user.
    """
    repo = repository(desk)
    commit = repo.resolve(point, desk.tools.timezone)
    name = desk.folder.root.name
    tree = repo.tree_id(commit, name)
    if tree is None:
        raise NotFound("memory of this user at", str(point), "it begins later: see `memu-like history`")
    place = desk.folder.derived / PAST
    store = place / tree
    if not (store / name / USER_FILE).is_file():
        _write(desk, repo, commit, store)
    os.utime(store)
    _prune(desk, place, store)
    return LaidOut(store, commit, repo.commit(commit).time)


def build_index(desk: Desk) -> None:
    """Keep the index of a past with it: it never changes again."""
    with desk.folder.lock(timeout=desk.settings.lock_timeout_seconds):
        desk.index.refresh()
        desk.index.persist()


def _write(desk: Desk, repo: Repository, commit: str, store: Path) -> None:
    root, name = desk.folder.root, desk.folder.root.name
    begun = store.with_name(f".{store.name}.{secrets.token_hex(4)}")
    with files.explained("write", begun):
        for path, data in repo.contents(_plain(repo.blobs(commit, name))):
            files.write_atomic(root, begun / name / path, data, "none")
        if not (begun / name / USER_FILE).is_file():
            files.remove_tree(root, begun)
            raise GitError(f"commit {commit[:10]} holds no {name}/{USER_FILE}: it is no memory folder")
        try:
            begun.rename(store)
        except OSError:  # somebody else has laid out the same meanwhile
            files.remove_tree(root, begun)
            if not (store / name / USER_FILE).is_file():
                raise


def _plain(blobs: list[Blob]) -> Iterator[Blob]:
    """What a memory is made of; a commit may hold anything, paths that lead elsewhere included."""
    for blob in blobs:
        parts = blob.path.replace("\\", "/").split("/")
        if blob.path.startswith(COMMITTED) and not {"", ".", ".."}.intersection(parts):
            yield blob


def _prune(desk: Desk, place: Path, kept: Path) -> None:
    """The oldest go, and what a killed process began."""
    found = []
    for path in place.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process prunes too
            found.append((path.stat().st_mtime, path))
    whole = sorted((one for one in found if not one[1].name.startswith(".")), reverse=True)
    stale = [path for when, path in found if path.name[0] == "." and when < time() - UNDER_WAY_SECONDS]
    for path in (*stale, *(path for _, path in whole[KEPT:])):
        if path != kept:
            files.remove_tree(desk.folder.root, path)
