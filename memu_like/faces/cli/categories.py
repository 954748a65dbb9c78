"""The group category: a whole category file, read with its hash and changed only under it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...errors import LoadError
from ...results import CategoryText, SyncReport
from .app import Call, command, group
from .asking import confirm as ask
from .asking import read_stdin
from .edits import sync_lines
from .output import plain, remembered

category = group("category", "Whole category files, changed only as they were read.", lists=False)

Topic = Annotated[str, typer.Argument(metavar="TOPIC")]
Expected = Annotated[
    str | None,
    typer.Option("--expected", metavar="SHA256", help="The hash that `category show --json` gave you."),
]


@command("show", category)
async def show_category(call: Call, topic: Topic) -> None:
    """The file as it stands; with --json also its hash."""
    async with call.service() as service:
        user = await call.user(service)
        found = await user.category(topic)
    call.show(found, lambda out: out.out(plain(found.text), end=""))


@command("write", category)
async def write_category(
    call: Call,
    topic: Topic,
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="The new text; - is stdin.")] = "-",
    expected: Expected = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Many entries are gone from it, and that is meant.")
    ] = False,
) -> None:
    """Replace the file that has the expected hash; without --expected, make a new one."""
    async with call.service() as service:
        text = _read(file, service.settings.max_file_bytes)
        user = await call.user(service)
        found = await user.write_category(topic, text, expected=expected, confirm=confirm)
    _show(call, found)


@command("rename", category)
async def rename_category(
    call: Call, topic: Topic, new: Annotated[str, typer.Argument(metavar="NEW")], expected: Expected = None
) -> None:
    """Give it another name; its entries, and what is learnt later, follow."""
    async with call.service() as service:
        user = await call.user(service)
        wanted = expected or (await user.category(topic)).hash
        found = await user.rename_category(topic, new, expected=wanted)
    _show(call, found)


@command("delete", category)
async def delete_category(
    call: Call,
    topic: Topic,
    expected: Expected = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete the file and retract its entries."""
    async with call.service() as service:
        user = await call.user(service)
        wanted = expected or (await user.category(topic)).hash
        ask(f"delete category {topic} of {user.user_id} with all its entries", yes)
        report = await user.delete_category(topic, expected=wanted)
    call.show(report, lambda out: _print(out, f"deleted: {topic}", report))


def _read(file: str, limit: int) -> str:
    """Line ends as they are: they are part of the text."""
    try:
        data = read_stdin(limit) if file == "-" else Path(file).read_bytes()
        return data.decode()
    except OSError as error:
        raise LoadError(file, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise LoadError(file, f"not UTF-8 at byte {error.start}") from error


def _show(call: Call, found: CategoryText) -> None:
    report = found.report or SyncReport("")
    call.show(found, lambda out: _print(out, f"{found.topic}  {found.hash}", report))


def _print(out: Console, title: str, report: SyncReport) -> None:
    out.print(remembered(title))
    for line in sync_lines(report):
        out.print(line)
