"""Reading a question: who, when, which words."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from memu_like.pure.questions import Question, read_question

SPEAKERS = ["Caroline", "Melanie Stone"]
CHAT = ["user", "assistant"]
NOW = datetime(2024, 3, 15, 12, tzinfo=UTC)


def read(text: str, speakers: list[str] = SPEAKERS) -> Question:
    return read_question(text, speakers, range(2022, 2024), NOW, frozenset({"user"}))


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("What does Caroline paint?", (0,)),
        ("When did Melanie's son arrive?", (1,)),
        ("what does melanie like?", (1,)),
        ("Did Stone call?", (1,)),
        ("What does Mel like?", (1,)),
        ("Why did Caroline thank Melanie?", (0, 1)),
        ("Can care be bought?", ()),
        ("What pets are there?", ()),
    ],
)
def test_people_are_found_by_a_part_of_their_name_or_its_beginning(text: str, who: tuple[int, ...]) -> None:
    assert read(text).who == who


def test_names_are_no_search_words() -> None:
    assert read("What does Caroline's sister paint?").stems == ("sister", "paint")


def test_in_a_chat_with_an_assistant_pronouns_name_people() -> None:
    assert read("What did I order?", CHAT).who == (0,)
    assert read("What did you suggest?", CHAT).who == (1,)
    assert read("What did I order?").who == ()


def days(first: date, last: date) -> tuple[int, int]:
    return first.toordinal(), last.toordinal()


def test_a_date_with_a_year_is_that_date() -> None:
    assert days(date(2023, 5, 7), date(2023, 5, 7)) in read("What happened on 7 May 2023?").spans
    assert days(date(2023, 6, 1), date(2023, 6, 30)) in read("Where was she in June 2023?").spans
    assert days(date(2022, 1, 1), date(2022, 12, 31)) in read("Where was she in 2022?").spans
    assert days(date(2022, 12, 1), date(2023, 2, 28)) in read("What about winter 2022?").spans


def test_a_month_without_a_year_may_be_of_any_year_of_the_memory() -> None:
    spans = read("Where was she in June?").spans
    assert {days(date(y, 6, 1), date(y, 6, 30)) for y in (2022, 2023)} <= set(spans)


def test_what_is_relative_is_relative_to_now() -> None:
    assert days(date(2024, 3, 14), date(2024, 3, 14)) in read("What did she say yesterday?").spans


def test_impossible_dates_name_no_day() -> None:
    assert read("What happened on 31 February 2023?").spans == ()
    assert read("may she come?").spans == ()


@pytest.mark.parametrize(
    ("text", "time", "name", "latest"),
    [
        ("When did she move?", True, False, False),
        ("How long has she lived there?", True, False, False),
        ("她什么时候搬家?", True, False, False),
        ("Where does she work now?", False, True, True),
        ("Which books does she read?", False, True, False),
        ("What does she like?", False, False, False),
    ],
)
def test_cues_say_what_would_answer(text: str, time: bool, name: bool, latest: bool) -> None:
    found = read(text)
    assert (found.wants_time, found.wants_name, found.wants_latest) == (time, name, latest)


def test_a_question_of_stop_words_alone_keeps_them() -> None:
    assert read("who is it?").stems
