"""Citations in a reply: what points at a shown line stays, what was made up goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.pure.citing import check_citations, without_citations


def test_citations_of_shown_lines_stay_in_the_order_they_come() -> None:
    cited = check_citations("She has a cat [3], called Pip [1, 3].", {1, 2, 3})
    assert cited.text == "She has a cat [3], called Pip [1, 3]."
    assert (cited.numbers, cited.invented) == ((3, 1), ())


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("A cat [9].", "A cat."),
        ("A cat [9]", "A cat"),
        ("A cat [1, 9].", "A cat [1]."),
        ("A cat [9; 2].", "A cat [2]."),
        ("A cat [0].", "A cat."),
        ("A cat [1-9].", "A cat [1, 2]."),
        ("一只猫【9】。", "一只猫。"),
        ("[9] A cat.", "A cat."),
    ],
)
def test_invented_citations_are_taken_out_of_the_text(written: str, left: str) -> None:
    cited = check_citations(written, {1, 2})
    assert cited.text == left
    assert cited.invented


def test_a_range_cites_every_line_of_it() -> None:
    assert check_citations("A cat [2-4].", {1, 2, 3, 4}).numbers == (2, 3, 4)


@pytest.mark.parametrize(
    "text", ["In [2023] she moved.", "`row[1]` is code", "```\na[7]\n```", "[a], [1a]", "[]"]
)
def test_years_code_and_other_brackets_are_no_citations(text: str) -> None:
    cited = check_citations(text, {1})
    assert (cited.text, cited.numbers, cited.invented) == (text, (), ())


def test_a_text_without_its_citations_reads_on() -> None:
    assert without_citations("She has a cat [3], called Pip [1, 3].") == "She has a cat, called Pip."


@given(st.text(alphabet="[]【】,;-` 0123456789a\n", max_size=60), st.sets(st.integers(0, 99)))
def test_what_is_left_cites_nothing_but_shown_lines(text: str, known: set[int]) -> None:
    cited = check_citations(text, known)
    assert set(cited.numbers) <= known
    assert not set(cited.invented) & known


@pytest.mark.parametrize("piece", ["[", " ", "`", "[1,", "`a", "[1-", "[1 ", "```"])
def test_long_hostile_text_takes_no_long_time(piece: str) -> None:
    check_citations(piece * 100_000, {1})  # a pattern that backtracks would take minutes
