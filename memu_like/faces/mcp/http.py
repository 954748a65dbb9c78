"""Streamable HTTP: one port, a bearer token, and signals that end it in order."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from hmac import compare_digest
from typing import Any

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings

from ...errors import ConfigError
from .server import MemoryServer

log = logging.getLogger("memu_like")
PATH = "/mcp"
GRACE_SECONDS = 5
"""Open streams get so long to end."""
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


async def serve(server: MemoryServer, host: str, port: int, token: str | None) -> None:
    """Serve at http://host:port/mcp until SIGINT or SIGTERM. Raises ConfigError."""
    if not token and not is_loopback(host):
        raise ConfigError(f"{host} is reached by other machines: give a --token, or listen on 127.0.0.1")
    app: App = server.streamable_http_app(
        streamable_http_path=PATH, json_response=True, host=host, transport_security=_security(host)
    )
    listening = _listen(host, port)
    config = uvicorn.Config(
        with_token(app, token) if token else app,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    place = f"http://{host}:{listening.getsockname()[1]}{PATH}"
    log.warning("MCP at %s%s", place, "" if token else ", for this machine only: no token is set")
    with listening:
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


def with_token(app: App, token: str) -> App:
    """`app` behind a bearer token: any other request is answered 401, and goes no further."""
    wanted = sha256(f"Bearer {token}".encode()).digest()

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and not _has(scope, wanted):
            return await _refuse(send)
        await app(scope, receive, send)

    return guarded


def _has(scope: Scope, wanted: bytes) -> bool:
    given = [value for name, value in scope.get("headers", ()) if name == b"authorization"]
    return len(given) == 1 and compare_digest(sha256(given[0]).digest(), wanted)


async def _refuse(send: Send) -> None:
    body = b'{"error": "a bearer token is needed"}'
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"www-authenticate", b"Bearer"),
    ]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _security(host: str) -> TransportSecuritySettings:
    """On a loopback address only names of this machine are taken, so that no web page can get at it."""
    if not is_loopback(host):
        return TransportSecuritySettings(enable_dns_rebinding_protection=False)
    names = ["127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host]
    return TransportSecuritySettings(
        allowed_hosts=[f"{name}:*" for name in names],
        allowed_origins=[f"http://{name}:*" for name in names],
    )


def _listen(host: str, port: int) -> socket.socket:
    """Raises ConfigError where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()
    except (OSError, OverflowError) as error:
        listening.close()
        raise ConfigError(f"cannot listen on {host}:{port}: {error}; choose another --port") from error
    return listening
