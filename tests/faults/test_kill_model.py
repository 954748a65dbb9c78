"""kill -9 at acts of runs that a language model makes, on the disk and while the model is asked; and a disk
that is full at such acts. `make bench-faults` does more of them.
"""

from pathlib import Path

import pytest
from fault_model_kills import ModelRange, prepare
from fault_zygote import Zygote

EVERY, FULL_EVERY = 19, 37
"""Acts from one to the next; the slow variants leave out none, or every other."""


@pytest.fixture(scope="module")
def killing(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> ModelRange:
    return prepare(zygote, tmp_path_factory.mktemp("model"))


def test_runs_that_nothing_kills_pass_the_same_checks(killing: ModelRange) -> None:
    assert killing.expected["problems"] == []
    assert len(killing.expected["events"]) == 8
    assert sum("superseded" in item for item in killing.expected["items"]) > 4


def test_a_run_that_is_killed_is_made_again_and_leaves_no_double(killing: ModelRange, tmp_path: Path) -> None:
    for at in range(1, killing.acts - EVERY, EVERY):
        outcome = killing.kill(tmp_path, at)
        assert outcome.killed
        assert outcome.problems == [], f"act {at} of {killing.acts}"


def test_a_disk_that_is_full_in_a_run_is_told_and_the_run_is_made_once_there_is_room(
    killing: ModelRange, tmp_path: Path
) -> None:
    told = 0
    for at in range(5, killing.acts, FULL_EVERY):
        outcome, said = killing.refuse(tmp_path, at)
        assert outcome.problems == [], f"act {at} of {killing.acts}"
        told += said
    assert told > 4


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_act_is_made_again(killing: ModelRange, tmp_path: Path) -> None:
    for at in range(1, killing.acts + 1):
        assert killing.kill(tmp_path, at).problems == [], f"act {at} of {killing.acts}"


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_act_of_a_run_loses_nothing(killing: ModelRange, tmp_path: Path) -> None:
    for at in range(1, killing.acts, 2):
        assert killing.refuse(tmp_path, at)[0].problems == [], f"act {at} of {killing.acts}"
