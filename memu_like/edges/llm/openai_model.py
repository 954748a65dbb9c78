"""A language model at any endpoint that speaks OpenAI's /chat/completions."""

from __future__ import annotations

import asyncio
import importlib
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from ...chat import ChatReply, ChatRequest, Step, ToolCall
from ...config import Settings
from ...errors import ConfigError, ContextTooLong, ModelError, ModelUnavailable, ToolsRefused
from ...models import Usage
from ...pure.thinking import ThinkingFilter, begins_inside, without_thinking
from .answers import MAX_BODY_BYTES, TOO_LARGE, Answer, Malformed, Refused, read_answer
from .connection import BROKEN, TIMEOUT, Connection, Endpoint
from .counting import estimated_tokens, usage_of
from .refusals import Failure, refused_part
from .requests import PARTS, request_body
from .streaming import AnswerBuilder, streamed_texts

if TYPE_CHECKING:
    from .connection import Response

T = TypeVar("T")
Body = dict[str, Any]

DEFAULT_BASE_URL = "https://api.openai.com/v1"
PAUSE_SECONDS = 0.5
LONGEST_BACKOFF = 30.0
"""Seconds."""
MAX_SHOWN = 500
"""Characters of a reason in an error."""
BARE_THINKING = "bare thinking"
"""Kept beside what an endpoint refuses: its replies begin within thinking, with no opening tag."""

_REFUSED: dict[tuple[str, str], set[str]] = {}
"""By address and model, what is not taken there: found out by asking, once in a process."""

_HINTS = {
    401: "check llm_api_key, or llm_headers where the key goes there",
    402: "the account's credit is used up",
    403: "check that llm_api_key may use this model",
    404: "check {setting}, and llm_base_url, which often ends in /v1",
    405: "check llm_base_url, which often ends in /v1",
    407: "a proxy wants a password: check HTTPS_PROXY",
    429: "its rate or quota is used up; try again later",
}
_OF_A_KEY = frozenset([401, 403, 407])
_SHORTER = {"extract": "; set extract_tokens lower", "navigate": "; set navigate_tokens lower"}


def make_model(settings: Settings) -> OpenAiModel | None:
    """The model that the settings name; None where `llm_model` is not set. Nothing is sent yet.

    Raises ConfigError.
    """
    return None if settings.llm_model is None else OpenAiModel(settings)


class OpenAiModel:
    """The models that the settings name, at one endpoint. No key is part of an error, a log or a name.

    A call that fails by rate limit, timeout or a server's fault is repeated after `pause_seconds`, doubled
    each time, or after what the endpoint asks for. At most `llm_concurrency` calls are under way at once in
    an event loop; a stream holds its place until it ends or is closed. What an endpoint refuses (a kind of
    structured output, the temperature) is left out from then on.
    """

    def __init__(self, settings: Settings, *, pause_seconds: float = PAUSE_SECONDS) -> None:
        _check(settings)
        self._settings = settings
        self._pause_seconds = pause_seconds
        self._endpoint = Endpoint(
            settings.llm_base_url or DEFAULT_BASE_URL,
            settings.llm_api_key,
            settings.llm_headers,
            settings.llm_query,
            settings.llm_timeout_seconds,
        )
        self._connections: dict[asyncio.AbstractEventLoop, Connection] = {}

    def name(self, step: Step) -> str:
        return str(getattr(self._settings, _setting(self._settings, step)))

    async def chat(self, request: ChatRequest) -> ChatReply:
        connection = await self._connection()
        async with connection.places:
            started = time.perf_counter()
            found: Answer | Malformed = await self._persist(
                request, lambda body: self._whole(connection, body)
            )
            seconds = time.perf_counter() - started
        if isinstance(found, Malformed):
            raise self._malformed(request.step, found, seconds)
        return await self._reply(request, found, seconds)

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | ChatReply]:
        connection = await self._connection()
        inside = BARE_THINKING in self._refused(request.step)
        thinking, builder = ThinkingFilter(inside), AnswerBuilder()
        problem: ModelError | None = None
        async with connection.places, AsyncExitStack() as stack:
            started = time.perf_counter()
            response = await self._persist(request, lambda body: connection.open(body, stack), stream=True)
            async with aclosing(_texts(connection, response, builder)) as texts:
                try:
                    async for text in texts:
                        if shown := thinking.feed(text):
                            yield shown
                    answer = builder.answer()
                except Malformed as error:
                    problem = self._malformed(request.step, error, 0.0)
                except Refused as error:
                    problem = self._error(request.step, error.failure)
            seconds = time.perf_counter() - started
        if problem is not None:
            if builder.text or builder.tokens:
                problem.usage = await self._usage(request, builder.tokens, builder.text, (), seconds)
            raise problem
        if rest := thinking.finish():
            yield rest
        yield await self._reply(request, answer, seconds)

    async def close(self) -> None:
        """Give up the connections of the running event loop; those of loops that have ended are gone."""
        connection = self._connections.pop(asyncio.get_running_loop(), None)
        if connection is not None:
            await connection.close()

    # -- asking

    async def _connection(self) -> Connection:
        """That of the running event loop: neither a client nor a semaphore can be used from another."""
        loop = asyncio.get_running_loop()
        if loop not in self._connections:
            # It takes half a second to load, which nothing else in the loop should wait for.
            await asyncio.to_thread(importlib.import_module, "openai")
        if loop not in self._connections:
            self._connections = {one: kept for one, kept in self._connections.items() if not one.is_closed()}
            self._connections[loop] = Connection(self._endpoint, self._settings.llm_concurrency)
        return self._connections[loop]

    def _refused(self, step: Step) -> set[str]:
        return _REFUSED.setdefault((self._endpoint.url, self.name(step)), set())

    async def _persist(
        self, request: ChatRequest, ask: Callable[[Body], Awaitable[T | Failure]], stream: bool = False
    ) -> T:
        """Ask, with less each time the endpoint refuses a part of the request. Raises ModelError."""
        refused, pinned = self._refused(request.step), self._settings.llm_output
        for left in range(len(PARTS), -1, -1):
            if request.tools and "tools" in refused:
                break
            body = self._body(request, refused, stream)
            found = await self._repeated(body, ask)
            if not isinstance(found, Failure):
                return found
            part = refused_part(body, found)
            if part is None or part == pinned or not left:
                raise self._error(request.step, found, "response_format" in body)
            refused.add(part)
        raise ToolsRefused(self._told(request.step, "it takes no tools"))

    def _body(self, request: ChatRequest, refused: Iterable[str], stream: bool) -> Body:
        most = self._settings.llm_output_tokens
        if most is not None:
            request = replace(request, max_output_tokens=min(most, request.max_output_tokens))
        # OpenAI's own models take the new name only; most other endpoints know the old one.
        names = ("max_completion_tokens", "max_tokens")
        return request_body(
            request,
            self.name(request.step),
            frozenset(refused),
            output=self._settings.llm_output,
            temperature=self._settings.llm_temperature,
            token_parameters=names if self._settings.llm_base_url is None else names[::-1],
            stream=stream,
        )

    async def _repeated(self, body: Body, ask: Callable[[Body], Awaitable[T | Failure]]) -> T | Failure:
        for number in range(self._settings.llm_retries):
            found = await ask(body)
            if not isinstance(found, Failure) or not found.passes or refused_part(body, found):
                return found
            await asyncio.sleep(self._pause(number, found))
        return await ask(body)

    def _pause(self, number: int, failure: Failure) -> float:
        if failure.retry_after is not None:
            return failure.retry_after
        # Up to a quarter less, so that callers who failed together do not come back together.
        spread = 1 - random.random() / 4  # noqa: S311
        return min(self._pause_seconds * 2.0**number, LONGEST_BACKOFF) * spread

    async def _whole(self, connection: Connection, body: Body) -> Answer | Malformed | Failure:
        """One request and all of its answer, within the timeout."""
        try:
            async with asyncio.timeout(self._settings.llm_timeout_seconds), AsyncExitStack() as stack:
                response = await connection.open(body, stack)
                if isinstance(response, Failure):
                    return response
                return read_answer(await _read(response))
        except connection.timeouts:
            return Failure(reason=TIMEOUT)
        except connection.broken:
            return Failure(reason=BROKEN)
        except Malformed as error:
            return error
        except Refused as error:
            return error.failure

    # -- what came of it

    async def _reply(self, request: ChatRequest, answer: Answer, seconds: float) -> ChatReply:
        usage = await self._usage(request, answer.tokens, answer.text, answer.tool_calls, seconds)
        if begins_inside(answer.text):
            self._refused(request.step).add(BARE_THINKING)
        text = without_thinking(answer.text)
        return ChatReply(text, answer.tool_calls, usage, answer.cut, self.name(request.step))

    async def _usage(
        self,
        request: ChatRequest,
        tokens: tuple[int, int] | None,
        text: str,
        calls: Iterable[ToolCall],
        seconds: float,
    ) -> Usage:
        name = self.name(request.step)
        if tokens is not None:
            return usage_of(self._settings, name, tokens, seconds)
        counted = await asyncio.to_thread(estimated_tokens, self._settings, request, text, calls)
        return usage_of(self._settings, name, counted, seconds, estimated=True)

    def _malformed(self, step: Step, malformed: Malformed, seconds: float) -> ModelError:
        error = ModelError(self._told(step, malformed.reason))
        if malformed.tokens is not None:
            error.usage = usage_of(self._settings, self.name(step), malformed.tokens, seconds)
        return error

    def _error(self, step: Step, failure: Failure, structured: bool = False) -> ModelError:
        said = f"it says: {failure.said}" if failure.said.strip() else "it says nothing more"
        if failure.status is None:
            return ModelUnavailable(self._told(step, self._no_answer(failure)))
        if failure.too_long:
            advice = _SHORTER.get(step, "")
            return ContextTooLong(
                self._told(step, f"the request is longer than the model takes{advice}; {said}")
            )
        status = f"status {failure.status}"
        hint = self._hint(step, failure)
        if hint is not None:
            return ModelUnavailable(self._told(step, f"{status}; {hint}"))
        if failure.status >= 500 or failure.passes:
            return ModelUnavailable(self._told(step, f"{status}; {said}"))
        advice = "; where it takes no structured output, set llm_output" if structured else ""
        return ModelError(self._told(step, f"{status}; {said}", advice))

    def _no_answer(self, failure: Failure) -> str:
        if failure.reason == TIMEOUT:
            return f"no answer within {self._settings.llm_timeout_seconds:g} s; see llm_timeout_seconds"
        return "it cannot be reached, or broke off; check llm_base_url and the network"

    def _hint(self, step: Step, failure: Failure) -> str | None:
        """What to do where later calls would fail alike."""
        setting = _setting(self._settings, step)
        if failure.no_model:
            return f"check {setting}; it says: {failure.said}"
        if failure.status is not None and 300 <= failure.status < 400:
            return "it has moved; set llm_base_url to its address"
        hint = _HINTS.get(failure.status or 0)
        if hint is None:
            return None
        # Of a key that they refuse, endpoints say a part.
        said = f"; it says: {failure.said}" if failure.said and failure.status not in _OF_A_KEY else ""
        return hint.format(setting=setting) + said

    def _told(self, step: Step, reason: str, advice: str = "") -> str:
        shown = self._endpoint.masked(reason)[:MAX_SHOWN]
        return f"{self.name(step)} at {self._endpoint.url}: {shown}{advice}"


def _setting(settings: Settings, step: Step) -> str:
    """The setting that names a step's model."""
    own = f"llm_model_{step}"
    return own if getattr(settings, own, None) else "llm_model"


def _check(settings: Settings) -> None:
    if settings.llm_model is None:
        raise ConfigError("no language model is configured: set llm_model")
    if settings.llm_base_url is None and settings.llm_api_key is None:
        raise ConfigError(
            "llm_model needs llm_api_key (or OPENAI_API_KEY), or llm_base_url; or leave llm_model empty"
        )
    if settings.llm_run_cost_cap is None and settings.llm_day_cost_cap is None:
        return
    steps: tuple[Step, ...] = ("extract", "reorganise", "judge", "navigate", "reply")
    for name in {str(getattr(settings, _setting(settings, step))) for step in steps}:
        if name not in settings.llm_prices:
            raise ConfigError(f"a cap on cost needs the price of {name!r} in llm_prices")


async def _read(response: Response) -> bytes:
    """The body. Raises Malformed where it is too large, before all of it is read."""
    parts, size = [], 0
    async for part in response.iter_bytes():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise Malformed(TOO_LARGE)
        parts.append(part)
    return b"".join(parts)


async def _texts(
    connection: Connection, response: Response, builder: AnswerBuilder
) -> AsyncGenerator[str, None]:
    """`streamed_texts` of a response; a connection that breaks is Refused too."""
    reason = ""
    try:
        async for text in streamed_texts(response.iter_bytes(), builder):
            yield text
    except connection.timeouts:
        reason = TIMEOUT
    except connection.broken:
        reason = BROKEN
    if reason or not builder.ended:
        raise Refused(Failure(reason=reason or BROKEN))
