"""The project: whether the server is well, its users, what it took, and its configuration."""

from __future__ import annotations

import logging
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from ..requests import Memory
from . import forms
from .envelope import answer

LOG = logging.getLogger("memu_like.server")
router = APIRouter(tags=["project"])


@router.get("/healthcheck")
async def healthcheck() -> Response:
    """Whether the server answers. The one route that asks for no token."""
    return answer()


@router.get("/admin/status_check")
async def status_check(memory: Memory) -> Response:
    """Whether the store can be read and what it is read with can be loaded."""
    await memory.tools()
    await memory.users()
    return answer()


@router.get("/project/users")
async def project_users(
    memory: Memory,
    search: Annotated[str, Query(description="Users whose id holds it.")] = "",
    order_by: Literal["updated_at", "profile_count", "event_count"] = "updated_at",
    order_desc: bool = True,
    limit: Annotated[int, Query(ge=0, le=1000)] = 10,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> Response:
    """Users with their data and figures, and how many there are in all."""
    page = await memory.user_page(
        search=search, order_by=order_by, descending=order_desc, limit=limit, offset=offset
    )
    for problem in page.degraded:
        LOG.warning("a user was left out of a listing: %s", problem)
    return answer(forms.users(page))
