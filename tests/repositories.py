"""Real git repositories for tests, which know nothing of the machine's own git settings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ALONE = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}


def git(folder: Path, *arguments: str, at: str | None = None) -> str:
    """What git printed. `at` is the time of a commit, in ISO 8601."""
    times = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at} if at else {}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **ALONE, **times},
    )
    return done.stdout.strip()


def begin(folder: Path) -> Path:
    """A repository of Pat's on branch main, with no commit."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "user.name", "Pat")
    git(folder, "config", "user.email", "pat@example.org")
    return folder


def commit(folder: Path, message: str = "a change", at: str | None = None) -> str:
    """Commit all that is there; returns the id."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message, at=at)
    return git(folder, "rev-parse", "HEAD")
