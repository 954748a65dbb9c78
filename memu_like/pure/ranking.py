"""The ranking: signals for each row of a set of sessions, and one weighted sum.

`score = sum(weight * signal)`. Lexical signals are sums of idf / ln(1 + n), about 1 for a word that stands
in one row whatever the size of the memory; dense ones are cosines; the rest are 0 to 1 or small logarithms.
So a score means the same in a small memory and in a large one, and nothing is scaled per query. The weights
were fitted on LoCoMo's five development conversations as a listwise softmax over the turns of each question
(conditional logit: McFadden 1974), then rounded, and a few were moved by hand on the same conversations;
benchmarks/locomo.py measures them, `--without SIGNAL` shows what each one gives.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .passages import ASKS, HAS_QUESTION, TEMPORAL
from .questions import Question

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# BM25 (Robertson and Zaragoza 2009). Rows are about 20 words: length matters little and words hardly repeat.
K1, B = 0.6, 0.4
# Soft match: a question's word may be met by up to this many words whose static embedding is this near.
SOFT_COSINE, SOFT_WORDS, SOFT_WEIGHT = 0.40, 6, 0.5
# A day is talked about from two days before (plans) to two weeks after.
TALK_BEFORE, TALK_AFTER = 2, 14
# A time that spans more than this many days tells too little to be matched.
LONGEST_MEANT = 200
# A session without any of the people who are named, in speaker weights.
ABSENT = 3.0
# Variety: what each further hit of a session pays, up to how many, among how many first hits.
SPREAD, SPREAD_MOST, SPREAD_DEPTH = 0.1, 8, 60

WEIGHTS: Mapping[str, float] = {
    # words of the question that the row holds: sum of idf and saturation
    "lex": 2.6,
    # the same as a share of the question's idf: short and long questions alike
    "share": 1.8,
    # words that the row lacks and the row before has: an answer rarely repeats its question
    "lex_prev_fills": 2.1,
    # words still lacking that the rows two or three before have
    "lex_far_fills": 1.5,
    # words still lacking that the session has somewhere
    "lex_session_fills": 0.5,
    # the best lexical match in the session: it is on the topic
    "lex_session_best": 1.2,
    # cosine of the question and the row, and the rows around it: context, with no second vector stored
    "dense": 4.0,
    "dense_prev": 2.0,
    "dense_prev2": 2.7,
    "dense_next": 1.8,
    # the question names a date: the session lies within reach of it, the row speaks of it
    "date": 4.8,
    "date_meant": 1.5,
    # it asks for a time: the row has a temporal word, or one that resolves to a date
    "when": 1.3,
    "when_dated": 1.5,
    # a row that ends with a question seeks and does not tell; the row after one tells
    "asks": -1.0,
    "answers": 0.6,
    # news is told first
    "opening": 2.2,
    "second": 0.6,
    # said by the person asked about: 3.5 is best where the right one is named, this forgives a wrong one
    "speaker": 1.3,
    # of two people named, said by the first
    "speaker_first": 2.0,
    # ln(1 + names in the row), and the same again where the question asks which, where or who
    "names": 0.5,
    "names_asked": 0.9,
    # mean idf of the row's words: small talk is made of frequent ones
    "rarity": 3.2,
    # it asks how things stand now: the later said, the better. Set by hand on the shipped sample
    "latest": 2.0,
    # the row's best item worded by a model: see ItemMatches
    "item": 1.0,
}
# What an item says counts for its source row as if it stood there, at these shares of a word's hit and of the
# cosine; and beside it, as the signal "item", its cosine and this much of its lexical match. Round values
# from the middle of a grid on LoCoMo's development conversations with its observations as items, where any
# of the neighbouring values is better than no items.
ITEM_HITS, ITEM_DENSE, ITEM_LEX = 0.5, 0.8, 0.5


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns (n) of the rows to be ranked: whole sessions, one after the other, each in its order."""

    session: NDArray[np.int32]
    speaker: NDArray[np.int32]
    day: NDArray[np.int32]
    first_day: NDArray[np.int32]
    last_day: NDArray[np.int32]
    flags: NDArray[np.uint8]
    names: Floats
    rarity: Floats
    line: NDArray[np.int32]
    key: NDArray[np.uint64]
    """By day, line and key what is equal in all else has one order, however the rows are ordered."""

    def shift(self, values: Floats, places: int) -> Floats:
        """The value of the row `places` later (negative: earlier) in the same session, else 0; (..., n)."""
        out = np.zeros_like(values)
        if abs(places) >= len(self.session):
            return out
        here, there = (
            (slice(None, -places), slice(places, None))
            if places > 0
            else (
                slice(-places, None),
                slice(None, places),
            )
        )
        same = self.session[here] == self.session[there]
        out[..., here] = np.where(same, values[..., there], 0)
        return out

    def session_best(self, values: Floats) -> Floats:
        """For each row the largest value in its session; (..., n)."""
        changes = np.flatnonzero(self.session[1:] != self.session[:-1]) + 1
        starts = np.concatenate([[0], changes])
        sizes = np.diff(np.concatenate([starts, [len(self.session)]]))
        return np.repeat(np.maximum.reduceat(values, starts, axis=-1), sizes, axis=-1)


@dataclass(frozen=True, slots=True)
class ItemMatches:
    """How items worded by a model match: pair i is an item that speaks for row `places[i]`; places rise.

    `hits` (t, p) and `dense` (p) are as those of the rows.
    """

    places: Ints
    hits: Floats
    dense: Floats

    def of_rows(self, rows: int) -> tuple[Floats, Floats]:
        """Of each row's items the best hit of each stem (t, n) and the best cosine (n); 0 without items."""
        hits = np.zeros((len(self.hits), rows), dtype=np.float32)
        dense = np.zeros(rows, dtype=np.float32)
        if len(self.places):
            starts = np.flatnonzero(np.r_[True, self.places[1:] != self.places[:-1]])
            hits[:, self.places[starts]] = np.maximum.reduceat(self.hits, starts, axis=1)
            dense[self.places[starts]] = np.maximum.reduceat(self.dense, starts)
        return hits, dense


def idf(rows_with_term: NDArray[np.int64], rows: int) -> NDArray[np.float64]:
    """Robertson's idf over ln(1 + rows), 0 to about 1, for terms that stand in so many of `rows` rows."""
    found = np.log1p((rows - rows_with_term + 0.5) / (rows_with_term + 0.5))
    return np.asarray(found / math.log(1 + max(rows, 2)))


def saturate(counts: Floats, lengths: Floats, mean_length: float) -> Floats:
    """BM25's term weight for `counts` of a term in rows of `lengths` terms."""
    norm = K1 * (1 - B + B * lengths / max(mean_length, 1e-6))
    return np.asarray(counts * (K1 + 1) / (counts + norm), dtype=np.float32)


def signals(
    question: Question,
    rows: Rows,
    weights: Floats,
    hits: Floats,
    dense: Floats,
    items: ItemMatches | None = None,
) -> dict[str, Floats]:
    """Each signal (n). `weights` are the idf of the question's stems (t), `hits` (t, n) how well a row holds
    each, `dense` (n) the rows' cosines with the question; `items` is None where no item speaks for a row."""
    told = np.zeros(len(dense), dtype=np.float32)
    if items is not None:
        item_hits, item_dense = items.of_rows(len(dense))
        told = np.maximum(item_dense, 0) + ITEM_LEX * (weights @ item_hits)
        hits = np.maximum(hits, ITEM_HITS * item_hits)
        dense = np.maximum(dense, ITEM_DENSE * item_dense)
    names = np.log1p(rows.names)
    dated = np.asarray(rows.last_day >= rows.first_day, dtype=np.float32)
    asked = rows.shift(_flag(rows, HAS_QUESTION), -1)
    said, meant = _date_matches(question, rows)
    opening = 1 - rows.shift(np.ones(len(dense), dtype=np.float32), -1)
    return {
        **_lexical(rows, weights, hits),
        "dense": dense,
        "dense_prev": rows.shift(dense, -1),
        "dense_prev2": rows.shift(dense, -2),
        "dense_next": rows.shift(dense, 1),
        "date": said,
        "date_meant": meant,
        "when": _flag(rows, TEMPORAL) * question.wants_time,
        "when_dated": dated * question.wants_time,
        "asks": _flag(rows, ASKS),
        "answers": asked,
        "opening": opening,
        "second": rows.shift(opening, -1),
        "speaker": _speaker_match(question, rows),
        "speaker_first": _first_speaker(question, rows),
        "names": names,
        "names_asked": names * question.wants_name,
        "rarity": rows.rarity,
        "latest": _recency(rows) * question.wants_latest,
        "item": told,
    }


def _lexical(rows: Rows, weights: Floats, hits: Floats) -> dict[str, Floats]:
    lex = weights @ hits
    with_prev = np.maximum(hits, rows.shift(hits, -1))
    with_far = np.maximum(with_prev, np.maximum(rows.shift(hits, -2), rows.shift(hits, -3)))
    prev = weights @ with_prev
    return {
        "lex": lex,
        "share": weights @ np.minimum(hits, 1) / max(float(weights.sum()), 0.1),
        "lex_prev_fills": prev - lex,
        "lex_far_fills": weights @ with_far - prev,
        "lex_session_fills": weights @ np.maximum(hits, rows.session_best(hits)) - lex,
        "lex_session_best": rows.session_best(lex),
    }


def blend(found: Mapping[str, Floats], without: Sequence[str] = ()) -> Floats:
    """The weighted sum of the signals."""
    total = np.zeros(len(found["lex"]), dtype=np.float32)
    for name, weight in WEIGHTS.items():
        if name not in without:
            total += np.float32(weight) * found[name]
    return total


def best(scores: Floats, count: int, rows: Rows) -> Ints:
    """Places of the `count` largest scores, largest first; of equals the oldest, then by their lines."""
    if 0 < count < len(scores):
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        places = np.flatnonzero(scores >= least)
    else:
        places = np.arange(len(scores))
    order = (rows.key[places], rows.line[places], rows.day[places], -scores[places])
    return places[np.lexsort(order)][:count]


def spread(scores: Floats, rows: Rows) -> Floats:
    """`scores` with a little taken from each further hit of a session: answers lie in several sessions."""
    out, session = scores.copy(), rows.session
    seen: dict[int, int] = {}
    for place in best(scores, SPREAD_DEPTH, rows).tolist():
        earlier = seen.get(int(session[place]), 0)
        out[place] -= SPREAD * min(earlier, SPREAD_MOST)
        seen[int(session[place])] = earlier + 1
    return out


def _flag(rows: Rows, flag: int) -> Floats:
    return np.asarray((rows.flags & flag) > 0, dtype=np.float32)


def _speaker_match(question: Question, rows: Rows) -> Floats:
    """1 for rows of the one person named, one half where nobody or several are; less where they are absent.

    Of people who are named, one at least takes part in the session that answers: others lose ABSENT.
    """
    if not question.who:
        return np.full(len(rows.speaker), 0.5, dtype=np.float32)
    said = np.asarray(np.isin(rows.speaker, question.who), dtype=np.float32)
    # A document has no speaker, and "user" may be anybody: they are not without the person who is named.
    unknown = np.asarray((rows.speaker < 0) | np.isin(rows.speaker, question.nameless), dtype=np.float32)
    absent = 1 - rows.session_best(np.maximum(said, unknown))
    if len(question.who) > 1:
        said[:] = 0.5
    return said - ABSENT * absent


def _recency(rows: Rows) -> Floats:
    """0 for the earliest day to 1 for the latest; 0 where no time is known."""
    known = rows.day[rows.day > 0]
    first, last = (int(known.min()), int(known.max())) if len(known) else (0, 0)
    return np.asarray(np.clip((rows.day - first) / max(last - first, 1), 0, 1), dtype=np.float32)


def _first_speaker(question: Question, rows: Rows) -> Floats:
    """In "What did A say about B?" A spoke; in "A and B" either may have."""
    if len(question.who) < 2 or question.joins_people:
        return np.zeros(len(rows.speaker), dtype=np.float32)
    return np.asarray(rows.speaker == question.who[0], dtype=np.float32)


def _date_matches(question: Question, rows: Rows) -> tuple[Floats, Floats]:
    """1 where the row was said around a day of the question; 1 where it speaks of one."""
    said = np.zeros(len(rows.day), dtype=np.float32)
    meant = np.zeros(len(rows.day), dtype=np.float32)
    short = rows.last_day - rows.first_day < LONGEST_MEANT
    for first, last in question.spans:
        said[(rows.day >= first - TALK_BEFORE) & (rows.day <= last + TALK_AFTER)] = 1
        meant[(rows.first_day <= last) & (rows.last_day >= first) & short] = 1
    return said, meant
