"""Commands on a memory's history: history, diff, blame, revert."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .app import Call, command
from .output import joined, note, remembered

if TYPE_CHECKING:
    from ...results import BlameLine, Change, Past, RevertReport

SHORT = 7
"""Characters of a commit's id, as git shows it."""
_STYLES = {"add": "green", "remove": "red", "change": "yellow", "move": "cyan"}

Point = Annotated[
    str | None, typer.Argument(metavar="[POINT]", help="A commit, a branch, or a date such as 2023-08-14.")
]


@command("history")
async def history(
    call: Call,
    what: Annotated[
        str | None, typer.Argument(metavar="[WHAT]", help="An item's id, a topic, or topic/slot; else all.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=0, help="At most so many.")] = None,
) -> None:
    """What happened, newest first: each run with what it changed, and the commit that holds it."""
    async with call.service() as service:
        user = await call.user(service)
        found = await user.history(what, limit=limit)
    call.show(found, lambda out: _print_history(out, found))


@command("diff")
async def diff(call: Call, a: Point = None, b: Point = None) -> None:
    """What changed between two points: from A (the last commit) to B (the files as they are now)."""
    async with call.service() as service:
        user = await call.user(service)
        found = await user.diff(a, b)
    call.show(found, lambda out: _print_changes(out, found, "no difference"))


@command("blame")
async def blame(
    call: Call, topic: Annotated[str, typer.Argument(metavar="TOPIC", help="A category.")]
) -> None:
    """Each line of a category: who put it there, in which commit and run, and the words behind it."""
    async with call.service() as service:
        user = await call.user(service)
        found = await user.blame(topic)
    call.show(found, lambda out: out.print(_blame_table(found)))


@command("revert")
async def revert(
    call: Call,
    what: Annotated[str, typer.Argument(metavar="RUN_OR_COMMIT", help="As `memu-like history` shows it.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done, and write nothing.")
    ] = False,
) -> None:
    """Take back a run or a commit, by a run of its own. What was changed again since stays."""
    async with call.service() as service:
        user = await call.user(service)
        report = await user.revert(what, dry_run=dry_run)
    call.show(report, lambda out: _print_revert(out, report, dry_run))
    for problem in () if call.json else report.degraded:
        note(f"note: {problem}")


# -- as a person reads it


def change_line(change: Change, indent: int) -> Padding:
    return _indented(str(change), indent, _STYLES[change.op])


def _indented(text: str, indent: int, style: str = "") -> Padding:
    return Padding(remembered(text, style), (0, 0, 0, indent), expand=False)


def _print_changes(out: Console, changes: Iterable[Change], none: str) -> None:
    """By topic, as the files are."""
    printed = False
    for topic, found in groupby(changes, key=lambda change: change.topic):
        out.print(remembered(topic, "bold"))
        for change in found:
            out.print(change_line(change, 2))
        printed = True
    if not printed:
        out.print(none)


def _print_history(out: Console, found: Sequence[Past]) -> None:
    for step in found:
        out.print(_step_line(step))
        if step.reason:
            out.print(_indented(step.reason, 4, "dim"))
        for change in step.changes:
            out.print(change_line(change, 4))
    if not found:
        out.print("nothing yet")


def _step_line(step: Past) -> Text:
    """With what `revert` takes: the commit, then the run."""
    head = f"{step.time:%Y-%m-%d %H:%M}  {step.kind} by {step.by}"
    names = joined(filter(None, [(step.commit or "")[:SHORT], step.run]), "yellow")
    return remembered(head, "bold") + Text("  ") + names


def _blame_table(lines: Sequence[BlameLine]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for style in ("dim", "yellow", ""):
        table.add_column(style=style, no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for line in lines:
        text = remembered(line.text)
        if line.item or line.source:
            text = Text("\n").join([text, remembered(_behind(line), "dim")])
        commit = line.commit[:SHORT] if line.commit else "-" * SHORT
        table.add_row(str(line.line), commit, remembered(line.by), text)
    return table


def _behind(line: BlameLine) -> str:
    """Where an entry comes from: its source, its run, and what was said there."""
    parts = [line.source, f"run {line.run}" if line.run else "", f"“{line.said}”" if line.said else ""]
    return ", ".join(filter(None, parts))


def _print_revert(out: Console, report: RevertReport, dry_run: bool) -> None:
    _print_changes(out, report.changes, "nothing to take back")
    for kept in report.kept:
        out.print(Text("kept: ", "yellow") + remembered(f"{kept.item or ''} {kept.reason}".strip()))
    names = ", ".join(report.reverted)
    if dry_run:
        out.print(remembered(f"{names} would be reverted; nothing was written"))
    elif report.run is not None:
        out.print(remembered(f"reverted {names} in run {report.run}"))
