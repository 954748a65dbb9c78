"""Answers that are not there yet: what passes through them is remembered, and saved when they are over.

A stream is over when it was read to its end, closed, or dropped; a raw response when it was parsed, closed or
dropped. Both answer whatever the SDK's own object answers, and count as instances of its class.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable
from types import TracebackType
from typing import Any

from .exchange import Exchange


@dataclass(frozen=True, slots=True)
class Reading:
    """How the text is read: of a whole reply, and of a piece of a streamed one."""

    reply: Callable[[object], str]
    piece: Callable[[object], str]


def remembered(answer: Any, reading: Reading, exchange: Exchange) -> Any:
    """The answer. A whole one is saved at once, and is itself."""
    kind = type(answer)
    for method, ours in (
        ("__next__", RememberedStream),
        ("__anext__", RememberedAsyncStream),
        ("parse", RememberedResponse),
    ):
        if hasattr(kind, method):
            return ours(answer, reading, exchange)
    exchange.add(reading.reply(answer))
    exchange.end()
    return answer


class Remembered:
    """One of the SDK's objects."""

    def __init__(self, inner: Any, reading: Reading, exchange: Exchange) -> None:
        self._inner = inner
        self._reading = reading
        self._exchange = exchange

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self._inner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __del__(self) -> None:
        self._exchange.end()

    def close(self) -> Any:
        """Of an async client to be awaited, as the SDK's own."""
        self._exchange.end()
        return self._inner.close()


class RememberedStream(Remembered):
    def __iter__(self) -> RememberedStream:
        return self

    def __next__(self) -> Any:
        try:
            chunk = next(self._inner)
        except BaseException:  # its end, the server's error, the person's Ctrl-C
            self._exchange.end()
            raise
        self._exchange.add(self._reading.piece(chunk))
        return chunk

    def __enter__(self) -> RememberedStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RememberedAsyncStream(Remembered):
    def __aiter__(self) -> RememberedAsyncStream:
        return self

    async def __anext__(self) -> Any:
        try:
            chunk = await self._inner.__anext__()
        except BaseException:  # its end, the server's error, a cancelled task
            self._exchange.end()
            raise
        self._exchange.add(self._reading.piece(chunk))
        return chunk

    async def __aenter__(self) -> RememberedAsyncStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def aclose(self) -> None:
        await self.close()


class RememberedResponse(Remembered):
    """Of `with_raw_response` and `with_streaming_response`: read by the caller, who may parse it."""

    def parse(self, **how: Any) -> Any:
        parsed = self._inner.parse(**how)
        return self._later(parsed) if isawaitable(parsed) else self._told(parsed)

    async def _later(self, parsed: Awaitable[Any]) -> Any:
        return self._told(await parsed)

    def _told(self, parsed: Any) -> Any:
        return remembered(parsed, self._reading, self._exchange)
