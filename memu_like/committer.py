"""Commits in the background: what runs write is queued, and one thread commits it in order.

A run does no more than hand over what it wrote. Where git fails, nothing is lost: the files are the memory,
what waits is tried again with the next run, and what a process could not commit, the next one does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import Event, Lock
from time import monotonic, time_ns
from typing import TypeVar

from .building import now
from .config import Settings
from .edges.git.committing import tidy
from .edges.git.repository import Repository
from .edges.recording import MAX_HELD_BYTES, Recorder, Written
from .errors import GitError, StorageError
from .results import MemorizeReport, SyncReport
from .usecases.committing import commit_jobs
from .usecases.composing import Job
from .usecases.desk import Desk

MAX_BATCH = 64
QUIET_SECONDS, AT_MOST_SECONDS = 0.1, 1.0
"""Git starts once no run has ended for so long, or so long after the first: runs that follow each other share
its processes, and do not compete with them."""
MAX_LOOKED_AT = 4096
"""Users whose folders are known to have nothing left behind; beyond that some are looked at again."""


R = TypeVar("R", MemorizeReport, SyncReport)


class Committer:
    """One store's commits. Threads hand over to it; it has one thread of its own, begun when it is needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = settings.store.absolute()
        self._lock = Lock()
        self._waiting: list[Job] = []
        self._since = self._last = 0.0
        self._hurry = Event()
        self._looked_at: set[str] = set()
        self._pool: ThreadPoolExecutor | None = None
        self._working: Future[None] | None = None
        self._repository: Repository | None = None
        self._problem: str | None = None
        self._notes: dict[str, None] = {}

    def attend(self, desk: Desk) -> None:
        """Have what is written at this desk recorded, if a repository is to hold it."""
        folder = desk.folder
        if folder.recorder is not None or folder.store != self._store or not self.is_wanted():
            return
        if not (folder.root / ".git").exists():  # a repository of the user's own is none of the store's
            folder.recorder = Recorder()

    def is_wanted(self) -> bool:
        """Whether a repository is to hold the store, as far as it can be told without starting git."""
        if self._settings.git == "off":
            return False
        places = [self._store]
        if self._settings.git == "on":
            places += self._store.parents
        return any((place / ".git").exists() for place in places)

    def take(self, desk: Desk) -> None:
        """Hand over what was written at this desk since the last time. Some microseconds."""
        recorder = desk.folder.recorder
        if recorder is None:
            return
        written, user = recorder.drain(), desk.folder.user_id
        fresh = user not in self._looked_at
        if not (fresh or written.parts or written.unseen):
            return
        with self._lock:
            if len(self._looked_at) >= MAX_LOOKED_AT:
                self._looked_at.clear()
            self._looked_at.add(user)
            self._last = monotonic()
            self._since = self._since if self._waiting else self._last
            self._waiting.append(Job(desk, written, now(), time_ns(), fresh))
            self._bound()
        self._start()

    def problems(self) -> tuple[str, ...]:
        """What keeps commits from being made, as far as it is known by now, and what was noticed of late."""
        with self._lock:
            found = (*([self._problem] if self._problem else []), *self._notes)
            self._notes.clear()
        return found

    def tell(self, report: R) -> R:
        """The report, with the problems among what is degraded."""
        problems: tuple[str, ...] = self.problems()
        return replace(report, degraded=(*report.degraded, *problems)) if problems else report

    async def settled(self) -> tuple[str, ...]:
        """Wait until all is committed, or cannot be; returns the `problems`."""
        await self.finish()
        return self.problems()

    async def close(self) -> None:
        await self.finish()
        if self._pool is not None:
            await asyncio.to_thread(self._pool.shutdown)
            self._pool = None

    async def finish(self) -> None:
        """Wait until all is committed, or cannot be."""
        self._hurry.set()
        working = self._start()
        while working is not None:
            await asyncio.shield(asyncio.wrap_future(working))
            with self._lock:
                working = self._working if self._working is not working else None
        self._hurry.clear()

    # -- the thread

    def _start(self) -> Future[None] | None:
        with self._lock:
            if self._waiting and (self._working is None or self._working.done()):
                if self._pool is None:
                    self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="memu-like-git")
                self._working = self._pool.submit(self._work)
            return self._working

    def _work(self) -> None:
        while batch := self._next_batch():
            try:
                notes = self._commit(batch)
            except (GitError, StorageError, OSError) as error:
                self._put_back(batch, f"not committed to git: {error}")
                return
            with self._lock:
                self._problem = None
                self._notes.update(dict.fromkeys(notes))

    def _next_batch(self) -> list[Job]:
        while (pause := self._pause()) > 0:
            self._hurry.wait(pause)
        with self._lock:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            if not batch:
                self._working = None
        return batch

    def _pause(self) -> float:
        """Seconds until git should start."""
        with self._lock:
            if not self._waiting or self._hurry.is_set():
                return 0.0
            return min(self._last + QUIET_SECONDS, self._since + AT_MOST_SECONDS) - monotonic()

    def _commit(self, batch: Sequence[Job]) -> tuple[str, ...]:
        if self._repository is None:
            self._repository = Repository.find(self._store)
        if self._repository is None:
            raise GitError(f"no repository holds {self._store}: run `memu-like init --git`")
        try:
            done = commit_jobs(self._repository, batch, self._settings.git_author)
            if done.commits:
                tidy(self._repository)
        except GitError:
            self._repository = None  # it may have been moved, or made anew
            raise
        return done.notes

    def _put_back(self, batch: list[Job], problem: str) -> None:
        with self._lock:
            self._waiting = [*batch, *self._waiting]
            self._problem = problem
            self._working = None
            self._bound()

    def _bound(self) -> None:
        """What waits for long is not held in memory: it is on disk, and told from there."""
        if sum(job.written.size for job in self._waiting) > MAX_HELD_BYTES:
            last = {job.folder.root: job for job in self._waiting}
            self._waiting = [
                Job(job.desk, Written(unseen=True), job.time, job.ended) for job in last.values()
            ]
