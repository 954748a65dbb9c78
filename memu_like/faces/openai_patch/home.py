"""The loop that a client's memory lives in: that of its service, or a thread of its own until the end."""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from ...errors import ConfigError
from ...service import MemoryService

T = TypeVar("T")
Work = Callable[[], Coroutine[Any, Any, T]]
END_SECONDS = 30.0
"""At the program's end, what is being saved gets so long."""
log = logging.getLogger("memu_like")


class Home:
    """Runs work where the service lives. A service that nobody has entered is entered here, in a thread."""

    def __init__(self, service: MemoryService) -> None:
        self.service = service
        self._loop: asyncio.AbstractEventLoop | None = service.loop
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._pending: set[Future[Any]] = set()
        self._closed = False

    @property
    def is_here(self) -> bool:
        """Whether the caller runs in the service's own loop."""
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    def begin(self, work: Work[T]) -> Future[T]:
        """Begin work, from any thread, and do not wait. Raises RuntimeError where the loop is closed."""
        coroutine, loop = work(), self._started()
        try:
            job = asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError:
            coroutine.close()
            raise
        self._pending.add(job)
        job.add_done_callback(self._pending.discard)
        return job

    def wait(self, work: Work[T]) -> T:
        """For a sync client. Raises ConfigError where it would wait for the loop that it blocks."""
        if self.is_here:
            raise ConfigError(
                "a sync client would block the loop that its MemoryService runs in: use AsyncOpenAI, or give"
                " openai_memory the path of the store"
            )
        return self.begin(work).result()

    async def run(self, work: Work[T]) -> T:
        """For an async client."""
        self._started()
        return await (work() if self.is_here else asyncio.wrap_future(self.begin(work)))

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._closed:
                raise RuntimeError("this memory is closed: patch another client")
            if self._loop is None:
                self._loop = self._start()
            return self._loop

    def _start(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, name="memu-like memory", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.service.__aenter__(), loop).result()
        _at_end(self.close)
        return loop

    def close(self) -> None:
        """Wait for what is being saved; a loop of our own ends, and its service. Again, it is nothing."""
        with self._starting:
            if self._closed:
                return
            self._closed = True
        if self._thread is None:
            return  # the loop is its owner's
        self._settle()
        loop = self._loop
        assert loop is not None
        asyncio.run_coroutine_threadsafe(self.service.close(), loop).result(END_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join(END_SECONDS)
        loop.close()

    def _settle(self) -> None:
        for job in list(self._pending):
            try:
                job.exception(END_SECONDS)
            except TimeoutError:
                log.error("the program ended while something was still being saved")


def _at_end(close: Callable[[], None]) -> None:
    """Have `close` called before the interpreter stops its thread pools, which saving needs.

    `atexit` comes after that; what comes before has no public name.
    """
    register = getattr(threading, "_register_atexit", atexit.register)
    register(close)
