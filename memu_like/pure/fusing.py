"""Fusing rankings of several queries into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..results import Hit

RANK_CONSTANT = 60
"""k of reciprocal rank fusion: Cormack, Clarke and Buettcher 2009, who fixed it at 60."""


def fuse(rankings: Sequence[Sequence[Hit]], limit: int | None = None) -> tuple[Hit, ...]:
    """One ranking of all hits: score = sum over rankings of 1 / (60 + rank). A place counts once."""
    if len(rankings) == 1:
        return tuple(rankings[0][:limit])
    scores: dict[tuple[str, str], float] = {}
    first: dict[tuple[str, str], Hit] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking, start=1):
            key = hit.place, hit.text
            scores[key] = scores.get(key, 0.0) + 1 / (RANK_CONSTANT + rank)
            first.setdefault(key, hit)
    ordered = sorted(scores, key=lambda key: -scores[key])
    return tuple(replace(first[key], score=round(scores[key], 4)) for key in ordered[:limit])
