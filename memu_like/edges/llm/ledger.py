"""Lines that say what calls took: a user's `usage.jsonl`, and the store's file of one day.

Lines are appended with one write each, so that several processes can share a file, and are not synced:
counts are not precious, and a torn or unreadable line is skipped. Reading takes no lock.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from ...models import Usage
from .. import files
from ..folder import DERIVED, USER_FILE

USAGE_FILE = "usage.jsonl"
SPEND = "spend"
DAYS_KEPT = 40
_DAY_FILE = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl")
_APPENDING = (
    os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
)


@dataclass(frozen=True, slots=True)
class _Spent:
    """What a day's file says up to its first `size` bytes."""

    inode: int
    size: int
    total: Usage


_spent: dict[Path, _Spent] = {}
_MOST_SPENT = 64
"""Files that are remembered at once; beyond it they are read anew."""


@dataclass(frozen=True, slots=True)
class Line:
    """One call of a model, as a ledger keeps it."""

    at: datetime
    step: str
    model: str
    usage: Usage

    def render(self) -> bytes:
        usage = self.usage
        values: dict[str, Any] = {
            "at": self.at.isoformat().replace("+00:00", "Z"),
            "step": self.step,
            "model": self.model,
            "calls": usage.calls,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "seconds": usage.seconds,
            "cost": usage.cost,
        }
        if usage.estimated:
            values["estimated"] = True
        return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def add_usage(ledger: Path, line: bytes) -> None:
    """Append to a user's file, where that user is there: a ledger never brings a folder to life.

    Raises StorageError.
    """
    folder = ledger.parent
    if not (folder / USER_FILE).is_file():
        return
    with files.explained("write", ledger / USAGE_FILE):
        if not ledger.is_dir():
            files.guard(folder, ledger).mkdir(exist_ok=True)
        _append(files.guard(folder, ledger / USAGE_FILE), line)


def add_spend(store: Path, day: date, line: bytes) -> None:
    """Append to the day's file, where the store is there; old days go when a new one begins.

    Raises StorageError.
    """
    if not store.is_dir():
        return
    path = spend_file(store, day)
    with files.explained("write", path):
        begins = not files.guard(store, path).exists()
        if begins:
            path.parent.mkdir(parents=True, exist_ok=True)
        _append(path, line)
        if begins:
            _remove_before(path.parent, day - timedelta(days=DAYS_KEPT))


def _append(path: Path, line: bytes) -> None:
    handle = os.open(path, _APPENDING, 0o666)
    try:
        os.write(handle, line)
    finally:
        os.close(handle)


def _remove_before(folder: Path, first: date) -> None:
    for path in folder.iterdir():
        found = _DAY_FILE.fullmatch(path.name)
        if found and found[1] < first.isoformat():
            path.unlink(missing_ok=True)


def spend_file(store: Path, day: date) -> Path:
    return store / DERIVED / SPEND / f"{day.isoformat()}.jsonl"


def read_usage(ledger: Path) -> Mapping[str, Usage]:
    """What each step took in all, by a user's ledger folder. Empty where nothing was kept."""
    totals: dict[str, Usage] = {}
    for step, usage in _lines(ledger):
        totals[step] = totals.get(step, Usage()) + usage
    return dict(sorted(totals.items()))


def read_spend(store: Path, day: date) -> Usage:
    """What the store's users took on one day (UTC) together, whichever process wrote it.

    Only what was appended since the last time is read: a cap asks before every call. Raises StorageError.
    """
    path = spend_file(store, day).absolute()
    if len(_spent) > _MOST_SPENT:
        _spent.clear()
    with files.explained("read", path):
        try:
            file = files.guard(store.absolute(), path).open("rb")
        except FileNotFoundError:
            return Usage()
        with file:
            _spent[path] = _read_on(file, _spent.get(path))
            return _spent[path].total


def _read_on(file: BinaryIO, known: _Spent | None) -> _Spent:
    """`known`, and the whole lines after it; from the beginning where it is of another file."""
    status = os.fstat(file.fileno())
    if known is None or known.inode != status.st_ino or known.size > status.st_size:
        known = _Spent(status.st_ino, 0, Usage())
    file.seek(known.size)
    lines, newline, _ = file.read().rpartition(b"\n")
    parsed = (_parsed(line) for line in lines.split(b"\n"))
    total = sum((found[1] for found in parsed if found), known.total)
    return _Spent(known.inode, known.size + len(lines + newline), total)


def _lines(ledger: Path) -> Iterator[tuple[str, Usage]]:
    path = ledger / USAGE_FILE
    with files.explained("read", path):
        try:
            file = files.guard(ledger.parent, path).open("rb")
        except FileNotFoundError:
            return
        with file:
            for line in file:
                if (found := _parsed(line)) is not None:
                    yield found


def _parsed(line: bytes) -> tuple[str, Usage] | None:
    """The step and usage of a line; None for one that is torn or is none of ours."""
    try:
        values = json.loads(line)
        counts = [values[name] for name in ("calls", "prompt_tokens", "completion_tokens")]
        step, seconds, cost = str(values["step"]), float(values["seconds"]), values["cost"]
        cost = None if cost is None else float(cost)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not all(type(count) is int and count >= 0 for count in counts):
        return None
    calls, prompt, completion = counts
    return step, Usage(calls, prompt, completion, seconds, cost, bool(values.get("estimated")))
