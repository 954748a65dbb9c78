"""The store: the directory that holds one memory folder per user."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

from ..errors import ConfigError, CorruptFile, StorageError
from ..pure.names import user_id_of
from . import files
from .folder import USER_FILE

IGNORED, ATTRIBUTES, SETTINGS = ".gitignore", ".gitattributes", "memory.toml"
GITIGNORE = """\
# Derived, or in flight: `memu-like reindex` builds it again.
.memu/
buffer*.jsonl
*.tmp
"""
GITATTRIBUTES = """\
# Bytes are kept as they are, whatever the line ends. Lines appended on two branches are all kept, and
# entries are merged by their ids: `memu-like init --git` tells a clone how.
* -text
**/items/*.jsonl merge=union
**/events/*.jsonl merge=union
**/categories/*.md merge=memu-like
**/*.meta.json merge=memu-like
**/user.json merge=memu-like
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

    A name that is no user's folder, or no more, counts for nothing, and so does a store that is not there.
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
    except FileNotFoundError:
        return [], []  # the store itself is gone: whoever watches it says so
    except OSError as error:
        problems.append(str(StorageError.from_os("read", store, error)))
    return users, problems


def folder_names(store: Path, size: int) -> Iterator[list[str]]:
    """The names of the store's folders, `size` at a time; nothing where there is no store."""
    try:
        with os.scandir(store) as entries:
            while chunk := list(islice(entries, size)):
                yield [entry.name for entry in chunk if entry.is_dir()]
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError.from_os("read", store, error) from error


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
    """Make the directory and what git should know about it; what is there stays, and gets what it lacks."""
    with files.explained("create", store):
        store.mkdir(parents=True, exist_ok=True)
    for name, text in (
        (IGNORED, GITIGNORE),
        (ATTRIBUTES, GITATTRIBUTES),
    ):
        if not (store / name).exists():
            files.write_atomic(store, store / name, text.encode())
    _add_merge_rules(store)


def _add_merge_rules(store: Path) -> None:
    """To `.gitattributes` as an older version or a person wrote it. A person's rule for a pattern stays."""
    path = store / ".gitattributes"
    told = files.read_bytes(store, path).decode("utf-8", "surrogateescape")
    patterns = {line.split()[0] for line in told.splitlines() if line.strip() and line[0] != "#"}
    rules = [line for line in GITATTRIBUTES.splitlines() if "merge=" in line]
    missing = [line for line in rules if line.split()[0] not in patterns]
    if missing:
        gap = "" if told.endswith("\n") or not told else "\n"
        text = told + gap + "".join(f"{line}\n" for line in missing)
        files.write_atomic(store, path, text.encode("utf-8", "surrogateescape"))


def keep_by_git(store: Path) -> None:
    """Have the settings file say that runs are committed, though the store is not the top of a repository.

    The line comes first, for after a table's heading it would be that table's; no other byte is touched.
    Raises ConfigError where the file says otherwise.
    """
    place = store / SETTINGS
    data = (files.bytes_or_none(place) if place.exists() else None) or b""
    try:
        said = tomllib.loads(data.decode()).get("git")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{place}: not TOML: {error}") from error
    if said not in (None, "on"):
        raise ConfigError(f'{place} says git = "{said}": change it to "on" to have this store committed')
    if said is None:
        end = b"\r\n" if b"\r\n" in data else b"\n"
        files.write_atomic(store, place, b'git = "on"' + end + data)


def own_prompts(store: Path) -> list[str]:
    """The templates that the store has of its own, as paths in it."""
    return sorted(files.matching(str(store), ["prompts", "*.md"]))


def names_a_key(store: Path) -> bool:
    """Whether the settings file holds what must not get into a history: a key, or headers that may be one."""
    try:
        values = tomllib.loads((store / SETTINGS).read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{store / SETTINGS}: not TOML: {error}") from error
    return any(name.endswith(("_api_key", "_headers", "_query")) for name in values)
