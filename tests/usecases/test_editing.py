"""Editing by hand: what changes, what is refused, and that a person's word stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conversations import JUNE, MAY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memu_like.config import Settings
from memu_like.errors import Conflict, InvalidInput, NotFound, StorageError
from memu_like.models import Item, ItemType, Origin, Status
from memu_like.service import MemoryService, UserMemory


async def the(user: UserMemory, text: str) -> Item:
    [item] = await user.items(text=text)
    return item


def category(store: Path, topic: str) -> str:
    return (store / "caroline" / "categories" / f"{topic}.md").read_text(encoding="utf-8")


async def sound(user: UserMemory) -> None:
    assert await user.doctor() == []


async def test_an_edited_item_reads_as_edited_everywhere(caroline: UserMemory, store: Path) -> None:
    old = await the(caroline, "botanist")
    new = await caroline.update_item(old.id, text="I run the seed bank.", tags=["work"], type="knowledge")
    assert (new.rev, new.origin, new.type, new.tags) == (
        old.rev + 1,
        Origin.HUMAN,
        ItemType.KNOWLEDGE,
        ("work",),
    )
    assert new.reason == "edited by the user"
    assert await caroline.item(old.id) == new
    assert f"- I run the seed bank. ^{old.id}\n" in category(store, "work_life")
    assert "botanist" not in category(store, "work_life")
    result = await caroline.retrieve("who runs the seed bank?")
    assert result.hits[0].item_ids == (old.id,)
    await sound(caroline)


async def test_an_edit_is_a_run_with_its_event(caroline: UserMemory) -> None:
    item = await the(caroline, "botanist")
    new = await caroline.update_item(item.id, text="I run the seed bank.")
    [event] = await caroline.events(kind="edit")
    assert (event.id, event.items, event.resources) == (new.run, (item.id,), ())
    [delta] = event.profile_delta
    assert (delta.op, delta.text) == ("update", "I run the seed bank.")


async def test_an_edit_that_changes_nothing_writes_nothing(caroline: UserMemory, store: Path) -> None:
    item = await the(caroline, "botanist")
    before = snapshot(store)
    assert await caroline.update_item(item.id, text=item.text) == item
    assert snapshot(store) == before


def snapshot(store: Path) -> dict[str, bytes]:
    return {
        path.relative_to(store).as_posix(): path.read_bytes()
        for path in store.rglob("*")
        if path.is_file() and "lock" not in path.name
    }


async def test_new_words_leave_the_time_and_the_keywords_of_the_old_ones_behind(caroline: UserMemory) -> None:
    item = await the(caroline, "Lisbon")
    assert item.occurred is not None
    kept = await caroline.update_item(item.id, text="In June 2022 I came to Lisbon.")
    assert kept.occurred == item.occurred
    assert "lisbon" in kept.keywords
    assert "sister" not in kept.keywords
    lost = await caroline.update_item(item.id, text="I came to Porto once.")
    assert (lost.occurred, lost.keywords) == (None, ())


async def test_a_slot_change_moves_the_bullet(caroline: UserMemory, store: Path) -> None:
    item = await the(caroline, "botanist")
    await caroline.update_item(item.id, slot="vocation")
    text = category(store, "work_life")
    assert text.index("## vocation") < text.index(f"^{item.id}")
    assert text.count(f"^{item.id}") == 1
    [event] = await caroline.events(kind="edit")
    assert [(delta.op, delta.slot) for delta in event.profile_delta] == [
        ("remove", "job"),
        ("add", "vocation"),
    ]
    await sound(caroline)


async def test_a_topic_change_moves_the_bullet_to_the_other_file(caroline: UserMemory, store: Path) -> None:
    item = await the(caroline, "botanist")
    await caroline.update_item(item.id, topic="plants", slot="study")
    assert f"^{item.id}" not in category(store, "work_life")
    assert f"^{item.id}" in category(store, "plants")
    assert list((await caroline.profile())["plants"]) == ["study"]
    await sound(caroline)


async def test_expected_is_the_items_text_or_its_bullets(caroline: UserMemory) -> None:
    item = await the(caroline, "botanist")
    [entry] = (await caroline.profile())["work_life"]["job"]
    with pytest.raises(Conflict) as caught:
        await caroline.update_item(item.id, text="x", expected="something else")
    assert caught.value.current == item.text
    first = await caroline.update_item(item.id, text="one", expected=item.text)
    assert (await caroline.update_item(item.id, text="two", expected="one")).rev == first.rev + 1
    with pytest.raises(Conflict):
        await caroline.update_item(item.id, text="three", expected=entry.text)


async def test_a_bullet_that_a_person_rewrote_is_not_overwritten_unseen(
    caroline: UserMemory, store: Path
) -> None:
    item = await the(caroline, "botanist")
    path = store / "caroline" / "categories" / "work_life.md"
    [entry] = (await caroline.profile())["work_life"]["job"]
    path.write_text(path.read_text().replace(entry.text, "Studies mosses"))
    for attempt in (None, item.text, entry.text):
        with pytest.raises(Conflict) as caught:
            await caroline.update_item(item.id, text="x", expected=attempt)
        assert caught.value.current == "Studies mosses"
    with pytest.raises(Conflict):
        await caroline.delete_item(item.id)
    assert "- Studies mosses ^" in path.read_text()
    await caroline.update_item(item.id, text="Studies ferns", expected="Studies mosses")
    assert "- Studies ferns ^" in path.read_text()
    assert "mosses" not in path.read_text()
    await sound(caroline)


async def test_edits_work_after_the_derived_folder_was_deleted(caroline: UserMemory, store: Path) -> None:
    shutil.rmtree(store / "caroline" / ".memu")
    item = await the(caroline, "botanist")
    await caroline.update_item(item.id, text="Studies ferns")
    assert f"- Studies ferns ^{item.id}" in category(store, "work_life")
    await caroline.delete_item(item.id)
    assert item.id not in category(store, "work_life")
    await sound(caroline)


async def test_an_added_item_stands_in_the_profile_and_is_found(caroline: UserMemory, store: Path) -> None:
    item = await caroline.add_item(
        "Plays the [[cello]]", topic="activities", slot="music", keywords=["cello"]
    )
    assert (item.rev, item.origin, item.source, item.subject) == (1, Origin.HUMAN, None, "caroline")
    assert f"## music\n- Plays the [[cello]] ^{item.id}\n" in category(store, "activities")
    assert (await caroline.retrieve("cello")).hits[0].item_ids == (item.id,)
    twin = await caroline.add_item("Plays the [[cello]]", topic="activities", slot="music")
    assert twin.id != item.id
    await sound(caroline)


async def test_an_item_can_be_added_for_a_new_user(memory: MemoryService) -> None:
    user = memory.user("bea")
    await user.add_item("喜欢听雨", topic="兴趣", slot="自然")
    assert [entry.text for entry in (await user.profile())["兴趣"]["自然"]] == ["喜欢听雨"]
    await sound(user)


async def test_a_deleted_item_leaves_profile_and_search_and_does_not_come_back(
    caroline: UserMemory, store: Path
) -> None:
    item = await the(caroline, "Lisbon")
    gone = await caroline.delete_item(item.id, expected=item.text)
    assert (gone.status, gone.rev) == (Status.RETRACTED, item.rev + 1)
    assert await caroline.items(text="Lisbon") == []
    assert item.id not in category(store, "personal_info")
    assert all(item.id not in hit.item_ids for hit in (await caroline.retrieve("Lisbon")).hits)
    assert await caroline.delete_item(item.id) == gone
    assert len(await caroline.events(kind="edit")) == 1
    later = {**MAY[2], "created_at": "2023-07-01T10:00:00+00:00"}
    await caroline.memorize([later])
    assert await caroline.items(text="Lisbon") == []
    with pytest.raises(InvalidInput, match="retracted"):
        await caroline.update_item(item.id, text="x")
    await sound(caroline)


async def test_memorizing_again_leaves_edits_alone(caroline: UserMemory, store: Path) -> None:
    item = await the(caroline, "botanist")
    await caroline.update_item(item.id, text="I run the seed bank.")
    before = snapshot(store)
    await caroline.memorize(MAY)
    await caroline.memorize(JUNE)
    assert snapshot(store) == before


SECRET = "sk-proj-" + "a1B2c3D4e5F6g7H8i9J0"


async def test_secrets_are_masked_in_what_is_entered(
    memory: MemoryService, store: Path, tmp_path: Path
) -> None:
    user = memory.user("bea")
    item = await user.add_item(f"The key is {SECRET}", topic="work_life", slot="job", tags=[SECRET])
    await user.update_item(item.id, text=f"The new key is {SECRET}")
    assert not any(SECRET.encode() in data for data in snapshot(store).values())
    async with MemoryService(Settings(store=tmp_path / "open", mask_secrets=False)) as other:
        kept = await other.user("bea").add_item(f"The key is {SECRET}", topic="work_life", slot="job")
        assert SECRET in kept.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "nothing to change"),
        ({"txt": "x"}, "did you mean 'text'"),
        ({"rev": 3}, "unknown field 'rev'"),
        ({"text": ""}, "text is empty"),
        ({"text": " \n "}, "text is empty"),
        ({"text": None}, "text must be text"),
        ({"text": "a\0b"}, "control character"),
        ({"text": "a\udc80"}, "surrogate"),
        ({"text": "x" * 4001}, "limit is 4000"),
        ({"type": "fact"}, "type 'fact' is not one of profile"),
        ({"type": []}, "is not one of profile"),
        ({"topic": "../x"}, "cannot be a file name"),
        ({"topic": "a/b"}, "cannot be a file name"),
        ({"topic": "con"}, "cannot be a file name"),
        ({"topic": ".memu"}, "cannot be a file name"),
        ({"topic": "-x"}, "cannot be a file name"),
        ({"topic": "e\u0301"}, "cannot be a file name"),
        ({"topic": "x" * 61}, "limit is 60"),
        ({"topic": 3}, "topic must be text"),
        ({"slot": ""}, "slot is empty"),
        ({"slot": "a\nb"}, "cannot be a heading"),
        ({"slot": "a  b"}, "cannot be a heading"),
        ({"keywords": "abc"}, "keywords must be a list"),
        ({"tags": ["a", ""]}, "tags is empty"),
        ({"tags": [1]}, "tags must be text"),
        ({"occurred": "June"}, "occurred must be"),
    ],
)
async def test_a_bad_change_is_refused_and_nothing_is_written(
    caroline: UserMemory, store: Path, changes: dict[str, object], message: str
) -> None:
    item = await the(caroline, "botanist")
    before = snapshot(store)
    with pytest.raises(InvalidInput, match=message):
        await caroline.update_item(item.id, **changes)
    if "topic" in changes or "slot" in changes:
        with pytest.raises(InvalidInput, match=message):
            await caroline.add_item("x", **{"topic": "goals", "slot": "s", **changes})
    assert snapshot(store) == before


async def test_a_topic_known_by_other_capitals_is_that_topic(caroline: UserMemory, store: Path) -> None:
    item = await caroline.add_item("x", topic="Work_Life", slot="job")
    assert item.topic == "work_life"
    assert not (store / "caroline" / "categories" / "Work_Life.md").exists()


async def test_a_file_that_cannot_be_merged_refuses_the_edit(caroline: UserMemory, store: Path) -> None:
    item = await the(caroline, "botanist")
    path = store / "caroline" / "categories" / "work_life.md"
    path.write_text(path.read_text() + "<<<<<<< ours\nx\n=======\ny\n>>>>>>> theirs\n")
    before = snapshot(store)
    with pytest.raises(StorageError, match="work_life"):
        await caroline.update_item(item.id, text="x")
    assert snapshot(store) == before


async def test_an_unknown_item_user_or_event_is_not_found(
    memory: MemoryService, caroline: UserMemory
) -> None:
    for name in ("nothere1", "../..", "\udc80"):
        with pytest.raises(NotFound):
            await caroline.update_item(name, text="x")
        with pytest.raises(NotFound):
            await caroline.delete_item(name)
        with pytest.raises(NotFound):
            await caroline.delete_event(name)
    with pytest.raises(NotFound):
        await memory.user("nobody").delete_item("abcd1234")
    assert "nobody" not in await memory.users()


async def test_an_event_can_be_changed_and_hidden(caroline: UserMemory, store: Path) -> None:
    may, _ = await caroline.events()
    changed = await caroline.update_event(may.id, title="Oscar", tags=["pets"], summary="About Oscar")
    assert (changed.rev, changed.title, changed.tags) == (2, "Oscar", ("pets",))
    assert await caroline.events(tag="pets") == [changed]
    assert await caroline.update_event(may.id, title="Oscar") == changed
    hidden = await caroline.delete_event(may.id)
    assert (hidden.rev, hidden.deleted) == (3, True)
    assert may.id not in [event.id for event in await caroline.events()]
    assert hidden in await caroline.events(include_deleted=True)
    with pytest.raises(NotFound):
        await caroline.event(may.id)
    with pytest.raises(NotFound):
        await caroline.update_event(may.id, title="x")
    assert len(await caroline.items()) == 3, "its run still counts"
    assert (await caroline.flush()).runs == (), "its resource is not read again"
    await sound(caroline)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "nothing to change"),
        ({"sumary": "x"}, "did you mean 'summary'"),
        ({"items": ()}, "unknown field"),
        ({"title": ""}, "title is empty"),
        ({"tags": "x"}, "tags must be a list"),
    ],
)
async def test_a_bad_change_of_an_event_is_refused(
    caroline: UserMemory, changes: dict[str, object], message: str
) -> None:
    [event, _] = await caroline.events()
    with pytest.raises(InvalidInput, match=message):
        await caroline.update_event(event.id, **changes)


async def test_a_second_process_sees_an_edit_at_its_next_call(caroline: UserMemory, store: Path) -> None:
    async with MemoryService(Settings(store=store)) as other:
        theirs = other.user("caroline")
        item = await the(theirs, "botanist")
        await caroline.update_item(item.id, text="I run the seed bank.")
        assert (await theirs.item(item.id)).text == "I run the seed bank."
        await theirs.delete_item(item.id)
        assert await caroline.items(text="seed bank") == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=80), slot=st.text(max_size=12))
async def test_whatever_is_entered_is_shown_or_refused(tmp_path: Path, text: str, slot: str) -> None:
    async with MemoryService(Settings(store=tmp_path / "store", embedder="none")) as service:
        user = service.user("bea")
        try:
            item = await user.add_item(text, topic="goals", slot=slot)
        except InvalidInput:
            return
        entry = {e.id: e for e in (await user.profile())["goals"][slot.strip()]}[item.id]
        assert entry.pinned
        assert await user.doctor() == []
        await user.delete_item(item.id)
        assert item.id not in (tmp_path / "store/bea/categories/goals.md").read_text()
