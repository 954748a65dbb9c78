"""Kill points of a model's runs, and acts from which the disk is full: each is told by its number."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fault_jobs import USER
from fault_kills import Outcome, Point
from fault_model import Steps
from fault_zygote import Zygote

BROKEN = [5]
"""Sessions that get no usable reply before the model is mended."""
PREPARED: Steps = [["memorize", 0, 1], ["add", 2]]
WORK: Steps = [
    ["memorize", 3, 4, 5],
    ["add", 6],
    ["dry run"],
    ["flush"],
    ["memorize", 7],
    ["retry"],
]
NAME = "a model's runs"
LOST_EVERY = 5
"""Of the kills, so many lose `.memu/` too, and with it the one note that a run was cut short: an entry that
its event tells of and that no category file shows is then one that a person deleted. All else must stand."""
COMPARED_EVERY = 4
MOST_REFUSED = 8


@dataclass(frozen=True)
class ModelRange:
    """A folder with runs and a buffer, what it holds once the work is done, and how many acts the work is."""

    zygote: Zygote
    place: Path
    acknowledged: list[str]
    expected: dict[str, Any]
    acts: int

    def kill(self, scratch: Path, at: int) -> Outcome:
        """Kill the work at an act, go on in a new process, and tell what is other than without the kill."""
        place, acks = scratch / f"killed-{at}", scratch / f"acks-{at}"
        shutil.copytree(self.place, place)
        lost, torn = at % LOST_EVERY == 3, at % 4 == 1
        # A torn batch that leaves a message whole is run without the rest, which the client adds again: other
        # runs than without the kill, though nothing is lost or doubled (test_kill has such batches).
        death = {"at": at, "torn": torn, "seed": at, "first_line": True, "acks": str(acks)}
        job = self.zygote.start("model_steps", place=str(place), steps=WORK, broken=BROKEN, **death)
        done = job.wait()
        if not done.killed:
            done.value()
        if lost:
            shutil.rmtree(place / USER / ".memu")
        how = "torn" if torn else "act"
        return self._outcome(place, at, how, done.killed, _acknowledged(acks), lost)

    def refuse(self, scratch: Path, at: int) -> tuple[Outcome, bool]:
        """The same with a disk that is full from an act on, for a while; and whether a call has told so."""
        place = scratch / f"full-{at}"
        shutil.copytree(self.place, place)
        count = 1 + at % MOST_REFUSED
        errors = self.zygote.run(
            "model_refused", place=str(place), steps=WORK, broken=BROKEN, at=at, count=count
        )
        outcome = self._outcome(place, at, "full disk", False, _ids(WORK))
        outcome.problems += [
            f"told as {name}: {line}" for name, line in errors if name != "StorageError" or "\n" in line
        ]
        return outcome, errors != []

    def _outcome(
        self, place: Path, at: int, how: str, killed: bool, ids: list[str], lost: bool = False
    ) -> Outcome:
        compared = at % COMPARED_EVERY == 0
        acknowledged = [*self.acknowledged, *ids]
        left = recovered(self.zygote, place, acknowledged, lost=lost, compared=compared)
        outcome = Outcome(Point(at, NAME, True, how, lost, compared), killed, len(acknowledged))
        outcome.problems = _differences(left, self.expected, but="profile" if lost else "")
        if not outcome.problems:
            shutil.rmtree(place)
        return outcome


def prepare(zygote: Zygote, scratch: Path) -> ModelRange:
    place, done, acks = scratch / "prepared", scratch / "done", scratch / "acks"
    zygote.run("model_steps", place=str(place), steps=PREPARED, broken=[], acks=str(acks))
    acknowledged = _acknowledged(acks)
    shutil.copytree(place, done)
    acts = zygote.run("model_steps", place=str(done), steps=WORK, broken=BROKEN)
    return ModelRange(zygote, place, acknowledged, recovered(zygote, done, acknowledged), acts)


def recovered(
    zygote: Zygote, place: Path, acknowledged: list[str], *, lost: bool = False, compared: bool = True
) -> dict[str, Any]:
    found = zygote.run(
        "model_recover",
        place=str(place),
        acknowledged=acknowledged,
        steps=WORK,
        broken=BROKEN,
        lost=lost,
        compared=compared,
    )
    return dict(found)


def _acknowledged(acks: Path) -> list[str]:
    return [one for line in acks.read_text().splitlines() for one in json.loads(line)]


def _ids(steps: Steps) -> list[str]:
    return [f"s{number}-{part}" for _, *numbers in steps for number in numbers for part in (0, 1)]


def _differences(left: dict[str, Any], expected: dict[str, Any], but: str) -> list[str]:
    problems = list(left["problems"])
    for what in expected.keys() - {"problems", but}:
        problems += [f"{what} has too much: {one}" for one in left[what] if one not in expected[what]]
        problems += [f"{what} lacks: {one}" for one in expected[what] if one not in left[what]]
        if not problems and len(left[what]) != len(expected[what]):
            problems.append(f"{what} has something twice")
    return problems
