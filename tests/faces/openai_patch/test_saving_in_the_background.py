"""Exchanges are saved at once, in the background and in order, and none is lost unseen."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from edges.llm.chat_server import ChatServer, completion, streamed
from filelock import FileLock
from openai import AsyncOpenAI, OpenAI
from remembering import ASKED, MARA, TOLD, by_user, chat, chunks, done, saved

from memu_like import MemoryService, openai_memory
from memu_like.errors import ConfigError, InvalidInput, StorageError

WHOLE = [TOLD, "hello"]


def contents(store: Path, user_id: str = MARA) -> list[str]:
    return [message["content"] for message in saved(store, user_id)]


@pytest.fixture
def echoing(model: ChatServer) -> ChatServer:
    """Answers with the question in capitals."""
    model.answers = [lambda body: completion(body["messages"][-1]["content"].upper())]
    return model


# -- several at once


async def test_threads_share_a_client(echoing: ChatServer, store: Path) -> None:
    client: Any = openai_memory(OpenAI(base_url=echoing.url, api_key="k"), store)

    def talk(user_id: str) -> None:
        for number in range(10):
            messages = [by_user(f"{user_id} says {number}")]
            client.chat.completions.create(model="m", messages=messages, user_id=user_id)

    with ThreadPoolExecutor(2) as pool:
        await asyncio.to_thread(lambda: list(pool.map(talk, ["mara", "nia"])))
    client.close_memory()
    assert not client.memory_errors
    for user_id in ("mara", "nia"):
        asked = [f"{user_id} says {number}" for number in range(10)]
        assert contents(store, user_id) == [text for one in asked for text in (one, one.upper())]
    client.close()


async def test_threads_that_ask_for_one_user_lose_nothing(echoing: ChatServer, store: Path) -> None:
    client: Any = openai_memory(OpenAI(base_url=echoing.url, api_key="k"), store)

    def ask(number: int) -> None:
        client.chat.completions.create(model="m", messages=[by_user(f"no. {number}")], user_id=MARA)

    with ThreadPoolExecutor(4) as pool:
        await asyncio.to_thread(lambda: list(pool.map(ask, range(20))))
    client.close_memory()
    found = contents(store)
    assert sorted(found[::2]) == sorted(f"no. {number}" for number in range(20))
    assert [text.upper() for text in found[::2]] == found[1::2]
    client.close()


async def test_tasks_share_a_client(echoing: ChatServer, store: Path) -> None:
    async with (
        AsyncOpenAI(base_url=echoing.url, api_key="k") as plain,
        MemoryService(store) as service,
    ):
        client: Any = openai_memory(plain, service)
        await asyncio.gather(*(chat(client, f"no. {number}") for number in range(20)))
    found = contents(store)
    assert sorted(found[::2]) == sorted(f"no. {number}" for number in range(20))
    assert [text.upper() for text in found[::2]] == found[1::2]
    assert not client.memory_errors


async def test_a_sync_and_an_async_client_share_a_service(model: ChatServer, store: Path) -> None:
    service = MemoryService(store)
    sync: Any = openai_memory(OpenAI(base_url=model.url, api_key="k"), service)
    other: Any = openai_memory(AsyncOpenAI(base_url=model.url, api_key="k"), service)
    await chat(sync, TOLD)
    sync.get_memory_prompt(MARA)  # waits until it is saved
    await chat(other, ASKED)
    assert TOLD in model.requests[-1]["messages"][0]["content"]
    await chat(other, "And hers?")
    sync.close_memory()
    assert len(saved(store)) == 6
    assert not sync.memory_errors
    assert not other.memory_errors
    sync.close()
    await other.close()


async def test_what_one_client_saves_the_next_reads(model: ChatServer, store: Path) -> None:
    """A web application makes a client a request. The file's lock holds the first one's save up."""
    async with MemoryService(store) as service:
        await service.user(MARA).add([by_user("Good morning.")])
        lock = FileLock(store / MARA / ".memu" / "buffer.lock")
        async with AsyncOpenAI(base_url=model.url, api_key="k") as plain:
            with lock:
                await chat(openai_memory(plain, service), TOLD)
                async with AsyncOpenAI(base_url=model.url, api_key="k") as other:
                    asked = asyncio.create_task(chat(openai_memory(other, service), ASKED))
                    await asyncio.sleep(0.2)
                    assert not asked.done()
                    lock.release()
                    await asked
    assert TOLD in model.requests[-1]["messages"][0]["content"]


# -- a service of the application's own


async def test_a_service_saves_what_is_on_its_way_before_it_closes(model: ChatServer, store: Path) -> None:
    model.answers = [completion(), streamed("A good", " name!"), streamed("One", " more")]
    async with AsyncOpenAI(base_url=model.url, api_key="k") as plain:
        async with MemoryService(store) as service:
            client: Any = openai_memory(plain, service)
            await chat(client, TOLD)
            await chunks(await chat(client, "streamed", stream=True))
            left = await chat(client, "left", stream=True)
            await chunks(left, 1)
        assert contents(store) == [*WHOLE, "streamed", "A good name!", "left", "One"]
        assert not client.memory_errors
        await left.close()


async def test_closing_the_memory_of_a_service_leaves_it_open(model: ChatServer, store: Path) -> None:
    async with AsyncOpenAI(base_url=model.url, api_key="k") as plain, MemoryService(store) as service:
        client: Any = openai_memory(plain, service)
        await chat(client, TOLD)
        await client.close_memory()
        assert contents(store) == WHOLE
        await service.user(MARA).add([by_user(ASKED)])
        await chat(client, "More.")
    assert contents(store) == [*WHOLE, ASKED, "More.", "hello"]


async def test_a_service_entered_after_patching_is_used_where_it_was_entered(
    model: ChatServer, store: Path
) -> None:
    service = MemoryService(store)
    async with AsyncOpenAI(base_url=model.url, api_key="k") as plain:
        client: Any = openai_memory(plain, service)
        async with service:
            await chat(client, TOLD)
            assert service.loop is asyncio.get_running_loop()
    assert contents(store) == WHOLE


async def test_a_sync_client_does_not_wait_for_the_loop_that_it_blocks(
    model: ChatServer, store: Path
) -> None:
    async with MemoryService(store) as service:
        client: Any = openai_memory(OpenAI(base_url=model.url, api_key="k"), service)
        with pytest.raises(ConfigError, match="use AsyncOpenAI"):
            await chat(client, TOLD)
        assert model.requests == []
        await asyncio.to_thread(
            client.chat.completions.create, model="m", messages=[by_user(TOLD)], user_id=MARA
        )
    assert contents(store) == WHOLE
    client.close()


async def test_what_is_asked_after_the_end_says_so(client: Any, model: ChatServer, store: Path) -> None:
    await chat(client, TOLD)
    await done(client.close_memory())
    await done(client.close_memory())
    with pytest.raises(ConfigError, match="has ended"):
        await chat(client, ASKED)
    with pytest.raises(ConfigError, match="has ended"):
        await done(client.get_memory_prompt(MARA))
    assert (await chat(client, ASKED, None)).choices[0].message.content == "hello"


def test_a_client_for_asyncio_outlives_a_loop(model: ChatServer, store: Path) -> None:
    async def talk(text: str) -> Any:
        async with AsyncOpenAI(base_url=model.url, api_key="k") as plain:
            client: Any = openai_memory(plain, service)
            await chat(client, text)
            return client

    service = MemoryService(store)
    asyncio.run(talk(TOLD))
    last = asyncio.run(talk(ASKED))
    assert TOLD in model.requests[-1]["messages"][0]["content"]
    asyncio.run(last.close_memory())
    assert contents(store) == [*WHOLE, ASKED, "hello"]


# -- failures


async def test_what_cannot_be_saved_is_told_and_kept(
    client: Any, model: ChatServer, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.write_text("no directory")
    with caplog.at_level(logging.ERROR, "memu_like"):
        assert (await chat(client, TOLD)).choices[0].message.content == "hello"
        await done(client.close_memory())
    fault = client.memory_errors[-1]
    assert fault.user_id == MARA
    assert isinstance(fault.error, StorageError)
    assert [message["content"] for message in fault.messages] == WHOLE
    assert "2 messages were not saved" in caplog.text
    assert TOLD not in caplog.text


async def test_memory_that_cannot_be_read_does_not_stop_the_chat(
    client: Any, model: ChatServer, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await chat(client, TOLD)
    await done(client.flush(MARA))
    (store / MARA / "user.json").write_text("{")
    with caplog.at_level(logging.ERROR, "memu_like"):
        await chat(client, ASKED)
    assert model.requests[-1]["messages"] == [by_user(ASKED)]
    assert "memory was not read" in caplog.text
    assert client.memory_errors[0].messages == ()
    assert client.memory_errors[0].user_id == MARA


async def test_a_message_that_memory_refuses_is_told(client: Any, model: ChatServer, store: Path) -> None:
    await chat(client, "x" * 50_000_000)
    await done(client.close_memory())
    assert isinstance(client.memory_errors[-1].error, InvalidInput)
    assert len(client.memory_errors[-1].messages) == 2


async def test_what_ends_after_the_service_is_told_and_kept(model: ChatServer, store: Path) -> None:
    model.answers = [streamed("A good", " name!")]
    async with AsyncOpenAI(base_url=model.url, api_key="k") as plain:
        async with MemoryService(store) as service:
            client: Any = openai_memory(plain, service)
            raw = await client.chat.completions.with_raw_response.create(
                model="m", messages=[by_user(TOLD)], user_id=MARA, stream=True
            )
            service.guests.clear()  # as if it had closed before this client was made
        await chunks(raw.parse())
        await client.close_memory()  # which waits for it
    (fault,) = client.memory_errors
    assert isinstance(fault.error, RuntimeError)
    assert [message["content"] for message in fault.messages] == [TOLD, "A good name!"]


def test_a_client_without_a_request_starts_no_thread(store: Path) -> None:
    before = threading.active_count()
    client: Any = openai_memory(OpenAI(api_key="k"), store)
    assert threading.active_count() == before
    client.close_memory()
    client.close()
