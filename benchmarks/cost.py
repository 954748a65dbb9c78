"""What the model path costs on one conversation, and what memory adds to a call: `make bench-cost`.

The conversation (LoCoMo's first by default) is memorized through a replay server (`replay.py`), which counts
what every call sends and gets: once with a memorize call a session, once with one call for all; both make a
run a session. Then each session is memorized with an instant model in this process, whose own time is
subtracted: what is left is ours.

The data is not part of this repository: LoCoMo is CC BY-NC 4.0 (Maharana et al. 2024, snap-research/locomo).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from common import save, show_machine, table
from numpy.typing import NDArray
from replay import MODEL, Replay, ReplayServer

from memu_like.chat import ChatReply, ChatRequest
from memu_like.config import Settings
from memu_like.edges.llm.scripted import ScriptedModel
from memu_like.results import MemorizeReport
from memu_like.service import MemoryService

# Measured on the same conversation, 19 sessions and 419 turns, a call of the peer's own for each session:
# chat calls and prompt tokens.
PEERS = (
    ("langmem", 19, 54_018),
    ("memobase", 84, 119_656),
    ("hindsight", 28, 123_317),
    ("reme", 95, 141_961),
    ("mem0", 19, 195_369),
    ("memoryos", 980, 216_810),
    ("memu 1.5.1", 169, 268_457),
)
MOST_CALLS_A_RUN = 1.1
MOST_PROMPT_TOKENS = 40_000
MOST_COMPLETION_TOKENS = 12_000
MOST_MILLISECONDS = 10.0
USER = "bench"


def sessions(sample: dict[str, Any]) -> list[bytes]:
    """The conversation as files of one session each."""
    talk = sample["conversation"]
    names = [name for name, turns in talk.items() if isinstance(turns, list) and turns]
    shared = {name: talk[name] for name in ("speaker_a", "speaker_b")}
    return [
        json.dumps(
            [
                {
                    "sample_id": sample["sample_id"],
                    "conversation": {
                        **shared,
                        name: talk[name],
                        f"{name}_date_time": talk[f"{name}_date_time"],
                    },
                }
            ]
        ).encode()
        for name in names
    ]


async def memorize_all(memory: MemoryService, parts: Sequence[bytes]) -> list[MemorizeReport]:
    user = memory.user(USER)
    return [
        await user.memorize(part, format="locomo", name=f"part {number}")
        for number, part in enumerate(parts, start=1)
    ]


async def cost(replay: Replay, parts: Sequence[bytes], way: str) -> dict[str, Any]:
    """Calls and tokens, as the server counts them."""
    with tempfile.TemporaryDirectory() as store, ReplayServer(replay) as server:
        settings = Settings(
            store=Path(store), llm_model=MODEL, llm_base_url=server.url, llm_api_key="none", llm_retries=0
        )
        async with MemoryService(settings) as memory:
            reports = await memorize_all(memory, parts)
            stats = await memory.user(USER).stats()
        runs = sum(len(report.runs) for report in reports)
        kept = [one.error for report in reports for one in report.kept]
        if kept:
            raise SystemExit(f"{way}: {len(kept)} runs were kept for later: {kept[0]}")
        return {
            "way": way,
            "runs": runs,
            **asdict(server.totals.all),
            "by_schema": {name: asdict(count) for name, count in server.totals.by_schema.items()},
            "items": stats.items["active"],
        }


class Instant:
    """A model in this process that answers from a replay; `taken` is what answering took, as `clocks`."""

    def __init__(self, replay: Replay) -> None:
        self.replay = replay
        self.taken = np.zeros(2)

    def __call__(self, request: ChatRequest) -> ChatReply:
        began = clocks()
        reply = self.replay.reply(request)
        self.taken += clocks() - began
        return reply


def clocks() -> NDArray[np.float64]:
    """Milliseconds on the wall, and of this process on the processor: the second waits for no disk, and
    moves less where others keep the machine busy."""
    return np.array([perf_counter(), process_time()]) * 1000


async def overhead(replay: Replay, parts: Sequence[bytes]) -> list[NDArray[np.float64]]:
    """What each memorize call took, as `clocks`, the model's time not counted."""
    instant = Instant(replay)
    found = []
    with tempfile.TemporaryDirectory() as store:
        async with MemoryService(Settings(store=Path(store)), model=ScriptedModel(instant)) as memory:
            user = memory.user(USER)
            for number, part in enumerate(parts, start=1):
                before, began = instant.taken.copy(), clocks()
                report = await user.memorize(part, format="locomo", name=f"part {number}")
                found.append(clocks() - began - (instant.taken - before))
                if report.kept:
                    raise SystemExit(f"session {number} was kept for later: {report.kept[0].error}")
    return found


def show_cost(found: Sequence[dict[str, Any]]) -> None:
    head = ["memu-like, by schema asked for", "runs", "calls", "prompt tokens", "completion tokens", "items"]
    rows: list[list[object]] = []
    for one in found:
        for name, count in (("all", one), *one["by_schema"].items()):
            tokens = (f"{count['prompt_tokens']:,}", f"{count['completion_tokens']:,}")
            first = name == "all"
            rows.append(
                [
                    f"{one['way']}: {name}",
                    one["runs"] if first else "",
                    count["calls"],
                    *tokens,
                    one["items"] if first else "",
                ]
            )
    table(head, rows)


def show_peers(ours: dict[str, Any], sessions: int) -> None:
    print(f"\nbeside others on the same conversation, one call for each of {sessions} sessions")
    rows = [("memu-like (this run)", ours["calls"], ours["prompt_tokens"])]
    rows += [(f"{name} (measured before)", calls, tokens) for name, calls, tokens in PEERS]
    table(["", "chat calls", "prompt tokens"], [[n, c, f"{t:,}"] for n, c, t in rows])


def floors(found: Sequence[dict[str, Any]], median: float) -> list[tuple[str, float, float]]:
    """What must not be passed: its name, the figure, the most."""
    kept: list[tuple[str, float, float]] = []
    for one in found:
        kept += [
            (f"{one['way']}: calls a run", round(one["calls"] / one["runs"], 3), MOST_CALLS_A_RUN),
            (f"{one['way']}: prompt tokens", one["prompt_tokens"], MOST_PROMPT_TOKENS),
            (f"{one['way']}: completion tokens", one["completion_tokens"], MOST_COMPLETION_TOKENS),
        ]
    return [*kept, ("own time a session, median, ms", round(median, 2), MOST_MILLISECONDS)]


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a LoCoMo file; its first conversation is used")
    parser.add_argument("--rounds", type=int, default=3, help="how often the own time is measured")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    show_machine()
    sample = json.loads(options.data.read_text("utf-8"))[0]
    replay, parts = Replay(sample), sessions(sample)
    whole = [json.dumps([sample]).encode()]
    found = [await cost(replay, parts, "a call a session"), await cost(replay, whole, "one call for all")]
    show_cost(found)
    show_peers(found[0], len(parts))
    times = np.array([t for _ in range(options.rounds) for t in await overhead(replay, parts)])
    (median, processor), (p90, _) = np.quantile(times, [0.5, 0.9], axis=0).tolist()
    print(f"\nown time a session, {len(times)} calls: median {median:.2f} ms, p90 {p90:.2f} ms")
    print(f"of it on the processor: median {processor:.2f} ms")
    held = [(*floor, floor[1] <= floor[2]) for floor in floors(found, median)]
    table(["", "found", "at most", ""], [[n, v, m, "held" if ok else "MISSED"] for n, v, m, ok in held])
    save(
        options.json,
        {"cost": found, "peers": PEERS, "own_ms": {"median": median, "p90": p90, "processor": processor}},
    )
    return 0 if all(ok for *_, ok in held) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
