"""The lines of `items/` as the machine left them: what reads otherwise at a sync was changed by hand.

A sum of each line is kept in `.memu/seen/`, brought up to date with each run and each sync. Where none is,
what stands there is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..edges.folder import UserFolder
from ..pure.line_sums import NO_LOOK, LineSums, extended, read_sums, render_sums, stands, sums_of
from .desk import Desk

SEEN = ".memu/seen"


def seen_lines(desk: Desk, path: str) -> LineSums | None:
    """What is kept of a file of items; None where nothing is."""
    return desk.kept(_sums_path(path), read_sums)


def keep_seen(folder: UserFolder, seen: Mapping[str, LineSums]) -> None:
    for path, sums in seen.items():
        folder.write(_sums_path(path), render_sums(sums), durable="none")


@contextmanager
def seen_anew(desk: Desk, path: str) -> Iterator[None]:
    """While the machine rewrites a file: cut short, it holds lines that no sum was made of.

    What a person had changed there and no sync has taken in stands, as if none had seen it before.
    """
    before = seen_lines(desk, path)
    stood = before is not None and stands(before, desk.folder.read(path))
    if before is not None:
        desk.folder.remove(_sums_path(path), durable="none")
    yield
    if stood:
        keep_seen(desk.folder, {path: sums_of(desk.folder.read(path), NO_LOOK)})


def see_appended(desk: Desk, written: Mapping[str, tuple[int, bytes]]) -> None:
    """Keep the sums of lines that a run has appended and committed: by path, where they begin, and the lines.

    Where lines before them have no sums yet, as after a crash, the next sync makes them. Where some of those
    were corrected and no sync has seen it yet, their sums stay as they were.
    """
    seen: dict[str, LineSums] = {}
    for path, (start, data) in written.items():
        before = seen_lines(desk, path)
        if (before.size if before else 0) == start or (before and _are_corrected(desk, path, start, before)):
            seen[path] = extended(before, data)
    keep_seen(desk.folder, seen)


def _are_corrected(desk: Desk, path: str, start: int, before: LineSums) -> bool:
    """Whether what stands before `start` is as many lines as were seen there: they only read otherwise."""
    return desk.folder.read(path)[:start].count(b"\n") == before.count


def _sums_path(path: str) -> str:
    return f"{SEEN}/{Path(path).stem}.sums"
