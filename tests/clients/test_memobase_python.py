"""Memobase's own Python client, as PyPI has it, at a server process: each method, sync and async."""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import HTTPStatusError
from memobase import AsyncMemoBaseClient, ChatBlob, MemoBaseClient
from memobase.core.async_entry import AsyncUser
from memobase.core.blob import Blob, BlobType, CodeBlob, DocBlob, ImageBlob, SummaryBlob, TranscriptBlob
from memobase.core.entry import User
from memobase.error import ServerError

TOKEN = "secret"
TOLD = [
    {"role": "user", "content": "I adopted a guinea pig named Oscar and I play the cello.", "alias": "Mara"},
    {"role": "assistant", "content": "How lovely! Oscar is a good name."},
    {"role": "user", "content": "I work as a nurse in Porto & love C++ (100% + more)."},
]


async def done(value: Any) -> Any:
    """What a method of either client returned."""
    return await value if inspect.isawaitable(value) else value


@pytest.fixture(params=["sync", "async"])
async def client(request: pytest.FixtureRequest, server: str) -> AsyncIterator[Any]:
    if request.param == "async":
        async with AsyncMemoBaseClient(project_url=server, api_key=TOKEN) as found:
            yield found
    else:
        plain = MemoBaseClient(project_url=server, api_key=TOKEN)
        with plain.client:
            yield plain


@pytest.fixture
async def user(client: Any) -> Any:
    return await done(client.get_user(await done(client.add_user({"plan": "free"}))))


@pytest.fixture
async def known(user: Any) -> Any:
    """A user who has told something, memorized."""
    await done(user.insert(ChatBlob(messages=TOLD)))
    await done(user.flush(sync=True))
    return user


# -- the project


async def test_ping(client: Any, server: str) -> None:
    assert await done(client.ping())


async def test_get_config_and_update_config(client: Any) -> None:
    before = await done(client.get_config())
    text = "# ours\nadditional_user_profiles:\n  - topic: gaming\n    sub_topics: [rpg]\n"
    assert await done(client.update_config(text))
    assert await done(client.get_config()) == text
    with pytest.raises((ServerError, HTTPStatusError)):
        await done(client.update_config("llm_api_key: sk-other\n"))
    assert await done(client.get_config()) == text
    await done(client.update_config(before))


async def test_get_usage(client: Any, known: Any) -> None:
    assert isinstance(await done(client.get_usage()), dict)


async def test_get_daily_usage(client: Any, known: Any) -> None:
    days = await done(client.get_daily_usage(days=3))
    assert len(days) == 3
    assert days[0]["total_insert"] >= 1


async def test_add_user_update_user_get_user(client: Any) -> None:
    identity = await done(client.add_user({"plan": "free"}))
    assert UUID(identity).version == 4
    own = str(uuid4())
    assert await done(client.add_user(id=own)) == own
    assert await done(client.update_user(identity, {"plan": "paid"})) == identity
    found = await done(client.get_user(identity))
    assert (found.user_id, found.fields["data"]) == (identity, {"plan": "paid"})
    assert (await done(client.get_user(identity, no_get=True))).fields is None


async def test_get_or_create_user(client: Any) -> None:
    identity = str(uuid4())
    with pytest.raises(ServerError):
        await done(client.get_user(identity))
    assert (await done(client.get_or_create_user(identity))).user_id == identity
    assert (await done(client.get_or_create_user(identity))).fields["data"] == {}


async def test_delete_user(client: Any, known: Any) -> None:
    assert await done(client.delete_user(known.user_id))
    with pytest.raises(ServerError):
        await done(client.get_user(known.user_id))


async def test_get_all_users(client: Any, known: Any) -> None:
    found = await done(client.get_all_users(search=known.user_id))
    assert [one["id"] for one in found] == [known.user_id]
    assert found[0]["profile_count"] >= 1
    assert found[0]["event_count"] == 1
    everyone = await done(client.get_all_users(order_by="event_count", order_desc=True, limit=1))
    assert len(everyone) == 1


# -- blobs and the buffer

BLOBS: list[Blob] = [
    ChatBlob(messages=TOLD, fields={"app": "test"}),
    DocBlob(content="Mara keeps bees."),
    SummaryBlob(summary="Mara talked of bees."),
]


@pytest.mark.parametrize("blob", BLOBS, ids=lambda blob: blob.type)
async def test_insert_get_delete(user: Any, blob: Blob) -> None:
    identity = await done(user.insert(blob))
    found = await done(user.get(identity))
    assert found.get_blob_data() == blob.get_blob_data()
    assert found.fields == blob.fields
    assert await done(user.delete(identity))
    with pytest.raises(ServerError):
        await done(user.get(identity))


@pytest.mark.parametrize(
    "blob",
    [
        CodeBlob(content="print(1)", language="python"),
        TranscriptBlob(transcripts=[{"content": "I keep bees.", "start_timestamp_in_seconds": 1.5}]),
        ImageBlob(url="http://localhost/bee.png"),
    ],
    ids=lambda blob: blob.type,
)
async def test_insert_of_what_the_client_cannot_get(user: Any, blob: Blob) -> None:
    identity = await done(user.insert(blob))
    assert await done(user.get_all(blob.type)) == [identity]
    if not isinstance(blob, CodeBlob):  # of code, the client returns None
        with pytest.raises(NotImplementedError):
            await done(user.get(identity))


async def test_get_all(user: Any) -> None:
    ids = [await done(user.insert(DocBlob(content=f"Page {number}."))) for number in range(5)]
    pages = [await done(user.get_all(BlobType.doc, page=page, page_size=2)) for page in range(3)]
    assert sorted(ids) == sorted(one for page in pages for one in page)
    assert await done(user.get_all(BlobType.chat)) == []


async def test_buffer_and_flush(user: Any) -> None:
    identity = await done(user.insert(ChatBlob(messages=TOLD)))
    assert await done(user.buffer(BlobType.chat)) == [identity]
    assert await done(user.flush(BlobType.chat, sync=True))
    assert await done(user.buffer(BlobType.chat, "idle")) == []
    assert await done(user.buffer(BlobType.chat, "done")) == [identity]
    assert await done(user.buffer(BlobType.chat, "failed")) == []


async def test_insert_with_sync_runs_at_once(user: Any) -> None:
    await done(user.insert(ChatBlob(messages=TOLD), sync=True))
    assert await done(user.profile())


async def test_a_flush_that_is_not_waited_for_runs_soon(user: Any) -> None:
    await done(user.insert(ChatBlob(messages=TOLD)))
    assert await done(user.flush())
    until = time.monotonic() + 20
    while not await done(user.profile()):
        assert time.monotonic() < until
        time.sleep(0.05)  # noqa: ASYNC251  # nothing else runs here


# -- the profile


async def test_profile(known: Any) -> None:
    found = await done(known.profile())
    assert any("Oscar" in one.content for one in found)
    assert all(one.created_at.tzinfo and one.topic and one.sub_topic for one in found)
    nested = await done(known.profile(need_json=True))
    topics = sorted({one.topic for one in found})
    assert sorted(nested) == topics
    assert {one.topic for one in await done(known.profile(only_topics=[topics[0]]))} == {topics[0]}
    assert (await done(known.profile(prefer_topics=[topics[-1]])))[0].topic == topics[-1]
    assert await done(known.profile(max_token_size=1)) == []
    few = await done(known.profile(max_subtopic_size=1))
    assert len(few) == len(topics)
    none = await done(known.profile(topic_limits={topics[0]: 0, topics[-1]: 1}))
    assert topics[0] not in {one.topic for one in none}


async def test_profile_by_what_is_talked_of(known: Any) -> None:
    chats = [{"role": "user", "content": "What is 100% & + of my guinea pig's name?"}]
    found = await done(known.profile(chats=chats))
    assert "Oscar" in found[0].content


async def test_add_update_delete_profile(user: Any) -> None:
    identity = await done(user.add_profile("Plays chess", "interest", "games"))
    assert str(UUID(identity)) == identity
    first = (await done(user.profile()))[0]
    assert (first.topic, first.sub_topic, first.content) == ("interest", "games", "Plays chess")
    assert await done(user.update_profile(str(first.id), "Plays go", "interest", "board_games"))
    found = await done(user.profile())
    assert [(one.sub_topic, one.content) for one in found] == [("board_games", "Plays go")]
    assert await done(user.delete_profile(str(found[0].id)))
    assert await done(user.profile()) == []
    with pytest.raises(ServerError):
        await done(user.delete_profile(str(uuid4())))


async def test_an_added_profile_is_known_by_the_id_that_was_returned(user: Any) -> None:
    identity = await done(user.add_profile("Plays chess", "interest", "games"))
    assert await done(user.update_profile(identity, "Plays go", "interest", "games"))
    assert await done(user.delete_profile(str((await done(user.profile()))[0].id)))


# -- events


async def test_event(known: Any) -> None:
    found = await done(known.event(topk=5, max_token_size=500, need_summary=True))
    assert len(found) == 1
    assert found[0].event_data.event_tip
    assert any("Oscar" in delta.content for delta in found[0].event_data.profile_delta)
    assert await done(known.event(max_token_size=1)) == []


async def test_update_event(known: Any) -> None:
    event = (await done(known.event()))[0]
    data = {"event_tip": "Mara told of Oscar.", "event_tags": [{"tag": "mood", "value": "glad"}]}
    assert await done(known.update_event(str(event.id), data))
    new = (await done(known.event()))[0].event_data
    assert new.event_tip == "Mara told of Oscar."
    assert [(one.tag, one.value) for one in new.event_tags] == [("mood", "glad")]


async def test_delete_event(known: Any) -> None:
    event = (await done(known.event()))[0]
    assert await done(known.delete_event(str(event.id)))
    assert await done(known.event()) == []


async def test_search_event(known: Any) -> None:
    found = await done(known.search_event("Which pet & name? 100% +", similarity_threshold=0.0))
    assert found[0].similarity is not None
    assert await done(known.search_event("pet", similarity_threshold=1.0)) == []


async def test_search_event_gist(known: Any) -> None:
    found = await done(known.search_event_gist("guinea pig", topk=1, similarity_threshold=0.1))
    assert "Oscar" in found[0].gist_data.content


async def test_search_event_by_tags(known: Any) -> None:
    event = (await done(known.event()))[0]
    tags = [{"tag": "mood", "value": "glad"}, {"tag": "pet", "value": "guinea pig"}]
    await done(known.update_event(str(event.id), {"event_tags": tags}))
    if isinstance(known, User):  # the client for asyncio has no such method
        assert [one.id for one in known.search_event_by_tags(tags=["mood", "pet"])] == [event.id]
        assert [one.id for one in known.search_event_by_tags(tag_values={"pet": "guinea pig"})] == [event.id]
        assert known.search_event_by_tags(tag_values={"mood": "sad"}) == []
        assert known.search_event_by_tags(tags=["mood", "weather"]) == []


# -- the context


async def test_context(known: Any) -> None:
    assert "Oscar" in await done(known.context())
    chats = [{"role": "user", "content": "What is my guinea pig called? (100% & +)"}]
    text = await done(
        known.context(
            max_token_size=400,
            prefer_topics=["interest"],
            max_subtopic_size=5,
            topic_limits={"interest": 3},
            profile_event_ratio=0.5,
            require_event_summary=True,
            chats=chats,
            event_similarity_threshold=0.1,
            time_range_in_days=30,
            full_profile_and_only_search_event=True,
            fill_window_with_events=True,
        )
    )
    assert "Oscar" in text
    own = "Known & 100%+ sure:\n{profile_section}\nEvents:\n{event_section}"
    text = await done(known.context(customize_context_prompt=own))
    assert text.startswith("Known & 100%+ sure:\n")
    assert await done(known.context(only_topics=["none of them"], max_token_size=1)) == ""


async def test_what_is_buffered_is_in_the_context(user: Any) -> None:
    await done(user.insert(ChatBlob(messages=TOLD)))
    assert "Oscar" in await done(user.context())


# -- all of it


@pytest.mark.parametrize("kind", [MemoBaseClient, User, AsyncMemoBaseClient, AsyncUser])
def test_each_method_is_called(kind: type) -> None:
    own = {"client", "close"}  # the connection, which the fixtures use
    methods = [name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")]
    source = inspect.getsource(inspect.getmodule(test_each_method_is_called))  # type: ignore[arg-type]
    assert [name for name in methods if f".{name}(" not in source and name not in own] == []
