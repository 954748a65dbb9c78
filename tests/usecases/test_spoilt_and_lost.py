"""Files that cannot be told, and `.memu/` deleted, in the middle of what a person does: nothing is concluded
that nobody did, and nothing that a person did is forgotten.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from memu_like.service import MemoryService, UserMemory

SAID = [
    "I have a tortoise named Tempo.",
    "I have a dog named Bruno.",
    "My sister Wanda works at the library.",
    "I moved to a flat near the station.",
    "I love swimming in the lake.",
]
LATER = "I have a parrot named Rio."


def message(number: int, text: str) -> dict[str, str]:
    return {"role": "user", "id": str(number), "content": text, "created_at": f"2026-01-{number:02d}T10:00Z"}


@pytest.fixture
async def mara(memory: MemoryService) -> UserMemory:
    user = memory.user("mara")
    await user.memorize([message(number, text) for number, text in enumerate(SAID, 1)])
    return user


def home(store: Path, word: str) -> Path:
    """The file that a bullet with the word stands in."""
    found = [path for path in (store / "mara" / "categories").glob("*.md") if f"{word}" in bullets(path)]
    assert len(found) == 1
    return found[0]


def bullets(path: Path) -> str:
    return "".join(line for line in path.read_text().splitlines(keepends=True) if line.startswith("- "))


def take_out(path: Path, word: str) -> str:
    """Delete the bullet with the word; returns its line."""
    lines = path.read_text().splitlines(keepends=True)
    [line] = [one for one in lines if one.startswith("- ") and word in one]
    path.write_text("".join(one for one in lines if one != line))
    return line


async def texts(user: UserMemory) -> set[str]:
    return {item.text for item in await user.items()}


@pytest.mark.parametrize("spoil", ["open front matter", "open fence", "not UTF-8", "blank"])
async def test_a_file_is_renamed_and_then_spoilt(mara: UserMemory, store: Path, spoil: str) -> None:
    old = home(store, "Tempo")
    new = old.rename(old.with_name("animals.md"))
    whole = new.read_bytes()
    half = {
        "open front matter": whole[:12],
        "open fence": whole.replace(b"## ", b"```\n## ", 1),
        "not UTF-8": b"\xff\xfe" + whole[:12],
        "blank": b"\n",
    }
    new.write_bytes(half[spoil])
    report = await mara.sync(confirm=True)
    assert report.edits == ()
    assert any("2 entries are gone" in problem or "animals.md" in problem for problem in report.problems)
    assert await texts(mara) == set(SAID)
    new.write_bytes(whole)
    assert "renamed" in {edit.kind for edit in (await mara.sync()).edits}
    assert await texts(mara) == set(SAID)


async def test_a_bullet_is_moved_out_of_a_file_that_then_has_a_conflict(
    mara: UserMemory, store: Path
) -> None:
    old, new = home(store, "Tempo"), home(store, "flat near")
    line = take_out(old, "Tempo")
    new.write_text(new.read_text() + line)
    whole = old.read_text()
    old.write_text(f"{whole}<<<<<<< HEAD\n- Ours.\n=======\n- Theirs.\n>>>>>>> theirs\n")
    await mara.memorize([message(10, "I moved to a house by the river.")])  # which writes the file it is in
    assert "Tempo" in bullets(new)
    old.write_text(whole)
    assert "moved" in {edit.kind for edit in (await mara.sync()).edits}
    assert SAID[0] in await texts(mara)
    assert home(store, "Tempo") == new


async def test_deletions_that_are_held_outlast_a_write_of_their_file(mara: UserMemory, store: Path) -> None:
    path = home(store, "Tempo")
    for other in (store / "mara" / "categories").glob("*.md"):
        other.unlink()
    for lines in (store / "mara" / "items").glob("*.jsonl"):
        lines.write_text(lines.read_text().replace("named Tempo", "named Tambo"))
    assert (await mara.sync()).held
    assert not path.exists()
    assert {edit.kind for edit in (await mara.sync()).held} >= {"deleted"}
    assert {edit.kind for edit in (await mara.sync(confirm=True)).edits} >= {"deleted"}
    assert await texts(mara) == set()


async def test_a_blank_file_stays_blank_without_what_is_derived(mara: UserMemory, store: Path) -> None:
    path = home(store, "Tempo")
    path.write_bytes(b"\r\n")
    shutil.rmtree(store / "mara" / ".memu")
    for number in (10, 11):
        report = await mara.memorize([message(number, f"{LATER} {number}")])
        assert any(path.name in problem for problem in report.degraded)
        assert path.read_bytes() == b"\r\n"
    assert set(SAID) <= await texts(mara)


async def test_what_a_person_added_and_deletes_is_gone_without_what_is_derived(
    mara: UserMemory, store: Path
) -> None:
    path = home(store, "Tempo")
    path.write_text(path.read_text() + "- Feeds the geese on Sundays.\n")
    await mara.sync()
    assert "Feeds the geese on Sundays." in await texts(mara)
    take_out(path, "geese")
    shutil.rmtree(store / "mara" / ".memu")
    assert [edit.kind for edit in (await mara.sync(confirm=True)).edits] == ["deleted"]
    assert await texts(mara) == set(SAID)


async def test_what_a_killed_run_had_told_of_is_shown_without_what_is_derived(
    mara: UserMemory, store: Path
) -> None:
    """As a kill between the event of a run and its files leaves it, where the journal is gone as well."""
    path = home(store, "Tempo")
    before = path.read_bytes()
    await mara.memorize([message(10, LATER)])
    assert "Rio" in bullets(path)
    path.write_bytes(before)
    shutil.rmtree(store / "mara" / ".memu")
    assert (await mara.sync(confirm=True)).edits == ()
    assert "Rio" in bullets(path)
    assert await texts(mara) == {*SAID, LATER}


async def test_a_bullet_is_moved_into_a_file_that_is_then_cut_short(mara: UserMemory, store: Path) -> None:
    old, new = home(store, "Tempo"), home(store, "flat near")
    new.write_text(new.read_text() + take_out(old, "Tempo"))
    whole = new.read_bytes()
    new.write_bytes(whole[:12])
    report = await mara.sync(confirm=True)
    assert report.edits == ()
    assert any("1 entries are gone from their files" in problem for problem in report.problems)
    new.write_bytes(whole)
    assert "moved" in {edit.kind for edit in (await mara.sync()).edits}
    assert await texts(mara) == set(SAID)


async def test_a_bullet_is_deleted_while_another_file_is_cut_short(mara: UserMemory, store: Path) -> None:
    old, new = home(store, "Tempo"), home(store, "flat near")
    take_out(old, "Tempo")
    whole = new.read_bytes()
    new.write_bytes(whole[:12])
    assert (await mara.sync(confirm=True)).edits == ()
    await mara.memorize([message(10, LATER)])  # which writes the file that it was deleted from
    assert "Rio" in bullets(old)
    assert "Tempo" not in bullets(old)
    new.write_bytes(whole)
    assert [edit.kind for edit in (await mara.sync()).edits] == ["deleted"]
    assert await texts(mara) == {*SAID[1:], LATER}
