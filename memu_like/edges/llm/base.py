"""The port that every language model has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from ...chat import ChatReply, ChatRequest, Step


class Model(Protocol):
    """A language model. It keeps no conversation: a request holds all that is said."""

    def name(self, step: Step) -> str:
        """The model that a step is asked of, as events and items record it."""
        ...

    async def chat(self, request: ChatRequest) -> ChatReply:
        """One call. Raises ModelUnavailable, ToolsRefused, or ModelError for another refusal."""
        ...

    def stream(self, request: ChatRequest) -> AsyncIterator[str | ChatReply]:
        """The reply's text in pieces as it comes, and at the end the whole as a ChatReply."""
        ...

    async def close(self) -> None:
        """Give up its connections."""
        ...
