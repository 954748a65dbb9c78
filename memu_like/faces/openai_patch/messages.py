"""What requests and replies say, and a request with memory in it. Nothing here changes its argument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LEADING = ("system", "developer")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a user asks: `query` is the last that they said, `new` the message to save, None where it is old.

    A request with a tool's result carries a question that was saved with the request before.
    """

    query: str = ""
    new: dict[str, Any] | None = None


def asked_in(messages: object) -> Asked:
    """The user's last message of a list, or a text; its text alone, for that is what memory reads."""
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    if not isinstance(messages, list):
        return Asked()
    place = next((n for n in reversed(range(len(messages))) if _get(messages[n], "role") == "user"), None)
    query = "" if place is None else text_of(_get(messages[place], "content"))
    if place is None or not query.strip():
        return Asked()
    if any(map(_is_tool_result, messages[place + 1 :])):
        return Asked(query)
    name = _get(messages[place], "name")
    named = {"name": name} if isinstance(name, str) and name else {}
    return Asked(query, {"role": "user", "content": query, **named})


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
    if not messages or _get(messages[0], "role") not in LEADING:
        return {**arguments, "messages": [{"role": "system", "content": prompt}, *messages]}
    first = messages[0] if isinstance(messages[0], Mapping) else {"role": _get(messages[0], "role")}
    with_it = {**first, "content": _joined(_get(messages[0], "content"), prompt)}
    return {**arguments, "messages": [with_it, *messages[1:]]}


def response_with_memory(arguments: Mapping[str, Any], prompt: str) -> dict[str, Any]:
    """The prompt stands behind the instructions."""
    if not prompt:
        return dict(arguments)
    given = arguments.get("instructions")
    return {**arguments, "instructions": _joined(given if isinstance(given, str) else "", prompt)}


def _joined(content: object, prompt: str) -> object:
    """A text, or the parts of a message, with the prompt behind it."""
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
