"""Runs that a language model makes, disturbed: cancelled, edited around, with what is derived damaged."""

import asyncio
import contextlib
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from fault_checks import check_files, stored_ids
from fault_jobs import USER, token
from fault_model import BROKEN, HOSTILE, RuleModel, contents, session

from memu_like import MemoryService, UserMemory
from memu_like.chat import ChatReply, ChatRequest
from memu_like.edges import journal, pending
from memu_like.edges.folder import RUN_LOCK, UserFolder
from memu_like.models import Status


class Thinking(RuleModel):
    """Says when it is asked, and answers once it may."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def chat(self, request: ChatRequest) -> ChatReply:
        self.asked.set()
        await self.may_answer.wait()
        return await super().chat(request)


@contextlib.asynccontextmanager
async def thinking(store: Path, *numbers: int) -> AsyncIterator[UserMemory]:
    """Inside, the model thinks about sessions; at the end it answers, and the run is waited for."""
    model = Thinking()
    async with MemoryService(store, model=model) as service:
        user = service.user(USER)
        run = asyncio.create_task(user.memorize(messages(*numbers)))
        await asyncio.wait_for(model.asked.wait(), 10)
        yield user
        model.may_answer.set()
        await asyncio.wait_for(run, 10)


async def until(condition: Callable[[], bool]) -> None:
    """What happens in another thread, as the disk shows it: for at most ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def messages(*numbers: int) -> list[dict[str, str]]:
    return [one for number in numbers for one in session(number)]


async def memorized(store: Path, *numbers: int) -> None:
    async with MemoryService(store, model=RuleModel()) as service:
        for number in numbers:
            await service.user(USER).memorize(session(number))


async def flushed(store: Path, **how: bool) -> tuple[str, ...]:
    """A flush by a fresh service; returns what it says was degraded."""
    async with MemoryService(store, model=RuleModel(mended=True)) as service:
        return (await service.user(USER).flush(**how)).degraded


async def check_whole(store: Path, *numbers: int) -> None:
    """At rest, with nothing waiting, nothing lost and nothing double."""
    folder = store / USER
    assert check_files(folder) == []
    assert not (folder / pending.PENDING).exists()
    assert stored_ids(folder) == {message["id"]: 1 for message in messages(*numbers)}
    async with MemoryService(store) as service:
        assert [str(one) for one in await service.user(USER).doctor() if one.level != "note"] == []


async def undisturbed(store: Path, *numbers: int) -> dict[str, Any]:
    await memorized(store, *numbers)
    async with MemoryService(store) as service:
        return await contents(service.user(USER))


async def held(store: Path) -> dict[str, Any]:
    async with MemoryService(store) as service:
        return await contents(service.user(USER))


# -- cancelled, closed


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


async def test_a_run_that_is_cancelled_while_the_model_thinks_waits_for_the_next_flush(
    tmp_path: Path,
) -> None:
    model = Thinking()
    async with MemoryService(tmp_path / "store", model=model) as service:
        run = asyncio.create_task(service.user(USER).memorize(messages(0, 1, 2)))
        await asyncio.wait_for(model.asked.wait(), 10)
        await cancelled(run)
        async with MemoryService(tmp_path / "store", model=RuleModel(), lock_timeout_seconds=1) as other:
            assert len((await other.user(USER).flush()).runs) == 3
        model.may_answer.set()
        assert (await service.user(USER).flush()).runs == ()
    await check_whole(tmp_path / "store", 0, 1, 2)
    assert await held(tmp_path / "store") == await undisturbed(tmp_path / "other", 0, 1, 2)


async def test_who_is_cancelled_while_it_waits_for_the_run_lock_does_not_keep_it(tmp_path: Path) -> None:
    folder = UserFolder(tmp_path, USER)
    async with MemoryService(tmp_path, model=RuleModel()) as service:
        user = service.user(USER)
        with folder.lock(RUN_LOCK):
            run = asyncio.create_task(user.memorize(messages(0)))
            await until(lambda: [*(tmp_path / USER).glob("resources/*/*/*.meta.json")] != [])
            assert (await asyncio.wait_for(user.retrieve("boat"), 5)).hits
            await cancelled(run)
        with folder.lock(RUN_LOCK, timeout=0):
            pass
        assert len((await user.flush()).runs) == 1
    await check_whole(tmp_path, 0)


async def test_runs_of_another_process_leave_the_threads_to_other_users(tmp_path: Path) -> None:
    async with MemoryService(tmp_path, model=RuleModel()) as service:
        names = [f"user-{number}" for number in range(12)]
        with contextlib.ExitStack() as locks:
            for name in names:
                locks.enter_context(UserFolder(tmp_path, name).lock(RUN_LOCK))
            runs = [asyncio.create_task(service.user(name).memorize(messages(0))) for name in names]
            await until(lambda: all((tmp_path / name / pending.PENDING).exists() for name in names))
            await asyncio.wait_for(service.user(USER).add(messages(1)), 5)
        assert [len((await run).runs) for run in runs] == [1] * len(names)


async def test_the_run_lock_that_stays_taken_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    async with MemoryService(tmp_path, model=RuleModel(), lock_timeout_seconds=0.05) as service:
        with UserFolder(tmp_path, USER).lock(RUN_LOCK):
            report = await service.user(USER).memorize(messages(0))
    assert (report.runs, len(report.kept)) == ((), 1)
    assert "another process" in report.degraded[0]
    assert await flushed(tmp_path) == ()
    await check_whole(tmp_path, 0)


@pytest.mark.parametrize("verb", ["read", "write"])
async def test_a_desk_serves_one_call_where_a_caller_is_cancelled_too(tmp_path: Path, verb: str) -> None:
    """A thread cannot be stopped: until it has ended nobody else may work at its desk."""
    await memorized(tmp_path, 0)
    at_work: list[str] = []

    def work(desk: object) -> None:
        at_work.append("begins")
        time.sleep(0.05)
        at_work.append("ends")

    async with MemoryService(tmp_path) as service:
        room = await service._shop.room(UserFolder(tmp_path, USER))
        call = getattr(room, verb)
        first = asyncio.create_task(call(work))
        await until(lambda: at_work != [])
        waiting = asyncio.create_task(call(work))
        await asyncio.sleep(0)
        await cancelled(first)
        await call(work)
        await waiting
    assert at_work == ["begins", "ends"] * 3


async def test_a_memorize_that_is_cancelled_while_it_writes_has_happened_or_not(tmp_path: Path) -> None:
    for number in range(8):
        store = tmp_path / str(number)
        async with MemoryService(store, model=RuleModel()) as service:
            run = asyncio.create_task(service.user(USER).memorize(messages(0, 1)))
            await asyncio.sleep(0.006 * number)
            run.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await run
            await service.user(USER).memorize(messages(0, 1))
            await service.user(USER).flush()
        await check_whole(store, 0, 1)


async def test_a_service_that_is_closed_while_the_model_thinks_leaves_the_run_waiting(tmp_path: Path) -> None:
    model = Thinking()
    service = MemoryService(tmp_path, model=model)
    run = asyncio.create_task(service.user(USER).memorize(messages(0, 1)))
    await asyncio.wait_for(model.asked.wait(), 10)
    await service.close()
    model.may_answer.set()
    with pytest.raises(RuntimeError, match="closed"):
        await run
    with UserFolder(tmp_path, USER).lock(RUN_LOCK, timeout=0):
        pass
    await flushed(tmp_path)
    await check_whole(tmp_path, 0, 1)


# -- hands at work while the model thinks


async def test_a_category_file_that_is_edited_while_the_model_thinks_keeps_the_edit(tmp_path: Path) -> None:
    await memorized(tmp_path, 0)
    path = tmp_path / USER / "categories/activities.md"
    async with thinking(tmp_path, 3):
        text = path.read_text()
        edited = text.replace("- The boat is", "- My good old boat is") + "\nA line of my own.\n"
        assert edited.count("good old") == 1
        path.write_text(edited)
    left = path.read_text()
    assert "A line of my own." in left
    assert f"My good old boat is called {token(0)}" in left
    assert token(6) in left


@pytest.mark.parametrize("left", [None, "", "\ufeff# Mine\r\n\r\nNothing else.\r\n"])
async def test_a_category_file_that_is_taken_away_while_the_model_thinks_is_a_persons(
    tmp_path: Path, left: str | None
) -> None:
    await memorized(tmp_path, 0, 1)
    path = tmp_path / USER / "categories/relationships.md"
    async with thinking(tmp_path, 2):
        if left is None:
            path.unlink()
        else:
            path.write_bytes(left.encode())
    assert check_files(tmp_path / USER) == []
    if left:
        assert path.read_bytes().startswith(left.encode())
    async with MemoryService(tmp_path) as service:
        user = service.user(USER)
        await user.flush()
        assert not [one for one in await user.doctor() if one.level == "error"]


async def test_an_item_that_is_deleted_while_the_model_thinks_of_correcting_it_stays_deleted(
    tmp_path: Path,
) -> None:
    await memorized(tmp_path, 0)
    async with thinking(tmp_path, 3) as user:
        (boat,) = [item for item in await user.items() if "boat" in item.text]
        await user.delete_item(boat.id)
    async with MemoryService(tmp_path) as service:
        user = service.user(USER)
        assert (await user.item(boat.id)).status is Status.RETRACTED
        assert any(token(6) in item.text for item in await user.items())
        assert any(one.item == boat.id for event in await user.events() for one in event.dropped)
    await check_whole(tmp_path, 0, 3)


async def test_a_user_who_is_forgotten_while_the_model_thinks_does_not_come_back(tmp_path: Path) -> None:
    await memorized(tmp_path, 0)
    async with thinking(tmp_path, 3) as user:
        await user.forget()
    assert list(tmp_path.glob("mara*")) == []


async def test_a_resource_that_another_process_forgets_before_its_turn_is_left_out(tmp_path: Path) -> None:
    async with thinking(tmp_path, 0, 1, 2), MemoryService(tmp_path) as other:
        resources = await other.user(USER).resources()
        await other.user(USER).forget_resource(resources[1].id)
    async with MemoryService(tmp_path) as service:
        found = {event.resources for event in await service.user(USER).events() if event.kind == "memorize"}
    assert found == {(resources[0].id,), (resources[2].id,)}
    await check_whole(tmp_path, 0, 2)


async def test_what_is_derived_may_be_deleted_while_the_model_thinks(tmp_path: Path) -> None:
    async with thinking(tmp_path / "store", 0, 1):
        shutil.rmtree(tmp_path / "store" / USER / ".memu")
    await check_whole(tmp_path / "store", 0, 1)
    assert await held(tmp_path / "store") == await undisturbed(tmp_path / "other", 0, 1)


# -- another process without a model


async def test_who_has_no_model_leaves_the_runs_to_a_model_that_thinks(tmp_path: Path) -> None:
    """Also of a user's first run, where nothing is indexed yet."""
    async with thinking(tmp_path / "store", 0, 1), MemoryService(tmp_path / "store") as other:
        assert (await other.user(USER).flush()).runs == ()
        await other.user(USER).add_item("Likes rye bread.", topic="preferences", slot="food")
        assert len((await other.user(USER).flush()).kept) == 2
    await check_whole(tmp_path / "store", 0, 1)
    left, alone = await held(tmp_path / "store"), await undisturbed(tmp_path / "other", 0, 1)
    assert set(left["items"]) > set(alone["items"])
    assert len(left["items"]) == len(alone["items"]) + 1


async def test_a_run_that_another_makes_without_a_model_is_not_made_again(tmp_path: Path) -> None:
    async with thinking(tmp_path, 0), MemoryService(tmp_path) as other:
        assert len((await other.user(USER).flush(retry=True)).runs) == 1
    await check_whole(tmp_path, 0)


async def test_what_a_killed_writer_left_while_the_model_thought_gets_its_run(tmp_path: Path) -> None:
    await memorized(tmp_path, 0)
    folder = UserFolder(tmp_path, USER)
    async with thinking(tmp_path, 1):
        journal.begin(folder)
        before = tree(folder.root)
        async with MemoryService(tmp_path) as other:
            await other.user(USER).memorize(messages(2))
        for name in tree(folder.root).keys() - before.keys():
            if not name.startswith("resources/"):
                folder.remove(name)
        for name, data in before.items():
            folder.write(name, data)
    await flushed(tmp_path)
    await check_whole(tmp_path, 0, 1, 2)


# -- the list of the runs that wait


async def kept(store: Path) -> None:
    """A folder with one run made, and one that waits."""
    await memorized(store, 0)
    async with MemoryService(store, model=RuleModel()) as service:
        report = await service.user(USER).memorize(session(1, broken=True))
        assert [one.attempts for one in report.kept] == [1]


def tree(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


async def test_ids_in_the_list_are_no_paths_and_no_patterns(tmp_path: Path) -> None:
    store = tmp_path / "store"
    await kept(store)
    for place in (tmp_path, store, store / USER, store / USER / "resources"):
        for name in ("x.txt", "outside.txt", "outside.meta.json"):
            (place / name).write_text("somebody's")
    before = tree(tmp_path)
    path = store / USER / pending.PENDING
    entries = [{"resource": one, "attempts": 0, "error": "", "at": "2024-01-01T00:00:00Z"} for one in HOSTILE]
    path.write_text(json.dumps([*entries, *json.loads(path.read_bytes()), *entries]))
    assert await flushed(store, retry=True) == ()
    left = tree(tmp_path)
    assert {name for name in before if ".memu" not in name} <= left.keys()
    assert all(left[name] == data for name, data in before.items() if "/resources/" in name or "side" in name)
    assert not path.exists()
    assert len((await held(store))["events"]) == 2


async def test_a_hostile_journal_removes_nothing_but_what_was_planned(tmp_path: Path) -> None:
    await kept(tmp_path)
    folder = tmp_path / USER
    before = tree(folder)
    names = ["user.json", "../../x", *(name for name in before if name.startswith("resources/"))]
    planned = [[one, *names] for one in HOSTILE]
    (folder / journal.JOURNAL).write_text(json.dumps({"sizes": {}, "resources": planned}))
    await flushed(tmp_path, retry=True)
    left = tree(folder)
    assert all(left[name] == before[name] for name in names if name in before)
    await check_whole_of_kept(tmp_path)


async def check_whole_of_kept(store: Path) -> None:
    assert check_files(store / USER) == []
    assert len((await held(store))["events"]) == 2
    assert not (store / USER / pending.PENDING).exists()


@pytest.mark.parametrize(
    "found",
    [
        b"",
        b"[",
        b"null",
        b"{}",
        b'[{"resource": 3}]',
        b"\xff\xfe",
        b"[[[[",
        b'[{"resource": "x"}',
        b"[" * 10**6,
    ],
)
async def test_a_list_that_cannot_be_read_is_made_again_and_says_so(tmp_path: Path, found: bytes) -> None:
    await kept(tmp_path)
    path = tmp_path / USER / pending.PENDING
    path.write_bytes(found)
    async with MemoryService(tmp_path) as without:
        user = without.user(USER)
        (finding,) = [one for one in await user.doctor() if one.path == pending.PENDING]
        assert finding.fix
        report = await user.flush()
        assert "pending.json could not be read" in report.degraded[0]
        assert (report.runs, len(report.kept)) == ((), 1)
    assert await flushed(tmp_path) == ()
    await check_whole_of_kept(tmp_path)


async def test_a_list_that_cannot_be_read_keeps_nobody_from_editing_and_forgetting(tmp_path: Path) -> None:
    await kept(tmp_path)
    path = tmp_path / USER / pending.PENDING
    async with MemoryService(tmp_path, model=RuleModel(mended=True)) as service:
        user = service.user(USER)
        path.write_bytes(b"[")
        await user.add_item("Likes rye bread.", topic="preferences", slot="food")
        path.write_bytes(b"[")
        (waiting,) = [one for one in await user.resources() if one.created_at.day == 2]
        await user.forget_resource(waiting.id)
        assert (await user.flush()).runs == ()
    assert BROKEN.encode() not in b"".join(tree(tmp_path).values())


async def test_a_long_list_of_what_is_not_there_is_cleared_in_a_moment(tmp_path: Path) -> None:
    await kept(tmp_path)
    path = tmp_path / USER / pending.PENDING
    one = json.loads(path.read_bytes())[0]
    path.write_text(json.dumps([one | {"resource": f"20240101-100000-x{n}"} for n in range(20_000)] + [one]))
    assert await flushed(tmp_path, retry=True) == ()
    await check_whole_of_kept(tmp_path)


async def test_a_list_that_a_power_cut_brings_back_makes_no_run_twice(tmp_path: Path) -> None:
    async with thinking(tmp_path, 0, 1):
        listed = (tmp_path / USER / pending.PENDING).read_bytes()
    (tmp_path / USER / pending.PENDING).write_bytes(listed)
    model = RuleModel()
    async with MemoryService(tmp_path, model=model) as service:
        report = await service.user(USER).flush(retry=True)
    assert (report.runs, report.kept, model.requests) == ((), (), [])
    await check_whole(tmp_path, 0, 1)


async def test_what_is_derived_may_be_deleted_between_any_two_calls(tmp_path: Path) -> None:
    async with MemoryService(tmp_path / "store", model=RuleModel()) as service:
        user = service.user(USER)
        for number in range(4):
            await user.add(session(2 * number))
            shutil.rmtree(tmp_path / "store" / USER / ".memu")
            await user.flush()
            shutil.rmtree(tmp_path / "store" / USER / ".memu")
            await user.memorize(session(2 * number + 1))
    await check_whole(tmp_path / "store", *range(8))
    assert await held(tmp_path / "store") == await undisturbed(tmp_path / "other", *range(8))


async def test_a_resource_whose_meta_file_is_away_for_a_while_is_not_removed(tmp_path: Path) -> None:
    """Somebody moved it, or a copy of the folder is under way: the model was asked of it, so it was there."""
    await kept(tmp_path)
    (waiting,) = (tmp_path / USER).glob("resources/*/*/02-*.meta.json")
    meta = waiting.read_bytes()
    waiting.unlink()
    await flushed(tmp_path, retry=True)
    waiting.write_bytes(meta)
    async with MemoryService(tmp_path, model=RuleModel(mended=True)) as service:
        await service.user(USER).repair()
        await service.user(USER).flush()
    await check_whole_of_kept(tmp_path)


# -- the ledger


async def test_a_call_that_cannot_be_counted_loses_no_run_and_is_told(tmp_path: Path) -> None:
    await memorized(tmp_path, 0)
    ledger = tmp_path / USER / ".memu/usage.jsonl"
    ledger.unlink()
    ledger.mkdir()
    async with MemoryService(tmp_path, model=RuleModel()) as service:
        report = await service.user(USER).memorize(messages(1, 2))
    assert len(report.runs) == 2
    assert any("could not be counted" in one for one in report.degraded)
    assert report.usage.calls == 2
    ledger.rmdir()
    await check_whole(tmp_path, 0, 1, 2)


async def test_what_a_kept_run_took_is_in_the_report(tmp_path: Path) -> None:
    async with MemoryService(tmp_path, model=RuleModel()) as service:
        report = await service.user(USER).memorize(session(0, broken=True))
    assert (len(report.kept), report.usage.calls) == (1, 2)
