"""Dates written out behind the words that mean them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memu_like.models import Occurred
from memu_like.pure.dated_text import with_dates

SAID_AT = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)  # a Monday


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("I saw her yesterday.", "I saw her yesterday (2023-05-07)."),
        ("We moved last month, in a hurry.", "We moved last month (2023-04), in a hurry."),
        ("I painted it last year.", "I painted it last year (2022)."),
        ("She came last week.", "She came last week (week of 2023-05-01)."),
        ("Yesterday and last year", "Yesterday (2023-05-07) and last year (2022)"),
        ("我昨天去了。", "我昨天 (2023-05-07)去了。"),
    ],
)
def test_what_is_relative_is_written_out(text: str, written: str) -> None:
    assert with_dates(text, SAID_AT) == written


@pytest.mark.parametrize("text", ["It was on 7 May 2023.", "I am here today.", "This year is good.", "Hello"])
def test_what_is_plain_stays_as_it_is(text: str) -> None:
    assert with_dates(text, SAID_AT) == text


def test_a_text_that_nobody_dated_stays_as_it_is() -> None:
    assert with_dates("I saw her yesterday.", None) == "I saw her yesterday."


def test_what_is_known_of_the_time_and_not_said_stands_at_the_end() -> None:
    june = Occurred(datetime(2023, 6, 1, tzinfo=UTC), datetime(2023, 7, 1, tzinfo=UTC), "month", "in June")
    assert with_dates("Ines got a dog.", SAID_AT, june) == "Ines got a dog. (2023-06)"
    assert with_dates("Ines got a dog yesterday.", SAID_AT, june) == "Ines got a dog yesterday (2023-05-07)."


def test_a_time_without_an_offset_is_taken_as_it_stands() -> None:
    june = Occurred(datetime(2023, 6, 1), datetime(2023, 7, 1), "month", "in June")
    assert with_dates("Ines got a dog.", SAID_AT, june) == "Ines got a dog. (2023-06)"


def test_a_longer_time_tells_its_ends() -> None:
    start, end = datetime(2023, 6, 1, tzinfo=UTC), datetime(2023, 9, 1, tzinfo=UTC)
    assert with_dates("x", SAID_AT, Occurred(start, end, "season", "")) == "x (2023-06 to 2023-08)"
    end = datetime(2023, 6, 20, tzinfo=UTC)
    assert with_dates("x", SAID_AT, Occurred(start, end, "span", "")) == "x (2023-06-01 to 2023-06-19)"


@settings(deadline=None)  # the first look for dates compiles its patterns
@given(st.text(max_size=80), st.sampled_from(["yesterday", "last year", "two weeks ago", "昨天", "in June"]))
def test_nothing_of_the_text_is_lost(around: str, when: str) -> None:
    text = f"{around} {when} {around}"
    left = iter(with_dates(text, SAID_AT))
    assert all(letter in left for letter in text)
