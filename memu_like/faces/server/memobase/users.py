"""Users: made, with what an application keeps about them, and deleted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, Field

from ..requests import Authorised, User, user_within
from . import forms
from .envelope import answer

router = APIRouter(tags=["users"])


class UserData(BaseModel):
    data: Annotated[dict[str, Any] | None, Field(description="What the application keeps.")] = None


class UserToMake(UserData):
    id: Annotated[str | None, Field(description="Without one, a UUID4.", max_length=1024)] = None


@router.post("/users")
async def create_user(scope: Authorised, body: UserToMake) -> Response:
    """Make a user. One that is there already stays as it is: an error where it has other data."""
    if body.id is not None or scope.users is not None:
        user_within(scope, body.id or "")
    made = await scope.memory.create_user(body.id, body.data)
    return answer({"id": made.id})


@router.get("/users/{user_id}")
async def get_user(user: User) -> Response:
    return answer(forms.user(await user.record()))


@router.put("/users/{user_id}")
async def update_user(user: User, body: UserData) -> Response:
    """Replace what the application keeps about the user."""
    return answer({"id": (await user.set_data(body.data)).id})


@router.delete("/users/{user_id}")
async def delete_user(user: User) -> Response:
    """Erase the user and everything that is remembered."""
    await user.forget()
    return answer()
