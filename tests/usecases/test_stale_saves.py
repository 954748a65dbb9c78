"""An editor saves a file as it was before a run wrote it: nobody has deleted what the run put in."""

from __future__ import annotations

from pathlib import Path

from memu_like import MemoryService
from memu_like.models import Item, Status
from memu_like.service import UserMemory


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text, "created_at": "2026-03-01T10:00:00Z"}]


def page(user: UserMemory) -> Path:
    return user.folder.root / "categories" / "relationships.md"


async def active(user: UserMemory, text: str) -> list[Item]:
    return [item for item in await user.items() if text in item.text and item.status is Status.ACTIVE]


async def test_what_a_run_put_in_comes_back_beside_the_edit(tmp_path: Path) -> None:
    async with MemoryService(tmp_path) as memory:
        user = memory.user("iris")
        await user.memorize(said("I have a tortoise named Tempo."))
        buffer = page(user).read_text()
        await user.memorize(said("I have a dog named Bruno."))
        page(user).write_text(buffer.replace("a tortoise", "an old tortoise"))
        report = await user.sync()
        assert [edit.kind for edit in report.edits if edit.item] == ["changed"]
        assert "an old tortoise" in page(user).read_text()
        assert "Bruno" in page(user).read_text()
        assert len(await active(user, "Bruno")) == 1
        assert (await user.sync()).edits == ()


async def test_what_a_person_deletes_after_the_run_is_deleted(tmp_path: Path) -> None:
    async with MemoryService(tmp_path) as memory:
        user = memory.user("iris")
        await user.memorize(said("I have a tortoise named Tempo."))
        await user.memorize(said("I have a dog named Bruno."))
        lines = page(user).read_text().splitlines(keepends=True)
        page(user).write_text("".join(line for line in lines if not line.startswith("- I have a dog")))
        report = await user.sync()
        assert [edit.kind for edit in report.edits if edit.item] == ["deleted"]
        assert await active(user, "Bruno") == []


async def test_what_a_run_took_out_is_not_restored_by_an_older_buffer(tmp_path: Path) -> None:
    async with MemoryService(tmp_path) as memory:
        user = memory.user("iris")
        await user.memorize(said("I have a tortoise named Tempo. I have a dog named Bruno."))
        buffer = page(user).read_text()
        [item] = await active(user, "Bruno")
        await user.delete_item(item.id)
        page(user).write_text(buffer.replace("a tortoise", "an old tortoise"))
        await user.sync()
        assert await active(user, "Bruno") == []
        assert "- I have a dog" not in page(user).read_text()
        assert "an old tortoise" in page(user).read_text()


async def test_with_no_time_in_the_file_a_missing_bullet_is_deleted(tmp_path: Path) -> None:
    async with MemoryService(tmp_path) as memory:
        user = memory.user("iris")
        await user.memorize(said("I have a tortoise named Tempo."))
        await user.memorize(said("I have a dog named Bruno."))
        lines = page(user).read_text().splitlines(keepends=True)
        kept = [line for line in lines if "updated_at" not in line and not line.startswith("- I have a dog")]
        page(user).write_text("".join(kept))
        await user.sync()
        assert await active(user, "Bruno") == []
