"""A context keeps to its budget, whatever stands in it."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from memu_like.pure.packing import Place, Section, choose, pack


def count(text: str) -> int:
    """Words and line breaks, as a stand-in for tokens that joins unevenly."""
    return len(text.split()) + text.count("\n") + ("\n\n" in text)


LINES = st.lists(st.text(st.characters(categories=["L", "Zs"]), min_size=1, max_size=40), max_size=12)


@given(LINES, LINES, st.integers(0, 80))
def test_the_whole_text_keeps_to_the_budget(one: list[str], other: list[str], budget: int) -> None:
    sections = [Section("One", tuple(one), 0.6), Section("Other", tuple(other), 0.4)]
    assert count(pack("# Title", sections, budget, count)) <= budget


def test_what_one_section_leaves_goes_to_the_other() -> None:
    sections = [Section("Short", ("a",), 0.6), Section("Long", ("b",) * 20, 0.4)]
    text = pack("# T", sections, 40, count)
    assert text.count("b") > 0.4 * 40 / 2
    assert "## Short\na" in text


def test_lines_are_kept_in_order_of_worth() -> None:
    text = pack("# T", [Section("S", ("first", "second", "third"), 1.0)], 11, count)
    assert "first" in text
    assert "third" not in text


@given(LINES, st.integers(0, 80), st.randoms(use_true_random=False))
def test_the_budget_counts_sub_headings_too(lines: list[str], budget: int, chance: Random) -> None:
    places = tuple(
        Place(chance.choice(["", "Monday", "last week of May"]), ("", n)) for n in range(len(lines))
    )
    sections = [Section("One", tuple(lines), 0.6, places), Section("Other", tuple(lines), 1.0)]
    assert count(pack("# Title", sections, budget, count)) <= budget


def test_lines_are_taken_by_worth_and_stand_by_their_places() -> None:
    places = (Place("May", ("a", 2)), Place("June", ("b", 1)), Place("May", ("a", 1)), Place("", ("c", 1)))
    section = Section("S", ("late in May", "June", "early in May", "undated"), 1.0, places)
    assert pack("# T", [section], 100, count).splitlines() == [
        "# T", "", "## S", "undated", "### May", "early in May", "late in May", "### June", "June",
    ]  # fmt: skip
    cut = pack("# T", [section], 20, count)
    assert "late in May" in cut
    assert "undated" not in cut
    assert "early in May" not in cut


def test_what_a_share_leaves_can_stay_free() -> None:
    sections = [Section("Short", ("a",), 0.5), Section("Long", ("b",) * 40, 0.5)]
    fitting, filled = (choose("# T", sections, 40, count, shares_only=only) for only in (True, False))
    assert fitting is not None
    assert filled is not None
    assert fitting[1] < filled[1]


def test_a_budget_below_the_title_gives_nothing() -> None:
    assert pack("# A long title of many words", [], 2, count) == ""
