"""Whether git has changed the files of the work tree, told from its own records: no process is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from ..files import bytes_or_none, explained, read_slice, stamp
from .committing import UNDER_WAY

STAYS = (b"memu-like:", b"commit:", b"commit (initial):", b"commit (amend):")
"""How git's log of HEAD begins an entry for what leaves the files as they are."""
INDEX_LOCK = "index.lock"
BUSY_SECONDS = 2.0
"""How long a git that is at work is waited for: it holds its index for some milliseconds."""
POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Moves:
    """Where git's log of HEAD ends by now, and whether anything since then may have changed files."""

    position: int
    moved: bool


def git_folder(store: Path) -> Path | None:
    """The folder of git's own files for the work tree that `store` stands in; None where there is none."""
    for place in (store, *store.parents):
        found = place / ".git"
        if found.is_dir():
            return found
        if found.is_file():
            with explained("read", found):
                text = (bytes_or_none(found) or b"").decode("utf-8", "surrogateescape")
            return place / text.removeprefix("gitdir:").strip()
    return None


def moves(folder: Path, since: int | None) -> Moves:
    """What git's log of HEAD tells since `since`, where it ended before; None where nobody has looked."""
    log = folder / "logs" / "HEAD"
    with explained("read", log):
        found = stamp(log)
        size = found[1] if found else 0
        if since is not None and since == size:
            return Moves(since, False)
        rewound = since is not None and since > size
        start = 0 if since is None or rewound else since
        fresh = read_slice(folder, str(log), start, size - start) if size else b""
    fresh = fresh[: fresh.rfind(b"\n") + 1]  # git may be in the middle of a line
    done = (line.partition(b"\t")[2] for line in fresh.splitlines())
    return Moves(start + len(fresh), rewound or any(what and not what.startswith(STAYS) for what in done))


def under_way(folder: Path) -> str:
    """What git is in the middle of, such as "merge"; "" where the files are settled.

    A git that is at work right now is waited for.
    """
    until = monotonic() + BUSY_SECONDS
    while (folder / INDEX_LOCK).exists() and monotonic() < until:
        sleep(POLL_SECONDS)
    return next((what for name, what in UNDER_WAY.items() if (folder / name).exists()), "")
