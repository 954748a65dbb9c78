"""The watcher: real files, real changes, and no waiting without a bound."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from memu_like.config import Settings
from memu_like.edges.watcher import Burst, Watcher, folder_of

QUIET = 0.1
SECONDS = 10.0


@pytest.fixture
def store(tmp_path: Path) -> Path:
    user(tmp_path / "store", "caroline")
    return tmp_path / "store"


def user(store: Path, name: str) -> Path:
    for part in ("categories", "items", "resources/2023/05", ".memu"):
        (store / name / part).mkdir(parents=True, exist_ok=True)
    (store / name / "user.json").write_text("{}")
    return store / name


@pytest.fixture
async def watcher(store: Path) -> AsyncIterator[Watcher]:
    made = Watcher(store, QUIET)
    task = asyncio.create_task(made.run())
    assert (await burst(made)).everything, "a watch begins with a look at everything"
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def burst(watcher: Watcher) -> Burst:
    return await asyncio.wait_for(watcher.burst(), SECONDS)


async def silence(watcher: Watcher, seconds: float = 0.6) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watcher.burst(), seconds)


async def everything(watcher: Watcher) -> None:
    """The burst that says that all may have changed; those of single changes before it pass."""
    while not (await burst(watcher)).everything:
        pass


@pytest.mark.parametrize(
    "path",
    [
        "caroline",
        "caroline/user.json",
        "caroline/categories",
        "caroline/categories/interest.md",
        "caroline/items/2023-05.jsonl",
        "caroline/resources",
        "caroline/resources/2023/05/08-135600-k3f9.jsonl",
    ],
)
def test_what_a_sync_reads_counts(path: str) -> None:
    assert folder_of("/store", f"/store/{path}".replace("/", os.sep)) == "caroline"


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".git/index",
        ".obsidian/workspace.json",
        "caroline/.memu/lock",
        "caroline/.obsidian/app.json",
        "caroline/buffer.jsonl",
        "caroline/events/2023-05.jsonl",
        "caroline/categories/.interest.md.swp",
        "caroline/categories/.interest.md.3f9a.tmp",
        "caroline/categories/interest.md~",
        "caroline/categories/4913",
        "caroline/categories/images/oscar.png",
        "caroline/categories/sub/deep.md",
        "caroline/items/.2023-05.jsonl.swx",
        "caroline/resources/2023/05/.08-135600.jsonl.tmp",
        "caroline/resources/2023/.trash/a.jsonl",
    ],
)
def test_what_no_sync_reads_does_not_count(path: str) -> None:
    assert folder_of("/store", f"/store/{path}".replace("/", os.sep)) is None


async def test_one_burst_for_many_saves(store: Path, watcher: Watcher) -> None:
    for number in range(20):
        (store / "caroline" / "categories" / "interest.md").write_text(f"- {number}\n")
        await asyncio.sleep(0.01)
    assert await burst(watcher) == Burst(frozenset({"caroline"}))
    await silence(watcher)


async def test_who_never_stops_saving_is_heard_all_the_same(store: Path, watcher: Watcher) -> None:
    async def save_for_ever() -> None:
        number = 0
        while True:
            (store / "caroline" / "categories" / "interest.md").write_text(f"- {(number := number + 1)}\n")
            await asyncio.sleep(QUIET / 4)

    saving = asyncio.create_task(save_for_ever())
    try:
        assert (await burst(watcher)).folders == {"caroline"}
        assert (await burst(watcher)).folders == {"caroline"}
    finally:
        saving.cancel()


async def test_what_memory_keeps_for_itself_is_no_change(store: Path, watcher: Watcher) -> None:
    (store / "caroline" / ".memu" / "journal").write_text("x")
    (store / ".git" / "objects").mkdir(parents=True)
    (store / ".git" / "objects" / "ab").write_text("x")
    (store / "caroline" / "categories" / ".interest.md.swp").write_text("x")
    (store / "caroline" / "buffer.jsonl").write_text("x")
    await silence(watcher)


async def test_a_user_who_is_new_is_seen_and_then_followed(store: Path, watcher: Watcher) -> None:
    folder = user(store, "maya")
    assert "maya" in (await burst(watcher)).folders
    await asyncio.sleep(3 * QUIET)
    (folder / "categories" / "interest.md").write_text("- Paints.\n")
    assert (await burst(watcher)).folders == {"maya"}


async def test_a_user_who_is_moved_away_and_back_is_followed_again(
    store: Path, watcher: Watcher, tmp_path: Path
) -> None:
    (store / "caroline").rename(tmp_path / "elsewhere")
    assert (await burst(watcher)).folders == {"caroline"}
    (tmp_path / "elsewhere").rename(store / "caroline")
    assert (await burst(watcher)).folders == {"caroline"}
    (store / "caroline" / "categories" / "interest.md").write_text("- Paints.\n")
    assert (await burst(watcher)).folders == {"caroline"}


async def test_a_store_that_is_moved_away_is_waited_for_and_followed_again(
    store: Path, watcher: Watcher, tmp_path: Path
) -> None:
    store.rename(tmp_path / "elsewhere")
    said = await burst(watcher)
    while not said.problem:
        said = await burst(watcher)
    assert said.problem.startswith(f"{store} is not there")
    assert not said.folders
    assert not said.everything
    (tmp_path / "elsewhere" / "caroline" / "categories" / "interest.md").write_text("- Paints.\n")
    (tmp_path / "elsewhere").rename(store)
    await everything(watcher)
    (store / "caroline" / "categories" / "interest.md").write_text("- Sings.\n")
    assert (await burst(watcher)).folders == {"caroline"}


async def test_a_store_that_is_moved_away_and_back_at_once_is_followed_on(
    store: Path, watcher: Watcher, tmp_path: Path
) -> None:
    store.rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").rename(store)
    await everything(watcher)
    (store / "caroline" / "categories" / "interest.md").write_text("- Sings.\n")
    assert (await burst(watcher)).folders == {"caroline"}


async def test_a_store_that_is_deleted_and_made_anew_is_followed_again(store: Path, watcher: Watcher) -> None:
    shutil.rmtree(store)
    folder = user(store, "caroline")
    await everything(watcher)
    (folder / "categories" / "interest.md").write_text("- Sings.\n")
    assert (await burst(watcher)).folders == {"caroline"}


async def test_a_folder_whose_permissions_change_is_looked_at_anew(store: Path, watcher: Watcher) -> None:
    categories = store / "caroline" / "categories"
    categories.chmod(0o500)
    await everything(watcher)
    categories.chmod(0o700)
    await everything(watcher)


async def test_a_burst_that_nobody_waited_for_to_the_end_is_told_to_the_next_who_asks(store: Path) -> None:
    watcher = Watcher(store, QUIET)
    watcher.note("caroline")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watcher.burst(), QUIET / 2)
    assert (await burst(watcher)).folders == {"caroline"}


async def test_an_idle_watch_takes_next_to_no_time_of_the_processor(store: Path) -> None:
    watcher = Watcher(store, Settings().watch_debounce_seconds)
    task = asyncio.create_task(watcher.run())
    await burst(watcher)
    before = time.process_time()
    await asyncio.sleep(3)
    taken = time.process_time() - before
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert taken < 3 * (0.2 / 60 * 3), "three times what it may take: other tests have the machine too"
