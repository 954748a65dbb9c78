"""What requests and replies say, and a request with memory in it. Nothing here changes its argument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LEADING = ("system", "developer")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a user asks: `query` is the last that they said, `new` the message to save, None where it is old.

    A request with a tool's result carries a question that was saved with the request before. `texts` are
    those of all messages.
    """

    query: str = ""
    new: dict[str, Any] | None = None
    texts: tuple[str, ...] = ()


def asked_in(messages: object) -> Asked:
    """Of a list of messages, or a text; texts alone, for that is what memory reads."""
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    if not isinstance(messages, list):
        return Asked()
    texts = tuple(text_of(_get(message, "content")) for message in messages)
    place = next((n for n in reversed(range(len(messages))) if _get(messages[n], "role") == "user"), None)
    query = "" if place is None else texts[place]
    if place is None or not query.strip():
        return Asked(texts=texts)
    if any(map(_is_tool_result, messages[place + 1 :])):
        return Asked(query, texts=texts)
    name = _get(messages[place], "name")
    named = {"name": name} if isinstance(name, str) and name else {}
    return Asked(query, {"role": "user", "content": query, **named}, texts)


def _is_tool_result(message: object) -> bool:
    """Of chat completions by its role; of responses by its type, such as "function_call_output"."""
    kind = _get(message, "type")
    return _get(message, "role") in ("tool", "function") or (
        isinstance(kind, str) and kind.endswith("_output")
    )


def chat_with_memory(arguments: Mapping[str, Any], prompt: str) -> dict[str, Any]:
    """The prompt stands behind the system message, or as one where there is none."""
    messages = arguments.get("messages")
    if not prompt or not isinstance(messages, list):
        return dict(arguments)
    first = messages[0] if messages else None
    if not isinstance(first, Mapping) or first.get("role") not in LEADING:
        return {**arguments, "messages": [{"role": "system", "content": prompt}, *messages]}
    with_it = {**first, "content": _joined(first.get("content"), prompt)}
    return {**arguments, "messages": [with_it, *messages[1:]]}


def response_with_memory(arguments: Mapping[str, Any], prompt: str) -> dict[str, Any]:
    """The prompt stands behind the instructions."""
    if not prompt:
        return dict(arguments)
    given = arguments.get("instructions")
    return {**arguments, "instructions": _joined(given if isinstance(given, str) else "", prompt)}


def _joined(content: object, prompt: str) -> object:
    """A text, or the parts of a message, with the prompt behind it."""
    if not content or isinstance(content, str):
        return f"{content}\n\n{prompt}" if content else prompt
    parts = content if isinstance(content, Iterable) else [content]
    return [*parts, {"type": "text", "text": prompt}]


def text_of(content: object) -> str:
    """The text of a message's content: itself, or the texts among its parts, where they can be read twice."""
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence) or isinstance(content, bytes):
        return ""
    parts = (one for one in content if _get(one, "type") in ("text", "input_text", "output_text"))
    return "\n".join(str(_get(part, "text") or "") for part in parts)


def chat_reply(completion: object) -> str:
    """The text of a chat completion's first choice; "" where it only calls tools."""
    choices = _list(completion, "choices")
    return _text(_get(choices[0], "message"), "content") if choices else ""


def chat_piece(chunk: object) -> str:
    """What a chunk of a stream adds to the first choice's text."""
    first = (choice for choice in _list(chunk, "choices") if not _get(choice, "index"))
    return _text(_get(next(first, None), "delta"), "content")


def response_reply(response: object) -> str:
    """The text of a response: of all its messages."""
    parts = (part for item in _list(response, "output") for part in _list(item, "content"))
    return "".join(_text(part, "text") for part in parts if _get(part, "type") == "output_text")


def response_piece(event: object) -> str:
    """What an event of a stream of the responses API adds to the text."""
    return _text(event, "delta") if _get(event, "type") == "response.output_text.delta" else ""


def _text(value: object, name: str) -> str:
    found = _get(value, name)
    return found if isinstance(found, str) else ""


def _list(value: object, name: str) -> Sequence[Any]:
    found = _get(value, name)
    return found if isinstance(found, list) else ()


def _get(value: Any, name: str) -> Any:
    """A field of a dict or of one of the SDK's objects: requests hold both."""
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
