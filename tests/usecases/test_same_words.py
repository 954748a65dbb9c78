"""Two equal messages are two messages, however fast one follows the other."""

from __future__ import annotations

from pathlib import Path

from memu_like import MemoryService, Settings

OK = {"role": "user", "content": "I went for a swim."}


async def test_the_same_words_added_and_flushed_twice_at_once_are_both_kept(tmp_path: Path) -> None:
    async with MemoryService(Settings(store=tmp_path)) as memory:
        user = memory.user("iris")
        for _ in range(3):
            await user.add(OK)
            await user.flush()
        stats = await user.stats()
    assert (stats.messages, stats.buffered) == (3, 0)


async def test_a_message_that_is_added_and_memorized_too_comes_in_once(tmp_path: Path) -> None:
    messages = [
        {**OK, "id": f"m{number}", "created_at": f"2024-01-01T10:0{number}:00+00:00"} for number in range(4)
    ]
    async with MemoryService(Settings(store=tmp_path)) as memory:
        user = memory.user("iris")
        await user.add(messages)
        report = await user.memorize(messages[2:])
        stored = [line for one in await user.resources() for line in await user.resource_lines(one.id)]
    assert (len(stored), report.messages, report.duplicates) == (4, 4, 2)
