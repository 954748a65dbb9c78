"""kill -9 at acts of runs that a language model makes, on the disk and while the model is asked; and a disk
that is full at such acts.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fault_jobs import USER
from fault_model import Steps
from fault_zygote import Zygote

BROKEN = [5]
PREPARED: Steps = [["memorize", 0, 1], ["add", 2]]
WORK: Steps = [
    ["memorize", 3, 4, 5],
    ["add", 6],
    ["dry run"],
    ["flush"],
    ["memorize", 7],
    ["retry"],
]
EVERY = 19
FULL_EVERY = 37
"""Acts from one kill to the next; the slow variant kills at each."""
LOST_EVERY = 5
"""Of the kills, so many lose `.memu/` too, and with it the one note that a run was cut short: an entry that
its event tells of and that no category file shows is then one that a person deleted. All else must stand."""


@dataclass
class Prepared:
    """A folder with runs and a buffer, what it holds after the work, and how many acts the work is."""

    place: Path
    acknowledged: list[str]
    expected: dict[str, Any]
    acts: int


@pytest.fixture(scope="module")
def prepared(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    scratch = tmp_path_factory.mktemp("model")
    place, done, acks = scratch / "prepared", scratch / "done", scratch / "acks"
    zygote.run("model_steps", place=str(place), steps=PREPARED, broken=[], acks=str(acks))
    acknowledged = acknowledged_in(acks)
    shutil.copytree(place, done)
    acts = zygote.run("model_steps", place=str(done), steps=WORK, broken=BROKEN)
    expected = recovered(zygote, done, acknowledged)
    assert expected["problems"] == []
    assert sum("superseded" in item for item in expected["items"]) > 4
    assert len(expected["events"]) == 8
    return Prepared(place, acknowledged, expected, acts)


def acknowledged_in(acks: Path) -> list[str]:
    return [one for line in acks.read_text().splitlines() for one in json.loads(line)]


def recovered(
    zygote: Zygote, place: Path, acknowledged: list[str], *, lost: bool = False, compared: bool = True
) -> dict[str, Any]:
    return dict(
        zygote.run(
            "model_recover",
            place=str(place),
            acknowledged=acknowledged,
            steps=WORK,
            broken=BROKEN,
            lost=lost,
            compared=compared,
        )
    )


def killed(zygote: Zygote, prepared: Prepared, tmp_path: Path, at: int) -> None:
    place, acks = tmp_path / f"killed-{at}", tmp_path / f"acks-{at}"
    shutil.copytree(prepared.place, place)
    death = {"at": at, "torn": at % 3 == 1, "seed": at}
    job = zygote.start("model_steps", place=str(place), steps=WORK, broken=BROKEN, acks=str(acks), **death)
    assert job.wait().killed
    lost = at % LOST_EVERY == 3
    if lost:
        shutil.rmtree(place / USER / ".memu")
    acknowledged = [*prepared.acknowledged, *acknowledged_in(acks)]
    left = recovered(zygote, place, acknowledged, lost=lost, compared=at % 4 == 0)
    expected = prepared.expected
    if lost:
        expected, left = expected | {"profile": None}, left | {"profile": None}
    assert left == expected, f"act {at} of {prepared.acts}"
    shutil.rmtree(place)


def test_a_run_that_is_killed_is_made_again_and_leaves_no_double(
    zygote: Zygote, prepared: Prepared, tmp_path: Path
) -> None:
    for at in range(1, prepared.acts + 1, EVERY):
        killed(zygote, prepared, tmp_path, at)


def refused(zygote: Zygote, prepared: Prepared, place: Path, at: int) -> bool:
    """A disk that is full from act `at` on, for up to eight acts; whether a call has told."""
    shutil.copytree(prepared.place, place)
    errors = zygote.run("model_refused", place=str(place), steps=WORK, broken=BROKEN, at=at, count=1 + at % 8)
    assert all(name == "StorageError" and "\n" not in line for name, line in errors), errors
    left = recovered(zygote, place, [*prepared.acknowledged, *ids_of(WORK)], compared=at % 4 == 0)
    assert left == prepared.expected, f"act {at} of {prepared.acts}"
    shutil.rmtree(place)
    return errors != []


def ids_of(steps: Steps) -> list[str]:
    return [f"s{number}-{part}" for _, *numbers in steps for number in numbers for part in (0, 1)]


def test_a_disk_that_is_full_in_a_run_is_told_and_the_run_is_made_once_there_is_room(
    zygote: Zygote, prepared: Prepared, tmp_path: Path
) -> None:
    told = [
        refused(zygote, prepared, tmp_path / f"full-{at}", at) for at in range(5, prepared.acts, FULL_EVERY)
    ]
    assert sum(told) > len(told) // 2


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_act_of_a_run_loses_nothing(
    zygote: Zygote, prepared: Prepared, tmp_path: Path
) -> None:
    for at in range(1, prepared.acts, 2):
        refused(zygote, prepared, tmp_path / f"full-{at}", at)


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_act_is_made_again(
    zygote: Zygote, prepared: Prepared, tmp_path: Path
) -> None:
    for at in range(1, prepared.acts + 1):
        killed(zygote, prepared, tmp_path, at)
