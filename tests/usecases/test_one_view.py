"""A read is of one view, whatever is written meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from memu_like import MemoryService
from memu_like.usecases.desk import Desk, steady
from memu_like.usecases.memorize import add

SAID = [{"role": "user", "content": f"I painted {what} by the river."} for what in ("a horse", "a boat")]


async def test_what_is_added_while_memory_is_read_is_there_for_the_next_read(tmp_path: Path) -> None:
    async with MemoryService(tmp_path) as memory:
        user = memory.user("maya")
        await user.memorize(SAID)
        room = await user._shop.room(user.folder)

        def read(desk: Desk) -> tuple[int, int]:
            before = desk.view().size
            add(desk, [{"role": "user", "content": "I have a new camera."}])
            return before, desk.view().size

        before, within = await room.read(read)
        assert within == before
        assert await room.read(lambda desk: desk.view().size) == before + 1


async def test_a_read_that_is_begun_again_looks_again(tmp_path: Path) -> None:
    async with MemoryService(tmp_path) as memory:
        user = memory.user("maya")
        await user.memorize(SAID)
        room = await user._shop.room(user.folder)
        sizes: list[int] = []

        def read(desk: Desk) -> int:
            sizes.append(desk.view().size)
            if len(sizes) == 1:
                add(desk, [{"role": "user", "content": "I have a new camera."}])
                desk.folder.read("gone")  # as where a writer has put another file in its place
            return desk.view().size

        assert await room.write(lambda desk: steady(desk, lambda: read(desk))) == sizes[0] + 1


async def test_a_view_is_not_kept_beyond_its_read(tmp_path: Path) -> None:
    async with MemoryService(tmp_path) as memory:
        user = memory.user("maya")
        await user.memorize(SAID)
        room = await user._shop.room(user.folder)

        def read(desk: Desk) -> None:
            desk.view()
            raise ValueError("as a mistake of ours")

        with pytest.raises(ValueError, match="of ours"):
            await room.read(read)
        await user.add({"role": "user", "content": "I have a new camera."})
        assert "camera" in (await user.retrieve("camera")).hits[0].text


async def test_memory_is_searched_while_it_is_added_to(tmp_path: Path) -> None:
    async with MemoryService(tmp_path) as memory:
        user = memory.user("maya")
        await user.memorize(SAID)

        async def write() -> None:
            for number in range(60):
                await user.add({"role": "user", "content": f"I painted a house, the {number}th."})

        async def search() -> None:
            for _ in range(30):
                assert await user.search_events("what was painted?")
                assert "river" in await user.context(chats=[{"role": "user", "content": "what was painted?"}])

        await asyncio.gather(write(), search(), search())
