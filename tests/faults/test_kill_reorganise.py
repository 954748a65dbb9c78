"""kill -9 at acts of a reorganisation on the disk: it has happened, or it has not."""

import shutil
from pathlib import Path

from fault_zygote import Zygote

EVERY = 4


def test_a_reorganisation_that_is_killed_has_happened_or_not(zygote: Zygote, tmp_path: Path) -> None:
    prepared, done = tmp_path / "prepared", tmp_path / "done"
    zygote.run("memorize_pets", place=str(prepared))
    shutil.copytree(prepared, done)
    acts = zygote.run("reorganise", place=str(done))
    before = zygote.run("reorganised", place=str(prepared))
    after = zygote.run("reorganised", place=str(done))
    assert before["problems"] == after["problems"] == []
    assert before["texts"] != after["texts"]
    assert any(line.startswith("cats: My cat Pip") for line in after["profile"])
    outcomes = []
    for at in range(1, acts + 1, EVERY):
        place = tmp_path / f"killed-{at}"
        shutil.copytree(prepared, place)
        assert zygote.start("reorganise", place=str(place), at=at, torn=at % 8 == 1, seed=at).wait().killed
        left = zygote.run("reorganised", place=str(place))
        assert left in (before, after), f"act {at} of {acts}"
        outcomes.append(left == after)
        shutil.rmtree(place)
    assert outcomes == sorted(outcomes)
    assert {True, False} == set(outcomes)
