"""The meter: every call of an operation goes through one, which counts it, keeps the caps and the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

from ...config import Settings
from ...models import ChatReply, ChatRequest, Step, Usage
from .base import Model


class Meter:
    """Asks `model` for one run, retrieval or reply, and counts in `usage` what that takes.

    Each call is a line of `usage.jsonl` in `ledger` (the user's `.memu/`, None: kept nowhere) and of the
    day's file in `store`/.memu/spend/, which names no user. Raises SpendCapReached before a call where a
    cap is used up.
    """

    def __init__(
        self,
        model: Model,
        settings: Settings,
        now: Callable[[], datetime],
        *,
        ledger: Path | None = None,
    ) -> None:
        self.model = model
        self.usage = Usage()

    def name(self, step: Step) -> str:
        return self.model.name(step)

    async def chat(self, request: ChatRequest) -> ChatReply:
        reply = await self.model.chat(request)
        self.usage += reply.usage
        return reply

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | ChatReply]:
        async for piece in self.model.stream(request):
            if isinstance(piece, ChatReply):
                self.usage += piece.usage
            yield piece
