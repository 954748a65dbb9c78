"""The MCP server: memory as tools, resources and prompts, over stdio and streamable HTTP."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from ...errors import MissingExtra

if TYPE_CHECKING:
    from ...service import MemoryService

PURPOSE = "the MCP server"


async def serve_stdio(service: MemoryService, user_id: str, *, only: bool = False) -> None:
    """Serve one client on stdin and stdout until it hangs up. Raises MissingExtra, InvalidUserId.

    `user_id` is whose memory a call without a user means; with `only`, no call can name another.
    """
    _prepare()
    from .server import serving

    async with serving(service, user_id, only=only) as server:
        await server.run_stdio_async()


async def serve_http(
    service: MemoryService,
    user_id: str,
    *,
    only: bool = False,
    host: str = "127.0.0.1",
    port: int = 8765,
    token: str | None = None,
) -> None:
    """Serve clients at http://host:port/mcp until SIGINT or SIGTERM.

    Each request needs `token` as a bearer token, where there is one. Raises ConfigError with none on an
    address that other machines reach, or where the port is taken; and what `serve_stdio` raises.
    """
    _prepare()
    from .http import serve
    from .server import serving

    async with serving(service, user_id, only=only) as server:
        await serve(server, host, port, token)


def _prepare() -> None:
    """Raises MissingExtra where the SDK is not installed. The log goes to stderr: stdout is the client's."""
    try:
        import mcp.server.mcpserver
    except ImportError as error:
        raise MissingExtra(PURPOSE, "mcp") from error
    assert mcp.server.mcpserver
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
