"""The project: whether the server is well, its users, what it took, and its configuration."""

from __future__ import annotations

import logging
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from ....errors import ConfigError
from ..requests import Memory
from . import forms
from .envelope import answer, refused

LOG = logging.getLogger("memu_like.server")
router = APIRouter(tags=["project"])


@router.get("/healthcheck")
async def healthcheck() -> Response:
    """Whether the server answers. It needs no token."""
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


@router.get("/project/usage")
async def project_usage(memory: Memory, last_days: Annotated[int, Query(ge=1, le=40)] = 7) -> Response:
    """Blobs and tokens of language models, by day, today first; days are those of UTC."""
    return answer(forms.usage(await memory.usage(last_days)))


@router.get("/project/billing")
async def project_billing(memory: Memory) -> Response:
    """The tokens of this month. There is no quota."""
    return answer(forms.billing(await memory.usage_this_month()))


class ProfileConfig(BaseModel):
    profile_config: Annotated[str | None, Field(description="Memobase's YAML; null or empty: none.")]


@router.get("/project/profile_config")
async def get_profile_config(memory: Memory) -> Response:
    """What the store's configuration says of profiles, events and their language."""
    return answer({"profile_config": await memory.profile_config()})


@router.post("/project/profile_config")
async def update_profile_config(memory: Memory, body: ProfileConfig) -> Response:
    """Replace it. One that cannot be used changes nothing, and the answer says what is wrong with it."""
    try:
        await memory.set_profile_config(body.profile_config or "")
    except ConfigError as error:
        return refused(400, str(error))
    return answer()
