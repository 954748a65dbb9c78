"""A full disk, a file that may not grow, and a folder that may not be written."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_checks import check_files, stored_ids
from fault_jobs import USER
from fault_zygote import Zygote

MEGABYTE = 1024 * 1024
NOBODY = 65534
FILLED = [["memorize", 0, 30], ["add", 100, 103]]
STORED = 33

linux_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="mounting needs root on Linux"
)


def mount(place: Path, *options: str) -> None:
    place.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"cannot be mounted here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    mount(place, "-t", "tmpfs", "-o", "size=2m", "tmpfs")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(place: Path) -> Path:
    """Leave a few kilobytes: the next small write succeeds, the one after it is cut short."""
    ballast = place / "ballast"
    free = shutil.disk_usage(place).free
    ballast.write_bytes(b"x" * max(0, free - 3 * 4096))
    return ballast


def is_clear(answer: list[object]) -> bool:
    """A StorageError in one line."""
    kind, line, code = answer
    return kind == "StorageError" and "\n" not in str(line) and code == 5


@linux_root
def test_a_full_disk_is_told_and_loses_nothing(zygote: Zygote, small_disk: Path) -> None:
    store = small_disk / "store"
    zygote.run("attempt", place=str(store), operations=FILLED)
    ballast = fill(small_disk)
    operations = [*(["add", n, n + 8] for n in range(200, 400, 8)), ["memorize", 1000, 1400], ["flush"]]
    answers = zygote.run("attempt", place=str(store), operations=operations)
    refused = [answer for answer in answers if isinstance(answer, list)]
    assert refused
    assert all(is_clear(answer) and "No space left" in str(answer) for answer in refused), refused
    taken = sum(answer for answer in answers[:-2] if isinstance(answer, int))
    counts = stored_ids(store / USER)
    assert sum(1 for one in counts if int(one[1:]) < 1000) == STORED + taken
    assert set(counts.values()) == {1}
    assert zygote.run("attempt", place=str(store), operations=[["search", 101]])[0][0] == "m101"
    ballast.unlink()
    after = zygote.run(
        "attempt", place=str(store), operations=[["memorize", 1000, 1400], ["flush"], ["doctor"]]
    )
    assert after[2] == []
    assert check_files(store / USER) == []
    counts = stored_ids(store / USER)
    assert set(counts.values()) == {1}
    assert len(counts) == STORED + taken + 400


@linux_root
def test_a_disk_that_fills_up_at_any_moment_of_a_run_loses_nothing(zygote: Zygote, small_disk: Path) -> None:
    """The same with every amount of space left, from none to plenty, so that each write is refused once."""
    store, prepared = small_disk / "store", small_disk / "prepared"
    zygote.run("attempt", place=str(prepared), operations=FILLED)
    refusals = 0
    for pages in range(0, 40, 2):
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(prepared, store)
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - pages * 4096))
        answer = zygote.run("attempt", place=str(store), operations=[["memorize", 300, 320]])[0]
        if isinstance(answer, list):
            refusals += 1
            assert is_clear(answer), answer
        ballast.unlink()
        assert (
            zygote.run("attempt", place=str(store), operations=[["memorize", 300, 320], ["doctor"]])[1] == []
        )
        assert check_files(store / USER) == []
        counts = stored_ids(store / USER)
        assert set(counts.values()) == {1}
        assert len(counts) == STORED + 20
    assert refusals > 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
@pytest.mark.parametrize("limit", [0, 1, 700, 2_000, 6_000, 20_000])
def test_a_write_that_is_cut_short_leaves_nothing_of_itself(
    zygote: Zygote, tmp_path: Path, limit: int
) -> None:
    zygote.run("attempt", place=str(tmp_path), operations=FILLED)
    operations = [["add", n, n + 5] for n in range(200, 240, 5)] + [["memorize", 1000, 1100]]
    answers = zygote.run("attempt", place=str(tmp_path), operations=operations, limit=limit)
    assert any(isinstance(answer, list) for answer in answers)
    assert all(is_clear(answer) for answer in answers if isinstance(answer, list)), answers
    assert zygote.run("attempt", place=str(tmp_path), operations=[["flush"], ["doctor"]])[1] == []
    counts = stored_ids(tmp_path / USER)
    assert set(counts.values()) == {1}
    for start, answer in zip(range(200, 240, 5), answers, strict=False):
        kept = sum(f"m{n}" in counts for n in range(start, start + 5))
        assert kept == (5 if answer == 5 else 0), "a batch is taken whole or not at all"
    assert check_files(tmp_path / USER) == []


def check_read_only(zygote: Zygote, store: Path, before: dict[str, bytes], **how: int) -> None:
    operations = [
        ["add", 500, 501],
        ["memorize", 600, 605],
        ["flush"],
        ["search", 3],
        ["search", 101],
        ["profile"],
    ]
    add, memorize, flush, found, waiting, topics = zygote.run(
        "attempt", place=str(store), operations=operations, **how
    )
    for refused in (add, memorize, flush):
        assert is_clear(refused), refused
    assert found[0] == "m3"
    assert waiting[0] == "m101"
    assert topics > 0
    assert snapshot(store) == before


def snapshot(place: Path) -> dict[str, bytes]:
    return {str(p.relative_to(place)): p.read_bytes() for p in sorted(place.rglob("*")) if p.is_file()}


@linux_root
@pytest.mark.parametrize("with_derived", [True, False], ids=["indexed", "without .memu"])
def test_a_read_only_folder_is_searched_and_never_written(
    zygote: Zygote, tmp_path: Path, with_derived: bool
) -> None:
    place = tmp_path / "disk"
    mount(place, "-t", "tmpfs", "-o", "size=8m", "tmpfs")
    try:
        zygote.run("attempt", place=str(place / "store"), operations=FILLED)
        if not with_derived:
            shutil.rmtree(place / "store" / USER / ".memu")
        before = snapshot(place / "store")
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        check_read_only(zygote, place / "store", before)
    finally:
        subprocess.run(["umount", str(place)], check=True)


@linux_root
def test_where_nothing_can_be_written_no_model_is_asked_but_for_a_dry_run(
    zygote: Zygote, tmp_path: Path
) -> None:
    """What a run costs is not spent where its result cannot be kept."""
    place = tmp_path / "disk"
    mount(place, "-t", "tmpfs", "-o", "size=8m", "tmpfs")
    try:
        store = place / "store"
        zygote.run("model_steps", place=str(store), steps=[["memorize", 0, 1, 2]], broken=[2])
        before = snapshot(store)
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        found = zygote.run("model_attempt", place=str(store))
        assert [name for name, _ in found["errors"]] == ["StorageError"] * 2
        assert found["shown"][:3] == ["asked 0 times", "add", "add"]
        assert "could not be counted" in found["shown"][3]
        assert snapshot(store) == before
    finally:
        subprocess.run(["umount", str(place)], check=True)


@linux_root
def test_a_disk_that_fills_up_at_any_moment_of_a_models_run_loses_nothing(
    zygote: Zygote, small_disk: Path
) -> None:
    store, prepared, steps = small_disk / "store", small_disk / "prepared", [["memorize", 3, 4]]
    zygote.run("model_steps", place=str(prepared), steps=[["memorize", 0, 1, 2]], broken=[])
    refusals, contents = 0, []
    for pages in range(0, 18, 2):
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(prepared, store)
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - pages * 4096))
        found = zygote.run("model_refused", place=str(store), steps=steps, broken=[], at=0, count=0)
        assert all(name == "StorageError" and "No space left" in line for name, line in found), found
        refusals += len(found)
        ballast.unlink()
        contents.append(
            zygote.run("model_recover", place=str(store), acknowledged=[], steps=steps, broken=[])
        )
        assert contents[-1]["problems"] == []
    assert refusals > 3
    assert contents == contents[:1] * len(contents)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
@pytest.mark.parametrize("with_derived", [True, False], ids=["indexed", "without .memu"])
def test_a_folder_of_somebody_else_is_searched_and_never_written(
    zygote: Zygote, tmp_path_factory: pytest.TempPathFactory, with_derived: bool
) -> None:
    place = tmp_path_factory.mktemp("shared")
    store = place / "store"
    zygote.run("attempt", place=str(store), operations=FILLED)
    if not with_derived:
        shutil.rmtree(store / USER / ".memu")
    for path in [store, *store.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    parents = [p for p in [place, *place.parents] if p.stat().st_mode & 0o005 != 0o005 and os.geteuid() == 0]
    modes = [(path, path.stat().st_mode) for path in parents if path != Path(path.anchor)]
    for path, mode in modes:
        path.chmod(mode | 0o055)
    try:
        how = {"user_id": NOBODY} if os.geteuid() == 0 else {}
        check_read_only(zygote, store, snapshot(store), **how)
    finally:
        for path, mode in modes:
            path.chmod(mode)
        for path in [store, *store.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
