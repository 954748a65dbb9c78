"""Memobase's HTTP API, to read a project from: what a server is asked, again where that may help.

Any server that answers alike can be read, our own included. What it answers is JSON of a bounded size, and
nothing more is believed of it here; see `pure.memobase_records`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from ..errors import InvalidInput, NotFound, RemoteError, RemoteUnavailable

if TYPE_CHECKING:
    import httpx

PREFIX = "/api/v1"
MAX_BYTES = 64 * 1024 * 1024
"""Of one answer, unpacked: a profile, or a page of a listing, has some kilobytes."""
ATTEMPTS = 5
FIRST_WAIT_SECONDS = 0.5
"""Before the second attempt; each later one waits twice as long."""
LONGEST_WAIT_SECONDS = 60.0
TIMEOUT_SECONDS = 60.0
SHOWN = 200
"""Characters of what a server says that an error repeats."""
_AGAIN = frozenset([408, 425, 429, 500, 502, 503, 504])
_REFUSED = frozenset([401, 403])
_GONE = 404


class _Again(Exception):
    """An attempt that failed and may succeed later, after `wait` seconds where the server named them."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class MemobaseApi:
    """One project. Use it as an async context manager.

    `url` is the server's, with or without "/api/v1"; `first_wait` is in seconds. Raises InvalidInput.
    """

    def __init__(self, url: str, token: str, *, first_wait: float = FIRST_WAIT_SECONDS) -> None:
        self.url = _checked(url)
        if not token or not token.isascii() or not token.isprintable():
            raise InvalidInput("give the project's token: printable characters of ASCII")
        self._token = token
        self._first_wait = first_wait
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> MemobaseApi:
        import httpx

        headers = {"Authorization": f"Bearer {self._token}"}
        self._client = httpx.AsyncClient(headers=headers, timeout=TIMEOUT_SECONDS)  # follows no redirect
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def get(self, *path: str, **query: str | int) -> object:
        """The data of an answer; each part of `path` is one segment.

        Raises NotFound, RemoteError, and RemoteUnavailable where the server is down or refuses the token.
        """
        place = "/".join(quote(part, safe="") for part in path)
        wait = self._first_wait
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._data(place, await self._asked(place, query))
            except _Again as error:
                if attempt == ATTEMPTS:
                    raise RemoteUnavailable(f"{self.url}: {error}, {ATTEMPTS} times; try later") from error
                await asyncio.sleep(min(error.wait or wait, LONGEST_WAIT_SECONDS))
                wait *= 2
        raise AssertionError("an attempt returns or raises")

    async def _asked(self, place: str, query: Mapping[str, str | int]) -> bytes:
        import httpx

        if self._client is None:
            raise RuntimeError("use MemobaseApi as an async context manager")
        body = bytearray()
        try:
            async with self._client.stream("GET", f"{self.url}/{place}", params=dict(query)) as answer:
                self._check_status(place, answer)
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > MAX_BYTES:
                        raise RemoteError(f"{self.url}/{place}: the answer is over {MAX_BYTES} bytes")
        except (httpx.TransportError, httpx.DecodingError) as error:
            told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise _Again(_shown(told)) from error
        except httpx.HTTPError as error:
            raise RemoteError(f"{self.url}/{place}: {_shown(error)}") from error
        return bytes(body)

    def _check_status(self, place: str, answer: httpx.Response) -> None:
        status = answer.status_code
        if status in _AGAIN:
            raise _Again(f"it answers with status {status}", _seconds(answer.headers.get("Retry-After")))
        self._check_code(place, status, "")
        if status != 200:
            raise RemoteError(f"{self.url}/{place}: it answers with status {status}")

    def _check_code(self, place: str, code: object, message: object) -> None:
        said = f" ({_shown(message)})" if message else ""
        if code in _REFUSED:
            raise RemoteUnavailable(f"{self.url} refuses the token{said}: give the project's own")
        if code == _GONE:
            raise NotFound("answer", f"{self.url}/{place}")

    def _data(self, place: str, body: bytes) -> object:
        """What the envelope {data, errno, errmsg} holds."""
        try:
            found = json.loads(body, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise _Again("it answers what is no JSON") from error
        if not isinstance(found, dict) or type(found.get("errno")) is not int:
            raise RemoteError(f"{self.url}/{place}: an answer of Memobase has data, errno and errmsg")
        code, message = found["errno"], found.get("errmsg")
        if code in _AGAIN:
            raise _Again(f"it answers with errno {code}: {_shown(message)}")
        self._check_code(place, code, message)
        if code:
            raise RemoteError(f"{self.url}/{place}: errno {code}: {_shown(message)}")
        return found.get("data")


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or parts.query or parts.fragment or parts.username is not None:
        raise InvalidInput(f"{_shown(url)} is no address of a server, such as https://memory.example.com")
    base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    return base if base.endswith(PREFIX) else base + PREFIX


def _seconds(value: str | None) -> float | None:
    """Of a Retry-After header; None for a date, which is waited for as for any other answer."""
    return float(value) if value is not None and value.isascii() and value.isdigit() else None


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def _shown(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
