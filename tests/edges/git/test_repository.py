"""Reading a repository: real ones, made by git, in a store at its top and in a store below it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repositories import begin, commit, git

from memu_like.edges.git.repository import Blamed, Repository
from memu_like.errors import GitError, NotFound

PETS = "caroline/categories/pets.md"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store in a folder of a repository, with two commits of one file."""
    store = begin(tmp_path / "work") / "data" / "store"
    write(store / PETS, "- a cat\n- a dog\n")
    commit(tmp_path / "work", "first", "2023-05-08T12:00:00+00:00")
    write(store / PETS, "- a cat\n- two dogs\n")
    write(store / "melanie/user.json", "{}\n")
    commit(
        tmp_path / "work",
        "second\n\nMemu-User: caroline\nMemu-Run: r1\nMemu-Run: r2\nMemu-Kind: memorize",
        "2023-06-08T12:00:00+02:00",
    )
    return store


@pytest.fixture
def repo(store: Path) -> Repository:
    return found(store)


def found(store: Path) -> Repository:
    repo = Repository.find(store)
    assert repo is not None
    return repo


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def test_a_store_knows_the_repository_that_it_stands_in(store: Path, tmp_path: Path) -> None:
    assert found(store) == Repository((tmp_path / "work").resolve(), "data/store/")
    assert found(tmp_path / "work").prefix == ""


def test_where_no_repository_is_there_is_none(tmp_path: Path) -> None:
    assert Repository.find(tmp_path) is None
    assert Repository.find(tmp_path / "not there") is None
    (tmp_path / ".git").mkdir()
    assert Repository.find(tmp_path) is None


def test_before_the_first_commit_there_is_no_history(tmp_path: Path) -> None:
    repo = found(begin(tmp_path))
    assert (repo.head(), repo.log()) == (None, [])
    with pytest.raises(NotFound, match="nothing was committed yet"):
        repo.resolve("2023-05-08")


def test_the_person_at_work_is_the_one_that_git_knows(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(store).identity() == ("Pat", "pat@example.org")
    git(store, "config", "--unset", "user.email")
    for name in ("EMAIL", "GIT_AUTHOR_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    assert found(store).identity() is None


# -- points


def test_a_revision_is_resolved_to_its_commit(repo: Repository, store: Path) -> None:
    head = git(store, "rev-parse", "HEAD")
    git(store, "branch", "what-if")
    for name in ("HEAD", "main", "what-if", head, head[:8]):
        assert repo.resolve(name) == head
    assert repo.resolve("HEAD~1") == git(store, "rev-parse", "HEAD~1")


def test_a_date_is_the_last_commit_of_that_day_or_before(repo: Repository, store: Path) -> None:
    first, second = git(store, "rev-parse", "HEAD~1"), git(store, "rev-parse", "HEAD")
    assert repo.resolve("2023-05-08") == first
    assert repo.resolve("2023-06-07") == first
    assert repo.resolve("2023-06-08") == second
    assert repo.resolve("2023-06-08T09:59:59") == first
    assert repo.resolve("2023-06-08T10:00:00+00:00") == second
    assert repo.resolve(datetime(2023, 6, 8, 10, 0, tzinfo=UTC)) == second
    assert repo.resolve(datetime(2023, 6, 8, 10, 0), timezone(timedelta(hours=2))) == first
    with pytest.raises(NotFound, match="the history begins later"):
        repo.resolve("2023-05-07")


def test_a_branch_with_a_date_for_its_name_is_a_branch(repo: Repository, store: Path) -> None:
    git(store, "branch", "2024-01-01", "HEAD~1")
    assert repo.resolve("2024-01-01") == git(store, "rev-parse", "HEAD~1")


@pytest.mark.parametrize(
    "hostile",
    [
        *("--output=pwned", "-h", "--all", "", " ", "HEAD\nHEAD~1", "HEAD\0", "a..b", "HEAD:data", "^HEAD"),
        *("2023-13-45", "2023-05-08; rm -rf .", "$(touch pwned)", "nobody", "\ud800", "é" * 300),
    ],
)
def test_what_names_no_commit_is_refused_and_does_nothing(
    repo: Repository, store: Path, hostile: str
) -> None:
    with pytest.raises(NotFound):
        repo.resolve(hostile)
    assert git(store, "status", "--porcelain") == ""


@given(st.text(max_size=20))
def test_no_text_at_all_is_taken_for_a_commit_id(text: str) -> None:
    with pytest.raises(NotFound, match="full id"):
        Repository(Path()).parents(text)


# -- commits


def test_a_commit_tells_its_runs_and_whose_they_are(repo: Repository) -> None:
    second, first = repo.log()
    assert (second.subject, second.by, second.user, second.runs) == (
        "second",
        "machine",
        "caroline",
        ("r1", "r2"),
    )
    assert (first.subject, first.by, first.user, first.runs) == ("first", "person", None, ())
    assert (first.author, first.email) == ("Pat", "pat@example.org")
    assert first.time == datetime(2023, 5, 8, 12, tzinfo=UTC)
    assert repo.commit(second.id) == second
    assert (repo.parents(second.id), repo.parents(first.id)) == ([first.id], [])


def test_the_log_of_a_path_has_what_touched_it(repo: Repository, store: Path) -> None:
    assert [one.subject for one in repo.log(["melanie"])] == ["second"]
    assert [one.subject for one in repo.log(["caroline"], limit=1)] == ["second"]
    assert repo.log(["car*"]) == []
    write(store.parent / "beside.txt", "no memory\n")
    commit(store, "beside")
    assert [one.subject for one in repo.log()] == ["second", "first"]


def test_a_persons_commit_is_a_persons_though_the_service_made_it(repo: Repository, store: Path) -> None:
    write(store / PETS, "- a bird\n")
    commit(store, "edit\n\nMemu-User: caroline\nMemu-Kind: person")
    assert repo.log(limit=1)[0].by == "person"


def test_a_user_id_that_a_line_cannot_hold_is_read_back(repo: Repository, store: Path) -> None:
    write(store / PETS, "- a bird\n")
    commit(store, 'x\n\nMemu-User: "a\\nMemu-Run: forged"\nMemu-Run: r3\nMemu-Kind: memorize')
    [found] = repo.log(limit=1)
    assert (found.user, found.runs) == ("a\nMemu-Run: forged", ("r3",))


def test_what_is_not_committed_is_told(repo: Repository, store: Path) -> None:
    assert repo.changed() == []
    write(store / PETS, "- a bird\n")
    (store / "melanie/user.json").unlink()
    write(store / "new ü/a b.md", "x")
    assert repo.changed() == [PETS, "melanie/user.json", "new ü/a b.md"]
    assert repo.changed(["caroline"]) == [PETS]


# -- files


def test_files_are_read_as_they_stood(repo: Repository) -> None:
    head, first = repo.resolve("HEAD"), repo.resolve("HEAD~1")
    assert repo.file_at(first, PETS) == b"- a cat\n- a dog\n"
    assert repo.file_at(head, PETS) == b"- a cat\n- two dogs\n"
    assert repo.file_at(first, "melanie/user.json") is None
    assert repo.files_at(head, "caroline") == {"categories/pets.md": b"- a cat\n- two dogs\n"}
    assert set(repo.files_at(head)) == {PETS, "melanie/user.json"}
    assert repo.files_at(head, "nobody") == {}


def test_a_folder_is_named_by_what_it_holds(repo: Repository, store: Path) -> None:
    head, first = repo.resolve("HEAD"), repo.resolve("HEAD~1")
    assert repo.tree_id(head, "caroline") != repo.tree_id(first, "caroline")
    assert repo.tree_id(first, "melanie") is None
    assert repo.tree_id(head, PETS) is None
    git(store, "commit", "--quiet", "--allow-empty", "--message", "same")
    assert repo.tree_id(repo.resolve("HEAD"), "caroline") == repo.tree_id(head, "caroline")


def test_many_files_are_read_in_batches(repo: Repository, store: Path) -> None:
    expected = {f"{number}": bytes([number]) * number * 10 + b"\n\n" for number in range(40)}
    for name, data in expected.items():
        (store / "caroline" / name).write_bytes(data)
    commit(store)
    read = dict(repo.contents(repo.blobs(repo.resolve("HEAD"), "caroline"), batch_bytes=500))
    assert {name: read[name] for name in expected} == expected


def test_a_link_is_no_file(repo: Repository, store: Path) -> None:
    (store / "caroline/link.md").symlink_to("/etc/hostname")
    commit(store)
    head = repo.resolve("HEAD")
    assert repo.file_at(head, "caroline/link.md") is None
    assert "link.md" not in repo.files_at(head, "caroline")


# -- blame


def test_each_line_has_the_commit_that_it_comes_from(repo: Repository, store: Path) -> None:
    head, first = repo.resolve("HEAD"), repo.resolve("HEAD~1")
    text = b"- a cat\n- two dogs\n- a bird\r\n"
    blamed = repo.blame(PETS, text)
    assert [(one.line, one.text, one.commit, one.author) for one in blamed] == [
        (1, "- a cat", first, "Pat"),
        (2, "- two dogs", head, "Pat"),
        (3, "- a bird", None, ""),
    ]
    assert blamed[0].time == datetime(2023, 5, 8, 12, tzinfo=UTC)


def test_of_a_new_file_no_line_is_committed(repo: Repository) -> None:
    assert repo.blame("caroline/new.md", b"a\n\nb") == [Blamed(1, "a"), Blamed(2, ""), Blamed(3, "b")]


def test_what_git_cannot_do_is_an_error_in_one_line(repo: Repository) -> None:
    with pytest.raises(GitError, match=r"^git ls-tree: .*not a tree object"):
        repo.files_at("0" * 39 + "1")
