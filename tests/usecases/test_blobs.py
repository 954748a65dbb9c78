"""Blobs: durable under their id, given back as they came, listed, and deleted with all that came of them."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.config import Settings
from memu_like.errors import Conflict, InvalidInput, NotFound
from memu_like.models import Blob, BlobType, Modality, Status
from memu_like.pure.blobs import blob_lines, blob_of_lines
from memu_like.service import MemoryService, UserMemory

AT = datetime(2024, 5, 2, 9, 30, tzinfo=UTC)
CHAT: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "My dog Rufus is nine years old.", "alias": "Maya"},
        {"role": "assistant", "content": "A fine age."},
    ]
}
OF_EACH_TYPE = {
    "chat": CHAT,
    "doc": {"content": "# Notes\n\nI live in Porto with my sister Lena.\n"},
    "summary": {"summary": "Maya adores sailing and lives in Porto."},
    "code": {"content": "print('hello')\n", "language": "python"},
    "transcript": {
        "transcripts": [
            {"content": "I love horses.", "start_timestamp_in_seconds": 1.5, "speaker": "Maya"},
            {"content": "Since when?", "start_timestamp_in_seconds": 61, "speaker": "Theo"},
        ]
    },
    "image": {"url": "https://example.com/rufus.png"},
}


def chat(*texts: str, **more: Any) -> Blob:
    return Blob("chat", {"messages": [{"role": "user", "content": text} for text in texts]}, **more)


def files_with(store: Path, *words: str) -> list[str]:
    found = (path for path in store.rglob("*") if path.is_file())
    return [path.name for path in found if any(word.encode() in path.read_bytes() for word in words)]


# -- in and out


@pytest.mark.parametrize("kind", OF_EACH_TYPE)
async def test_a_blob_comes_out_as_it_came_in_before_its_run_and_after(
    memory: MemoryService, store: Path, kind: str
) -> None:
    user = memory.user("maya")
    blob = Blob(kind, OF_EACH_TYPE[kind], created_at=AT, fields={"session": "s1", "nested": {"n": [1, None]}})
    blob_id = await user.insert(blob)
    expected = Blob(BlobType(kind), OF_EACH_TYPE[kind], blob_id, AT, blob.fields)
    assert await user.blob(blob_id) == expected
    await user.flush()
    assert await user.blob(blob_id) == expected
    shutil.rmtree(store / "maya" / ".memu")
    async with MemoryService(Settings(store=store)) as again:
        assert await again.user("maya").blob(blob_id) == expected
        assert await again.user("maya").blobs(kind) == [blob_id]
        assert await again.user("maya").doctor() == []


async def test_an_id_is_a_uuid_unless_the_caller_brings_one(memory: MemoryService) -> None:
    user = memory.user("maya")
    assert uuid.UUID(await user.insert(chat("I live in Porto."))).version == 4
    assert await user.insert(chat("I moved to Faro.", id="row 17")) == "row 17"


async def test_what_was_inserted_outlives_the_service_at_once(store: Path) -> None:
    async with MemoryService(Settings(store=store)) as first:
        blob_id = await first.user("maya").insert(Blob("chat", CHAT))
        async with MemoryService(Settings(store=store)) as second:
            assert (await second.user("maya").blob(blob_id)).data == CHAT


async def test_a_blob_is_found_by_search_before_its_run(memory: MemoryService) -> None:
    user = memory.user("maya")
    await user.insert(Blob("doc", OF_EACH_TYPE["doc"]))
    assert any("Lena" in hit.text for hit in (await user.retrieve("Where does Lena live?")).hits)


async def test_each_type_becomes_what_it_is(memory: MemoryService) -> None:
    user = memory.user("maya")
    for kind, data in OF_EACH_TYPE.items():
        await user.insert(Blob(kind, data, created_at=AT))
    await user.flush()
    found = [(one.modality, one.file.rpartition(".")[2], one.lines) for one in await user.resources()]
    assert sorted(found) == [
        (Modality.CONVERSATION, "jsonl", 1),  # the image
        (Modality.CONVERSATION, "jsonl", 2),
        (Modality.CONVERSATION, "jsonl", 2),
        (Modality.DOCUMENT, "md", 4),
        (Modality.DOCUMENT, "txt", 1),
        (Modality.DOCUMENT, "txt", 2),
    ]
    assert {item.subject for item in await user.items(text="horses")} == {"Maya"}


async def test_a_transcript_is_dated_by_its_seconds(memory: MemoryService) -> None:
    user = memory.user("maya")
    await user.insert(Blob("transcript", OF_EACH_TYPE["transcript"], created_at=AT))
    await user.flush()
    [item] = await user.items(text="horses")
    assert item.mentioned_at == AT + timedelta(seconds=1.5)


async def test_a_naive_time_is_read_in_the_stores_zone(store: Path) -> None:
    async with MemoryService(Settings(store=store, timezone="Asia/Tokyo")) as memory:
        user = memory.user("maya")
        blob_id = await user.insert(chat("I live in Porto.", created_at=datetime(2024, 5, 2, 9, 30)))
        assert (await user.blob(blob_id)).created_at == datetime(2024, 5, 2, 0, 30, tzinfo=UTC)


async def test_days_apart_in_one_blob_are_resources_apart_and_still_one_blob(memory: MemoryService) -> None:
    user = memory.user("maya")
    messages = [
        {"role": "user", "content": f"I swam {day} laps today.", "created_at": f"2024-05-0{day}T10:00:00Z"}
        for day in (1, 3, 5)
    ]
    blob_id = await user.insert(Blob("chat", {"messages": messages}))
    await user.flush()
    assert len(await user.resources()) == 3
    assert (await user.blob(blob_id)).data == {"messages": messages}
    await user.delete_blob(blob_id)
    assert await user.resources() == []


# -- listing


async def test_blobs_are_listed_by_type_oldest_first_in_pages(memory: MemoryService) -> None:
    user = memory.user("maya")
    ids = []
    for number in range(7):
        ids.append(await user.insert(chat(f"I own {number} boats.", created_at=AT + timedelta(days=number))))
        if number == 4:
            await user.insert(Blob("doc", OF_EACH_TYPE["doc"]))
            await user.flush()
    assert await user.blobs("chat") == ids
    assert await user.blobs(BlobType.CHAT, page=1, page_size=3) == ids[3:6]
    assert await user.blobs("chat", page=9) == []
    assert len(await user.blobs("doc")) == 1
    for page, size in ((-1, 10), (0, 0)):
        with pytest.raises(InvalidInput):
            await user.blobs("chat", page, size)


async def test_another_process_sees_what_came_and_what_went(memory: MemoryService, store: Path) -> None:
    user = memory.user("maya")
    first = await user.insert(chat("I live in Porto."))
    await user.flush()
    async with MemoryService(Settings(store=store)) as other:
        there = other.user("maya")
        assert await there.blobs("chat") == [first]
        second = await user.insert(chat("I keep bees."))
        await user.flush()
        assert await there.blobs("chat") == [first, second]
        await user.delete_blob(first)
        assert await there.blobs("chat") == [second]


# -- the same again


async def test_the_same_blob_again_under_its_own_id_is_written_once(memory: MemoryService) -> None:
    user = memory.user("maya")
    for _ in range(2):
        await user.insert(chat("I live in Porto.", "I keep bees.", id="b1"))
    await user.flush()
    await user.insert(chat("I live in Porto.", "I keep bees.", id="b1"))
    await user.flush()
    stats = await user.stats()
    assert (stats.messages, stats.resources) == (2, 1)


async def test_the_same_blob_sent_at_once_many_times_counts_once(memory: MemoryService) -> None:
    user = memory.user("maya")
    blob = chat("I live in Porto.", "I live in Porto.", id="b1")
    await asyncio.gather(*(user.insert(blob) for _ in range(8)))
    await user.flush()
    assert (await user.stats()).messages == 2
    assert (await user.blob("b1")).data == blob.data


async def test_another_blob_under_a_known_id_is_refused(memory: MemoryService) -> None:
    user = memory.user("maya")
    await user.insert(chat("I live in Porto.", id="b1"))
    with pytest.raises(Conflict):
        await user.insert(chat("I live in Faro.", id="b1"))
    await user.flush()
    with pytest.raises(Conflict):
        await user.insert(chat("I live in Faro.", id="b1"))


@pytest.mark.parametrize("kind", ["chat", "doc"])
async def test_equal_words_under_two_ids_are_two_blobs(memory: MemoryService, kind: str) -> None:
    user = memory.user("maya")
    ids = [await user.insert(Blob(kind, OF_EACH_TYPE[kind], created_at=AT)) for _ in range(2)]
    await user.flush()
    ids.append(await user.insert(Blob(kind, OF_EACH_TYPE[kind], created_at=AT)))
    await user.flush()
    assert [(await user.blob(one)).data for one in ids] == [OF_EACH_TYPE[kind]] * 3
    for number, one in enumerate(ids, start=1):
        await user.delete_blob(one)
        assert sorted(await user.blobs(kind)) == sorted(ids[number:])
    assert await user.items() == []


# -- deleting


async def test_a_buffered_blob_is_deleted_and_its_neighbours_stay(memory: MemoryService, store: Path) -> None:
    user = memory.user("maya")
    await user.add({"role": "user", "content": "I live in Porto."})
    first, second = [await user.insert(chat(text)) for text in ("I keep bees.", "I play the cello.")]
    await user.delete_blob(first)
    assert files_with(store, "bees") == []
    with pytest.raises(NotFound):
        await user.blob(first)
    with pytest.raises(NotFound):
        await user.delete_blob(first)
    await user.flush()
    assert sorted(item.text for item in await user.items()) == ["I live in Porto.", "I play the cello."]
    assert await user.blobs("chat") == [second]


async def test_of_a_shared_conversation_only_the_blobs_own_words_go(
    memory: MemoryService, store: Path
) -> None:
    user = memory.user("maya")
    texts = (
        "I live in Porto with my cat Pip.",
        "I keep bees behind the shed.",
        "I play the cello on Mondays.",
    )
    ids = [await user.insert(chat(text, created_at=AT)) for text in texts]
    await user.flush()
    [resource] = await user.resources()
    before = {item.text: item for item in await user.items()}
    assert set(before) == set(texts)
    await user.delete_blob(ids[1])
    assert files_with(store, "bees", "shed") == []
    after = {item.text: item for item in await user.items(status="all")}
    assert after == {text: before[text] for text in (texts[0], texts[2])}
    assert await user.blobs("chat") == [ids[0], ids[2]]
    assert [one.id for one in await user.resources()] == [resource.id]
    assert not [hit for hit in (await user.retrieve("bees in the shed")).hits if "bees" in hit.text]
    assert await user.doctor() == []
    shutil.rmtree(store / "maya" / ".memu")
    await user.reindex()
    assert {item.text for item in await user.items()} == {texts[0], texts[2]}


async def test_what_a_person_deleted_stays_deleted_beside_a_deleted_blob(memory: MemoryService) -> None:
    user = memory.user("maya")
    ids = [await user.insert(chat(text, created_at=AT)) for text in ("I live in Porto.", "I keep bees.")]
    await user.flush()
    [porto] = await user.items(text="Porto")
    await user.delete_item(porto.id)
    await user.delete_blob(ids[1])
    await user.flush()
    assert await user.items() == []
    assert [(item.id, item.status) for item in await user.items(status="all")] == [
        (porto.id, Status.RETRACTED)
    ]


async def test_a_conversation_of_one_blob_goes_whole(memory: MemoryService, store: Path) -> None:
    user = memory.user("maya")
    blob_id = await user.insert(chat("I keep bees behind the shed."), wait=True)
    await user.delete_blob(blob_id)
    assert files_with(store, "bees") == []
    assert await user.resources() == []


async def test_a_delete_cut_short_is_finished_by_the_next_writer(memory: MemoryService, store: Path) -> None:
    """As `kill -9` leaves it once the journal names what goes."""
    user: UserMemory = memory.user("maya")
    texts = ("I live in Porto with my cat Pip.", "I keep bees behind the shed.")
    ids = [await user.insert(chat(text, created_at=AT)) for text in texts]
    await user.flush()
    [resource] = await user.resources()
    journal = f'{{"forget": {{"resource": "{resource.id}", "run": "20240502093000-00000001", '
    journal += '"now": "2024-05-02T09:30:00+00:00", "lines": [2]}}'
    (store / "maya" / ".memu" / "journal.json").write_text(journal)
    await user.flush()
    assert files_with(store, "bees") == []
    assert await user.blobs("chat") == ids[:1]
    assert [item.text for item in await user.items()] == [texts[0]]


# -- hostile input


@pytest.mark.parametrize(
    "blob",
    [
        Blob("song", CHAT),
        Blob("chat", {}),
        Blob("chat", {"messages": []}),
        Blob("chat", {"messages": "I live in Porto."}),
        Blob("chat", {"messages": ["I live in Porto."]}),
        Blob("chat", {"messages": [{"role": "user", "content": "I", "blob": {"id": "x"}}]}),
        Blob("chat", {"messages": [{"role": "king", "content": "I live in Porto."}]}),
        Blob("chat", {"messages": [{"role": "user", "content": {"deep": 1}}]}),
        Blob("doc", {"content": " "}),
        Blob("doc", {"text": "I live in Porto."}),
        Blob("summary", {"summary": 7}),
        Blob("transcript", {"transcripts": [{"start_timestamp_in_seconds": 1}]}),
        Blob("image", {}),
        Blob("doc", ["I live in Porto."]),  # type: ignore[arg-type]
        Blob("doc", {"content": "I\ud800"}),
        Blob("doc", {"content": "I\0"}),
        Blob("doc", {"content": "I live.", "more": {1, 2}}),
        Blob("chat", CHAT, fields={"at": datetime(2024, 1, 1)}),
        Blob("chat", CHAT, fields="no object"),  # type: ignore[arg-type]
        Blob("chat", CHAT, id=""),
        Blob("chat", CHAT, id="x" * 201),
        Blob("chat", CHAT, id="a\nb"),
        Blob("chat", CHAT, id=7),  # type: ignore[arg-type]
    ],
)
async def test_what_cannot_be_kept_is_refused_and_leaves_nothing(
    memory: MemoryService, store: Path, blob: Blob
) -> None:
    with pytest.raises(InvalidInput):
        await memory.user("maya").insert(blob)
    assert not (store / "maya").exists()


@pytest.mark.parametrize("mark", [5, {}, {"id": 5, "line": 1}, {"id": "x", "line": 1, "type": ["y"]}, None])
async def test_a_key_of_that_name_in_any_other_message_is_just_kept(
    memory: MemoryService, mark: object
) -> None:
    user = memory.user("maya")
    await user.add({"role": "user", "content": "I live in Porto.", "blob": mark})
    await user.flush()
    assert await user.blobs("chat") == []
    assert [item.text for item in await user.items()] == ["I live in Porto."]


async def test_path_like_ids_name_no_file(memory: MemoryService) -> None:
    user = memory.user("maya")
    await user.insert(chat("I live in Porto."), wait=True)
    for blob_id in ("../../x", "*", "", "user.json", "\0"):
        with pytest.raises(NotFound):
            await user.blob(blob_id)
        with pytest.raises(NotFound):
            await user.delete_blob(blob_id)


TEXT = st.text(min_size=1, max_size=30)
KEYS = st.text(min_size=1, max_size=8).filter(lambda key: key not in ("blob", "role", "created_at"))
MESSAGE = st.dictionaries(KEYS, st.none() | st.integers() | TEXT, max_size=3).map(
    lambda more: {"role": "user", "content": "Hello.", **more}
)


@given(messages=st.lists(MESSAGE, min_size=1, max_size=4), rest=st.dictionaries(KEYS, TEXT, max_size=2))
def test_any_chat_comes_back_from_its_lines(messages: list[dict[str, Any]], rest: dict[str, str]) -> None:
    data = {**{key: value for key, value in rest.items() if key != "messages"}, "messages": messages}
    lines = blob_lines(Blob("chat", data), "b1", AT)
    assert blob_of_lines(list(reversed(lines))) == Blob(BlobType.CHAT, data, "b1", AT)


async def test_a_blob_can_be_for_a_user_that_is_there_only(memory: MemoryService, store: Path) -> None:
    with pytest.raises(NotFound):
        await memory.user("maya").insert(chat("I like tea."), new_user=False)
    assert not (store / "maya").exists()
    await memory.create_user("maya")
    blob_id = await memory.user("maya").insert(chat("I like tea."), new_user=False)
    assert await memory.user("maya").buffered() == [blob_id]
