"""The meter: every call of an operation goes through one, which counts it, keeps the caps and the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ...chat import ChatReply, ChatRequest, Step
from ...config import Settings
from ...errors import ModelError, SpendCapReached, StorageError
from ...models import Usage
from .base import Model
from .counting import estimated_tokens, usage_of
from .ledger import Line, add_spend, add_usage, read_spend

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class Meter:
    """Asks `model` for one run, retrieval or reply, and counts in `usage` what that takes.

    Each call is a line of `usage.jsonl` in `ledger` (the user's `.memu/`, None: kept nowhere) and of the
    day's file in `store`/.memu/spend/, which names no user. Raises SpendCapReached before a call where a
    cap is used up: what is spent is known after a call, so that the last one allowed may pass it, and so
    may calls that are under way together.
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
        self.degraded: tuple[str, ...] = ()
        """What could not be kept in the ledger; the calls were made all the same."""
        self._settings, self._now, self._ledger = settings, now, ledger

    def name(self, step: Step) -> str:
        return self.model.name(step)

    async def chat(self, request: ChatRequest) -> ChatReply:
        """Raises SpendCapReached, StorageError where a day's cap cannot be kept, and ModelError."""
        await self._check()
        try:
            reply = await self.model.chat(request)
        except ModelError as error:
            await self._count(request.step, error.usage)
            raise
        await self._count(request.step, reply.usage)
        return reply

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | ChatReply]:
        """As the model does. What a stream took that is left early is estimated."""
        await self._check()
        shown: list[str] | None = []
        pieces = cast("AsyncGenerator[str | ChatReply, None]", self.model.stream(request))
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    if isinstance(piece, ChatReply):
                        shown = None
                        await self._count(request.step, piece.usage)
                    elif shown is not None:
                        shown.append(piece)
                    yield piece
        except ModelError as error:
            shown = None
            await self._count(request.step, error.usage)
            raise
        finally:
            if shown:
                await self._count(request.step, await self._estimate(request, "".join(shown)))

    async def _estimate(self, request: ChatRequest, text: str) -> Usage:
        tokens = await asyncio.to_thread(estimated_tokens, self._settings, request, text)
        return usage_of(self._settings, self.name(request.step), tokens, 0.0, estimated=True)

    # -- caps

    async def _check(self) -> None:
        settings = self._settings
        refuse_past(self.usage, settings.llm_run_token_cap, settings.llm_run_cost_cap, "run")
        if settings.llm_day_token_cap is not None or settings.llm_day_cost_cap is not None:
            spent = await asyncio.to_thread(self._spent_today)
            refuse_past(spent, settings.llm_day_token_cap, settings.llm_day_cost_cap, "day")

    def _spent_today(self) -> Usage:
        # A cap holds only where what is spent can be kept: an empty write tells before the call.
        add_spend(self._settings.store, self._day(), b"")
        return read_spend(self._settings.store, self._day())

    def _day(self) -> date:
        return self._now().astimezone(UTC).date()

    # -- the ledger

    async def _count(self, step: Step, usage: Usage | None) -> None:
        if usage is None or not usage.calls:
            return
        self.usage += usage
        line = Line(self._now().astimezone(UTC), step, self.name(step), usage).render()
        await asyncio.to_thread(self._keep, line)

    def _keep(self, line: bytes) -> None:
        # The reply is paid for: it is not given up because its count cannot be written.
        try:
            if self._ledger is not None:
                add_usage(self._ledger, line)
            add_spend(self._settings.store, self._day(), line)
        except StorageError as error:
            self.degraded += (f"a model call could not be counted: {error}",)


def refuse_past(used: Usage, tokens: int | None, cost: float | None, what: str) -> None:
    """Raises SpendCapReached where a cap on tokens or cost is used up."""
    taken = used.prompt_tokens + used.completion_tokens
    if tokens is not None and taken >= tokens:
        raise SpendCapReached(
            f"llm_{what}_token_cap is used up: this {what} took {taken:,} tokens of {tokens:,}; raise it"
        )
    if cost is not None and (used.cost or 0.0) >= cost:
        raise SpendCapReached(
            f"llm_{what}_cost_cap is used up: this {what} cost {used.cost:.4g} of {cost:g}; raise it"
        )
