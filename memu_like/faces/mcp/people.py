"""Whose memory a call is about."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import UserError
from ...service import MemoryService, UserMemory


@dataclass(frozen=True, slots=True)
class People:
    """The users of a server: `default` where a call names none, and with `only` no other."""

    service: MemoryService
    default: str
    only: bool = False

    def user(self, user_id: str | None) -> UserMemory:
        """The memory of the named user. Raises InvalidUserId, and UserError for one that is not served."""
        chosen = self.default if user_id is None else user_id
        if self.only and chosen != self.default:
            raise UserError("this server serves one user only: leave user_id out")
        return self.service.user(chosen)
