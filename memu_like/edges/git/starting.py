"""A repository for a store: the one that holds it already, or a new one."""

from __future__ import annotations

from pathlib import Path

from ...errors import GitError
from .process import run
from .repository import Repository


def begin(store: Path) -> Repository:
    """The repository that holds `store`; where there is none, one is made with the store as its top."""
    found = Repository.find(store)
    if found is None:
        run(store, "init", "--quiet")
        found = Repository.find(store)
    if found is None:
        raise GitError(f"git init made no repository of {store}: look at GIT_* variables in the environment")
    return found
