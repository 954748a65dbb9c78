"""Query strings as Memobase's clients write them are read as they were meant."""

from __future__ import annotations

import json
from time import perf_counter
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.faces.server.memobase.queries import repaired


def read(query: str | bytes) -> list[tuple[str, str]]:
    raw = query.encode("latin-1") if isinstance(query, str) else query
    return parse_qsl(repaired(raw).decode("ascii"), keep_blank_values=True)


def sent_by_python(query: str) -> bytes:
    """The query of an address that a client has pasted together, as its library sends it."""
    return httpx.URL(f"http://localhost/x?{query}").query


def test_empty_parts_are_no_parameters() -> None:
    assert read("max_token_size=9&prefer_topics=a&&prefer_topics=b&") == [
        ("max_token_size", "9"),
        ("prefer_topics", "a"),
        ("prefer_topics", "b"),
    ]


def test_a_text_goes_on_over_an_ampersand() -> None:
    found = read(sent_by_python("query=salt & pepper, R&D&topk=3&similarity_threshold=0.2"))
    assert found == [("query", "salt & pepper, R&D"), ("topk", "3"), ("similarity_threshold", "0.2")]


def test_a_number_does_not() -> None:
    assert read("topk=3&x") == [("topk", "3"), ("x", "")]


def test_json_is_whole_whatever_its_texts_hold() -> None:
    chats = [{"role": "user", "content": 'a & b&topk=5 "C++" 100% é 你好 x=y'}]
    found = read(sent_by_python(f"max_token_size=9&chats_str={json.dumps(chats, ensure_ascii=False)}&topk=3"))
    assert [name for name, _ in found] == ["max_token_size", "chats_str", "topk"]
    assert json.loads(dict(found)["chats_str"]) == chats


@pytest.mark.parametrize("said", ["see ", 'a "b" & c\\ ', "é", "\n\\"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_messages_end_where_the_address_was_cut(said: str, ascii_only: bool) -> None:
    chats = [{"role": "user", "content": "hi"}, {"role": "user", "content": f"{said}#1 & more"}]
    sent = f"topk=3&chats_str={json.dumps(chats, ensure_ascii=ascii_only)}&time_range_in_days=9"
    found = dict(read(sent_by_python(sent)))
    assert json.loads(found["chats_str"]) == [chats[0], {"role": "user", "content": said}]
    assert found["topk"] == "3"


def test_json_that_never_is_leaves_the_others_alone() -> None:
    assert read("chats_str=[{&topk=3") == [("chats_str", "[{"), ("topk", "3")]


def test_a_form_is_read_as_forms_are() -> None:
    given = {"query": "C++ & co", "customize_context_prompt": "a+b {event_section}\n"}
    assert dict(read(urlencode(given))) == given
    assert read(f"customize_context_prompt={quote_plus('# Memory & more +1')}") == [
        ("customize_context_prompt", "# Memory & more +1")
    ]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": texts}), max_size=4), texts)
def test_what_is_encoded_as_it_should_be_comes_through_as_it_is(
    chats: list[dict[str, str]], query: str
) -> None:
    values = {"chats_str": json.dumps(chats), "query": query, "topk": "3"}
    assert dict(read(urlencode(values))) == values
    assert dict(read("&".join(f"{name}={quote(value, safe='')}" for name, value in values.items()))) == values


@given(st.binary(max_size=200))
def test_any_bytes_give_some_query(raw: bytes) -> None:
    assert read(raw) is not None


@pytest.mark.parametrize("part", ["chats_str=[&", 'chats_str=["&', "query=a&b&", "chats_str=[&x]&", "&x"])
def test_a_long_query_takes_no_long_time(part: str) -> None:
    started = perf_counter()
    assert read("chats_str=[" + part * (200_000 // len(part))) != []
    assert perf_counter() - started < 2
