"""The command mcp: memory for the clients of the Model Context Protocol."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .app import DEFAULT_USER, Call, command
from .output import note

if TYPE_CHECKING:
    from ...service import MemoryService


@command("mcp")
async def mcp(
    call: Call,
    http: Annotated[bool, typer.Option("--http", help="Streamable HTTP in place of stdio.")] = False,
    host: Annotated[str, typer.Option("--host", help="With --http: the address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="With --http: the port; 0: a free one.")] = 8765,
    token: Annotated[
        list[str] | None,
        typer.Option("--token", metavar="TOKEN", help="With --http: as of serve; so is MEMU_LIKE_TOKEN."),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", metavar="FILE", help="With --http: as of serve.")
    ] = None,
    only: Annotated[bool, typer.Option("--only", help="Serve no other user, whatever a call names.")] = False,
) -> None:
    """Serve memory to MCP clients; without --user, the only user of the store, else "me"."""
    from ...errors import ConfigError
    from ..mcp import serve_http, serve_stdio
    from ..server.tokens import ENVIRONMENT, make_access, read_tokens

    if not http and (token or token_file):
        raise ConfigError(
            "--token and --token-file go with --http: over stdio there is nobody to be told apart"
        )
    grants = read_tokens(token or (), os.environ.get(ENVIRONMENT), token_file) if http else ()
    async with call.service(background=True) as service:
        user_id = await _default_user(call, service)
        if not http:
            return await serve_stdio(service, user_id, only=only)
        access = make_access(service, grants)

        def announce(url: str) -> None:
            note(f"serving {service.store} at {url}; Ctrl-C ends it")
            if access is None:
                note("no token is set: whoever uses this machine may read and write all of it")

        await serve_http(service, user_id, only=only, host=host, port=port, access=access, announce=announce)


async def _default_user(call: Call, service: MemoryService) -> str:
    if call.user_id is not None:
        return call.user_id
    users = await service.users()
    return users[0] if len(users) == 1 else DEFAULT_USER
