"""Memobase's routes, as its clients call them: paths, parameters, defaults, envelope and statuses."""

from __future__ import annotations

from fastapi import APIRouter

from . import blobs, contexts, events, profiles, project, roleplay, users

router = APIRouter(prefix="/api/v1")
for one in (project, users, blobs, profiles, events, contexts, roleplay):
    router.include_router(one.router)

__all__ = ["blobs", "contexts", "events", "profiles", "project", "roleplay", "router", "users"]
