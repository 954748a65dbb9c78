"""Commands on the configuration."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .app import Call, command, group
from .output import note, plain

config = group("config", "The settings of a store, and where each comes from.", lists=False)


@command("show", to=config)
async def show_config(
    call: Call,
    all_settings: Annotated[
        bool, typer.Option("--all", help="Also those that are at their default.")
    ] = False,
) -> None:
    """Each setting with its value and its origin: a file, an environment variable, or the default.

    Secrets are masked. With --json, every setting.
    """
    async with call.service() as service:
        report = await service.config()
    shown = [one for one in report.settings if all_settings or one.origin != "default"]

    def show(out: Console) -> None:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("setting", "value", "from"):
            table.add_column(title, overflow="fold")
        for one in shown:
            table.add_row(one.name, Text(plain(_value(one.value))), Text(plain(one.origin)))
        out.print(table)
        left = len(report.settings) - len(shown)
        if left:
            out.print(f"{left} settings are at their default (--all shows them)")

    call.show(report, show)
    for message in report.notes:
        note(f"note: {message}")


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(_said(value), ensure_ascii=False)


def _said(value: Any) -> Any:
    """A table of settings without the keys that say nothing."""
    if isinstance(value, dict):
        return {key: _said(one) for key, one in value.items() if one not in ("", [])}
    return [_said(one) for one in value] if isinstance(value, list) else value
