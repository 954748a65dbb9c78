"""What happened to a memory, and taking it back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from ....results import Change, Past, RevertReport
from ..requests import User
from .answers import shown
from .bodies import Revert

router = APIRouter(tags=["history"])
Point = Annotated[
    str | None, Query(max_length=256, description="A commit, a branch or a date.", min_length=1)
]


@router.get("/users/{user_id}/history", response_model=list[Past])
async def history(
    user: User,
    what: Annotated[
        str | None, Query(max_length=512, description="An item's id, a topic, or topic/slot; else all.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
) -> Response:
    """What happened, the newest first. It needs no repository."""
    return shown(await user.history(what, limit=limit))


@router.get("/users/{user_id}/diff", response_model=list[Change])
async def diff(
    user: User,
    since: Annotated[Point, Query(alias="from")] = None,
    until: Annotated[Point, Query(alias="to")] = None,
) -> Response:
    """What changed between two points: from the last commit to the files as they are, unless told."""
    return shown(await user.diff(since, until))


@router.post("/users/{user_id}/revert", response_model=RevertReport)
async def revert(user: User, body: Revert) -> Response:
    """Take back a run or a commit, by a run of its own. What was changed since stays."""
    return shown(await user.revert(body.what, dry_run=body.dry_run))
