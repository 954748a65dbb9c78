"""The command that takes in what a person did to the files."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from ...errors import StorageError
from ...results import SyncReport
from .app import Call, command
from .edits import sync_lines
from .output import note


@command("sync")
async def sync(
    call: Call,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Retract the entries whose deletion was held back.")
    ] = False,
) -> None:
    """Take in what was changed by hand in the files. Each run does so by itself before it begins."""
    async with call.service() as service:
        user = await call.user(service)
        report = await user.sync(confirm=confirm)
    call.show(report, lambda out: _show(out, report))
    for problem in () if call.json else report.degraded:
        note(f"note: {problem}")
    if report.problems:
        count = len(report.problems)
        raise StorageError(f"{count} problem{'s' if count > 1 else ''}: the rest was taken in")


def _show(out: Console, report: SyncReport) -> None:
    lines = list(sync_lines(report))
    for line in lines:
        out.print(line)
    if not lines:
        out.print("nothing was changed by hand")
