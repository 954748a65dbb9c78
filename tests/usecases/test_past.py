"""Memory as it stood: read from a commit, with no checkout, and never written."""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conversations import JUNE, MAY
from repositories import begin, commit, git

from memu_like.config import Settings
from memu_like.errors import GitError, InvalidInput, NotFound
from memu_like.reading import WRITES, PastMemory, ReadableMemory
from memu_like.service import MemoryService, UserMemory
from memu_like.usecases.past import KEPT


@pytest.fixture
async def user(store: Path) -> AsyncIterator[UserMemory]:
    """May in a commit of 2023-05-09, June in one of 2023-06-09."""
    begin(store)
    async with MemoryService(Settings(store=store, git="off")) as service:
        await service.init()
        caroline = service.user("caroline")
        await caroline.memorize(MAY)
        commit(store, "May", "2023-05-09T12:00:00+00:00")
        await caroline.memorize(JUNE)
        commit(store, "June", "2023-06-09T12:00:00+00:00")
    async with MemoryService(Settings(store=store)) as service:
        yield service.user("caroline")


def laid_out(user: UserMemory) -> list[str]:
    return sorted(path.name for path in (user.folder.derived / "at").iterdir())


async def test_memory_is_read_as_it_stood(user: UserMemory) -> None:
    then = await user.at("HEAD~1")
    assert (then.user_id, then.time) == ("caroline", datetime(2023, 5, 9, 12, tzinfo=UTC))
    assert then.commit == git(user.folder.store, "rev-parse", "HEAD~1")
    assert await then.items(text="botanist") == []
    assert "work_life" not in await then.profile()
    assert "botanist" not in await then.context()
    assert [len(await one.events()) for one in (then, user)] == [1, 2]
    assert "Oscar" in (await then.retrieve("guinea pig")).hits[0].text
    [resource] = await then.resources()
    assert "Oscar" in (await then.resource_lines(resource.id))[0]
    [item] = await then.items(text="Oscar")
    assert ((await then.item(item.id)).corroborations, len(await then.item_history(item.id))) == ((), 1)
    assert len((await user.item(item.id)).corroborations) == 1
    assert (await then.stats()).resources == 1


async def test_the_last_commit_reads_as_the_memory_itself(user: UserMemory) -> None:
    now = await user.at("HEAD")
    assert await now.items() == await user.items()
    assert await now.profile() == await user.profile()
    assert await now.context(query="Oscar") == await user.context(query="Oscar")
    for query in ("guinea pig", "who moved to Lisbon?", "botanist"):
        assert (await now.retrieve(query)).hits == (await user.retrieve(query)).hits


@pytest.mark.parametrize(
    ("point", "items"), [("2023-05-09", 2), ("2023-06-08", 2), ("2023-06-09", 3), ("main", 3), ("HEAD~1", 2)]
)
async def test_a_point_is_a_date_a_branch_or_a_commit(user: UserMemory, point: str, items: int) -> None:
    assert len(await (await user.at(point)).items()) == items


async def test_a_point_may_be_a_time(user: UserMemory) -> None:
    then = await user.at(datetime(2023, 5, 20, tzinfo=UTC))
    assert await then.items(text="botanist") == []
    with pytest.raises(NotFound, match="begins later"):
        await user.at(datetime(2023, 5, 8, tzinfo=UTC))


async def test_before_the_user_there_is_nothing_to_read(user: UserMemory) -> None:
    store = user.folder.store
    empty = git(store, "commit-tree", "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "-m", "empty")
    with pytest.raises(NotFound, match="begins later"):
        await user.at(empty)


async def test_files_and_branch_stay_as_they_are(user: UserMemory) -> None:
    store = user.folder.store
    (user.folder.root / "categories/work_life.md").write_text("half", "utf-8")
    before = git(store, "status", "--porcelain"), git(store, "rev-parse", "HEAD")
    then = await user.at("HEAD~1")
    await then.retrieve("Oscar")
    assert (git(store, "status", "--porcelain"), git(store, "rev-parse", "HEAD")) == before


async def test_a_past_is_never_written(user: UserMemory) -> None:
    then = await user.at("HEAD~1")
    root = then.folder.root
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    for name in sorted(WRITES):
        with pytest.raises(InvalidInput, match=f"{name}: .* can only be read"):
            await getattr(then, name)("x", y=1)
    await then.retrieve("Oscar")
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_every_verb_that_writes_is_refused() -> None:
    """A verb of UserMemory is read on a past, or refused, or one of those that ask the present."""
    verbs = {name for name, _ in inspect.getmembers(UserMemory, inspect.isfunction) if name[0] != "_"}
    readable = {name for name, _ in inspect.getmembers(ReadableMemory, inspect.isfunction)}
    present = {"history", "diff", "blame", "at", "respond", "respond_stream", "doctor", "export", "category"}
    present |= {"blob", "blobs", "buffered", "buffer_states"}  # a buffer has no past
    assert verbs - readable - present == WRITES
    with pytest.raises(AttributeError):
        _ = PastMemory.nothing  # type: ignore[attr-defined]


async def test_the_same_memory_is_laid_out_once(user: UserMemory) -> None:
    first = await user.at("HEAD~1")
    inode = (first.folder.root / "user.json").stat().st_ino
    again = await user.at("2023-05-09")
    assert (again.folder.root / "user.json").stat().st_ino == inode
    assert laid_out(user) == [first.folder.store.name]


async def test_many_readers_lay_out_the_same_past_at_once(store: Path, user: UserMemory) -> None:
    services = [MemoryService(Settings(store=store)) for _ in range(4)]
    try:
        memories = await asyncio.gather(*(one.user("caroline").at("HEAD~1") for one in services))
        found = await asyncio.gather(*(one.items() for one in memories))
    finally:
        for service in services:
            await service.close()
    assert all(one == found[0] for one in found)
    assert len(laid_out(user)) == 1


async def test_only_the_last_few_are_kept(user: UserMemory) -> None:
    store = user.folder.store
    for number in range(KEPT + 2):
        (user.folder.root / "categories/notes.md").write_text(f"# notes\n\nNumber {number}.\n", "utf-8")
        commit(store, f"notes {number}")
    oldest = await user.at(f"HEAD~{KEPT + 1}")
    for back in range(KEPT + 1):
        await user.at(f"HEAD~{back}")
        await asyncio.sleep(0.002)
    assert len(laid_out(user)) == KEPT
    assert not oldest.folder.exists()
    assert len(await oldest.items()) == 3  # it is laid out again
    assert len(laid_out(user)) == KEPT


async def test_what_a_killed_process_left_half_is_not_read_and_goes(user: UserMemory) -> None:
    then = await user.at("HEAD~1")
    place = then.folder.store.parent
    for name, age in ((".dead.0000", 7200), (".busy.0000", 0)):
        (place / name / "caroline").mkdir(parents=True)
        os.utime(place / name, (time.time() - age,) * 2)
    await user.at("HEAD")
    assert ".dead.0000" not in laid_out(user)
    assert ".busy.0000" in laid_out(user)


async def test_a_commit_cannot_write_outside(user: UserMemory, tmp_path: Path) -> None:
    """Trees may hold names that no checkout would make."""
    store = user.folder.store
    blob = git(store, "hash-object", "-w", str(user.folder.root / "user.json"))
    lines = git(store, "ls-tree", "HEAD:caroline").splitlines()
    evil = "\n".join([*lines, f"120000 blob {blob}\tcategories.md", f"100644 blob {blob}\titems-x.jsonl"])
    tree = _make_tree(store, evil)
    nested = _make_tree(store, f"040000 tree {tree}\tcaroline")
    made = git(store, "commit-tree", nested, "-m", "odd")
    then = await user.at(made)
    names = {path.name for path in then.folder.root.iterdir()}
    assert names == {"user.json", "categories", "events", "items", "resources", ".memu"}


def _make_tree(store: Path, lines: str) -> str:
    import subprocess

    done = subprocess.run(
        ["git", "-C", str(store), "mktree"], input=lines + "\n", capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


async def test_a_folder_that_is_no_memory_is_refused(user: UserMemory) -> None:
    store = user.folder.store
    git(store, "rm", "--quiet", "--cached", "caroline/user.json")
    git(store, "commit", "--quiet", "--message", "no user.json")
    with pytest.raises(GitError, match=r"holds no caroline/user\.json"):
        await user.at("HEAD")
    assert not [name for name in laid_out(user) if name[0] == "."]


async def test_what_is_forgotten_is_in_no_past_that_is_laid_out(user: UserMemory) -> None:
    await user.at("HEAD")
    resource = (await user.resources())[0]
    await user.forget_resource(resource.id)
    assert not (user.folder.derived / "at").exists()
