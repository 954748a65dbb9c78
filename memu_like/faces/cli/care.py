"""Commands that keep a folder in order: reindex, doctor, export, import, forget."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from ...errors import NotFound, UserError
from .app import Call, command
from .asking import confirm
from .output import note, remembered

SHOWN_ALIKE = 5

if TYPE_CHECKING:
    from ...service import MemoryService, UserMemory
    from ...usecases.checks import Finding


@command("reorganise")
async def reorganise(
    call: Call,
    topics: Annotated[
        list[str] | None, typer.Argument(metavar="[TOPIC]...", help="Default: all that leave something out.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
) -> None:
    """Have the language model put categories in order: merge, reword, move or leave out entries."""
    from ...errors import ModelError
    from .rendering import rearrangement_line, reorganise_line

    async with call.service() as service:
        user = await call.user(service)
        report = await user.reorganise(topics or None, dry_run=dry_run)

    def show(out: Console) -> None:
        for one in (*report.operations, *report.refused):
            out.print(rearrangement_line(one))
        out.print(reorganise_line(report))

    call.show(report, show)
    failed = "" if report.topics or not report.degraded else report.degraded[0]
    for problem in () if call.json else report.degraded:
        if problem != failed:
            note(f"note: {problem}")
    if failed:
        raise ModelError(failed)


@command("reindex")
async def reindex(call: Call) -> None:
    """Throw the index away and build it again from the files."""
    from .progress import progress_bar
    from .rendering import record_facts

    async with call.service() as service:
        user = await call.user(service)
        with progress_bar() as progress:
            stats = await user.reindex(progress)
    call.show(stats, lambda out: out.print(record_facts(stats)))


@command("doctor")
async def doctor(
    call: Call,
    fix: Annotated[
        bool, typer.Option("--fix", help="Finish or undo what was left; rebuild the index.")
    ] = False,
) -> None:
    """Say what is wrong with the folder, if anything. Exit code 1 where an error is left."""
    async with call.service() as service:
        user = await call.user(service)
        findings = await (user.repair() if fix else user.doctor())
    call.show(findings, lambda out: _print_findings(out, findings))
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


def _print_findings(out: Console, findings: Sequence[Finding]) -> None:
    """One a line; of many that say the same of different places, the first few. `--json` has all."""
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.level, finding.message), []).append(finding)
    for (level, message), found in alike.items():
        style = "red" if level == "error" else "yellow"
        for finding in found[:SHOWN_ALIKE]:
            out.print(Text.assemble((f"{level}: ", style), remembered(str(finding))))
        if len(found) > SHOWN_ALIKE:
            rest = f"{len(found) - SHOWN_ALIKE} other places: {message}"
            out.print(Text.assemble((f"{level}: ", style), remembered(rest)))
    if not findings:
        out.print("nothing found: the folder is sound")


@command("export")
async def export(
    call: Call,
    target: Annotated[Path, typer.Argument(metavar="TARGET.zip")],
) -> None:
    """Write the folder's files, nothing derived, into a zip archive."""
    async with call.service() as service:
        user = await call.user(service)
        count = await user.export(target)
    value = {"user": user.user_id, "target": target, "files": count}
    call.show(value, lambda out: out.print(remembered(f"{user.user_id}: {count} files in {target}")))


@command("import")
async def import_archive(call: Call, source: Annotated[Path, typer.Argument(metavar="FILE.zip")]) -> None:
    """Unpack what export wrote, into a user who is new to the store."""
    async with call.service() as service:
        user = call.new_user(service)
        count = await user.import_archive(source)
    value = {"user": user.user_id, "source": source, "files": count}
    call.show(value, lambda out: out.print(remembered(f"{user.user_id}: {count} files from {source}")))


@command("forget")
async def forget(
    call: Call,
    item: Annotated[str | None, typer.Option("--item", metavar="ID", help="Retract one item.")] = None,
    resource: Annotated[
        str | None,
        typer.Option("--resource", metavar="ID", help="Erase a resource and what was derived from it alone."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget an item, a resource with what came of it, or, with neither, the whole user."""
    if item is not None and resource is not None:
        raise UserError("give --item or --resource, not both")
    async with call.service() as service:
        user = await call.user(service)
        if item is not None:
            value, done = await _forget_item(user, item, yes)
        elif resource is not None:
            value, done = await _forget_resource(user, resource, yes)
        else:
            value, done = await _forget_user(service, user, yes)
        if service.keeps_history:
            note("note: git's history still holds it; docs/git.md says how to take it out")
    call.show(value, lambda out: out.print(remembered(f"forgotten: {done}")))


async def _forget_item(user: UserMemory, item_id: str, yes: bool) -> tuple[object, str]:
    item = await user.item(item_id)
    confirm(f"forget item {item_id} of {user.user_id} ({item.text})", yes)
    return await user.delete_item(item_id), f"item {item_id}"


async def _forget_resource(user: UserMemory, resource_id: str, yes: bool) -> tuple[object, str]:
    resource = await user.resource(resource_id)
    confirm(f"erase resource {resource_id} of {user.user_id} ({resource.source}), and what it told", yes)
    return await user.forget_resource(resource_id), f"resource {resource_id}"


async def _forget_user(service: MemoryService, user: UserMemory, yes: bool) -> tuple[object, str]:
    if user.user_id not in await service.users():
        raise NotFound("user", user.user_id, f"the store {service.store} holds none of this name")
    confirm(f"erase everything about {user.user_id} in {service.store}", yes)
    await user.forget()
    return {"user": user.user_id}, f"user {user.user_id}"
