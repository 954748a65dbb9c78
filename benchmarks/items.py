"""What items worded by a model give to the ranking: `make bench-items`.

Each conversation is memorized twice: as it is, and with its own `observation` as what a model extracted,
replayed through the real path (`replay.py`). Both are asked the same questions and scored as in `locomo.py`.
"items alone" are the observations in place of the turns, each with the id of its turn, for information.

The data is not part of this repository: LoCoMo is CC BY-NC 4.0 (Maharana et al. 2024, snap-research/locomo).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import save, show_machine, table
from locomo import METRICS, TURN, Conversation, Tally, ours, read
from replay import Replay

from memu_like.config import Settings
from memu_like.edges.llm.scripted import ScriptedModel
from memu_like.service import MemoryService

METHODS = ("raw turns", "raw turns + items", "items alone")


def observations_as_turns(conversation: Conversation) -> Conversation:
    """Each session with its observations in place of its turns, each under the id of the first it is of."""
    raw: dict[str, Any] = json.loads(json.dumps(conversation.raw))
    talk = raw["conversation"]
    for name in [name for name, turns in talk.items() if isinstance(turns, list)]:
        observed: Mapping[str, list[Any]] = raw["observation"].get(f"{name}_observation", {})
        talk[name] = [
            {"speaker": speaker, "text": text, "dia_id": ids[0]}
            for speaker, found in observed.items()
            for text, turns in found
            if (ids := TURN.findall(json.dumps(turns)))
        ]
    return replace(conversation, raw=raw)


async def rankings(
    conversations: Sequence[Conversation], settings: Settings, replay: Replay | None, without: Sequence[str]
) -> list[list[list[str]]]:
    with tempfile.TemporaryDirectory() as store:
        model = ScriptedModel(replay.reply) if replay else None
        used = settings.model_copy(update={"store": Path(store)})
        async with MemoryService(used, model=model) as memory:
            return await ours(memory, conversations, without, together=False)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a LoCoMo file: a list of conversations with their questions")
    parser.add_argument("--embedder", default="static", choices=["static", "minilm", "none"])
    parser.add_argument("--without", action="append", default=[], help="leave a signal out; may be repeated")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    show_machine()
    conversations = read(options.data, corrected=True)
    settings = Settings(embedder=options.embedder)
    observed = [observations_as_turns(conversation) for conversation in conversations]
    replay = Replay([conversation.raw for conversation in conversations])
    tally = Tally()
    for method, given, model in zip(
        METHODS, (conversations, conversations, observed), (None, replay, None), strict=True
    ):
        found = await rankings(given, settings, model, options.without)
        for conversation, ranking in zip(conversations, found, strict=True):
            tally.add(method, conversation, ranking)
    results = tally.results()
    show(results, METHODS)
    save(options.json, {"embedder": options.embedder, "without": options.without, "results": results})


def show(results: Sequence[Mapping[str, Any]], methods: Sequence[str]) -> None:
    """Categories 1 to 4 and 5 of each method, then each conversation's difference that the items make."""
    by_place = {(r["method"], r["group"]): r for r in results}
    rows = []
    for method in methods:
        main_rows, wrong_person = by_place[method, "categories 1 to 4"], by_place[method, "category 5"]
        shown = [f"{main_rows[name]:.3f}" for name in METRICS]
        rows.append([method, main_rows["n"], *shown, f"{wrong_person['recall@10']:.3f}"])
    table(["categories 1 to 4", "n", *METRICS, "category 5 recall@10"], rows)
    groups = sorted({r["group"] for r in results} - {"categories 1 to 4"})
    differences = [
        [
            group,
            by_place[methods[1], group]["n"],
            *(f"{by_place[methods[1], group][n] - by_place[methods[0], group][n]:+.3f}" for n in METRICS),
        ]
        for group in groups
    ]
    table(["with items less without", "n", *METRICS], differences)


if __name__ == "__main__":
    asyncio.run(main())
