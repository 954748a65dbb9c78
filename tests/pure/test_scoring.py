"""Scores of answers: by hand for each category, and what must hold of any text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.models import Usage
from memu_like.pure.baselines import Bm25, Found, whole_text
from memu_like.pure.scoring import (
    Answered,
    Conversation,
    Gate,
    Question,
    Turn,
    bleu1,
    costs,
    f1,
    holds_answer,
    says_no_answer,
    score_bleu1,
    score_f1,
    scores,
    tokens,
)


def question(category: int, answer: str | None) -> Question:
    return Question("talk", 1, "What?", answer, category)


def answered(method: str, category: int, *, correct: bool, number: int = 1, seconds: float = 1.0) -> Answered:
    usage = Usage(calls=1, prompt_tokens=100, completion_tokens=5, seconds=seconds, cost=0.5)
    return Answered(
        method=method,
        conversation="talk",
        number=number,
        category=category,
        answer="x",
        correct=correct,
        f1=float(correct),
        bleu1=0.25,
        context_tokens=800,
        context_seconds=0.01,
        usage=usage,
        judging=Usage(calls=1, prompt_tokens=50, completion_tokens=2),
    )


def test_normalising_leaves_stems_without_articles_and_punctuation() -> None:
    assert tokens("The dogs, and a CAT's running!") == ["dog", "cat", "run"]
    assert tokens("1,200 people") == ["1200", "peopl"]


def test_f1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    # 2 of 3 given, 2 of 4 wanted
    assert f1("red green fox", "red green blue bird") == pytest.approx(
        2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4)
    )
    assert f1("the red fox", "Red foxes!") == 1.0
    assert f1("", "fox") == f1("fox", "the") == 0.0


def test_words_count_as_often_as_they_stand() -> None:
    assert f1("fox fox", "fox") == pytest.approx(2 / 3)


def test_bleu1_is_clipped_precision_and_punishes_a_short_answer() -> None:
    assert bleu1("fox fox fox bird", "fox bird") == 0.5
    assert bleu1("fox", "fox bird") == pytest.approx(math.exp(1 - 2))
    assert bleu1("cow", "fox bird") == 0.0


def test_a_multi_hop_answer_is_scored_by_its_parts() -> None:
    assert score_f1(question(1, "bowls, cup"), "a cup, a bowl") == 1.0
    assert score_f1(question(1, "bowls, cup"), "a cup") == 0.5
    assert score_f1(question(4, "bowls, cup"), "a cup") == pytest.approx(2 / 3)


def test_of_an_open_domain_answer_what_stands_before_the_semicolon_counts() -> None:
    asked = question(3, "Likely no; she wants to be a counselor")
    assert score_f1(asked, "likely no") == score_bleu1(asked, "likely no") == 1.0
    assert score_f1(question(4, "Likely no; she wants to be a counselor"), "likely no") < 1.0


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("No information available", 1.0),
        ("That is not mentioned.", 1.0),
        ("没有相关信息", 1.0),
        ("A bowl", 0.0),
        ("", 0.0),
    ],
)
def test_an_adversarial_question_is_right_where_it_is_said_to_have_no_answer(
    answer: str, right: float
) -> None:
    assert score_f1(question(5, None), answer) == score_bleu1(question(5, None), answer) == right
    assert says_no_answer(answer) == bool(right)


def test_an_accepted_answer_must_stand_in_a_row_as_whole_words() -> None:
    assert holds_answer("On the 13th of June, 2024.", ["June 13", "13th of June"])
    assert not holds_answer("June, on day 13", ["June 13"])
    assert not holds_answer("twofold", ["two"])
    assert not holds_answer("anything", ["", "the"])


@given(st.text(max_size=40), st.text(max_size=40))
def test_scores_lie_between_0_and_1_and_a_text_matches_itself(one: str, other: str) -> None:
    assert 0.0 <= f1(one, other) <= 1.0
    assert 0.0 <= bleu1(one, other) <= 1.0
    assert f1(one, other) == pytest.approx(f1(other, one))
    if tokens(one):
        assert f1(one, one) == bleu1(one, one) == 1.0


# -- means


def test_adversarial_questions_stand_apart_from_the_overall_figure() -> None:
    rows = [answered("memory", 4, correct=True), answered("memory", 5, correct=False, number=2)]
    by_name = {one.category: one for one in scores(rows)}
    assert by_name["overall (1 to 4)"].accuracy == 1.0
    assert by_name["adversarial"].accuracy == 0.0
    assert {one.category: one.accuracy for one in scores(rows, adversarial=True)}["overall (1 to 5)"] == 0.5


def test_every_category_goes_by_its_name_and_empty_ones_are_left_out() -> None:
    rows = [answered("memory", category, correct=True, number=category) for category in (1, 2, 4)]
    assert [one.category for one in scores(rows)] == [
        "multi-hop",
        "temporal",
        "single-hop",
        "overall (1 to 4)",
    ]


def test_costs_are_means_and_totals_of_a_method() -> None:
    rows = [answered("bm25", 4, correct=True, number=n, seconds=n) for n in range(1, 21)]
    (cost,) = costs(rows)
    assert (cost.seconds_p50, cost.seconds_p95) == (10, 19)
    assert cost.context_tokens == 800
    assert cost.answering.prompt_tokens == 2000
    assert cost.answering.cost == pytest.approx(10.0)
    assert cost.judging.calls == 20


# -- the gate


@pytest.mark.parametrize(
    ("judge", "answerer", "words"),
    [(12, 12, ()), (11, 10, ()), (10, 12, ("judge",)), (12, 9, ("answerer",)), (0, 0, ("judge", "answerer"))],
)
def test_models_pass_the_gate_or_are_told_what_they_lack(
    judge: int, answerer: int, words: tuple[str, ...]
) -> None:
    reasons = Gate(12, judge, answerer).reasons()
    assert len(reasons) == len(words)
    for word, reason in zip(words, reasons, strict=True):
        assert reason.startswith(f"the {word}")


# -- baselines


TURNS = (
    Turn("D1:1", 1, "8 May", "Ines: I adopted a guinea pig."),
    Turn("D1:2", 1, "8 May", "Tomas: How lovely!"),
    Turn("D2:1", 2, "3 June", "Tomas: The guinea pig again?"),
)


def test_the_whole_text_has_each_session_under_its_date() -> None:
    assert whole_text(TURNS) == (
        "## 8 May\nInes: I adopted a guinea pig.\nTomas: How lovely!\n\n"
        "## 3 June\nTomas: The guinea pig again?"
    )


def test_bm25_ranks_the_texts_that_share_rare_words_first() -> None:
    assert Bm25([turn.text for turn in TURNS]).rank("Who adopted a guinea pig?")[0] == 0
    assert Bm25([]).rank("anything") == []


def test_a_turn_that_does_not_fit_is_passed_over() -> None:
    found = Found(Conversation("talk", {}, TURNS), lambda text: len(text.split()))
    assert found.text("Who adopted a guinea pig?", 7) == "[3 June] Tomas: The guinea pig again?"


@given(st.integers(1, 40))
def test_what_bm25_found_keeps_to_the_budget_in_whole_turns(budget: int) -> None:
    def count(text: str) -> int:
        return len(text.split())

    text = Found(Conversation("talk", {}, TURNS), count).text("adopted guinea pig", budget)
    assert count(text) <= budget
    assert all(line in {f"[{turn.when}] {turn.text}" for turn in TURNS} for line in text.splitlines())
