"""Housekeeping: edits in the files taken in, a folder in figures, and what is wrong with it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from ....results import SyncReport
from ..requests import User
from .answers import shown
from .bodies import Sync

router = APIRouter(tags=["housekeeping"])


@router.post("/users/{user_id}/sync", response_model=SyncReport)
async def sync(user: User, body: Sync | None = None) -> Response:
    """Take in what a person changed in the files."""
    return shown(await user.sync(confirm=(body or Sync()).confirm))


@router.get("/users/{user_id}/stats", response_model=dict[str, Any])
async def stats(user: User) -> Response:
    """The folder in figures."""
    return shown(await user.stats())


@router.get("/users/{user_id}/doctor", response_model=list[dict[str, Any]])
async def doctor(user: User) -> Response:
    """What is wrong with the folder, if anything. Changes nothing."""
    return shown(await user.doctor())
