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
