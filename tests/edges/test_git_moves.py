"""Whether git has put other files in place, told from its log of HEAD."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from memu_like.edges.git.moves import Moves, git_folder, moves, under_way

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    **{f"GIT_{role}_{what}": "melanie" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: Path, *arguments: str, ok: bool = True) -> None:
    done = subprocess.run(["git", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, check=False)
    assert done.returncode == 0 or not ok, done.stderr


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    save(path, "one")
    return path


def save(path: Path, text: str) -> None:
    (path / "file").write_text(text)
    git(path, "add", ".")
    git(path, "commit", "-qm", f"say {text}")


def look(store: Path, since: int | None = None) -> Moves:
    folder = git_folder(store)
    assert folder is not None
    return moves(folder, since)


def step(store: Path) -> str:
    folder = git_folder(store)
    assert folder is not None
    return under_way(folder)


def test_no_repository_has_no_folder_of_git(tmp_path: Path) -> None:
    assert git_folder(tmp_path) is None


def test_a_repository_with_no_commit_has_nothing_to_tell(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert look(tmp_path) == Moves(0, False)


def test_a_commit_of_what_stands_there_moves_nothing(store: Path) -> None:
    before = look(store)
    save(store, "two")
    git(store, "commit", "-q", "--amend", "-m", "say it better")
    git(store, "update-ref", "-m", "memu-like: memorize", "HEAD", "HEAD~0")
    after = look(store, before.position)
    assert after.position > before.position
    assert not after.moved


@pytest.mark.parametrize(
    "command",
    [
        ("checkout", "-q", "other"),
        ("merge", "-q", "--no-edit", "other"),
        ("pull", "-q", "--no-edit", "--no-rebase", ".", "other"),
        ("rebase", "-q", "other"),
        ("reset", "-q", "--hard", "HEAD~1"),
        ("cherry-pick", "other"),
        ("revert", "--no-edit", "HEAD"),
    ],
)
def test_whatever_puts_other_files_in_place_is_told_once(store: Path, command: tuple[str, ...]) -> None:
    git(store, "branch", "other")
    save(store, "two")
    git(store, "checkout", "-q", "other")
    (store / "another").write_text("x")
    git(store, "add", ".")
    git(store, "commit", "-qm", "another file")
    git(store, "checkout", "-q", "main")
    before = look(store).position
    assert look(store, before) == Moves(before, False)
    git(store, *command)
    after = look(store, before)
    assert after.moved
    assert not look(store, after.position).moved


def test_a_merge_under_way_is_told_until_it_is_committed(store: Path) -> None:
    git(store, "checkout", "-q", "-b", "other")
    save(store, "two")
    git(store, "checkout", "-q", "main")
    save(store, "three")
    assert step(store) == ""
    git(store, "merge", "other", ok=False)
    assert step(store) == "merge"
    before = look(store).position
    save(store, "both")
    assert step(store) == ""
    assert look(store, before).moved


def test_a_store_below_the_top_and_a_work_tree_of_its_own_have_their_log(store: Path, tmp_path: Path) -> None:
    (store / "notes" / "memory").mkdir(parents=True)
    assert git_folder(store / "notes" / "memory") == git_folder(store) == store / ".git"
    git(store, "worktree", "add", "-q", str(tmp_path / "tree"), "-b", "third")
    assert git_folder(tmp_path / "tree") != git_folder(store)
    assert look(tmp_path / "tree").position > 0


def test_a_log_that_was_cut_tells_that_something_happened(store: Path) -> None:
    assert look(store, 10_000).moved
