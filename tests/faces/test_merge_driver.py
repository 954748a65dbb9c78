"""The merge driver as git runs it: results, exit codes, and what it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_running import ROOT, Run

from memu_like.edges.git.merging import command, is_registered, merge_text, register
from memu_like.edges.git.repository import Repository
from memu_like.edges.store import GITATTRIBUTES, init_store
from memu_like.merge_driver import main, merge_file

HEAD = "---\ntopic: pets\nupdated_at: 2023-10-22T09:55:00Z\n---\n# pets\n\n"
BASE = HEAD + "## pets\n- Has a cat. ^cats\n"
PLACE = "caroline/categories/pets.md"
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "PYTHONPATH": str(ROOT),
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Melanie",
    "GIT_AUTHOR_EMAIL": "melanie@example.org",
    "GIT_COMMITTER_NAME": "Melanie",
    "GIT_COMMITTER_EMAIL": "melanie@example.org",
    "LC_ALL": "C",
}


def git(folder: Path, *arguments: str, ok: bool = True) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 or not ok, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    base, ours, theirs = (tmp_path / name for name in ("base", "ours", "theirs"))
    base.write_text(BASE)
    ours.write_text(BASE + "- Has a dog. ^dogs\n")
    theirs.write_text(BASE + "- Has bees. ^bees\n")
    return base, ours, theirs


MERGED = BASE + "- Has a dog. ^dogs\n- Has bees. ^bees\n"


def test_the_result_is_written_over_ours(files: tuple[Path, Path, Path]) -> None:
    assert main([*map(str, files), PLACE]) == 0
    assert files[1].read_text() == MERGED


def test_the_command_is_there_and_hidden(run: Run, files: tuple[Path, Path, Path]) -> None:
    assert "merge-driver" not in run("--help").out
    assert "%O" in run("merge-driver", "--help").out
    assert run("merge-driver", *map(str, files), PLACE).code == 0
    assert files[1].read_text() == MERGED


def test_what_cannot_be_told_is_a_conflict_as_git_would_make_it(
    files: tuple[Path, Path, Path], run: Run
) -> None:
    _, ours, theirs = files
    theirs.write_text(theirs.read_text() + "```\nopen\n")
    done = run("merge-driver", *map(str, files), PLACE)
    assert done.code == 1
    assert done.err.startswith(f"conflict: {PLACE}:")
    assert "not closed" in done.err
    assert "<<<<<<< ours\n- Has a dog. ^dogs\n=======\n- Has bees. ^bees\n" in ours.read_text()


def test_a_category_that_is_not_utf8_is_a_conflict(files: tuple[Path, Path, Path]) -> None:
    files[2].write_bytes(b"\xff\xfe" + BASE.encode())
    assert "utf-8" in merge_file(*files, PLACE)


def test_both_sides_made_the_file(files: tuple[Path, Path, Path]) -> None:
    files[0].write_text("")
    assert merge_file(*files, PLACE) == ""
    assert files[1].read_text() == MERGED


@pytest.mark.parametrize("name", ["caroline/items/2023-05.jsonl", "events/2023-05.jsonl"])
def test_records_are_merged_by_line(files: tuple[Path, Path, Path], name: str) -> None:
    for file, text in zip(files, ("a\nb\n", "a\nB", "a\nb\nc\n"), strict=True):
        file.write_text(text)
    assert merge_file(*files, name, union=True) == ""
    assert files[1].read_text() == "a\nB\nc\n"


def test_meta_files_are_merged_by_key(files: tuple[Path, Path, Path]) -> None:
    for file, text in zip(files, ("", '{"stored_at": "2026-02"}', '{"stored_at": "2026-01"}'), strict=True):
        file.write_text(text)
    assert merge_file(*files, "caroline/resources/2023/05/08-1.meta.json") == ""
    assert '"2026-01"' in files[1].read_text()


def test_any_other_file_is_merged_as_git_does(files: tuple[Path, Path, Path]) -> None:
    assert merge_file(*files, "CHANGELOG.md", union=True) == ""
    assert files[1].read_text() == MERGED
    files[1].write_text(BASE + "- Has a dog. ^dogs\n")
    assert "1 conflicts" in merge_file(*files, "README.md")
    assert "<<<<<<<" in files[1].read_text()


def test_a_wrong_call_and_a_file_that_is_not_there_fail_and_are_no_conflict(
    files: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["one"]) == 129
    assert main(["nowhere", *map(str, files[1:]), PLACE]) == 129
    assert "nowhere" in capsys.readouterr().err


def test_it_imports_nothing_heavy(tmp_path: Path) -> None:
    heavy = ["numpy", "pydantic", "typer", "rich", "openai", "asyncio", "filelock"]
    code = f"import sys, memu_like.merge_driver; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


# -- in a repository


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A store with one category file, on a branch and on main, that both have changed."""
    store = tmp_path / "store of mine"
    init_store(store)
    git(store, "init", "-q", "-b", "main")
    write(store, PLACE, BASE)
    write(store, "caroline/items/2023-05.jsonl", "a\nb\n")
    write(store, "notes.txt", "one\n")
    commit(store)
    git(store, "checkout", "-q", "-b", "other")
    write(store, PLACE, BASE + "- Has bees. ^bees\n")
    write(store, "caroline/items/2023-05.jsonl", "a\nb\nc\n")
    commit(store)
    git(store, "checkout", "-q", "main")
    write(store, PLACE, BASE + "- Has a dog. ^dogs\n")
    write(store, "caroline/items/2023-05.jsonl", "a\nB\n")
    commit(store)
    return store


def write(store: Path, name: str, text: str) -> None:
    (store / name).parent.mkdir(parents=True, exist_ok=True)
    (store / name).write_text(text)


def commit(store: Path) -> None:
    git(store, "add", ".")
    git(store, "commit", "-qm", "a change")


def known(store: Path) -> Repository:
    found = Repository.find(store)
    assert found is not None
    return found


def test_git_merges_with_the_driver_once_it_is_registered(repository: Path) -> None:
    assert not is_registered(known(repository))
    register(known(repository))
    assert is_registered(known(repository))
    git(repository, "merge", "-q", "other")
    assert (repository / PLACE).read_text() == MERGED
    assert (repository / "caroline/items/2023-05.jsonl").read_text() == "a\nB\nc\n"


def test_a_clone_without_the_driver_gets_gits_conflict_and_mends_it_by_registering(repository: Path) -> None:
    assert "CONFLICT" in git(repository, "merge", "-q", "other", ok=False)
    assert "<<<<<<<" in (repository / PLACE).read_text()
    lines = (repository / "caroline/items/2023-05.jsonl").read_text().splitlines()
    assert set(lines) >= {"a", "B", "c"}
    assert not any(line.startswith("<") for line in lines)
    register(known(repository))
    git(repository, "checkout", "--merge", "--", PLACE)
    assert (repository / PLACE).read_text() == MERGED
    commit(repository)


def test_where_the_program_is_gone_git_merges_as_it_can(repository: Path) -> None:
    for name in ("memu-like", "union"):
        gone = command(name).replace(command(name).split(" -P ")[0], "/nowhere/python")
        git(repository, "config", f"merge.{name}.driver", gone)
    assert "CONFLICT" in git(repository, "merge", "-q", "other", ok=False)
    assert "<<<<<<<" in (repository / PLACE).read_text()
    lines = (repository / "caroline/items/2023-05.jsonl").read_text().splitlines()
    assert set(lines) >= {"a", "B", "c"}
    assert not any(line.startswith("<") for line in lines)


def test_a_module_in_the_repository_is_not_what_the_driver_imports(repository: Path) -> None:
    for name in ("pathlib.py", "json.py", "memu_like.py"):
        write(repository, name, "raise SystemExit('taken over')\n")
    register(known(repository))
    git(repository, "merge", "-q", "other")
    assert (repository / PLACE).read_text() == MERGED


def test_a_text_merge_that_git_cannot_make_is_an_error(tmp_path: Path) -> None:
    from memu_like.errors import GitError

    with pytest.raises(GitError, match="merge-file"):
        merge_text(tmp_path / "a", tmp_path / "b", tmp_path / "c")


# -- .gitattributes


def test_an_older_store_gets_the_rules_it_lacks_and_keeps_what_a_person_wrote(tmp_path: Path) -> None:
    before = "# mine\n* -text\n**/items/*.jsonl merge=union\n**/user.json merge=ours"
    (tmp_path / ".gitattributes").write_text(before)
    init_store(tmp_path)
    after = (tmp_path / ".gitattributes").read_text()
    assert after.startswith(before + "\n")
    assert after.count("items/*.jsonl") == after.count("user.json") == 1
    assert "**/categories/*.md merge=memu-like\n" in after
    init_store(tmp_path)
    assert (tmp_path / ".gitattributes").read_text() == after


def test_a_new_store_has_every_rule_once(tmp_path: Path) -> None:
    init_store(tmp_path)
    assert (tmp_path / ".gitattributes").read_text() == GITATTRIBUTES
