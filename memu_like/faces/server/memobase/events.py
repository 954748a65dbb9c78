"""Events: listed, searched by meaning and words or by tag, and edited by id."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel

from ....errors import InvalidInput
from ..requests import User
from . import forms
from .envelope import answer
from .reading import or_nothing
from .selecting import Tokens

router = APIRouter(prefix="/users", tags=["events"])
TopK = Annotated[int, Query(ge=1, le=1000)]
Words = Annotated[str, Query(max_length=100_000)]
Similarity = Annotated[float, Query(ge=-1, le=1)]
Days = Annotated[int, Query(ge=0, le=1_000_000, description="Events of so many days, up to now.")]


class Tag(BaseModel):
    tag: str
    value: str = ""


class EventData(BaseModel):
    """What to change; what is null stays."""

    event_tip: str | None = None
    event_tags: list[Tag] | None = None
    profile_delta: list[dict[str, Any]] | None = None


@router.get("/event/{user_id}")
async def get_events(
    user: User, topk: TopK = 10, max_token_size: Tokens = None, need_summary: bool = False
) -> Response:
    """The last events, newest first."""
    found = user.event_records(topk=topk, max_token_size=max_token_size, need_summary=need_summary)
    return answer(forms.events(await or_nothing(found, [])))


@router.put("/event/{user_id}/{event_id}")
async def update_event(user: User, event_id: str, body: EventData) -> Response:
    if body.profile_delta is not None:
        raise InvalidInput("profile_delta is what a run did: change the profile itself")
    await user.update_event(event_id, **_changes(body))
    return answer()


def _changes(body: EventData) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if body.event_tip is not None:
        changes["summary"] = body.event_tip
    if body.event_tags is not None:
        changes["tags"] = [f"{one.tag}={one.value}" if one.value else one.tag for one in body.event_tags]
    return changes


@router.delete("/event/{user_id}/{event_id}")
async def delete_event(user: User, event_id: str) -> Response:
    """Hide an event; what was learnt of it stays in the profile."""
    await user.delete_event(event_id)
    return answer()


@router.get("/event/search/{user_id}")
async def search_events(
    user: User,
    query: Words,
    topk: TopK = 10,
    similarity_threshold: Similarity = 0.2,
    time_range_in_days: Days = 180,
) -> Response:
    found = user.search_events(
        query,
        topk=topk,
        similarity_threshold=similarity_threshold,
        time_range_in_days=time_range_in_days,
    )
    return answer(forms.events(await or_nothing(found, [])))


@router.get("/event_gist/search/{user_id}")
async def search_gists(
    user: User,
    query: Words,
    topk: TopK = 10,
    similarity_threshold: Similarity = 0.2,
    time_range_in_days: Days = 180,
) -> Response:
    """The single statements of events."""
    found = user.search_gists(
        query,
        topk=topk,
        similarity_threshold=similarity_threshold,
        time_range_in_days=time_range_in_days,
    )
    return answer(forms.gists(await or_nothing(found, [])))


@router.get("/event_tags/search/{user_id}")
async def search_tags(
    user: User,
    tags: Annotated[str, Query(description="Tags that events have, with commas between.")] = "",
    tag_values: Annotated[str, Query(description="tag=value, with commas between.")] = "",
    topk: TopK = 10,
) -> Response:
    """The last events that have all of these tags."""
    names = [one.strip() for one in tags.split(",") if one.strip()]
    pairs = [one.partition("=") for one in tag_values.split(",") if "=" in one]
    values = {name.strip(): value.strip() for name, _, value in pairs}
    return answer(forms.events(await or_nothing(user.events_by_tags(names, values, topk=topk), [])))
