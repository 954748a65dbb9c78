"""The signals, each on a few rows where it alone can decide."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from memu_like.pure.passages import ASKS, HAS_QUESTION
from memu_like.pure.questions import read_question
from memu_like.pure.ranking import (
    ABSENT,
    ITEM_DENSE,
    ITEM_HITS,
    ITEM_LEX,
    SPREAD,
    WEIGHTS,
    Floats,
    ItemMatches,
    Rows,
    best,
    blend,
    idf,
    saturate,
    signals,
    spread,
)

N = 4
DAY = date(2023, 5, 8).toordinal()


def rows(**columns: object) -> Rows:
    plain = Rows(
        session=np.zeros(N, dtype=np.int32),
        speaker=np.zeros(N, dtype=np.int32),
        day=np.full(N, DAY, dtype=np.int32),
        first_day=np.ones(N, dtype=np.int32),
        last_day=np.zeros(N, dtype=np.int32),
        flags=np.zeros(N, dtype=np.uint8),
        names=np.zeros(N, dtype=np.float32),
        rarity=np.zeros(N, dtype=np.float32),
        line=np.arange(N, dtype=np.int32),
        key=np.arange(N, dtype=np.uint64),
    )
    return replace(plain, **columns)  # type: ignore[arg-type]


def among(count: int, **columns: NDArray[Any]) -> Rows:
    """`count` rows that differ in their lines alone."""
    empty = {field.name: getattr(rows(), field.name)[:0] for field in fields(Rows)}
    zeros = {name: np.zeros(count, dtype=column.dtype) for name, column in empty.items()}
    return replace(rows(), **{**zeros, "line": np.arange(count, dtype=np.int32), **columns})


def found(
    text: str, given_rows: Rows, hits: list[float] | None = None, dense: list[float] | None = None
) -> dict[str, Floats]:
    question = read_question(
        text, ["Caroline", "Melanie"], [2023], datetime(2024, 1, 1, tzinfo=UTC), frozenset()
    )
    return signals(
        question,
        given_rows,
        np.ones(1, dtype=np.float32),
        np.array([hits or [0.0] * N], dtype=np.float32),
        np.array(dense or [0.0] * N, dtype=np.float32),
    )


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def test_every_weight_has_its_signal_and_every_signal_its_weight() -> None:
    assert found("what?", rows()).keys() == WEIGHTS.keys()


def test_a_word_counts_where_it_stands_and_a_little_around_it() -> None:
    values = found("paint", rows(session=ints(0, 0, 0, 1)), hits=[1.0, 0, 0, 0])
    assert values["lex"].tolist() == [1, 0, 0, 0]
    assert values["lex_prev_fills"].tolist() == [0, 1, 0, 0]
    assert values["lex_far_fills"].tolist() == [0, 0, 1, 0]
    assert values["lex_session_best"].tolist() == [1, 1, 1, 0]


def test_nothing_crosses_from_one_session_into_the_next() -> None:
    apart = rows(session=ints(0, 1, 2, 3))
    values = found("paint", apart, hits=[1.0, 0, 0, 0], dense=[1.0, 0, 0, 0])
    for name in ("lex_prev_fills", "lex_far_fills", "lex_session_fills", "dense_prev", "dense_prev2"):
        assert not values[name][1:].any(), name


def test_who_is_named_said_it() -> None:
    speaker = rows(speaker=ints(0, 1, 0, 1))
    assert found("What does Melanie like?", speaker)["speaker"].tolist() == [0, 1, 0, 1]
    assert found("What is liked?", speaker)["speaker"].tolist() == [0.5] * N
    assert found("What did Melanie tell Caroline?", speaker)["speaker_first"].tolist() == [0, 1, 0, 1]
    assert not found("What do Melanie and Caroline like?", speaker)["speaker_first"].any()


def test_a_session_without_the_person_who_is_named_is_put_back() -> None:
    apart = rows(session=ints(0, 0, 1, 2), speaker=ints(0, 1, 1, -1))
    values = found("What does Caroline like?", apart)["speaker"].tolist()
    assert values == [1, 0, -ABSENT, 0]
    assert found("What did Caroline tell Melanie?", apart)["speaker"].tolist() == [0.5] * N


def test_a_session_within_reach_of_the_date_and_a_row_that_speaks_of_it() -> None:
    at = rows(
        day=ints(DAY - 30, DAY - 2, DAY + 14, DAY + 15),
        first_day=ints(DAY, 1, 1, DAY - 300),
        last_day=ints(DAY, 0, 0, DAY + 300),
    )
    values = found("What happened on 8 May 2023?", at)
    assert values["date"].tolist() == [0, 1, 1, 0]
    assert values["date_meant"].tolist() == [1, 0, 0, 0]


def test_a_question_seeks_and_what_follows_it_answers() -> None:
    values = found("tea", rows(flags=np.array([HAS_QUESTION | ASKS, 0, 0, 0], dtype=np.uint8)))
    assert values["asks"].tolist() == [1, 0, 0, 0]
    assert values["answers"].tolist() == [0, 1, 0, 0]


def test_now_prefers_what_was_said_last() -> None:
    at = rows(day=ints(DAY, DAY + 10, DAY + 20, 0))
    assert found("Where does she work now?", at)["latest"].tolist() == [0, 0.5, 1, 0]
    assert not found("Where did she work?", at)["latest"].any()


def test_the_best_of_a_rows_items_speaks_for_it_and_for_no_other_row() -> None:
    items = ItemMatches(
        places=np.array([1, 1, 3]),
        hits=np.array([[0.2, 1.0, 0.4]], dtype=np.float32),
        dense=np.array([0.5, 0.1, -0.5], dtype=np.float32),
    )
    question = read_question("tea", [], [2023], datetime(2024, 1, 1, tzinfo=UTC), frozenset())
    one = np.ones(1, dtype=np.float32)
    own = np.array([[0.0, 0.0, 0.0, 0.9]], dtype=np.float32)
    values = signals(question, rows(), one, own, np.zeros(N, dtype=np.float32), items)
    assert values["item"].tolist() == pytest.approx([0, 0.5 + ITEM_LEX, 0, ITEM_LEX * 0.4])
    assert values["lex"].tolist() == pytest.approx([0, ITEM_HITS, 0, 0.9]), (
        "the row's own match where it is more"
    )
    assert values["dense"].tolist() == pytest.approx([0, ITEM_DENSE * 0.5, 0, 0])


def test_a_signal_can_be_left_out() -> None:
    values = found("paint", rows(), hits=[1.0, 0, 0, 0])
    assert blend(values)[0] > blend(values, without=["lex"])[0]


def test_a_further_hit_of_a_session_pays() -> None:
    scores = np.array([3.0, 2.95, 2.9], dtype=np.float32)
    rows = among(3, session=ints(0, 0, 1))
    assert spread(scores, rows).tolist() == pytest.approx([3.0, 2.95 - SPREAD, 2.9])


@given(st.lists(st.floats(-10, 10, width=32), max_size=30), st.integers(0, 40))
def test_the_best_are_the_first_of_a_stable_sort(values: list[float], count: int) -> None:
    scores = np.array(values, dtype=np.float32)
    found = best(scores, count, among(len(values))).tolist()
    assert found == np.argsort(-scores, kind="stable")[:count].tolist()


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=12), st.integers(0, 12), st.randoms()
)
def test_equals_come_in_one_order_however_the_rows_stand(
    given: list[tuple[int, int]], count: int, chance: Random
) -> None:
    names = list(enumerate(given))

    def order() -> list[int]:
        scores = np.array([score for _, (score, _) in names], dtype=np.float32)
        day, key = ([one[1][1] for one in names], [one[0] for one in names])
        rows = among(
            len(names), day=ints(*day), key=np.array(key, dtype=np.uint64), line=ints(*[1] * len(day))
        )
        return [names[place][0] for place in best(scores, count, rows).tolist()]

    before = order()
    chance.shuffle(names)
    assert order() == before


@given(st.integers(1, 100_000), st.data())
def test_idf_falls_from_about_one_to_zero(total: int, data: st.DataObject) -> None:
    holding = data.draw(st.integers(1, total))
    value = float(idf(np.array(holding), total))
    assert 0 <= value <= 1.7
    assert value >= float(idf(np.array(total), total))


def test_more_of_a_word_counts_more_but_never_twice_as_much() -> None:
    lengths = np.array([10.0, 10.0], dtype=np.float32)
    once, often = saturate(np.array([1.0, 50.0], dtype=np.float32), lengths, 10.0).tolist()
    assert once < often < 2 * once
