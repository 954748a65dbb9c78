"""A bullet that a person deleted stays away, also where everything derived was deleted with it."""

from __future__ import annotations

import shutil
from pathlib import Path

from memu_like import MemoryService, Settings

FIRST = [
    {
        "role": "user",
        "id": "a",
        "content": "I have a tortoise named Tempo.",
        "created_at": "2026-01-01T10:00Z",
    }
]
SECOND = [
    {"role": "user", "id": "b", "content": "I have a dog named Bruno.", "created_at": "2026-02-01T10:00Z"}
]


async def test_it_does_not_come_back_when_the_derived_folder_is_gone(tmp_path: Path) -> None:
    async with MemoryService(Settings(store=tmp_path)) as memory:
        await memory.user("iris").memorize(FIRST)
        pets = next(
            path for path in (tmp_path / "iris" / "categories").glob("*.md") if "Tempo" in path.read_text()
        )
        kept = [line for line in pets.read_text().splitlines(keepends=True) if "Tempo" not in line]
        pets.write_text("".join(kept))
        shutil.rmtree(tmp_path / "iris" / ".memu")
    async with MemoryService(Settings(store=tmp_path)) as memory:
        await memory.user("iris").memorize(SECOND)
        shown = pets.read_text()
    assert "Bruno" in shown
    assert "- I have a tortoise" not in shown


async def test_a_resource_changed_by_hand_costs_its_own_hits_only(tmp_path: Path) -> None:
    async with MemoryService(Settings(store=tmp_path)) as memory:
        user = memory.user("iris")
        await user.memorize(FIRST)
        await user.memorize(SECOND)
        resource = (await user.resources())[0]
        path = tmp_path / "iris" / resource.file
        path.write_text("x" * path.stat().st_size)
        result = await user.retrieve("what is the dog's name?")
    assert [hit.message_ids for hit in result.hits] == [("b",)]
    assert any(resource.file in problem for problem in result.degraded)


async def test_a_renamed_file_that_is_no_text_keeps_its_entries(tmp_path: Path) -> None:
    async with MemoryService(Settings(store=tmp_path)) as memory:
        user = memory.user("iris")
        await user.memorize(FIRST)
        pets = next((tmp_path / "iris" / "categories").glob("*.md"))
        broken = pets.with_name("animals.md")
        whole = pets.rename(broken).read_bytes()
        broken.write_bytes(whole.replace(b"Tempo", b"Tem\xffpo"))
        report = await user.sync(confirm=True)
        assert report.edits == ()
        assert any("animals.md" in problem for problem in report.problems)
        assert [item.text for item in await user.items()] == ["I have a tortoise named Tempo."]
        broken.write_bytes(whole)
        assert not (await user.sync()).held
        assert [item.text for item in await user.items()] == ["I have a tortoise named Tempo."]
