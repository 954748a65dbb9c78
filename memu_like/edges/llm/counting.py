"""What a call took: the endpoint's own count of tokens, or an estimate, and the price of them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ...chat import ChatRequest, ToolCall
from ...config import Settings
from ...models import Usage
from ..tokens import make_counter

TOKENS_A_MESSAGE = 4
"""The role and what divides messages, as OpenAI's models count them."""


def usage_of(
    settings: Settings, model: str, tokens: tuple[int, int], seconds: float, estimated: bool = False
) -> Usage:
    """One call of `model`, with its price where `llm_prices` has one."""
    prompt, completion = tokens
    price = settings.llm_prices.get(model)
    cost = None if price is None else (prompt * price.input + completion * price.output) / 1_000_000
    return Usage(1, prompt, completion, round(seconds, 3), cost, estimated)


def estimated_tokens(
    settings: Settings, request: ChatRequest, text: str, calls: Iterable[ToolCall] = ()
) -> tuple[int, int]:
    """Tokens of prompt and completion, counted in the store's encoding. Blocking: some milliseconds."""
    counter = make_counter(settings.encoding)
    told = [message.content for message in request.messages]
    told += [call.arguments for message in request.messages for call in message.tool_calls]
    told += [json.dumps(tool.parameters) + tool.description for tool in request.tools]
    if request.schema:
        told.append(json.dumps(request.schema.schema))
    prompt = sum(counter.count(one) + TOKENS_A_MESSAGE for one in told)
    return prompt, counter.count(text) + sum(counter.count(call.name + call.arguments) for call in calls)
