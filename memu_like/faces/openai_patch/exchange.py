"""One exchange of a conversation, on its way into memory: the user's message, and the reply as it comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ...fenced import as_told

Message = dict[str, Any]


@dataclass(slots=True, eq=False)
class Exchange:
    """A request that was answered. `ended` is told of the end, which may be told more than once."""

    user_id: str
    new: Message | None
    """The user's message, None where an earlier request has saved it."""
    ended: Callable[[Exchange], None]
    pieces: list[str] = field(default_factory=list)
    asked_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def add(self, piece: str) -> None:
        if piece:
            self.pieces.append(piece)

    def end(self) -> None:
        self.ended(self)

    def messages(self) -> tuple[Message, ...]:
        """What there is to save."""
        found = [] if self.new is None else [{**self.new, "created_at": self.asked_at.isoformat()}]
        reply = as_told("".join(self.pieces))
        if reply.strip():
            now = datetime.now(UTC).isoformat()
            found.append({"role": "assistant", "content": reply, "created_at": now})
        return tuple(found)
