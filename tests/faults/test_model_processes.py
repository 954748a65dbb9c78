"""Several processes at one user, with models that take their time, and with none."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from fault_checks import check_files, stored_ids
from fault_jobs import USER, token
from fault_model import RuleModel, session
from fault_zygote import Zygote

from memu_like import MemoryService
from memu_like.edges import pending


def taken_in(*numbers: int) -> set[str]:
    return {message["id"] for number in numbers for message in session(number)}


def check_at_rest(store: Path, expected: set[str]) -> None:
    """After a flush: everything once, nothing waiting."""

    async def flush() -> list[str]:
        async with MemoryService(store, model=RuleModel()) as service:
            await service.user(USER).flush(retry=True)
            return [str(one) for one in await service.user(USER).doctor() if one.level != "note"]

    assert asyncio.run(flush()) == []
    assert check_files(store / USER) == []
    assert not (store / USER / pending.PENDING).exists()
    assert stored_ids(store / USER) == dict.fromkeys(expected, 1)


def test_processes_with_models_ask_for_each_resource_once(zygote: Zygote, tmp_path: Path) -> None:
    jobs = [
        zygote.start("model_worker", place=str(tmp_path), numbers=list(range(n, 40, 4))) for n in range(4)
    ]
    done = [job.wait().value() for job in jobs]
    assert [one["errors"] for one in done] == [[]] * 4
    assert Counter(name for one in done for name in one["asked"]) == {token(2 * n): 1 for n in range(40)}
    check_at_rest(tmp_path, taken_in(*range(40)))


def test_processes_with_models_that_take_in_the_same_store_it_once(zygote: Zygote, tmp_path: Path) -> None:
    jobs = [zygote.start("model_worker", place=str(tmp_path), numbers=list(range(12))) for _ in range(3)]
    done = [job.wait().value() for job in jobs]
    assert [one["errors"] for one in done] == [[]] * 3
    assert Counter(name for one in done for name in one["asked"]) == {token(2 * n): 1 for n in range(12)}
    check_at_rest(tmp_path, taken_in(*range(12)))


def test_a_process_that_waits_too_long_says_so_and_its_runs_wait(zygote: Zygote, tmp_path: Path) -> None:
    jobs = [
        zygote.start(
            "model_worker",
            place=str(tmp_path),
            numbers=list(range(n, 12, 3)),
            slow=0.1,
            lock_timeout_seconds=0.02,
        )
        for n in range(3)
    ]
    done = [job.wait().value() for job in jobs]
    assert {name for one in done for name, _ in one["errors"]} <= {"StoreBusy"}
    asked = Counter(name for one in done for name in one["asked"])
    assert max(asked.values()) <= 2
    # What was refused at the first lock was not taken in: its caller was told, and hands it in again.
    numbers = list(range(12))
    assert zygote.run("model_worker", place=str(tmp_path), numbers=numbers)["errors"] == []
    check_at_rest(tmp_path, taken_in(*numbers))


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_others_edit_and_forget_while_models_think(zygote: Zygote, tmp_path: Path, seed: int) -> None:
    zygote.run("model_worker", place=str(tmp_path), numbers=[60, 61])
    workers = [
        zygote.start("model_worker", place=str(tmp_path), numbers=list(range(n, 24, 2))) for n in range(2)
    ]
    editors = [
        zygote.start(
            "model_editor",
            place=str(tmp_path),
            numbers=list(range(30 + 10 * n, 40 + 10 * n)),
            seed=seed + 10 * n,
            steps=48,
        )
        for n in range(2)
    ]
    assert [job.wait().value()["errors"] for job in workers] == [[], []]
    done = [job.wait().value() for job in editors]
    # What another has deleted, rewritten or forgotten meanwhile is told as that.
    names = {name for one in done for name, _ in one["errors"]}
    assert names <= {"NotFound", "Conflict", "InvalidInput"}, [one["errors"] for one in done]
    gone = {one for editor in done for one in editor["forgotten"]}
    added = [*range(24), *range(30, 38), *range(40, 48), 60, 61]
    check_at_rest(tmp_path, taken_in(*added) - gone)
