"""Lines of `items/` that a person corrects: whenever they do it, and whatever of `.memu/` is left."""

from __future__ import annotations

import shutil
from pathlib import Path

from memu_like.models import Origin
from memu_like.service import MemoryService, UserMemory

OLD, NEW = "guinea pig named Oscar", "guinea pig named Oskar"


def correct(store: Path, old: str = OLD, new: str = NEW) -> None:
    for path in (store / "caroline" / "items").glob("*.jsonl"):
        path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))


def bullets(store: Path, word: str) -> list[str]:
    paths = (store / "caroline" / "categories").glob("*.md")
    return [
        line
        for path in paths
        for line in path.read_text().splitlines()
        if word in line and line.lstrip().startswith("- ")
    ]


async def test_a_line_is_corrected_before_the_first_sync(caroline: UserMemory, store: Path) -> None:
    correct(store)
    report = await caroline.sync()
    assert {edit.kind for edit in report.edits} == {"item"}
    [item] = await caroline.items(text="Oskar")
    assert item.origin is Origin.HUMAN
    assert bullets(store, OLD) == []
    assert len(bullets(store, NEW)) == 1


async def test_a_line_that_came_after_the_last_sync_is_corrected(caroline: UserMemory, store: Path) -> None:
    await caroline.sync()
    await caroline.memorize([{"role": "user", "content": "My parrot is called Rio."}])
    correct(store, "Rio", "Rita")
    assert [edit.kind for edit in (await caroline.sync()).edits] == ["item"]
    assert len(bullets(store, "Rita")) == 1


async def test_a_corrected_line_stands_where_all_that_is_derived_is_gone(
    caroline: UserMemory, store: Path
) -> None:
    correct(store)
    shutil.rmtree(store / "caroline" / ".memu")
    async with MemoryService(store) as service:
        again = service.user("caroline")
        assert (await again.sync()).edits == ()
        assert len(await again.items(text="Oskar")) == 1
        assert await again.items(text=OLD) == []


async def test_forgetting_is_not_told_as_lines_that_a_person_took_out(caroline: UserMemory) -> None:
    await caroline.sync()
    may, _ = await caroline.resources()
    await caroline.forget_resource(may.id)
    report = await caroline.sync()
    assert (report.edits, report.problems) == ((), ())


async def test_a_line_is_corrected_after_a_forget(caroline: UserMemory, store: Path) -> None:
    _, june = await caroline.resources()
    await caroline.forget_resource(june.id)
    correct(store)
    assert [edit.kind for edit in (await caroline.sync()).edits] == ["item"]


async def test_the_line_of_a_correction_is_corrected_again(caroline: UserMemory, store: Path) -> None:
    await caroline.sync()
    correct(store)
    assert {edit.kind for edit in (await caroline.sync()).edits} == {"item"}
    correct(store, NEW, "guinea pig named Olga")
    assert "item" in {edit.kind for edit in (await caroline.sync()).edits}
    assert len(await caroline.items(text="Olga")) == 1
    assert len(bullets(store, "Olga")) == 1


async def test_a_line_that_came_after_another_was_corrected_is_corrected_before_the_next_sync(
    caroline: UserMemory, store: Path
) -> None:
    await caroline.sync()
    correct(store, new="guinea pig named Oskar the Second")
    parrot = {"role": "user", "content": "My parrot is called Rio.", "created_at": "2023-05-30T10:00Z"}
    await caroline.memorize([parrot])  # into the same file
    correct(store, "Rio", "Rita")
    report = await caroline.sync()
    assert {edit.text for edit in report.edits if edit.kind == "item"} >= {"My parrot is called Rita."}
    assert len(bullets(store, "Rita")) == 1
    assert len(bullets(store, "Oskar the Second")) == 1
