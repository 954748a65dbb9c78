"""Whatever an endpoint sends, reading it ends in an answer or in one of two errors."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memu_like.edges.llm.answers import Answer, Malformed, Refused, read_answer
from memu_like.edges.llm.refusals import MAX_SAID, Failure, failure_said, refused_part
from memu_like.edges.llm.requests import PARTS, can_be_strict
from memu_like.edges.llm.streaming import AnswerBuilder, EventReader, streamed_texts

WORDS = st.sampled_from(
    [
        *("choices", "message", "delta", "content", "tool_calls", "function", "name", "arguments", "index"),
        *("usage", "prompt_tokens", "completion_tokens", "finish_reason", "error", "code", "param", "id"),
        *("detail", "msg", "loc", "type", "text", "stop", "length", "response_format"),
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-5, 10**30) | st.floats() | WORDS | st.text(max_size=5)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=10,
)
MESSAGES = st.fixed_dictionaries({"content": VALUES, "tool_calls": VALUES})
BODIES = VALUES | st.fixed_dictionaries(
    {
        "choices": VALUES | st.lists(st.fixed_dictionaries({"message": MESSAGES, "delta": MESSAGES})),
        "usage": VALUES,
    }
)


@settings(max_examples=60, deadline=None)
@given(BODIES)
def test_any_body_is_an_answer_or_an_error(body: Any) -> None:
    with contextlib.suppress(Malformed, Refused):
        answer = read_answer(json.dumps(body).encode())
        assert isinstance(answer.text, str)
        assert answer.tokens is None or min(answer.tokens) >= 0


@given(st.binary(max_size=60))
def test_any_bytes_are_an_error(data: bytes) -> None:
    with pytest.raises((Malformed, Refused)):
        read_answer(data)


@settings(max_examples=60, deadline=None)
@given(st.lists(BODIES, max_size=4))
def test_any_events_are_an_answer_or_an_error(bodies: list[Any]) -> None:
    builder = AnswerBuilder()
    with contextlib.suppress(Malformed, Refused):
        shown = "".join(builder.feed(json.dumps(body)) for body in bodies)
        assert builder.answer().text == shown


@given(st.lists(st.sampled_from([b"data: ", b'{"a"', b"\r\n", b"\n", b": x\n", b"\xff"])), st.integers(1, 4))
def test_events_are_the_same_however_the_bytes_are_cut(parts: list[bytes], size: int) -> None:
    data = b"".join(parts) + b"\n"
    cut = EventReader()
    found = [event for at in range(0, len(data), size) for event in cut.feed(data[at : at + size])]
    assert found == EventReader().feed(data)


async def test_a_whole_answer_is_read_however_the_bytes_are_cut() -> None:
    body = b' \n{"choices": [{"message": {"content": "hello"}}]}'

    async def cut() -> Any:
        for at in range(len(body)):
            yield body[at : at + 1]

    builder = AnswerBuilder()
    assert [text async for text in streamed_texts(cut(), builder)] == ["hello"]
    assert builder.answer() == Answer("hello")


# -- refusals

BODY = {
    "model": "m",
    "messages": [],
    "temperature": 0.0,
    "max_tokens": 9,
    "tools": [{}],
    "stream_options": {},
    "response_format": {"type": "json_schema", "json_schema": {"strict": True}},
}


@settings(max_examples=60, deadline=None)
@given(VALUES, st.sampled_from([400, 404, 422, 500, 200]))
def test_any_error_is_a_failure_that_can_be_judged(body: Any, status: int) -> None:
    failure = failure_said(status, body)
    assert len(failure.said) <= MAX_SAID
    assert refused_part(BODY, failure) in (None, *PARTS)
    assert isinstance(failure.passes or failure.too_long or failure.no_model, bool)


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ("Unsupported value: 'temperature' does not support 0.0 with this model", "temperature"),
        ("Unrecognized request argument supplied: stream_options", "stream_options"),
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead", "max_tokens"),
        ("'response_format.type' must be 'json_schema' or 'text'", "json_schema"),
        ("Invalid schema for response_format 'x': 'additionalProperties' is required", "strict"),
        ("failed to parse grammar", "json_schema"),
        ("this model does not support tools", "tools"),
        ("messages with role 'tool' must follow a message with 'tool_calls'", None),
        ("This model's maximum context length is 2048; max_tokens is 4096", None),
        ("the request is wrong", None),
    ],
)
def test_words_name_the_part_that_is_refused(said: str, part: str | None) -> None:
    assert refused_part(BODY, Failure(status=400, said=said)) == part


def test_what_a_user_wrote_is_not_taken_for_a_refusal() -> None:
    detail = [{"loc": ["body", "messages"], "msg": "wrong", "input": "my temperature and response_format"}]
    assert refused_part(BODY, failure_said(422, {"detail": detail})) is None


def test_a_part_that_was_not_sent_is_not_refused() -> None:
    assert refused_part({"model": "m", "messages": []}, Failure(status=400, said="temperature")) is None


def test_a_failure_that_passes_or_is_of_the_key_refuses_no_part() -> None:
    for status in (401, 403, 429, 503):
        assert refused_part(BODY, Failure(status=status, said="temperature")) is None


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        ({"type": "string"}, True),
        ({"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False}, True),
        ({"type": "object", "properties": {"a": {}}, "required": [], "additionalProperties": False}, False),
        ({"type": "object", "properties": {"a": {}}, "required": ["a"]}, False),
        ({"type": "array", "items": {"type": "object"}}, False),
        ({"anyOf": [{"type": "null"}, {"properties": {"a": {}}}]}, False),
    ],
)
def test_strict_is_for_schemas_that_require_all(schema: Any, strict: bool) -> None:
    assert can_be_strict(schema) is strict
