"""What a command prints: remembered text made harmless, JSON, and the consoles it goes to."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from ...errors import Conflict
from ...models import Entry

BROKEN_PIPE = 141  # 128 + SIGPIPE, as shells report it
PIECE = 32 * 1024
"""Characters written at once: unbuffered, Python does not notice that a reader left within a write."""

# Control characters, C1 ones among them (a terminal may take U+009B for ESC [), what turns the direction
# of writing around (https://trojansource.codes), and halves of surrogate pairs, which no encoding can say.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_KEPT = frozenset("\n\t")


def plain(text: str) -> str:
    """The text with what a terminal could act upon shown as an escape; line ends and tabs stay."""
    return _UNSAFE.sub(lambda found: found[0] if found[0] in _KEPT else _escape(found[0]), text)


def one_line(text: str) -> str:
    """The same on one line, runs of white space as one space."""
    return plain(" ".join(text.split()))


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def remembered(text: str, style: str = "") -> Text:
    """Text out of memory, for rich: never read as markup."""
    return Text(one_line(text), style=style, overflow="fold")


def joined(parts: Iterable[str], style: str = "") -> Text:
    """Several of them on one line, two blanks apart."""
    return Text("  ".join(map(one_line, parts)), style=style, overflow="fold")


def to_json(value: object, *, indent: int | None = 2) -> str:
    """One JSON document: dataclasses by their field names, times in ISO 8601; harmless on a terminal too."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=_jsonable)
    return _UNSAFE.sub(lambda found: found[0] if found[0] in _KEPT else f"\\u{ord(found[0]):04x}", text)


def show_conflict(error: Conflict) -> None:
    """For a program that asked with `--json`: what stands there now, and what to expect next time."""
    value = {"error": str(error), "current": error.current, "hash": error.hash, "rev": error.rev}
    write(to_json(value))


def _jsonable(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        shown = {field.name: getattr(value, field.name) for field in fields(value)}
        return {**shown, "hash": value.hash} if isinstance(value, Entry) else shown
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def console(to_stderr: bool = False) -> Console:
    """Made per call, for the streams may be other ones by then. Colours go to terminals only."""
    stream = sys.stderr if to_stderr else sys.stdout
    return Console(file=stream, highlight=False, markup=False, emoji=False)


def rendered(render: Callable[[Console], None]) -> str:
    """What `render` prints, without the blanks that fill lines up to the width of the console."""
    out = console()
    with out.capture() as captured:
        render(out)
    return "\n".join(line.rstrip() for line in captured.get().split("\n")).rstrip("\n")


def speak_utf8() -> None:
    """Print as UTF-8 wherever the stream allows to choose: memory is not limited to a code page."""
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def write(text: str) -> None:
    """Print as it is, with no wrapping. Where nobody reads any more, the command ends quietly."""
    write_piece(text + "\n")


def write_piece(text: str) -> None:
    """The same without ending the line: a part of what is printed as it comes."""
    if sys.stdout is None:  # the process was started with it closed
        raise typer.Exit(BROKEN_PIPE)
    try:
        for start in range(0, len(text), PIECE):
            sys.stdout.write(text[start : start + PIECE])
        sys.stdout.flush()
    except BrokenPipeError as error:
        # Let the interpreter's own flush at exit go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(BROKEN_PIPE) from error


def note(message: str) -> None:
    """A line for the person at the terminal, on stderr: stdout carries the result only."""
    sys.stderr.write(one_line(message) + "\n")
