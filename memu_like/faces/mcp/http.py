"""Streamable HTTP: one port, bearer tokens with their scopes, and signals that end it in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import uvicorn
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecuritySettings

from ...errors import ConfigError
from ..server.guard import is_loopback, token_of
from ..server.problems import refuse
from ..server.running import address, bound
from ..server.statuses import Unauthorised
from .server import SCOPE, MemoryServer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Send
    from starlette.types import Scope as Connection

    from ..server.access import Access

PATH = "/mcp"
GRACE_SECONDS = 5
"""Open streams get so long to end."""


async def serve(
    server: MemoryServer, host: str, port: int, access: Access | None, announce: Callable[[str], None]
) -> None:
    """Serve at http://host:port/mcp, as `announce` is told, until SIGINT or SIGTERM. Raises ConfigError."""
    if access is None and not is_loopback(host):
        raise ConfigError(
            f"without a token the server listens on this machine only, not on {host}: give --token, or set"
            " MEMU_LIKE_TOKEN"
        )
    app: ASGIApp = server.streamable_http_app(
        streamable_http_path=PATH, json_response=True, host=host, transport_security=_security(host)
    )
    config = uvicorn.Config(
        app if access is None else Guard(app, access),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    with bound(host, port) as listening:
        announce(address(listening) + PATH)
        await _Server(config).serve(sockets=[listening])


class _Server(uvicorn.Server):
    """uvicorn raises the signal again once it has ended, which would cut off what is still to be saved."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        with suppress(NotImplementedError):  # Windows: there Ctrl-C interrupts
            for one in signals:
                loop.add_signal_handler(one, self._stop)
        try:
            yield
        finally:
            with suppress(NotImplementedError):
                for one in signals:
                    loop.remove_signal_handler(one)

    def _stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


class Guard:
    """Answers 401 to a request without a token that opens something; it goes no further.

    The SDK keeps a session to who began it, by the user in its connection.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        if connection["type"] != "lifespan":
            scope = self._access.admit(token_of(connection))
            if scope is None:
                headers = {"www-authenticate": "Bearer"}
                return await refuse(connection, send, Unauthorised.status, str(Unauthorised()), headers)
            connection[SCOPE] = scope
            connection["user"] = AuthenticatedUser(AccessToken(token="", client_id=scope.name, scopes=[]))
        await self._app(connection, receive, send)


def _security(host: str) -> TransportSecuritySettings:
    """On a loopback address only names of this machine are taken, so that no web page can get at it.

    Elsewhere the server may have any name, and a page has no token.
    """
    if not is_loopback(host):
        return TransportSecuritySettings(enable_dns_rebinding_protection=False)
    names = ["127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host]
    hosts = [place for name in names for place in (name, f"{name}:*")]
    return TransportSecuritySettings(
        allowed_hosts=hosts, allowed_origins=[f"http://{place}" for place in hosts]
    )
