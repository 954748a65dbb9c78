"""What an application keeps about its users, and the listing of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from memu_like import Conflict, InvalidInput, InvalidUserId, MemoryService, NotFound


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[MemoryService]:
    async with MemoryService(tmp_path / "store", embedder="none") as service:
        yield service


async def test_a_user_that_was_made_is_there_with_its_data(memory: MemoryService) -> None:
    made = await memory.create_user("maya", {"plan": "free", "tags": ["a", 1, None]})
    assert (made.id, made.data) == ("maya", {"plan": "free", "tags": ["a", 1, None]})
    assert await memory.user("maya").record() == made
    assert await memory.users() == ["maya"]


async def test_a_user_without_an_id_gets_a_uuid(memory: MemoryService) -> None:
    made = await memory.create_user()
    assert UUID(made.id).version == 4
    assert made.data == {}


async def test_making_a_user_again_changes_nothing(memory: MemoryService) -> None:
    made = await memory.create_user("maya", {"plan": "free"})
    assert await memory.create_user("maya") == made
    assert await memory.create_user("maya", {"plan": "free"}) == made
    with pytest.raises(Conflict):
        await memory.create_user("maya", {"plan": "paid"})
    assert (await memory.user("maya").record()).data == {"plan": "free"}


async def test_two_that_make_the_same_user_at_once_both_have_it(memory: MemoryService) -> None:
    made = await asyncio.gather(*(memory.create_user("maya") for _ in range(8)))
    assert len(set(made)) == 1


async def test_data_is_replaced_whole_and_the_rest_of_the_file_stays(memory: MemoryService) -> None:
    made = await memory.create_user("maya", {"plan": "free", "age": 31})
    later = await memory.user("maya").set_data({"plan": "paid"})
    assert later.data == {"plan": "paid"}
    assert later.created_at == made.created_at
    assert later.updated_at > made.updated_at
    assert (await memory.user("maya").set_data(None)).data == {}


async def test_nobody_has_no_data(memory: MemoryService) -> None:
    with pytest.raises(NotFound):
        await memory.user("nobody").record()
    with pytest.raises(NotFound):
        await memory.user("nobody").set_data({})
    assert await memory.users() == []


@pytest.mark.parametrize(
    "data", [{"x": float("nan")}, {"x": b"bytes"}, {"x": "y" * 300_000}, {"x": "\ud800"}]
)
async def test_data_that_is_no_json_or_too_much_is_refused(memory: MemoryService, data: object) -> None:
    with pytest.raises(InvalidInput):
        await memory.create_user("maya", data)  # type: ignore[arg-type]
    assert await memory.users() == []


@pytest.mark.parametrize("user_id", ["", "x" * 5000, "a\x00b"])
async def test_an_id_that_cannot_be_one_is_refused(memory: MemoryService, user_id: str) -> None:
    with pytest.raises(InvalidUserId):
        await memory.create_user(user_id)
    assert await memory.users() == []


async def ids(memory: MemoryService, **query: object) -> list[str]:
    return [one.record.id for one in (await memory.user_page(**query)).users]  # type: ignore[arg-type]


async def test_users_are_listed_by_when_their_data_was_written(memory: MemoryService) -> None:
    for name in ("ana", "ben", "cy"):
        await memory.create_user(name, {"n": name})
    await memory.user("ana").set_data({"n": "again"})
    assert await ids(memory) == ["ana", "cy", "ben"]
    assert await ids(memory, descending=False) == ["ben", "cy", "ana"]
    assert await ids(memory, limit=1, offset=1) == ["cy"]
    assert await ids(memory, search="N") == ["ana", "ben"]
    assert (await memory.user_page(limit=1)).count == 3


async def test_users_are_listed_by_what_is_known_of_them(memory: MemoryService) -> None:
    await memory.create_user("ana")
    await memory.user("ben").add_item("Likes tea.", topic="preferences", slot="drinks")
    await memory.user("ben").add_item("Likes milk.", topic="preferences", slot="drinks")
    await memory.user("cy").add_item("Likes tea.", topic="preferences", slot="drinks")
    await memory.user("cy").add_item("Has a cat.", topic="relationships", slot="pets")
    assert await ids(memory, order_by="profile_count") == ["cy", "ben", "ana"]
    assert (await ids(memory, order_by="event_count"))[-1] == "ana"
    page = await memory.user_page(order_by="profile_count")
    assert [(one.record.id, one.profiles) for one in page.users] == [("cy", 2), ("ben", 1), ("ana", 0)]
    assert [one.events for one in page.users][2] == 0


async def test_a_folder_that_cannot_be_read_is_told_of_and_the_others_are_listed(
    memory: MemoryService,
) -> None:
    await memory.create_user("ana")
    await memory.create_user("ben")
    (memory.store / "ben" / "user.json").write_text('{"version": 1, "user_id": "ben", "created_at": 3}')
    page = await memory.user_page()
    assert [one.record.id for one in page.users] == ["ana"]
    assert ["user.json" in problem for problem in page.degraded] == [True]


@pytest.mark.parametrize("query", [{"order_by": "name"}, {"limit": -1}, {"limit": 10_000}, {"offset": -1}])
async def test_a_listing_that_cannot_be_is_refused(memory: MemoryService, query: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        await memory.user_page(**query)  # type: ignore[arg-type]
