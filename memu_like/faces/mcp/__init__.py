"""The MCP server: memory as tools, resources and prompts, over stdio and streamable HTTP."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...errors import MissingExtra

if TYPE_CHECKING:
    from ...service import MemoryService
    from ..server.access import Access

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
    access: Access | None = None,
    announce: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve clients at http://host:port/mcp, which `announce` is told, until SIGINT or SIGTERM.

    With `access`, each request needs a bearer token, and has what that opens. Raises ConfigError without it
    on an address that other machines reach, or where the port is taken; and what `serve_stdio` raises.
    """
    _prepare()
    from .http import serve
    from .server import serving

    async with serving(service, user_id, only=only, guarded=access is not None) as server:
        await serve(server, host, port, access, announce)


def _prepare() -> None:
    """Raises MissingExtra where the SDK is not installed. The log goes to stderr: stdout is the client's."""
    try:
        import mcp.server.mcpserver
    except ImportError as error:
        raise MissingExtra(PURPOSE, "mcp") from error
    assert mcp.server.mcpserver
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
