"""A real server for tests: uvicorn in a thread, on a free port, over a store of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memu_like import MemoryService
from memu_like.faces.server import make_app
from memu_like.faces.server.access import Scope, TokenAccess
from memu_like.faces.server.running import address, bound, make_server

TOKEN = "secret"


@contextmanager
def served(store: Path, token: str | None = TOKEN, **how: Any) -> Iterator[str]:
    """The address of a server; `how` goes to the MemoryService. With no token it is open."""
    with bound("127.0.0.1", 0) as listening:
        ready, servers = threading.Event(), []
        failed: list[BaseException] = []

        async def run() -> None:
            async with MemoryService(store, **{"background": True, **how}) as service:
                access = TokenAccess({token: Scope(service)}) if token else None
                server = make_server(make_app(service, access))
                server.capture_signals = lambda: _nothing()  # type: ignore[method-assign,assignment]
                servers.append(server)
                ready.set()
                await server.serve(sockets=[listening])

        def work() -> None:
            try:
                asyncio.run(run())
            except BaseException as error:  # noqa: BLE001  # it is raised below, in the test
                failed.append(error)
            finally:
                ready.set()

        thread = threading.Thread(target=work)
        thread.start()
        ready.wait(30)
        try:
            yield address(listening)
        finally:
            for server in servers:
                server.should_exit = True
            thread.join(60)
        if failed:
            raise failed[0]


@contextmanager
def _nothing() -> Iterator[None]:
    """Signals are for the main thread."""
    yield
