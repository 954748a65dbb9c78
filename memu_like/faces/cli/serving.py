"""The command serve: memory over HTTP, for Memobase's clients and any other."""

from __future__ import annotations

import os
from pathlib import Path
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
        list[str] | None,
        typer.Option(
            "--token",
            metavar="TOKEN",
            help="What clients must send; may be given again. So may MEMU_LIKE_TOKEN, which no list of"
            " processes shows. With no token: this machine only.",
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="A line each: TOKEN or sha256:HEX, and a user's id if of one.",
        ),
    ] = None,
    max_body_bytes: Annotated[int, typer.Option("--max-body-bytes", min=1024, help="Of a request.")] = 16
    * 1024
    * 1024,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, help="Requests at work at once; more are told to wait.")
    ] = 512,
    requests_per_second: Annotated[
        float, typer.Option("--requests-per-second", min=0.01, help="Of one token; twice as many may burst.")
    ] = 1000.0,
) -> None:
    """Serve the store to Memobase's clients and any other, until Ctrl-C or SIGTERM."""
    from ..server.limits import Limits
    from ..server.running import log_to_stderr
    from ..server.running import serve as run
    from ..server.tokens import ENVIRONMENT, make_access, read_tokens

    grants = read_tokens(token or (), os.environ.get(ENVIRONMENT), token_file)
    limits = Limits.of(max_body_bytes, concurrency, requests_per_second)
    async with call.service(background=True) as service:
        log_to_stderr()
        access = make_access(service, grants)

        def announce(address: str) -> None:
            note(f"serving {service.store} at {address}; Ctrl-C ends it")
            if access is None:
                note("no token is set: whoever uses this machine may read and write all of it")

        await run(service, access, host, port, announce, limits)
