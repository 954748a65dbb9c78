"""The command mcp: memory for the clients of the Model Context Protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .app import DEFAULT_USER, Call, command

if TYPE_CHECKING:
    from ...service import MemoryService


@command("mcp")
async def mcp(
    call: Call,
    http: Annotated[bool, typer.Option("--http", help="Streamable HTTP in place of stdio.")] = False,
    host: Annotated[str, typer.Option("--host", help="With --http: the address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="With --http: the port; 0: a free one.")] = 8765,
    token: Annotated[
        str | None,
        typer.Option(
            "--token", envvar="MEMU_LIKE_TOKEN", show_envvar=True, help="With --http: the bearer token."
        ),
    ] = None,
    only: Annotated[bool, typer.Option("--only", help="Serve no other user, whatever a call names.")] = False,
) -> None:
    """Serve memory to MCP clients; without --user, the only user of the store, else "me"."""
    from ..mcp import serve_http, serve_stdio

    async with call.service(background=True) as service:
        user_id = await _default_user(call, service)
        if http:
            await serve_http(service, user_id, only=only, host=host, port=port, token=token)
        else:
            await serve_stdio(service, user_id, only=only)


async def _default_user(call: Call, service: MemoryService) -> str:
    if call.user_id is not None:
        return call.user_id
    users = await service.users()
    return users[0] if len(users) == 1 else DEFAULT_USER
