"""Commands that take something in: init, memorize, add, flush."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ...errors import LoadError, RunsKept, UserError
from ...models import Modality
from ...results import Kept, MemorizeReport
from .app import Call, command
from .asking import read_stdin
from .output import note, remembered

STDIN = "-"


@command("init")
async def init(
    call: Call,
    git: Annotated[
        bool, typer.Option("--git", help="Keep it in git: a repository where none holds it, a first commit.")
    ] = False,
) -> None:
    """Make a store: the folder with its .gitignore and .gitattributes."""
    async with call.service() as service:
        store = await service.init(git=git)
    call.show({"store": store}, lambda out: out.print(remembered(f"store ready: {store}")))


DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and write nothing.")]
NoModel = Annotated[
    bool, typer.Option("--no-model", help="Quote, and call no language model, though one is configured.")
]


@command("memorize")
async def memorize(
    call: Call,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files to take in; - is stdin.")],
    format: Annotated[
        str | None, typer.Option("--format", help="openai, chatgpt, locomo, transcript, whatsapp, ...")
    ] = None,
    modality: Annotated[Modality | None, typer.Option("--modality", help="What the files are.")] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="What to call the source, e.g. of stdin.")
    ] = None,
    dry_run: DryRun = False,
    no_model: NoModel = False,
) -> None:
    """Store files and run on them; what is buffered goes with it."""
    from .progress import progress_bar

    if name is not None and len(files) > 1:
        raise UserError(f"--name is for one file, and {len(files)} were given")
    reports: list[MemorizeReport] = []
    async with call.service() as service:
        user = call.new_user(service)
        with progress_bar() as progress:
            for file in files:
                source = read_stdin(service.settings.max_file_bytes) if file == STDIN else Path(file)
                named = name or ("stdin" if file == STDIN else None)
                reports.append(
                    await user.memorize(
                        source,
                        modality=modality,
                        format=format,
                        name=named,
                        progress=progress,
                        model=not no_model,
                        dry_run=dry_run,
                    )
                )
    kept = [kept for report in reports for kept in report.kept if kept.resource in report.resources]
    call.show(reports, lambda out: print_reports(out, reports, kept))
    _tell_of_kept(kept)


@command("flush")
async def flush(
    call: Call,
    retry: Annotated[
        bool, typer.Option("--retry", help="Make the runs too that were kept: replies could not be used.")
    ] = False,
    dry_run: DryRun = False,
    no_model: NoModel = False,
) -> None:
    """Run on what is buffered, and on what an interrupted run left."""
    from .progress import progress_bar

    async with call.service() as service:
        user = await call.user(service)
        with progress_bar() as progress:
            report = await user.flush(progress, model=not no_model, dry_run=dry_run, retry=retry)
    kept = [one for one in report.kept if retry or not one.attempts or one.resource in report.resources]
    call.show(report, lambda out: print_reports(out, [report], kept))
    _tell_of_kept(kept)


def _tell_of_kept(kept: Sequence[Kept]) -> None:
    """Raises RunsKept where runs of this very call could not be made."""
    if kept:
        raise RunsKept(len(kept), kept[0].error)


def print_reports(out: Console, reports: Sequence[MemorizeReport], kept: Sequence[Kept]) -> None:
    """What the error for `kept` will say is no note as well."""
    from .rendering import operation_line, report_line

    for report in reports:
        for operation in report.operations:
            out.print(operation_line(operation))
        out.print(report_line(report))
        for problem in report.degraded:
            if not (kept and problem.endswith(f": {kept[0].error}")):
                note(f"note: {problem}")


@command("add")
async def add(
    call: Call,
    text: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help="One message; without it, JSON or JSONL messages on stdin."),
    ] = None,
    role: Annotated[
        str | None, typer.Option("--role", help="Who speaks: user (default), assistant, ...")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="The speaker's name.")] = None,
    created_at: Annotated[
        str | None, typer.Option("--created-at", help="When it was said, ISO 8601. Default: now.")
    ] = None,
    id: Annotated[str | None, typer.Option("--id", help="The message's id; hits carry it.")] = None,
) -> None:
    """Buffer messages: they are on disk, and found by search, when the command ends."""
    given = {"role": role, "name": name, "created_at": created_at, "id": id}
    fields = {field: value for field, value in given.items() if value is not None}
    async with call.service() as service:
        if text is None or text == STDIN:
            messages = parse_messages(read_stdin(service.settings.max_file_bytes))
            if fields:
                raise UserError("messages on stdin say for themselves who speaks: leave the options out")
        else:
            messages = [{"role": "user", "content": text, **fields}]
        user = call.new_user(service)
        count = await user.add(messages)
    value = {"user": user.user_id, "added": count}
    call.show(value, lambda out: out.print(remembered(f"{user.user_id}: {count} buffered")))


def parse_messages(data: bytes) -> list[Mapping[str, Any]]:
    """Messages as a JSON list, one JSON object, or one object a line. Raises LoadError."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LoadError("stdin", f"is not UTF-8 at byte {error.start}") from error
    if not text.strip():
        raise LoadError("stdin", "is empty: give messages as JSON or JSONL")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = list(_json_lines(text))
    return values if isinstance(values, list) else [values]


def _json_lines(text: str) -> Iterator[Any]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                raise LoadError("stdin", f"not JSON: {error}", number) from error
