"""A store under git: its repository, what git should know about it, and a first commit of what is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from ..config import Settings
from ..edges import files
from ..edges.folder import USER_FILE, UserFolder
from ..edges.git import merging, starting
from ..edges.git.committing import Draft, Tip, commit
from ..edges.git.repository import Repository
from ..edges.store import ATTRIBUTES, IGNORED, SETTINGS, keep_by_git, names_a_key, own_prompts
from ..errors import ConfigError
from ..pure.commit_messages import init_message
from .catching_up import SLICE_BYTES, resource_files
from .committing import split_author

LINES = ("items/", "events/")


def init_git(settings: Settings, folders: Sequence[UserFolder], now: datetime) -> Repository:
    """Give the store a repository, whatever of one is there already. Done again, it changes nothing.

    Raises GitError, and ConfigError where a setting says that git is off.
    """
    store = settings.store.absolute()
    if settings.git == "off":
        raise ConfigError(
            'the setting "git" is "off": take it out, or make it "auto", to keep the store in git'
        )
    repository = starting.begin(store)
    if repository.prefix:
        keep_by_git(store)
    if not merging.is_registered(repository):
        merging.register(repository)
    while commit(repository, partial(_first, store, folders, split_author(settings.git_author), now)):
        pass
    return repository


def _first(
    store: Path, folders: Sequence[UserFolder], author: tuple[str, str], now: datetime, tip: Tip
) -> Sequence[Draft]:
    """A slice of what is there and not committed; the store's own files come last and say that all is."""
    prefix = tip.repository.prefix
    if prefix + IGNORED in tip.read([prefix + IGNORED]):
        return []
    known = set(tip.below(prefix))
    contents: dict[str, bytes | None] = {}
    size = 0
    for path, place, root in _places(store, folders):
        if prefix + path in known or size >= SLICE_BYTES:
            continue
        data = files.read_bytes(root, place)
        if any(part in path for part in LINES):
            data = data[: data.rfind(b"\n") + 1]
        contents[prefix + path] = data
        size += len(data)
    return [Draft(author, now, init_message(len(contents)), contents)]


def _places(store: Path, folders: Sequence[UserFolder]) -> Iterator[tuple[str, Path, Path]]:
    """Path in the store, where it stands, and the folder that it must not lead out of."""
    for folder in folders:
        names = [USER_FILE, *folder.item_files(), *folder.event_files(), *folder.category_files()]
        for name in (*names, *resource_files(folder)):
            yield f"{folder.root.name}/{name}", folder.path(name), folder.root
    for name in (*own_prompts(store), SETTINGS, ATTRIBUTES, IGNORED):
        if (store / name).is_file() and not (name == SETTINGS and names_a_key(store)):
            yield name, store / name, store
