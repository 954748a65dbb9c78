"""Following git: what a merge, a pull or another branch did to the files is not a person's edit."""

from __future__ import annotations

from dataclasses import dataclass

from ..edges.git.moves import git_folder, moves, under_way
from .desk import Desk
from .mending import mend

MOVED = ".memu/moved"
"""Where git's log of HEAD ended when the folder was last made one with what git did."""


@dataclass(frozen=True, slots=True)
class Followed:
    """`settled` is False in the middle of a merge: then no file says what anybody did."""

    settled: bool = True
    problems: tuple[str, ...] = ()
    run: str | None = None


def follow_git(desk: Desk) -> Followed:
    """Mend the folder where git has changed its files since the last time. The caller holds its lock."""
    folder = git_folder(desk.folder.store)
    if folder is None:
        return Followed()
    step = under_way(folder)
    if step:
        problem = f"a {step} is under way in the repository: edits are taken in once it is finished"
        return Followed(False, (problem,))
    since = _since(desk)
    found = moves(folder, since)
    problems: tuple[str, ...] = ()
    run = None
    if found.moved:
        mended = mend(desk, desk.tools.now())
        problems, run = mended.problems, mended.run
    if since != found.position:
        desk.folder.write(MOVED, str(found.position).encode(), durable="none")
    return Followed(True, problems, run)


def _since(desk: Desk) -> int | None:
    text = (desk.folder.read_or_none(MOVED) or b"").strip()
    return int(text) if text.isdigit() else None
