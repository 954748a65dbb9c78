"""Prompts that a person picks from a client's menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from ...errors import MemuLikeError, NotFound
from ...fenced import as_data
from .people import People
from .refusing import NOTHING_YET, refusal

if TYPE_CHECKING:
    from .server import MemoryServer

REMEMBER = (
    "Go through our conversation so far. Search memory for what it touches. Save each thing that will matter"
    " later and is not remembered yet, in a whole sentence of its own; correct with edit_entry what is no"
    " longer so. Leave out passwords, keys and numbers of cards. Then tell me in a few lines what you saved."
)


def add_prompts(server: MemoryServer, people: People) -> None:
    """Register the prompts `context` and `remember`."""

    @server.prompt(title="What is remembered")
    async def context(query: str = "", user_id: str | None = None, max_tokens: int = 1000) -> str:
        """What memory holds that bears on a question, or without one, the user's profile."""
        try:
            text = await people.user(user_id).context(query=query or None, max_tokens=max_tokens)
        except NotFound:
            return NOTHING_YET
        except MemuLikeError as error:
            raise MCPError(code=INVALID_PARAMS, message=refusal(error)) from error
        asked = f"\n\nWith that in mind: {query}" if query else ""
        return f"{as_data(text)}{asked}"

    @server.prompt(title="Remember what mattered")
    async def remember(about: str = "") -> str:
        """Have the model go through the conversation and save what will matter later."""
        return REMEMBER + (f" Above all: {about}" if about else "")
