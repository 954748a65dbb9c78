"""Watching a store: which users' folders have changed, told once they are still.

The operating system says what changes; nothing is polled but whether the store is still the same folder.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from ..errors import StorageError
from .folder import USER_FILE

STEP_MS = 100
"""How often the thread that gathers changes looks whether there are any: that is what an idle watch costs.
A third of the silence where that is shorter, for it hands over what it has gathered after two steps."""
LOOK_MS = 2000
"""How often, where nothing changes, it is looked whether the store is still the same folder."""
MISSING_SECONDS = 1.0
"""How often a store that is not there is looked for."""
LONGEST_FACTOR = 10
"""Who never stops saving is heard after so many times the silence that is waited for."""
_SUFFIXES = {"categories": ".md", "items": ".jsonl", "resources": ""}
_DROPPINGS = (".tmp", "~", ".swp", ".swx", ".part", ".crdownload")


@dataclass(frozen=True, slots=True)
class Burst:
    """What has changed: `folders` are names in the store; with `everything`, any of them may have.

    `problem` says why nothing can be seen for now.
    """

    folders: frozenset[str] = frozenset()
    everything: bool = False
    problem: str = ""


class Watcher:
    """Follows one store. `quiet` seconds without a change end a burst, and ten times as many at most."""

    def __init__(self, store: Path, quiet: float) -> None:
        self.store = store
        self._quiet, self._longest = quiet, quiet * LONGEST_FACTOR
        self._step = max(1, min(STEP_MS, int(quiet * 1000 / 3)))
        self._folders: set[str] = set()
        self._everything = False
        self._problem = ""
        self._first = self._last = 0.0
        self._changed = asyncio.Event()

    # -- what a reader of bursts sees

    async def burst(self) -> Burst:
        """Wait until something has changed and is still. Cancelled, it loses nothing."""
        await self._changed.wait()
        while (left := self._ends() - monotonic()) > 0:  # noqa: ASYNC110  (it waits for silence)
            await asyncio.sleep(left)
        found = Burst(frozenset(self._folders), self._everything, self._problem)
        self._folders, self._everything, self._problem = set(), False, ""
        self._changed.clear()
        return found

    def _ends(self) -> float:
        """When the burst is over, as far as is known now."""
        return min(self._last + self._quiet, self._first + self._longest)

    def note(self, *folders: str, everything: bool = False, problem: str = "") -> None:
        """Count these as changed now."""
        self._last = monotonic()
        if not self._changed.is_set():
            self._first = self._last
        self._folders.update(folders)
        self._everything = self._everything or everything
        self._problem = problem or self._problem
        self._changed.set()

    # -- following the disk

    async def run(self) -> None:
        """Follow the store for ever, through its being moved away, deleted and made anew."""
        told = ""
        while True:
            problem = await self._follow()
            if problem and problem != told:
                self.note(problem=problem)
            told = problem
            if problem:
                await asyncio.sleep(MISSING_SECONDS)

    async def _follow(self) -> str:
        """Until the store is another folder than it was, "" then; or what is in the way of following it."""
        root = await asyncio.to_thread(os.path.realpath, self.store)
        seen = await asyncio.to_thread(_identity, root)
        if seen is None:
            return f"{self.store} is not there: nothing is concluded from that, and it is waited for"
        try:
            await self._follow_folder(root, seen)
        except OSError as error:  # gone meanwhile, or the system watches no more folders
            return str(StorageError.from_os("watch", self.store, error))
        return ""

    async def _follow_folder(self, root: str, seen: tuple[int, int]) -> None:
        from watchfiles import Change, awatch

        # Counted before the first step of the watch, which begins at once: nothing falls between the two.
        self.note(everything=True)
        steps = awatch(
            root,
            watch_filter=None,
            debounce=2 * self._step,
            step=self._step,
            rust_timeout=LOOK_MS,
            yield_on_timeout=True,
            force_polling=False,
            ignore_permission_denied=True,
            debug=False,
        )
        async with aclosing(steps) as changes:
            async for step in changes:
                found = {path: folder_of(root, path) for _, path in step}
                folders = {folder for folder in found.values() if folder}
                if folders:
                    self.note(*folders)
                touched = [path for change, path in step if change is Change.modified and found[path]]
                begun_anew = any(path == root for path in found)
                if begun_anew or await asyncio.to_thread(_must_look_anew, root, seen, touched):
                    return


def folder_of(root: str, path: str) -> str | None:
    """The user's folder, by name, that a change at `path` bears on; None for what a sync does not read.

    What counts are category files, lines of items, resources, and folders that come, go or change.
    """
    folder, *inside = path[len(root) :].strip(os.sep).split(os.sep)  # noqa: PTH206  (text in, text out)
    if not folder or folder.startswith(".") or folder.endswith(_DROPPINGS):
        return None
    if not inside or inside == [USER_FILE]:
        return folder
    kind, *rest = inside
    if kind not in _SUFFIXES:
        return None
    if not rest:
        return folder
    name = rest[-1]
    hidden = any(part.startswith(".") for part in rest) or name.endswith(_DROPPINGS)
    nested = len(rest) > 1 and kind != "resources"
    return None if hidden or nested or not name.endswith(_SUFFIXES[kind]) else folder


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _must_look_anew(root: str, seen: tuple[int, int], touched: list[str]) -> bool:
    """Where the store is another folder by now, or a folder in it may have become one that can be read."""
    return _identity(root) != seen or any(map(os.path.isdir, touched))
