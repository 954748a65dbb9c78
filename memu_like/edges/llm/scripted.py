"""A model that answers from a script: for tests and demonstrations, with no network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import replace

from ...chat import ChatReply, ChatRequest, Step
from ...models import Usage

Line = str | ChatReply | Exception | Callable[[ChatRequest], "str | ChatReply"]
"""A reply's text, a whole reply, an error to be raised, or a function of the request."""

NAME = "scripted"


class ScriptedModel:
    """Gives its lines in order, one a call, and keeps the requests in `requests`.

    A single function answers every call. Raises AssertionError where more is asked than the script holds.
    """

    def __init__(self, lines: Iterable[Line] | Callable[[ChatRequest], str | ChatReply]) -> None:
        self._lines: Iterator[Line] = iter(lambda: lines, None) if callable(lines) else iter(lines)
        self.requests: list[ChatRequest] = []

    def name(self, step: Step) -> str:
        return NAME

    async def chat(self, request: ChatRequest) -> ChatReply:
        self.requests.append(request)
        line = next(self._lines, None)
        if line is None:
            raise AssertionError(f"the script ended before call {len(self.requests)} ({request.step})")
        if isinstance(line, Exception):
            raise line
        answer = line(request) if callable(line) else line
        reply = ChatReply(answer) if isinstance(answer, str) else answer
        if not reply.usage.calls:
            reply = replace(reply, usage=Usage(calls=1))
        return replace(reply, model=reply.model or NAME)

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | ChatReply]:
        reply = await self.chat(request)
        for word in reply.text.splitlines(keepends=True):
            yield word
        yield reply

    async def close(self) -> None:
        """Nothing to give up."""
