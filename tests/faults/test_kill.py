"""kill -9 at random moments and at every kind of act on the disk; `make bench-faults` does 300 of them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fault_kills import PREPARED, WORK, Point, Range, points
from fault_zygote import HERE, ROOT, Zygote

# `make bench-faults` begins where these end.
IN_CI = 60


@pytest.fixture(scope="module")
def killing(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Range:
    return Range(zygote, tmp_path_factory.mktemp("kills"))


@pytest.mark.parametrize("point", list(points(IN_CI)), ids=str)
def test_a_kill_loses_and_doubles_nothing(killing: Range, point: Point) -> None:
    assert killing.kill(point).problems == []


def test_the_kills_do_kill(killing: Range) -> None:
    """At the last act of the work there is still something to kill: the acts are those of the disk."""
    outcome = killing.kill(Point(0, "add", False, "act", derived_lost=False, compared=False))
    assert outcome.killed


def test_work_that_nothing_kills_passes_the_same_checks(zygote: Zygote, tmp_path: Path) -> None:
    for work, steps in WORK.items():
        place, acks = tmp_path / work.replace(", ", "-"), tmp_path / "acks"
        acks.unlink(missing_ok=True)
        zygote.run("run_steps", place=str(place), steps=[*PREPARED, *steps], acks=str(acks))
        notes = [json.loads(line) for line in acks.read_text().splitlines()]
        ids = [one for note in notes for one in note["ids"]]
        gone = [one for note in notes for one in note.get("forgotten", ())]
        problems = zygote.run(
            "recover",
            place=str(place),
            acknowledged=ids,
            forgotten=gone,
            resend=[],
            queries=0 if work == "edit" else 10,
        )
        assert problems == []


def test_the_checks_notice_what_is_lost_and_what_is_doubled(zygote: Zygote, tmp_path: Path) -> None:
    place, acks = tmp_path / "store", tmp_path / "acks"
    zygote.run("run_steps", place=str(place), steps=PREPARED, acks=str(acks))
    path = next((place / "mara").glob("buffer*.jsonl"))
    line = path.read_bytes().splitlines(keepends=True)[0]
    changed = json.loads(line) | {"content": "Other words under the same id."}
    path.write_bytes(path.read_bytes() + json.dumps(changed).encode() + b"\n")
    problems = zygote.run(
        "recover", place=str(place), acknowledged=["m1100", "m4242"], forgotten=[], resend=[], queries=0
    )
    assert any("m4242 is lost" in problem for problem in problems)
    assert any("m1100 is there 2 times" in problem for problem in problems)


def test_a_fresh_interpreter_that_is_killed_keeps_what_it_acknowledged(
    zygote: Zygote, tmp_path: Path
) -> None:
    """The same with a process started from nothing, which says on its output what was acknowledged."""
    script = (
        "import asyncio, sys\n"
        "from fault_jobs import USER, message\n"
        "from memu_like import MemoryService\n"
        "async def main():\n"
        "    async with MemoryService(sys.argv[1]) as service:\n"
        "        for number in range(10_000):\n"
        "            await service.user(USER).add([message(number)])\n"
        "            print(f'm{number}', flush=True)\n"
        "asyncio.run(main())\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE)])}
    store = tmp_path / "store"
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(store)], stdout=subprocess.PIPE, env=environment, text=True
    )
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().strip() for _ in range(25)]
    process.kill()
    acknowledged += process.stdout.read().split()
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    assert (
        zygote.run("recover", place=str(store), acknowledged=acknowledged, forgotten=[], resend=[], queries=0)
        == []
    )
