"""Search: from a query to ranked rows, with no model and at a cost that hardly grows with the memory.

All rows are looked at cheaply (their postings, and the leading dimensions of their vectors); the sessions
that either finds are then scored whole and exactly. Neither arm gates the other. What a model has worded
counts for the lines that it was taken from, in both steps: such an item is no row of the ranking.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from ..edges.index.reading import embed_words
from ..edges.index.view import Evidence, View
from ..pure.questions import Question, read_question
from ..pure.ranking import (
    ITEM_DENSE,
    SOFT_COSINE,
    SOFT_WEIGHT,
    SOFT_WORDS,
    Floats,
    Ints,
    ItemMatches,
    Rows,
    best,
    blend,
    idf,
    saturate,
    signals,
    spread,
)
from ..pure.terms import term_weight
from .desk import Desk

# Up to this many rows are scored exactly; of a larger memory, the blocks with the best first looks.
EXACT_ROWS = 2_048
MAX_QUERY_STEMS = 32
# In the first look a cosine weighs about as it does in the ranking beside the lexical signals.
FIRST_LOOK_DENSE = 1.5
MAX_NEAR_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Ranked:
    row: int
    score: float
    signals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Match:
    """How well rows hold one stem of the question: `rows` rise, `hits` are at most about 1.9."""

    weight: float
    rows: Ints
    hits: Floats


def search(
    desk: Desk,
    view: View,
    query: str,
    vector: Floats,
    limit: int,
    *,
    explain: bool | Collection[str] = False,
    without: Sequence[str] = (),
    among: NDArray[np.bool_] | None = None,
) -> list[Ranked]:
    """The best `limit` rows of `view`, best first. `vector` is the query's, empty where there is none.

    `explain` tells all signals, or those that it names. `without` names signals to leave out, for ablations.
    `among` are the rows that may be found, whole sessions of them; None: all.
    """
    ranked = view.ranked if among is None else view.ranked & among
    if not ranked.any():
        return []
    question = _read(desk, view, query)
    matches = _matches(desk, view, question)
    evidence = None if "item" in without or not len(view.evidence.items) else view.evidence
    chosen = _candidates(view, matches, vector, evidence, ranked)
    rows = _columns(view, chosen)
    hits = _hits(matches, chosen, view.size)
    weights = np.array([match.weight for match in matches], dtype=np.float32)
    items = _item_matches(view, matches, vector, chosen, evidence) if evidence else None
    found = signals(question, rows, weights, hits, view.cosines(vector, chosen), items)
    scores = spread(blend(found, without), rows)
    order = best(scores, limit, rows)
    names = tuple(found) if explain is True else tuple(explain or ())
    told = zip(*(found[name][order].tolist() for name in names), strict=True) if names else repeat(())
    return [
        Ranked(row, score, {name: round(value, 4) for name, value in zip(names, values, strict=True)})
        for row, score, values in zip(chosen[order].tolist(), scores[order].tolist(), told, strict=False)
    ]


def _read(desk: Desk, view: View, query: str) -> Question:
    days = view.day[view.day > 0]
    first, last = (int(days.min()), int(days.max())) if len(days) else (0, 0)
    years = range(date.fromordinal(first).year, date.fromordinal(last).year + 1) if first else ()
    return read_question(query, view.speakers, years, desk.tools.now(), desk.own_names())


def _matches(desk: Desk, view: View, question: Question) -> list[_Match]:
    mean = view.mean_length
    near = _near(desk, view, question.words[:MAX_QUERY_STEMS])
    found = []
    for word, stem in zip(question.words[:MAX_QUERY_STEMS], question.stems, strict=False):
        rows, counts = view.postings(stem)
        weight = term_weight(stem) * float(idf(np.array(view.ranked_among(rows)), view.ranked_size))
        parts = [(rows, saturate(counts, view.lengths[rows], mean))]
        for term, cosine in near[word].items():
            if term != stem:
                near_rows, counts = view.postings(term)
                size = np.array(view.ranked_among(near_rows))
                rarity = min(1.0, float(idf(size, view.ranked_size)) / max(weight, 1e-3))
                strength = np.float32(SOFT_WEIGHT * cosine * rarity)
                parts.append((near_rows, strength * saturate(counts, view.lengths[near_rows], mean)))
        found.append(_combine(weight, parts, view.size))
    return found


def _near(desk: Desk, view: View, words: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
    """For each word the terms of the memory that mean about the same, with their cosines.

    Kept with the view: the words of questions come again.
    """
    if desk.tools.words is None:
        return {word: {} for word in words}
    if len(view.near) > MAX_NEAR_KEPT:
        view.near.clear()
    new = [word for word in words if word not in view.near]
    vectors = embed_words(new, desk.tools.words)
    candidates = [view.near_words(vector, SOFT_COSINE, SOFT_WORDS) for vector in vectors]
    surfaces = list(dict.fromkeys(surface for found in candidates for surface in found.values()))
    of_surface = dict(zip(surfaces, embed_words(surfaces, desk.tools.words), strict=True))
    for word, vector, found in zip(new, vectors, candidates, strict=True):
        cosines = {
            term: float(of_surface[surface] @ vector)
            for term, surface in found.items()
            if view.all_alive or len(view.postings(term)[0])
        }
        best = sorted(cosines, key=lambda term: (-cosines[term], term))[: SOFT_WORDS + 1]
        view.near[word] = {term: cosines[term] for term in best if cosines[term] >= SOFT_COSINE}
    return view.near


def _combine(weight: float, parts: Sequence[tuple[Ints, Floats]], size: int) -> _Match:
    """Of a row that holds several of the words, the best match; the stem itself beats words near it."""
    if len(parts) == 1:
        return _Match(weight, *parts[0])
    best_hits = np.zeros(size, dtype=np.float32)
    for rows, hits in parts:
        best_hits[rows] = np.maximum(best_hits[rows], hits)
    found = np.flatnonzero(best_hits)
    return _Match(weight, found, best_hits[found])


def _candidates(
    view: View,
    matches: Sequence[_Match],
    vector: Floats,
    evidence: Evidence | None,
    ranked: NDArray[np.bool_],
) -> Ints:
    """Of the `ranked` rows those of the blocks that look best, in order; all of a small memory."""
    if np.count_nonzero(ranked) <= EXACT_ROWS:
        return np.flatnonzero(ranked)
    look = np.zeros(view.size, dtype=np.float32)
    for match in matches:
        look[match.rows] += np.float32(match.weight) * match.hits
    look += FIRST_LOOK_DENSE * view.coarse_cosines(vector)
    if evidence is not None:
        np.maximum.at(look, evidence.sources, ITEM_DENSE * look[evidence.items])
    look[~ranked] = -np.inf
    starts = view.block_starts
    sizes = np.diff(starts)
    order = np.argsort(-np.maximum.reduceat(look, starts[:-1]), kind="stable")
    chosen = np.zeros(len(sizes), dtype=np.bool_)
    chosen[order[: int(np.searchsorted(np.cumsum(sizes[order]), EXACT_ROWS)) + 1]] = True
    return np.flatnonzero(np.repeat(chosen, sizes) & ranked)


def _item_matches(
    view: View, matches: Sequence[_Match], vector: Floats, chosen: Ints, evidence: Evidence
) -> ItemMatches:
    """How the items match that speak for the `chosen` rows."""
    place = np.full(view.size, -1, dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    places = place[evidence.sources]
    here = places >= 0
    items, of_pair = np.unique(evidence.items[here], return_inverse=True)
    hits = _hits(matches, items, view.size)
    return ItemMatches(places[here], hits[:, of_pair], view.cosines(vector, items)[of_pair])


def _columns(view: View, chosen: Ints) -> Rows:
    return Rows(
        session=view.session[chosen],
        speaker=view.speaker[chosen],
        day=view.day[chosen],
        first_day=view.first_day[chosen],
        last_day=view.last_day[chosen],
        flags=view.flags[chosen],
        names=view.names[chosen],
        rarity=view.rarity[chosen],
        line=view.lines[chosen],
        key=view.keys[chosen],
    )


def _hits(matches: Sequence[_Match], chosen: Ints, size: int) -> Floats:
    """(t, n): each match's hits at the chosen rows."""
    place = np.full(size, -1, dtype=np.int32)
    place[chosen] = np.arange(len(chosen), dtype=np.int32)
    hits = np.zeros((len(matches), len(chosen)), dtype=np.float32)
    for number, match in enumerate(matches):
        at = place[match.rows]
        kept = at >= 0
        hits[number, at[kept]] = match.hits[kept]
    return hits
