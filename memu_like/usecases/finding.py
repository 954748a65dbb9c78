"""Finding: a retrieval as it was asked for, whichever way that is."""

from __future__ import annotations

from ..results import RetrieveResult
from .desk import Room
from .navigating import navigate
from .retrieval import Request, search_memory
from .tiers import retrieve_by_tiers


async def find(room: Room, request: Request) -> RetrieveResult:
    """With no model where neither the method nor a setting asks for one. Raises NotFound, ConfigError."""
    if not request.asks_model:
        return await room.read(lambda desk: search_memory(desk, request))
    return await (navigate if request.method == "llm" else retrieve_by_tiers)(room, request)
