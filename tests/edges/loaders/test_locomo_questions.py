"""LoCoMo's questions: the corrected key, malformed evidence, and what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from memu_like.edges.loaders.locomo_questions import read_locomo
from memu_like.errors import LoadError

FILE = Path(__file__).parent.parent.parent / "data" / "invented_locomo.json"


def sample(**changes: Any) -> bytes:
    (value,) = json.loads(FILE.read_text("utf-8"))
    return json.dumps([{**value, **changes}]).encode()


def test_the_questions_and_turns_of_a_file() -> None:
    (talk,) = read_locomo(FILE.read_bytes(), "talk.json")
    assert talk.name == "talk-1"
    assert [question.category for question in talk.questions] == [1, 2, 3, 4, 4, 5]
    assert talk.questions[3].answer == "Pip"
    assert talk.questions[4].answer == "2"
    assert talk.questions[2].evidence == ("D1:2", "D2:1")
    assert (
        talk.turns[3].text == "Tomas: Look what I found in the shed. [image: a photo of an old brass lantern]"
    )
    assert (talk.turns[4].id, talk.turns[4].when) == ("D2:1", "10:20 am on 3 June, 2023")


def test_the_key_is_the_corrected_one_unless_the_published_one_is_asked_for() -> None:
    (corrected,) = read_locomo(FILE.read_bytes(), "talk.json")
    (original,) = read_locomo(FILE.read_bytes(), "talk.json", corrected=False)
    assert corrected.questions[0].answer == "a bowl, two cups"
    assert original.questions[0].answer == "bowl"


def test_an_adversarial_question_has_no_answer_whatever_the_data_says() -> None:
    asked = {"question": "What?", "answer": "a bowl", "evidence": [], "category": 5}
    (talk,) = read_locomo(sample(qa=[asked]), "talk.json")
    assert talk.questions[0].answer is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{]", "not valid JSON"),
        (b'[{"a": 1}]', "sample 1: has no session_1"),
        (sample(sample_id=""), "has no sample_id"),
        (sample(qa=[]), "holds no questions"),
        (sample(qa={}), "has a qa that is not a list"),
        (sample(qa=["what?"]), "question 1: must be an object with a question"),
        (sample(qa=[{"question": "What?", "category": 6}]), "question 1: has category 6"),
        (sample(qa=[{"question": "What?", "category": "4"}]), "question 1: has category '4'"),
        (sample(qa=[{"question": "What?", "category": 4}]), "question 1: has no answer"),
        (b"[" + sample()[1:-1] + b"," + sample()[1:-1] + b"]", "two conversations with the same sample_id"),
    ],
)
def test_what_cannot_be_read_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(LoadError) as caught:
        read_locomo(data, "talk.json")
    assert reason in str(caught.value)
    assert str(caught.value).startswith("talk.json")
