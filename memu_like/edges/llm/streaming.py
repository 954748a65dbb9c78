"""A completion that comes in pieces: server-sent events, checked and bounded, and put together."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from .answers import (
    MAX_BODY_BYTES,
    MAX_REPLY_CHARACTERS,
    NO_COMPLETION,
    TOO_LARGE,
    Answer,
    Malformed,
    content_text,
    first_choice,
    read_answer,
    read_object,
    read_tokens,
    read_tool_calls,
)


class EventReader:
    """Server-sent events: bytes in as they come, the data of whole events out."""

    def __init__(self) -> None:
        self._rest = b""
        self._taken = 0

    def feed(self, data: bytes) -> list[str]:
        self._taken += len(data)
        if len(self._rest) + len(data) > MAX_BODY_BYTES or self._taken > 16 * MAX_BODY_BYTES:
            raise Malformed(TOO_LARGE)
        # Every event of a completion is one line.
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = [line[5:].strip().decode("utf-8", "replace") for line in lines if line.startswith(b"data:")]
        return [one for one in found if one]


@dataclass(slots=True)
class AnswerBuilder:
    """Puts the chunks of a streamed completion together."""

    ended: bool = False
    """Whether the endpoint said that the text was: without, the connection broke."""
    done: bool = False
    """Whether it said that nothing more comes."""
    tokens: tuple[int, int] | None = None
    _texts: list[str] = field(default_factory=list)
    _size: int = 0
    _calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    _cut: bool = False

    def feed(self, data: str) -> str:
        """The text that a chunk adds. Raises Malformed and Refused."""
        if data == "[DONE]":
            self.ended = self.done = True
            return ""
        values = read_object(data)
        self.tokens = read_tokens(values) or self.tokens
        if not values.get("choices"):  # the last chunk holds the usage alone
            return ""
        choice = first_choice(values, self.tokens)
        delta = choice["delta"] if isinstance(choice.get("delta"), dict) else {}
        if choice.get("finish_reason") is not None:
            self.ended, self._cut = True, choice["finish_reason"] == "length"
        self._add_calls(delta.get("tool_calls"))
        return self._add(content_text(delta.get("content")) or "")

    def take(self, answer: Answer) -> str:
        """A whole answer, from an endpoint that does not stream."""
        self.ended, self._cut, self.tokens = True, answer.cut, answer.tokens
        calls = ({"id": one.id, "name": one.name, "arguments": one.arguments} for one in answer.tool_calls)
        self._calls = dict(enumerate(calls))
        return self._add(answer.text)

    def _add(self, text: str) -> str:
        self._size += len(text)
        if self._size > MAX_REPLY_CHARACTERS:
            raise Malformed(TOO_LARGE, self.tokens)
        if text:
            self._texts.append(text)
        return text

    def _add_calls(self, parts: object) -> None:
        for part in parts if isinstance(parts, list) else ():
            if not isinstance(part, dict) or not isinstance(part.get("function"), dict):
                continue
            index = part.get("index")
            call = self._calls.setdefault(index if isinstance(index, int) else len(self._calls), {})
            call["id"] = call.get("id") or part.get("id")
            for name in ("name", "arguments"):
                piece = part["function"].get(name)
                if isinstance(piece, str):
                    self._size += len(piece)
                    call[name] = call.get(name, "") + piece
        if self._size > MAX_REPLY_CHARACTERS:
            raise Malformed(TOO_LARGE, self.tokens)

    @property
    def text(self) -> str:
        return "".join(self._texts)

    def answer(self) -> Answer:
        """All of it. Raises Malformed where that is nothing."""
        calls = [
            {"id": call.get("id"), "function": {"name": call.get("name"), "arguments": call.get("arguments")}}
            for _, call in sorted(self._calls.items())
        ]
        found = read_tool_calls(calls, self.tokens)
        if not self.text and not found and not self._cut:
            raise Malformed("its reply holds neither text nor a tool call", self.tokens)
        return Answer(self.text, found, self._cut, self.tokens)


async def streamed_texts(chunks: AsyncIterable[bytes], builder: AnswerBuilder) -> AsyncIterator[str]:
    """The text of an answer in pieces, put together in `builder`. Raises Malformed and Refused.

    An endpoint that does not stream gives its whole answer, and so does this.
    """
    events, held = EventReader(), b""
    whole: bool | None = None
    async for chunk in chunks:
        data = chunk
        if whole is not False:
            held += chunk
            if len(held) > MAX_BODY_BYTES:
                raise Malformed(TOO_LARGE)
            start = held.lstrip()
            whole = start[:1] in (b"{", b"[", b"<") if start else None
            data = held
        if whole is False:
            for event in events.feed(data):
                if text := builder.feed(event):
                    yield text
            held = b""
        if builder.done:
            return
    if whole:
        yield builder.take(read_answer(held))
    for event in events.feed(b"\n"):
        if text := builder.feed(event):
            yield text
    if whole is None:
        raise Malformed(NO_COMPLETION)
