"""The commands on prompts: what they print, what they write, and their exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_running import ROOT, Run


def test_list_has_every_template_and_marks_those_of_the_store(run: Run, here: Path) -> None:
    names = {one["name"] for one in run("prompts", "--json").json}
    assert {"extract", "judge", "reply"} <= names
    lines = run("prompts").out.splitlines()
    assert {f"{name}  {language}  shipped" for name in names for language in ("en", "zh")} <= set(lines)
    run("prompts", "copy", "judge", "--language", "zh")
    own = [one for one in run("prompts", "list", "--json").json if one["own"]]
    place = here / "memory_store" / "prompts" / "judge.zh.md"
    assert own == [{"name": "judge", "language": "zh", "path": str(place), "own": True}]


def test_show_prints_the_template_in_use_byte_for_byte(run: Run) -> None:
    shipped = ROOT / "prompts" / "judge.zh.md"
    assert (
        run("prompts", "show", "judge", "--language", "zh").out.strip() == shipped.read_text("utf-8").strip()
    )
    found = run("prompts", "show", "judge", "--json").json
    assert found["text"] == (ROOT / "prompts" / "judge.en.md").read_text("utf-8")
    assert (found["name"], found["language"]) == ("judge", "en")


def test_show_shows_no_control_character(run: Run, here: Path) -> None:
    run("prompts", "copy", "judge")
    (here / "memory_store" / "prompts" / "judge.en.md").write_text("{# role: user #}\n\x1b[31mred", "utf-8")
    assert "\x1b" not in run("prompts", "show", "judge").out


def test_copy_says_what_it_wrote_and_does_not_write_over(run: Run, here: Path) -> None:
    folder = here / "memory_store" / "prompts"
    done = run("prompts", "copy", "judge", "--json")
    assert done.json == [str(folder / "judge.en.md"), str(folder / "judge.zh.md")]
    (folder / "judge.en.md").write_text("mine", "utf-8")
    refused = run("prompts", "copy", "judge")
    assert (refused.code, refused.out) == (3, "")
    assert "--force" in refused.err
    assert (folder / "judge.en.md").read_text("utf-8") == "mine"
    assert run("prompts", "copy", "judge", "--force").code == 0
    assert (folder / "judge.en.md").read_text("utf-8") != "mine"


def test_check_finds_what_is_wrong_and_exits_with_one(run: Run, here: Path) -> None:
    assert run("prompts", "check").out == "nothing found: every template can be used\n"
    assert run("prompts", "check", "--json").json == []
    run("prompts", "copy", "judge")
    place = here / "memory_store" / "prompts" / "judge.en.md"
    place.write_text("{# role: user #}\n{{ query", "utf-8")
    done = run("prompts", "check")
    assert done.code == 1
    assert done.out.startswith("error:")
    (problem,) = run("prompts", "check", "--json").json
    assert (problem["path"], problem["line"]) == (str(place), 2)


@pytest.mark.parametrize("command", [["show", "nothing"], ["copy", "nothing"]])
def test_a_name_that_is_none_exits_with_four_and_names_those_there_are(run: Run, command: list[str]) -> None:
    done = run("prompts", *command)
    assert (done.code, done.out) == (4, "")
    assert "judge" in done.err
