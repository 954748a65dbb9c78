"""Compare and swap: nobody changes what they have not read, and no update is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from memu_like.errors import Conflict, InvalidInput, NotFound
from memu_like.models import Entry, Item, Status
from memu_like.pure.rendering import fingerprint
from memu_like.service import MemoryService, UserMemory

TASKS = 20


async def the(user: UserMemory, text: str) -> Item:
    [item] = await user.items(text=text)
    return item


async def entry_of(user: UserMemory, item: Item) -> Entry:
    [found] = [
        entry
        for slots in (await user.profile()).values()
        for entries in slots.values()
        for entry in entries
        if entry.id == item.id
    ]
    return found


def file_of(store: Path, topic: str) -> Path:
    return store / "caroline" / "categories" / f"{topic}.md"


# -- items


async def test_the_hash_of_an_entry_is_what_a_change_may_expect(caroline: UserMemory) -> None:
    item = await the(caroline, "botanist")
    entry = await entry_of(caroline, item)
    assert entry.hash == fingerprint(entry.text)
    changed = await caroline.update_item(item.id, text="Studies ferns.", expected_hash=entry.hash)
    with pytest.raises(Conflict) as caught:
        await caroline.update_item(item.id, text="Studies moss.", expected_hash=entry.hash)
    conflict = caught.value
    assert (conflict.current, conflict.rev) == ("Studies ferns.", changed.rev)
    assert conflict.hash == fingerprint("Studies ferns.") == (await entry_of(caroline, item)).hash
    again = await caroline.update_item(item.id, text="Studies moss.", expected_hash=conflict.hash)
    assert again.rev == changed.rev + 1


async def test_the_revision_of_an_item_is_what_a_change_may_expect(caroline: UserMemory) -> None:
    item = await the(caroline, "botanist")
    changed = await caroline.update_item(item.id, text="Studies ferns.", expected_rev=item.rev)
    for call in (
        caroline.update_item(item.id, text="x", expected_rev=item.rev),
        caroline.delete_item(item.id, expected_rev=item.rev),
    ):
        with pytest.raises(Conflict) as caught:
            await call
        assert (caught.value.rev, caught.value.current) == (changed.rev, "Studies ferns.")
    deleted = await caroline.delete_item(item.id, expected_rev=changed.rev)
    assert deleted.status is Status.RETRACTED


async def test_all_that_is_expected_must_fit(caroline: UserMemory) -> None:
    item = await the(caroline, "botanist")
    with pytest.raises(Conflict):
        await caroline.update_item(item.id, text="x", expected=item.text, expected_rev=item.rev + 1)
    with pytest.raises(Conflict):
        await caroline.update_item(item.id, text="x", expected_rev=item.rev, expected_hash=fingerprint("y"))
    await caroline.update_item(item.id, text="x", expected=item.text, expected_rev=item.rev)


async def test_what_a_person_saved_meanwhile_is_no_longer_the_revision_that_was_read(
    caroline: UserMemory, store: Path
) -> None:
    item = await the(caroline, "botanist")
    entry = await entry_of(caroline, item)
    path = store / "caroline" / entry.path
    path.write_text(path.read_text().replace(entry.text, "Studies mosses"))
    for expected in ({"expected_rev": item.rev}, {"expected_hash": entry.hash}, {}):
        with pytest.raises(Conflict) as caught:
            await caroline.update_item(item.id, text="x", **expected)
        assert caught.value.current == "Studies mosses"
    await caroline.update_item(item.id, text="Studies ferns", expected_rev=caught.value.rev)
    assert "- Studies ferns ^" in path.read_text()


@pytest.mark.parametrize("expected", [{"expected": 1}, {"expected_rev": "1"}, {"expected_hash": b"x"}])
async def test_what_cannot_be_expected_is_refused(caroline: UserMemory, expected: dict[str, object]) -> None:
    item = await the(caroline, "botanist")
    with pytest.raises(InvalidInput, match="must be"):
        await caroline.update_item(item.id, text="x", **expected)


async def test_a_conflict_is_one_line(caroline: UserMemory) -> None:
    assert "\n" not in str(Conflict("categories/interest.md", "# interest\n\n- Paints.\n"))


# -- events


async def test_the_revision_of_an_event_is_what_a_change_may_expect(caroline: UserMemory) -> None:
    event = (await caroline.events())[0]
    changed = await caroline.update_event(event.id, summary="About a guinea pig.", expected_rev=event.rev)
    for call in (
        caroline.update_event(event.id, title="x", expected_rev=event.rev),
        caroline.delete_event(event.id, expected_rev=event.rev),
    ):
        with pytest.raises(Conflict) as caught:
            await call
        assert (caught.value.rev, caught.value.current) == (changed.rev, "About a guinea pig.")
    await caroline.delete_event(event.id, expected_rev=changed.rev)


# -- category files


async def test_a_category_is_read_with_its_hash_and_written_under_it(
    caroline: UserMemory, store: Path
) -> None:
    found = await caroline.category("work_life")
    assert found.text == file_of(store, "work_life").read_text()
    assert found.hash == fingerprint(found.text)
    written = await caroline.write_category("work_life", found.text + "- Sings.\n", expected=found.hash)
    [new] = await caroline.items(text="Sings.")
    assert written.text == found.text + f"- Sings. ^{new.id}\n" == file_of(store, "work_life").read_text()
    assert written.hash == fingerprint(written.text)
    assert written.report is not None
    assert [edit.kind for edit in written.report.edits] == ["added"]
    with pytest.raises(Conflict) as caught:
        await caroline.write_category("work_life", "# work_life\n", expected=found.hash)
    assert (caught.value.current, caught.value.hash) == (written.text, written.hash)
    assert file_of(store, "work_life").read_text() == written.text


async def test_a_category_that_is_new_must_be_new(caroline: UserMemory, store: Path) -> None:
    text = "# garden\n\n## beds\n- Grows beans.\n"
    written = await caroline.write_category("garden", text, expected=None)
    [item] = await caroline.items(topic="garden")
    assert written.text == text.replace("beans.", f"beans. ^{item.id}")
    with pytest.raises(Conflict):
        await caroline.write_category("garden", text, expected=None)
    with pytest.raises(Conflict) as caught:
        await caroline.write_category("cellar", text, expected=written.hash)
    assert caught.value.current == ""


async def test_a_bullet_that_was_rewritten_or_left_out_is_taken_in(caroline: UserMemory) -> None:
    item = await the(caroline, "botanist")
    found = await caroline.category("work_life")
    entry = await entry_of(caroline, item)
    text = found.text.replace(entry.text, "Studies ferns")
    written = await caroline.write_category("work_life", text, expected=found.hash)
    assert (await caroline.item(item.id)).text == "Studies ferns"
    without = written.text.replace(f"- Studies ferns ^{item.id}\n", "")
    await caroline.write_category("work_life", without, expected=written.hash)
    assert (await caroline.item(item.id)).status is Status.RETRACTED


@pytest.mark.parametrize(
    ("topic", "text", "said"),
    [
        ("../evil", "# x\n- y\n", "cannot be a file name"),
        ("a/b", "# x\n- y\n", "cannot be a file name"),
        ("", "# x\n- y\n", "empty"),
        ("con", "# x\n- y\n", "cannot be a file name"),
        ("garden", "```\nopen\n", "garden.md:1: the code fence"),
        ("garden", "---\ntopic: garden\n## slot\n", "front matter"),
        ("garden", "<<<<<<< ours\n- a\n=======\n- b\n>>>>>>> theirs\n", "garden.md:1:"),
        ("garden", " \n", "empty"),
        ("garden", "- a\x00b\n", "control character"),
        ("garden", "- a\ud800b\n", "surrogate"),
        ("garden", "- " + "x" * 1_000_001, "limit"),
        ("garden", b"- bytes", "must be text"),
    ],
)
async def test_what_cannot_be_a_category_is_refused_and_nothing_is_written(
    caroline: UserMemory, store: Path, topic: str, text: str, said: str
) -> None:
    before = sorted(path.name for path in (store / "caroline" / "categories").iterdir())
    with pytest.raises(InvalidInput, match=said):
        await caroline.write_category(topic, text, expected=None)
    assert sorted(path.name for path in (store / "caroline" / "categories").iterdir()) == before


@pytest.mark.parametrize("topic", ["garden", "../work_life", "work_life.md", ""])
async def test_a_category_that_is_not_there_is_not_found(caroline: UserMemory, topic: str) -> None:
    for call in (
        caroline.category(topic),
        caroline.delete_category(topic, expected="x"),
        caroline.rename_category(topic, "garden", expected="x"),
    ):
        with pytest.raises(NotFound):
            await call


async def test_a_category_that_is_renamed_keeps_its_entries(caroline: UserMemory, store: Path) -> None:
    item = await the(caroline, "botanist")
    found = await caroline.category("work_life")
    with pytest.raises(Conflict):
        await caroline.rename_category("work_life", "career", expected="0" * 64)
    with pytest.raises(InvalidInput, match="there already"):
        await caroline.rename_category("work_life", "relationships", expected=found.hash)
    renamed = await caroline.rename_category("work_life", "career", expected=found.hash)
    assert (renamed.topic, f"^{item.id}" in renamed.text) == ("career", True)
    assert not file_of(store, "work_life").exists()
    assert (await caroline.item(item.id)).topic == "career"


async def test_a_category_that_is_deleted_takes_its_entries_along(caroline: UserMemory, store: Path) -> None:
    item = await the(caroline, "botanist")
    found = await caroline.category("work_life")
    with pytest.raises(Conflict):
        await caroline.delete_category("work_life", expected="0" * 64)
    report = await caroline.delete_category("work_life", expected=found.hash)
    assert item.id in [edit.item for edit in report.edits]
    assert not report.held
    assert (await caroline.item(item.id)).status is Status.RETRACTED
    assert not file_of(store, "work_life").exists()


async def test_the_deletion_of_many_entries_is_held_back_unless_it_is_confirmed(
    memory: MemoryService,
) -> None:
    user = memory.user("maya")
    bullets = "".join(f"- Grows beans in bed {number}.\n" for number in range(10))
    await user.add_item("Has a garden.", topic="home", slot="place")
    found = await user.write_category("garden", f"# garden\n\n## beds\n{bullets}", expected=None)
    emptied = await user.write_category("garden", "# garden\n\n## beds\n", expected=found.hash)
    assert emptied.report is not None
    assert len(emptied.report.held) == 10
    assert len(await user.items(topic="garden")) == 10
    done = await user.write_category("garden", "# garden\n", expected=emptied.hash, confirm=True)
    assert done.report is not None
    assert not done.report.held
    assert await user.items(topic="garden") == []


# -- at once


async def test_of_many_who_change_one_entry_none_loses_an_update(memory: MemoryService) -> None:
    user = memory.user("maya")
    item = await user.add_item("count:", topic="garden", slot="beds")

    async def add(number: int) -> None:
        text, digest = "count:", fingerprint("count:")
        while True:
            try:
                await user.update_item(item.id, text=f"{text} {number};", expected_hash=digest)
                return
            except Conflict as conflict:
                text, digest = conflict.current, conflict.hash

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for number in range(TASKS):
            group.create_task(add(number))
    numbers = (await user.item(item.id)).text.removeprefix("count: ").rstrip(";").split("; ")
    assert sorted(map(int, numbers)) == list(range(TASKS))


async def test_of_many_who_write_one_category_none_loses_an_update(memory: MemoryService) -> None:
    user = memory.user("maya")
    await user.add_item("Has a garden.", topic="home", slot="place")
    first = await user.write_category("garden", "# garden\n\n## beds\n", expected=None)

    async def add(number: int) -> None:
        text, digest = first.text, first.hash
        while True:
            try:
                await user.write_category("garden", f"{text}- Bed {number}.\n", expected=digest)
                return
            except Conflict as conflict:
                text, digest = conflict.current, conflict.hash

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for number in range(TASKS):
            group.create_task(add(number))
    beds = (await user.profile())["garden"]["beds"]
    assert sorted(entry.text for entry in beds) == sorted(f"Bed {number}." for number in range(TASKS))
    assert len(await user.items(topic="garden")) == TASKS
    assert await user.doctor() == []
