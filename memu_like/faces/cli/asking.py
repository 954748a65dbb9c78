"""What a person, or a pipe, is asked for while a command runs."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import LoadError, UserError
from .output import one_line


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end a blocking read: asyncio would only mark the task as cancelled, and read on."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def confirm(what: str, yes: bool) -> None:
    """Return when the person agrees or `yes` was given; else raises UserError, and nothing is done."""
    if yes:
        return
    if not _at_terminal():
        raise UserError(f"will not {what}: there is no terminal to ask at; add --yes")
    with interruptible():
        sys.stderr.write(f"{one_line(what)}? [y/N] ")
        sys.stderr.flush()
        answer = sys.stdin.readline()
    if answer.strip().lower() not in ("y", "yes"):
        raise UserError("nothing was done")


def read_stdin(limit: int) -> bytes:
    """All that is piped in, `limit` bytes at most. Raises UserError at a terminal, LoadError for more."""
    if sys.stdin is None or _at_terminal():
        raise UserError("nothing was given: name it on the command line, or pipe it in")
    with interruptible():
        data = sys.stdin.buffer.read(limit + 1)
    if len(data) > limit:
        raise LoadError("stdin", f"has more than {limit} bytes, the limit (setting max_file_bytes)")
    return data


def read_history(name: str, limit: int) -> Any:
    """What a file, or with "-" a pipe, says as JSON; who takes it checks that it is messages."""
    try:
        return json.loads(read_stdin(limit) if name == "-" else Path(name).read_bytes())
    except OSError as error:
        raise LoadError(name, error.strerror or str(error)) from error
    except ValueError as error:
        raise LoadError(name, f"not JSON: {error}") from error


def _at_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
