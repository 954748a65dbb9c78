"""A service that watches: edits are in memory without anybody asking."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from memu_like.config import Settings
from memu_like.models import Status
from memu_like.results import SyncReport
from memu_like.service import MemoryService

QUIET = 0.1
SECONDS = 20.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(store=tmp_path / "store", watch_debounce_seconds=QUIET)


@pytest.fixture
async def path(settings: Settings) -> Path:
    """The category file of a memory that nobody has open."""
    async with MemoryService(settings) as memory:
        await memory.user("maya").add_item("Paints.", topic="interest", slot="arts")
    return settings.store / "maya" / "categories" / "interest.md"


async def soon(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def last_line(path: Path) -> str:
    return path.read_text("utf-8").splitlines()[-1]


async def test_what_is_saved_while_a_service_watches_is_found(settings: Settings, path: Path) -> None:
    async with MemoryService(settings, watch=True) as memory:
        append(path, "- Plays the cello.")
        async with asyncio.timeout(SECONDS):
            while not (items := await memory.user("maya").items(text="cello")):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        [item] = items
        result = await memory.user("maya").retrieve("which instrument does she play?")
    assert result.hits[0].item_ids == (item.id,)


async def test_a_service_does_not_watch_unless_it_is_asked_to(settings: Settings, path: Path) -> None:
    async with MemoryService(settings):
        append(path, "- Plays the cello.")
        await asyncio.sleep(6 * QUIET)
    assert last_line(path) == "- Plays the cello."


async def test_what_was_saved_before_the_watch_began_is_taken_in_too(settings: Settings, path: Path) -> None:
    append(path, "- Plays the cello.")
    async with MemoryService(settings, watch=True):
        await soon(lambda: " ^" in last_line(path))


async def test_a_loop_over_a_watch_that_is_on_already_hears_the_same(settings: Settings, path: Path) -> None:
    async with MemoryService(settings, watch=True) as memory, aclosing(memory.watch("maya")) as reports:
        following = asyncio.ensure_future(anext(reports))
        await asyncio.sleep(6 * QUIET)
        append(path, "- Plays the cello.")
        report: SyncReport = await asyncio.wait_for(following, SECONDS)
    assert [(edit.kind, edit.text) for edit in report.edits] == [("added", "Plays the cello.")]


async def test_a_store_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    settings = Settings(store=tmp_path / "later", watch_debounce_seconds=QUIET)
    async with MemoryService(settings) as memory, aclosing(memory.watch()) as reports:
        missing = await asyncio.wait_for(anext(reports), SECONDS)
        assert missing.problems[0].startswith(f"{settings.store} is not there")
        await memory.user("maya").add_item("Paints.", topic="interest", slot="arts")
        following = asyncio.ensure_future(anext(reports))
        await asyncio.sleep(1.5)
        append(settings.store / "maya" / "categories" / "interest.md", "- Plays the cello.")
        report = await asyncio.wait_for(following, SECONDS)
        assert [edit.text for edit in report.edits] == ["Plays the cello."]


async def test_runs_of_its_own_cause_no_writing(settings: Settings, path: Path) -> None:
    async with MemoryService(settings, watch=True) as memory:
        user = memory.user("maya")
        for number in range(3):
            await user.add_item(f"Owns bicycle {number}.", topic="interest", slot="sports")
        await asyncio.sleep(6 * QUIET)
        stamps = {one: one.stat().st_mtime_ns for one in path.parent.parent.rglob("*") if one.is_file()}
        events = await user.events()
        await asyncio.sleep(6 * QUIET)
        assert {one: one.stat().st_mtime_ns for one in stamps} == stamps
    assert [event.kind for event in events] == ["edit"] * 4


async def test_who_saves_for_ever_is_heard_and_loses_nothing_while_runs_write_the_same_file(
    settings: Settings, path: Path
) -> None:
    """A save that opened the file just before it was replaced went to the old one; then it is saved again."""
    mine = [f"Note {number} on tides." for number in range(60)]
    async with MemoryService(settings, watch=True) as memory:
        user = memory.user("maya")

        async def save() -> None:
            for text in mine:
                while text not in path.read_text("utf-8"):
                    append(path, f"- {text}")
                await asyncio.sleep(0.02)

        async def run() -> None:
            for number in range(10):
                await user.add_item(f"Owns boat {number}.", topic="interest", slot="sports")

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(save())
            group.create_task(run())
        await soon(lambda: all(f"{text} ^" in path.read_text("utf-8") for text in mine))
        await user.sync()  # ids come into the file first: a sync under way is waited for
        active = {item.text for item in await user.items(topic="interest")}
        assert set(mine) <= active
        assert {f"Owns boat {number}." for number in range(10)} <= active
        gone = await user.items(topic="interest", status=Status.RETRACTED.value)
        assert gone == []


async def test_a_closed_service_watches_no_more(settings: Settings, path: Path) -> None:
    memory = MemoryService(settings, watch=True)
    async with memory:
        heard = asyncio.ensure_future(anext(memory.watch(), None))
        await asyncio.sleep(3 * QUIET)
    assert await asyncio.wait_for(heard, SECONDS) is None
    with pytest.raises(RuntimeError, match="closed"):
        await anext(memory.watch())
    append(path, "- Plays the cello.")
    await asyncio.sleep(4 * QUIET)
    assert last_line(path) == "- Plays the cello."


async def test_a_file_that_cannot_be_read_is_told_and_keeps_nobody_from_being_heard(
    settings: Settings, path: Path
) -> None:
    async with MemoryService(settings) as memory, aclosing(memory.watch()) as reports:
        following = asyncio.ensure_future(anext(reports))
        await asyncio.sleep(6 * QUIET)
        (path.parent / "broken.md").mkdir()
        said = await asyncio.wait_for(following, SECONDS)
        assert "broken.md" in said.problems[0]
        append(path, "- Plays the cello.")
        report = await asyncio.wait_for(anext(reports), SECONDS)
        assert [edit.text for edit in report.edits] == ["Plays the cello."]
        (path.parent / "broken.md").rmdir()


async def test_a_user_who_is_forgotten_stays_forgotten(settings: Settings, path: Path) -> None:
    async with MemoryService(settings, watch=True) as memory:
        await asyncio.sleep(4 * QUIET)
        append(path, "- Plays the cello.")
        await memory.user("maya").forget()
        await asyncio.sleep(6 * QUIET)
        assert await memory.users() == []
    assert not (settings.store / "maya").exists()


async def test_a_service_that_watches_opens_a_store_of_many_users(tmp_path: Path) -> None:
    settings = Settings(store=tmp_path / "store", watch_debounce_seconds=QUIET, open_folders=2)
    users = [f"user{number}" for number in range(6)]
    async with MemoryService(settings) as memory:
        for user in users:
            await memory.user(user).add_item("Paints.", topic="interest", slot="arts")
    paths = [settings.store / user / "categories" / "interest.md" for user in users]
    async with MemoryService(settings, watch=True):
        for path in paths:
            append(path, "- Plays the cello.")
        await soon(lambda: all(" ^" in last_line(path) for path in paths))
