"""Files cut short and bytes changed: read, refused with a place, or made again; never guessed."""

import random
import shutil
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
from fault_checks import check_files, stored_ids
from fault_jobs import USER, message, token
from fault_zygote import Zygote

from memu_like import MemoryService, UserMemory
from memu_like.errors import CorruptFile

CUTS = 12
FLIPS = 12
SEED = 20240105


@pytest.fixture(scope="module")
def whole(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("whole")
    zygote.run(
        "attempt", place=str(place), operations=[["memorize", 0, 24], ["memorize", 30, 36], ["add", 100, 103]]
    )
    return place


@pytest.fixture
def store(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "store"))


def files_of(place: Path, pattern: str) -> list[str]:
    return sorted(path.relative_to(place).as_posix() for path in (place / USER).glob(pattern))


def places(size: int, count: int) -> list[int]:
    """Offsets that include both ends, the others at random; the same on every run."""
    chooser = random.Random(SEED + size)
    return sorted({0, 1, size - 1, *(chooser.randrange(size) for _ in range(count))} & set(range(size)))


async def finds(user: UserMemory, number: int) -> bool:
    found = await user.retrieve(token(number))
    return any(f"m{number}" in hit.message_ids for hit in found.hits)


async def refusal(work: Callable[[], Awaitable[object]]) -> str | None:
    """The line with which `work` refuses a damaged file; None where it could read it."""
    try:
        await work()
    except CorruptFile as error:
        return str(error) if "\n" not in str(error) else "several lines"
    return None


@pytest.mark.parametrize("pattern", ["items/*.jsonl", "events/*.jsonl", "buffer*.jsonl"])
async def test_a_torn_line_is_not_read_and_is_cut_by_the_next_writer(
    whole: Path, store: Path, pattern: str
) -> None:
    name = files_of(whole, pattern)[0]
    data = (whole / name).read_bytes()
    last = data.rstrip(b"\n").rfind(b"\n") + 1
    for cut in places(len(data) - 2 - last, CUTS):
        shutil.rmtree(store)
        shutil.copytree(whole, store)
        (store / name).write_bytes(data + data[last : last + 1 + cut])
        async with MemoryService(store) as service:
            user = service.user(USER)
            assert await finds(user, 3)
            assert await finds(user, 101)
            await user.add([message(200)])
            await user.memorize([message(300), message(301)])
            assert [str(one) for one in await user.doctor() if one.level != "note"] == []
        assert check_files(store / USER) == []
        assert set(stored_ids(store / USER).values()) == {1}


@pytest.mark.parametrize("derived", [True, False], ids=["indexed", "without .memu"])
@pytest.mark.parametrize("pattern", ["items/*.jsonl", "events/*.jsonl", "buffer*.jsonl", "resources/*/*/*"])
async def test_a_changed_byte_is_read_or_refused_with_its_place(
    whole: Path, store: Path, pattern: str, derived: bool
) -> None:
    """In a file that somebody owns, a change may be theirs: it is read where it makes sense."""
    name = files_of(whole, pattern)[0]
    data = (whole / name).read_bytes()
    refused = 0
    for at in places(len(data), FLIPS):
        shutil.rmtree(store)
        shutil.copytree(whole, store)
        (store / name).write_bytes(data[:at] + bytes([data[at] ^ 0xC1]) + data[at + 1 :])
        if not derived:
            shutil.rmtree(store / USER / ".memu")
        async with MemoryService(store) as service:
            user = service.user(USER)
            for work in (partial(finds, user, 3), user.flush, user.profile, user.items):
                error = await refusal(work)
                # A flush has set the buffer aside under another name.
                assert error is None or Path(name).name.removesuffix(".jsonl") in error
                refused += error is not None
            await user.doctor()
    assert refused or pattern.startswith(("events", "resources"))


@pytest.mark.parametrize("change", ["cut", "flip"])
@pytest.mark.parametrize("pattern", [".memu/index/manifest.json", ".memu/index/*.seg"])
async def test_a_damaged_index_is_made_again_and_says_so(
    whole: Path, store: Path, pattern: str, change: str
) -> None:
    async with MemoryService(whole) as service:
        expected = [hit.place for hit in (await service.user(USER).retrieve("the harbour")).hits]
    name = files_of(whole, pattern)[-1]
    data = (whole / name).read_bytes()
    for at in places(len(data.rstrip(b"\0\n")), CUTS):
        damaged = data[:at] if change == "cut" else data[:at] + bytes([data[at] ^ 0x11]) + data[at + 1 :]
        (store / name).write_bytes(damaged)
        async with MemoryService(store) as service:
            found = await service.user(USER).retrieve("the harbour")
            assert [hit.place for hit in found.hits] == expected
            version_lost = name.endswith("manifest.json") and not found.degraded
            assert version_lost or any("built again" in one for one in found.degraded), at


async def test_a_writer_saves_a_damaged_index_anew(store: Path) -> None:
    name = files_of(store, ".memu/index/*.seg")[-1]
    (store / name).write_bytes(b"not an index")
    async with MemoryService(store) as service:
        report = await service.user(USER).flush()
        assert any("built again" in one for one in report.degraded)
    async with MemoryService(store) as service:
        assert (await service.user(USER).retrieve("the harbour")).degraded == ()


@pytest.mark.parametrize("name", [".memu/journal.json", ".memu/bases/*.json"])
async def test_a_damaged_note_of_the_machine_never_loses_what_was_said(store: Path, name: str) -> None:
    """A damaged journal or base is named; deleting `.memu/`, as everything derived may be, mends it."""
    found = files_of(store, name) or [f"{USER}/{name}"]
    (store / found[0]).write_bytes(b'{"sizes": {"items/2024')
    async with MemoryService(store) as service:
        user = service.user(USER)
        assert await finds(user, 101)
        error = await refusal(partial(user.memorize, [message(n) for n in range(400, 430)]))
        assert error is None or Path(found[0]).name in error
    shutil.rmtree(store / USER / ".memu")
    async with MemoryService(store) as service:
        user = service.user(USER)
        await user.memorize([message(n) for n in range(400, 430)])
        assert [str(one) for one in await user.doctor() if one.level != "note"] == []
    assert check_files(store / USER) == []
    assert len(stored_ids(store / USER)) == 24 + 6 + 3 + 30


async def test_deleting_what_is_derived_while_the_service_runs_is_harmless(store: Path) -> None:
    async with MemoryService(store) as service:
        user = service.user(USER)
        for number in range(5):
            assert await finds(user, 3)
            shutil.rmtree(store / USER / ".memu")
            assert await finds(user, 101)
            await user.add([message(500 + number)])
            shutil.rmtree(store / USER / ".memu")
            await user.memorize([message(600 + number)])
            assert await finds(user, 500 + number)
        assert [str(one) for one in await user.doctor() if one.level != "note"] == []
    assert check_files(store / USER) == []
    assert set(stored_ids(store / USER).values()) == {1}
