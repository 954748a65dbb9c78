from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.pure.summarising import ELLIPSIS, summary_line, title_line

WORD = st.text(st.characters(whitelist_categories=("Lu", "Ll", "Nd"), max_codepoint=0x24F), min_size=1)
SENTENCE = st.lists(WORD, min_size=1, max_size=30).map(lambda words: " ".join(words) + ".")
ANY_TEXTS = st.lists(st.text(max_size=80), max_size=6)
SENTENCES = st.lists(SENTENCE, min_size=1, max_size=6)

PETS = [
    "I adopted a cat from the shelter.",
    "The cat sleeps on my bed every night.",
    "My cat hates the vet.",
    "We booked a ferry to the island.",
]


def words(line: str) -> list[str]:
    return [word.strip(f".{ELLIPSIS}") for word in line.split(" ")]


@given(SENTENCES, st.integers(0, 200))
def test_every_word_of_a_line_stands_in_the_texts(texts: list[str], max_chars: int) -> None:
    known = {word for text in texts for word in words(text)} | {""}
    assert set(words(summary_line(texts, None, max_chars))) <= known
    assert set(words(title_line(texts, max_chars))) <= known


@given(ANY_TEXTS, st.integers(0, 200))
def test_a_line_keeps_to_its_length_and_is_one_line(texts: list[str], max_chars: int) -> None:
    for line in (summary_line(texts, None, max_chars), title_line(texts, max_chars)):
        assert len(line) <= max_chars
        assert len(line.splitlines()) <= 1
        assert not line.startswith(("#", ">", "- ", "* ", "```"))


@given(st.permutations(PETS))
def test_the_order_of_the_texts_does_not_matter(texts: list[str]) -> None:
    assert summary_line(texts) == summary_line(PETS)
    assert title_line(texts) == title_line(PETS)


@given(ANY_TEXTS, st.randoms(use_true_random=False), st.integers(0, 9))
def test_the_order_does_not_matter_with_vectors_either(texts: list[str], random: object, seed: int) -> None:
    texts = list(dict.fromkeys(texts))
    vectors = np.random.default_rng(seed).normal(size=(len(texts), 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    order = np.random.default_rng(seed + 1).permutation(len(texts))
    shuffled = [texts[number] for number in order]
    assert summary_line(texts, vectors) == summary_line(shuffled, vectors[order])


def test_no_text_gives_no_line() -> None:
    assert summary_line([]) == ""
    assert title_line([]) == ""
    assert summary_line(["", " \n"]) == ""
    assert title_line(["", "#"]) == ""


def test_the_most_central_text_comes_first_and_the_next_is_another_one() -> None:
    vectors = np.array([[1, 0], [0.96, 0.28], [0.96, 0.28], [0, 1]], dtype=np.float32)
    line = summary_line(
        [
            "Cats purr loudly at night.",
            "Cats sleep a lot at home.",
            "Cats eat fresh tuna daily.",
            "Trains leave Lund every hour.",
        ],
        vectors,
    )
    assert line.startswith("Cats")
    assert "Trains leave Lund every hour." in line


def test_a_remark_that_says_little_does_not_lead() -> None:
    assert not summary_line(["Oh cat!", *PETS]).startswith("Oh cat!")


def test_a_fragment_that_cutting_left_without_content_is_left_out() -> None:
    texts = ["The cat and the dog sleep on my bed.", "With overwhelmingly loud steps a cat met a dog."]
    assert summary_line(texts, None, 46) == "The cat and the dog sleep on my bed."


def test_without_vectors_words_decide() -> None:
    assert "cat" in title_line(PETS)
    assert "cat" in summary_line(PETS)


@pytest.mark.parametrize(
    ("text", "max_chars", "expected"),
    [
        ("She plays chess, and she likes it a lot.", 22, "She plays chess…"),
        ("Interview next Thursday at 14:00 in Lund with Nadja.", 31, "Interview next Thursday…"),
        ("Dad was a mechanic and my aunt was a nurse", 30, "Dad was a mechanic…"),
        ("外婆住在成都，今年八十五岁，我很想她。", 16, "外婆住在成都，今年八十五岁…"),
        ("外婆住在成都的一个老房子里", 6, "外婆住在成…"),
        ("Unbreakable", 5, ""),
    ],
)
def test_a_text_is_cut_where_a_clause_or_a_word_ends(text: str, max_chars: int, expected: str) -> None:
    assert title_line([text], max_chars) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Heading", "Heading"),
        ("- bullet ^k3f9q2", "bullet"),
        ("two\nlines\u2028and more", "two lines and more"),
        ("> #quoted", "quoted"),
        ("```code", "code"),
    ],
)
def test_markdown_structure_does_not_leak(text: str, expected: str) -> None:
    assert summary_line([text]) == expected
    assert title_line([text]) == expected


def test_many_texts_are_summed_up_fast() -> None:
    texts = [f"Day {number}: we saw seals near island {number % 50}." for number in range(5000)]
    started = time.perf_counter()
    assert summary_line(texts)
    # Takes about 0.1 s; comparing each with each would take minutes.
    assert time.perf_counter() - started < 30
