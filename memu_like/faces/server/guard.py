"""What stands before the routes: the token, a line in the log for each request, and a net below them.

Plain ASGI, so that a body is not read before its sender is known. A line names the route and not the path
or the query, which may hold what somebody said.
"""

from __future__ import annotations

import logging
import traceback
from contextlib import suppress
from ipaddress import ip_address
from time import perf_counter
from typing import TYPE_CHECKING

from .metrics import NO_ROUTE, method_of
from .problems import refuse
from .statuses import Forbidden, Unauthorised

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Send
    from starlette.types import Scope as Connection

    from .access import Access
    from .metrics import Metrics

LOG = logging.getLogger("memu_like.server")
OPEN = frozenset(["/api/v1/healthcheck", "/v1/health"])
"""The paths that answer without a token."""
POLICY = 1008
"""https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"""


class Guard:
    """Asks `access` for the scope of the request's token; it stands in `request.state.scope` from then on."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        if connection["type"] == "websocket":  # no route is one; should there ever be, it needs a token too
            return await send({"type": "websocket.close", "code": POLICY})
        if connection["type"] != "http" or connection["path"] in OPEN:
            return await self._app(connection, receive, send)
        scope = self._access.admit(token_of(connection))
        if scope is None:
            error = Unauthorised()
            return await refuse(connection, send, error.status, str(error), {"www-authenticate": "Bearer"})
        connection["state"]["scope"] = scope
        return await self._app(connection, receive, send)


def token_of(connection: Connection) -> str | None:
    """The bearer token of a request; None where it has none."""
    for name, value in connection["headers"]:
        if name == b"authorization":
            kind, _, token = value.decode("latin-1").partition(" ")
            return token.strip() if kind.lower() == "bearer" else None
    return None


class LocalNames:
    """Of a server without tokens: it answers to the names of this machine only, and to pages of it.

    A page in a browser here may have a name of its own lead to this address, and is stopped by nothing else:
    https://en.wikipedia.org/wiki/DNS_rebinding ; and any page may send a request that it cannot read the
    answer of, which the browser marks: https://www.rfc-editor.org/rfc/rfc6454#section-7
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        if connection["type"] == "http" and not _is_local(connection):
            detail = "without a token this server answers to localhost only"
            return await refuse(connection, send, Forbidden.status, detail)
        return await self._app(connection, receive, send)


def _is_local(connection: Connection) -> bool:
    hosts = [value.decode("latin-1") for name, value in connection["headers"] if name == b"host"]
    origins = [value.decode("latin-1") for name, value in connection["headers"] if name == b"origin"]
    named = len(hosts) == 1 and is_loopback(without_port(hosts[0]))
    return named and all(is_loopback(without_port(one.partition("://")[2])) for one in origins)


def without_port(host: str) -> str:
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return False


class AccessLog:
    """One line a request: method, route, status, milliseconds; and the net for what nothing else caught.

    Of a mistake of ours the log has the kind and the place, not what it says: that may quote somebody.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        if connection["type"] != "http":
            return await self._app(connection, receive, send)
        started, status = perf_counter(), 0
        connection.setdefault("state", {})

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._metrics.at_work += 1
        try:
            await self._app(connection, receive, watched)
        except Exception as error:  # a face: whatever it is, the client gets an answer
            LOG.error("internal error: %s at %s", type(error).__name__, _places(error))
            if status:
                raise  # half of an answer is out: the connection has to end
            self._metrics.failed(error)
            detail = f"internal error: {type(error).__name__}; please report it"
            await refuse(connection, watched, 500, detail)
        finally:
            self._metrics.at_work -= 1
            self._count(connection, status, perf_counter() - started)

    def _count(self, connection: Connection, status: int, seconds: float) -> None:
        route, method = connection["state"].get("route", NO_ROUTE), method_of(connection["method"])
        self._metrics.answered(method, route, status, seconds)
        LOG.info("%s %s %s %.1f ms", method, route, status or "gone", seconds * 1000)


def _places(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    return " < ".join(f"{one.name} ({one.filename}:{one.lineno})" for one in reversed(frames))
