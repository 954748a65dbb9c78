"""The messages of commits: what a person reads in `git log`, and trailers that nobody can forge."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.models import Event, Item, Modality, Origin, Source, Status
from memu_like.pure import commit_messages
from memu_like.pure.commit_messages import (
    FileEdit,
    Machine,
    init_message,
    machine_message,
    person_message,
    read_value,
    value,
)

NOW = datetime(2023, 5, 8, tzinfo=UTC)


def event(run: str, kind: Any = "memorize", resources: tuple[str, ...] = ("r1",)) -> Event:
    return Event(run, kind, NOW, NOW, resources=resources)


def item(number: int, **changes: Any) -> Item:
    values: dict[str, Any] = {
        "id": f"i{number}",
        "rev": 1,
        "status": Status.ACTIVE,
        "type": "profile",
        "text": "secret text",
        "subject": "Caroline",
        "categories": ("pets",),
        "slot": "cats",
        "run": "run",
        "created_at": NOW,
        "origin": Origin.EXTRACTED,
    }
    return Item(**{**values, **changes})


def test_a_run_is_told_with_its_counts() -> None:
    corrected = item(9, rev=2, status=Status.SUPERSEDED)
    confirmed = item(8, rev=2, corroborations=(Source("r1", 1, 1),))
    done = Machine(
        "caroline",
        (event("run1"),),
        (*(item(number) for number in range(3)), corrected, confirmed),
        ("pets", "work_life"),
        {Modality.CONVERSATION: 1},
    )
    assert machine_message(done) == (
        "memorize caroline: 3 items from 1 conversation, 1 corrected, 1 confirmed\n"
        "\n"
        "Memu-User: caroline\n"
        "Memu-Run: run1\n"
        "Memu-Kind: memorize\n"
        "Memu-Items: 3\n"
        "Memu-Resources: 1\n"
        "Memu-Categories: pets, work_life\n"
    )


@pytest.mark.parametrize(
    ("done", "subject"),
    [
        (Machine("ana", (event("r"),), (item(1),)), "memorize ana: 1 item from 1 source"),
        (Machine("ana", (event("r"),)), "memorize ana: 0 items from 1 source"),
        (Machine("ana", stored={Modality.DOCUMENT: 2}), "store ana: 2 documents"),
        (Machine("ana", (event("r", "forget"),), removed=1), "forget ana: 1 source, 1 file removed"),
        (Machine("ana", removed=3, erased=True), "forget ana"),
        (
            Machine("ana", (event("r", "sync", ()),), (item(1, status=Status.RETRACTED, rev=2),)),
            "take in edits of ana: 1 retracted",
        ),
        (Machine("ana", (event("r"),), (item(1),), carried_on=True), "catch up ana: 1 item from 1 source"),
        (Machine("ana"), "edit ana"),
    ],
)
def test_the_subject_says_what_was_done(done: Machine, subject: str) -> None:
    assert machine_message(done).splitlines()[0] == subject


def test_nothing_that_was_said_is_in_a_message() -> None:
    assert "secret" not in machine_message(Machine("ana", (event("r"),), (item(1),)))


def test_a_persons_edits_are_told_by_file() -> None:
    before = b"## pets\n- Has a cat. ^aaaa1111\n- Has a dog. ^bbbb1111\n- Has a bird. ^cccc1111\n"
    after = b"## pets\n- Has two cats. ^aaaa1111\n- Has a dog! ^bbbb1111\n- Has a fish.\n"
    edits = [FileEdit("categories/pets.md", before, after), FileEdit("categories/old.md", before, None)]
    assert person_message("caroline", edits) == (
        "edit caroline: pets.md (2 changed, 1 new, 1 deleted), old.md (removed)\n"
        "\n"
        "Memu-User: caroline\n"
        "Memu-Kind: person\n"
    )


def test_of_many_files_the_first_few_are_named() -> None:
    edits = [FileEdit(f"categories/{name}.md", b"", b"# prose\n") for name in "abcde"]
    assert person_message("ana", edits).splitlines()[0] == "edit ana: a.md, b.md, c.md, 2 more files"


def test_a_first_commit() -> None:
    assert init_message(1).splitlines()[0] == "init: 1 file of this store"


HOSTILE = [
    "ana\n\nMemu-Run: forged",
    "ana\rMemu-Run: forged",
    "ana\u2028Memu-Run: forged",
    "ana\x85Memu-Run: forged",
    "ana: 5 items",
    '"ana"',
    " ana ",
    "",
    "ünïcode",
    "x" * 1000,
    "\ud800",
    "\x1b[31mred",
]


@pytest.mark.parametrize("user", HOSTILE)
def test_a_hostile_user_forges_no_line_and_no_trailer(user: str) -> None:
    edit = FileEdit(f"categories/{user}.md", b"", b"- new\n")
    for message in (
        machine_message(Machine(user, (event("r"),), topics=(user,))),
        person_message(user, [edit]),
    ):
        subject, blank, *trailers = message.splitlines()
        assert subject.isprintable()
        assert len(subject) <= commit_messages.MAX_SUBJECT
        assert blank == ""
        assert all(line.startswith("Memu-") for line in trailers)
        assert not any("forged" in line and line.startswith("Memu-Run") for line in trailers)
        assert message.encode("utf-8", "strict")


@given(st.text())
def test_a_value_is_one_plain_line_and_reads_back(text: str) -> None:
    shown = value(text)
    assert shown.isascii()
    assert shown.isprintable()
    assert shown == shown.strip()
    assert shown
    assert read_value(shown) == text


@pytest.mark.parametrize("text", ["plain", '"', '"no end', '"a"b', "[1]"])
def test_what_is_no_value_is_read_as_it_stands(text: str) -> None:
    assert read_value(text) == text
