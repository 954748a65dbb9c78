"""Flushing in the background: which users' buffers are due, and so many flushes at once.

What is due is told by the files alone, so a process that is killed loses nothing of it: the next one looks
through the store, a few folders at a time. In memory there is a number for each user who waits, no more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from ..config import Settings
from ..errors import MemuLikeError, NotFound
from ..results import MemorizeReport

MAX_NOTED = 100_000
"""So many users are kept in mind; those beyond are found by a later look through the store."""
MAX_PAUSE_SECONDS = 3600.0
TICK_SECONDS = 1.0
SWEEP_SECONDS = 300.0
"""How often the whole store is looked through, for what other processes left or added."""

LOOKS_AT_ONCE = 64
LOOK_SECONDS = 0.05
"""What is added within this time is looked at together: an insert must not wait for looks."""

_log = logging.getLogger("memu_like.flush")


@dataclass(frozen=True, slots=True)
class Waits:
    """What waits in one folder. `idle` is the time since the last message came, in seconds.

    `over`: the buffer has more tokens than it is to hold. `interrupted`: a flush was cut short. `tries`: how
    often the runs that wait for a language model were tried, None where none waits or all were given up.
    """

    idle: float | None = None
    over: bool = False
    interrupted: bool = False
    tries: int | None = None
    since_try: float = 0.0


Look = Callable[[Sequence[str]], Awaitable[Mapping[str, Waits]]]
"""What waits for each of these users; one for whom nothing does is left out."""
Flush = Callable[[str, bool], Awaitable[MemorizeReport | None]]
"""Whether failed runs are to be made again too is told; None where the user is gone."""
Sweep = Callable[[], AsyncIterator[str]]
"""The users in whose folders something waits."""


@dataclass(frozen=True, slots=True)
class _Tries:
    """How often a user's flush failed, and the time of the loop before which it is not tried again."""

    count: int
    until: float


class Flusher:
    """The background of one service. Its tasks run from `start`, or from the first `soon`."""

    def __init__(self, settings: Settings, look: Look, flush: Flush, sweep: Sweep) -> None:
        self.settings = settings
        self._look, self._flush, self._sweep = look, flush, sweep
        self._changed: dict[str, None] = {}
        self._due: dict[str, float] = {}
        self._tries: dict[str, _Tries] = {}
        self._errors: dict[str, str] = {}
        self._queued: set[str] = set()
        self._running: set[str] = set()
        self._ready: asyncio.Queue[str] = asyncio.Queue()
        self._come = asyncio.Event()
        self._watching: list[asyncio.Task[None]] = []
        self._workers: list[asyncio.Task[None]] = []
        self._closed = False

    @property
    def errors(self) -> Mapping[str, str]:
        """The users whose last flush failed, with what it said."""
        return self._errors

    # -- what the verbs tell

    def changed(self, user_id: str) -> None:
        """Something was added to a user's buffer."""
        if len(self._changed) < MAX_NOTED:
            self._changed[user_id] = None
            self._come.set()

    def soon(self, user_id: str) -> None:
        """Flush as soon as a worker is free. Raises RuntimeError where the service is closed."""
        if self._closed:
            raise RuntimeError("this MemoryService is closed: open another one")
        self._begin_workers()
        self._make_ready(user_id)

    def flushing(self, user_id: str) -> None:
        """What was added up to now is taken by a flush that begins."""
        self._changed.pop(user_id, None)

    def flushed(self, user_id: str, report: MemorizeReport) -> None:
        """What came of a flush, whoever asked for it: runs that were kept are tried again later."""
        if not report.kept:
            self._tries.pop(user_id, None)
            self._errors.pop(user_id, None)
        elif any(kept.attempts < self.settings.flush_retries for kept in report.kept):
            self._failed(user_id, report.kept[0].error)
        else:
            self._tries.pop(user_id, None)
            self._errors[user_id] = report.kept[0].error

    def forgotten(self, user_id: str) -> None:
        for noted in (self._changed, self._due, self._tries, self._errors):
            noted.pop(user_id, None)

    # -- from start to end

    def start(self) -> None:
        """Look after all buffers of the store until `close`."""
        if not self._watching:
            self._begin_workers()
            loops: tuple[tuple[str, Callable[[], Coroutine[None, None, None]]], ...] = (
                ("looks", self._look_at_changed),
                ("clock", self._watch_the_clock),
                ("sweep", self._look_through),
            )
            self._watching = [asyncio.create_task(run(), name=f"memu-like {name}") for name, run in loops]

    def _begin_workers(self) -> None:
        for number in range(len(self._workers), self.settings.background_workers):
            self._workers.append(asyncio.create_task(self._work(), name=f"memu-like flush {number}"))

    async def drain(self, flush: bool) -> None:
        """Begin nothing new; wait for what is due. With `flush`, that is every buffer."""
        await _end(self._watching)
        if flush:
            for user_id in (*self._changed, *self._due):
                self.soon(user_id)
        await self._ready.join()

    async def close(self) -> None:
        """Leave what is not done yet: it stays buffered, or waits for the next flush."""
        self._closed = True
        await _end(self._watching)
        await _end(self._workers)

    # -- what is due

    async def _look_at_changed(self) -> None:
        while True:
            await self._come.wait()
            self._come.clear()
            await asyncio.sleep(LOOK_SECONDS)
            while self._changed:
                batch = list(islice(self._changed, LOOKS_AT_ONCE))
                for user_id in batch:
                    del self._changed[user_id]
                await self._guarded("look at buffers", self._look_at(batch))

    async def _look_at(self, user_ids: Sequence[str]) -> None:
        for user_id, found in (await self._look(user_ids)).items():
            if user_id not in self._queued:
                self._decide(user_id, found)

    def _decide(self, user_id: str, found: Waits) -> None:
        if found.over or (found.interrupted and user_id not in self._running):
            self._make_ready(user_id)
            return
        now, due = asyncio.get_running_loop().time(), []
        if found.idle is not None:
            due.append(now + self.settings.buffer_flush_interval - found.idle)
        if found.tries is not None:
            pause = self._pause(found.tries) - found.since_try
            due.append(self._tries.setdefault(user_id, _Tries(found.tries, now + pause)).until)
        if due:
            self._note(user_id, min(due))

    def _note(self, user_id: str, due: float) -> None:
        if user_id in self._due or len(self._due) < MAX_NOTED:
            self._due[user_id] = due

    def _pause(self, tries: int) -> float:
        """Before what has failed so often is tried again: twice as long each time."""
        first = self.settings.flush_retry_seconds
        return float(min(MAX_PAUSE_SECONDS, first * 2 ** min(max(tries - 1, 0), 30)))

    async def _watch_the_clock(self) -> None:
        tick = min(TICK_SECONDS, self.settings.buffer_flush_interval / 4, self.settings.flush_retry_seconds)
        while True:
            now = asyncio.get_running_loop().time()
            for user_id in [one for one, due in self._due.items() if due <= now]:
                self._make_ready(user_id)
            await asyncio.sleep(tick)

    async def _look_through(self) -> None:
        while True:
            await self._guarded("look through the store", self._sweep_once())
            await asyncio.sleep(min(SWEEP_SECONDS, max(1.0, self.settings.buffer_flush_interval)))

    async def _sweep_once(self) -> None:
        async for user_id in self._sweep():
            self.changed(user_id)

    # -- the flushes

    def _make_ready(self, user_id: str) -> None:
        self._due.pop(user_id, None)
        if user_id not in self._queued:
            self._queued.add(user_id)
            if user_id not in self._running:  # else once that has ended
                self._ready.put_nowait(user_id)

    async def _work(self) -> None:
        while True:
            user_id = await self._ready.get()
            self._queued.discard(user_id)
            self._running.add(user_id)
            try:
                await self._flush_one(user_id)
            finally:
                self._running.discard(user_id)
                if user_id in self._queued:
                    self._ready.put_nowait(user_id)
                self._ready.task_done()

    async def _flush_one(self, user_id: str) -> None:
        tried = self._tries.get(user_id)
        retry = tried is not None and tried.until <= asyncio.get_running_loop().time()
        try:
            report = await self._flush(user_id, retry)
        except NotFound:
            self.forgotten(user_id)
        except Exception as error:  # noqa: BLE001  # another user's buffer must not wait for this one's
            self._failed(user_id, _said(error))
            _log.warning("%s: not flushed, and tried again: %s", user_id, _logged(error))
        else:
            if report is None:
                self.forgotten(user_id)

    def _failed(self, user_id: str, error: str) -> None:
        before = self._tries.get(user_id)
        if before is None and len(self._tries) >= MAX_NOTED:
            return  # found again by a look through the store
        count = before.count + 1 if before else 1
        until = asyncio.get_running_loop().time() + self._pause(count)
        self._tries[user_id], self._errors[user_id] = _Tries(count, until), error
        if self._watching:
            self._note(user_id, until)

    async def _guarded(self, what: str, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  # the next look may succeed, and the others go on
            _log.warning("cannot %s: %s", what, _logged(error))


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    tasks.clear()


def _said(error: Exception) -> str:
    """Ours say what to do; of any other, at least what it is."""
    return str(error) if isinstance(error, MemuLikeError) else f"{type(error).__name__}: {error}"


def _logged(error: Exception) -> str:
    """The same without the words of a mistake, which may quote what somebody said."""
    return _said(error) if isinstance(error, MemuLikeError | OSError) else type(error).__name__
