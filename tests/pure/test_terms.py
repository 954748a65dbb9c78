"""Index terms, for any script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.pure.terms import LETTER_WEIGHT, PAIR_WEIGHT, stem, term_weight, terms, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("She adopted a guinea pig", "adopting guinea pigs"),
        ("Caroline's paintings", "painting Caroline"),
        ("they went riding", "go ride"),
        ("the children swam", "child swims"),
        ("naïve café", "naive cafe"),
        ("читала книгу", "читал книги"),
        ("ΒΙΒΛΙΑ", "βιβλία"),
    ],
)
def test_forms_of_a_word_are_one_term(one: str, other: str) -> None:
    assert set(terms(one)) == set(terms(other))


def test_text_without_spaces_is_found_by_its_letters_and_pairs() -> None:
    assert list(words("我去北京。")) == ["我", "去", "北", "京", "我去", "去北", "北京"]
    assert {"北京"} <= set(terms("上周五我去了北京")) & set(terms("什么时候去北京"))


def test_a_letter_or_a_pair_weighs_less_than_a_word() -> None:
    assert term_weight("北") == LETTER_WEIGHT
    assert term_weight("北京") == PAIR_WEIGHT
    assert term_weight("beij") == 1.0


def test_contractions_and_stop_words_say_nothing() -> None:
    assert terms("I don't, we've, it's") == []
    assert terms("She won't win") == ["win"]


@given(st.text())
def test_any_text_has_terms_without_white_space(text: str) -> None:
    # The index keeps terms and their words in lines.
    assert all(term and not any(letter.isspace() for letter in term) for term in terms(text))


@given(st.text(alphabet=st.characters(categories=["Ll", "Lu", "Nd"]), min_size=1))
def test_case_does_not_matter(text: str) -> None:
    assert terms(text.lower()) == terms(text.lower().lower())
    assert stem(text.lower()) == stem(text.lower())
