"""The command that git runs for a file which both sides of a merge changed."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import app


@app.command("merge-driver", hidden=True)
def merge_driver(
    base: Annotated[str, typer.Argument(metavar="%O", help="The file that both sides come from.")],
    ours: Annotated[str, typer.Argument(metavar="%A", help="Ours; the result is written here.")],
    theirs: Annotated[str, typer.Argument(metavar="%B", help="Theirs.")],
    path: Annotated[str, typer.Argument(metavar="%P", help="Where the file stands in the repository.")],
    union: Annotated[
        bool, typer.Option("--union", help="Merge a file that is no memory as git's own union does.")
    ] = False,
) -> None:
    """Merge a file of a store by the ids of its entries. Run by git: see docs/git.md."""
    from ...merge_driver import main

    raise typer.Exit(main([*(["--union"] if union else []), base, ours, theirs, path]))
