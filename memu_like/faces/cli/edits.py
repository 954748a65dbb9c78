"""What a person did to the files, a line an edit."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from ...results import Edit, SyncReport
from .output import one_line

_MARKS = {"added": "+", "restored": "+", "copied": "+", "deleted": "-", "moved": ">", "renamed": ">"}
_STYLES = {"+": "green", "-": "red", "~": "yellow", ">": "cyan"}


def edit_line(edit: Edit) -> Text:
    """A mark, what was done, where, and the words: "+ added  interest/pets: Has a guinea pig." """
    mark = _MARKS.get(edit.kind, "~")
    place = "/".join(part for part in (edit.topic, edit.slot) if part) or edit.path
    before = f"  (was: {edit.before})" if edit.before and edit.text else ""
    words = edit.text or ("the file was deleted" if edit.kind == "category" else edit.before)
    line = Text(overflow="fold")
    line.append(f"{mark} {edit.kind:<8}", style=_STYLES[mark])
    line.append(f"  {one_line(place)}: {one_line(words)}")
    line.append(one_line(before) and f"  {one_line(before)}", style="dim")
    return line


def sync_lines(report: SyncReport) -> Iterator[Text]:
    """What was taken in, what is held back, and what could not be told."""
    yield from map(edit_line, report.edits)
    for edit in report.held:
        yield Text("held  ", style="magenta").append_text(edit_line(edit))
    if report.held:
        entries = sum(edit.kind == "deleted" for edit in report.held)
        said = f"{entries} deletions are held back: `memu-like sync --confirm` if they are meant"
        yield Text(said, style="magenta", overflow="fold")
    for problem in report.problems:
        yield Text.assemble(("problem: ", "red"), one_line(problem), overflow="fold")
