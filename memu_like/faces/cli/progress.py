"""A progress bar on stderr, for long work at a terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from .output import console, one_line


class Stopped(Exception):
    """Raised into work that goes on in a thread after the call that started it was cancelled.

    A run is all or nothing, so it can stop between two steps; the next one finishes what was begun.
    """


class Bar:
    """What a verb's `progress` calls, from a worker thread: what is done, how many are, of how many."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._tasks: dict[str, TaskID] = {}
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._stopped.is_set():
            raise Stopped
        if what not in self._tasks:
            self._tasks[what] = self._shown.add_task(one_line(what), total=total)
        self._shown.update(self._tasks[what], completed=done, total=total)


@contextmanager
def progress_bar() -> Iterator[Bar]:
    """Shows nothing where stderr is not a terminal."""
    out = console(to_stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as shown:
        bar = Bar(shown)
        try:
            yield bar
        finally:
            bar.stop()
