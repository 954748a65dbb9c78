"""Making commits beside a person at work: real repositories, real git processes."""

from __future__ import annotations

import multiprocessing
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from repositories import ALONE, begin, git
from repositories import commit as commit_all

from memu_like.edges.git.committing import Draft, Tip, commit
from memu_like.edges.git.repository import Repository
from memu_like.edges.git.starting import begin as start
from memu_like.errors import GitError

MACHINE = ("memu-like", "memu-like@localhost")
NOON = datetime(2023, 5, 8, 12, tzinfo=UTC)


def draft(contents: Mapping[str, bytes | None], message: str = "a run") -> Draft:
    return Draft(MACHINE, NOON, message, contents)


def make(folder: Path, *drafts: Draft) -> tuple[str, ...]:
    found = Repository.find(folder)
    assert found is not None
    return commit(found, lambda _: drafts)


def show(folder: Path, path: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), "show", f"HEAD:{path}"], check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository of Pat's with one commit of one file."""
    folder = begin(tmp_path / "repo")
    (folder / "pat.txt").write_text("one\n")
    commit_all(folder, "first")
    return folder


def test_a_commit_is_made_of_the_bytes_given_and_the_work_tree_is_not_touched(repo: Path) -> None:
    (repo / "pat.txt").write_text("a person is at it\n")
    make(repo, draft({"u/a.md": b"as written\n"}))
    assert show(repo, "u/a.md") == "as written\n"
    assert show(repo, "pat.txt") == "one\n"
    assert (repo / "pat.txt").read_text() == "a person is at it\n"
    assert not (repo / "u").exists()


def test_author_committer_and_time_are_those_of_the_draft(repo: Path) -> None:
    make(repo, draft({"a": b""}, "subject\n\nMemu-Run: r1\n"))
    assert git(repo, "log", "-1", "--format=%an|%ae|%aI|%cn|%ce|%B").startswith(
        "memu-like|memu-like@localhost|2023-05-08T12:00:00+00:00|memu-like|memu-like@localhost|subject"
    )
    assert git(repo, "log", "-1", "--format=%(trailers:key=Memu-Run,valueonly)") == "r1"


def test_several_drafts_are_commits_in_their_order(repo: Path) -> None:
    made = make(repo, draft({"a": b"1\n"}, "one"), draft({"a": b"2\n", "pat.txt": None}, "two"))
    assert git(repo, "log", "--format=%s").splitlines() == ["two", "one", "first"]
    assert git(repo, "rev-parse", "HEAD") == made[-1]
    assert git(repo, "ls-tree", "--name-only", "HEAD") == "a"


def test_after_a_commit_the_status_is_clean(repo: Path) -> None:
    (repo / "a").write_bytes(b"x\n")
    (repo / "pat.txt").unlink()
    make(repo, draft({"a": b"x\n", "pat.txt": None}))
    assert git(repo, "status", "--porcelain") == ""


def test_what_a_person_has_staged_stays_staged(repo: Path) -> None:
    (repo / "pat.txt").write_text("staged\n")
    (repo / "new.txt").write_text("staged too\n")
    git(repo, "add", "pat.txt", "new.txt")
    (repo / "pat.txt").write_text("and edited on\n")
    make(repo, draft({"a": b"x\n", "pat.txt": b"the machine's\n"}))
    assert git(repo, "show", ":pat.txt") == "staged"
    assert git(repo, "show", ":new.txt") == "staged too"
    assert git(repo, "show", ":a") == "x"
    assert (repo / "pat.txt").read_text() == "and edited on\n"


def test_a_staged_deletion_stays_one(repo: Path) -> None:
    git(repo, "rm", "--quiet", "--cached", "pat.txt")
    make(repo, draft({"pat.txt": b"two\n"}))
    assert git(repo, "ls-files") == ""


def test_nothing_to_commit_makes_no_commit(repo: Path) -> None:
    before = git(repo, "rev-parse", "HEAD")
    assert make(repo) == ()
    assert make(repo, draft({})) == ()
    assert git(repo, "rev-parse", "HEAD") == before


def test_the_first_commit_of_a_repository(tmp_path: Path) -> None:
    repo = begin(tmp_path / "new")
    make(repo, draft({"a": b"x\n"}, "first"), draft({"b": b"y\n"}, "second"))
    assert git(repo, "log", "--format=%s", "main").splitlines() == ["second", "first"]


def test_a_repository_of_sha256(tmp_path: Path) -> None:
    repo = tmp_path / "new"
    repo.mkdir()
    git(repo, "init", "--quiet", "--object-format=sha256")
    make(repo, draft({"a": b"x\n"}))
    make(repo, draft({"a": b"y\n"}))
    (repo / "a").write_bytes(b"y\n")
    assert git(repo, "status", "--porcelain") == ""
    assert len(git(repo, "rev-parse", "HEAD")) == 64


def test_a_detached_head_moves_and_its_branch_does_not(repo: Path) -> None:
    git(repo, "checkout", "--quiet", "--detach")
    made = make(repo, draft({"a": b"x\n"}))
    assert git(repo, "rev-parse", "HEAD") == made[-1]
    assert git(repo, "log", "--format=%s", "main") == "first"


def test_in_a_worktree_only_its_own_branch_moves(repo: Path, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "--quiet", "-b", "what-if", str(tmp_path / "other"))
    make(tmp_path / "other", draft({"a": b"x\n"}))
    assert git(repo, "log", "--format=%s", "what-if").splitlines() == ["a run", "first"]
    assert git(repo, "log", "--format=%s", "main") == "first"
    assert git(repo, "status", "--porcelain") == ""


def test_in_a_shallow_clone(repo: Path, tmp_path: Path) -> None:
    commit_all(repo, "second")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repo}", "shallow")
    make(tmp_path / "shallow", draft({"a": b"x\n"}))
    assert git(tmp_path / "shallow", "log", "--format=%s").splitlines() == ["a run", "second"]
    assert git(tmp_path / "shallow", "fsck") == ""


def test_in_a_submodule_the_repository_around_it_stays(repo: Path, tmp_path: Path) -> None:
    around = begin(tmp_path / "around")
    git(around, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f"file://{repo}", "sub")
    commit_all(around, "around")
    before = git(around, "rev-parse", "HEAD")
    make(around / "sub", draft({"a": b"x\n"}))
    assert git(around / "sub", "log", "--format=%s").splitlines() == ["a run", "first"]
    assert git(around, "rev-parse", "HEAD") == before


@pytest.mark.parametrize(
    "path", ['q"uote.md', "back\\slash.md", "new\nline.md", "ünï côdé.md", " blank ", "-x", "*"]
)
def test_any_file_name(repo: Path, path: str) -> None:
    (repo / path).write_bytes(b"1\n")
    make(repo, draft({path: b"1\n"}))
    assert git(repo, "status", "--porcelain") == ""
    make(repo, draft({path: None}))
    assert git(repo, "ls-tree", "--name-only", "HEAD") == "pat.txt"


def test_hostile_names_and_messages_stay_within_their_fields(repo: Path) -> None:
    forged = Draft(
        ("Mallory> 0 +0000\ncommitter M <m", "a@b\n<c>"), NOON, "x\nfrom 0\n\ndone\n", {"a": b"done\n"}
    )
    make(repo, forged)
    assert (
        git(repo, "log", "-1", "--format=%an|%ae|%B") == "Mallory 0 +0000committer M m|a@bc|x\nfrom 0\n\ndone"
    )
    assert show(repo, "a") == "done\n"


@pytest.mark.parametrize("action", ["merge", "cherry-pick", "revert", "rebase"])
def test_nothing_is_committed_in_the_middle_of_something(repo: Path, action: str) -> None:
    git(repo, "checkout", "--quiet", "-b", "side")
    (repo / "pat.txt").write_text("side\n")
    commit_all(repo, "side")
    git(repo, "checkout", "--quiet", "main")
    (repo / "pat.txt").write_text("main\n")
    commit_all(repo, "main")
    what = "HEAD~1" if action == "revert" else "side"
    if action == "revert":
        (repo / "pat.txt").write_text("later\n")
        commit_all(repo, "later")
    flags = ["--no-edit"] if action == "revert" else []
    with pytest.raises(subprocess.CalledProcessError):
        git(repo, action, *flags, what)
    before = git(repo, "rev-parse", "HEAD")
    with pytest.raises(GitError, match=r"is in the middle of a|is not merged yet"):
        make(repo, draft({"a": b"x\n"}))
    assert git(repo, "rev-parse", "HEAD") == before
    git(repo, action, "--abort")
    assert len(make(repo, draft({"a": b"x\n"}))) == 1


def test_files_that_are_not_merged_are_named(repo: Path) -> None:
    (repo / "pat.txt").write_text("stashed\n")
    git(repo, "stash", "--quiet")
    (repo / "pat.txt").write_text("meanwhile\n")
    commit_all(repo, "meanwhile")
    with pytest.raises(subprocess.CalledProcessError):
        git(repo, "stash", "pop")
    with pytest.raises(GitError, match=r"pat\.txt is not merged yet"):
        make(repo, draft({"a": b"x\n"}))


def test_hooks_and_signing_are_no_obstacle(repo: Path) -> None:
    hooks = repo / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-commit", "commit-msg", "prepare-commit-msg", "post-commit", "pre-auto-gc"):
        (hooks / name).write_text("#!/bin/sh\nexit 1\n")
        (hooks / name).chmod(0o755)
    git(repo, "config", "commit.gpgsign", "true")
    git(repo, "config", "gpg.program", "/does/not/exist")
    assert len(make(repo, draft({"a": b"x\n"}))) == 1


def test_a_hook_that_forbids_the_move_of_head_is_obeyed(repo: Path) -> None:
    hook = repo / ".git/hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(GitError, match="aborted by hook"):
        make(repo, draft({"a": b"x\n"}))
    assert git(repo, "log", "--format=%s") == "first"


def test_another_process_that_commits_meanwhile_is_built_upon(repo: Path) -> None:
    found = Repository.find(repo)
    assert found is not None
    seen: list[str | None] = []

    def compose(tip: Tip) -> list[Draft]:
        seen.append(tip.commit)
        if len(seen) < 3:
            (repo / f"theirs{len(seen)}").write_text("theirs\n")
            commit_all(repo, "theirs")
        return [draft({"a": b"x\n"})]

    commit(found, compose)
    assert git(repo, "log", "--format=%s").splitlines() == ["a run", "theirs", "theirs", "first"]
    assert len(set(seen)) == 3
    (repo / "a").write_bytes(b"x\n")
    assert git(repo, "status", "--porcelain") == ""


def test_while_another_git_holds_the_index_for_long_nothing_is_committed(repo: Path) -> None:
    (repo / ".git/index.lock").touch()
    with pytest.raises(GitError, match="File exists"):
        make(repo, draft({"a": b"x\n"}))
    assert git(repo, "log", "--format=%s") == "first"
    (repo / ".git/index.lock").unlink()
    assert len(make(repo, draft({"a": b"x\n"}))) == 1


def test_without_git_on_the_path_the_error_says_so(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Repository.find(repo)
    assert found is not None
    monkeypatch.setenv("PATH", str(repo))
    with pytest.raises(GitError, match="git is not installed"):
        commit(found, lambda _: [draft({"a": b"x\n"})])


def test_a_git_folder_that_cannot_be_written_is_an_error(repo: Path) -> None:
    (repo / ".git/memu-like.lock").mkdir()  # who runs as root may write a folder that is read-only
    with pytest.raises(GitError, match="cannot be written"):
        make(repo, draft({"a": b"x\n"}))
    assert git(repo, "log", "--format=%s") == "first"


def test_a_broken_repository_is_an_error_of_git(repo: Path) -> None:
    (repo / ".git/refs/heads/main").write_text("1" * 40 + "\n")
    with pytest.raises(GitError):
        make(repo, draft({"a": b"x\n"}))


def _commit_many(folder: str, name: str, count: int) -> None:
    for number in range(count):
        make(Path(folder), draft({f"{name}.txt": f"{number}\n".encode()}, f"{name} {number}"))


def test_processes_at_once_lose_no_commit(repo: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_commit_many, args=(str(repo), name, 8)) for name in ("one", "two")]
    for worker in workers:
        worker.start()
    for number in range(8):
        git(repo, "commit", "--quiet", "--allow-empty", "--message", f"pat {number}")
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    subjects = git(repo, "log", "--format=%s", "--reverse").splitlines()
    for name in ("one", "two", "pat"):
        assert [s for s in subjects if s.startswith(name)] == [f"{name} {n}" for n in range(8)]
    assert git(repo, "fsck", "--strict") == ""


def test_a_repository_is_begun_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, setting in ALONE.items():
        monkeypatch.setenv(name, setting)
    assert start(tmp_path).prefix == ""
    (tmp_path / "sub").mkdir()
    assert start(tmp_path / "sub").prefix == "sub/"
