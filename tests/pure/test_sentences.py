from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.pure.sentences import content_words, split_sentences


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("I met Dr. Lee at 3 p.m. yesterday.", ["I met Dr. Lee at 3 p.m. yesterday."]),
        ("It costs 3.50 at J. Smith's.", ["It costs 3.50 at J. Smith's."]),
        ('She said "Yes!" Then left.', ['She said "Yes!"', "Then left."]),
        ("Well... maybe.", ["Well...", "maybe."]),
        ("one\ntwo\n\nthree", ["one", "two", "three"]),
        ("你好！我住在上海。你呢？", ["你好！", "我住在上海。", "你呢？"]),
        ("See example.com/a.b now", ["See example.com/a.b now"]),
        ("Before. ```x. y.``` After.", ["Before.", "After."]),
        ("Open ```code. never closed", ["Open"]),
        ("  ", []),
    ],
)
def test_text_is_cut_at_the_ends_of_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.text())
def test_sentences_stand_in_order_and_are_trimmed(text: str) -> None:
    position = 0
    for start, end in split_sentences(text):
        assert position <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        position = end


def test_content_words_leave_out_function_words_and_split_chinese_into_pairs() -> None:
    assert content_words("I've been to Ana's old harbour, and the harbour wasn't old") == [
        "ana",
        "old",
        "harbour",
    ]
    assert content_words("我住在上海") == ["上海"]
