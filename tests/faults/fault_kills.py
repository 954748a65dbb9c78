"""Kill points: a seed says what runs on which folder, when it is killed, and what happens after."""

from __future__ import annotations

import json
import random
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fault_jobs import USER
from fault_zygote import Done, Zygote

Steps = list[list[Any]]

# What every prepared folder holds before the work that is killed: runs, and messages that wait.
PREPARED: Steps = [["memorize", 1000, 40], ["add", 1100, 3]]
WORK: dict[str, Steps] = {
    "add": [["add", 0, 2], ["add", 2, 1], ["add", 3, 3], ["add", 6, 1], ["add", 7, 4]],
    "memorize": [["memorize", 100, 50], ["memorize", 200, 9]],
    "add, memorize": [["add", 0, 3], ["memorize", 100, 30], ["add", 3, 2], ["memorize", 130, 12]],
    "add, flush": [["add", 0, 6], ["flush"], ["add", 6, 2], ["add", 30, 4], ["flush"]],
    "edit": [["edit"], ["add", 0, 2], ["edit"], ["flush"]],
    "forget": [["forget"], ["add", 0, 2], ["flush"]],
}
TAKING_IN = tuple(name for name in WORK if name not in ("edit", "forget"))
BY_HAND = ("edit", "forget")
ON_PREPARED = frozenset(["edit", "forget"])
QUERIES = 30
# With the journal goes the list of the files that a run was about to write. One whose meta file never came
# was not acknowledged; it may be a person's for all that is known: it stays, and doctor says so at each look.
ORPHAN = re.compile("after (?:a flush|all was sent again): .*no meta file")


@dataclass(frozen=True)
class Point:
    """One kill: of `work`, on a new or a prepared folder, after a delay or at an act on the disk."""

    seed: int
    work: str
    prepared: bool
    how: str
    derived_lost: bool
    compared: bool

    def __str__(self) -> str:
        lost = ", .memu/ deleted" if self.derived_lost else ""
        folder = "prepared" if self.prepared else "new"
        return f"seed {self.seed}: {self.work} on a {folder} folder, {self.how}{lost}"


@dataclass
class Outcome:
    point: Point
    killed: bool = False
    acknowledged: int = 0
    problems: list[str] = field(default_factory=list)


def points(count: int, seed: int = 0, works: tuple[str, ...] = tuple(WORK)) -> Iterator[Point]:
    """Works alternate; half the kills come after a random delay, half at a random act, some of those torn."""
    for number in range(seed, seed + count):
        chooser = random.Random(number)
        work = works[number % len(works)]
        yield Point(
            seed=number,
            work=work,
            prepared=work in ON_PREPARED or chooser.random() < 0.5,
            how=chooser.choice(["delay", "delay", "act", "torn"]),
            derived_lost=chooser.random() < 0.25,
            compared=chooser.random() < 0.25,
        )


class Range:
    """Where the kills happen: a scratch place with prepared folders, and how long each work takes alone."""

    def __init__(self, zygote: Zygote, scratch: Path) -> None:
        self._zygote = zygote
        self._scratch = scratch
        self._undisturbed: dict[tuple[str, bool], tuple[float, int]] = {}
        self._prepared = scratch / "prepared"
        self._acknowledged = self._do(self._prepared, PREPARED, {}).acknowledged

    def kill(self, point: Point) -> Outcome:
        """Run the work, kill it, restart, and tell what is wrong."""
        place = self._folder(f"point-{point.seed}", point.prepared)
        seconds, acts = self._alone(point.work, point.prepared)
        chooser = random.Random(point.seed)
        steps = WORK[point.work]
        if point.how == "delay":
            done = self._do(place, steps, {}, delay=chooser.uniform(0, seconds))
        else:
            death = {"at": chooser.randint(1, acts), "torn": point.how == "torn", "seed": point.seed}
            done = self._do(place, steps, death)
        acknowledged = [*(self._acknowledged if point.prepared else []), *done.acknowledged]
        outcome = Outcome(point, done.done.killed, len(acknowledged))
        if not done.done.killed:
            done.done.value()  # it got to its end before the kill; anything else it died of is an error
        if point.derived_lost:
            shutil.rmtree(place / USER / ".memu", ignore_errors=True)
        if acknowledged or (place / USER / "user.json").exists():
            outcome.problems = self._zygote.run(
                "recover",
                place=str(place),
                acknowledged=acknowledged,
                forgotten=self._at_stake(point, done.forgotten),
                resend=[step for step in steps if step[0] in ("add", "memorize")],
                queries=QUERIES if point.compared else 0,
            )
        if point.derived_lost:
            outcome.problems = [one for one in outcome.problems if not ORPHAN.search(one)]
        if not outcome.problems:
            shutil.rmtree(place, ignore_errors=True)
        return outcome

    def _at_stake(self, point: Point, forgotten: list[str]) -> list[str]:
        """Messages that a forget, acknowledged or not, may have erased."""
        return [*forgotten, *(self._acknowledged if point.work == "forget" else [])]

    def _folder(self, name: str, prepared: bool) -> Path:
        place = self._scratch / name
        shutil.rmtree(place, ignore_errors=True)
        if prepared:
            shutil.copytree(self._prepared, place)
        return place

    def _alone(self, work: str, prepared: bool) -> tuple[float, int]:
        """Seconds and acts of the work when nothing kills it; the faster of two, the first warms the disk."""
        if (work, prepared) not in self._undisturbed:
            runs = []
            for number in range(2):
                place = self._folder(f"alone-{number}", prepared)
                done = self._do(place, WORK[work], {}).done
                runs.append((done.seconds, int(done.value())))
            self._undisturbed[work, prepared] = min(runs)
        return self._undisturbed[work, prepared]

    def _do(self, place: Path, steps: Steps, death: dict[str, Any], delay: float | None = None) -> _Done:
        acks = self._scratch / f"{place.name}.acks"
        acks.unlink(missing_ok=True)
        job = self._zygote.start("run_steps", place=str(place), steps=steps, acks=str(acks), **death)
        if delay is not None:
            time.sleep(delay)  # the random moment itself; nothing is waited for
            job.kill()
        done = job.wait()
        lines = acks.read_text().splitlines() if acks.exists() else []
        noted = [json.loads(line) for line in lines]
        return _Done(
            done,
            [one for note in noted for one in note["ids"]],
            [one for note in noted for one in note.get("forgotten", ())],
        )


@dataclass(frozen=True)
class _Done:
    done: Done
    acknowledged: list[str]
    forgotten: list[str]
