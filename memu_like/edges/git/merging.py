"""How git merges a store: the driver that it is told of in its configuration, and its own merge of lines."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from ...errors import GitError
from .process import run
from .repository import Repository

DRIVERS = {"memu-like": "", "union": "--union "}
"""The names that `.gitattributes` asks for, and what our driver is told of each.

Items and events ask for "union", which git brings along: in a clone that knows no driver of ours, lines that
were appended on both sides merge all the same. Ours takes its place where it is known, for git's own brings
back lines that one side erased or corrected next to others that were added.
"""
_FAILED = 126
"""Exit codes from here on are the shell's: the program is not there any more."""


def command(name: str) -> str:
    """What git is to run: this very installation, wherever it stands, and git's own merge once that is gone.

    `-P` keeps Python from taking modules out of the repository.
    """
    own = f"{shlex.quote(sys.executable)} -P -m memu_like.merge_driver {DRIVERS[name]}%O %A %B %P"
    fallback = f"git merge-file {DRIVERS[name]}%A %O %B"
    return f'{own} || {{ code=$?; [ "$code" -lt {_FAILED} ] && exit "$code"; {fallback}; }}'


def register(repository: Repository) -> None:
    """Write the driver into the repository's own configuration. Raises GitError."""
    for name in DRIVERS:
        run(repository.root, "config", f"merge.{name}.name", "memu-like: entries by id, records by line")
        run(repository.root, "config", f"merge.{name}.driver", command(name))


def is_registered(repository: Repository) -> bool:
    """Whether this clone knows a driver of ours for every name; a clone is made without."""
    try:
        found = [run(repository.root, "config", "--get", f"merge.{name}.driver") for name in DRIVERS]
    except GitError:  # git says nothing where there is no such entry
        return False
    return all(b"merge_driver" in line or b"merge-driver" in line for line in found)


def merge_text(base: Path, ours: Path, theirs: Path, *, union: bool = False) -> int:
    """Git's own merge of lines into `ours`, with conflict markers; returns how many conflicts there are."""
    labels = ("-L", "ours", "-L", "base", "-L", "theirs")
    options = ["--union"] if union else []
    files = [str(path) for path in (ours, base, theirs)]
    done = subprocess.run(  # noqa: S603  # the git that started us, without a shell
        ["git", "merge-file", *options, *labels, "--", *files],  # noqa: S607
        capture_output=True,
        check=False,
    )
    if done.returncode > 127:
        raise GitError(f"git merge-file: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.returncode
