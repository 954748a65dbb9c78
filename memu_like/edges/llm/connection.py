"""The way to an endpoint: what is sent to it, and what may be said of it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import logging
import re
import traceback
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from ...errors import ConfigError, ModelUnavailable
from .refusals import Failure, failure_of

if TYPE_CHECKING:
    import openai
    from openai import AsyncAPIResponse

    Response = AsyncAPIResponse[Any]

TIMEOUT, BROKEN = "timeout", "broken"
"""Reasons of a Failure."""
NO_KEY = "none"
"""The client refuses to start without a key; it is not sent."""
MASK = "***"

# Of what the client would send, only what HTTP and the client itself need: nothing from environment
# variables of its own, and nothing about this machine.
_SENT = frozenset(
    [
        *("accept", "accept-encoding", "connection", "content-length", "content-type", "host"),
        *("user-agent", "x-stainless-raw-response"),
    ]
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go and what goes with each. Raises ConfigError for what HTTP cannot carry."""

    url: str
    key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    timeout_seconds: float = 120.0

    def __post_init__(self) -> None:
        if not _HEADER_VALUE.fullmatch(self.key or ""):
            raise ConfigError("llm_api_key holds a character that no HTTP header can: write it again")
        for number, (name, value) in enumerate(self.headers.items(), start=1):
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise ConfigError(f"llm_headers: header {number} cannot be sent; use printable ASCII")

    def masked(self, said: str) -> str:
        """An endpoint's words on one line, with no value of ours that it may have given back."""
        for secret in self._secrets():
            said = said.replace(secret, MASK)
        return " ".join(said.split())

    def _secrets(self) -> list[str]:
        values = {self.key or "", *self.headers.values(), *self.query.values()}
        # "Bearer KEY" may come back as KEY alone.
        values |= {word for value in self.headers.values() for word in value.split() if len(word) >= 8}
        told = {
            form for value in values for form in (value, quote(value), quote_plus(value), _escaped(value))
        }
        return sorted(told - {""}, key=len, reverse=True)


def _escaped(text: str) -> str:
    return json.dumps(text)[1:-1]


class Connection:
    """The client of one event loop, and the `places` that its calls take turns on."""

    def __init__(self, endpoint: Endpoint, concurrency: int) -> None:
        self._endpoint = endpoint
        transport = _transport()
        self.timeouts: tuple[type[Exception], ...] = (TimeoutError, transport.TimeoutException)
        self.broken: tuple[type[Exception], ...] = (transport.HTTPError, transport.StreamError)
        self.places = asyncio.Semaphore(concurrency)
        client = None
        # What is raised may hold a proxy's password.
        with contextlib.suppress(OSError, ValueError, ImportError, transport.InvalidURL):
            client = self._made()
        if client is None:
            reason = "no client can be made for it; check llm_base_url, HTTPS_PROXY and SSL_CERT_FILE"
            raise ModelUnavailable(f"{endpoint.url}: {reason}")
        self._client = client
        self._logs = [logging.getLogger(name) for name in (transport.__name__, "openai._base_client")]
        self._filter = _WithoutQuery(str(self._client.base_url))
        for log in self._logs:
            log.addFilter(self._filter)

    def _made(self) -> openai.AsyncOpenAI:
        import openai

        endpoint = self._endpoint
        # A redirect would take headers with keys in them, and the user's words, to a host nobody chose.
        http = openai.DefaultAsyncHttpxClient(
            follow_redirects=False, event_hooks={"request": [self._dress]}, timeout=endpoint.timeout_seconds
        )
        return openai.AsyncOpenAI(
            api_key=endpoint.key or NO_KEY,
            base_url=endpoint.url,
            default_query=dict(endpoint.query),
            timeout=endpoint.timeout_seconds,
            max_retries=0,
            http_client=http,
        )

    async def open(self, body: Mapping[str, Any], stack: AsyncExitStack) -> Response | Failure:
        """An answer with status 200, its body yet to be read; closed with `stack`."""
        import openai

        send = self._client.chat.completions.with_streaming_response.create
        try:
            return await stack.enter_async_context(send(**body))
        except openai.APIStatusError as error:
            return failure_of(error)
        except openai.APITimeoutError:
            return Failure(reason=TIMEOUT)
        except openai.APIError:
            return Failure(reason=BROKEN)
        except self.broken as error:  # while an error's body was read
            return Failure(reason=TIMEOUT if isinstance(error, self.timeouts) else BROKEN)

    async def close(self) -> None:
        for log in self._logs:
            log.removeFilter(self._filter)
        await self._client.close()

    async def _dress(self, request: Any) -> None:
        for name in list(request.headers):
            if name.lower() not in _SENT:
                del request.headers[name]
        if self._endpoint.key is not None:
            request.headers["Authorization"] = f"Bearer {self._endpoint.key}"
        request.headers.update(self._endpoint.headers)


class _WithoutQuery(logging.Filter):
    """The client and what is below it log addresses whole; ours may hold a key in its query."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(self._bare(record.args))
        # Earlier versions of the client log an error with its traceback, which has the address too.
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and self._url in "".join(traceback.format_exception(error)):
            record.exc_info = None
        return True

    def _bare(self, values: Iterable[object]) -> Iterable[object]:
        for value in values:
            text = str(value)
            yield text.partition("?")[0] if text.startswith(self._url) else value


def _transport() -> ModuleType:
    """The HTTP library below the client: httpx2 in its later versions, httpx in earlier ones."""
    import openai

    bases = openai.DefaultAsyncHttpxClient.__mro__
    base = next(kind for kind in bases if kind.__name__ == "AsyncClient")
    return importlib.import_module(base.__module__.partition(".")[0])
