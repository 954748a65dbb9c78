"""Reading and extending requests, whatever stands in them."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from memu_like.faces.openai_patch.messages import (
    Asked,
    asked_in,
    chat_piece,
    chat_reply,
    chat_with_memory,
    response_piece,
    response_reply,
    response_with_memory,
    text_of,
)

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)
PARTS = st.fixed_dictionaries({"type": st.sampled_from(["text", "input_text", "image_url"]), "text": JSON})
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "developer", "user", "assistant", "tool", None])},
        optional={"content": JSON | st.text() | st.lists(PARTS, max_size=3), "name": JSON, "type": JSON},
    )
    | JSON,
    max_size=5,
)


@given(MESSAGES, st.text(min_size=1))
def test_no_request_is_changed_and_every_message_stays(messages: list[Any], prompt: str) -> None:
    before = copy.deepcopy(messages)
    arguments = {"model": "m", "messages": messages}
    prepared = chat_with_memory(arguments, prompt)
    asked_in(messages)
    assert arguments == {"model": "m", "messages": before}
    assert prepared["model"] == "m"
    added = len(prepared["messages"]) - len(before)
    assert prepared["messages"][1:] == (before if added else before[1:])
    assert text_of(prepared["messages"][0]["content"]).endswith(prompt)


@given(st.none() | st.text(), st.text(min_size=1))
def test_instructions_stand_before_memory(instructions: str | None, prompt: str) -> None:
    arguments = {"input": "hello", "instructions": instructions}
    prepared = response_with_memory(arguments, prompt)
    assert arguments["instructions"] == instructions
    assert prepared["instructions"] == (f"{instructions}\n\n{prompt}" if instructions else prompt)


@given(MESSAGES | JSON)
def test_what_is_asked_is_the_last_text_of_a_user(messages: Any) -> None:
    asked = asked_in(messages)
    if asked.new is not None:
        assert asked.new["content"] == asked.query
        assert asked.query.strip()
        assert asked.new.keys() <= {"role", "content", "name"}


@given(JSON)
def test_whatever_a_server_sends_is_read_as_a_text(answer: Any) -> None:
    for read in (chat_reply, chat_piece, response_reply, response_piece):
        assert isinstance(read(answer), str)
        assert isinstance(read({"choices": answer, "output": answer, "delta": answer}), str)
        assert isinstance(read({"choices": [answer], "output": [{"content": [answer]}]}), str)


def test_without_a_prompt_the_arguments_are_a_copy() -> None:
    arguments = {"messages": [{"role": "user", "content": "hello"}]}
    for prepare in (chat_with_memory, response_with_memory):
        prepared = prepare(arguments, "")
        assert prepared == arguments
        assert prepared is not arguments


def test_parts_that_can_be_read_once_are_left_to_the_sdk() -> None:
    parts = iter([{"type": "text", "text": "hello"}])
    assert asked_in([{"role": "user", "content": parts}]).query == ""
    assert len(list(parts)) == 1


def test_a_text_is_asked_as_it_stands() -> None:
    assert asked_in("hello") == Asked("hello", {"role": "user", "content": "hello"}, ("hello",))
    assert asked_in(" ").query == ""
    assert asked_in(None) == asked_in([]) == Asked()


def test_objects_of_the_sdk_are_read_as_dicts_are() -> None:
    part = SimpleNamespace(type="input_text", text="hello")
    assert asked_in([SimpleNamespace(role="user", content=[part])]).query == "hello"


def test_a_question_before_a_tools_result_is_old() -> None:
    question = {"role": "user", "content": "How heavy?"}
    for result in ({"role": "tool"}, {"role": "function"}, {"type": "function_call_output"}):
        asked = asked_in([question, {"role": "assistant"}, result])
        assert asked == Asked("How heavy?", None, ("How heavy?", "", ""))
    assert asked_in([{"role": "tool"}, question]).new == question
    assert asked_in([question, {"role": "assistant", "content": "He weighs"}]).new == question
