"""A wording is told apart that loses, or brings in, a name, a number or most of the words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.pure.grounding import KEPT_SHARE, invented, kept_share, lost

OSCAR = "Has a guinea pig named Oscar who loves carrots."
AGE = "Oscar is three years old."


@pytest.mark.parametrize(
    "new",
    [
        "Has a guinea pig, Oscar, three years old, who loves carrots.",
        "Has a guinea pig named Oscar (3 years old); he loves carrots.",
        "Oscar's owner: has a guinea pig three years old that loves carrots.",
    ],
)
def test_a_wording_that_says_all_of_its_texts_is_taken(new: str) -> None:
    assert lost([OSCAR, AGE], new) == ""


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ("Has a guinea pig named Oscar who loves carrots, years old.", "number"),
        ("Has a guinea pig who loves carrots; it is three years old.", "name"),
        ("Has Oscar, three.", "most of what an entry says"),
        ("", "name"),
    ],
)
def test_a_wording_that_loses_something_is_told(new: str, reason: str) -> None:
    assert reason in lost([OSCAR, AGE], new)


def test_a_name_that_begins_the_text_is_not_lost_unseen() -> None:
    assert "name" in lost([AGE], "The pet is three years old.")


def test_whom_it_is_about_need_not_be_named_again() -> None:
    assert lost(["Melanie paints sunsets."], "Paints sunsets.", ["Melanie"]) == ""
    assert lost(["Melanie paints sunsets."], "Paints sunsets.") != ""


def test_a_month_is_a_name_and_a_day_without_its_zero_is_the_same_number() -> None:
    assert lost(["Moved on 7 May 2023."], "Moved on May 07, 2023.") == ""
    assert "name" in lost(["Moved on 7 May 2023."], "Moved on 7.5.2023.")


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ("Has a guinea pig named Oscar and 4 dogs.", "number"),
        ("Has a guinea pig named Oscar from Lima.", "name"),
        ("Wishes happily for quiet evenings and warm holiday beaches.", "stand in no entry"),
    ],
)
def test_a_wording_that_says_more_is_told(new: str, reason: str) -> None:
    assert reason in invented([OSCAR], new)


def test_a_synonym_is_no_invention() -> None:
    assert invented([OSCAR], "Owns a guinea pig, Oscar; carrots are his favourite.") == ""


def test_chinese_is_compared_by_its_letters() -> None:
    assert lost(["她有一只叫奥斯卡的豚鼠。"], "有一只豚鼠，叫奥斯卡") == ""
    assert lost(["她有一只叫奥斯卡的豚鼠。"], "喜欢喝茶") != ""


@given(st.text(max_size=200), st.text(max_size=200))
def test_shares_are_shares_and_a_text_keeps_all_of_itself(text: str, new: str) -> None:
    assert 0 <= kept_share(text, new) <= 1
    assert kept_share(text, text) == 1
    assert lost([text], text) == ""
    assert invented([text], text) == ""


@given(st.lists(st.text(max_size=80), min_size=1, max_size=4), st.text(max_size=200))
def test_what_is_not_told_as_lost_keeps_its_share_of_each_text(texts: list[str], new: str) -> None:
    if not lost(texts, new):
        assert all(kept_share(text, new) >= KEPT_SHARE for text in texts)
