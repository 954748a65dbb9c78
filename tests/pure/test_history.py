"""The history of a conversation, and queries that lean on it."""

from __future__ import annotations

import pytest

from memu_like.errors import InvalidInput
from memu_like.pure.history import MAX_TURNS, Turn, leans, read_history, recent, with_history

PETS = (Turn("user", "Tell me about my guinea pig Oscar."), Turn("assistant", "He loves carrots."))


def words(text: str) -> int:
    return len(text.split())


def first_words(text: str, count: int) -> str:
    return " ".join(text.split()[:count])


def test_history_is_read_from_messages_and_empty_ones_are_left_out() -> None:
    given = [
        {"role": "user", "content": " Hello "},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "user", "content": [{"type": "text", "text": "Who"}, {"type": "image_url"}]},
    ]
    assert read_history(given) == (Turn("user", "Hello"), Turn("user", "Who"))


@pytest.mark.parametrize(
    "given",
    ["hello", {"role": "user", "content": "x"}, 7, [{"content": "x"}], ["x"], [{"role": "u", "content": 3}]],
)
def test_history_that_is_none_is_refused(given: object) -> None:
    with pytest.raises(InvalidInput, match="conversation_history"):
        read_history(given)


def test_recent_keeps_the_last_turns_within_the_budget_and_cuts_the_oldest() -> None:
    turns = [Turn("user", f"word{n} and more") for n in range(30)]
    shown = recent(turns, first_words, words, max_tokens=1000).splitlines()
    assert len(shown) == MAX_TURNS
    assert shown[-1] == "user: word29 and more"
    assert recent(turns, first_words, words, max_tokens=7) == "user: word28\nuser: word29 and more"
    assert recent((), first_words, words) == ""


@pytest.mark.parametrize(
    "query",
    [
        "and when was that?",
        "What about her?",
        "why?",
        "Where does she live?",
        "is it old?",
        "那她呢？",
        "它叫什么",
    ],
)
def test_a_query_that_needs_what_was_said_before_leans(query: str) -> None:
    assert leans(query)


@pytest.mark.parametrize(
    "query",
    [
        "When did Caroline move to Lisbon?",
        "What is the name of the book that Melanie read in the summer?",
        "What did Caroline say when she moved to Lisbon?",
        "卡罗琳什么时候搬到里斯本",
    ],
)
def test_a_query_that_stands_alone_does_not_lean(query: str) -> None:
    assert not leans(query)


def test_a_leaning_query_gets_the_content_words_of_the_users_turns() -> None:
    assert with_history("and how old is he?", PETS) == "and how old is he? guinea pig oscar"
    assert with_history("When did Caroline move to Lisbon?", PETS) == "When did Caroline move to Lisbon?"
    assert with_history("and how old is he?", ()) == "and how old is he?"
    assert with_history("and how old is he?", PETS[1:]) == "and how old is he?"


def test_what_is_added_to_a_query_is_bounded() -> None:
    long = Turn("user", " ".join(f"topic{n}" for n in range(5_000)))
    assert len(with_history("and that?", (long,)).split()) < 20
