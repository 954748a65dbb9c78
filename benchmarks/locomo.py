"""Evidence recall on LoCoMo, through the public API and with no model: `make bench-locomo`.

Every conversation is memorized into a folder of its own and each question is retrieved as an application
would; a hit counts for the turns in its `message_ids`. Beside it stand BM25 alone and the embedder alone
over the same turns. The key is the corrected one (`audit` in the file) unless `--original-key` is given.

The data is not part of this repository: LoCoMo is CC BY-NC 4.0 (Maharana et al. 2024, snap-research/locomo).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import save, show_machine, table
from numpy.typing import NDArray

from memu_like.building import build_tools
from memu_like.config import Settings
from memu_like.edges.loaders.locomo_questions import read_locomo
from memu_like.pure import scoring
from memu_like.pure.baselines import Bm25
from memu_like.service import MemoryService

DEPTH = 50
TURN = re.compile(r"D\d+:\d+")
METRICS = ("recall@5", "recall@10", "recall@20", "recall@50", "MRR", "session recall@5")


@dataclass(frozen=True)
class Question:
    text: str
    category: int
    evidence: frozenset[str]


@dataclass(frozen=True)
class Conversation:
    name: str
    raw: dict[str, Any]
    turns: dict[str, str]
    """Turn id -> "SPEAKER: text [image: caption]"."""
    questions: tuple[Question, ...]


def read(path: Path, corrected: bool) -> list[Conversation]:
    """The conversations, each with those of its questions that have evidence."""
    found = read_locomo(path.read_bytes(), path.name, corrected=corrected)
    return [_conversation(one) for one in found]


def _conversation(found: scoring.Conversation) -> Conversation:
    questions = tuple(
        Question(one.text, one.category, frozenset(one.evidence)) for one in found.questions if one.evidence
    )
    turns = {turn.id: turn.text for turn in found.turns}
    return Conversation(found.name, dict(found.raw), turns, questions)


def score(ranking: Sequence[str], evidence: frozenset[str]) -> list[float]:
    """One value for each of METRICS; `ranking` is turn ids, best first, without repeats."""
    place = {turn: number for number, turn in enumerate(ranking)}
    found = [place.get(turn, math.inf) for turn in evidence]
    sessions = list(dict.fromkeys(turn.split(":")[0] for turn in ranking))[:5]
    wanted = {turn.split(":")[0] for turn in evidence}
    return [
        *(sum(rank < k for rank in found) / len(found) for k in (5, 10, 20, 50)),
        1 / (1 + min(found)),
        len(wanted & set(sessions)) / len(wanted),
    ]


async def ours(
    memory: MemoryService, conversations: Sequence[Conversation], without: Sequence[str], together: bool
) -> list[list[list[str]]]:
    """Turn ids by conversation and question, through memorize and retrieve."""
    users = [memory.user("all" if together else conversation.name) for conversation in conversations]
    for user, conversation in zip(users, conversations, strict=True):
        data = json.dumps([_marked(conversation)]).encode()
        await user.memorize(data, format="locomo", name=conversation.name)
    rankings = []
    for user, conversation in zip(users, conversations, strict=True):
        mark, found = f"{conversation.name}/", []
        for question in conversation.questions:
            result = await user.retrieve(question.text, top_k=DEPTH, without=without)
            found.append(_turns(i.removeprefix(mark) for hit in result.hits for i in hit.message_ids))
        rankings.append(found)
    return rankings


def _marked(conversation: Conversation) -> dict[str, Any]:
    """The conversation with its name before each turn's id, for one memory may hold several."""
    raw: dict[str, Any] = json.loads(json.dumps(conversation.raw))
    for session in raw["conversation"].values():
        for turn in session if isinstance(session, list) else ():
            turn["dia_id"] = f"{conversation.name}/{turn['dia_id']}"
    return raw


def _turns(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(ids))


def bm25(conversation: Conversation) -> list[list[str]]:
    ids, ranker = list(conversation.turns), Bm25(list(conversation.turns.values()))
    return [[ids[place] for place in ranker.rank(one.text)[:DEPTH]] for one in conversation.questions]


def dense(conversation: Conversation, embed: Any) -> list[list[str]]:
    """Cosine of the question with each turn, nothing else."""
    vectors = embed(list(conversation.turns.values()))
    ids = list(conversation.turns)
    return [_best(ids, vectors @ embed([question.text])[0]) for question in conversation.questions]


def _best(ids: Sequence[str], scores: NDArray[Any]) -> list[str]:
    return [ids[place] for place in np.argsort(-scores, kind="stable")[:DEPTH].tolist()]


class Tally:
    """Scores by method and by category of question."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], list[list[float]]] = defaultdict(list)

    def add(self, method: str, conversation: Conversation, rankings: Sequence[Sequence[str]]) -> None:
        for question, ranking in zip(conversation.questions, rankings, strict=True):
            values = score(ranking, question.evidence)
            self.rows[method, f"category {question.category}"].append(values)
            if question.category != 5:
                self.rows[method, "categories 1 to 4"].append(values)
                self.rows[method, f"{conversation.name}, 1 to 4"].append(values)

    def results(self) -> list[dict[str, Any]]:
        found = []
        for (method, group), values in sorted(self.rows.items()):
            means = np.mean(values, axis=0).round(4).tolist()
            found.append(
                {"method": method, "group": group, "n": len(values), **dict(zip(METRICS, means, strict=True))}
            )
        return found


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a LoCoMo file: a list of conversations with their questions")
    parser.add_argument("--embedder", default="static", choices=["static", "minilm", "none"])
    parser.add_argument("--original-key", action="store_true")
    parser.add_argument("--without", action="append", default=[], help="leave a signal out; may be repeated")
    parser.add_argument("--together", action="store_true", help="all conversations in one memory")
    parser.add_argument("--by-conversation", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    show_machine()
    conversations = read(options.data, corrected=not options.original_key)
    tally = Tally()
    with tempfile.TemporaryDirectory() as store:
        settings = Settings(store=Path(store), embedder=options.embedder)
        embedder = build_tools(settings).embedder
        async with MemoryService(settings) as memory:
            found = await ours(memory, conversations, options.without, options.together)
            for conversation, rankings in zip(conversations, found, strict=True):
                tally.add("memu-like", conversation, rankings)
                tally.add("BM25 alone", conversation, bm25(conversation))
                if embedder is not None:
                    tally.add("dense alone", conversation, dense(conversation, embedder.embed))
    results = tally.results()
    shown = [r for r in results if options.by_conversation or r["group"].startswith("categor")]
    print(f"embedder {options.embedder}, {'original' if options.original_key else 'corrected'} key")
    table(
        ["method, questions", "n", *METRICS],
        [[f"{r['method']}, {r['group']}", r["n"], *(f"{r[name]:.3f}" for name in METRICS)] for r in shown],
    )
    save(options.json, {"embedder": options.embedder, "without": options.without, "results": results})


if __name__ == "__main__":
    asyncio.run(main())
