"""The commands of history, as a person meets them in a terminal and a program in JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_running import Run
from repositories import begin, commit, git


@pytest.fixture
def repository(store: Path) -> Path:
    """Maya's store as a repository, with one commit of what is there."""
    begin(store)
    paths = sorted(store.glob("maya/events/*.jsonl"))
    runs = [json.loads(line)["id"] for path in paths for line in path.read_text("utf-8").splitlines()]
    trailers = "".join(f"Memu-Run: {name}\n" for name in runs)
    commit(store, f"memorize\n\nMemu-User: maya\n{trailers}Memu-Kind: memorize")
    return store


def first_run(run: Run) -> str:
    """The one that tells of Oscar."""
    name: str = json.loads(run("history", "--json").out)[-1]["run"]
    return name


def folded(out: str) -> str:
    """What is printed, however it was wrapped."""
    return " ".join(out.split())


def pets(store: Path) -> Path:
    [path] = [one for one in store.glob("maya/categories/*.md") if "Oscar" in one.read_text("utf-8")]
    return path


def edit(store: Path, old: str, new: str) -> None:
    path = pets(store)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_history_shows_runs_with_what_they_changed(run: Run, repository: Path) -> None:
    ran = run("history")
    assert ran.code == 0
    head = ran.out.splitlines()[0]
    assert " memorize by Pat  " in head
    assert git(repository, "rev-parse", "--short=7", "HEAD") in head
    assert "\n    pets: + I adopted a guinea pig" in ran.out
    assert "pets: + I adopted a guinea pig named Oscar last Friday, from 2023-05-08 message 1" in folded(
        ran.out
    )
    [step] = json.loads(run("history", "--json", "-n", "1").out)
    assert {"time", "run", "kind", "by", "changes", "reason", "commit"} == step.keys()


def test_history_of_a_slot_and_of_nothing(run: Run, repository: Path) -> None:
    topic = pets(repository).stem
    assert "Oscar" in run("history", f"{topic}/pets").out
    ran = run("history", "nothing")
    assert (ran.code, ran.err) == (4, "error: no item, topic or topic/slot 'nothing'\n")
    assert run("history", "-n", "0").out == "nothing yet\n"


def test_diff_is_told_by_topic(run: Run, repository: Path) -> None:
    assert run("diff").out == "no difference\n"
    edit(repository, "guinea pig", "cavy")
    lines = run("diff").out.splitlines()
    assert lines[0] == pets(repository).stem
    assert lines[1].startswith("  pets: ~ I adopted a guinea pig named Oscar last Friday -> I adopted a cavy")
    [change] = json.loads(run("diff", "HEAD", "--json").out)
    assert (change["op"], change["source"]) == ("change", "by hand")
    assert run("diff", "HEAD", "main").out == "no difference\n"


def test_diff_without_a_repository_says_how_to_begin_one(run: Run, store: Path) -> None:
    ran = run("diff")
    assert ran.code == 9
    assert "memu-like init --git" in ran.err
    assert len(ran.err.splitlines()) == 1
    assert run("history").code == 0
    assert run("blame", pets(store).stem).code == 0


@pytest.mark.parametrize("point", ["nothing", "--", "1999-01-01"])
def test_a_point_that_there_is_not_is_one_line(run: Run, repository: Path, point: str) -> None:
    ran = run("profile", "--at", point)
    assert ran.code == 4
    assert len(ran.err.splitlines()) == 1


def test_blame_shows_who_when_and_why(run: Run, repository: Path) -> None:
    edit(repository, "## pets\n", "## pets\nShe squeaks.\n\n")
    ran = run("blame", pets(repository).stem)
    short = git(repository, "rev-parse", "--short=7", "HEAD")
    [line] = [one for one in ran.out.splitlines() if "- I adopted a guinea pig" in one]
    assert short in line
    assert " Pat " in line
    assert "2023-05-08 message 1, run " in folded(ran.out)
    assert "“Maya: I adopted a guinea pig named Oscar last Friday.”" in folded(ran.out)
    [prose] = [one for one in ran.out.splitlines() if "She squeaks." in one]
    assert "-------  uncommitted" in prose
    lines = json.loads(run("blame", pets(repository).stem, "--json").out)
    assert [one["line"] for one in lines] == list(range(1, len(lines) + 1))
    assert run("blame", "nothing").code == 4


def test_revert_says_what_it_would_do_then_does_it_and_back(run: Run, repository: Path) -> None:
    name = first_run(run)
    dry = run("revert", name, "--dry-run")
    assert "  pets: - I adopted a guinea pig named Oscar last Friday" in dry.out
    assert dry.out.endswith(f"{name} would be reverted; nothing was written\n")
    assert "Oscar" in run("profile").out
    done = json.loads(run("revert", name, "--json").out)
    assert done["reverted"] == [name]
    assert "Oscar" not in run("profile").out
    back = run("revert", done["run"])
    assert f"reverted {done['run']} in run " in back.out
    assert "Oscar" in run("profile").out


def test_revert_shows_what_stays(run: Run, repository: Path) -> None:
    edit(repository, "guinea pig", "cavy")
    name = first_run(run)
    ran = run("revert", name)
    assert "changed since by a person" in ran.out
    assert "cavy" in run("profile").out


def test_reading_as_of_a_point(run: Run, repository: Path) -> None:
    edit(repository, "guinea pig", "cavy")
    run("sync")
    assert "cavy" in run("profile").out
    first = git(repository, "rev-list", "--max-parents=0", "HEAD")
    for command in (("profile",), ("context",), ("retrieve", "Oscar", "-k", "1")):
        assert "guinea pig" in run(*command, "--at", first[:10]).out
        assert "cavy" not in run(*command, "--at", first).out
    assert "cavy" in run("profile", "--at", "main", "--json").out


def test_what_a_terminal_would_act_on_is_shown_as_text(run: Run, repository: Path) -> None:
    edit(repository, "guinea pig", "\x1b[31mred\x1b[0m [bold]pig[/bold]")
    for ran in (run("diff"), run("blame", pets(repository).stem), run("history")):
        assert "\x1b" not in ran.out
    assert "[bold]pig[/bold]" in run("diff").out
