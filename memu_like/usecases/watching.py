"""Watching: one sync for each burst of changes, and whoever listens is told what it took in."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from ..edges.watcher import Burst, Watcher
from ..errors import MemuLikeError, NotFound
from ..results import SyncReport

KEPT_REPORTS = 1000
"""Who listens and does not read loses the oldest of more reports than this: the watch waits for nobody."""
RETRY_SECONDS = 30.0
"""A folder that could not be read or told is tried again so often, for no change may say that it can be."""

Sync = Callable[[str], Awaitable[SyncReport]]
Users = Callable[[frozenset[str] | None], Awaitable[tuple[Sequence[str], Sequence[str]]]]
"""Whose the folders of these names are now (None: all folders), and what is wrong with any of them."""

_log = logging.getLogger("memu_like.watch")


@dataclass(eq=False, slots=True)
class _Listener:
    """`user_id` None listens to all."""

    user_id: str | None
    reports: deque[SyncReport] = field(default_factory=lambda: deque(maxlen=KEPT_REPORTS))
    come: asyncio.Event = field(default_factory=asyncio.Event)


class Watch:
    """The watch of one store. It runs from `start`, or while somebody listens."""

    def __init__(self, watcher: Watcher, users: Users, sync: Sync) -> None:
        self._watcher, self._users, self._sync = watcher, users, sync
        self._listeners: list[_Listener] = []
        self._task: asyncio.Task[None] | None = None
        self._always = False
        self._closed = False
        self._troubled: dict[str, SyncReport] = {}

    def start(self) -> None:
        """Watch until `close`, whether anybody listens or not."""
        self._always = True
        self._begin()

    async def close(self) -> None:
        """A sync under way is waited for; whoever listens comes to the end."""
        self._closed = True
        for listener in self._listeners:
            listener.come.set()
        await self._end()

    async def reports(self, user_id: str | None = None) -> AsyncGenerator[SyncReport, None]:
        """The reports of syncs that took something in, held something back or met a problem."""
        if self._closed:
            raise RuntimeError("this MemoryService is closed: open another one")
        listener = _Listener(user_id)
        self._listeners.append(listener)
        self._begin()
        try:
            while not self._closed:
                await listener.come.wait()
                listener.come.clear()
                while listener.reports:
                    yield listener.reports.popleft()
        finally:
            self._listeners.remove(listener)
            if not self._listeners and not self._always:
                await self._end()

    def _begin(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="memu-like watch")
        elif not self._always:
            self._watcher.note(everything=True)  # of a user whom nobody asked about before

    async def _end(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    # -- the loop

    async def _run(self) -> None:
        following = asyncio.create_task(self._watcher.run(), name="memu-like watcher")
        try:
            while True:
                try:
                    await self._step(following)
                except Exception as error:  # noqa: BLE001  # the watch goes on, and says what it met
                    self._tell(SyncReport("", problems=(_said(error),)))
                    following = await self._followed(following)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _step(self, following: asyncio.Task[None]) -> None:
        """One burst, or what is to be tried again."""
        waiting = asyncio.create_task(self._watcher.burst())
        try:
            patience = RETRY_SECONDS if self._troubled else None
            await asyncio.wait({waiting, following}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            burst = waiting.result() if waiting.done() else Burst()
        finally:
            waiting.cancel()
        if burst.problem:
            self._tell(SyncReport("", problems=(burst.problem,)))
        again = () if burst.folders or burst.everything or burst.problem else tuple(self._troubled)
        for user_id in (*again, *await self._changed(burst)):
            await self._sync_one(user_id)
        if following.done():
            following.result()

    async def _followed(self, following: asyncio.Task[None]) -> asyncio.Task[None]:
        """The watcher at work, begun again where it has failed."""
        if not following.done():
            return following
        await asyncio.sleep(RETRY_SECONDS)
        return asyncio.create_task(self._watcher.run(), name="memu-like watcher")

    async def _changed(self, burst: Burst) -> list[str]:
        """Those whose folders have changed, that are there, and that somebody wants watched."""
        if not burst.folders and not burst.everything:
            return []
        users, problems = await self._users(None if burst.everything else burst.folders)
        if problems:
            self._tell(SyncReport("", problems=tuple(problems)))
        return sorted(filter(self._is_wanted, users))

    def _is_wanted(self, user_id: str) -> bool:
        return self._always or any(one.user_id in (None, user_id) for one in self._listeners)

    async def _sync_one(self, user_id: str) -> None:
        try:
            report = await self._sync(user_id)
        except NotFound:  # the folder went between the look and the sync: nothing follows from that
            self._troubled.pop(user_id, None)
            return
        except Exception as error:  # noqa: BLE001  # another user's folder must not wait for this one's
            report = SyncReport(user_id, problems=(_said(error),))
        before = self._troubled.pop(user_id, None)
        if report.problems or report.held:
            self._troubled[user_id] = report
        known = before is not None and (before.problems, before.held) == (report.problems, report.held)
        if report.edits or ((report.problems or report.held) and not known):
            self._tell(report)

    def _tell(self, report: SyncReport) -> None:
        listening = [one for one in self._listeners if one.user_id in (None, report.user) or not report.user]
        for listener in listening:
            listener.reports.append(report)
            listener.come.set()
        for problem in report.problems if not listening else ():
            _log.warning("%s: %s", report.user or "watch", problem)


def _said(error: Exception) -> str:
    """Ours say what to do; of any other, at least what it is."""
    return str(error) if isinstance(error, MemuLikeError) else f"{type(error).__name__}: {error}"
