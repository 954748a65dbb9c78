"""Short extractive lines: what a category or a session is about, in words that stand in it.

Nothing is reworded. A fragment is cut only at the end of a clause or a word, and an ellipsis shows where.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .rendering import plain_line
from .terms import STOP_WORDS, stem, words

ELLIPSIS = "…"
FRAGMENTS = 3
# Fragments of a summary should not repeat each other (maximal marginal relevance: Carbonell and Goldstein 1998).
RELEVANCE = 0.7
_CLAUSE_END = re.compile(r"[,;:.!?。，；！？](?=\s|$)|[。，；！？]")
_STRUCTURE = re.compile(r"^[#>\-*+|`~\s]+|(?:^|\s)\^[\w-]+$|`{3,}")


def summary_line(
    texts: Sequence[str], vectors: NDArray[np.float32] | None = None, max_chars: int = 160
) -> str:
    """Two or three short fragments of `texts` that together stand for them; "" for no text.

    `vectors` (n, d) are unit rows of `texts`; without them words are compared. The order of `texts` does
    not matter.
    """
    order = sorted(range(len(texts)), key=lambda number: texts[number])
    shown = [_clean(texts[number]) for number in order]
    likeness = _likeness(shown, None if vectors is None else vectors[order])
    budget = max(1, max_chars)
    parts: list[str] = []
    for number in _diverse(likeness, FRAGMENTS):
        room = budget - sum(len(part) + 1 for part in parts)
        part = _shorten(shown[number], max(room if not parts else min(room, max_chars // 2), 0))
        if part and part not in parts:
            parts.append(part)
    return " ".join(parts)


def title_line(texts: Sequence[str], max_chars: int = 60) -> str:
    """The most telling fragment of a session, cut to `max_chars`; "" for no text."""
    shown = sorted(filter(None, (_clean(text) for text in texts)))
    counts = Counter(stem(word) for text in shown for word in set(words(text)) if word not in STOP_WORDS)

    def weight(text: str) -> tuple[float, str]:
        distinct = {stem(word) for word in words(text) if word not in STOP_WORDS}
        return (-sum(counts[term] for term in distinct) / (4 + len(distinct)), text)

    return _shorten(min(shown, key=weight), max_chars) if shown else ""


def _clean(text: str) -> str:
    """One line without what markdown would read as structure."""
    line, before = plain_line(text), ""
    while line != before:
        before, line = line, _STRUCTURE.sub("", line).strip()
    return line


def _likeness(texts: Sequence[str], vectors: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """(n, n) cosines of the texts."""
    if vectors is not None and vectors.size:
        return np.asarray(vectors @ vectors.T, dtype=np.float32)
    found = [{stem(word) for word in words(text) if word not in STOP_WORDS} for text in texts]
    size = [max(len(terms), 1) for terms in found]
    rows = [
        [len(a & b) / (size[i] * size[j]) ** 0.5 for j, b in enumerate(found)] for i, a in enumerate(found)
    ]
    return np.array(rows, dtype=np.float32).reshape(len(texts), len(texts))


def _diverse(likeness: NDArray[np.float32], count: int) -> list[int]:
    """Rows that are central and not alike, the most central first."""
    if not len(likeness):
        return []
    central = likeness.mean(axis=1).round(4)
    chosen = [int(np.argmax(central))]
    while len(chosen) < min(count, len(likeness)):
        worth = RELEVANCE * central - (1 - RELEVANCE) * likeness[:, chosen].max(axis=1).round(4)
        worth[chosen] = -np.inf
        chosen.append(int(np.argmax(worth)))
    return chosen


def _shorten(text: str, room: int) -> str:
    """`text` if it fits, else its beginning up to a clause or a word's end, with an ellipsis."""
    if len(text) <= room:
        return text
    head = text[: max(room - len(ELLIPSIS), 0)]
    ends = [match.start() for match in _CLAUSE_END.finditer(head) if match.start() >= room // 2]
    cut = ends[-1] if ends else head.rfind(" ")
    if cut <= 0 and not text.isascii():
        cut = len(head)
    return head[:cut].rstrip() + ELLIPSIS if cut > 0 else ""
