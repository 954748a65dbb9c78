"""Whether what a search found is enough to answer from: a rule by words and scores, where no model judges."""

from __future__ import annotations

from collections.abc import Sequence

from ..results import Hit
from .terms import STOP_WORDS, stem, term_weight, words

FIRST, COVERED = 3, 0.5
"""The first three hits must hold this share of the question's words, in whatever form."""
DEPTH, STANDS_OUT = 10, 0.2
"""The best of ten hits must score this much more than the tenth, as a share: what answers stands out. With
fewer hits there is nothing to stand out from, and the words alone decide.

Both were set by reading what they say of LoCoMo's five development conversations (categories 1 to 4, 10
hits): "enough" for 85 % of the questions whose whole evidence is among the hits, for 43 % of those where none
of it is, and for 15 % of questions asked of a memory that knows nothing of them.
"""


def is_enough(query: str, hits: Sequence[Hit]) -> bool:
    """Whether `hits`, best first, look enough for `query`."""
    if not hits or coverage(query, hits[:FIRST]) < COVERED:
        return False
    if len(hits) < DEPTH:
        return True
    best, last = hits[0].score, hits[DEPTH - 1].score
    return best > 0 and (best - last) / best >= STANDS_OUT


def coverage(query: str, hits: Sequence[Hit]) -> float:
    """The share of the query's words, 0 to 1, that stand in the hits, their slots or speakers' names."""
    asked = {stem(word): term_weight(stem(word)) for word in words(query) if word not in STOP_WORDS}
    held = {stem(word) for hit in hits for word in words(_told(hit))}
    total = sum(asked.values())
    return sum(weight for term, weight in asked.items() if term in held) / total if total else 0.0


def _told(hit: Hit) -> str:
    place = f"{hit.category or ''} {hit.slot or ''}".replace("_", " ")
    return f"{hit.speaker or ''} {place} {hit.text}"
