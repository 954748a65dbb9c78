"""Listing: filters, order, history, and the profile as the files show it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from memu_like.chat import ChatMessage, ChatReply, ChatRequest, Step
from memu_like.edges.llm.meter import Meter
from memu_like.edges.llm.scripted import ScriptedModel
from memu_like.errors import InvalidInput, NotFound
from memu_like.models import FORMAT_VERSION, Usage
from memu_like.service import MemoryService, UserMemory


async def texts(user: UserMemory, **filters: object) -> list[str]:
    return [item.text.split()[1] for item in await user.items(**filters)]


async def test_items_come_in_order_of_time(caroline: UserMemory) -> None:
    assert await texts(caroline) == ["moved", "have", "work"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"topic": "work_life"}, ["work"]),
        ({"topic": "work_life", "slot": "nothing"}, []),
        ({"text": "GUINEA"}, ["have"]),
        ({"subject": "USER", "type": "event"}, ["moved"]),
        ({"origin": "human"}, []),
        ({"since": "2023"}, ["have", "work"]),
        ({"until": "2022"}, ["moved"]),
        ({"since": "2023-05", "until": "2023-05"}, ["have"]),
        ({"until": "2023-06-08"}, ["moved", "have", "work"]),
        ({"until": "2023-06-07"}, ["moved", "have"]),
        ({"since": datetime(2023, 6, 8, 13, 58, tzinfo=UTC)}, ["work"]),
        ({"since": "2023-06-08T13:58:01Z"}, []),
        ({"limit": 1}, ["moved"]),
        ({"limit": 1, "offset": 2}, ["work"]),
        ({"limit": 0}, []),
        ({"status": "retracted"}, []),
        ({"status": "all"}, ["moved", "have", "work"]),
    ],
)
async def test_items_can_be_filtered(
    caroline: UserMemory, filters: dict[str, object], found: list[str]
) -> None:
    assert await texts(caroline, **filters) == found


async def test_items_can_be_filtered_by_resource_and_run(caroline: UserMemory) -> None:
    may, june = await caroline.resources()
    assert await texts(caroline, resource=may.id) == ["moved", "have"]
    assert await texts(caroline, resource=june.id) == ["have", "work"], "a corroboration is a source too"
    [event] = await caroline.events(resource=may.id)
    assert await texts(caroline, run=event.id) == ["moved"], "the other was written again by the later run"


@pytest.mark.parametrize(
    ("verb", "filters", "message"),
    [
        ("items", {"topics": "x"}, "did you mean 'topic'"),
        ("items", {"status": "gone"}, "status 'gone' is not one of"),
        ("items", {"type": "fact"}, "type 'fact' is not one of"),
        ("items", {"limit": -1}, "limit must be"),
        ("items", {"since": "yesterday"}, "since 'yesterday' is not a time"),
        ("items", {"until": "2023-02-30"}, "until '2023-02-30' is not a time"),
        ("items", {"until": 5}, "until must be a time"),
        ("items", {"since": "0000"}, "not a time"),
        ("items", {"until": "9999"}, "not a time"),
        ("events", {"kinds": "edit"}, "did you mean 'kind'"),
        ("events", {"kind": "remember"}, "kind 'remember' is not one of memorize, edit"),
        ("resources", {"modalty": "x"}, "did you mean 'modality'"),
    ],
)
async def test_a_wrong_filter_says_what_would_be_right(
    caroline: UserMemory, verb: str, filters: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        await getattr(caroline, verb)(**filters)


async def test_history_holds_every_revision_oldest_first(caroline: UserMemory) -> None:
    [item] = await caroline.items(text="guinea")
    await caroline.update_item(item.id, tags=["pet"])
    history = await caroline.item_history(item.id)
    assert [revision.rev for revision in history] == [1, 2, 3]
    assert [revision.reason for revision in history] == [None, "corroborated", "edited by the user"]
    assert history[-1] == await caroline.item(item.id)


async def test_history_leaves_out_a_revision_whose_run_never_finished(
    caroline: UserMemory, store: Path
) -> None:
    [item] = await caroline.items(text="guinea")
    path = store / "caroline" / "items" / "2023-05.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    [last] = [line for line in lines if f'"{item.id}","rev":2'.encode() in line]
    path.write_bytes(
        path.read_bytes() + last.replace(b'"rev":2', b'"rev":3').replace(item.run.encode(), b"no")
    )
    assert [revision.rev for revision in await caroline.item_history(item.id)] == [1, 2]
    assert (await caroline.item(item.id)).rev == 2


@pytest.mark.parametrize("name", ["nothere1", "../../x", "", "x" * 100, "\udc80", "abcd\0", "ABCD"])
async def test_what_is_not_there_is_not_found(caroline: UserMemory, name: str) -> None:
    for verb in (caroline.item, caroline.item_history, caroline.event, caroline.resource):
        with pytest.raises(NotFound):
            await verb(name)
    with pytest.raises(NotFound):
        await caroline.resource_lines(name)


async def test_a_user_without_a_folder_is_not_found(memory: MemoryService, store: Path) -> None:
    with pytest.raises(NotFound, match="nobody"):
        await memory.user("nobody").items()
    assert not (store / "nobody").exists()


async def test_events_can_be_listed_and_filtered(caroline: UserMemory) -> None:
    may, june = await caroline.events()
    assert may.time < june.time
    assert await caroline.events(kind="memorize", text="BOTANIST") == [june]
    assert await caroline.events(tag="x") == []
    assert await caroline.events(until="2023-05") == [may]
    assert await caroline.event(may.id) == may


async def test_resources_can_be_listed_and_their_lines_read(caroline: UserMemory) -> None:
    may, june = await caroline.resources()
    assert [one.id for one in await caroline.resources(modality="conversation", since="2023-06")] == [june.id]
    assert await caroline.resources(modality="document") == []
    assert await caroline.resources(text="MESSAGES") == [may, june]
    lines = await caroline.resource_lines(may.id)
    assert len(lines) == may.lines == 3
    assert await caroline.resource_lines(may.id, 2, 2) == lines[1:2]
    assert await caroline.resource_lines(may.id, 3, 9) == lines[2:]
    for first, last in ((0, None), (2, 1)):
        with pytest.raises(InvalidInput):
            await caroline.resource_lines(may.id, first, last)


async def test_the_profile_shows_the_files_with_a_persons_edits(caroline: UserMemory, store: Path) -> None:
    before = await caroline.profile()
    [entry] = before["work_life"]["job"]
    assert not entry.pinned
    path = store / "caroline" / entry.path
    text = path.read_text()
    path.write_text(
        text.replace("a botanist", "the botanist") + "- Has a desk by the window\n\n## lab\n- no 7\n"
    )
    after = await caroline.profile()
    edited, own = after["work_life"]["job"]
    assert (edited.id, edited.pinned, edited.line) == (entry.id, True, entry.line)
    assert edited.text.startswith("I work as the botanist")
    assert (own.text, own.id, own.pinned) == ("Has a desk by the window", None, True)
    assert [one.text for one in after["work_life"]["lab"]] == ["no 7"]
    assert after["relationships"] == before["relationships"]


async def test_a_category_that_a_person_made_is_in_the_profile(caroline: UserMemory, store: Path) -> None:
    (store / "caroline" / "categories" / "garden.md").write_text("- Grows beans\n", encoding="utf-8")
    [entry] = (await caroline.profile())["garden"][""]
    assert (entry.text, entry.path, entry.line) == ("Grows beans", "categories/garden.md", 1)


async def test_stats_count_what_is_there(caroline: UserMemory) -> None:
    await caroline.add({"role": "user", "content": "Tomorrow I will plant tulips."})
    [item] = await caroline.items(text="botanist")
    await caroline.delete_item(item.id)
    stats = await caroline.stats()
    assert (stats.user, stats.version) == ("caroline", FORMAT_VERSION)
    assert (stats.resources, stats.messages, stats.buffered, stats.pending) == (2, 5, 1, 0)
    assert dict(stats.items) == {"active": 2, "superseded": 0, "retracted": 1}
    assert (stats.events, stats.entries) == (3, 2)
    assert str(stats.first_date) == "2023-05-08"
    assert set(stats.bytes) == {"resources", "items", "events", "categories", "buffer", "derived"}
    assert all(size > 0 for size in stats.bytes.values())
    assert stats.segments >= 1
    assert "potion" in stats.fingerprint


async def test_stats_tell_what_models_took_by_step(caroline: UserMemory) -> None:
    assert (await caroline.stats()).usage == {}
    room = await caroline._shop.room(caroline.folder)
    taken = Usage(1, 100, 20, 1.5, 0.25)
    model = ScriptedModel(lambda request: ChatReply("x", usage=taken))
    meter = Meter(model, room.tools.settings, room.tools.now, ledger=caroline.folder.derived)
    steps: tuple[Step, ...] = ("judge", "judge", "extract")
    for step in steps:
        await meter.chat(ChatRequest(step, (ChatMessage("user", "x"),)))
    assert (await caroline.stats()).usage == {"extract": taken, "judge": taken + taken}
