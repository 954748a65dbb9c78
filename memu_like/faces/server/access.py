"""Who may do what: a token opens a Scope, and every route works within it.

`Access` is what an app is made with. The guard asks it once a request, before a body is read.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ...errors import InvalidUserId

if TYPE_CHECKING:
    from ...service import MemoryService


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token opens: one store's memory, of all users or of some. `name` is for logs and limits."""

    memory: MemoryService
    users: frozenset[str] | None = None
    name: str = "default"

    def admits(self, user_id: str) -> bool:
        return self.users is None or user_id in self.users


def check_id(user_id: str) -> None:
    """An id that no address could name is refused. Raises InvalidUserId."""
    if "/" in user_id or "\\" in user_id or user_id in (".", ".."):
        raise InvalidUserId(user_id, "it reads as a path, and no address could name it")


class Access(Protocol):
    def admit(self, token: str | None) -> Scope | None:
        """The scope of a bearer token, None standing for none given; None where it opens nothing."""
        ...


class OpenAccess:
    """Whoever reaches the server may do all: for loopback only."""

    def __init__(self, memory: MemoryService) -> None:
        self._scope = Scope(memory)

    def admit(self, token: str | None) -> Scope | None:
        return self._scope


class HashedAccess:
    """The sha256 of each token and what it opens. Compared in a time that tells nothing."""

    def __init__(self, scopes: Mapping[bytes, Scope]) -> None:
        self._scopes = dict(scopes)

    def admit(self, token: str | None) -> Scope | None:
        given = _digest(token or "")
        found = None
        for known, scope in self._scopes.items():
            if hmac.compare_digest(known, given):
                found = scope
        return found


class TokenAccess(HashedAccess):
    """The same with the tokens themselves."""

    def __init__(self, scopes: Mapping[str, Scope]) -> None:
        super().__init__({_digest(token): scope for token, scope in scopes.items()})


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
