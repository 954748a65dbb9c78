"""Streams that remember what was received: whether read to the end, closed early, or dropped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Any

from .exchange import Exchange


class Remembered:
    """A stream of the SDK, which answers whatever that one answers; what passes is collected on the way."""

    def __init__(self, inner: Any, piece_of: Callable[[object], str], exchange: Exchange) -> None:
        self._inner = inner
        self._piece_of = piece_of
        self._exchange = exchange

    def _take(self, chunk: Any) -> Any:
        self._exchange.add(self._piece_of(chunk))
        return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __del__(self) -> None:
        """Dropped before its end: what was received is saved all the same."""
        self._exchange.end()


class RememberedStream(Remembered):
    """Of the sync client."""

    def __iter__(self) -> Iterator[Any]:
        while True:
            try:
                chunk = next(self)
            except StopIteration:
                return
            yield chunk

    def __next__(self) -> Any:
        try:
            return self._take(next(self._inner))
        except BaseException:
            self._exchange.end()
            raise

    def __enter__(self) -> RememberedStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self._exchange.end()


class RememberedAsyncStream(Remembered):
    """Of the async client."""

    async def __aiter__(self) -> AsyncIterator[Any]:
        while True:
            try:
                chunk = await self.__anext__()
            except StopAsyncIteration:
                return
            yield chunk

    async def __anext__(self) -> Any:
        try:
            return self._take(await self._inner.__anext__())
        except BaseException:
            await self._exchange.ended()
            raise

    async def __aenter__(self) -> RememberedAsyncStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        try:
            await self._inner.close()
        finally:
            await self._exchange.ended()


def remembered(stream: Any, piece_of: Callable[[object], str], exchange: Exchange, *, is_async: bool) -> Any:
    """The stream, which is still an instance of its own class, and of ours."""
    ours = RememberedAsyncStream if is_async else RememberedStream

    class OfItsClass(ours):  # type: ignore[misc, valid-type]
        __class__ = property(lambda self: type(stream))

    return OfItsClass(stream, piece_of, exchange)
