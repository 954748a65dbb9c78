"""The server's own face under /v1: resources, methods and statuses as HTTP has them. See docs/server.md."""

from __future__ import annotations

from fastapi import APIRouter

from . import categories, changes, finding, history, housekeeping, intake, records, users
from .errors import of_ours

router = APIRouter(prefix="/v1")
for one in (users, intake, finding, records, categories, history, housekeeping, changes):
    router.include_router(one.router)

__all__ = ["of_ours", "router"]
