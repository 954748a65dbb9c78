"""Scores of answers to questions about a conversation, as LoCoMo scores them, and their means.

LoCoMo: Maharana et al., "Evaluating very long-term conversational memory of LLM agents", ACL 2024. The rules
are those of its `task_eval/evaluation.py`: answers are lower-cased, without punctuation and the words a, an,
the, and; F1 is over Porter stems. A multi-hop answer is a list: the mean, over its parts, of the best part
given. Of an open-domain answer only what stands before ";" counts. An adversarial question has no answer, and
is right where that is said.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import Stemmer

from ..models import Usage

MULTI_HOP, TEMPORAL, OPEN_DOMAIN, SINGLE_HOP, ADVERSARIAL = range(1, 6)
CATEGORIES: Mapping[int, str] = {
    MULTI_HOP: "multi-hop",
    TEMPORAL: "temporal",
    OPEN_DOMAIN: "open-domain",
    SINGLE_HOP: "single-hop",
    ADVERSARIAL: "adversarial",
}
"""The numbers of LoCoMo's data. Its paper lists them in another order; the data decides: questions of
category 1 have evidence in several turns, those of 4 in one, and those of 5 have no answer."""
OVERALL = "overall (1 to 4)"

NO_ANSWER = "No information available"
_NO_ANSWER = re.compile(r"no information available|not mentioned|没有相关信息|没有提到|未提及", re.IGNORECASE)
"""The first two are LoCoMo's; the answer prompt asks for them."""
JUDGE_GATE, ANSWERER_GATE = 0.9, 0.8
"""Shares of the control questions, which a model fit to be measured with has no trouble with."""
_ARTICLES = re.compile(r"\b(?:a|an|the|and)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class Question:
    """`number` is its place in its conversation, from 1; `answer` is None where there is none to give."""

    conversation: str
    number: int
    text: str
    answer: str | None
    category: int
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """`text` is "SPEAKER: words [image: caption]", `when` the session's time as the data writes it."""

    id: str
    session: int
    when: str
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation with its questions; `raw` is as it stands in the file."""

    name: str
    raw: Mapping[str, Any] = field(hash=False)
    turns: tuple[Turn, ...] = ()
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """A question answered from the context that a method gave, and judged. Times are in seconds."""

    method: str
    conversation: str
    number: int
    category: int
    answer: str
    correct: bool
    f1: float
    bleu1: float
    context_tokens: int
    context_seconds: float
    usage: Usage
    judging: Usage

    @property
    def key(self) -> tuple[str, str, int]:
        return self.method, self.conversation, self.number


@dataclass(frozen=True, slots=True)
class Score:
    """Means over the `n` answers of a method to a category of questions, or to all of 1 to 4 (`OVERALL`)."""

    method: str
    category: str
    n: int
    accuracy: float
    f1: float
    bleu1: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a method's answers took: means a question, totals of usage, and the seconds of half the answers
    and of 95 in 100."""

    method: str
    n: int
    context_tokens: float
    context_seconds: float
    seconds_p50: float
    seconds_p95: float
    answering: Usage
    judging: Usage


@dataclass(frozen=True, slots=True)
class Control:
    """A question whose answer is known: `answer` is the reference, any of `accept` must be in an answer given
    from `context`; `right` means the same as the reference in other words, `wrong` does not."""

    context: str
    question: str
    answer: str
    accept: tuple[str, ...]
    right: str
    wrong: str


@dataclass(frozen=True, slots=True)
class Checked:
    """How the models did on control question `control`, its number from 1."""

    control: int
    judge_right: bool
    answerer_right: bool


@dataclass(frozen=True, slots=True)
class Gate:
    """Of so many control questions: pairs that the judge told apart, answers that were right."""

    controls: int
    judge_right: int
    answerer_right: int

    def reasons(self) -> tuple[str, ...]:
        """Why figures of these models are worth nothing; empty where they may be worth something."""
        found = []
        if self.judge_right < JUDGE_GATE * self.controls:
            told = f"told right from wrong in {self.judge_right} of {self.controls} control pairs"
            found.append(f"the judge {told}; it needs {math.ceil(JUDGE_GATE * self.controls)}")
        if self.answerer_right < ANSWERER_GATE * self.controls:
            told = f"answered {self.answerer_right} of {self.controls} control questions"
            found.append(f"the answerer {told}; it needs {math.ceil(ANSWERER_GATE * self.controls)}")
        return tuple(found)


def says_no_answer(answer: str) -> bool:
    return _NO_ANSWER.search(answer) is not None


def tokens(text: str) -> list[str]:
    """Stems of what LoCoMo's normalisation leaves of a text."""
    words = _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()
    return list(_stemmer().stemWords(words))


def f1(answer: str, gold: str) -> float:
    """The harmonic mean of precision and recall of tokens, counted as often as they stand; 0 to 1."""
    given, wanted = tokens(answer), tokens(gold)
    same = sum((Counter(given) & Counter(wanted)).values())
    return 2 * same / (len(given) + len(wanted)) if same else 0.0


def bleu1(answer: str, gold: str) -> float:
    """BLEU of single tokens (Papineni et al. 2002): clipped precision, short answers penalised; 0 to 1."""
    given, wanted = tokens(answer), tokens(gold)
    same = sum((Counter(given) & Counter(wanted)).values())
    if not same:
        return 0.0
    brevity = 1.0 if len(given) > len(wanted) else math.exp(1 - len(wanted) / len(given))
    return brevity * same / len(given)


def score_f1(question: Question, answer: str) -> float:
    """F1 by the rule of the question's category; 1 where an adversarial one is said to have no answer."""
    if question.category == ADVERSARIAL or question.answer is None:
        return float(says_no_answer(answer))
    gold = gold_answer(question)
    if question.category != MULTI_HOP:
        return f1(answer, gold)
    parts = [part for part in gold.split(",") if part.strip()] or [gold]
    return sum(max(f1(given, part) for given in answer.split(",")) for part in parts) / len(parts)


def score_bleu1(question: Question, answer: str) -> float:
    if question.category == ADVERSARIAL or question.answer is None:
        return float(says_no_answer(answer))
    return bleu1(answer, gold_answer(question))


def gold_answer(question: Question) -> str:
    gold = question.answer or ""
    return gold.split(";")[0].strip() if question.category == OPEN_DOMAIN else gold


def holds_answer(answer: str, accepted: Sequence[str]) -> bool:
    """Whether all tokens of one of `accepted` stand in the answer, in a row."""
    given = f" {' '.join(tokens(answer))} "
    return any(f" {' '.join(tokens(one))} " in given for one in accepted if tokens(one))


def scores(rows: Sequence[Answered], *, adversarial: bool = False) -> tuple[Score, ...]:
    """By method in order of first appearance: each category, and all of 1 to 4 (5 with `adversarial`)."""
    found = []
    for method in dict.fromkeys(row.method for row in rows):
        own = [row for row in rows if row.method == method]
        for category, name in CATEGORIES.items():
            found.append(_score(method, name, [row for row in own if row.category == category]))
        overall = [row for row in own if adversarial or row.category != ADVERSARIAL]
        found.append(_score(method, "overall (1 to 5)" if adversarial else OVERALL, overall))
    return tuple(score for score in found if score.n)


def _score(method: str, category: str, rows: Sequence[Answered]) -> Score:
    n = max(1, len(rows))
    return Score(
        method,
        category,
        len(rows),
        accuracy=round(sum(row.correct for row in rows) / n, 4),
        f1=round(sum(row.f1 for row in rows) / n, 4),
        bleu1=round(sum(row.bleu1 for row in rows) / n, 4),
    )


def costs(rows: Sequence[Answered]) -> tuple[Cost, ...]:
    """By method, in order of first appearance."""
    methods = dict.fromkeys(row.method for row in rows)
    return tuple(_cost(method, [row for row in rows if row.method == method]) for method in methods)


def _cost(method: str, rows: Sequence[Answered]) -> Cost:
    seconds = sorted(row.usage.seconds for row in rows)
    return Cost(
        method,
        len(rows),
        context_tokens=round(sum(row.context_tokens for row in rows) / len(rows), 1),
        context_seconds=round(sum(row.context_seconds for row in rows) / len(rows), 4),
        seconds_p50=round(seconds[(len(seconds) - 1) // 2], 3),
        seconds_p95=round(seconds[math.ceil(0.95 * len(seconds)) - 1], 3),
        answering=sum((row.usage for row in rows), Usage()),
        judging=sum((row.judging for row in rows), Usage()),
    )


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    return Stemmer.Stemmer("porter")
