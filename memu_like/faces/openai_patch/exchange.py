"""One exchange of a conversation, on its way into memory: the user's message, and the reply as it comes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Messages = list[dict[str, Any]]


@dataclass(slots=True)
class Exchange:
    """What is saved once, at the end, however often and by whomever that is told.

    `begin` begins to save and returns; `save` saves, or leaves it to the background, as the client does.
    """

    new: dict[str, Any] | None
    begin: Callable[[Messages], None]
    save: Callable[[Messages], Coroutine[Any, Any, None]]
    pieces: list[str] = field(default_factory=list)
    asked_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    is_over: bool = False

    def add(self, piece: str) -> None:
        if piece:
            self.pieces.append(piece)

    def end(self) -> None:
        """For a sync client, and for a stream that was dropped."""
        if messages := self._messages():
            self.begin(messages)

    async def ended(self) -> None:
        """For an async client."""
        if messages := self._messages():
            await self.save(messages)

    def _messages(self) -> Messages:
        """What there is to save; nothing the second time."""
        if self.is_over:
            return []
        self.is_over = True
        reply = "".join(self.pieces)
        asked = [] if self.new is None else [{**self.new, "created_at": self.asked_at.isoformat()}]
        told = {"role": "assistant", "content": reply, "created_at": datetime.now(UTC).isoformat()}
        return [*asked, told] if reply.strip() else asked
