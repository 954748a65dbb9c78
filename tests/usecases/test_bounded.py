"""The memory of a process does not grow with the number of users it has served."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

from memu_like import MemoryService, Settings
from memu_like.edges.index.index import Index

USERS, OPEN = 40, 5


async def test_the_folders_used_least_lately_are_closed(tmp_path: Path) -> None:
    async with MemoryService(Settings(store=tmp_path, open_folders=OPEN)) as memory:
        names = [f"user{number}" for number in range(USERS)]
        await asyncio.gather(
            *(memory.user(n).memorize([{"role": "user", "content": f"I like {n} tea."}]) for n in names)
        )
        for name in names:
            hits = (await memory.user(name).retrieve("what tea?")).hits
            assert name in hits[0].text
        gc.collect()
        # Two desks a folder: one to read at, one to write at.
        indexes = [
            found
            for found in gc.get_objects()
            if isinstance(found, Index) and tmp_path in found.folder.root.parents
        ]
        assert len(indexes) <= 2 * OPEN
        assert await memory.users() == sorted(names)
