"""Whether hits are enough, by words and scores."""

from __future__ import annotations

from memu_like.pure.sufficiency import coverage, is_enough
from memu_like.results import Hit

QUERY = "Which vegetable does the guinea pig love?"


def hit(text: str, score: float = 1.0, **fields: str) -> Hit:
    return Hit("resource", score, text, None, "", "resources/a.jsonl", 1, **fields)


def test_hits_that_hold_the_questions_words_are_enough() -> None:
    assert is_enough(QUERY, [hit("My guinea pigs love this vegetable.")])
    assert not is_enough(QUERY, [hit("I moved to Lisbon.")])
    assert not is_enough(QUERY, [])


def test_words_count_in_any_form_and_as_speaker_or_slot() -> None:
    assert coverage("What pets does Ines have?", [hit("A parrot.", speaker="Ines", slot="pets")]) == 1.0
    assert coverage("What pets does Ines have?", [hit("A parrot.", speaker="Ines")]) == 0.5
    assert coverage("what is it?", [hit("it is")]) == 0.0


def test_of_ten_hits_the_best_must_stand_out() -> None:
    level = [hit("the guinea pig loves a vegetable", 5.0) for _ in range(10)]
    steep = [hit("the guinea pig loves a vegetable", 5.0 - 0.2 * n) for n in range(10)]
    assert not is_enough(QUERY, level)
    assert is_enough(QUERY, steep)
