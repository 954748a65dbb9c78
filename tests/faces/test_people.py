"""`memu-like demo --people`: what it prints is what docs/people.md shows."""

from __future__ import annotations

import re
from pathlib import Path

from command_running import Run

PAGE = Path(__file__).parent.parent.parent / "docs" / "people.md"


def test_the_story_reads_as_the_page_shows_it(run: Run) -> None:
    done = run("demo", "--people")
    assert (done.code, done.err) == (0, "")
    found = re.search(r"```\n(.*?)\n```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    assert [line.rstrip() for line in done.out.splitlines()] == found.group(1).splitlines()


def test_the_story_holds_what_it_is_told_for(run: Run, here: Path) -> None:
    parts = {part["title"]: part["lines"] for part in run("demo", "--people", "--json").json["parts"]}
    again = "\n".join(parts["The same comes again and goes on: the edits stand"])
    assert "*Lisbon*" in again
    assert "Porto" not in again
    assert "Tomas" not in again
    assert "Anselm" in again
    merged = "\n".join(parts["Both meet: no conflict, nothing lost"])
    for words in ("*Lisbon*", "carrots and hay", "Rufus", "Wanda", "before nine"):
        assert merged.count(words) == 1, words
    assert "Anselm" not in merged
    assert not list(here.glob("memory_store/*"))
