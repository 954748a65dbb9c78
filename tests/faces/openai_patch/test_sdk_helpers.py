"""The SDK's other ways to ask, the helpers that a client gets, and its copies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest
from edges.llm.chat_server import (
    ChatServer,
    completion,
    response,
    response_events,
    streamed,
)
from pydantic import BaseModel
from remembering import ASKED, MARA, TOLD, by_user, chat, chunks, done, said, saved

from memu_like import MemoryService, Settings, openai_memory
from memu_like.errors import ConfigError, InvalidInput

REPLY = '{"name": "Oscar", "kind": "guinea pig"}'


class Pet(BaseModel):
    name: str
    kind: str


def asking(**how: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [by_user(TOLD)], "user_id": MARA, **how}


# -- parse and stream


async def test_parsed_completions_are_saved_as_their_text(
    client: Any, model: ChatServer, store: Path
) -> None:
    model.answers = [completion(REPLY)]
    answer = await done(client.chat.completions.parse(**asking(response_format=Pet)))
    assert answer.choices[0].message.parsed == Pet(name="Oscar", kind="guinea pig")
    assert model.requests[-1]["response_format"]["json_schema"]["name"] == "Pet"
    assert await said(client, store) == [("user", TOLD), ("assistant", REPLY)]


async def test_parsed_responses_are_saved_as_their_text(client: Any, model: ChatServer, store: Path) -> None:
    model.answers = [response(REPLY)]
    asked = client.responses.parse(model="m", input=TOLD, user_id=MARA, text_format=Pet)
    assert (await done(asked)).output_parsed == Pet(name="Oscar", kind="guinea pig")
    assert await said(client, store) == [("user", TOLD), ("assistant", REPLY)]


async def events_of(manager: Any) -> tuple[Any, list[Any]]:
    """The stream that either client's manager opens, and what it gives."""
    if hasattr(manager, "__aenter__"):
        async with manager as stream:
            return stream, await chunks(stream)
    with manager as stream:
        return stream, await chunks(stream)


async def test_the_helper_of_streamed_completions_has_memory(
    client: Any, model: ChatServer, store: Path
) -> None:
    await chat(client, "My sister is called Nia.")
    model.answers = [streamed({"role": "assistant", "content": REPLY[:12]}, REPLY[12:])]
    stream, events = await events_of(client.chat.completions.stream(**asking(response_format=Pet)))
    assert "content.delta" in {event.type for event in events}
    final = await done(stream.get_final_completion())
    assert final.choices[0].message.parsed == Pet(name="Oscar", kind="guinea pig")
    assert "Nia" in model.requests[-1]["messages"][0]["content"]
    assert (await said(client, store))[2:] == [("user", TOLD), ("assistant", REPLY)]


async def test_the_helper_of_streamed_responses_has_memory(
    client: Any, model: ChatServer, store: Path
) -> None:
    await chat(client, "My sister is called Nia.")
    model.answers = [response_events(REPLY[:12], REPLY[12:])]
    stream, _ = await events_of(client.responses.stream(model="m", input=TOLD, user_id=MARA, text_format=Pet))
    assert (await done(stream.get_final_response())).output_parsed == Pet(name="Oscar", kind="guinea pig")
    assert "Nia" in model.requests[-1]["instructions"]
    assert (await said(client, store))[2:] == [("user", TOLD), ("assistant", REPLY)]


async def test_helpers_without_a_user_are_the_sdks_own(client: Any, model: ChatServer, store: Path) -> None:
    model.answers = [completion(REPLY), streamed(REPLY)]
    await done(client.chat.completions.parse(**asking(response_format=Pet, user_id=None)))
    await events_of(client.chat.completions.stream(**asking(user_id=None)))
    assert all(request["messages"] == [by_user(TOLD)] for request in model.requests)
    assert await said(client, store) == []


# -- raw responses


async def test_a_raw_response_is_saved_when_it_is_parsed(client: Any, model: ChatServer, store: Path) -> None:
    raw = await done(client.chat.completions.with_raw_response.create(**asking()))
    assert raw.headers["content-type"] == "application/json"
    assert raw.http_response.status_code == 200
    assert raw.parse().choices[0].message.content == "hello"
    assert raw.parse().choices[0].message.content == "hello"
    assert await said(client, store) == [("user", TOLD), ("assistant", "hello")]


async def test_raw_responses_that_were_made_before_are_made_again(plain: Any, store: Path) -> None:
    assert plain.chat.completions.with_raw_response
    client = openai_memory(plain, store)
    (await done(client.chat.completions.with_raw_response.create(**asking()))).parse()
    assert await said(client, store) == [("user", TOLD), ("assistant", "hello")]


async def test_a_raw_response_that_is_not_parsed_leaves_the_question(client: Any, store: Path) -> None:
    raw = await done(client.chat.completions.with_raw_response.create(**asking()))
    assert "hello" in raw.text
    del raw
    assert await said(client, store) == [("user", TOLD)]


async def test_a_raw_response_that_cannot_be_parsed_says_so_to_the_caller(
    client: Any, model: ChatServer, store: Path
) -> None:
    model.answers = [completion("no JSON")]
    raw = await done(client.chat.completions.with_raw_response.parse(**asking(response_format=Pet)))
    with pytest.raises(ValueError, match="Pet"):
        raw.parse()
    assert await said(client, store) == [("user", TOLD)]


async def test_the_stream_of_a_raw_response_is_remembered(
    client: Any, model: ChatServer, store: Path
) -> None:
    model.answers = [streamed("A good", " name!")]
    raw = await done(client.chat.completions.with_raw_response.create(**asking(stream=True)))
    await chunks(raw.parse())
    assert await said(client, store) == [("user", TOLD), ("assistant", "A good name!")]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_response_that_is_read_by_and_by_is_saved_when_it_is_parsed(
    client: Any, model: ChatServer, store: Path, stream: bool
) -> None:
    model.answers = [streamed("A good", " name!") if stream else completion("A good name!")]
    manager = client.chat.completions.with_streaming_response.create(**asking(stream=stream))
    if isinstance(client, openai.AsyncOpenAI):
        async with manager as opened:
            parsed = await opened.parse()
            await chunks(parsed) if stream else None
    else:
        with manager as opened:
            parsed = opened.parse()
            await chunks(parsed) if stream else None
    assert await said(client, store) == [("user", TOLD), ("assistant", "A good name!")]


# -- what the client gets


async def test_the_profile_is_there_after_a_flush(client: Any) -> None:
    assert await done(client.get_profile(MARA)) == []
    assert await done(client.get_memory_prompt(MARA)) == ""
    await chat(client, TOLD)
    report = await done(client.flush(MARA))
    assert (report.user, report.messages) == (MARA, 2)
    (slot,) = await done(client.get_profile(MARA))
    assert "Oscar" in slot.content
    assert "Oscar" in await done(client.get_memory_prompt(MARA))


async def test_a_prompt_for_a_query_has_what_bears_on_it_first(client: Any) -> None:
    for text in (TOLD, "I play the cello.", "My sister lives in Porto."):
        await chat(client, text)
    prompt = await done(client.get_memory_prompt(MARA, "Which instrument?"))
    assert "## Relevant" in prompt
    assert "cello" in prompt


async def test_a_copy_has_the_same_memory(client: Any, model: ChatServer, store: Path) -> None:
    quick = client.with_options(timeout=5.0)
    await chat(quick, TOLD)
    await chat(client.copy().with_options(max_retries=0), ASKED)
    assert TOLD in model.requests[-1]["messages"][0]["content"]
    assert quick.timeout == 5.0
    assert len(await said(client, store)) == 4
    assert quick.memory_errors is client.memory_errors


async def test_other_clients_stay_as_they_are(client: Any, model: ChatServer, store: Path) -> None:
    other = type(client)(base_url=model.url, api_key="k")
    assert not hasattr(other, "get_profile")
    with pytest.raises(TypeError, match="user_id"):
        await chat(other, TOLD)
    await done(other.close())


async def test_beta_is_left_alone(client: Any) -> None:
    with pytest.raises(TypeError, match="user_id"):
        await done(client.beta.chat.completions.create(**asking()))


# -- patching


async def test_patching_again_with_the_same_memory_patches_once(
    client: Any, model: ChatServer, store: Path
) -> None:
    assert openai_memory(client, str(store)) is client
    await chat(client, TOLD)
    assert len(await said(client, store)) == 2
    with pytest.raises(ConfigError, match="another memory"):
        openai_memory(client, store.parent / "other")


async def test_settings_name_the_store_too(plain: Any, store: Path) -> None:
    client = openai_memory(plain, Settings(store=store, embedder="none"))
    await chat(client, TOLD)
    assert (await said(client, store))[0] == ("user", TOLD)


def test_what_is_no_client_and_no_memory_is_refused(store: Path) -> None:
    client = openai.OpenAI(api_key="k")
    with pytest.raises(ConfigError, match="not str"):
        openai_memory("client", store)  # type: ignore[type-var]
    with pytest.raises(ConfigError, match="not NoneType"):
        openai_memory(client, None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="not UserMemory"):
        openai_memory(client, MemoryService(store).user(MARA))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="max_context_size"):
        openai_memory(client, store, max_context_size=0)
    assert not hasattr(client, "get_profile")
    assert not store.exists()
    client.close()


async def test_patching_reads_and_writes_nothing(plain: Any, store: Path) -> None:
    client = openai_memory(plain, store)
    assert client is plain
    assert not store.exists()
    await done(client.close_memory())
    assert saved(store) == []
