"""What an endpoint answered, checked and bounded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...chat import ToolCall
from .refusals import Failure, failure_said

MAX_REPLY_CHARACTERS = 1_000_000
MAX_BODY_BYTES = 8 * MAX_REPLY_CHARACTERS
"""JSON can write a character as six bytes; the rest is for what stands around the text."""
MAX_TOKENS_TOLD = 10**9
"""No endpoint's count of one call is above it."""

NO_COMPLETION = "its answer is no chat completion; check llm_base_url, which often ends in /v1"
TOO_LARGE = f"its answer is over {MAX_REPLY_CHARACTERS:,} characters"


class Malformed(ValueError):
    """An answer of which nothing can be made. `tokens` as in Answer."""

    def __init__(self, reason: str, tokens: tuple[int, int] | None = None) -> None:
        self.reason, self.tokens = reason, tokens
        super().__init__(reason)


class Refused(ValueError):
    """An error that came where an answer should stand."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__("an error with status 200")


@dataclass(frozen=True, slots=True)
class Answer:
    """`tokens` are those of prompt and completion, None where the endpoint tells none."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    cut: bool = False
    tokens: tuple[int, int] | None = None


def read_answer(data: bytes) -> Answer:
    """A completion's body. Raises Malformed and Refused."""
    values = read_object(data)
    tokens = read_tokens(values)
    choice = first_choice(values, tokens)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Malformed(NO_COMPLETION, tokens)
    if isinstance(message.get("refusal"), str) and not message.get("content"):
        raise Malformed(f"the model refuses: {message['refusal'][:300]}", tokens)
    text = content_text(message.get("content"))
    calls = read_tool_calls(message.get("tool_calls"), tokens)
    cut = choice.get("finish_reason") == "length"
    if text is None and not calls and not cut:
        raise Malformed("its reply holds neither text nor a tool call", tokens)
    return Answer(_bounded(text or "", tokens), calls, cut, tokens)


def read_object(data: bytes | str) -> dict[str, Any]:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise Malformed(NO_COMPLETION)
    if values.get("error") and not values.get("choices"):
        raise Refused(_error_in(values))
    return values


def _error_in(values: dict[str, Any]) -> Failure:
    """OpenRouter and others begin with status 200 and give the real one in the body."""
    error = values["error"]
    code = error.get("code") if isinstance(error, Mapping) else None
    status = code if isinstance(code, int) and 400 <= code <= 599 else 400
    return failure_said(status, values)


def first_choice(values: dict[str, Any], tokens: tuple[int, int] | None) -> dict[str, Any]:
    choices = values.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise Malformed(NO_COMPLETION, tokens)
    return choice


def content_text(content: object) -> str | None:
    """Text, or a list of parts of which some are text."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
        texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
        return "".join(texts) if texts else None
    return None


def _bounded(text: str, tokens: tuple[int, int] | None) -> str:
    if len(text) > MAX_REPLY_CHARACTERS:
        raise Malformed(TOO_LARGE, tokens)
    return text


def read_tool_calls(calls: object, tokens: tuple[int, int] | None) -> tuple[ToolCall, ...]:
    if not isinstance(calls, list):
        return ()
    found = []
    for number, call in enumerate(calls):
        function = call.get("function") if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(call, dict) or not isinstance(function, dict) or not isinstance(name, str):
            raise Malformed("its reply calls a tool without a name", tokens)
        given, arguments = call.get("id"), function.get("arguments")
        if not isinstance(arguments, str):  # some servers give the object itself
            arguments = json.dumps({} if arguments is None else arguments, ensure_ascii=False)
        identity = given if isinstance(given, str) and given else f"call_{number}"
        found.append(ToolCall(identity, name, arguments))
    return tuple(found)


def read_tokens(values: dict[str, Any]) -> tuple[int, int] | None:
    usage = values.get("usage")
    if not isinstance(usage, dict):
        return None
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    if not all(type(count) is int and 0 <= count <= MAX_TOKENS_TOLD for count in counts) or not any(counts):
        return None
    return int(counts[0] or 0), int(counts[1] or 0)
