"""Commands on the prompt templates: list, show, copy, check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from .app import Call, command, group
from .output import joined, plain, remembered, to_json, write

if TYPE_CHECKING:
    from pathlib import Path

prompts = group("prompts", "The prompts that a language model is given: list, show, copy, check.")
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A name that `prompts list` prints.")]


@command("list", to=prompts)
async def list_prompts(call: Call) -> None:
    """Every template's file; a template of the store stands in place of a shipped one."""
    async with call.service() as service:
        files = service.prompts.files()

    def show(out: Console) -> None:
        for one in files:
            place = str(one.path) if one.own else "shipped"
            out.print(joined([one.name, one.language or "any", place]))

    call.show(files, show)


@command("show", to=prompts)
async def show_prompt(
    call: Call,
    name: NameArgument,
    language: Annotated[str, typer.Option("--language", metavar="en|zh", help="Of the prompt.")] = "en",
) -> None:
    """The template that is in use, as it stands in its file."""
    async with call.service() as service:
        text, path = service.prompts.source(name, language)
    value = {"name": name, "language": language, "path": path, "text": text}
    write(to_json(value) if call.json else plain(text).rstrip("\n"))


@command("copy", to=prompts)
async def copy_prompt(
    call: Call,
    name: NameArgument,
    language: Annotated[
        str | None, typer.Option("--language", metavar="en|zh", help="Default: all languages.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what stands there.")] = False,
) -> None:
    """Copy a shipped template into the store's `prompts/`, where an edit of it takes effect."""
    async with call.service() as service:
        copies: list[Path] = service.prompts.copy(name, language, force=force)
    call.show(copies, lambda out: out.print(Text("\n").join(remembered(str(path)) for path in copies)))


@command("check", to=prompts)
async def check_prompts(call: Call) -> None:
    """Say what is wrong with the templates, if anything. Exit code 1 where something is."""
    async with call.service() as service:
        problems = service.prompts.check()

    def show(out: Console) -> None:
        for one in problems:
            place = str(one.path) if one.line is None else f"{one.path}:{one.line}"
            out.print(Text.assemble(("error: ", "red"), remembered(f"{place}: {one.reason}")))
        if not problems:
            out.print("nothing found: every template can be used")

    call.show(problems, show)
    if problems:
        raise typer.Exit(1)
