"""A request in the words of OpenAI's chat completions, and in fewer where an endpoint takes fewer.

What an endpoint refuses is a set of the names in PARTS; a request is made anew without them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Literal

from ...chat import ChatMessage, ChatRequest, OutputSchema, Tool

Output = Literal["auto", "json_schema", "json_object", "text"]

PARTS = (
    *("stream_options", "strict", "json_schema", "json_object"),
    *("temperature", "max_completion_tokens", "max_tokens", "tools"),
)
"""What can be left out of a request, or be said in another way."""

SCHEMA_AS_TEXT = "Answer with one JSON value that fits this JSON schema, and with nothing else:\n"


def request_body(
    request: ChatRequest,
    model: str,
    refused: Collection[str],
    *,
    output: Output,
    temperature: float | None,
    token_parameters: tuple[str, ...],
    stream: bool = False,
) -> dict[str, Any]:
    """The JSON of a POST to /chat/completions, with the first of `token_parameters` that is not refused."""
    chosen = _output(output, refused) if request.schema else "text"
    body: dict[str, Any] = {"model": model, "messages": [_message(one) for one in request.messages]}
    if request.schema and chosen != "json_schema":
        _tell_schema(body["messages"], request.schema)
    if request.schema and chosen != "text":
        body["response_format"] = _response_format(request.schema, chosen, "strict" in refused)
    if temperature is not None and "temperature" not in refused:
        body["temperature"] = temperature
    for name in [name for name in token_parameters if name not in refused][:1]:
        body[name] = request.max_output_tokens
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if stream:
        body["stream"] = True
        if "stream_options" not in refused:
            body["stream_options"] = {"include_usage": True}
    return body


def _output(output: Output, refused: Collection[str]) -> Output:
    if output != "auto":
        return output
    kinds: tuple[Output, ...] = ("json_schema", "json_object", "text")
    return next(kind for kind in kinds if kind not in refused)


def _response_format(schema: OutputSchema, output: Output, never_strict: bool) -> dict[str, Any]:
    if output == "json_object":
        return {"type": "json_object"}
    strict = not never_strict and can_be_strict(schema.schema)
    named = {"name": schema.name, "schema": schema.schema, "strict": strict}
    return {"type": "json_schema", "json_schema": named}


def can_be_strict(schema: object) -> bool:
    """Whether each object in a schema requires all its properties and takes no others.

    OpenAI takes `"strict": true` for no other schema.
    """
    if isinstance(schema, list | tuple):
        return all(can_be_strict(part) for part in schema)
    if not isinstance(schema, Mapping):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False:
            return False
        if set(schema.get("required", ())) != set(properties):
            return False
    return all(can_be_strict(part) for part in schema.values())


def _tell_schema(messages: list[dict[str, Any]], schema: OutputSchema) -> None:
    """Into the system message where there is one: the others hold data."""
    told = SCHEMA_AS_TEXT + json.dumps(schema.schema, ensure_ascii=False)
    place = messages[0] if messages[0]["role"] == "system" else messages[-1]
    place["content"] = f"{place['content'] or ''}\n\n{told}"


def _message(message: ChatMessage) -> dict[str, Any]:
    values: dict[str, Any] = {"role": message.role, "content": _sendable(message.content)}
    if message.tool_calls:
        values["content"] = values["content"] or None
        values["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _sendable(call.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        values["tool_call_id"] = message.tool_call_id
    return values


def _sendable(text: str) -> str:
    """Halves of surrogate pairs cannot be said in UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _tool(tool: Tool) -> dict[str, Any]:
    values = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": values}
