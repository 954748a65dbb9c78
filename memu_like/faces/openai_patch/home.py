"""Where a client's memory lives: in the loop that its service was entered in, else in a thread of its own."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import cache
from typing import Any, TypeVar

from ...errors import ConfigError
from ...service import MemoryService

T = TypeVar("T")
Work = Callable[[], Coroutine[Any, Any, T]]
END_SECONDS = 30.0
"""Saving, and a run that a model has begun, get so long when the program ends."""
ENDED = "this client's MemoryService, or the loop that it was entered in, has ended: patch another client"
log = logging.getLogger("memu_like")

_starting = threading.Lock()
_running: set[Home] = set()


class Home:
    """Runs work in the service's loop. A service that nobody has entered is entered here, at first use."""

    def __init__(self, service: MemoryService) -> None:
        self.service = service
        self._thread: threading.Thread | None = None
        self._process = os.getpid()
        self._closing = threading.Lock()
        self._is_closed = False

    def begin(self, work: Work[T]) -> Future[T]:
        """Begin work, from any thread, and do not wait. Raises ConfigError where there is no loop for it."""
        loop, coroutine = self._loop(), work()
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError as error:  # it was closed in between
            coroutine.close()
            raise ConfigError(ENDED) from error

    @property
    def is_running(self) -> bool:
        loop = self.service.loop
        return loop is not None and loop.is_running() and self._process == os.getpid()

    def wait(self, work: Work[T]) -> T:
        """For a sync client. Raises ConfigError where it would wait for the loop that it blocks."""
        if _is_current(self.service.loop):
            raise ConfigError(
                "a sync client would block the loop that its MemoryService runs in: use AsyncOpenAI, or give"
                " openai_memory the path of the store"
            )
        return self.begin(work).result()

    async def run(self, work: Work[T]) -> T:
        """For an async client."""
        return await asyncio.wrap_future(self.begin(work))

    def close(self) -> None:
        """End the thread and its service, once all is saved. Again, or without a thread, it is nothing."""
        with self._closing:
            if self._thread is None or self._is_closed or self._process != os.getpid():
                return
            loop = self._loop()
            try:
                asyncio.run_coroutine_threadsafe(self.service.close(), loop).result(END_SECONDS)
            except TimeoutError:
                log.error("memory was still at work after %g s; what is buffered is kept", END_SECONDS)
                return
            finally:
                self._is_closed = True
                _running.discard(self)
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()
            loop.close()

    def _loop(self) -> asyncio.AbstractEventLoop:
        # Without the lock once it is there: a stream that the garbage collector drops ends up here, wherever
        # its thread is.
        loop = self.service.loop
        if loop is None:
            with _starting:
                loop = self.service.loop or self._start()
        if self._thread is not None and self._process != os.getpid():
            raise ConfigError("memory was in use before this process was forked: patch a client of its own")
        if self._is_closed or not loop.is_running():
            raise ConfigError(ENDED)
        return loop

    def _start(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        self._process = os.getpid()
        self._thread = threading.Thread(target=loop.run_forever, name="memu-like memory", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.service.__aenter__(), loop).result()
        _running.add(self)
        _close_at_end()
        return loop


def _is_current(loop: asyncio.AbstractEventLoop | None) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


@cache
def _close_at_end() -> None:
    """Before the interpreter stops its thread pools, which saving needs: `atexit` comes after that.

    What comes before has no public name.
    """
    register = getattr(threading, "_register_atexit", atexit.register)
    register(_close_all)


def _close_all() -> None:
    for home in list(_running):
        home.close()
