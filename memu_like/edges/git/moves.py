"""Whether git has put other files in place: a merge, a pull, another branch. Told without starting git.

Git writes down what moves HEAD in its reflog, a line each, which says why
(https://git-scm.com/docs/git-reflog). Where somebody turned that off, nothing is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import files

UNDER_WAY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")
COMMITS = (b"commit: ", b"commit (initial): ", b"commit (amend): ", b"memu-like: ")
"""What only records the files as they stand already."""


@dataclass(frozen=True, slots=True)
class Trail:
    """The reflog of a store's repository: where it stands, and how long it is.

    `unfinished` says that git is in the middle of a merge: files are in place whose commit is still to come.
    """

    path: Path
    size: int
    unfinished: bool

    def moved_since(self, size: int) -> bool:
        """Whether HEAD was moved since the reflog was so long, but by committing what stood there."""
        if size > self.size:
            return True
        if size == self.size:
            return False
        with files.explained("read", self.path), self.path.open("rb") as log:
            log.seek(size)
            lines = log.read(self.size - size).splitlines()
        return any(not line.partition(b"\t")[2].startswith(COMMITS) for line in lines)


def trail(store: Path) -> Trail | None:
    """The trail of the repository that holds `store`; None where none does."""
    folder = _git_folder((store, *store.parents))
    if folder is None:
        return None
    path = folder / "logs" / "HEAD"
    found = files.stamp(path)
    unfinished = any((folder / name).exists() for name in UNDER_WAY)
    return Trail(path, found[1] if found else 0, unfinished)


def _git_folder(places: Sequence[Path]) -> Path | None:
    """`.git`, or what it names where the work tree is one of several."""
    for place in places:
        path = place / ".git"
        if path.is_dir():
            return path
        if path.is_file():
            named = path.read_text("utf-8", "replace").partition("gitdir:")[2].strip()
            return (place / named) if named else None
    return None
