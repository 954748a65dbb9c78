"""The command line. `main` turns what a command raised into one line on stderr and an exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer

from ...errors import Conflict, MemuLikeError
from . import (
    bench,
    care,
    categories,
    demo,
    finding,
    history,
    importing,
    intake,
    merging,
    prompts,
    records,
    replying,
    serving,
    serving_mcp,
    settings,
    syncing,
    watching,
)
from .app import Call, app
from .output import note, show_conflict, speak_utf8

INTERNAL_ERROR = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
_USAGE_ERROR: Any = typer.BadParameter.__base__
"""The root of what typer raises for a command line that it cannot read; it exports no name for it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; `docs/cli.md` has the table."""
    speak_utf8()
    call = Call()
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments), call)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except _USAGE_ERROR as error:
        note(f"error: {error.format_message()}{_help_hint(error)}")
        return 2
    except MemuLikeError as error:
        if isinstance(error, Conflict) and call.json:
            show_conflict(error)
        note(f"error: {error}")
        return error.exit_code
    except Exception as error:  # noqa: BLE001  # a face: whatever it is, the person gets one line
        return _internal(error, call.debug)


def _run(arguments: list[str], call: Call) -> int:
    result = typer.main.get_command(app).main(
        arguments, prog_name="memu-like", standalone_mode=False, obj=call
    )
    return result if isinstance(result, int) else 0


def _help_hint(error: Any) -> str:
    return f" (see {error.ctx.command_path} --help)" if error.ctx else ""


def _internal(error: Exception, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    hint = "" if debug else " (--debug shows where)"
    note(f"error: internal error: {type(error).__name__}: {error}; please report it{hint}")
    return INTERNAL_ERROR


__all__ = [
    "app",
    "bench",
    "care",
    "categories",
    "demo",
    "finding",
    "history",
    "importing",
    "intake",
    "main",
    "merging",
    "prompts",
    "records",
    "replying",
    "serving",
    "serving_mcp",
    "settings",
    "syncing",
    "watching",
]
