"""The buffer: when it is flushed, in which state a blob is, and that a failure never loses a message."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from memu_like.chat import ChatReply, ChatRequest
from memu_like.config import Settings
from memu_like.edges.llm.scripted import ScriptedModel
from memu_like.errors import InvalidInput, ModelUnavailable
from memu_like.models import Blob, BlobType
from memu_like.service import MemoryService, UserMemory

HANGING = 60.0
"""Seconds after which a test gives up waiting: no figure of how fast anything is."""
LONG = "I have a garden with an old fig tree, and every autumn my neighbours and I make jam of its figs."
EMPTY_REPLY = json.dumps({"items": [], "title": "t", "summary": "Maya talks."})


def chat(text: str) -> Blob:
    return Blob("chat", {"messages": [{"role": "user", "content": text}]})


def service(store: Path, model: Any = None, **settings: Any) -> MemoryService:
    values = {"max_chat_blob_buffer_token_size": 50, "flush_retry_seconds": 0.05, **settings}
    return MemoryService(Settings(store=store, **values), model=model, background=True)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(HANGING):
        while not await true():  # noqa: ASYNC110  # what is waited for is a file
            await asyncio.sleep(0.02)


async def done(user: UserMemory, count: int, kind: str = "chat") -> None:
    """Wait until so many blobs are done."""

    async def are_done() -> bool:
        return len(await user.buffered(kind, "done")) == count

    await until(are_done)


def age(store: Path, user_id: str, seconds: float) -> None:
    """Make a buffer look as if nothing had been added to it for so long."""
    path = store / user_id / "buffer.jsonl"
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


# -- when


async def test_a_buffer_is_flushed_once_it_is_over_its_tokens(store: Path) -> None:
    async with service(store) as memory:
        user = memory.user("maya")
        first = await user.insert(chat("I live in Porto."))
        await asyncio.sleep(0.3)
        assert await user.buffered() == [first]
        await user.insert(chat(LONG))
        await user.insert(chat(LONG))
        await done(user, 3)
        assert [item.text for item in await user.items(text="Porto")] == ["I live in Porto."]


async def test_a_buffer_is_flushed_once_it_is_idle_for_long(store: Path) -> None:
    async with service(store, buffer_flush_interval=0.2) as memory:
        user = memory.user("maya")
        await user.insert(chat("I live in Porto."))
        await done(user, 1)


async def test_messages_that_are_added_count_as_blobs_do(store: Path) -> None:
    async with service(store) as memory:
        user = memory.user("maya")
        await user.add([{"role": "user", "content": LONG}] * 3)

        async def read() -> bool:
            return bool(await user.events())

        await until(read)


async def test_with_no_background_nothing_is_flushed_unasked(store: Path) -> None:
    settings = Settings(store=store, max_chat_blob_buffer_token_size=1, buffer_flush_interval=0.01)
    async with MemoryService(settings) as memory:
        user = memory.user("maya")
        blob_id = await user.insert(chat(LONG))
        await asyncio.sleep(0.3)
        assert await user.buffered() == [blob_id]
        await user.flush(wait=False)
        await done(user, 1)


async def test_insert_that_waits_has_had_its_run(memory: MemoryService) -> None:
    user = memory.user("maya")
    blob_id = await user.insert(chat("I live in Porto."), wait=True)
    assert await user.buffered("chat", "done") == [blob_id]
    assert [item.text for item in await user.items()] == ["I live in Porto."]


@pytest.mark.parametrize("flushes", [True, False])
async def test_closing_flushes_where_it_is_asked_to(store: Path, flushes: bool) -> None:
    settings = Settings(store=store, flush_on_close=flushes)
    async with MemoryService(settings) as memory:
        for name in ("maya", "theo"):
            await memory.user(name).insert(chat("I live in Porto."))
    async with MemoryService(Settings(store=store)) as memory:
        for name in ("maya", "theo"):
            assert len(await memory.user(name).buffered("chat", "done" if flushes else "idle")) == 1


async def test_draining_flushes_all_and_leaves_the_service_usable(store: Path) -> None:
    async with service(store, max_chat_blob_buffer_token_size=10_000) as memory:
        user = memory.user("maya")
        await user.insert(chat("I live in Porto."))
        await memory.drain(flush=True)
        assert len(await user.buffered("chat", "done")) == 1
        later = await user.insert(chat("I keep bees."))
        assert await user.buffered() == [later]


async def test_draining_an_idle_service_ends(store: Path) -> None:
    async with service(store) as memory, asyncio.timeout(HANGING):
        await memory.drain()


# -- after a restart


async def test_a_restart_finds_what_is_over_size_overdue_or_was_cut_short(store: Path) -> None:
    async with MemoryService(Settings(store=store)) as memory:
        for name in ("large", "old", "young", "cut short", "empty"):
            await memory.user(name).insert(chat(LONG if name == "large" else "I live in Porto."))
        await memory.user("large").insert(chat(LONG))
        await memory.user("large").insert(chat(LONG))
        await memory.user("empty").flush()
    age(store, "old", 4000)
    folder = store / "cut%20short"
    (folder / "buffer.jsonl").rename(folder / "buffer-000001.jsonl")
    async with service(store) as memory:
        await done(memory.user("large"), 3)
        await done(memory.user("old"), 1)
        await done(memory.user("cut short"), 1)
        assert len(await memory.user("young").buffered()) == 1


async def test_a_restart_makes_the_runs_that_a_model_had_not_answered(store: Path) -> None:
    async with MemoryService(
        Settings(store=store), model=ScriptedModel([ModelUnavailable("it is down")])
    ) as memory:
        await memory.user("maya").insert(chat("I live in Porto."), wait=True)
        assert len(await memory.user("maya").buffered("chat", "failed")) == 1
    async with service(store, ScriptedModel(lambda _: EMPTY_REPLY)) as memory:
        await done(memory.user("maya"), 1)


# -- states


async def test_the_states_of_blobs(store: Path) -> None:
    began, answer = asyncio.Event(), asyncio.Event()

    class Slow(ScriptedModel):
        async def chat(self, request: ChatRequest) -> ChatReply:
            began.set()
            await answer.wait()
            return await super().chat(request)

    async with service(store, Slow(lambda _: EMPTY_REPLY)) as memory, asyncio.timeout(HANGING):
        user = memory.user("maya")
        first = await user.insert(chat("I live in Porto."))
        await user.insert(Blob("doc", {"content": "Of bees."}))
        counts = await user.buffer_states()
        assert (counts[BlobType.CHAT].idle, counts[BlobType.DOC].idle) == (1, 1)
        assert counts[BlobType.CHAT].tokens == 5
        await user.flush(wait=False)
        await began.wait()
        second = await user.insert(chat("I keep bees."))
        assert await user.buffered("chat", "processing") == [first]
        assert await user.buffered("chat", "idle") == [second]
        answer.set()
        await done(user, 1)
        await done(user, 1, "doc")
        assert await user.buffered("chat", "idle") == [second]
        counts = await user.buffer_states()
        assert (counts[BlobType.CHAT].idle, counts[BlobType.CHAT].done) == (1, 1)


async def test_added_messages_are_counted_beside_the_blobs(memory: MemoryService) -> None:
    user = memory.user("maya")
    await user.add({"role": "user", "content": "I live in Porto."})
    await user.insert(chat("I keep bees."))
    count = (await user.buffer_states())[BlobType.CHAT]
    assert (count.idle, count.messages, count.tokens) == (1, 1, 9)


@pytest.mark.parametrize(("kind", "status"), [("song", "idle"), ("chat", "asleep")])
async def test_an_unknown_type_or_state_is_refused(memory: MemoryService, kind: str, status: str) -> None:
    user = memory.user("maya")
    await user.insert(chat("I live in Porto."))
    with pytest.raises(InvalidInput):
        await user.buffered(kind, status)


# -- failures


async def test_a_model_that_is_down_is_asked_again_and_nothing_is_lost(store: Path) -> None:
    failures = 3

    def answers(_: ChatRequest) -> str:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise ModelUnavailable("it is down")
        return EMPTY_REPLY

    async with service(store, ScriptedModel(answers)) as memory:
        user = memory.user("maya")
        for _ in range(3):
            await user.insert(chat(LONG))
        await done(user, 3)
        await until(lambda: _flawless(memory))  # what a run did is on disk a moment before it is noted
        assert (await user.stats()).messages == 3


async def test_replies_that_cannot_be_used_are_asked_for_so_often_and_then_wait(store: Path) -> None:
    model = ScriptedModel(lambda _: "no json")
    async with service(store, model, flush_retries=2, background_workers=1) as memory:
        user = memory.user("maya")
        for _ in range(3):
            await user.insert(chat(LONG))

        async def given_up() -> bool:
            return len(model.requests) == 4  # each reply is asked for once more

        await until(given_up)
        await until(lambda: _failed(memory))
        await asyncio.sleep(0.5)
        assert len(model.requests) == 4
        assert len(await user.buffered("chat", "failed")) == 3
        assert list(memory.flush_errors) == ["maya"]


async def _flawless(memory: MemoryService) -> bool:
    return not memory.flush_errors


async def _failed(memory: MemoryService) -> bool:
    return "maya" in memory.flush_errors


async def test_one_users_broken_folder_holds_up_nobody_and_is_done_once_it_is_mended(store: Path) -> None:
    async with service(store, background_workers=1) as memory:
        broken, sound = memory.user("broken"), memory.user("sound")
        await broken.insert(chat("I live in Porto."))
        path = store / "broken" / "buffer.jsonl"
        whole = path.read_bytes()
        path.write_bytes(whole + b"{not json\n")
        await broken.flush(wait=False)

        async def noted() -> bool:
            return "broken" in memory.flush_errors

        await until(noted)
        assert "not JSON" in memory.flush_errors["broken"]
        await sound.insert(chat(LONG * 3))
        await done(sound, 1)
        [aside] = (store / "broken").glob("buffer-*.jsonl")
        aside.write_bytes(whole)
        await done(broken, 1)
        await until(lambda: _flawless(memory))


async def test_a_user_who_is_forgotten_stays_forgotten(store: Path) -> None:
    async with service(store, buffer_flush_interval=0.3) as memory:
        user = memory.user("maya")
        await user.insert(chat("I live in Porto."))
        await user.forget()
        await asyncio.sleep(0.8)
        assert not (store / "maya").exists()


# -- order and bounds


async def test_no_more_users_at_once_than_workers_and_one_run_a_user(store: Path) -> None:
    at_work: list[int] = []
    most = 0
    seen: list[str] = []

    class Counting(ScriptedModel):
        async def chat(self, request: ChatRequest) -> ChatReply:
            nonlocal most
            seen.append(request.messages[-1].content)
            at_work.append(1)
            most = max(most, len(at_work))
            await asyncio.sleep(0.02)
            at_work.pop()
            return await super().chat(request)

    model = Counting(lambda _: EMPTY_REPLY)
    async with service(store, model, background_workers=2, max_chat_blob_buffer_token_size=5) as memory:
        for number in range(12):
            await memory.user(f"u{number}").insert(chat(f"My house number is {number}, near the old mill."))
        for number in range(12):
            await done(memory.user(f"u{number}"), 1)
    assert most <= 2


async def test_of_one_user_what_came_first_is_run_on_first(store: Path) -> None:
    async with service(store, max_chat_blob_buffer_token_size=5) as memory:
        user = memory.user("maya")
        for number in range(20):
            await user.insert(chat(f"My house number was {number} in the year {1990 + number}."))
            if number % 5 == 4:
                await asyncio.sleep(0.1)
        await done(user, 20)
        events = sorted(await user.events(), key=lambda event: event.id)
        starts = [(await user.resource(event.resources[0])).created_at for event in events]
        assert starts == sorted(starts)
        assert (await user.stats()).messages == 20


async def test_a_message_of_megabytes_is_run_on_in_parts(store: Path) -> None:
    sentence = "I keep bees behind the shed and sell their honey on the market in Braga. "
    calls: list[int] = []

    def answer(request: ChatRequest) -> str:
        calls.append(len(request.messages[-1].content))
        return EMPTY_REPLY

    settings: dict[str, Any] = {"extract_tokens": 400_000, "max_chat_blob_buffer_token_size": 1024}
    async with service(store, ScriptedModel(answer), **settings) as memory:
        user = memory.user("maya")
        blob = chat(sentence * (5_000_000 // len(sentence)))
        blob_id = await user.insert(blob)
        await done(user, 1)
        assert len(calls) > 1
        assert (await user.blob(blob_id)).data == blob.data


@pytest.fixture
async def many(store: Path) -> AsyncIterator[MemoryService]:
    async with MemoryService(Settings(store=store)) as memory:
        for number in range(300):
            await memory.user(f"u{number}").insert(chat("I live in Porto."))
    async with service(store, buffer_flush_interval=1.0) as memory:
        yield memory


async def test_all_users_of_a_store_are_found_whatever_their_number(many: MemoryService) -> None:
    async def all_done() -> bool:
        return all([not await many.user(f"u{number}").buffered() for number in range(300)])

    await until(all_done)
    assert not many.flush_errors
