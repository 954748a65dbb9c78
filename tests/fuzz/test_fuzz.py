"""At least 2,000 steps of people, the service, crashes and git: the eight invariants hold after each.

`make fuzz` makes many more from a random seed: FUZZ_EXAMPLES and FUZZ_SEED say how many and which.
"""

from __future__ import annotations

import os
from collections import Counter
from time import perf_counter

import pytest
from fault_zygote import Zygote
from fuzz_machine import People, PeopleWithModel
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
SEED = os.environ.get("FUZZ_SEED")
SHRINK = bool(os.environ.get("FUZZ_SHRINK"))
"""A story that fails is made smaller, which takes minutes."""
STEPS = 50
IN_CI = {People: 42, PeopleWithModel: 13}
LEAST_IN_CI = 2_000
STEPS_DONE: Counter[str] = Counter()


@pytest.mark.parametrize("machine", [People, PeopleWithModel])
def test_the_invariants_hold_after_every_step(machine: type[People], zygote: Zygote) -> None:
    People.zygote = zygote
    People.counts.clear()
    began = perf_counter()
    how = settings(
        max_examples=EXAMPLES or IN_CI[machine],
        stateful_step_count=STEPS,
        derandomize=SEED is None,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
        phases=[Phase.generate, *([Phase.shrink] if SHRINK else [])],
    )
    if SEED is not None:
        machine._hypothesis_internal_use_seed = int(SEED)  # type: ignore[attr-defined]
    run_state_machine_as_test(machine, settings=how)
    STEPS_DONE.update(People.counts)
    seconds = perf_counter() - began
    print(f"\n{machine.__name__}: {People.counts.total()} steps in {seconds:.0f} s")
    print(", ".join(f"{name} {count}" for name, count in sorted(People.counts.items())))


def test_the_steps_were_made() -> None:
    assert STEPS_DONE.total() >= LEAST_IN_CI, STEPS_DONE
