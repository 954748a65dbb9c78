"""The context: what an application puts into its prompt."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from ..requests import User
from .envelope import answer
from .reading import or_nothing
from .selecting import Selected

router = APIRouter(prefix="/users", tags=["context"])


@router.get("/context/{user_id}")
async def get_context(
    user: User,
    chosen: Selected,
    max_token_size: Annotated[int, Query(ge=1, le=10_000_000)] = 1000,
    profile_event_ratio: Annotated[float | None, Query(ge=0, le=1)] = None,
    require_event_summary: bool | None = None,
    event_similarity_threshold: Annotated[float | None, Query(ge=-1, le=1)] = None,
    time_range_in_days: Annotated[int | None, Query(ge=0, le=1_000_000)] = None,
    customize_context_prompt: Annotated[str | None, Query(max_length=100_000)] = None,
    full_profile_and_only_search_event: bool | None = None,
    fill_window_with_events: bool | None = None,
) -> Response:
    """Profile and events as a text of at most `max_token_size` tokens."""
    found = user.context(
        max_tokens=max_token_size,
        prefer_topics=chosen.prefer_topics,
        only_topics=chosen.only_topics,
        max_subtopic_size=chosen.max_subtopic_size,
        topic_limits=chosen.topic_limits,
        chats=chosen.chats,
        profile_event_ratio=profile_event_ratio,
        require_event_summary=require_event_summary,
        event_similarity_threshold=event_similarity_threshold,
        time_range_in_days=time_range_in_days,
        customize_context_prompt=customize_context_prompt,
        full_profile_and_only_search_event=full_profile_and_only_search_event,
        fill_window_with_events=fill_window_with_events,
    )
    return answer({"context": await or_nothing(found, "")})
