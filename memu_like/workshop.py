"""Threads and folders: where blocking work goes, and which users' folders are open at once.

Blocking work goes to a thread in one place, `Workshop._submit`. Each open folder has two desks, one to read
at and one to write at, so that a search never waits for a run.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Concatenate, ParamSpec, TypeVar

from .building import build_tools, rebuilt_tools
from .committer import Committer
from .config import Settings
from .edges.folder import RUN_LOCK, UserFolder
from .edges.index.index import Index
from .edges.llm.base import Model
from .edges.llm.meter import Meter
from .edges.vector_cache import cached
from .errors import ConfigError, StoreBusy
from .usecases.desk import Desk, Tools, steady

P = ParamSpec("P")
T = TypeVar("T")
WORKERS = 8
RUN_POLL_SECONDS = 0.02
"""How often another process's model run is asked after: it takes seconds."""


@dataclass(slots=True)
class OpenFolder:
    """One folder in use. Its two desks each serve one call at a time."""

    folder: UserFolder
    tools: Tools
    users: int = 0
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    running: asyncio.Lock = field(default_factory=asyncio.Lock)
    reader: Desk = field(init=False)
    writer: Desk = field(init=False)

    def __post_init__(self) -> None:
        tools = self.tools
        # Vectors that cost a model run or a request are kept, so that a rebuilt index never pays twice.
        embedder = cached(tools.embedder, self.folder.costs / "vectors") if tools.embedder else None
        self.reader, self.writer = (
            Desk(self.folder, Index(self.folder, embedder, tools.words, tools.timezone), tools)
            for _ in range(2)
        )


class Workshop:
    """The threads, the open folders and the tools of one service."""

    def __init__(self, settings: Settings, model: Model | None) -> None:
        self.settings = settings
        self._model = model
        self.commits = Committer(settings)
        self._open: OrderedDict[Path, OpenFolder] = OrderedDict()
        self._pool = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="memu-like")
        self._tools: Tools | None = None
        self._starting = asyncio.Lock()

    async def close(self) -> None:
        """Wait for the threads at work, and for what they wrote to be committed, and close the folders."""
        await asyncio.to_thread(self._pool.shutdown)
        await self.commits.close()
        self._open.clear()
        if self._tools is not None and self._tools.model is not None and self._model is None:
            await self._tools.model.close()  # one that was handed in is its owner's

    async def tools(self) -> Tools:
        """The edges, built at first use."""
        async with self._starting:
            if self._tools is None:
                self._tools = await self.blocking(partial(build_tools, self.settings, self._model))
            return self._tools

    async def rebuilt(self, settings: Settings) -> Tools:
        """The same edges under other settings of the profile and the prompts. Raises ConfigError."""
        return await self.blocking(partial(rebuilt_tools, await self.tools(), settings))

    async def use(self, tools: Tools) -> None:
        """Work with these tools from the next call on; a call at work ends with those that it began with."""
        self._tools, self.settings = tools, tools.settings
        for opened in list(self._open.values()):
            opened.tools = tools
            async with opened.writing:
                opened.writer.tools = tools
            async with opened.reading:
                opened.reader.tools = tools

    async def room(self, folder: UserFolder) -> Room:
        return Room(self, folder, await self.tools())

    def forget(self, folder: UserFolder) -> None:
        """A folder that is gone needs no desks."""
        self._open.pop(folder.root, None)

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        try:
            return self._pool.submit(work)
        except RuntimeError as error:
            raise RuntimeError("this MemoryService is closed: open another one") from error

    async def blocking(self, work: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._submit(work))

    async def alone(self, lock: asyncio.Lock, work: Callable[[], T]) -> T:
        """Run `work` in a thread under `lock`.

        A thread cannot be stopped: where the caller is cancelled, `lock` is held until the thread has ended.
        """
        await lock.acquire()
        try:
            job = self._submit(work)
        except RuntimeError:
            lock.release()
            raise
        ended = asyncio.wrap_future(job)
        ended.add_done_callback(lambda _: lock.release())
        try:
            return await asyncio.shield(ended)
        except asyncio.CancelledError:
            job.cancel()  # one that has not begun never does
            raise

    async def enter(self, held: ExitStack, context: AbstractContextManager[object]) -> None:
        """Enter `context`, which blocks, in a thread; cancelled, it is left again."""
        entering = asyncio.wrap_future(self._submit(partial(held.enter_context, context)))
        try:
            await asyncio.shield(entering)
        except asyncio.CancelledError:
            entering.add_done_callback(lambda _: held.close())
            raise

    @asynccontextmanager
    async def folder(self, folder: UserFolder) -> AsyncIterator[OpenFolder]:
        """The open folder; while it is in use it is not closed, however many others are opened."""
        tools = await self.tools()
        opened = self._open.get(folder.root)
        if opened is None:
            opened = self._open[folder.root] = OpenFolder(folder, tools)
        self._open.move_to_end(folder.root)
        opened.users += 1
        try:
            yield opened
        finally:
            opened.users -= 1
            self._close_surplus()

    def _close_surplus(self) -> None:
        for root in [key for key, opened in self._open.items() if not opened.users]:
            if len(self._open) <= self.settings.open_folders:
                return
            del self._open[root]

    async def read(
        self, folder: UserFolder, work: Callable[Concatenate[Desk, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        async with self.folder(folder) as opened:
            desk = opened.reader
            read = partial(steady, desk, lambda: work(_existing(desk), *args, **kwargs))
            return await self.alone(opened.reading, read)

    async def write_beside(
        self, folder: UserFolder, work: Callable[Concatenate[Desk, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """For writes that do not wait for a run: they have a lock of their own on disk."""
        async with self.folder(folder) as opened:
            return await self.blocking(partial(work, opened.writer, *args, **kwargs))

    async def write(
        self, folder: UserFolder, work: Callable[Concatenate[Desk, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        async with self.folder(folder) as opened:
            self.commits.attend(opened.writer)
            return await self.alone(
                opened.writing, partial(self._committing, work, opened.writer, *args, **kwargs)
            )

    def _committing(
        self, work: Callable[Concatenate[Desk, P], T], desk: Desk, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What a call that failed has written waits for the next one, which finishes or undoes it."""
        done = work(desk, *args, **kwargs)
        self.commits.take(desk)
        return done


def _existing(desk: Desk) -> Desk:
    """The desk, if its folder is there. Raises NotFound."""
    desk.folder.require()
    return desk


@dataclass(frozen=True, slots=True)
class Room:
    """See `usecases.desk.Room`."""

    shop: Workshop
    folder: UserFolder
    tools: Tools

    async def read(self, work: Callable[[Desk], T]) -> T:
        return await self.shop.read(self.folder, work)

    async def write(self, work: Callable[[Desk], T]) -> T:
        return await self.shop.write(self.folder, work)

    async def write_beside(self, work: Callable[[Desk], T]) -> T:
        return await self.shop.write_beside(self.folder, work)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.shop.folder(self.folder) as opened, opened.running:
            with ExitStack() as held:
                await self._take_run_lock(held)
                yield

    async def _take_run_lock(self, held: ExitStack) -> None:
        """Without a thread that waits: a model thinks for long, and the threads are few."""
        timeout = self.tools.settings.lock_timeout_seconds
        until = monotonic() + timeout
        while True:
            try:
                return await self.shop.enter(held, self.folder.lock(RUN_LOCK, timeout=0))
            except StoreBusy as error:
                if monotonic() >= until:
                    raise StoreBusy(self.folder.root, timeout) from error
            await asyncio.sleep(RUN_POLL_SECONDS)

    def meter(self) -> Meter:
        if self.tools.model is None:
            raise ConfigError(
                "no language model is configured: set llm_model, and llm_base_url or llm_api_key"
            )
        settings, now = self.tools.settings, self.tools.now
        return Meter(self.tools.model, settings, now, ledger=self.folder.costs)
