"""Runs as commits, and a person's edits as theirs: services, stores and git processes as they are."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from committed_stores import MACHINE, PAT, category, log, opened, said, status, trailers
from conversations import JUNE, MAY
from repositories import ALONE, begin, git
from repositories import commit as commit_all

from memu_like.service import MemoryService
from memu_like.usecases.desk import Desk

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own git settings are none of the tests'."""
    for name, setting in ALONE.items():
        monkeypatch.setenv(name, setting)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return begin(tmp_path / "store")


@pytest.fixture
async def memory(store: Path) -> AsyncIterator[MemoryService]:
    async with opened(store) as service:
        await service.init(git=True)
        yield service


# -- a run


async def test_a_run_is_a_commit_of_the_services_with_what_it_wrote(memory: MemoryService) -> None:
    report = await memory.user("caroline").memorize(MAY)
    assert await memory.committed() == ()
    assert log(memory.store, "%an <%ae>|%cn <%ce>")[0] == f"{MACHINE}|{MACHINE}"
    assert log(memory.store)[0] == f"memorize caroline: {report.items_added} items from 1 conversation"
    assert trailers(memory.store, "Memu-User") == ["caroline"]
    assert trailers(memory.store, "Memu-Run") == list(report.runs)
    assert trailers(memory.store, "Memu-Kind") == ["memorize"]
    names = git(memory.store, "show", "--name-only", "--format=").splitlines()
    assert {name.split("/")[1] for name in names} == {
        "user.json",
        "resources",
        "items",
        "events",
        "categories",
    }
    assert status(memory.store) == ""


async def test_runs_that_follow_each_other_are_a_commit_each(memory: MemoryService) -> None:
    user = memory.user("caroline")
    runs = [run for talk in (MAY, JUNE) for run in (await user.memorize(talk)).runs]
    await memory.committed()
    assert [trailers(memory.store, "Memu-Run", commit) for commit in ("HEAD~1", "HEAD")] == [
        [run] for run in runs
    ]


async def test_what_is_derived_or_in_flight_is_never_committed(memory: MemoryService) -> None:
    user = memory.user("caroline")
    await user.memorize(MAY)
    await user.add(said("I am only buffered."))
    await memory.committed()
    names = git(memory.store, "ls-files")
    assert ".memu" not in names
    assert "buffer" not in names
    assert "only buffered" not in git(memory.store, "log", "-p")


async def test_the_author_is_the_one_that_the_settings_name(store: Path) -> None:
    async with opened(store, git_author="Memory Keeper <memory@example.org>") as service:
        await service.user("caroline").memorize(MAY)
    assert log(store, "%an <%ae>") == ["Memory Keeper <memory@example.org>"]


async def test_closing_waits_for_the_commits(store: Path) -> None:
    async with opened(store) as service:
        await service.user("caroline").memorize(MAY)
    assert len(log(store)) == 1


async def test_edits_through_the_api_are_commits_too(memory: MemoryService) -> None:
    user = memory.user("caroline")
    await user.memorize(MAY)
    item = (await user.items())[0]
    await user.update_item(item.id, text="I have two guinea pigs.", expected=item.text)
    await user.delete_item(item.id)
    await memory.committed()
    assert log(memory.store)[:2] == ["edit caroline: 1 retracted", "edit caroline"]
    assert status(memory.store) == ""


@pytest.mark.parametrize("git_setting", ["off", "auto"])
async def test_nothing_is_committed_where_it_is_not_wanted(tmp_path: Path, git_setting: str) -> None:
    top = begin(tmp_path / "project")
    store = top if git_setting == "off" else top / "memory_store"
    async with opened(store, git=git_setting) as service:
        report = await service.user("caroline").memorize(MAY)
        assert await service.committed() == ()
    assert report.degraded == ()
    assert git(top, "rev-list", "--all") == ""
    assert not list(store.rglob("written"))


async def test_a_store_within_a_repository_is_committed_where_that_is_on(tmp_path: Path) -> None:
    top = begin(tmp_path / "project")
    (top / "code.py").write_text("the project's\n")
    (top / "data").mkdir()
    async with opened(top / "data" / "store", git="on") as service:
        await service.user("caroline").memorize(MAY)
        assert await service.committed() == ()
    assert set(git(top, "ls-files", "--", "data").splitlines()) == set(git(top, "ls-files").splitlines())
    assert "?? code.py" in status(top)


# -- a person


async def test_a_persons_edit_is_their_own_commit_and_the_machines_is_on_top(memory: MemoryService) -> None:
    user = memory.user("caroline")
    await user.memorize(MAY)
    await memory.committed()
    path = category(memory.store)
    by_hand = path.read_bytes() + b"- Sings in a choir.\n"
    path.write_bytes(by_hand)
    await user.memorize(JUNE)
    assert await memory.committed() == ()
    assert log(memory.store, "%an <%ae>")[:3] == [MACHINE, MACHINE, PAT]
    assert log(memory.store)[2] == f"edit caroline: {path.name} (1 new)"
    assert log(memory.store)[1].startswith("take in edits of caroline: 1 item")
    relative = path.relative_to(memory.store).as_posix()
    assert git(memory.store, "show", f"HEAD~2:{relative}").encode() + b"\n" == by_hand
    assert git(memory.store, "show", "--name-only", "--format=", "HEAD~2") == relative
    assert trailers(memory.store, "Memu-Kind", "HEAD~2") == ["person"]
    assert status(memory.store) == ""


async def test_an_item_line_edited_by_hand_is_their_commit(memory: MemoryService) -> None:
    user = memory.user("caroline")
    await user.memorize(MAY)
    await user.sync()
    await memory.committed()
    path = memory.store / "caroline/items/2023-05.jsonl"
    path.write_text(path.read_text().replace("loves carrots", "loves cabbage"))
    await user.sync()
    await memory.committed()
    assert log(memory.store, "%an <%ae>")[:2] == [MACHINE, PAT]
    assert git(memory.store, "show", "--name-only", "--format=", "HEAD~1") == "caroline/items/2023-05.jsonl"
    assert status(memory.store) == ""


async def test_what_a_person_committed_themselves_is_not_committed_again(memory: MemoryService) -> None:
    user = memory.user("caroline")
    await user.memorize(MAY)
    await memory.committed()
    path = category(memory.store)
    path.write_bytes(path.read_bytes() + b"- Sings in a choir.\n")
    commit_all(memory.store, "my choir")
    await user.sync()
    await memory.committed()
    assert log(memory.store)[:2] == ["take in edits of caroline: 1 item", "my choir"]


async def test_a_save_while_the_machine_writes_is_still_the_persons(memory: MemoryService) -> None:
    """As `Rendered.write` does: read, merge, and write where the file still says what was read."""
    user = memory.user("caroline")
    await user.memorize(MAY)
    await memory.committed()
    path = category(memory.store)

    def write_twice(desk: Desk) -> None:
        for number in range(2):
            before = path.read_bytes() + f"- by hand {number}\n".encode()
            path.write_bytes(before)  # a person saves between the read of the run and its write
            name = path.relative_to(desk.folder.root).as_posix()
            assert desk.folder.replace_unchanged({name: (before, before + b"- by machine\n")}) == []

    await memory._shop.write(user.folder, write_twice)
    await memory.committed()
    assert log(memory.store, "%an <%ae>")[:4] == [MACHINE, PAT, MACHINE, PAT]
    added = git(memory.store, "log", "-4", "--format=", "-p", "-U0").splitlines()
    texts = [line[1:] for line in added if line.startswith("+- ")]
    assert texts == ["- by machine", "- by hand 1", "- by machine", "- by hand 0"]


async def test_a_person_whom_git_does_not_know_is_somebody_and_a_report_says_so(
    memory: MemoryService,
) -> None:
    user = memory.user("caroline")
    git(memory.store, "config", "--unset", "user.name")
    git(memory.store, "config", "--unset", "user.email")
    await user.memorize(MAY)
    path = category(memory.store)
    path.write_bytes(path.read_bytes() + b"- Sings in a choir.\n")
    await user.sync()
    assert any("git config user.name" in problem for problem in await memory.committed())
    assert "somebody <somebody@localhost>" in log(memory.store, "%an <%ae>")


async def test_what_a_person_has_staged_stays_staged(memory: MemoryService) -> None:
    user = memory.user("caroline")
    await user.memorize(MAY)
    await memory.committed()
    (memory.store / "notes.md").write_text("staged\n")
    (memory.store / "memory.toml").write_text('timezone = "Europe/Lisbon"\n')
    git(memory.store, "add", "notes.md", "memory.toml")
    await user.memorize(JUNE)
    await memory.committed()
    assert status(memory.store).splitlines() == ["A  memory.toml", "A  notes.md"]


async def test_runs_and_edits_in_any_order_are_never_mixed(memory: MemoryService) -> None:
    user, chance = memory.user("caroline"), random.Random(4)
    for number in range(12):
        if number and chance.random() < 0.6:
            path = chance.choice(sorted((memory.store / "caroline/categories").glob("*.md")))
            path.write_bytes(path.read_bytes() + f"- Byhand{number} is a friend.\n".encode())
        await user.memorize(said(f"I have a guinea pig named Oscar{number}. I work in town {number}."))
        if chance.random() < 0.3:
            await memory.committed()
    await memory.committed()
    assert status(memory.store) == ""
    for commit in git(memory.store, "rev-list", "HEAD~1").splitlines():
        author = git(memory.store, "log", "-1", "--format=%an <%ae>", commit)
        patch = git(memory.store, "show", "--format=", "-U0", commit, "--", "*.md").splitlines()
        new = {word for line in patch if line.startswith("+") for word in line.split() if "Byhand" in word}
        old = (
            git(memory.store, "grep", "-h", "Byhand", f"{commit}~1", "--", "*.md")
            if new and author == MACHINE
            else ""
        )
        if author == MACHINE:
            assert all(word in old for word in new), (commit, patch)
        else:
            assert all("Oscar" not in line and "^" not in line for line in patch if line.startswith("+"))


async def test_two_services_on_one_user_are_no_person(store: Path) -> None:
    async with opened(store) as one, opened(store) as other:
        await one.init(git=True)
        for number in range(6):
            for service in (one, other):
                talk = f"I have a guinea pig named Oscar{number}. My job is {id(service)}."
                await service.user("caroline").memorize(said(talk))
    assert set(log(store, "%an <%ae>")) == {MACHINE}
    assert status(store) == ""
    runs = [run for commit in log(store, "%H") for run in trailers(store, "Memu-Run", commit)]
    assert len(set(runs)) == 12


async def test_a_users_folder_that_is_a_submodule_stays_one(memory: MemoryService, tmp_path: Path) -> None:
    own = begin(tmp_path / "own")
    commit_all(own, "first")
    git(memory.store, "-c", "protocol.file.allow=always", "submodule", "add", f"file://{own}", "caroline")
    commit_all(memory.store, "a submodule")
    await memory.user("caroline").memorize(MAY)
    await memory.user("melanie").memorize(MAY)
    assert await memory.committed() == ()
    assert git(memory.store, "ls-tree", "HEAD", "caroline").startswith("160000 commit")
    assert log(memory.store)[1] == "a submodule"


# -- what was forgotten


async def test_what_is_forgotten_leaves_the_files_and_stays_in_the_history(memory: MemoryService) -> None:
    user = memory.user("caroline")
    report = await user.memorize(MAY)
    await user.memorize(JUNE)
    await user.forget_resource(report.resources[0])
    await memory.committed()
    assert log(memory.store)[0].startswith("forget caroline")
    assert "Ottilie" not in "".join(git(memory.store, "grep", "-h", "-e", "", "HEAD"))
    assert "Ottilie" in git(memory.store, "log", "-p")
    assert status(memory.store) == ""


async def test_a_user_who_is_forgotten_leaves_no_file(memory: MemoryService) -> None:
    await memory.user("caroline").memorize(MAY)
    await memory.user("melanie").memorize(MAY)
    await memory.user("caroline").forget()
    await memory.committed()
    assert log(memory.store)[0] == "forget caroline"
    assert "caroline" not in git(memory.store, "ls-tree", "-r", "--name-only", "HEAD")
    assert "melanie/user.json" in git(memory.store, "ls-files")
    assert status(memory.store) == ""


async def test_an_import_is_committed(memory: MemoryService, tmp_path: Path) -> None:
    await memory.user("caroline").memorize(MAY)
    await memory.user("caroline").export(tmp_path / "caroline.zip")
    await memory.user("melanie").import_archive(tmp_path / "caroline.zip")
    await memory.committed()
    assert status(memory.store) == ""
    assert "melanie/categories" in git(memory.store, "ls-files")


# -- where git fails


async def test_a_missing_git_fails_no_run_and_is_told(
    memory: MemoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = memory.user("caroline")
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", str(memory.store))
    assert (await user.memorize(MAY)).items_added
    (problem,) = await memory.committed()
    assert problem.startswith("not committed to git: git is not installed")
    assert problem in (await user.memorize(JUNE)).degraded
    monkeypatch.setenv("PATH", path)
    assert await memory.committed() == ()
    assert len(log(memory.store)) == 3
    assert status(memory.store) == ""


async def test_a_slow_git_keeps_no_run_waiting(
    memory: MemoryService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = memory.user("caroline")
    await user.memorize(MAY)
    await memory.committed()
    real, slow = shutil.which("git"), tmp_path / "bin/git"
    slow.parent.mkdir()
    slow.write_text(f'#!/bin/sh\nwhile [ ! -e "{tmp_path}/go" ]; do sleep 0.02; done\nexec {real} "$@"\n')
    slow.chmod(0o755)
    before = log(memory.store, "%H")
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
        for number in range(3):
            await user.memorize(said(f"I have a guinea pig named Oscar{number}."))
        await asyncio.sleep(0.2)
        assert [run.kind for run in await user.events()] == ["memorize"] * 4
        assert (memory.store / ".git/refs/heads/main").read_text().strip() == before[0]
        (tmp_path / "go").touch()
        assert await memory.committed() == ()
    assert len(log(memory.store)) == len(before) + 3


async def test_in_the_middle_of_a_merge_the_commits_wait(memory: MemoryService) -> None:
    user = memory.user("caroline")
    await user.memorize(MAY)
    await memory.committed()
    head = git(memory.store, "rev-parse", "HEAD")
    (memory.store / ".git/MERGE_HEAD").write_text(f"{head}\n")
    await user.memorize(JUNE)
    (problem,) = await memory.committed()
    assert "in the middle of a merge" in problem
    assert git(memory.store, "rev-parse", "HEAD") == head
    (memory.store / ".git/MERGE_HEAD").unlink()
    assert await memory.committed() == ()
    assert log(memory.store)[0].startswith("memorize caroline")
    assert status(memory.store) == ""


async def test_signing_and_hooks_are_no_obstacle(memory: MemoryService) -> None:
    git(memory.store, "config", "commit.gpgsign", "true")
    git(memory.store, "config", "gpg.program", "/does/not/exist")
    hook = memory.store / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    await memory.user("caroline").memorize(MAY)
    assert await memory.committed() == ()
    assert len(log(memory.store)) == 2


# -- killed before it committed

KILLED = """
import asyncio, os, sys
from memu_like.config import Settings
from memu_like.service import MemoryService

async def main():
    service = MemoryService(Settings(store=sys.argv[1], embedder="none"))
    await service.user("caroline").memorize([{"role": "user", "content": sys.argv[2]}])
    os._exit(9)

asyncio.run(main())
"""


def run_and_kill(store: Path, text: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(store), text],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 9


async def test_what_a_killed_process_left_is_committed_by_the_next(memory: MemoryService) -> None:
    run_and_kill(memory.store, "I have a guinea pig named Oscar.")
    assert status(memory.store) != ""
    user = memory.user("caroline")
    (event,) = await user.events()
    report = await user.memorize(JUNE)
    assert await memory.committed() == ()
    assert log(memory.store)[1] == "catch up caroline: 1 item from 1 conversation"
    assert trailers(memory.store, "Memu-Run", "HEAD~1") == [event.id]
    assert trailers(memory.store, "Memu-Run") == list(report.runs)
    assert set(log(memory.store, "%an <%ae>")[:2]) == {MACHINE}
    assert status(memory.store) == ""


async def test_an_edit_after_a_kill_is_still_the_persons(memory: MemoryService) -> None:
    await memory.user("caroline").memorize(MAY)
    await memory.committed()
    run_and_kill(memory.store, "I work as a botanist.")
    path = category(memory.store)
    path.write_bytes(path.read_bytes() + b"- Sings in a choir.\n")
    await memory.user("caroline").flush()
    await memory.committed()
    patch = git(memory.store, "log", "--author=Pat", "--format=", "-p", "-U0")
    assert [line for line in patch.splitlines() if line.startswith("+-")] == ["+- Sings in a choir."]
    assert status(memory.store) == ""


# -- many


async def test_processes_and_services_at_once_on_one_repository(store: Path) -> None:
    async def work(user: str) -> None:
        async with opened(store) as service:
            await service.init()
            for number in range(5):
                await service.user(user).memorize(said(f"I have a guinea pig named Oscar{number}."))
                await service.committed()

    await asyncio.gather(*(work(user) for user in ("caroline", "melanie", "ana")))
    for user in ("caroline", "melanie", "ana"):
        mine = [line for line in log(store) if f" {user}: " in line]
        assert len(mine) == 5
    assert status(store).splitlines() == ["?? .gitattributes", "?? .gitignore"]
    assert git(store, "fsck", "--strict") == ""


async def test_two_hundred_users_of_one_store(memory: MemoryService) -> None:
    def add(number: int) -> Callable[[Desk], None]:
        def work(desk: Desk) -> None:
            desk.folder.create()
            with desk.folder.lock():
                desk.folder.append("items/2023-05.jsonl", json.dumps({"number": number}).encode() + b"\n")

        return work

    for number in range(200):
        await memory._shop.write(memory.user(f"user{number}").folder, add(number))
    assert await memory.committed() == ()
    assert len(log(memory.store)) == 201
    assert status(memory.store) == ""


@pytest.mark.parametrize(
    "user_id",
    ["ana\u2028Memu-Run: forged", "ana Memu-Run: forged", "../x", "a/b", "ünï\u2028côdé", 'q"uote', "-x"],
)
async def test_a_hostile_user_id(memory: MemoryService, user_id: str) -> None:
    report = await memory.user(user_id).memorize(MAY)
    assert await memory.committed() == ()
    assert trailers(memory.store, "Memu-Run") == list(report.runs)
    assert git(memory.store, "log", "-1", "--format=%B").count("\nMemu-Run:") == 1
    assert status(memory.store) == ""
