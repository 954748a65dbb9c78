"""The profile: chosen under a budget, edited by id, and imported from a text."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, Field

from ..requests import User
from . import forms
from .envelope import answer
from .reading import or_nothing
from .selecting import Selected, Size, Tokens

router = APIRouter(prefix="/users/profile", tags=["profile"])


class Attributes(BaseModel):
    topic: str
    sub_topic: str


class ProfileEntry(BaseModel):
    content: str
    attributes: Attributes


class Notes(BaseModel):
    context: Annotated[str, Field(description="A text about the user, such as notes.")]


@router.get("/{user_id}")
async def get_profile(
    user: User, chosen: Selected, topk: Size = None, max_token_size: Tokens = None
) -> Response:
    """The profile's slots; with `chats_str`, those that bear on the messages come first."""
    query = chosen.query(max_token_size, topk)
    return answer(forms.profiles(await or_nothing(user.profile_slots(query), [])))


@router.post("/{user_id}")
async def add_profile(user: User, body: ProfileEntry) -> Response:
    """Write an entry, as a person would."""
    await user.record()
    at = body.attributes
    return answer({"id": await user.add_profile(body.content, at.topic, at.sub_topic)})


@router.post("/import/{user_id}")
async def import_profile(user: User, body: Notes) -> Response:
    """Learn from a text about the user."""
    await user.record()
    await user.import_profile(body.context)
    return answer()


@router.put("/{user_id}/{profile_id}")
async def update_profile(user: User, profile_id: str, body: ProfileEntry) -> Response:
    at = body.attributes
    await user.update_profile(profile_id, body.content, at.topic, at.sub_topic)
    return answer()


@router.delete("/{user_id}/{profile_id}")
async def delete_profile(user: User, profile_id: str) -> Response:
    """Take it out of memory; it is not learnt again from the same source."""
    await user.delete_profile(profile_id)
    return answer()
