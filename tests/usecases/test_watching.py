"""The watch: one sync a burst, everybody told, and nothing that ends it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from memu_like.edges.store import users_of
from memu_like.edges.watcher import Watcher
from memu_like.errors import NotFound, StoreBusy
from memu_like.results import Edit, SyncReport
from memu_like.usecases.watching import KEPT_REPORTS, Watch

QUIET = 0.06
SECONDS = 10.0


class Syncs:
    """Stands for the sync: says what it is told to say, and remembers who was synced."""

    def __init__(self) -> None:
        self.users: list[str] = []
        self.answer: Callable[[str], SyncReport] = lambda user: SyncReport(user, edits=(edit(),))

    async def __call__(self, user_id: str) -> SyncReport:
        self.users.append(user_id)
        return self.answer(user_id)


def edit(text: str = "Sings.") -> Edit:
    return Edit("added", "categories/interest.md", 8, text)


@pytest.fixture
def syncs() -> Syncs:
    return Syncs()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for name in ("caroline", "maya"):
        (tmp_path / "store" / name / "categories").mkdir(parents=True)
        (tmp_path / "store" / name / "user.json").write_text(f'{{"user_id": "{name}"}}')
    return tmp_path / "store"


@pytest.fixture
async def watch(store: Path, syncs: Syncs) -> AsyncIterator[Watch]:
    async def users(folders: frozenset[str] | None) -> tuple[Sequence[str], Sequence[str]]:
        return await asyncio.to_thread(partial(users_of, store, folders))

    made = Watch(Watcher(store, QUIET), users, syncs)
    yield made
    await asyncio.wait_for(made.close(), SECONDS)


def save(store: Path, user: str, text: str = "- Sings.\n") -> None:
    (store / user / "categories" / "interest.md").write_text(text)


async def soon(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(
    watch: Watch, user_id: str | None = None
) -> AsyncIterator[Callable[[], Awaitable[SyncReport]]]:
    """Gives what waits for the next report."""
    async with aclosing(watch.reports(user_id)) as reports:

        async def following() -> SyncReport:
            return await asyncio.wait_for(anext(reports), SECONDS)

        yield following


async def test_every_user_is_synced_when_the_watch_begins(watch: Watch, syncs: Syncs) -> None:
    async with listening(watch) as following:
        assert [(await following()).user, (await following()).user] == ["caroline", "maya"]
    assert syncs.users == ["caroline", "maya"]


async def test_a_save_is_one_sync_of_its_user(watch: Watch, store: Path, syncs: Syncs) -> None:
    watch.start()
    await soon(lambda: len(syncs.users) == 2)
    save(store, "maya")
    save(store, "maya", "- Paints.\n")
    await soon(lambda: len(syncs.users) == 3)
    await asyncio.sleep(5 * QUIET)
    assert syncs.users == ["caroline", "maya", "maya"]


async def test_who_listens_for_one_user_has_that_one_synced_and_is_told_of_no_other(
    watch: Watch, store: Path, syncs: Syncs
) -> None:
    async with listening(watch, "maya") as following:
        assert (await following()).user == "maya"
        save(store, "caroline")
        await asyncio.sleep(5 * QUIET)
        save(store, "maya")
        assert (await following()).user == "maya"
    assert set(syncs.users) == {"maya"}


async def test_who_comes_later_has_their_user_looked_at_too(watch: Watch, syncs: Syncs) -> None:
    async with listening(watch, "maya") as of_maya:
        await of_maya()
        async with listening(watch, "caroline") as of_caroline:
            assert (await of_caroline()).user == "caroline"


async def test_a_sync_that_found_nothing_is_not_told(watch: Watch, store: Path, syncs: Syncs) -> None:
    syncs.answer = lambda user: SyncReport(user, edits=(edit(),) if user == "maya" else ())
    async with listening(watch) as following:
        assert (await following()).user == "maya"


async def test_a_sync_that_fails_is_told_and_the_watch_goes_on(
    watch: Watch, store: Path, syncs: Syncs
) -> None:
    def answer(user: str) -> SyncReport:
        if user == "caroline":
            raise StoreBusy(store / user, 60) if len(syncs.users) < 3 else ZeroDivisionError("by zero")
        return SyncReport(user, edits=(edit(),))

    syncs.answer = answer
    async with listening(watch) as following:
        busy, maya = await following(), await following()
        assert (busy.user, maya.user) == ("caroline", "maya")
        assert busy.problems[0].startswith("another process has been writing")
        save(store, "caroline")
        assert (await following()).problems == ("ZeroDivisionError: by zero",)
        save(store, "maya")
        assert (await following()).user == "maya"


async def test_the_same_problem_is_told_once_and_again_when_it_comes_back(
    watch: Watch, store: Path, syncs: Syncs
) -> None:
    answers = [("odd",), ("odd",), ("odder",), (), ("odd",)]

    def answer(user: str) -> SyncReport:
        return SyncReport(user, problems=answers.pop(0) if user == "maya" else ())

    syncs.answer = answer
    told = []
    async with listening(watch, "maya") as following:
        told.append((await following()).problems)
        for left in (3, 2, 1, 0):
            save(store, "maya", f"- {left}\n")
            await soon(lambda left=left: len(answers) == left)
        told += [(await following()).problems, (await following()).problems]
    assert told == [("odd",), ("odder",), ("odd",)]


async def test_deletions_that_are_held_back_are_told(watch: Watch, syncs: Syncs) -> None:
    syncs.answer = lambda user: SyncReport(user, held=(edit(),))
    async with listening(watch) as following:
        assert (await following()).held


async def test_a_folder_that_goes_while_it_is_synced_is_no_problem(
    watch: Watch, store: Path, syncs: Syncs
) -> None:
    def answer(user: str) -> SyncReport:
        if user == "caroline":
            raise NotFound("user", user)
        return SyncReport(user, edits=(edit(),))

    syncs.answer = answer
    async with listening(watch) as following:
        assert (await following()).user == "maya"


async def test_a_folder_that_says_not_whose_it_is_stops_no_other(
    watch: Watch, store: Path, syncs: Syncs
) -> None:
    (store / "x~y" / "categories").mkdir(parents=True)
    (store / "x~y" / "user.json").write_text("{")
    async with listening(watch) as following:
        odd = await following()
        assert (odd.user, len(odd.problems)) == ("", 1)
        assert "user.json" in odd.problems[0]
        assert (await following()).user == "caroline"


async def test_a_store_that_goes_and_comes_is_told_and_followed(
    watch: Watch, store: Path, syncs: Syncs, tmp_path: Path
) -> None:
    async with listening(watch) as following:
        await following(), await following()
        store.rename(tmp_path / "elsewhere")
        gone = await following()
        assert gone.problems[0].startswith(f"{store} is not there")
        save(tmp_path / "elsewhere", "maya")
        (tmp_path / "elsewhere").rename(store)
        assert [(await following()).user, (await following()).user] == ["caroline", "maya"]


async def test_nobody_who_listens_no_watch(watch: Watch, store: Path, syncs: Syncs) -> None:
    async with listening(watch) as following:
        await following(), await following()
    before = len(syncs.users)
    save(store, "maya")
    await asyncio.sleep(6 * QUIET)
    assert len(syncs.users) == before


async def test_a_watch_that_was_started_goes_on_when_nobody_listens_any_more(
    watch: Watch, store: Path, syncs: Syncs
) -> None:
    watch.start()
    async with listening(watch) as following:
        await following(), await following()
    save(store, "maya")
    await soon(lambda: len(syncs.users) == 3)


async def test_who_listens_comes_to_the_end_when_the_watch_is_closed(watch: Watch) -> None:
    heard: list[SyncReport] = []

    async def listen() -> None:
        async for report in watch.reports():
            heard.append(report)

    task = asyncio.create_task(listen())
    await soon(lambda: len(heard) == 2)
    await watch.close()
    await asyncio.wait_for(task, SECONDS)


async def test_who_does_not_read_loses_the_oldest_and_holds_nobody_up(
    watch: Watch, store: Path, syncs: Syncs
) -> None:
    reports = watch.reports("maya")
    await asyncio.wait_for(anext(reports), SECONDS)
    for number in range(KEPT_REPORTS + 10):
        watch._tell(SyncReport("maya", run=str(number)))
    kept = [(await asyncio.wait_for(anext(reports), SECONDS)).run for _ in range(KEPT_REPORTS)]
    assert kept == [str(number) for number in range(10, KEPT_REPORTS + 10)]
    await reports.aclose()


async def test_problems_that_nobody_listens_to_are_logged(
    watch: Watch, syncs: Syncs, caplog: pytest.LogCaptureFixture
) -> None:
    syncs.answer = lambda user: SyncReport(user, problems=("it cannot be read",))
    with caplog.at_level(logging.WARNING, logger="memu_like"):
        watch.start()
        await soon(lambda: len(caplog.messages) == 2)
    assert caplog.messages == ["caroline: it cannot be read", "maya: it cannot be read"]


async def test_a_listener_that_is_cancelled_leaves_nothing_behind(watch: Watch, syncs: Syncs) -> None:
    async def listen() -> None:
        async with aclosing(watch.reports()) as reports:
            async for _ in reports:
                pass

    task = asyncio.create_task(listen())
    await soon(lambda: len(syncs.users) == 2)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.wait_for(task, SECONDS)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in others if task.get_name().startswith("memu-like")]
