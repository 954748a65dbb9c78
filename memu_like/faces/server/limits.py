"""Limits: how large, how many, how often, how long. What is over one is refused before it costs anything.

`Sizes` stands before the token is looked at, `Shares` behind it, for its limits are counted by token. A body
is counted as it is read: what its sender says of its length is believed only where it is too much.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from .problems import refuse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Send
    from starlette.types import Scope as Connection

RETRY_SECONDS = 1
"""What a client is told to wait where a place or room may come free at any moment."""
STREAMS = "/changes"
"""Answers that do not end are counted apart, and have no time that they may take."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`requests_per_second` is of one token; `burst` seconds' worth of them may come at once."""

    url_bytes: int = 256 * 1024
    """Memobase's clients put the last messages of a conversation into the address."""
    header_bytes: int = 32 * 1024
    body_bytes: int = 16 * 1024 * 1024
    bodies_bytes: int = 256 * 1024 * 1024
    """Of all requests at work together."""
    concurrency: int = 512
    streams: int = 128
    requests_per_second: float = 1000.0
    burst: float = 2.0
    body_seconds: float = 30.0
    """Between two pieces of a body."""
    request_seconds: float = 600.0
    """From the first byte of a request to that of its answer: a run with a language model takes minutes."""

    @classmethod
    def of(cls, body_bytes: int, concurrency: int, requests_per_second: float) -> Limits:
        """Those that an operator sets; all bodies together always have room for one."""
        return cls(
            body_bytes=body_bytes,
            bodies_bytes=max(cls().bodies_bytes, body_bytes),
            concurrency=concurrency,
            requests_per_second=requests_per_second,
        )


class Sizes:
    """ASGI: sizes of address and headers, paths that climb, and how many requests are at work at once."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits
        self._at_work = self._streams = 0

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        found = _wrong(scope, self._limits)
        if found is not None:
            return await refuse(scope, send, *found)
        if _is_stream(scope):
            return await self._stream(scope, receive, send)
        if self._at_work >= self._limits.concurrency:
            return await _busy(scope, send, "too many requests are at work")
        self._at_work += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._at_work -= 1

    async def _stream(self, scope: Connection, receive: Receive, send: Send) -> None:
        if self._streams >= self._limits.streams:
            return await _busy(scope, send, "too many streams are open")
        self._streams += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._streams -= 1


def _is_stream(scope: Connection) -> bool:
    return bool(scope["method"] == "GET" and scope["path"].endswith(STREAMS))


async def _busy(scope: Connection, send: Send, reason: str) -> None:
    await refuse(scope, send, 503, f"{reason}; try again later", {"retry-after": str(RETRY_SECONDS)})


def _wrong(scope: Connection, limits: Limits) -> tuple[int, str] | None:
    path = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogatepass")
    if len(path) + len(scope["query_string"]) > limits.url_bytes:
        return 414, f"the address is longer than {limits.url_bytes} bytes"
    if sum(len(name) + len(value) for name, value in scope["headers"]) > limits.header_bytes:
        return 431, f"the headers are longer than {limits.header_bytes} bytes"
    if any(_climbs(unquote_to_bytes(part)) for part in path.split(b"?")[0].split(b"/")):
        return 400, "no part of an address may be a path itself, or hold control characters"
    return None


def _climbs(part: bytes) -> bool:
    """No id that one of our routes takes is of this form."""
    return part in (b".", b"..") or any(one < 0x20 or one in b"/\\\x7f" for one in part)


@dataclass(slots=True)
class Pace:
    """A bucket of tokens (https://en.wikipedia.org/wiki/Token_bucket): a request takes one."""

    rate: float
    most: float
    left: float
    at: float

    def wait(self, now: float) -> float:
        """Seconds until there is one to take; 0.0 where one was taken."""
        self.left = min(self.most, self.left + (now - self.at) * self.rate)
        self.at = now
        if self.left < 1:
            return (1 - self.left) / self.rate
        self.left -= 1
        return 0.0


@dataclass(slots=True)
class _Body:
    """What one request has sent so far."""

    bytes: int = 0
    whole: bool = False


class Shares:
    """ASGI, behind the guard: the rate of each token, the size of bodies, and the time of a request."""

    def __init__(self, app: ASGIApp, limits: Limits, clock: Callable[[], float] = monotonic) -> None:
        self._app, self._limits, self._clock = app, limits, clock
        self._paces: dict[str, Pace] = {}
        self._bodies = 0

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        opened = scope.get("state", {}).get("scope")
        if opened is not None and (wait := self._pace(opened.name).wait(self._clock())):
            reason = "this token has asked for more than its share"
            return await refuse(scope, send, 429, reason, {"retry-after": str(ceil(wait))})
        if _length(scope) > self._limits.body_bytes:
            return await refuse(scope, send, 413, self._too_large(), {"connection": "close"})
        if self._bodies + _length(scope) > self._limits.bodies_bytes:
            return await _busy(scope, send, "too much is being sent at once")
        await self._within_time(scope, receive, send)

    def _pace(self, name: str) -> Pace:
        """There are as many as there are tokens."""
        if name not in self._paces:
            most = max(1.0, self._limits.requests_per_second * self._limits.burst)
            self._paces[name] = Pace(self._limits.requests_per_second, most, most, self._clock())
        return self._paces[name]

    def _too_large(self) -> str:
        return f"the body is larger than {self._limits.body_bytes} bytes: send it in parts"

    async def _within_time(self, scope: Connection, receive: Receive, send: Send) -> None:
        body, started = _Body(), False

        async def counted() -> Message:
            return await self._receive(receive, body)

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        seconds = None if _is_stream(scope) else self._limits.request_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._app(scope, counted, watched)
        except TimeoutError:
            if started:  # the answer is cut: its reader must not take it for the whole
                raise
            await _busy(scope, send, f"this took longer than {seconds:g} s")
        finally:
            self._bodies -= body.bytes

    async def _receive(self, receive: Receive, body: _Body) -> Message:
        """The next piece. Raises what the app answers with, in the shape of the route that reads it."""
        from starlette.exceptions import HTTPException

        if body.whole:
            return await receive()
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "the body did not come", {"connection": "close"}) from None
        size = len(message.get("body", b""))
        body.whole = not message.get("more_body", False)
        body.bytes += size
        self._bodies += size
        if body.bytes > self._limits.body_bytes:
            raise HTTPException(413, self._too_large(), {"connection": "close"})
        if self._bodies > self._limits.bodies_bytes:
            headers = {"retry-after": str(RETRY_SECONDS), "connection": "close"}
            raise HTTPException(503, "too much is being sent at once; try again later", headers)
        return message


def _length(scope: Connection) -> int:
    """What the sender says; 0 where it says nothing, or nonsense, which the protocol's parser refuses."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and len(value) < 20:
            return int(value)
    return 0
