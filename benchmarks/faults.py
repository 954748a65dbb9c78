"""kill -9 at 300 points of add, memorize and flush, 100 of edits and forgets, and some 100 of model runs:
`make bench-faults`.

Each point is a process that works on a folder and is killed: after a random delay, or at a random act on
the disk (an open for writing, a rename, a removal, either side of a sync), some with the write torn. Then a
new process opens the folder, and every message that was acknowledged must be there once, every file parse,
`doctor` find nothing, search find what was said, and all of it again once everything was sent a second time.
A quarter of the folders lose `.memu/` before the restart; of another quarter the index is compared with one
made anew. The points are those of `tests/faults`, by seed: a failure names the seed that repeats it.

Runs that a (scripted) model makes are killed at every third act, on the disk and while the model is asked,
and done on a disk that is full from every sixth act on for a while. What is there afterwards must be, item
by item, event by event and entry by entry, what is there without.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Any

from common import save, show_machine, table

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "faults"))

from fault_kills import BY_HAND, TAKING_IN, Outcome, Range, points
from fault_model_kills import prepare
from fault_zygote import Zygote

POINTS = 300
POINTS_BY_HAND = 100
MODEL_EVERY = 3


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("--by-hand", type=int, default=POINTS_BY_HAND)
    parser.add_argument("--model-every", type=int, default=MODEL_EVERY, help="acts between two kills")
    parser.add_argument("--seed", type=int, default=0, help="the first seed; each point has the next one")
    parser.add_argument("--json", type=Path, help="where to write the results")
    return parser.parse_args()


def measure(count: int, by_hand: int, seed: int) -> list[Outcome]:
    zygote = Zygote()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            killing = Range(zygote, Path(scratch))
            outcomes = []
            chosen = [*points(count, seed, TAKING_IN), *points(by_hand, seed + count, BY_HAND)]
            for number, point in enumerate(chosen, start=1):
                outcomes.append(killing.kill(point))
                for problem in outcomes[-1].problems:
                    print(f"{point}: {problem}")
                if number % 50 == 0:
                    print(f"{number} of {len(chosen)}", flush=True)
            return outcomes
    finally:
        zygote.close()


def measure_model(every: int) -> list[Outcome]:
    zygote = Zygote()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            killing = prepare(zygote, Path(scratch))
            outcomes = [killing.kill(Path(scratch), at) for at in range(1, killing.acts, every)]
            outcomes += [killing.refuse(Path(scratch), at)[0] for at in range(1, killing.acts, 2 * every)]
    finally:
        zygote.close()
    for outcome in outcomes:
        for problem in outcome.problems:
            print(f"{outcome.point}: {problem}")
    return outcomes


def rows(outcomes: list[Outcome]) -> list[list[Any]]:
    """A row for each kind of work and each way of dying, and one for all."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        for name in (outcome.point.work, f"by {outcome.point.how}", "all"):
            groups.setdefault(name, []).append(outcome)
    order = sorted(groups, key=lambda name: (name == "all", name.startswith("by "), name))
    return [row(name, groups[name]) for name in order]


def row(name: str, group: list[Outcome]) -> list[Any]:
    return [
        name,
        len(group),
        sum(outcome.killed for outcome in group),
        sum(outcome.point.derived_lost for outcome in group),
        sum(outcome.point.compared for outcome in group),
        sum(outcome.acknowledged for outcome in group),
        sum(bool(outcome.problems) for outcome in group),
    ]


HEAD = ["work", "points", "killed at work", ".memu/ lost", "index compared", "acknowledged", "with a problem"]


def main() -> int:
    given = arguments()
    show_machine()
    began = perf_counter()
    outcomes = [*measure(given.points, given.by_hand, given.seed), *measure_model(given.model_every)]
    found = rows(outcomes)
    print()
    table(HEAD, found)
    seconds = round(perf_counter() - began, 1)
    print(f"\nseeds {given.seed} to {given.seed + given.points + given.by_hand - 1}, {seconds} s")
    save(
        given.json,
        {
            "seconds": seconds,
            "first_seed": given.seed,
            "rows": [dict(zip(HEAD, one, strict=True)) for one in found],
            "problems": Counter(str(one.point) for one in outcomes if one.problems),
        },
    )
    return 1 if found[-1][-1] else 0


if __name__ == "__main__":
    sys.exit(main())
