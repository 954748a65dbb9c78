"""What a folder's writer is recorded to have written: the bytes, in order, whose they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.edges.folder import UserFolder, mark
from memu_like.edges.recording import EVERYTHING, Appended, Part, Recorder, Whole

PETS = "categories/pets.md"
ITEMS, EVENTS = "items/2023-05.jsonl", "events/2023-05.jsonl"


@pytest.fixture
def folder(tmp_path: Path) -> UserFolder:
    folder = UserFolder(tmp_path, "caroline")
    folder.recorder = Recorder()
    folder.create()
    with folder.lock():
        pass
    drained(folder)
    return folder


def drained(folder: UserFolder) -> list[Part]:
    assert folder.recorder is not None
    return list(folder.recorder.drain().parts)


def test_writes_are_recorded_with_their_bytes_until_they_are_asked_for(folder: UserFolder) -> None:
    folder.write("user.json", b"{}")
    folder.append(ITEMS, b"1\n")
    folder.append(ITEMS, b"2\n")
    folder.remove("resources/2023/05/08-x.jsonl")
    (part,) = drained(folder)
    assert part == Part(
        "machine",
        {"user.json": Whole(b"{}"), ITEMS: Appended(0, b"1\n2\n"), "resources/2023/05/08-x.jsonl": None},
    )
    assert drained(folder) == []


def test_what_is_derived_or_in_flight_is_not_recorded(folder: UserFolder) -> None:
    folder.write(".memu/journal.json", b"{}")
    folder.append("buffer.jsonl", b"{}\n")
    assert drained(folder) == []


def test_a_merge_is_recorded_with_what_was_read(folder: UserFolder) -> None:
    folder.write(PETS, b"1\n")
    drained(folder)
    assert folder.replace_unchanged({PETS: (b"1\n", b"2\n")}) == []
    assert folder.replace_unchanged({PETS: (b"stale\n", b"3\n")}) == [PETS]
    assert folder.replace_unchanged({PETS: (b"2\n", b"4\n")}) == []
    assert drained(folder) == [Part("machine", {PETS: Whole(b"4\n", b"1\n", merged=True)})]


def test_a_save_between_two_merges_keeps_them_apart(folder: UserFolder) -> None:
    folder.replace_unchanged({PETS: (None, b"1\n")})
    folder.path(PETS).write_bytes(b"by hand\n")
    folder.replace_unchanged({PETS: (b"by hand\n", b"2\n")})
    assert [part.files[PETS] for part in drained(folder)] == [
        Whole(b"1\n", None, merged=True),
        Whole(b"2\n", b"by hand\n", merged=True),
    ]


def test_a_person_comes_before_what_is_written_on_top(folder: UserFolder) -> None:
    folder.append(ITEMS, b"1\n")
    folder.record_person({PETS: b"by hand\n", "categories/old.md": None})
    folder.replace_unchanged({PETS: (None, b"by hand ^id\n")})
    assert [part.by for part in drained(folder)] == ["machine", "person", "machine"]
    folder.record_person({})
    assert drained(folder) == []


def test_each_run_is_a_part(folder: UserFolder) -> None:
    for number in (1, 2):
        folder.append(ITEMS, f"{number}\n".encode())
        folder.append(EVENTS, f"{number}\n".encode())
        folder.write(PETS, f"{number}\n".encode())
    assert [part.files[ITEMS] for part in drained(folder)] == [Appended(0, b"1\n"), Appended(2, b"2\n")]


def test_what_was_rolled_back_is_no_part_of_what_was_appended(folder: UserFolder) -> None:
    folder.append(ITEMS, b"1\n")
    folder.append(ITEMS, b"torn\n")
    folder.path(ITEMS).write_bytes(b"1\n")  # as another process does under the lock
    folder.append(ITEMS, b"2\n")
    (part,) = drained(folder)
    assert part.files == {ITEMS: Appended(0, b"1\n2\n")}


def test_a_forgotten_user_leaves_one_entry(folder: UserFolder) -> None:
    folder.write(PETS, b"1\n")
    with folder.lock():
        folder.remove_all()
    (part,) = drained(folder)
    assert list(part.files) == [EVERYTHING]


def test_nothing_is_recorded_without_a_recorder(tmp_path: Path) -> None:
    folder = UserFolder(tmp_path, "caroline")
    folder.create()
    with folder.lock():
        folder.write(PETS, b"1\n")
    folder.record_person({PETS: b"1\n"})
    folder.record_all()
    assert folder.marks() == {}


def test_more_than_can_be_held_is_left_to_the_files(folder: UserFolder) -> None:
    recorder = Recorder()
    data = bytes(40 * 1024 * 1024)
    recorder.wrote("resources/2023/05/08-a.bin", data)
    recorder.wrote("resources/2023/05/08-b.bin", data)
    recorder.wrote("user.json", b"{}")
    written = recorder.drain()
    assert written.unseen
    assert written.size == 2


def test_the_notes_of_what_was_written_are_in_order_and_bounded(folder: UserFolder) -> None:
    for number in range(4000):
        folder._mark({PETS: b"%d" % number})
    marks = folder.marks()
    assert 1000 < len(marks) < 4000
    assert marks[mark(PETS, b"3998")] < marks[mark(PETS, b"3999")]
    assert mark(PETS, b"0") not in marks
    assert mark("categories/other.md", b"3999") not in marks


@given(st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=8)), max_size=12))
def test_appends_and_cuts_in_any_order_record_what_the_file_says(steps: list[tuple[bool, bytes]]) -> None:
    recorder, file = Recorder(), b""
    for cut, data in steps:
        file = file[: len(file) // 2] if cut else file
        recorder.appended(ITEMS, len(file), data)
        file += data
    parts = recorder.drain().parts
    assert [part.files for part in parts] == ([{ITEMS: Appended(0, file)}] if steps else [])
