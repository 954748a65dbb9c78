"""What memory is measured against: the whole conversation, and the turns that BM25 finds in it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from .scoring import Conversation, Turn
from .terms import terms

# k1 and b as Pyserini has them for passages; the turns of a conversation are short.
K1, B = 0.9, 0.4


class Bm25:
    """Okapi BM25 over stemmed texts, and nothing else."""

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


def whole_text(turns: Sequence[Turn]) -> str:
    """Every turn, under the date of its session."""
    lines: list[str] = []
    session = 0
    for turn in turns:
        if turn.session != session:
            session = turn.session
            lines += ["", f"## {turn.when}"] if lines else [f"## {turn.when}"]
        lines.append(turn.text)
    return "\n".join(lines)


class Found:
    """The turns of a conversation that BM25 finds, best first, as text under a budget."""

    def __init__(self, conversation: Conversation, count: Callable[[str], int]) -> None:
        self._lines = [f"[{turn.when}] {turn.text}" for turn in conversation.turns]
        self._costs = [count(line + "\n") for line in self._lines]
        self._rank = Bm25([turn.text for turn in conversation.turns]).rank
        self._count = count

    def text(self, query: str, max_tokens: int) -> str:
        """Whole turns of at most `max_tokens` together; one that does not fit is passed over."""
        taken: list[str] = []
        left = max_tokens
        for place in self._rank(query):
            if self._costs[place] <= left:
                taken.append(self._lines[place])
                left -= self._costs[place]
        # Tokens of joined lines can be one or two more than the sum of theirs.
        while self._count("\n".join(taken)) > max_tokens:
            taken.pop()
        return "\n".join(taken)
