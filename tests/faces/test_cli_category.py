"""The group category and the options that make a change one that was read before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from command_running import Run, with_environment

PROCESSES, EACH = 4, 5

ADDER = """
import asyncio, sys
from memu_like import MemoryService
from memu_like.errors import Conflict

async def main(name, count):
    async with MemoryService("memory_store") as memory:
        user = memory.user("maya")
        for number in range(count):
            found = await user.category("garden")
            text, digest = found.text, found.hash
            while True:
                try:
                    await user.write_category("garden", f"{text}- Bed {name}{number}.\\n", expected=digest)
                    break
                except Conflict as conflict:
                    text, digest = conflict.current, conflict.hash

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def test_a_category_is_shown_written_renamed_and_deleted(run: Run, store: Path) -> None:
    made = run("category", "write", "garden", stdin="# garden\n\n## beds\n- Grows beans.\n")
    assert made.code == 0, made.err
    assert "+ added     garden/beds: Grows beans." in made.out
    shown = run("category", "show", "garden", "--json").json
    assert run("category", "show", "garden").out == shown["text"]
    grown = shown["text"] + "- Grows peas.\n"
    written = run("category", "write", "garden", "--expected", shown["hash"], "--json", stdin=grown).json
    assert written["text"].startswith(grown.rstrip("\n"))
    assert [edit["kind"] for edit in written["report"]["edits"]] == ["added"]
    assert run("category", "rename", "garden", "allotment").code == 0
    assert run("category", "show", "garden").code == 4
    refused = run("category", "delete", "allotment")
    assert (refused.code, "--yes" in refused.err) == (2, True)
    deleted = run("category", "delete", "allotment", "--yes")
    assert deleted.code == 0
    assert deleted.out.startswith("deleted: allotment\n")
    assert run("items", "-t", "allotment", "--json").json == []


def test_a_file_that_has_changed_is_not_replaced(run: Run, store: Path) -> None:
    run("category", "write", "garden", stdin="# garden\n\n## beds\n- Grows beans.\n")
    for arguments in (
        ("write", "garden"),
        ("write", "garden", "--expected", "0" * 64),
        ("rename", "garden", "allotment", "--expected", "0" * 64),
        ("delete", "garden", "--yes", "--expected", "0" * 64),
    ):
        ran = run("category", *arguments, "--json", stdin="# garden\n")
        assert ran.code == 6, arguments
        assert ran.json["current"].startswith("# garden\n\n## beds\n- Grows beans. ^")
        assert ran.json["hash"] == run("category", "show", "garden", "--json").json["hash"]
        assert ran.err.count("\n") == 1
        assert "read it again" in ran.err


def test_an_item_is_changed_under_its_revision_or_its_hash(run: Run, store: Path) -> None:
    [entry] = [
        entry
        for slots in run("profile", "--json").json.values()
        for entries in slots.values()
        for entry in entries
        if "guinea pig" in entry["text"]
    ]
    done = run("items", "edit", entry["id"], "--text", "Has a guinea pig.", "--hash", entry["hash"], "--json")
    assert done.code == 0, done.err
    late = run("items", "edit", entry["id"], "--text", "x", "--hash", entry["hash"], "--json")
    assert late.code == 6
    assert (late.json["current"], late.json["rev"]) == ("Has a guinea pig.", done.json["rev"])
    assert run("items", "delete", entry["id"], "--yes", "--rev", str(done.json["rev"] - 1)).code == 6
    assert run("items", "delete", entry["id"], "--yes", "--rev", str(done.json["rev"])).code == 0


def test_an_event_is_changed_under_its_revision(run: Run, store: Path) -> None:
    event = run("events", "--json").json[0]
    rev = event["rev"]
    assert run("events", "edit", event["id"], "--title", "Pets", "--rev", str(rev)).code == 0
    late = run("events", "delete", event["id"], "--yes", "--rev", str(rev), "--json")
    assert (late.code, late.json["rev"]) == (6, rev + 1)


def test_of_many_processes_that_write_one_category_none_loses_an_update(
    run: Run, here: Path, store: Path
) -> None:
    run("category", "write", "garden", stdin="# garden\n\n## beds\n")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", ADDER, name, str(EACH)],
            stderr=subprocess.PIPE,
            text=True,
            **with_environment({"cwd": here}),
        )
        for name in "abcd"[:PROCESSES]
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=60)
        assert writer.returncode == 0, said
    entries = json.loads(run("profile", "--json").out)["garden"]["beds"]
    wanted = [f"Bed {name}{number}." for name in "abcd"[:PROCESSES] for number in range(EACH)]
    assert sorted(entry["text"] for entry in entries) == wanted
    assert len({entry["id"] for entry in entries}) == len(wanted)
    assert run("doctor").code == 0
