"""How many questions a context of so many tokens can answer: `make bench-context`.

A context answers a question where it holds every content word of the gold answer: stems without stop words,
numbers as digits, and a date at its grain ("7 May 2023" is one date and stands as 2023-05-07 too; a month or
a year is also met by any day in it). This says that the words are there, not that a reader would find the
answer; it is the same for each method. "words" is the mean share of an answer's words, "evidence" the share
of questions with the whole text of one of their evidence turns in the context.

Compared are `context()` of a memory that quotes, of one whose items come from LoCoMo's own `observation`
(replayed through the real path, `replay.py`), and the best turns by BM25 with date and speaker, as many as
fit. Questions of category 5 have no answer and are left out.

The data is not part of this repository: LoCoMo is CC BY-NC 4.0 (Maharana et al. 2024, snap-research/locomo).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
from common import save, show_machine, table
from locomo import TURN, Conversation, Question, bm25, read
from replay import Replay

from memu_like.config import Settings
from memu_like.edges.llm.scripted import ScriptedModel
from memu_like.edges.loaders.times import at, parse_written
from memu_like.edges.tokens import make_counter
from memu_like.pure.terms import terms
from memu_like.service import MemoryService

METHODS = ("BM25 over raw turns", "context(), quotes", "context(), items")
MEASURES = ("answered", "words", "evidence", "tokens")
ADVERSARIAL = 5
WRITTEN_OUT = re.compile(r" \((?:week(?:end)? of )?\d{4}(?:-\d\d){0,2}s?(?: to \d{4}(?:-\d\d){1,2})?\)")
"""Dates that `context()` puts behind words such as "yesterday"."""

_NAMES = "january february march april may june july august september october november december".split()
_MONTH = "(" + "|".join(f"{name[:3]}(?:{name[3:]})?" if name[3:] else name for name in _NAMES) + r")\.?"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_DATES = re.compile(
    rf"\b(?P<iso>\d{{4}}-\d\d(?:-\d\d)?)\b|\b{_DAY}\s*(?:of\s+)?{_MONTH}(?:,?\s*(\d{{4}}))?\b"
    rf"|\b{_MONTH}\s+{_DAY}\b(?:,?\s*(\d{{4}}))?|\b{_MONTH}(?:\s*(?:of|,)?\s*(\d{{4}}))\b",
    re.IGNORECASE,
)
_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
        " sixteen seventeen eighteen nineteen twenty".split()
    )
}
_NUMBER_WORD = re.compile(rf"\b(?:{'|'.join(_NUMBERS)})\b", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """A question with its gold answer's words and the texts of its evidence turns."""

    text: str
    category: int
    words: frozenset[str]
    evidence: tuple[str, ...]


def _date_words(found: re.Match[str]) -> list[str]:
    """A date's words, the most exact first: the day, its month, its year."""
    if found["iso"]:
        year, month, *day = found["iso"].split("-")
    else:
        _, d1, m1, y1, m2, d2, y2, m3, y3 = found.groups()
        name = (m1 or m2 or m3).lower()[:3]
        month = f"{[n[:3] for n in _NAMES].index(name) + 1:02}"
        day = [f"{int(d):02}"] if (d := d1 or d2) else []
        year = y1 or y2 or y3 or ""
    words = [f"{year}-{month}-{day[0]}"] if day and year else []
    words += [f"-{month}-{day[0]}"] if day else []
    return [*words, f"{year}-{month}", year] if year else words


def content_words(text: str, exact: bool) -> set[str]:
    """The words of a text, dates and numbers normalised; with `exact`, of a date the most exact only."""
    dates = [_date_words(found) for found in _DATES.finditer(text)]
    rest = _NUMBER_WORD.sub(lambda found: _NUMBERS[found[0].lower()], _DATES.sub(" ", text))
    return {word for found in dates for word in (found[:1] if exact else found)} | set(terms(rest))


def questions(conversation: Conversation) -> Iterator[Asked]:
    """Those of categories 1 to 4 whose answer has words."""
    texts = {turn: line.partition(": ")[2] for turn, line in _texts(conversation).items()}
    for entry in conversation.raw["qa"]:
        words = frozenset(content_words(str(entry.get("answer", "")), exact=True))
        if entry["category"] != ADVERSARIAL and words:
            key = entry.get("audit", {}).get("correct_evidence", entry.get("evidence", []))
            ids = TURN.findall(" ".join(map(str, key)))
            evidence = tuple(texts[i] for i in ids if i in texts)
            yield Asked(entry["question"], entry["category"], words, evidence)


def _texts(conversation: Conversation) -> dict[str, str]:
    """Turn id -> "SPEAKER: text" without what belongs to its picture."""
    return {
        turn["dia_id"]: f"{turn['speaker']}: {turn['text']}"
        for session in conversation.raw["conversation"].values()
        if isinstance(session, list)
        for turn in session
    }


def packed_turns(
    conversation: Conversation, asked: Sequence[Asked], tokens: int, count: Callable[[str], int]
) -> list[str]:
    """For each question the best turns by BM25, with date and speaker; what does not fit is passed over."""
    days = {
        name.split("_")[1]: f"{at(found, name, UTC):%Y-%m-%d}"
        for name, said in conversation.raw["conversation"].items()
        if name.endswith("_date_time") and (found := parse_written(said))
    }
    lines = {t: f"[{days[t[1:].split(':')[0]]}] {text}\n" for t, text in conversation.turns.items()}
    costs = {turn: count(line) for turn, line in lines.items()}
    given = [Question(one.text, one.category, frozenset()) for one in asked]
    ranked = bm25(Conversation(conversation.name, conversation.raw, conversation.turns, tuple(given)))
    packed = []
    for ranking in ranked:
        left, text = tokens, ""
        for turn in ranking:
            if costs[turn] <= left:
                left, text = left - costs[turn], text + lines[turn]
        packed.append(text)
    return packed


async def contexts(
    conversations: Sequence[Conversation],
    asked: Sequence[Sequence[Asked]],
    tokens: int,
    replay: Replay | None,
) -> list[list[str]]:
    with tempfile.TemporaryDirectory() as store:
        model = ScriptedModel(replay.reply) if replay else None
        async with MemoryService(Settings(store=Path(store)), model=model) as memory:
            found = []
            for conversation, questions in zip(conversations, asked, strict=True):
                user = memory.user(conversation.name)
                data = json.dumps([conversation.raw]).encode()
                await user.memorize(data, format="locomo", name=conversation.name)
                found.append([await user.context(max_tokens=tokens, query=one.text) for one in questions])
            return found


def measure(one: Asked, text: str, count: Callable[[str], int]) -> list[float]:
    """One value for each of MEASURES."""
    held = one.words & content_words(text, exact=False)
    flat = " ".join(WRITTEN_OUT.sub("", text).split())
    evidence = any(" ".join(turn.split()) in flat for turn in one.evidence)
    return [float(held == one.words), len(held) / len(one.words), float(evidence), float(count(text))]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a LoCoMo file: a list of conversations with their questions")
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    show_machine()
    count = make_counter(Settings().encoding).count
    conversations = read(options.data, corrected=True)
    asked = [list(questions(conversation)) for conversation in conversations]
    replay = Replay([conversation.raw for conversation in conversations])
    given = [
        [packed_turns(c, a, options.tokens, count) for c, a in zip(conversations, asked, strict=True)],
        await contexts(conversations, asked, options.tokens, None),
        await contexts(conversations, asked, options.tokens, replay),
    ]
    results = []
    for method, texts in zip(METHODS, given, strict=True):
        results += tally(method, conversations, asked, texts, count)
    show(results)
    save(options.json, {"tokens": options.tokens, "results": results})


def tally(
    method: str,
    conversations: Sequence[Conversation],
    asked: Sequence[Sequence[Asked]],
    texts: Sequence[Sequence[str]],
    count: Callable[[str], int],
) -> list[dict[str, Any]]:
    groups: dict[str, list[list[float]]] = {}
    for conversation, given, found in zip(conversations, asked, texts, strict=True):
        for one, text in zip(given, found, strict=True):
            values = measure(one, text, count)
            for group in ("categories 1 to 4", f"category {one.category}", conversation.name):
                groups.setdefault(group, []).append(values)
    return [
        {"method": method, "group": group, "n": len(values)}
        | dict(zip(MEASURES, np.mean(values, axis=0).round(4).tolist(), strict=True))
        for group, values in sorted(groups.items())
    ]


def show(results: Sequence[dict[str, Any]]) -> None:
    rows = []
    for r in results:
        values = [*(f"{r[name]:.3f}" for name in MEASURES[:-1]), round(r["tokens"])]
        rows.append([f"{r['method']}, {r['group']}", r["n"], *values])
    table(["method, questions", "n", *MEASURES], rows)


if __name__ == "__main__":
    asyncio.run(main())
