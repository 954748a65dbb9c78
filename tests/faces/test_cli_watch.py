"""The command watch, as a process of its own: what it tells, and how it ends."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_running import Run, command_line, with_environment

SECONDS = 20.0


class Watching:
    """A watch under way: its lines as they come."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        self.process = subprocess.Popen(
            command_line("watch", *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **with_environment({"cwd": cwd}),
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        assert self.process.stderr is not None
        self.greeting = self.process.stderr.readline()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def line(self) -> str:
        return self._lines.get(timeout=SECONDS)

    def silent(self, seconds: float = 1.0) -> bool:
        try:
            self._lines.get(timeout=seconds)
        except queue.Empty:
            return True
        return False

    def end(self, by: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(by)
        _, said = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, said


@pytest.fixture
def watch(here: Path, store: Path) -> Iterator[Callable[..., Watching]]:
    started: list[Watching] = []

    def start(*arguments: str) -> Watching:
        started.append(Watching(*arguments, cwd=here))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


def first_category(store: Path) -> Path:
    return sorted((store / "maya" / "categories").glob("*.md"))[0]


def append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def told(watching: Watching) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(watching.line())
    return found


def test_an_edit_is_a_line_with_its_time(watch: Callable[..., Watching], store: Path) -> None:
    watching = watch()
    path = first_category(store)
    append(path, "- Sings in a \x1b[31mchoir.")
    line = watching.line()
    assert line[2] == line[5] == ":"
    assert "  maya  + added " in line
    assert line.endswith("Sings in a \\x1b[31mchoir.")
    assert " ^" in path.read_text("utf-8").splitlines()[-1], "it has an id from now on"
    assert watching.end() == (0, "")


def test_what_is_told_as_json_is_a_report_a_line(watch: Callable[..., Watching], store: Path) -> None:
    watching = watch("--json")
    path = first_category(store)
    append(path, "- Sings in a choir.")
    report = told(watching)
    assert (report["user"], [edit["kind"] for edit in report["edits"]]) == ("maya", ["added"])
    text = path.read_text("utf-8")
    path.write_text(text.replace("Sings in a choir.", "Sings in two choirs."), "utf-8")
    [edit] = told(watching)["edits"]
    assert (edit["kind"], edit["before"], edit["text"]) == (
        "changed",
        "Sings in a choir.",
        "Sings in two choirs.",
    )
    path.write_text("\n".join(text.splitlines()[:-1]) + "\n", "utf-8")
    [edit] = told(watching)["edits"]
    assert edit["kind"] == "deleted"


def test_what_memory_writes_itself_is_not_told(watch: Callable[..., Watching], store: Path, run: Run) -> None:
    watching = watch("--json")
    for number in range(3):
        said = f"I bought a red bicycle number {number}."
        assert run("add", said, "--name", "Maya", "-u", "maya").code == 0
        assert run("flush", "-u", "maya").code == 0
    assert watching.silent(1.5)
    append(first_category(store), "- Sings in a choir.")
    assert [edit["text"] for edit in told(watching)["edits"]] == ["Sings in a choir."]


def test_of_a_user_who_was_named_alone(watch: Callable[..., Watching], store: Path, run: Run) -> None:
    assert run("items", "add", "Paints.", "-t", "interest", "--slot", "arts", "-u", "rosa").code == 0
    watching = watch("--user", "maya", "--json")
    append(store / "rosa" / "categories" / "interest.md", "- Dances.")
    append(first_category(store), "- Sings in a choir.")
    assert told(watching)["user"] == "maya"
    assert "Dances. ^" not in (store / "rosa" / "categories" / "interest.md").read_text("utf-8")


def test_a_file_that_cannot_be_told_is_a_problem_until_it_can(
    watch: Callable[..., Watching], store: Path
) -> None:
    watching = watch("--json")
    path = first_category(store)
    text = path.read_text("utf-8")
    path.write_text(text + "<<<<<<< ours\n- Sings.\n=======\n- Dances.\n>>>>>>> theirs\n", "utf-8")
    report = told(watching)
    assert report["edits"] == []
    assert path.name in report["problems"][0]
    path.write_text(text + "- Sings.\n", "utf-8")
    assert [edit["kind"] for edit in told(watching)["edits"]] == ["added"]


def test_a_folder_that_is_moved_away_and_back_keeps_its_memory(
    watch: Callable[..., Watching], store: Path, here: Path, run: Run
) -> None:
    before = run("items", "--json", "-u", "maya").json
    watching = watch("--json")
    (store / "maya").rename(here / "elsewhere")
    assert watching.silent()
    append(sorted((here / "elsewhere" / "categories").glob("*.md"))[0], "- Sings in a choir.")
    (here / "elsewhere").rename(store / "maya")
    assert [edit["kind"] for edit in told(watching)["edits"]] == ["added"]
    append(first_category(store), "- Dances.")
    assert [edit["text"] for edit in told(watching)["edits"]] == ["Dances."]
    after = run("items", "--json", "-u", "maya").json
    assert len(after) == len(before) + 2


def test_a_store_that_is_deleted_is_waited_for(
    watch: Callable[..., Watching], store: Path, here: Path
) -> None:
    shutil.copytree(store, here / "copy")
    watching = watch("--json")
    shutil.rmtree(store)
    while True:  # a sync that the deletion cut short says so before
        gone = told(watching)
        assert gone["edits"] == gone["held"] == []
        if any("is not there" in problem for problem in gone["problems"]):
            break
    append(sorted((here / "copy" / "maya" / "categories").glob("*.md"))[0], "- Sings in a choir.")
    (here / "copy").rename(store)
    assert [edit["text"] for edit in told(watching)["edits"]] == ["Sings in a choir."]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly(watch: Callable[..., Watching], by: signal.Signals) -> None:
    watching = watch()
    assert watching.greeting.startswith("watching ")
    assert watching.end(by) == (0, "")


def test_it_ends_when_nobody_reads_any_more(watch: Callable[..., Watching], store: Path, here: Path) -> None:
    reading, writing = os.pipe()
    process = subprocess.Popen(
        command_line("watch"),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        **with_environment({"cwd": here}),
    )
    os.close(writing)
    assert process.stderr is not None
    process.stderr.readline()
    os.close(reading)
    append(first_category(store), "- Sings in a choir.")
    _, said = process.communicate(timeout=SECONDS)
    assert (process.returncode, said) == (141, "")


def test_an_id_that_cannot_be_one_is_said_at_once(run: Run, store: Path) -> None:
    ran = run("watch", "--user", "")
    assert ran.code == 2
    assert "is empty" in ran.err
