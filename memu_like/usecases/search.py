"""Search: from a query to ranked rows, with no model and at a cost that hardly grows with the memory.

All rows are looked at cheaply (their postings, and the leading dimensions of their vectors); the sessions
that either finds are then scored whole and exactly. Neither arm gates the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from ..edges.index.reading import embed_rows, embed_words
from ..edges.index.view import View
from ..pure.questions import Question, read_question
from ..pure.ranking import (
    SOFT_COSINE,
    SOFT_WEIGHT,
    SOFT_WORDS,
    Floats,
    Ints,
    Rows,
    blend,
    idf,
    saturate,
    signals,
)
from .desk import Desk

# Up to this many rows are scored exactly; of a larger memory, the blocks with the best first looks.
EXACT_ROWS = 6_000
MAX_QUERY_STEMS = 32
# In the first look a cosine weighs about as it does in the ranking beside the lexical signals.
FIRST_LOOK_DENSE = 1.5


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
    desk: Desk, query: str, limit: int, *, explain: bool = False, without: Sequence[str] = ()
) -> list[Ranked]:
    """The best `limit` rows of the memory, best first. `without` names signals to leave out (for ablations)."""
    view = desk.view()
    if not view.size:
        return []
    question = _read(desk, view, query)
    matches = _matches(desk, view, question)
    vector = embed_rows([query], desk.tools.embedder)[0]
    chosen = _candidates(view, matches, vector)
    rows = _columns(view, chosen)
    hits = _hits(matches, chosen, view.size)
    weights = np.array([match.weight for match in matches], dtype=np.float32)
    found = signals(question, rows, weights, hits, view.cosines(vector, chosen))
    scores = np.where(view.alive[chosen], blend(found, without), -np.inf)
    order = np.argsort(-scores, kind="stable")[:limit]
    return [
        Ranked(
            int(chosen[place]),
            float(scores[place]),
            {name: round(float(values[place]), 4) for name, values in found.items()} if explain else {},
        )
        for place in order.tolist()
        if np.isfinite(scores[place])
    ]


def _read(desk: Desk, view: View, query: str) -> Question:
    days = view.day[view.day > 0]
    first, last = (int(days.min()), int(days.max())) if len(days) else (0, 0)
    years = range(date.fromordinal(first).year, date.fromordinal(last).year + 1) if first else ()
    return read_question(query, view.speakers, years, desk.tools.now(), desk.own_names())


def _matches(desk: Desk, view: View, question: Question) -> list[_Match]:
    mean = float(view.lengths.mean()) or 1.0
    words = question.words[:MAX_QUERY_STEMS]
    vectors = embed_words(words, desk.tools.words)
    found = []
    for number, stem in enumerate(question.stems[:MAX_QUERY_STEMS]):
        rows, counts = view.postings(stem)
        weight = idf(len(rows), view.size)
        parts = [(rows, saturate(counts, view.lengths[rows], mean))]
        for near, cosine in _near(desk, view, vectors[number], stem).items():
            near_rows, counts = view.postings(near)
            rarity = min(1.0, idf(len(near_rows), view.size) / max(weight, 1e-3))
            strength = np.float32(SOFT_WEIGHT * cosine * rarity)
            parts.append((near_rows, strength * saturate(counts, view.lengths[near_rows], mean)))
        found.append(_combine(weight, parts))
    return found


def _near(desk: Desk, view: View, vector: Floats, stem: str) -> dict[str, float]:
    """Terms of the memory that mean about the same as the word behind `vector`, with their cosines."""
    if not len(vector):
        return {}
    words = view.near_words(vector, SOFT_WORDS)
    words.pop(stem, None)
    if not words:
        return {}
    cosines = embed_words(list(words.values()), desk.tools.words) @ vector
    order = np.argsort(-cosines, kind="stable")[:SOFT_WORDS]
    terms = list(words)
    return {terms[n]: float(cosines[n]) for n in order.tolist() if cosines[n] >= SOFT_COSINE}


def _combine(weight: float, parts: Sequence[tuple[Ints, Floats]]) -> _Match:
    """Of a row that holds several of the words, the best match; the stem itself beats words near it."""
    if len(parts) == 1:
        return _Match(weight, *parts[0])
    rows = np.concatenate([part for part, _ in parts])
    hits = np.concatenate([values for _, values in parts])
    order = np.lexsort((-hits, rows))
    rows, hits = rows[order], hits[order]
    first = np.r_[True, rows[1:] != rows[:-1]] if len(rows) else np.zeros(0, dtype=np.bool_)
    return _Match(weight, rows[first], hits[first])


def _candidates(view: View, matches: Sequence[_Match], vector: Floats) -> Ints:
    """Rows of the blocks that look best, in order; all rows of a small memory."""
    if view.size <= EXACT_ROWS:
        return np.arange(view.size)
    look = np.zeros(view.size, dtype=np.float32)
    for match in matches:
        look[match.rows] += np.float32(match.weight) * match.hits
    look += FIRST_LOOK_DENSE * view.coarse_cosines(vector)
    starts = view.block_starts
    best = np.maximum.reduceat(look, starts[:-1])
    sizes = np.diff(starts)
    order = np.argsort(-best, kind="stable")
    blocks = np.sort(order[: int(np.searchsorted(np.cumsum(sizes[order]), EXACT_ROWS)) + 1])
    return np.concatenate([np.arange(starts[block], starts[block + 1]) for block in blocks.tolist()])


def _columns(view: View, chosen: Ints) -> Rows:
    return Rows(
        session=view.session[chosen],
        speaker=view.speaker[chosen],
        day=view.day[chosen],
        first_day=view.first_day[chosen],
        last_day=view.last_day[chosen],
        flags=view.flags[chosen],
        log_words=view.log_words[chosen],
        lengths=view.lengths[chosen],
        names=view.names[chosen],
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
