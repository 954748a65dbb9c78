"""Subscriptions: a stream is told when the list of a user's category files, or one of them, is another.

The files are looked at for as long as the stream is open: whoever wrote them, a tool, a run in the background
or a person. What is told is that something changed; what it says now is read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.subscriptions import ResourcesListChanged, ResourceUpdated, ServerEvent
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from ...errors import MemuLikeError, NotFound
from ...service import UserMemory
from .people import People
from .uris import place_of

METHOD = "subscriptions/listen"
POLL_SECONDS = 1.0
MAX_STREAMS, MAX_FILES = 64, 100
"""Streams of a server, and files of one stream: each look reads them."""
log = logging.getLogger("memu_like")
Listener = Callable[[ServerEvent], None]


@dataclass(slots=True)
class _Stream:
    """What one client listens to: the list of the files of `own`, and the files of some addresses."""

    own: UserMemory
    files: Mapping[str, tuple[UserMemory, str]]
    listeners: list[Listener] = field(default_factory=list)

    def tell(self, event: ServerEvent) -> None:
        for listener in self.listeners:
            listener(event)


_STREAM: ContextVar[_Stream | None] = ContextVar("stream", default=None)


class Changes:
    """What the SDK calls a subscription bus; `subscribing` is its middleware, which sees who subscribes."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._streams = 0

    async def publish(self, event: ServerEvent) -> None:
        """Nothing is published by hand: what changed is told by the files."""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        stream = _STREAM.get()
        if stream is None:
            return lambda: None
        stream.listeners.append(listener)
        return stream.listeners.clear

    async def subscribing(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Look at the files for as long as a stream is open. Raises MCPError for what it may not hear of."""
        if ctx.method != METHOD:
            return await call_next(ctx)
        if self._streams >= MAX_STREAMS:
            raise MCPError(INVALID_PARAMS, f"{MAX_STREAMS} subscriptions are open already: close one first")
        try:
            stream = self._stream(ctx.params or {})
            before = await _look(stream)
        except MemuLikeError as error:
            raise MCPError(INVALID_PARAMS, str(error)) from error
        self._streams += 1
        token = _STREAM.set(stream)
        watching = asyncio.create_task(_watch(stream, before))
        try:
            return await call_next(ctx)
        finally:
            self._streams -= 1
            _STREAM.reset(token)
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    def _stream(self, params: Mapping[str, Any]) -> _Stream:
        """Raises NotFound and UserError for an address that cannot be listened to."""
        wanted = params.get("notifications")
        uris = wanted.get("resourceSubscriptions") if isinstance(wanted, Mapping) else None
        given = [uri for uri in uris if isinstance(uri, str)] if isinstance(uris, list) else []
        if len(given) > MAX_FILES:
            raise MCPError(INVALID_PARAMS, f"{len(given)} files are too many: {MAX_FILES} at most")
        places = {uri: place_of(uri) for uri in given}
        files = {uri: (self._people.user(user_id), topic) for uri, (user_id, topic) in places.items()}
        return _Stream(self._people.user(None), files)


@dataclass(frozen=True, slots=True)
class _Look:
    topics: list[str]
    hashes: Mapping[str, str | None]


async def _look(stream: _Stream) -> _Look:
    hashes = {uri: await _hash(user, topic) for uri, (user, topic) in stream.files.items()}
    return _Look(await _topics(stream.own), hashes)


async def _watch(stream: _Stream, before: _Look) -> None:
    while True:
        await asyncio.sleep(POLL_SECONDS)
        try:
            now = await _look(stream)
        except MemuLikeError as error:
            log.warning("a subscription waits: %s", type(error).__name__)
            continue
        if now.topics != before.topics:
            stream.tell(ResourcesListChanged())
        for uri, found in now.hashes.items():
            if found != before.hashes[uri]:
                stream.tell(ResourceUpdated(uri))
        before = now


async def _topics(user: UserMemory) -> list[str]:
    try:
        return list(await user.profile())
    except NotFound:
        return []


async def _hash(user: UserMemory, topic: str) -> str | None:
    try:
        return (await user.category(topic)).hash
    except NotFound:
        return None
