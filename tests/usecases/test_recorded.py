"""What was recorded since a cursor: each revision once, however the files have grown or were rewritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from memu_like import InvalidInput, MemoryService, UserMemory

CHAT = [{"role": "user", "content": "I adopted a cat named Bailey.", "created_at": "2023-05-08T10:00:00Z"}]
LATER = [{"role": "user", "content": "I moved to Lisbon.", "created_at": "2024-01-02T10:00:00Z"}]


async def written(user: UserMemory) -> None:
    await user.memorize(CHAT)
    await user.memorize(LATER)
    await user.add_item("Plays the oboe.", topic="interest", slot="music")


async def test_every_event_is_told_once_in_whatever_steps(tmp_path: Path) -> None:
    async with MemoryService(tmp_path, embedder="none") as service:
        user = service.user("caroline")
        await user.add(CHAT)
        cursor, kinds = (await user.recorded()).cursor, []
        for step in (user.flush, lambda: user.memorize(LATER), lambda: written(user)):
            await step()
            found = await user.recorded(cursor)
            assert not found.gap
            kinds += [event.id for event in found.events]
            cursor = found.cursor
        assert sorted(kinds) == sorted(event.id for event in await user.events())
        assert (await user.recorded(cursor)).events == ()
        assert [one.id for one in (await user.recorded("")).events] != []


async def test_a_line_that_is_being_written_is_told_when_it_is_whole(tmp_path: Path) -> None:
    async with MemoryService(tmp_path, embedder="none") as service:
        user = service.user("caroline")
        await written(user)
        file = sorted((tmp_path / "caroline" / "events").iterdir())[0]
        whole = file.read_bytes()
        file.write_bytes(whole[:-30])
        found = await user.recorded("")
        assert not found.gap
        file.write_bytes(whole)
        rest = await user.recorded(found.cursor)
        assert len(found.events) + len(rest.events) == 3
        assert not rest.gap


async def test_a_file_that_was_rewritten_is_a_gap(tmp_path: Path) -> None:
    async with MemoryService(tmp_path, embedder="none") as service:
        user = service.user("caroline")
        await written(user)
        cursor = (await user.recorded()).cursor
        await user.forget_resource((await user.resources())[0].id)
        found = await user.recorded(cursor)
        assert found.gap
        assert not (await user.recorded(found.cursor)).gap


@pytest.mark.parametrize("cursor", ["2023-05", "2023-05.g", "a.1", "2023-05.1,", ",", "2023-05.1 "])
async def test_what_is_no_cursor_is_refused(cursor: str, tmp_path: Path) -> None:
    async with MemoryService(tmp_path, embedder="none") as service:
        user = service.user("caroline")
        await user.add(CHAT)
        with pytest.raises(InvalidInput, match="no cursor"):
            await user.recorded(cursor)
