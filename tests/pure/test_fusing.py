"""Reciprocal rank fusion."""

from __future__ import annotations

from memu_like.pure.fusing import fuse
from memu_like.results import Hit


def hit(name: str) -> Hit:
    return Hit("item", 9.0, name, None, "", name, 1)


A, B, C = hit("a"), hit("b"), hit("c")


def test_one_ranking_stays_as_it_is() -> None:
    assert fuse([(A, B, C)], 2) == (A, B)


def test_what_both_rankings_have_comes_first_and_scores_fall() -> None:
    found = fuse([(A, B), (B, C)])
    assert [one.text for one in found] == ["b", "a", "c"]
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert found[0].score == round(1 / 62 + 1 / 61, 4)


def test_the_limit_counts_places_once() -> None:
    assert [one.text for one in fuse([(A, B), (A, C)], 2)] == ["a", "b"]
