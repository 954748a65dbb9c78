"""Short extractive lines: what a category or a session is about, in words that stand in it.

Nothing is reworded. A fragment is cut only at the end of a clause or a word, and an ellipsis shows where.
The work grows with the number of texts, not with its square.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .rendering import plain_line
from .terms import STOP_WORDS, stem, telling_words

Floats = NDArray[np.float32]

ELLIPSIS = "…"
FRAGMENTS = 3
RELEVANCE = 0.5
"""The rest of the weight keeps fragments from repeating each other (maximal marginal relevance: Carbonell
and Goldstein 1998, "The use of MMR")."""
TELLING_TERMS = 4
"""A text with fewer distinct terms than this counts for less: it says little on its own."""
COMMON_TERMS = 256
"""Dimensions of the word vectors that stand in where no embedder's are given."""

_CLAUSE_END = re.compile(r"[,;:.!?](?=\s)|[。，；！？]")
_STRUCTURE = re.compile(r"^[#>\-*+|`~\s]+|(?:^|\s)\^[\w-]+$|`{3,}")


def summary_line(texts: Sequence[str], vectors: Floats | None = None, max_chars: int = 160) -> str:
    """Two or three fragments of `texts` that together stand for them; "" for no text.

    `vectors` (texts x dimensions) are unit rows; without them words are compared. The order of `texts`
    does not matter. The line is at most `max_chars` long.
    """
    order = sorted(range(len(texts)), key=lambda number: texts[number])
    shown = [_clean(texts[number]) for number in order]
    found = [_terms(text) for text in shown]
    rows = _word_vectors(found) if vectors is None or not vectors.size else vectors[order]
    telling = np.array([min(len(terms), TELLING_TERMS) / TELLING_TERMS for terms in found], dtype=np.float32)
    parts: list[str] = []
    for number in _diverse(rows, telling):
        room = max_chars - sum(len(part) + 1 for part in parts)
        part = _shorten(shown[number], room if not parts else min(room, max_chars // 2))
        if part and part not in parts and not _is_stump(part):
            parts.append(part)
    return " ".join(parts)


def is_summary_of(line: str, texts: Iterable[str]) -> bool:
    """Whether `summary_line` may have made the line of some of these texts: it is fragments of them."""
    known = sorted({_clean(text) for text in texts} - {""}, key=len, reverse=True)
    rest = line
    for _ in range(FRAGMENTS):
        whole = next((text for text in known if f"{rest} ".startswith(f"{text} ")), None)
        part = whole or rest.partition(ELLIPSIS)[0]
        cut = whole is None
        if not part or (cut and (ELLIPSIS not in rest or not any(t.startswith(part) for t in known))):
            return False
        rest = rest[len(part) + cut * len(ELLIPSIS) :].lstrip()
        if not rest:
            return True
    return False


def title_line(texts: Sequence[str], max_chars: int = 60) -> str:
    """The fragment of a session that holds most of its recurring words; "" for no text."""
    cleaned = sorted(filter(None, map(_clean, texts)))
    counts = Counter(term for text in cleaned for term in _terms(text))

    def weight(title: str) -> tuple[float, str]:
        found = _terms(title)
        return (-sum(counts[term] for term in found) / (TELLING_TERMS + len(found)), title)

    return min((_shorten(text, max_chars) for text in cleaned), key=weight, default="")


# A category is summarised again whenever a run touches it.
@lru_cache(maxsize=4096)
def _clean(text: str) -> str:
    """One line without what markdown would read as structure."""
    line, before = plain_line(text), ""
    while line != before:
        before, line = line, _STRUCTURE.sub("", line).strip()
    return line


@lru_cache(maxsize=4096)
def _terms(text: str) -> frozenset[str]:
    return frozenset([stem(word) for word in telling_words(text)])


def _word_vectors(found: Sequence[frozenset[str]]) -> Floats:
    """Unit rows over the most frequent terms: (texts, at most COMMON_TERMS)."""
    counts = Counter(term for terms in found for term in terms)
    common = sorted(counts, key=lambda term: (-counts[term], term))[:COMMON_TERMS]
    column = {term: number for number, term in enumerate(common)}
    rows = np.zeros((len(found), max(len(column), 1)), dtype=np.float32)
    for row, terms in zip(rows, found, strict=True):
        row[[column[term] for term in terms if term in column]] = max(len(terms), 1) ** -0.5
    return rows


def _diverse(rows: Floats, telling: Floats) -> list[int]:
    """Numbers of rows that are central, telling and not alike, the best first."""
    if not len(rows):
        return []
    # Rounded, so that the last bit of a sum does not choose between two that are equally good.
    worth = (telling * (rows @ rows.mean(axis=0))).round(4)
    chosen: list[int] = []
    left = np.ones(len(rows), dtype=np.bool_)
    likeness = np.full(len(rows), -1.0, dtype=np.float32)
    while len(chosen) < min(FRAGMENTS, len(rows)):
        score = worth if not chosen else RELEVANCE * worth - (1 - RELEVANCE) * telling * likeness.round(4)
        best = int(np.argmax(np.where(left, score, -np.inf)))
        chosen.append(best)
        left[best] = False
        likeness = np.maximum(likeness, rows @ rows[best])
    return chosen


def _is_stump(part: str) -> bool:
    """Whether cutting left too little to say anything, as in "I get…"."""
    return part.endswith(ELLIPSIS) and len(_terms(part)) < 2


def _shorten(text: str, room: int) -> str:
    """`text` if it fits, else its beginning up to the end of a clause or a word, with an ellipsis."""
    if len(text) <= room:
        return text
    limit = room - len(ELLIPSIS)
    if limit <= 0:
        return ""
    ends = [match.start() for match in _CLAUSE_END.finditer(text[: limit + 2])]
    clauses = [end for end in ends if room // 2 <= end <= limit]
    cut = text[: clauses[-1]] if clauses else _whole_words(text, limit)
    return cut.rstrip() + ELLIPSIS if cut.strip() else ""


def _whole_words(text: str, limit: int) -> str:
    """The words that end within `limit` characters, less those at the end that only lead on."""
    kept = text[:limit].split(" ")
    # A word that the limit cuts is dropped. Writing without spaces (from Thai on in Unicode) may be cut
    # anywhere.
    if not text[limit].isspace() and kept[-1][-1:] < "\u0e00":
        kept.pop()
    while len(kept) > 1 and kept[-1].lower() in STOP_WORDS:
        kept.pop()
    return " ".join(kept)
