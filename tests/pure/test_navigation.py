"""What a model asks for while it reads: actions, refusals, handles."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.pure.navigation import (
    MAX_RANGE,
    NAMES,
    Cited,
    Find,
    Finish,
    Handles,
    OpenCategory,
    OpenItems,
    ReadLines,
    Refused,
    handles_in,
    read_call,
    read_step,
)


def call(name: str, **arguments: Any) -> object:
    return read_call(name, json.dumps(arguments))


def test_calls_become_actions() -> None:
    assert call("open_category", category="c1") == OpenCategory("c1")
    assert call("open_category", category="[c1]", slot="pets") == OpenCategory("c1", "pets")
    assert call("open_items", ids=["i7", "i7", "^i8"]) == OpenItems(("i7", "i8"))
    assert call("open_items", ids="i7, i8") == OpenItems(("i7", "i8"))
    assert call("open_items", category="c1", status="all") == OpenItems((), "c1", "", "all")
    assert call("read_lines", resource="r3", first=2, last="4") == ReadLines("r3", 2, 4)
    assert call("read_lines", resource="r3:12-14") == ReadLines("r3", 12, 14)
    assert call("read_lines", resource="r3:12") == ReadLines("r3", 12, 12)
    assert call("find", words=" guinea\npig ") == Find("guinea pig")


def test_a_huge_range_is_cut() -> None:
    assert call("read_lines", resource="r1", first=1, last=10**8) == ReadLines("r1", 1, MAX_RANGE)


def test_finish_takes_citations_in_several_shapes() -> None:
    hits = [{"handle": "i7", "reason": "says\nso"}, "r3:12-14", {"place": "[i8], [i9]"}, 5]
    assert call("finish", enough="true", hits=hits) == Finish(
        True,
        (Cited("i7", "says so"), Cited("r3:12-14", ""), Cited("i8", ""), Cited("i9", ""), Cited("5", "")),
    )
    assert call("finish") == Finish(False)


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("delete_item", "{}", "no such tool"),
        ("find", "words", "no JSON object"),
        ("find", "[1, 2]", "no JSON object"),
        ("find", "", "lacks words"),
        ("find", '{"words": ["a"]}', "is a text"),
        ("open_category", "{}", "lacks name"),
        ("open_items", "{}", "give ids"),
        ("open_items", '{"ids": [1]}', "list of handles"),
        ("open_items", '{"category": "c1", "status": "retracted"}', "status is one of"),
        ("read_lines", '{"resource": "r1", "first": 9, "last": 2}', "before"),
        ("read_lines", '{"resource": "r1", "first": -1}', "line number"),
        ("read_lines", '{"resource": "r1", "first": 1e99}', "line number"),
        ("read_lines", '{"resource": "r1", "first": true}', "line number"),
        ("finish", '{"hits": "i7"}', "is a list"),
        ("find", '{"words": "' + "x" * 30_000 + '"}', "more than"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(name: str, arguments: str, told: str) -> None:
    refused = read_call(name, arguments)
    assert isinstance(refused, Refused)
    assert told in refused.reason
    assert len(refused.name) <= 40
    assert len(refused.reason) < 500


def test_a_step_may_be_json_in_prose_or_in_a_tools_shape() -> None:
    assert read_step('I look:\n```json\n{"action": "find", "words": "pig"}\n```') == Find("pig")
    assert read_step('{"name": "find", "arguments": {"words": "pig"}}') == Find("pig")
    assert read_step('[{"action": "find", "words": "pig"}]') == Find("pig")
    assert isinstance(read_step("I do not know"), Refused)
    assert isinstance(read_step('{"words": "pig"}'), Refused)


def test_of_citations_that_were_cut_the_whole_ones_count() -> None:
    cut = (
        '{"action": "finish", "enough": true, "hits": [{"handle": "i7", "reason": "a"}, {"handle": "i8", "re'
    )
    assert read_step(cut) == Finish(True, (Cited("i7", "a"),))
    assert isinstance(read_step('{"action": "find", "words": "guinea pi'), Refused)


def test_handles_are_found_in_words() -> None:
    text = "It is in i7 and r3:12-13.\nNot in i, xi9 or r3x, but c1."
    assert handles_in(text) == {
        "i7": "It is in i7 and r3:12-13.",
        "r3:12-13": "It is in i7 and r3:12-13.",
        "c1": "Not in i, xi9 or r3x, but c1.",
    }


def test_the_same_key_keeps_its_handle_and_others_lead_nowhere() -> None:
    handles = Handles()
    assert handles.give("i", "k3f9") == handles.give("i", "k3f9") == "i1"
    assert handles.give("i", "p2m8") == "i2"
    assert handles.give("c", "k3f9") == "c1"
    assert handles.key("i2") == "p2m8"
    assert handles.key("i3") is None
    assert handles.knows("c", "k3f9")
    assert not handles.knows("c", "p2m8")


@given(
    st.sampled_from([*NAMES, "other"]),
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    "ids category slot status resource first last words hits handle reason".split()
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    ).map(json.dumps),
)
def test_anything_becomes_an_action_or_a_refusal(name: str, arguments: str) -> None:
    for found in (read_call(name, arguments), read_step(arguments)):
        assert isinstance(found, OpenCategory | OpenItems | ReadLines | Find | Finish | Refused)
        if isinstance(found, ReadLines):
            assert 1 <= found.first <= found.last < found.first + MAX_RANGE
