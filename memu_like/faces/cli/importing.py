"""The command import-memobase: a Memobase project, read through its API."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.console import Console

from ...errors import RemoteError, UserError
from ...results import ImportReport
from .app import Call, command
from .output import note

ENVIRONMENT = "MEMOBASE_API_KEY"
"""Where Memobase's own client looks for the token."""


@command("import-memobase")
async def import_memobase(
    call: Call,
    url: Annotated[str, typer.Argument(metavar="URL", help="Of the server, as its clients are given it.")],
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="TOKEN",
            help=f"The project's; {ENVIRONMENT} does as well, which no list of processes shows.",
        ),
    ] = None,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="These users alone. Default: all.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and count everything, and write nothing.")
    ] = False,
) -> None:
    """Bring a Memobase project over: its users, profiles, events and blobs. Done again, it goes on."""
    from .progress import progress_bar

    given = token or os.environ.get(ENVIRONMENT)
    if not given:
        raise UserError(f"give the project's token: --token TOKEN, or {ENVIRONMENT} in the environment")
    users = [*(ids or ()), *([call.user_id] if call.user_id is not None else ())]
    async with call.service() as service:
        with progress_bar() as progress:
            report = await service.import_memobase(
                url, given, users=users or None, progress=progress, dry_run=dry_run
            )
    call.show(report, lambda out: _print(out, report))
    if report.failed:
        raise RemoteError(_failure(report))


def _print(out: Console, report: ImportReport) -> None:
    verb = "would be imported" if report.dry_run else "imported"
    counts = (
        _count(report.profiles, "profile entry", "profile entries"),
        _count(report.events, "event", "events"),
        _count(report.blobs, "blob", "blobs"),
    )
    users = _count(report.users, "user", "users")
    out.print(f"{users}: {', '.join(counts)} {verb}; there already: {report.known}")
    if report.waiting:
        out.print(f"waiting in the buffers, for memu-like flush: {_count(report.waiting, 'blob', 'blobs')}")
    if report.done_before:
        out.print(f"done before, by an import that was interrupted: {report.done_before}")
    for problem in report.notes:
        note(f"note: {problem.user}: {problem.reason}")
    for problem in report.refused:
        note(f"refused: {problem.user + ': ' if problem.user else ''}{problem.reason}")
    if report.refusals > len(report.refused):
        note(f"refused: {report.refusals - len(report.refused)} more records")
    for problem in report.failed:
        note(f"failed: {problem.user}: {problem.reason}")


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _failure(report: ImportReport) -> str:
    count = _count(len(report.failed), "user", "users")
    return f"{count} could not be imported ({report.failed[0].reason}); the same command tries them again"
