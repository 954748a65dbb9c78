"""What memory says: search, a context for a prompt, and the profile.

Queries come in bodies: what somebody asks has no place in an address.
"""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from ....models import Entry
from ....results import RetrieveResult
from ..requests import User
from .answers import shown
from .bodies import Context, Query, given

router = APIRouter(tags=["finding"])


@router.post("/users/{user_id}/retrieve", response_model=RetrieveResult)
async def retrieve(user: User, body: Query) -> Response:
    """Search categories, items and resources."""
    return shown(await user.retrieve(**given(body)))


@router.post("/users/{user_id}/context")
async def context(user: User, body: Context | None = None) -> Response:
    """Profile, events and what bears on the query, as a text within the budget."""
    return shown({"context": await user.context(**given(body or Context()))})


@router.get("/users/{user_id}/profile", response_model=dict[str, dict[str, list[Entry]]])
async def profile(user: User) -> Response:
    """What the category files show now: topic, slot, entries in the order of the file."""
    return shown(await user.profile())
