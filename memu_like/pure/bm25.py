"""Okapi BM25 over stemmed texts and nothing else: what retrieval is measured against."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from .terms import terms

# k1 and b as Pyserini has them for passages; the turns of a conversation are short.
K1, B = 0.9, 0.4


class Bm25:
    """Ranks `texts` for a query."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._documents = [Counter(terms(text)) for text in texts]
        self._frequency = Counter(term for document in self._documents for term in document)
        lengths = np.array([sum(document.values()) for document in self._documents], dtype=float)
        mean = float(lengths.mean()) if len(lengths) else 1.0
        self._norm = K1 * (1 - B + B * lengths / (mean or 1.0))

    def rank(self, query: str) -> list[int]:
        """Places of all texts, the best first; of equals the first."""
        total = np.zeros(len(self._documents))
        for term in set(terms(query)):
            count = np.array([document[term] for document in self._documents])
            found = self._frequency[term]
            idf = math.log(1 + (len(self._documents) - found + 0.5) / (found + 0.5))
            total += idf * count * (K1 + 1) / (count + self._norm)
        order: list[int] = np.argsort(-total, kind="stable").tolist()
        return order
