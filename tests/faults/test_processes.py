"""Many processes, many users, and readers beside writers."""

import asyncio
import json
from pathlib import Path

import pytest
from fault_checks import check_files, stored_ids
from fault_jobs import USER, message, token
from fault_zygote import Zygote

from memu_like import MemoryService
from memu_like.edges.folder import UserFolder
from memu_like.errors import StoreBusy

PROCESSES = 8
EACH = 25


def test_eight_processes_add_to_one_user_and_lose_nothing(zygote: Zygote, tmp_path: Path) -> None:
    jobs = [
        zygote.start(
            "add_many", place=str(tmp_path), prefix=f"p{n}-", count=EACH, flush_every=6 if n % 3 == 0 else 0
        )
        for n in range(PROCESSES)
    ]
    acknowledged = [one for job in jobs for one in job.wait().value()]
    assert len(acknowledged) == PROCESSES * EACH
    counts = stored_ids(tmp_path / USER)
    assert [one for one in acknowledged if counts[one] != 1] == []
    answers = zygote.run("attempt", place=str(tmp_path), operations=[["flush"], ["doctor"]])
    assert answers[1] == []
    assert set(stored_ids(tmp_path / USER).values()) == {1}
    assert check_files(tmp_path / USER) == []


def test_processes_that_memorize_on_one_user_take_turns(zygote: Zygote, tmp_path: Path) -> None:
    jobs = [zygote.start("memorize_one", place=str(tmp_path), first=1000 * n, count=30) for n in range(4)]
    resources = [one for job in jobs for one in job.wait().value()]
    assert len(set(resources)) == len(resources)
    assert set(stored_ids(tmp_path / USER).values()) == {1}
    assert len(stored_ids(tmp_path / USER)) == 4 * 30
    assert check_files(tmp_path / USER) == []
    assert zygote.run("attempt", place=str(tmp_path), operations=[["doctor"]]) == [[]]


def test_a_killed_holder_lets_go_of_the_lock(zygote: Zygote, tmp_path: Path) -> None:
    store, ready = tmp_path / "store", tmp_path / "ready"
    zygote.run("attempt", place=str(store), operations=[["memorize", 0, 5]])
    holder = zygote.start("hold_lock", place=str(store), ready=str(ready))
    while not ready.exists():
        pass
    busy = zygote.run(
        "attempt", place=str(store), operations=[["memorize", 9, 12]], lock_timeout_seconds=0.05
    )
    assert busy[0][0] == "StoreBusy"
    holder.kill()
    assert holder.wait().killed
    done = zygote.run("attempt", place=str(store), operations=[["memorize", 9, 12]], lock_timeout_seconds=0.5)
    assert done == [3]


async def test_sixty_four_users_are_written_at_once(tmp_path: Path) -> None:
    async with MemoryService(tmp_path, open_folders=16) as service:

        async def one(number: int) -> None:
            user = service.user(f"user-{number}")
            await user.add([message(number)])
            await user.memorize([message(1000 + 10 * number + n) for n in range(8)])
            found = await user.retrieve(token(number))
            assert f"m{number}" in found.hits[0].message_ids

        await asyncio.gather(*(one(number) for number in range(64)))
        assert len(await service.users()) == 64
        for number in range(0, 64, 9):
            assert await service.user(f"user-{number}").doctor() == []
    for number in range(64):
        assert check_files(tmp_path / f"user-{number}") == []


async def test_readers_see_whole_runs_and_wait_for_none(tmp_path: Path) -> None:
    """Beside runs of another service: what was acknowledged is always found, once, and items have events."""
    async with MemoryService(tmp_path) as writer, MemoryService(tmp_path) as reader:
        await writer.user(USER).add([message(0)])
        seen = 0
        writing = True

        async def write() -> None:
            nonlocal writing
            for number in range(12):
                await writer.user(USER).memorize([message(100 + 30 * number + n) for n in range(30)])
                await writer.user(USER).add([message(1 + number)])
            writing = False

        async def read() -> None:
            nonlocal seen
            while writing:
                found = await reader.user(USER).retrieve(f"the story of {token(0)}")
                assert sum("m0" in hit.message_ids for hit in found.hits) == 1
                runs = {event.id for event in await reader.user(USER).events()}
                items = await reader.user(USER).items()
                later = {event.id for event in await reader.user(USER).events()}
                assert {item.run for item in items} <= later
                assert runs <= later
                seen += 1

        await asyncio.gather(write(), read(), read())
        assert seen > 5


async def test_a_search_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    async with MemoryService(tmp_path, lock_timeout_seconds=0) as service:
        await service.user(USER).add([message(0)])
        folder = UserFolder(tmp_path, USER)
        with folder.lock(), folder.lock("buffer.lock"):
            found = await service.user(USER).retrieve(token(0))
            assert found.hits
            with pytest.raises(StoreBusy):
                await service.user(USER).flush()


def test_another_process_finds_what_was_acknowledged_at_its_next_call(zygote: Zygote, tmp_path: Path) -> None:
    for number in range(5):
        zygote.run("attempt", place=str(tmp_path), operations=[["add", number, number + 1]])
        found = zygote.run("attempt", place=str(tmp_path), operations=[["search", number]])[0]
        assert found[0] == f"m{number}"


async def test_a_buffer_that_follows_another_under_its_name_is_read_from_its_start(tmp_path: Path) -> None:
    """The file system may give a new buffer the inode of the one before it."""
    async with MemoryService(tmp_path) as writer, MemoryService(tmp_path) as reader:
        for number in range(0, 40, 2):
            await writer.user(USER).add([message(number)])
            assert (await reader.user(USER).retrieve(token(number))).hits
            await writer.user(USER).flush()
            await writer.user(USER).add(
                [message(number + 1) | {"note": "longer than the one before it " * 9}]
            )
            found = await reader.user(USER).retrieve(token(number + 1))
            assert found.hits[0].message_ids == (f"m{number + 1}",)
            await writer.user(USER).flush()


def test_the_lock_files_are_no_part_of_the_memory(tmp_path: Path, zygote: Zygote) -> None:
    zygote.run("attempt", place=str(tmp_path), operations=[["add", 0, 2]])
    names = {path.name for path in (tmp_path / USER / ".memu").iterdir()}
    assert names <= {"lock", "buffer.lock"}
    assert json.loads((tmp_path / USER / "user.json").read_text())["user_id"] == USER
