"""Prompts that a person picks from a client's menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from ...errors import MemuLikeError, NotFound
from ...fenced import as_data
from .people import People

if TYPE_CHECKING:
    from .server import MemoryServer

NOTHING_YET = "Nothing is remembered of this user yet."


def add_prompts(server: MemoryServer, people: People) -> None:
    """Register the prompt `context`."""

    @server.prompt(title="What is remembered")
    async def context(query: str = "", user_id: str | None = None, max_tokens: int = 1000) -> str:
        """What memory holds that bears on a question, or without one, the user's profile."""
        try:
            text = await people.user(user_id).context(query=query or None, max_tokens=max_tokens)
        except NotFound:
            return NOTHING_YET
        except MemuLikeError as error:
            raise MCPError(code=INVALID_PARAMS, message=str(error)) from error
        asked = f"\n\nWith that in mind: {query}" if query else ""
        return f"{as_data(text)}{asked}"
