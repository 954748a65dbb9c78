"""Mending a folder whose files git has changed: what two copies did is made one, and no file is misread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conversations import MAY

from memu_like.errors import CorruptFile
from memu_like.models import Event, Item, Origin, Source, Status
from memu_like.pure import records
from memu_like.service import UserMemory
from memu_like.usecases.desk import Desk
from memu_like.usecases.mending import Mended, mend

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _mend(desk: Desk) -> Mended:
    with desk.folder.lock():
        return mend(desk, NOW)


async def mended(user: UserMemory) -> Mended:
    return await user._shop.write(user.folder, _mend)


async def oscar(user: UserMemory) -> Item:
    return next(item for item in await user.items() if "Oscar" in item.text)


def merged_in(folder: Path, *items: Item, kind: str = "memorize") -> None:
    """Lines of another copy, as a merge appends them."""
    for run in dict.fromkeys(item.run for item in items):
        event = Event(run, kind, NOW, NOW)  # type: ignore[arg-type]
        with (folder / "events" / "2026-03.jsonl").open("ab") as file:
            file.write(records.render(event))
    for item in items:
        with (folder / "items" / "2023-05.jsonl").open("ab") as file:
            file.write(records.render(item))


@pytest.fixture
def folder(store: Path) -> Path:
    return store / "caroline"


@pytest.fixture
def change(folder: Path) -> Callable[[str, str], None]:
    def replace_text(before: str, after: str) -> None:
        for path in (folder / "categories").glob("*.md"):
            path.write_text(path.read_text().replace(before, after))

    return replace_text


async def test_a_folder_that_nobody_merged_is_left_as_it_is(caroline: UserMemory, folder: Path) -> None:
    before = {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".memu" not in path.parts
    }
    assert await mended(caroline) == Mended()
    assert {path: path.read_bytes() for path in before} == before
    assert (await caroline.sync()).edits == ()
    assert await caroline.doctor() == []


async def test_what_was_kept_of_files_that_git_has_replaced_is_no_edit(
    caroline: UserMemory, folder: Path
) -> None:
    saved = {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".memu" not in path.parts
    }
    await caroline.memorize(
        [
            {
                "role": "user",
                "content": "I play the cello in an orchestra.",
                "created_at": "2023-05-09T13:00:00Z",
            }
        ]
    )
    for path in folder.rglob("*"):
        if path.is_file() and ".memu" not in path.parts and path not in saved:
            path.unlink()
    for path, data in saved.items():
        path.write_bytes(data)
    assert await mended(caroline) == Mended()
    assert (await caroline.sync()).edits == ()
    assert await caroline.doctor() == []


async def test_a_revision_of_each_copy_becomes_one_with_the_sources_of_both(
    caroline: UserMemory, folder: Path
) -> None:
    item = await oscar(caroline)
    source = Source(item.source.resource, 3, 3) if item.source else None
    assert source is not None
    merged_in(folder, replace(item, run="other", corroborations=(source,)))
    assert ["nothing has settled it" in str(found) for found in await caroline.doctor()] == [True]
    found = await mended(caroline)
    assert found.items == (item.id,)
    now = await oscar(caroline)
    assert now.rev == item.rev + 1
    assert set(now.corroborations) == {*item.corroborations, source}
    assert await mended(caroline) == Mended()
    assert await caroline.doctor() == []
    event = await caroline.event(found.run or "")
    assert (event.kind, event.reason) == ("sync", "merged")


async def test_a_person_who_deleted_it_in_another_copy_is_heard(caroline: UserMemory, folder: Path) -> None:
    item = await oscar(caroline)
    gone = replace(item, run="other", status=Status.RETRACTED, reason="deleted by the user")
    merged_in(folder, gone, kind="edit")
    await mended(caroline)
    assert all(f"^{item.id}" not in path.read_text() for path in (folder / "categories").glob("*.md"))
    assert (await caroline.sync()).edits == ()
    assert await caroline.doctor() == []


async def test_the_entry_of_the_item_that_stays_comes_in_for_the_one_that_goes(
    caroline: UserMemory, folder: Path
) -> None:
    item = await oscar(caroline)
    mine = replace(item, id="aaaa0000", rev=1, run="other", source=None, origin=Origin.HUMAN)
    merged_in(folder, mine, kind="edit")
    found = await mended(caroline)
    assert set(found.items) == {item.id, "aaaa0000"}
    texts = "\n".join(path.read_text() for path in (folder / "categories").glob("*.md"))
    assert "^aaaa0000" in texts
    assert f"^{item.id}" not in texts
    assert (await caroline.item(item.id)).reason == "merged into aaaa0000"
    assert await mended(caroline) == Mended()
    assert (await caroline.sync()).edits == ()


async def test_a_persons_wording_that_was_not_taken_in_yet_is_an_edit_afterwards(
    caroline: UserMemory, change: Callable[[str, str], None]
) -> None:
    item = await oscar(caroline)
    change("he loves carrots", "he loves parsley")
    assert (await mended(caroline)).items == ()
    report = await caroline.sync()
    assert [(edit.kind, edit.item) for edit in report.edits] == [("changed", item.id)]


async def test_a_deletion_that_was_not_taken_in_yet_is_one_afterwards(
    caroline: UserMemory, folder: Path
) -> None:
    item = await oscar(caroline)
    for path in (folder / "categories").glob("*.md"):
        kept = [line for line in path.read_text().splitlines(keepends=True) if item.id not in line]
        path.write_text("".join(kept))
    assert await mended(caroline) == Mended()
    assert [edit.kind for edit in (await caroline.sync()).edits] == ["deleted"]


async def test_a_category_file_that_is_gone_is_missed_afterwards(caroline: UserMemory, folder: Path) -> None:
    item = await oscar(caroline)
    (folder / "categories" / f"{item.topic}.md").unlink()
    await mended(caroline)
    report = await caroline.sync(confirm=True)
    assert item.id in {edit.item for edit in report.edits}
    assert (await caroline.item(item.id)).status is Status.RETRACTED


async def test_a_file_with_conflict_markers_is_told_and_nothing_is_concluded(
    caroline: UserMemory, folder: Path
) -> None:
    item = await oscar(caroline)
    path = folder / "categories" / f"{item.topic}.md"
    whole = path.read_text()
    path.write_text(whole + "<<<<<<< ours\n- a\n=======\n- b\n>>>>>>> theirs\n")
    found = await mended(caroline)
    assert "conflict marker" in found.problems[0]
    report = await caroline.sync()
    assert report.edits == ()
    assert report.problems
    path.write_text(whole)
    assert (await mended(caroline)) == Mended()
    assert (await caroline.sync()).edits == ()


async def test_a_conflict_in_the_items_is_an_error_that_names_the_line(
    caroline: UserMemory, folder: Path
) -> None:
    with (folder / "items" / "2023-05.jsonl").open("ab") as file:
        file.write(b"<<<<<<< ours\n")
    with pytest.raises(CorruptFile, match=r"2023-05.jsonl"):
        await mended(caroline)


async def test_the_summary_of_another_copy_is_still_the_machines_to_rewrite(
    caroline: UserMemory, folder: Path
) -> None:
    item = await oscar(caroline)
    path = folder / "categories" / f"{item.topic}.md"
    text = path.read_text()
    old = text.partition("\n\n")[2].partition("\n")[0]
    path.write_text(text.replace(old, item.text, 1))
    await mended(caroline)
    assert (await caroline.sync()).edits == ()
    await caroline.delete_item(item.id)
    assert "Oscar" not in path.read_text()


async def test_the_same_conversation_again_after_a_mending_is_known(caroline: UserMemory) -> None:
    await mended(caroline)
    report = await caroline.memorize(MAY)
    assert (report.items_added, report.runs) == (0, ())
