"""Running the app with uvicorn: on one socket, with its own log lines, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from ...errors import ConfigError, MissingExtra
from . import make_app
from .guard import LocalNames, is_loopback

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from ...service import MemoryService
    from .access import Access
    from .limits import Limits

GRACE_SECONDS = 30
"""Requests under way have so long to end once the server is told to stop."""
HEADER_BYTES = 256 * 1024
"""Memobase's clients put the last messages of a conversation into the address."""
BACKLOG = 2048


async def serve(
    service: MemoryService,
    access: Access | None,
    host: str,
    port: int,
    announce: Callable[[str], None],
    limits: Limits | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM: no new request is taken then, those under way are finished, and so are
    the flushes that are due.

    `announce` is told the address; port 0 is a free one. Without `access` the host must be of loopback.
    Raises ConfigError, MissingExtra.
    """
    if access is None and not is_loopback(host):
        raise ConfigError(
            f"without a token the server listens on this machine only, not on {host}: give --token, or set"
            " MEMU_LIKE_TOKEN"
        )
    app = make_app(service, access, limits)
    if access is None:
        app.add_middleware(LocalNames)
    server = make_server(app)
    with bound(host, port) as listening, _until_stopped(server, app):
        announce(address(listening))
        await server.serve(sockets=[listening])
    await service.drain()


def make_server(app: FastAPI) -> uvicorn.Server:
    """uvicorn around the app, with no access log, for that would hold the queries. Raises MissingExtra."""
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        raise MissingExtra("the server", "server") from error
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=HEADER_BYTES,
    )
    return uvicorn.Server(config)


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket. Raises ConfigError."""
    if not 0 <= port < 2**16:  # getaddrinfo takes the lower 16 bits for the port, and says nothing
        raise ConfigError(f"cannot listen on {host} port {port}: ports are 0 to 65535")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":  # elsewhere it would let two servers have one port
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(place)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"cannot listen on {host} port {port}: {reason}") from error
    with listening:
        yield listening


def address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _until_stopped(server: uvicorn.Server, app: FastAPI) -> Iterator[None]:
    """The first signal asks it to stop; a second one does not wait for the requests under way.

    uvicorn's own handlers would end the process once it has stopped, and leave the service open.
    """
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]

    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = app.state.stopping = True

    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    with suppress(NotImplementedError):  # Windows: there Ctrl-C interrupts, as everywhere else
        for one in signals:
            loop.add_signal_handler(one, stop)
    try:
        yield
    finally:
        with suppress(NotImplementedError):
            for one in signals:
                loop.remove_signal_handler(one)


def log_to_stderr() -> None:
    """Lines of the server, and what uvicorn warns of, with the time."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name, level in (("memu_like", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.addHandler(handler)
        logger.propagate = False
