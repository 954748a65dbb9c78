"""Work that was asked for and is not waited for; at the end of the server it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from ...errors import MemuLikeError

LOG = logging.getLogger("memu_like.server")


class Jobs:
    """Tasks of one app."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(self._run(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except MemuLikeError as error:
            LOG.error("in the background: %s: %s", type(error).__name__, error)

    async def finish(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)
