"""The demo: the shipped sample from nothing to answers, and once more."""

from __future__ import annotations

import json
from pathlib import Path

from command_running import Run

SAMPLE = Path(__file__).parent.parent.parent / "memu_like/data/sample"


def files(store: Path) -> dict[str, bytes]:
    found = (path for path in store.rglob("*") if path.is_file() and ".memu" not in path.parts)
    return {str(path): path.read_bytes() for path in found}


def test_the_demo_shows_the_folder_a_file_and_five_answers(run: Run, here: Path) -> None:
    done = run("demo")
    assert (done.code, done.err) == (0, "")
    questions = [json.loads(line) for line in (SAMPLE / "questions.jsonl").read_text("utf-8").splitlines()]
    flat = " ".join(done.out.split())
    for line in questions[:5]:
        assert f"? {line['question']}" in flat
        assert f"expected: {line['answer']}" in flat
    assert "? " + questions[5]["question"] not in flat
    for part in ("├── categories/", "topic: relationships", "Try next", "resources/2025/"):
        assert part in done.out
    assert done.out.count("expected:") == 5
    assert all(len(line) <= 80 for line in done.out.splitlines() if str(here) not in line)


def test_a_second_demo_says_so_and_doubles_nothing(run: Run, here: Path) -> None:
    first = run("demo", "--json").json
    before = files(here)
    stats = run("stats", "--json").json
    again = run("demo")
    assert again.out.startswith("The sample is in this store already: nothing was added.\n")
    assert files(here) == before
    assert run("stats", "--json").json == stats
    second = run("demo", "--json").json
    assert [report["items_added"] for report in second["reports"]] == [0, 0]
    assert second["answers"] == first["answers"]


def test_what_the_demo_suggests_works(run: Run, here: Path) -> None:
    import shlex

    text = run("demo", "--store", "elsewhere").out
    lines = [line.strip() for line in text[text.index("Try next") :].splitlines()[1:]]
    suggested = " ".join(lines).split("memu-like ")[1:]
    assert len(suggested) == 4
    for line in suggested:
        assert run(*shlex.split(line)).code == 0, line
    assert not (here / "memory_store").exists()


def test_the_demo_goes_into_a_store_with_other_users(run: Run, here: Path) -> None:
    run("add", "I keep bees in Porto.", "-u", "ivo")
    assert run("demo", "--json").json["user"] == "maya"
    assert run("users").out.split() == ["ivo", "maya"]
