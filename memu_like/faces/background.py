"""Work that nobody waits for: kept until it is done, logged where it fails, waited for at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger("memu_like")


class Background:
    """Jobs of one event loop. What a job raises is logged by its kind, never by what was remembered."""

    def __init__(self) -> None:
        self._jobs: set[asyncio.Task[object]] = set()

    async def run(self, work: Coroutine[Any, Any, object], purpose: str, patience: float) -> bool:
        """Begin `work`, and wait `patience` seconds for it. Returns whether it has ended well by then."""
        job: asyncio.Task[object] = asyncio.create_task(_told(work, purpose))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        done, _ = await asyncio.wait([job], timeout=patience)
        return bool(done) and job.result() is True

    async def close(self) -> None:
        """Wait for all that was begun."""
        while self._jobs:
            await asyncio.wait(self._jobs)


async def _told(work: Coroutine[Any, Any, object], purpose: str) -> bool:
    try:
        await work
    except Exception as error:  # noqa: BLE001  # a face: nobody awaits this, so the log is told
        log.error("%s failed: %s", purpose, type(error).__name__)
        return False
    return True
