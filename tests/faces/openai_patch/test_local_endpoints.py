"""Endpoints that speak as Ollama and llama.cpp do: what they leave out, and what they add."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from edges.llm.chat_server import Answer, ChatServer, raw, refusal
from remembering import ASKED, TOLD, Body, chat, chunks, respond, said

WHOLE = [("user", TOLD), ("assistant", "A good name!")]
EVENTS = {"content-type": "text/event-stream"}
# As Ollama 0.13 answers: its own fingerprint, a role in each chunk, thinking in `reasoning`, no usage.
OLLAMA = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "qwen3:4b",
    "system_fingerprint": "fp_ollama",
}
# As llama.cpp's server answers: a first chunk whose content is null, thinking in `reasoning_content`,
# timings, and a last chunk without choices.
LLAMA = {"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1, "model": "gpt-3.5-turbo"}


def sent(*bodies: Body, done: bool = True) -> Answer:
    parts = [f"data: {json.dumps(body)}\n\n".encode() for body in bodies]
    return Answer(200, [*parts, b"data: [DONE]\n\n"] if done else parts, EVENTS)


def delta(kind: Body, fields: Body, finish: str | None = None) -> Body:
    return {**kind, "choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def ollama() -> Answer:
    role = {"role": "assistant"}
    return sent(
        delta(OLLAMA, {**role, "content": "", "reasoning": "The user has a pet."}),
        delta(OLLAMA, {**role, "content": "A good"}),
        delta(OLLAMA, {**role, "content": " name!"}),
        delta(OLLAMA, {**role, "content": ""}, "stop"),
    )


def llama_cpp() -> Answer:
    figures = {"prompt_n": 12, "predicted_n": 3, "predicted_ms": 80.5}
    return sent(
        delta(LLAMA, {"role": "assistant", "content": None}),
        delta(LLAMA, {"reasoning_content": "The user has a pet."}),
        delta(LLAMA, {"content": "A good"}),
        {**LLAMA, "choices": []},
        delta(LLAMA, {"content": " name!"}),
        {**delta(LLAMA, {}, "stop"), "timings": figures},
        {**LLAMA, "choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}},
    )


@pytest.mark.parametrize("answer", [ollama(), llama_cpp()], ids=["ollama", "llama.cpp"])
async def test_streams_of_local_endpoints_are_saved_without_their_thinking(
    client: Any, model: ChatServer, store: Path, answer: Answer
) -> None:
    model.answers = [answer]
    found = await chunks(await chat(client, TOLD, stream=True))
    assert len(found) == len(answer.parts) - 1
    assert await said(client, store) == WHOLE


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<think>The user has a pet.</think>\n\nA good name!", WHOLE),
        ("The user has a pet.</think>A good name!", WHOLE),
        ("<think>The user has", [("user", TOLD)]),
    ],
)
async def test_what_is_thought_aloud_reaches_the_caller_and_not_memory(
    client: Any, model: ChatServer, store: Path, text: str, told: list[tuple[str, str]]
) -> None:
    model.answers = [sent(*(delta(LLAMA, {"content": piece}) for piece in text))]
    found = await chunks(await chat(client, TOLD, stream=True))
    assert "".join(chunk.choices[0].delta.content for chunk in found) == text
    assert await said(client, store) == told


async def test_extra_fields_of_chunks_reach_the_caller(client: Any, model: ChatServer) -> None:
    model.answers = [llama_cpp()]
    found = await chunks(await chat(client, TOLD, stream=True))
    assert found[1].choices[0].delta.reasoning_content == "The user has a pet."
    assert found[5].timings["predicted_n"] == 3


async def test_a_stream_without_its_done_is_saved(client: Any, model: ChatServer, store: Path) -> None:
    model.answers = [sent(delta(OLLAMA, {"content": "A good name!"}, "stop"), done=False)]
    await chunks(await chat(client, TOLD, stream=True))
    assert await said(client, store) == WHOLE


@pytest.mark.parametrize(
    "choices",
    [
        None,
        [],
        [{"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": "length"}],
        [{"index": 0, "message": None, "finish_reason": None}],
    ],
)
async def test_a_reply_without_text_leaves_the_question(
    client: Any, model: ChatServer, store: Path, choices: Any
) -> None:
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}
    model.answers = [raw(json.dumps(body))]
    assert (await chat(client, TOLD)).choices == choices or choices
    assert await said(client, store) == [("user", TOLD)]


@pytest.mark.parametrize("body", ['"text"', "[]", "{}", '{"http_response": 1, "parse": 2, "choices": "x"}'])
async def test_an_answer_of_another_shape_is_the_callers_to_judge(
    client: Any, model: ChatServer, store: Path, body: str
) -> None:
    model.answers = [raw(body)]
    await chat(client, TOLD)
    assert (await said(client, store))[0] == ("user", TOLD)


@pytest.mark.parametrize("body", ["{}", '{"output": null}', '{"output": [{"type": "message"}, {}]}'])
async def test_a_response_of_another_shape_is_the_callers_to_judge(
    client: Any, model: ChatServer, store: Path, body: str
) -> None:
    model.answers = [raw(body)]
    await respond(client, TOLD)
    assert await said(client, store) == [("user", TOLD)]


async def test_chunks_of_another_shape_break_no_stream(client: Any, model: ChatServer, store: Path) -> None:
    strange: list[Any] = [
        {"choices": None},
        {"choices": [{}]},
        {"choices": [{"index": None, "delta": None}]},
        {"choices": [{"index": 0, "delta": {"content": ["A", "list"]}}]},
        {"choices": [{"index": 0, "delta": {"content": "A good name!"}}]},
    ]
    model.answers = [sent(*strange)]
    assert len(await chunks(await chat(client, TOLD, stream=True))) == len(strange)
    assert await said(client, store) == WHOLE


async def test_an_endpoint_without_responses_says_so_itself(
    client: Any, model: ChatServer, store: Path
) -> None:
    from openai import NotFoundError

    model.answers = [refusal(404, "no such path")]
    with pytest.raises(NotFoundError):
        await respond(client, ASKED)
    assert await said(client, store) == []
