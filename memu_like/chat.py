"""The values of a chat with a language model: what is asked, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .models import Usage

Step = Literal["extract", "reorganise", "judge", "navigate", "reply"]
"""What a language model is asked for; each may have a model of its own (`llm_model_<step>`)."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that a model wants called; `arguments` is JSON text as the model wrote it, unchecked."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a chat with a language model (not of a user's conversation: that is Message)."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a model may call; `parameters` is a JSON schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class OutputSchema:
    """The JSON schema that a reply must fit."""

    name: str
    schema: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One call of a language model. `max_output_tokens` bounds the reply."""

    step: Step
    messages: tuple[ChatMessage, ...]
    schema: OutputSchema | None = None
    tools: tuple[Tool, ...] = ()
    max_output_tokens: int = 4096


@dataclass(frozen=True, slots=True)
class ChatReply:
    """What a model answered. `text` has no `<think>` blocks; `cut` is True where the limit ended it."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    cut: bool = False
    model: str = ""
