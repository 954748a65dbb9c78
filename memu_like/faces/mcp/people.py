"""Whose memory a call is about: of those that the server serves, one that the caller's token opens."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import UserError
from ...service import MemoryService, UserMemory
from ..server.access import check_id

if TYPE_CHECKING:
    from ..server.access import Scope

ASKING: ContextVar[Scope | None] = ContextVar("asking", default=None)
"""What the token of the request at hand opens; None where requests bring none."""


@dataclass(frozen=True, slots=True)
class People:
    """The users of a server: `default` where a call names none, and with `only` no other.

    Of a `guarded` server each request brings a token: one of a single user has that user as its default.
    """

    service: MemoryService
    default: str
    only: bool = False
    guarded: bool = False

    def user(self, user_id: str | None) -> UserMemory:
        """The memory of the named user. Raises InvalidUserId, and UserError for one that is not served."""
        scope = ASKING.get()
        default = self._default(scope)
        chosen = default if user_id is None else user_id
        if chosen != default:
            check_id(chosen)
        if self.only and chosen != self.default:
            raise UserError("this server serves one user only: leave user_id out")
        if scope is not None and not scope.admits(chosen):
            raise UserError("your token does not open this user's memory: leave user_id out")
        return self.service.user(chosen)

    def _default(self, scope: Scope | None) -> str:
        if scope is None:
            if self.guarded:
                raise UserError("this server answers to tokens, and the request brought none")
            return self.default
        return next(iter(scope.users)) if scope.users is not None and len(scope.users) == 1 else self.default
