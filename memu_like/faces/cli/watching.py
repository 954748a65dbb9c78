"""The command watch: what the watch takes in, as it does."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, suppress
from datetime import datetime

from rich.console import Console
from rich.text import Text

from ...results import SyncReport
from .app import Call, command
from .edits import sync_lines
from .output import note, one_line, rendered, to_json, write


@command("watch")
async def watch(call: Call) -> None:
    """Take in every edit as it is saved, of all users or of one, until Ctrl-C; a line an edit."""
    async with call.service() as service:
        if call.user_id is not None:
            service.user(call.user_id)  # an id that cannot be one is said now, not waited for
        with _until_stopped():
            note(f"watching {service.store}; Ctrl-C ends it")
            async with aclosing(service.watch(call.user_id)) as reports:
                async for report in reports:
                    _show(report, as_json=call.json)


def _show(report: SyncReport, *, as_json: bool) -> None:
    if as_json:
        write(to_json(report, indent=None))
        return
    now = datetime.now().astimezone()

    def show(out: Console) -> None:
        for line in sync_lines(report):
            user = f"  {one_line(report.user)}" if report.user else ""
            out.print(Text.assemble((f"{now:%H:%M:%S}", "dim"), (user, "bold"), "  ", line, overflow="fold"))

    write(rendered(show))


@contextmanager
def _until_stopped() -> Iterator[None]:
    """Ctrl-C, or a SIGTERM, ends what is within; that is how it is meant to end."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        if task is not None:
            task.cancel()

    signals = (signal.SIGINT, signal.SIGTERM)
    with suppress(NotImplementedError):  # Windows: there Ctrl-C interrupts, as everywhere else
        for one in signals:
            loop.add_signal_handler(one, stop)
    try:
        yield
    except asyncio.CancelledError:
        if not stopped or task is None:
            raise
        task.uncancel()
    finally:
        with suppress(NotImplementedError):
            for one in signals:
                loop.remove_signal_handler(one)
