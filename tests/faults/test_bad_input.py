"""Hostile input through the Python API and the command line: one clear line, and not a byte written."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from fault_checks import stored_ids
from fault_jobs import USER, message
from fault_zygote import ROOT

from memu_like import MemoryService, UserMemory
from memu_like.errors import InvalidInput, InvalidUserId, LoadError, MemuLikeError, StorageError
from memu_like.pure.names import user_id_of

HUGE = 200 * 1024 * 1024
SECONDS = 30.0
REFUSED_IDS = ["", "a" * 10_000, "nul\0byte", "line\nbreak", "half \ud800", "\x7f", "\x1b[31m"]
LEGAL_IDS = [
    "../x",
    "a/b",
    "..",
    ".",
    "CON",
    "con.txt",
    "a\\b",
    "\u202etxt.exe",
    "\u200d",
    "~",
    "-rf",
    "A",
    "a",
]

Tree = dict[str, bytes | None]


def tree(place: Path) -> Tree:
    """Every path below with its bytes; None for a folder. Links are not followed."""
    found: Tree = {}
    for path in sorted(place.rglob("*")):
        plain = path.is_file() and not path.is_symlink()
        found[str(path.relative_to(place))] = path.read_bytes() if plain else None
    return found


def unlocked(found: Tree) -> Tree:
    """Without what a lock leaves: it may come and go with a call that writes nothing."""
    return {
        name: data for name, data in found.items() if not name.endswith(("/lock", "/buffer.lock", "/.memu"))
    }


def is_one_line(error: MemuLikeError) -> bool:
    text = str(error)
    return bool(text) and "\n" not in text and len(text) < 1000 and error.exit_code != 0


@pytest.fixture
async def user(tmp_path: Path) -> UserMemory:
    async with MemoryService(tmp_path / "store") as service:
        await service.user(USER).memorize([message(n) for n in range(6)])
        await service.user(USER).add([message(6)])
    return MemoryService(tmp_path / "store").user(USER)


async def refused(
    user: UserMemory, work: Callable[[], Awaitable[Any]], kind: type[MemuLikeError] = InvalidInput
) -> MemuLikeError:
    """`work` fails with one line of this kind, and the store is as it was."""
    before = tree(user.folder.store)
    with pytest.raises(kind) as caught:
        await work()
    assert is_one_line(caught.value), str(caught.value)
    assert tree(user.folder.store) == before
    return caught.value


# -- user ids


@pytest.mark.parametrize("user_id", REFUSED_IDS, ids=lambda one: ascii(one)[:20])
def test_an_id_that_cannot_be_a_folder_is_refused(tmp_path: Path, user_id: str) -> None:
    with pytest.raises(InvalidUserId) as caught:
        MemoryService(tmp_path / "store").user(user_id)
    assert is_one_line(caught.value)
    assert str(caught.value).isprintable()
    assert tree(tmp_path) == {}


async def test_strange_legal_ids_stay_in_the_store_and_apart(tmp_path: Path) -> None:
    store = tmp_path / "outer" / "store"
    store.parent.mkdir()
    async with MemoryService(store) as service:
        for user_id in LEGAL_IDS:
            await service.user(user_id).add([message(1)])
        assert await service.users() == sorted(LEGAL_IDS)
    folders = {name for name, data in tree(tmp_path).items() if data is None}
    assert {name for name in folders if name.count("/") < 2} == {"outer", "outer/store"}
    names = [name.split("/")[2] for name in folders if name.count("/") == 2]
    assert len(names) == len({name.casefold() for name in names}) == len(LEGAL_IDS)
    assert sorted(filter(None, map(user_id_of, names))) == sorted(LEGAL_IDS)


@pytest.mark.parametrize("user_id", [None, 7, b"bytes", ["list"]])
def test_an_id_of_a_wrong_type_is_refused(tmp_path: Path, user_id: Any) -> None:
    with pytest.raises(InvalidUserId):
        MemoryService(tmp_path).user(user_id)


# -- messages

BAD_MESSAGES: dict[str, Any] = {
    "not a list": "hello",
    "bytes": b"hello",
    "a number": 7,
    "a list of text": ["hello"],
    "null": [None],
    "no role": [{"content": "hello"}],
    "an unknown role": [{"role": "ghost", "content": "hello"}],
    "a role that is no text": [{"role": 7, "content": "hello"}],
    "no content": [{"role": "user"}],
    "content that is a number": [{"role": "user", "content": 7}],
    "content that is an object": [{"role": "user", "content": {"text": "x"}}],
    "a name that is no text": [{"role": "user", "content": "x", "name": 7}],
    "an id that is a list": [{"role": "user", "content": "x", "id": [1]}],
    "a nul": [{"role": "user", "content": "a\0b"}],
    "half a surrogate pair": [{"role": "user", "content": "a\ud800b"}],
    "half a pair in a key": [{"role": "user", "content": "x", "\udfff": 1}],
    "half a pair deep down": [{"role": "user", "content": "x", "extra": [{"y": "\udfff"}]}],
    "the year 0": [{"role": "user", "content": "x", "created_at": "0000-01-01T00:00:00Z"}],
    "the year 10000": [{"role": "user", "content": "x", "created_at": "10000-01-01T00:00:00Z"}],
    "the 31st of June": [{"role": "user", "content": "x", "created_at": "2024-06-31T00:00:00Z"}],
    "an endless number": [{"role": "user", "content": "x", "created_at": float("inf")}],
    "no number": [{"role": "user", "content": "x", "created_at": float("nan")}],
    "a time beyond all": [{"role": "user", "content": "x", "created_at": 1e300}],
    "what JSON cannot hold": [{"role": "user", "content": "x", "extra": object()}],
    "a set": [{"role": "user", "content": "x", "extra": {1, 2}}],
    "no number in an extra field": [{"role": "user", "content": "x", "extra": float("nan")}],
    "the second of two": [{"role": "user", "content": "fine"}, {"role": "user", "content": 7}],
}


@pytest.mark.parametrize("given", BAD_MESSAGES.values(), ids=BAD_MESSAGES.keys())
async def test_messages_that_are_none_are_refused(user: UserMemory, given: Any) -> None:
    await refused(user, lambda: user.add(given))
    if isinstance(given, list):
        await refused(user, lambda: user.memorize(given))


@pytest.mark.parametrize(
    "text", ["[]", "", "   ", "{}", "null", "[[]]", '{"messages": []}', '[{"role":"user"}]']
)
async def test_an_empty_conversation_is_refused(user: UserMemory, tmp_path: Path, text: str) -> None:
    path = tmp_path / "chat.json"
    path.write_text(text)
    await refused(user, lambda: user.memorize(path))
    await refused(user, lambda: user.memorize(text.encode(), modality="conversation"))
    await refused(user, lambda: user.memorize([]))
    assert await user.add([]) == 0


@pytest.mark.parametrize("year", ["0001-01-01", "9999-12-31"])
async def test_the_first_and_the_last_year_are_taken_or_refused(user: UserMemory, year: str) -> None:
    given = [
        {
            "role": "user",
            "content": "I moved to the harbour last week, in June.",
            "created_at": f"{year}T00:00:00+00:00",
        }
    ]
    before = tree(user.folder.store)
    refusal = await outcome(user.memorize(given))
    if refusal is None:
        assert [one for one in await user.doctor() if one.level != "note"] == []
    else:
        assert is_one_line(refusal)
        assert tree(user.folder.store) == before


async def outcome(work: Awaitable[Any]) -> MemuLikeError | None:
    try:
        await work
    except MemuLikeError as error:
        return error
    return None


async def test_a_huge_message_is_refused_soon(user: UserMemory, tmp_path: Path) -> None:
    huge = "word " * (HUGE // 5)
    path = tmp_path / "huge.json"
    path.write_text('[{"role": "user", "content": "' + huge + '"}]')
    for work in (
        lambda: user.add({"role": "user", "content": huge}),
        lambda: user.memorize([{"role": "user", "content": huge}]),
        lambda: user.memorize(path),
    ):
        started = time.process_time()  # the machine may have other work
        await refused(user, work)
        assert time.process_time() - started < SECONDS


# -- files

SAMPLE = json.dumps(
    [
        {
            "role": "user",
            "content": "Mein Hund heißt Oskar 🐕",
            "created_at": "2024-05-01T10:00:00Z",
            "id": "a1",
        }
    ],
    ensure_ascii=False,
).encode()


async def load_or_refuse(user: UserMemory, data: bytes) -> bool:
    """Only the loader sees it: what it takes is then stored like any other conversation."""
    refusal = await outcome(user._load(data, None, None, "chat.json"))
    if refusal is not None:
        assert isinstance(refusal, LoadError)
        assert is_one_line(refusal), (data, str(refusal))
        assert "chat.json" in str(refusal)
    return refusal is None


async def test_json_that_is_cut_at_any_byte_is_refused(user: UserMemory) -> None:
    before = tree(user.folder.store)
    for end in range(len(SAMPLE)):
        assert not await load_or_refuse(user, SAMPLE[:end]), SAMPLE[:end]
    assert tree(user.folder.store) == before
    for end in (0, 1, 9, len(SAMPLE) // 2, len(SAMPLE) - 1):
        await refused(user, lambda end=end: user.memorize(SAMPLE[:end], name="chat.json"))


async def test_json_with_any_byte_changed_is_read_or_refused(user: UserMemory) -> None:
    before = tree(user.folder.store)
    taken = sum(
        [
            await load_or_refuse(user, SAMPLE[:at] + bytes([other]) + SAMPLE[at + 1 :])
            for at in range(len(SAMPLE))
            for other in (0, 0xFF, ord('"'), ord("{"), SAMPLE[at] ^ 0x20)
        ]
    )
    assert 0 < taken < 5 * len(SAMPLE)
    assert tree(user.folder.store) == before


async def test_a_place_that_is_no_file_is_refused(user: UserMemory, tmp_path: Path) -> None:
    await refused(user, lambda: user.memorize(tmp_path))
    await refused(user, lambda: user.memorize(tmp_path / "nothing-here.json"))
    await refused(user, lambda: user.memorize("nothing-here.json"))
    await refused(user, lambda: user.memorize(7))  # type: ignore[arg-type]
    await refused(user, lambda: user.memorize(b""))
    await refused(user, lambda: user.memorize(b"\0\1\2\3" * 100))


# -- the folder itself is hostile


def link(inside: Path, outside: Path) -> None:
    """Put a link in place of what stands at `inside`, which moves to `outside`."""
    inside.rename(outside)
    inside.symlink_to(outside, target_is_directory=outside.is_dir())


LINKED = {
    "the user's folder": "",
    "an items file": "items/2024-01.jsonl",
    "the items folder": "items",
    "a category file": "categories/*.md",
    "the resources folder": "resources",
    "a month of resources": "resources/2024/01",
    "the events folder": "events",
    "the index": ".memu/index",
    "all that is derived": ".memu",
    "the buffer": "buffer.jsonl",
    "user.json": "user.json",
}


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
@pytest.mark.parametrize("pattern", LINKED.values(), ids=LINKED.keys())
async def test_a_link_out_of_the_store_is_not_followed(
    user: UserMemory, tmp_path: Path, pattern: str
) -> None:
    root = user.folder.root
    # Every category, so that the run meets one.
    targets = sorted(root.glob(pattern)) if pattern else [root]
    outside = tmp_path / "outside"
    outside.mkdir()
    for number, target in enumerate(targets):
        link(target, outside / f"{number}-{target.name}")
    before = tree(tmp_path)
    service = MemoryService(tmp_path / "store")
    hostile = service.user(USER)
    with pytest.raises(StorageError) as caught:
        await hostile.memorize([message(n) for n in range(20, 60)])
    assert is_one_line(caught.value)
    assert "link" in str(caught.value)
    after = {name: data for name, data in tree(tmp_path).items() if name.startswith("outside")}
    assert unlocked(after) == {
        name: data for name, data in unlocked(before).items() if name.startswith("outside")
    }
    await service.close()


DIRECTORIES = ["items/2024-01.jsonl", "events/2024-01.jsonl", "categories/*.md", "buffer.jsonl", "user.json"]


@pytest.mark.parametrize("pattern", DIRECTORIES)
async def test_a_folder_where_a_file_belongs_is_named(user: UserMemory, pattern: str) -> None:
    for path in sorted(user.folder.root.glob(pattern)):
        path.unlink()
        path.mkdir()
    service = MemoryService(user.folder.store)
    hostile = service.user(USER)
    before = memory(user.folder.store)
    with pytest.raises(MemuLikeError) as caught:
        await hostile.memorize([message(n) for n in range(20, 60)])
    assert is_one_line(caught.value)
    assert Path(pattern).suffix in str(caught.value) or USER in str(caught.value)
    after = memory(user.folder.store)
    assert {name: after.get(name) for name in before} == before
    if pattern != "buffer.jsonl":
        assert stored_ids(user.folder.root)["m6"] >= 1, "what waits still waits, set aside or not"
    await service.close()


def memory(store: Path) -> Tree:
    """What makes up the memory, buffers aside: a run that fails may have set them aside."""
    return {n: data for n, data in tree(store).items() if "/.memu" not in n and "/buffer" not in n}


# -- the command line


def command(*arguments: str | bytes, store: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from memu_like.faces.cli import main; raise SystemExit(main())",
            *arguments,
            "--store",
            str(store),
        ],
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "400", "NO_COLOR": "1"},
    )


def test_the_command_line_says_it_in_one_line(tmp_path: Path) -> None:
    store, files = tmp_path / "store", tmp_path / "files"
    files.mkdir()
    (files / "cut.json").write_bytes(SAMPLE[:-9])
    (files / "empty.json").write_bytes(b"[]")
    (files / "nul.json").write_bytes(b'[{"role": "user", "content": "a\\u0000b"}]')
    (files / "half.json").write_bytes(b'[{"role": "user", "content": "a\\ud800b"}]')
    for arguments in (
        ["memorize", str(files / "cut.json")],
        ["memorize", str(files / "empty.json")],
        ["memorize", str(files / "nul.json")],
        ["memorize", str(files / "half.json")],
        ["memorize", str(files / "nothing.json")],
        ["memorize", str(files)],
        ["memorize", str(files / "cut.json"), "--user", ""],
        ["memorize", str(files / "cut.json"), "--user", "a" * 10_000],
        ["retrieve", "what", "--user", "nobody"],
    ):
        done = command(*arguments, store=store)
        assert done.returncode not in (0, 1), (arguments, done)
        assert "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert not store.exists() or tree(store) == {}
