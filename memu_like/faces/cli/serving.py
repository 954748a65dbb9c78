"""The command serve: memory over HTTP, for Memobase's clients and any other."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import Call, command
from .output import note


@command("serve")
async def serve(
    call: Call,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="The port; 0: a free one.")] = 8019,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            envvar="MEMU_LIKE_TOKEN",
            show_envvar=True,
            help="What clients must send; without one, this machine only.",
        ),
    ] = None,
) -> None:
    """Serve the store to Memobase's clients until Ctrl-C or SIGTERM."""
    from ..server.access import Scope, TokenAccess
    from ..server.running import log_to_stderr
    from ..server.running import serve as run

    async with call.service(background=True) as service:
        log_to_stderr()
        access = TokenAccess({token: Scope(service)}) if token else None

        def announce(address: str) -> None:
            note(f"serving {service.store} at {address}; Ctrl-C ends it")
            if access is None:
                note("no token is set: whoever uses this machine may read and write all of it")

        await run(service, access, host, port, announce)
