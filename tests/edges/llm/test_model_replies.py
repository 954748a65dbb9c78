"""What comes back over the wire: malformed bodies, thinking, streams."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from edges.llm.chat_server import (
    Answer,
    Body,
    ChatServer,
    completion,
    raw,
    refusal,
    streamed,
    tool_call,
)

from memu_like.chat import ChatMessage, ChatReply, ChatRequest, ToolCall
from memu_like.edges.llm.answers import MAX_BODY_BYTES, MAX_REPLY_CHARACTERS
from memu_like.errors import ModelError, ModelUnavailable

SAY = ChatRequest("reply", (ChatMessage("user", "Say hello."),))


HALF = b'data: {"choices": [{"delta": {"content": "Hel"}}]}\n\n'


def with_choices(choices: Any) -> Answer:
    return raw(json.dumps({"choices": choices, "usage": {"prompt_tokens": 10, "completion_tokens": 5}}))


MALFORMED = {
    "empty": raw(""),
    "html": raw("<html><body>Welcome</body></html>", content_type="text/html"),
    "half": raw('{"choices": [{"message": {"con'),
    "null": raw("null"),
    "list": raw("[]"),
    "number": raw("7"),
    "text": raw('"hello"'),
    "no choices": raw("{}"),
    "null choices": with_choices(None),
    "empty choices": with_choices([]),
    "choices of text": with_choices(["hello"]),
    "choices object": with_choices({"message": {"content": "x"}}),
    "no message": with_choices([{"index": 0}]),
    "message of text": with_choices([{"message": "hello"}]),
    "null content": completion(None),
    "no text part": completion([{"type": "image_url", "image_url": {"url": "x"}}]),
    "content number": completion(7),
    "content object": completion({"text": "x"}),
    "refusal": completion(None, refusal="I cannot help with that."),
    "tool without a name": completion(None, tool_calls=[{"id": "x", "function": {"arguments": "{}"}}]),
    "tool of text": completion(None, tool_calls=["look"]),
    "null function": completion(None, tool_calls=[{"id": "x", "function": None}]),
    "not utf-8": raw(b'{"choices": "\xff\xfe"}'),
    "deep": raw(b"[" * 200_000),
    "deep objects": raw(b'{"a":' * 200_000),
    "long number": raw('{"choices": ' + "9" * 10_000 + "}"),
    "ten megabytes": raw(b" " * 10_000_000),
    "long text": completion("x" * (MAX_REPLY_CHARACTERS + 1)),
    "wrong gzip": raw(b"not gzip at all", headers={"content-encoding": "gzip"}),
    "error of text": raw('{"error": "out of order"}'),
}


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_malformed_body_is_a_clear_error(
    server: ChatServer, model: Any, answer: Answer, stream: bool
) -> None:
    server.answers = [answer]
    made = model(retries=0)
    with pytest.raises(ModelError) as raised:
        await (whole(made) if stream else made.chat(SAY))
    assert str(raised.value).startswith(f"m at {server.url}: ")
    assert len(str(raised.value)) < 700
    assert "\n" not in str(raised.value)


async def whole(model: Any, request: ChatRequest = SAY) -> tuple[list[str], ChatReply]:
    """The pieces of a stream, and the reply at its end."""
    found = [piece async for piece in model.stream(request)]
    assert isinstance(found[-1], ChatReply)
    return found[:-1], found[-1]


async def test_an_unusable_reply_is_paid_for(server: ChatServer, model: Any) -> None:
    server.answers = [completion(None, usage=(10, 5))]
    with pytest.raises(ModelError) as raised:
        await model().chat(SAY)
    assert raised.value.usage is not None
    assert (raised.value.usage.calls, raised.value.usage.completion_tokens) == (1, 5)
    assert len(server.requests) == 1


async def test_the_largest_reply_that_is_taken(server: ChatServer, model: Any) -> None:
    server.answers = [completion("x" * MAX_REPLY_CHARACTERS)]
    assert len((await model().chat(SAY)).text) == MAX_REPLY_CHARACTERS


async def test_reading_stops_where_a_body_is_too_large(server: ChatServer, model: Any) -> None:
    server.answers = [Answer(200, [b" " * 1_000_000] * 1_000, {"content-type": "application/json"})]
    started = time.perf_counter()
    with pytest.raises(ModelError, match="over 1,000,000 characters"):
        await model().chat(SAY)
    assert time.perf_counter() - started < 60, f"all was read, not the first {MAX_BODY_BYTES} bytes"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", ""),
        ("<think>Hm.</think>\n\nHello", "Hello"),
        ("<THINK>Hm.</Think>Hello", "Hello"),
        ("\n<think>Hm.", ""),
        ("Hm, a greeting.</think> Hello", "Hello"),
        ("<think>a</think><think>b</think>Hello", "Hello"),
        ("Hello <think>a</think>there", "Hello there"),
        ("Hello, <think> is a tag", "Hello, <think> is a tag"),
        ('{"text": "He wrote </think> and <think>"}', '{"text": "He wrote </think> and <think>"}'),
        ('<think>Hm.</think>{"text": "</think>"}', '{"text": "</think>"}'),
        ([{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hello"}], "Hello"),
    ],
)
async def test_thinking_is_no_part_of_a_reply(
    server: ChatServer, model: Any, content: Any, text: str
) -> None:
    server.answers = [completion(content)]
    assert (await model().chat(SAY)).text == text


async def test_a_tool_call_with_an_object_for_arguments_and_no_id_is_read(
    server: ChatServer, model: Any
) -> None:
    call = tool_call("look", {"at": "Zürich"}) | {"id": None}
    server.answers = [completion("", tool_calls=[call])]
    assert (await model().chat(SAY)).tool_calls == (ToolCall("call_0", "look", '{"at": "Zürich"}'),)


# -- streams


async def test_a_stream_gives_the_text_as_it_comes_and_the_whole_at_the_end(
    server: ChatServer, model: Any
) -> None:
    server.answers = [streamed("Hel", "lo, ", "Ana", usage=(20, 4))]
    pieces, reply = await whole(model())
    assert pieces == ["Hel", "lo, ", "Ana"]
    assert (reply.text, reply.cut, reply.model) == ("Hello, Ana", False, "m")
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (20, 4)
    assert server.requests[0]["stream_options"] == {"include_usage": True}


async def test_pieces_are_given_before_the_reply_is_whole(server: ChatServer, model: Any) -> None:
    server.answers = [streamed("a", "b", "c", pause=0.05)]
    started = time.perf_counter()
    stream = model().stream(SAY)
    assert await anext(stream) == "a"
    first = time.perf_counter() - started
    assert [piece async for piece in stream][:-1] == ["b", "c"]
    assert time.perf_counter() - started > first + 0.1


@pytest.mark.parametrize(
    "cut",
    [["<think>Hm.</think>", "Hi"], ["<th", "ink>H", "m.</", "think", ">\n", "Hi"], [*"<think>H</think>Hi"]],
)
async def test_thinking_is_left_out_of_a_stream(server: ChatServer, model: Any, cut: list[str]) -> None:
    server.answers = [streamed(*cut)]
    pieces, reply = await whole(model())
    assert "".join(pieces) == reply.text == "Hi"


async def test_thinking_without_its_opening_tag_is_known_from_the_second_stream_on(
    server: ChatServer, model: Any
) -> None:
    server.answers = [streamed("Hm", ", a greeting.", "</think>", "Hi")]
    made = model()
    assert (await whole(made))[1].text == "Hi"
    pieces, reply = await whole(made)
    assert "".join(pieces) == reply.text == "Hi"
    server.answers = [streamed("Hi ", "again")]
    pieces, reply = await whole(made)
    assert "".join(pieces) == reply.text == "Hi again"


async def test_thinking_without_its_opening_tag_is_known_from_a_whole_reply_too(
    server: ChatServer, model: Any
) -> None:
    server.answers = [completion("Hm.</think>Hi"), streamed("Hm", ".</th", "ink>", "Hi")]
    made = model()
    assert (await made.chat(SAY)).text == "Hi"
    assert (await whole(made))[0] == ["Hi"]


async def test_tool_calls_come_in_parts(server: ChatServer, model: Any) -> None:
    parts = [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "look", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"at"'}},
        {"index": 1, "id": "b", "function": {"name": "stop", "arguments": "{}"}},
        {"index": 0, "function": {"arguments": ": 1}"}},
    ]
    server.answers = [streamed(*({"tool_calls": [part]} for part in parts), finish="tool_calls")]
    _, reply = await whole(model())
    assert reply.tool_calls == (ToolCall("a", "look", '{"at": 1}'), ToolCall("b", "stop", "{}"))


async def test_an_endpoint_that_refuses_stream_options_is_asked_without(
    server: ChatServer, model: Any
) -> None:
    def answer(body: Body) -> Answer:
        if "stream_options" in body:
            return refusal(400, "Unrecognized request argument supplied: stream_options")
        return streamed("one two", usage=None)

    server.answers = [answer]
    made = model()
    for _ in range(2):
        _, reply = await whole(made)
        assert reply.usage.estimated
        assert reply.usage.completion_tokens == 2
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "answer", [completion("Hello"), raw(b"\n" + completion("Hello").parts[0], content_type="text/plain")]
)
async def test_an_endpoint_that_does_not_stream_gives_its_whole_reply(
    server: ChatServer, model: Any, answer: Answer
) -> None:
    server.answers = [answer]
    pieces, reply = await whole(model())
    assert pieces == ["Hello"]
    assert reply.usage.prompt_tokens == 10


async def test_a_stream_needs_one_sign_of_its_end_and_takes_any_line_ends(
    server: ChatServer, model: Any
) -> None:
    server.answers = [
        streamed("Hi", finish=None),
        streamed("Hi", done=False),
        raw(b": hello\r\n\r\ndata:" + b'{"choices": [{"delta": {"content": "Hi"}}]}\r\n\r\ndata: [DONE]'),
    ]
    made = model()
    for _ in range(3):
        assert (await whole(made))[1].text == "Hi"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (streamed("Hel", "lo", finish=None, done=False, usage=None), "broke off"),
        (streamed("Hel", "lo", broken=True, finish=None, done=False), "broke off"),
        (
            raw(HALF + b'data: {"error": {"message": "full"}}\n\n'),
            "it says: full",
        ),
        (raw(HALF + b"data: {oops\n\n"), "no chat completion"),
    ],
)
async def test_a_stream_that_fails_half_way_says_so_and_is_counted(
    server: ChatServer, model: Any, answer: Answer, says: str
) -> None:
    server.answers = [answer]
    stream, pieces = model().stream(SAY), []

    async def listen() -> None:
        async for piece in stream:
            pieces.append(piece)

    with pytest.raises(ModelError, match=says) as raised:
        await listen()
    assert pieces[0] == "Hel"
    assert raised.value.usage is not None
    assert raised.value.usage.calls == 1


async def test_a_stream_is_bounded(server: ChatServer, model: Any) -> None:
    server.answers = [streamed(*["x" * 100_000] * 11), raw(b"data: " + b"x" * (MAX_BODY_BYTES + 10))]
    made = model()
    for _ in range(2):
        with pytest.raises(ModelError, match="over 1,000,000 characters"):
            await whole(made)


async def test_a_stream_that_falls_silent_is_given_up(server: ChatServer, model: Any) -> None:
    server.answers = [streamed("a", "b", pause=0.4)]
    with pytest.raises(ModelUnavailable, match="no answer within"):
        await whole(model(timeout_seconds=0.1, retries=0))


async def test_a_passing_fault_before_a_stream_is_repeated(server: ChatServer, model: Any) -> None:
    server.answers = [refusal(503), refusal(429), streamed("Hi")]
    assert (await whole(model()))[0] == ["Hi"]


async def test_a_stream_that_is_left_gives_its_place_back(server: ChatServer, model: Any) -> None:
    server.answers = [streamed("a", "b", pause=0.02)]
    made = model(concurrency=1)
    stream = made.stream(SAY)
    await anext(stream)
    waiting = asyncio.create_task(made.chat(SAY))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    server.answers = [completion("hello")]
    await stream.aclose()
    assert (await waiting).text == "hello"
