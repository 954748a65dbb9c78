"""Users: listed, made, with what an application keeps about them, and forgotten."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from ....results import UserPage, UserRecord
from ..requests import Authorised, Memory, User
from .answers import shown
from .bodies import NewUser

router = APIRouter(tags=["users"])


@router.get("/health")
async def health() -> dict[str, str]:
    """Whether the server answers. It needs no token."""
    return {"status": "ok"}


@router.get("/users", response_model=UserPage)
async def list_users(
    memory: Memory,
    search: Annotated[str, Query(max_length=256)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> Response:
    """Users, the last changed first."""
    return shown(await memory.user_page(search=search, limit=limit, offset=offset))


@router.get("/users/{user_id}", response_model=UserRecord)
async def get_user(user: User) -> Response:
    return shown(await user.record())


@router.put("/users/{user_id}", response_model=UserRecord)
async def put_user(user: User, scope: Authorised, body: NewUser) -> Response:
    """Make the user, or replace what is kept about it."""
    found = await scope.memory.create_user(user.user_id)
    return shown(found if body.data is None else await user.set_data(body.data))


@router.delete("/users/{user_id}", status_code=204)
async def forget_user(user: User) -> Response:
    """Erase the user and all that is remembered."""
    await user.forget()
    return Response(status_code=204)
