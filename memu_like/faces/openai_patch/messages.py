"""What requests and replies say, and a request with memory in it. Nothing here changes its argument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LEADING = ("system", "developer")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a user asks: `query` is the last that they said, `new` the message to save, None where it is old.

    A request that ends in a tool's result carries a question that was saved with the request before.
    """

    query: str
    new: dict[str, Any] | None


def asked_in(messages: Sequence[Any]) -> Asked:
    """The user's last message; its text alone, for that is what memory reads."""
    said = [one for one in messages if _get(one, "role") == "user"]
    query = text_of(_get(said[-1], "content")) if said else ""
    if not query.strip() or said[-1] is not messages[-1]:
        return Asked(query, None)
    name = _get(said[-1], "name")
    new = {"role": "user", "content": query}
    return Asked(query, {**new, "name": name} if isinstance(name, str) and name else new)


def asked_in_input(given: object) -> Asked:
    """The same of `input` of the responses API: a text, or a list of items."""
    if isinstance(given, str):
        return asked_in([{"role": "user", "content": given}])
    return asked_in(given if isinstance(given, Sequence) else [])


def with_memory(messages: Sequence[Any], prompt: str) -> list[Any]:
    """The messages with the prompt behind the system message, or as one where there is none."""
    if messages and _get(messages[0], "role") in LEADING:
        first = messages[0]
        content = _get(first, "content")
        fields = dict(first) if isinstance(first, Mapping) else {"role": _get(first, "role")}
        return [{**fields, "content": _joined(content, prompt)}, *messages[1:]]
    return [{"role": "system", "content": prompt}, *messages]


def _joined(content: object, prompt: str) -> object:
    if isinstance(content, str):
        return f"{content}\n\n{prompt}" if content else prompt
    parts = content if isinstance(content, Sequence) else ()
    return [*parts, {"type": "text", "text": prompt}]


def text_of(content: object) -> str:
    """The text of a message's content: itself, or the texts among its parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, Iterable) or isinstance(content, Mapping | bytes):
        return ""
    parts = (one for one in content if _get(one, "type") in ("text", "input_text"))
    return "\n".join(str(_get(part, "text") or "") for part in parts)


def chat_reply(completion: object) -> str:
    """The text of a chat completion; "" where it only calls tools."""
    choices = _get(completion, "choices") or ()
    content = _get(_get(choices[0], "message"), "content") if choices else None
    return content if isinstance(content, str) else ""


def chat_piece(chunk: object) -> str:
    """What a chunk of a stream adds to the first choice's text."""
    for choice in _get(chunk, "choices") or ():
        if not _get(choice, "index"):
            content = _get(_get(choice, "delta"), "content")
            return content if isinstance(content, str) else ""
    return ""


def response_reply(response: object) -> str:
    """The text of a response of the responses API."""
    text = _get(response, "output_text")
    return text if isinstance(text, str) else ""


def response_piece(event: object) -> str:
    """What an event of a stream of the responses API adds to the text."""
    delta = _get(event, "delta") if _get(event, "type") == "response.output_text.delta" else None
    return delta if isinstance(delta, str) else ""


def _get(value: Any, name: str) -> Any:
    """A field of a dict or of one of the SDK's objects: requests hold both."""
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
