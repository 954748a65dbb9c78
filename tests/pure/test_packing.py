"""A context keeps to its budget, whatever stands in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from memu_like.pure.packing import Section, pack


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


def test_a_budget_below_the_title_gives_nothing() -> None:
    assert pack("# A long title of many words", [], 2, count) == ""
