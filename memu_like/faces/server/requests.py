"""What routes ask for: the scope of the request, its memory, and one user's memory within it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from ...service import MemoryService, UserMemory
from .access import Scope, check_id
from .metrics import NO_ROUTE
from .statuses import Forbidden


async def routed(request: Request) -> None:
    """Note the template of the request's route for the log: its path may hold what somebody said."""
    request.state.route = request.app.state.templates.get(request.scope.get("endpoint"), NO_ROUTE)


async def authorised(request: Request) -> Scope:
    """What the request's token opens; the guard has asked for it."""
    scope: Scope = request.state.scope
    return scope


Authorised = Annotated[Scope, Depends(authorised)]


async def whole_project(scope: Authorised) -> MemoryService:
    """For what concerns all users. Raises Forbidden for a token that opens some of them only."""
    if scope.users is not None:
        raise Forbidden
    return scope.memory


UserId = Annotated[str, Path(description="Any id that the store takes; UUIDs among them.", max_length=1024)]


async def one_user(scope: Authorised, user_id: UserId) -> UserMemory:
    """The user that the path names. Raises InvalidUserId, and Forbidden."""
    return user_within(scope, user_id)


def user_within(scope: Scope, user_id: str) -> UserMemory:
    check_id(user_id)
    if not scope.admits(user_id):
        raise Forbidden
    return scope.memory.user(user_id)


Memory = Annotated[MemoryService, Depends(whole_project)]
User = Annotated[UserMemory, Depends(one_user)]
