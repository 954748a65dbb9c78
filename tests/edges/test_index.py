"""The index as it catches up with the files: what it leaves to the next time, and what is nothing new."""

from __future__ import annotations

import asyncio
from pathlib import Path

from memu_like import MemoryService, Settings
from memu_like.edges.folder import UserFolder
from memu_like.edges.index.index import Index

SAID = [
    {
        "role": "user",
        "name": "Ann",
        "content": "I adopted a puppy yesterday.",
        "created_at": "2024-03-01T10:00Z",
    },
    {"role": "user", "name": "Ann", "content": "My sister lives in Oslo.", "created_at": "2024-03-01T10:01Z"},
]


def memorized(store: Path) -> tuple[UserFolder, str]:
    async def go() -> str:
        async with MemoryService(Settings(store=store)) as memory:
            return (await memory.user("ann").memorize(SAID)).resources[0]

    resource = asyncio.run(go())
    return UserFolder(store, "ann"), resource


def test_a_resource_that_is_put_off_is_read_the_next_time(tmp_path: Path) -> None:
    folder, resource = memorized(tmp_path)
    folder.remove(".memu/index/manifest.json")
    index = Index(folder, None, None)
    index.refresh(later=[resource])
    assert index.resource_ids() == set()
    index.refresh()
    assert index.resource_ids() == {resource}
    assert sum(len(segment.rows) for segment in index.segments) >= len(SAID)


def test_a_resource_that_is_read_already_is_not_put_off(tmp_path: Path) -> None:
    folder, resource = memorized(tmp_path)
    index = Index(folder, None, None)
    index.refresh()
    index.refresh(later=[resource])
    assert index.resource_ids() == {resource}


def test_a_look_that_finds_nothing_new_changes_no_view(tmp_path: Path) -> None:
    folder, resource = memorized(tmp_path)
    index = Index(folder, None, None)
    index.refresh()
    before = index.generation
    folder.path(f"resources/{resource[:4]}/{resource[4:6]}").touch()
    index.refresh()
    assert index.generation == before
