"""Thinking is left out, in a whole text and in one that comes in pieces."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.pure.thinking import ThinkingFilter, begins_inside, without_thinking

PARTS = ["<think>", "</think>", "<THINK>", " ", "\n", "a", "{", "[", "<", "<th", "ink>", "</", ">"]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", ""),
        ("  Hello", "Hello"),
        ("<think>Hm.</think>\n\nHello", "Hello"),
        ("<think>a</think> <think>b</think>Hello", "Hello"),
        ("<think>a<think>b</think>c</think>Hello", "Hello"),
        ("<think>Hm, and cut", ""),
        ("Hm.</think>Hello", "Hello"),
        ("Hello <think>a</think>there", "Hello there"),
        ("Hello, <Think> is a tag", "Hello, <Think> is a tag"),
    ],
)
def test_thinking_is_left_out(text: str, answer: str) -> None:
    assert without_thinking(text) == answer


@pytest.mark.parametrize("answer", ['{"a": "x</think>{\'a\': 1}"}', '["<think>b</think>"]', '{"a": "<think>'])
@pytest.mark.parametrize("before", ["", "\n ", "<think>Hm: {</think>\n"])
def test_a_structured_answer_is_left_as_it_is(answer: str, before: str) -> None:
    assert without_thinking(before + answer) == answer
    assert in_pieces(before + answer, 3) == answer


def in_pieces(text: str, size: int, inside: bool = False) -> str:
    thinking = ThinkingFilter(inside)
    shown = "".join(thinking.feed(text[at : at + size]) for at in range(0, len(text), size))
    return shown + thinking.finish()


def has_a_closing_tag_alone(text: str) -> bool:
    inside = False
    for tag in re.findall("</?think>", text.lower()):
        if tag == "</think>" and not inside:
            return True
        inside = tag == "<think>"
    return False


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join), st.integers(1, 9))
def test_pieces_give_what_the_whole_gives_where_thinking_has_both_tags(text: str, size: int) -> None:
    assert has_a_closing_tag_alone(text) or in_pieces(text, size) == without_thinking(text)


@given(st.text("ab <>{", max_size=20), st.text("ab <>{", max_size=20), st.integers(1, 9))
def test_thinking_whose_opening_tag_is_missing_can_be_held_back(hidden: str, answer: str, size: int) -> None:
    assert in_pieces(f"{hidden}</think>{answer}", size, True) == answer.lstrip()
    assert in_pieces(answer, size, True) == answer.lstrip()


@pytest.mark.parametrize(
    ("text", "inside"),
    [("Hm.</think>Hi", True), ("<think>Hm.</think>Hi", False), ("Hi", False), ('{"a": "</think>"}', False)],
)
def test_a_reply_that_begins_inside_thinking_is_known(text: str, inside: bool) -> None:
    assert begins_inside(text) is inside


def test_a_stream_shows_what_is_no_tag_at_once() -> None:
    thinking = ThinkingFilter()
    assert [thinking.feed(piece) for piece in ("Hi", " <", "b", "> a<thi", "nk>x</think>", "b")] == [
        *("Hi", " ", "<b", "> a", "", "b")
    ]


@pytest.mark.parametrize("tag", ["<think>", "</think>", "<think>a</think>", "x<think>", "a</think>"])
def test_many_tags_take_no_quadratic_time(tag: str) -> None:
    text = tag * 50_000
    started = time.perf_counter()
    without_thinking(text)
    in_pieces(text, len(text))
    in_pieces(text, 5)
    assert time.perf_counter() - started < 30
