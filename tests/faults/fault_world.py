"""A hostile world around the code, from outside: death at the n-th act on the disk, torn writes, a full disk.

`Death` looks on through an audit hook and at `os.fsync`; nothing of memu_like is patched.
"""

from __future__ import annotations

import errno
import itertools
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path

ACTS = frozenset(["os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"])
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Death:
    """Counts what is done below `place`, and kills this process at act number `at` (from 1; 0: never).

    With `torn`, a death at a sync leaves only a part of what the file was about to make durable, as a power
    cut may; with `first_line`, no whole line of it. An act is an open for writing, a rename, a removal, a new
    folder, or either side of a sync.
    """

    def __init__(
        self, place: str, at: int = 0, torn: bool = False, seed: int = 0, *, first_line: bool = False
    ) -> None:
        self.acts = 0
        self._place = place + os.sep
        self._at = at
        self._torn = torn
        self._first_line = first_line
        self._random = random.Random(seed)
        self._numbers = itertools.count(1)
        self._sizes: dict[str, int] = {}
        self._fsync: Callable[[int], None] = os.fsync

    def watch(self) -> None:
        sys.addaudithook(self._hear)
        os.fsync = self._sync

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if event != "open" and event not in ACTS:
            return
        path = arguments[0]
        if not isinstance(path, str) or not path.startswith(self._place) or path.endswith("lock"):
            return
        if event == "open":
            if not (isinstance(arguments[2], int) and arguments[2] & WRITING):
                return
            self._sizes[path] = os.stat(path).st_size if os.path.exists(path) else 0  # noqa: PTH110, PTH116
        self.act()

    def act(self) -> None:
        """Count one act; also called for what is none of the disk's, such as a call of a model."""
        self.acts = next(self._numbers)
        if self.acts == self._at:
            os.kill(os.getpid(), signal.SIGKILL)

    def _sync(self, handle: int) -> None:
        self.acts = next(self._numbers)
        if self.acts == self._at:
            if self._torn:
                self._tear(handle)
            os.kill(os.getpid(), signal.SIGKILL)
        self._fsync(handle)
        self.act()

    def _tear(self, handle: int) -> None:
        size = os.fstat(handle).st_size
        path = os.readlink(f"/proc/self/fd/{handle}") if os.path.isdir("/proc/self/fd") else ""  # noqa: PTH112, PTH115
        start = self._sizes.get(path, size)
        if self._first_line and start < size:
            line = Path(path).read_bytes().find(b"\n", start)
            size = line + 1 if line >= 0 else size
        if start < size:
            os.ftruncate(handle, self._random.randrange(start, size))


class FullDisk(Death):
    """Refuses `count` acts from number `at` on, as a full disk does: what takes no room goes on."""

    def __init__(self, place: str, at: int = 0, count: int = 1) -> None:
        super().__init__(place, at)
        self._count = count

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in ("os.remove", "os.rmdir"):
            super()._hear(event, arguments)

    def act(self) -> None:
        self.acts = next(self._numbers)
        if self._at <= self.acts < self._at + self._count:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _sync(self, handle: int) -> None:
        self.act()
        self._fsync(handle)
