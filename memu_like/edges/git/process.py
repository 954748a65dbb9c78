"""Running git: one process a call, in English, that never asks and never waits for an editor."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ...errors import GitError

QUIET = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
}
INHERITED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")
"""Set while git runs a hook or a merge driver: they would send a call to another repository."""


def run(
    folder: Path, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> bytes:
    """What `git -C folder ...` printed. Raises GitError with what git said, or where git is not installed.

    File names are given after "--", as they are: a pathspec has no wildcards and no magic here.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in INHERITED}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "-c", "core.quotePath=false", *arguments],
            input=stdin,
            capture_output=True,
            env={**inherited, **QUIET, **(environment or {})},
            check=False,
        )
    except FileNotFoundError as error:
        raise GitError("git is not installed, or not on the PATH: install it to keep a history") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        # What follows "fatal:" may go on with advice over several lines.
        reason = next((line for line in said if line.startswith("fatal: ")), said[-1] if said else "")
        raise GitError(f"git {arguments[0]}: {reason or f'it ended with {done.returncode}'}")
    return done.stdout
