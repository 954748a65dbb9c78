"""Streamed replies: passed on as they come, and saved as far as they came."""

from __future__ import annotations

import asyncio
import gc
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from edges.llm.chat_server import ChatServer, completion, response_events, streamed, tool_call
from remembering import ASKED, MARA, TOLD, chat, chunks, done, respond, said, saved

BROKEN = (openai.APIConnectionError, httpx.RemoteProtocolError)
"""What the SDK raises where a connection breaks; its older versions leave it to httpx."""
WHOLE = [("user", TOLD), ("assistant", "A good name!")]


@pytest.fixture(autouse=True)
def streaming(model: ChatServer) -> None:
    model.answers = [streamed({"role": "assistant", "content": "A "}, "good ", "name!")]


def texts(found: list[Any]) -> list[str]:
    return [chunk.choices[0].delta.content for chunk in found if chunk.choices]


async def test_chunks_come_as_the_server_sent_them(client: Any, store: Path) -> None:
    found = await chunks(await chat(client, TOLD, stream=True))
    assert all(isinstance(chunk, openai.types.chat.ChatCompletionChunk) for chunk in found)
    assert texts(found) == ["A ", "good ", "name!", None]
    assert found[-1].usage.total_tokens == 15
    assert await said(client, store) == WHOLE


async def test_a_stream_is_still_the_sdks(client: Any) -> None:
    stream = await chat(client, TOLD, stream=True)
    assert isinstance(stream, openai.AsyncStream if isinstance(client, openai.AsyncOpenAI) else openai.Stream)
    assert stream.response.status_code == 200
    assert stream.response.headers["content-type"] == "text/event-stream"
    with pytest.raises(AttributeError, match="nonsense"):
        stream.nonsense  # noqa: B018
    assert len(await chunks(stream)) == 5


async def test_events_of_a_response_are_saved_as_its_text(
    client: Any, model: ChatServer, store: Path
) -> None:
    thought = {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "Hm."}]}
    model.answers = [response_events("A good", " name!", items=[thought])]
    found = await chunks(await respond(client, TOLD, stream=True))
    assert found[0].type == "response.created"
    assert found[-1].response.output_text == "A good name!"
    assert await said(client, store) == WHOLE


@pytest.mark.parametrize("fails", [False, True])
async def test_a_stream_is_saved_at_its_end_though_it_is_still_held(
    client: Any, model: ChatServer, store: Path, fails: bool
) -> None:
    if fails:
        model.answers = [streamed("A good ", "name!", finish=None, usage=None, done=False, broken=True)]
    stream = await chat(client, TOLD, stream=True)
    with pytest.raises(BROKEN, match=r"peer closed|incomplete|Connection error") if fails else nullcontext():
        await chunks(stream)
    await done(client.get_memory_prompt(MARA))
    assert [message["content"] for message in saved(store)] == [TOLD, "A good name!"]
    await done(stream.close())


async def test_a_stream_that_is_read_in_two_goes_is_saved_whole(client: Any, store: Path) -> None:
    stream = await chat(client, TOLD, stream=True)
    first, rest = await chunks(stream, 1), await chunks(stream)
    assert texts([*first, *rest]) == ["A ", "good ", "name!", None]
    assert await said(client, store) == WHOLE


@pytest.mark.parametrize(("read", "reply"), [(0, []), (2, [("assistant", "A good ")])])
async def test_a_stream_that_is_closed_is_saved_as_far_as_it_came(
    client: Any, store: Path, read: int, reply: list[tuple[str, str]]
) -> None:
    stream = await chat(client, TOLD, stream=True)
    await chunks(stream, read)
    await done(stream.close())
    assert await said(client, store) == [("user", TOLD), *reply]


async def test_a_stream_that_is_left_in_a_with_is_saved_as_far_as_it_came(client: Any, store: Path) -> None:
    stream = await chat(client, TOLD, stream=True)
    if isinstance(client, openai.AsyncOpenAI):
        async with stream as inner:
            await chunks(inner, 1)
    else:
        with stream as inner:
            await chunks(inner, 1)
    await done(client.get_memory_prompt(MARA))
    assert [message["content"] for message in saved(store)] == [TOLD, "A "]


async def test_a_stream_that_is_dropped_is_saved_as_far_as_it_came(client: Any, store: Path) -> None:
    await chunks(await chat(client, TOLD, stream=True), 2)
    gc.collect()
    await done(client.get_memory_prompt(MARA))  # waits for what is being saved
    assert [message["content"] for message in saved(store)] == [TOLD, "A good "]


async def test_a_stream_that_nobody_ended_is_saved_when_memory_is_closed(client: Any, store: Path) -> None:
    stream = await chat(client, TOLD, stream=True)
    await chunks(stream, 2)
    assert await said(client, store) == [("user", TOLD), ("assistant", "A good ")]
    await done(stream.close())
    assert not client.memory_errors


async def test_an_error_in_the_middle_is_the_callers_and_what_came_before_is_saved(
    client: Any, model: ChatServer, store: Path
) -> None:
    broken = b'data: {"error": {"message": "overloaded", "code": 503}}\n\n'
    answer = streamed("A good", finish=None, usage=None, done=False)
    model.answers = [type(answer)(200, [*answer.parts, broken], answer.headers)]
    with pytest.raises(openai.APIError, match="overloaded"):
        await chunks(await chat(client, TOLD, stream=True))
    assert await said(client, store) == [("user", TOLD), ("assistant", "A good")]


async def test_a_connection_that_breaks_is_the_callers_and_what_came_before_is_saved(
    client: Any, model: ChatServer, store: Path
) -> None:
    model.answers = [streamed("A good", finish=None, usage=None, done=False, broken=True)]
    with pytest.raises(BROKEN, match=r"peer closed|incomplete|Connection error"):
        await chunks(await chat(client, TOLD, stream=True))
    assert await said(client, store) == [("user", TOLD), ("assistant", "A good")]


async def test_an_error_among_the_events_of_a_response_is_passed_on(
    client: Any, model: ChatServer, store: Path
) -> None:
    model.answers = [response_events("A good", failed=True)]
    found = await chunks(await respond(client, TOLD, stream=True))
    assert "overloaded" in str(found[-1])
    assert await said(client, store) == [("user", TOLD), ("assistant", "A good")]


async def test_a_cancelled_reader_leaves_what_was_received(
    plain: Any, model: ChatServer, store: Path
) -> None:
    from memu_like import openai_memory

    if not isinstance(plain, openai.AsyncOpenAI):
        pytest.skip("tasks are cancelled in asyncio")
    client = openai_memory(plain, store)
    model.answers = [streamed("A good ", "name!", pause=0.5)]
    received = asyncio.Event()

    async def read() -> None:
        async for chunk in await chat(client, TOLD, stream=True):
            if chunk.choices:
                received.set()

    task = asyncio.create_task(read())
    await received.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await said(client, store) == [("user", TOLD), ("assistant", "A good ")]


async def test_a_tool_that_is_called_in_pieces_comes_through(
    client: Any, model: ChatServer, store: Path
) -> None:
    call = {"index": 0, **tool_call("weigh", '{"of":')}
    more = {"index": 0, "function": {"arguments": '"Oscar"}'}}
    model.answers = [streamed({"tool_calls": [call]}, {"tool_calls": [more]}, finish="tool_calls")]
    found = await chunks(await chat(client, "How heavy is Oscar?", stream=True))
    calls = [chunk.choices[0].delta.tool_calls for chunk in found if chunk.choices][:2]
    assert "".join(call[0].function.arguments for call in calls) == '{"of":"Oscar"}'
    assert await said(client, store) == [("user", "How heavy is Oscar?")]


async def test_of_several_choices_the_first_is_saved(client: Any, model: ChatServer, store: Path) -> None:
    answer = streamed("A good", finish=None, usage=None, done=False)
    other = b'data: {"choices": [{"index": 1, "delta": {"content": "Another"}}]}\n\n'
    last = streamed(" name!").parts
    model.answers = [type(answer)(200, [*answer.parts, other, *last], answer.headers)]
    await chunks(await chat(client, TOLD, stream=True, n=2))
    assert await said(client, store) == WHOLE


async def test_a_stream_without_a_user_is_the_sdks_own(client: Any, store: Path) -> None:
    stream = await chat(client, TOLD, None, stream=True)
    assert type(stream) in (openai.Stream, openai.AsyncStream)
    assert texts(await chunks(stream)) == ["A ", "good ", "name!", None]
    assert await said(client, store) == []


async def test_the_next_request_knows_what_was_streamed(client: Any, model: ChatServer) -> None:
    await chunks(await chat(client, TOLD, stream=True))
    model.answers = [completion()]
    await chat(client, ASKED)
    assert "A good name!" in model.requests[-1]["messages"][0]["content"]
