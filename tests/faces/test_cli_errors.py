"""What a person gets wrong: one line on stderr, the documented exit code, and nothing written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from command_running import ROOT, Run

from memu_like import errors
from memu_like.faces.cli.app import COMMANDS, app, command

GOOD = json.dumps({"role": "user", "content": "I keep bees in Porto."})

# (command line, stdin, exit code, what the message holds)
BAD_USE = [
    (["retrive", "x"], "", 2, "Did you mean 'retrieve'"),
    (["retrieve"], "", 2, "Missing argument"),
    (["retrieve", "x", "--top"], "", 2, "No such option"),
    (["retrieve", "x", "-k", "many"], "", 2, "Invalid value for '--top-k'"),
    (["items", "edit", "abc123"], "", 2, "nothing to change"),
    (["events", "edit", "abc123"], "", 2, "nothing to change"),
    (["memorize", "a.json", "b.json", "--name", "c"], "", 2, "--name is for one file"),
    (["forget", "--item", "a", "--resource", "b"], "", 2, "not both"),
    (["add", "--role", "user"], GOOD, 2, "leave the options out"),
    (["serve", "--token", ""], "", 2, "--token 1: not a token"),
    (["serve", "--token", "one", "--token", "two words"], "", 2, "--token 2: not a token"),
    (["serve", "--token-file", "none"], "", 2, "cannot read the tokens in none"),
    (["serve", "--concurrency", "0"], "", 2, "Invalid value for '--concurrency'"),
]
BAD_INPUT = [
    (["memorize", "missing.json"], "", 3, "missing.json: no such file"),
    (["memorize", "."], "", 3, "is a directory"),
    (["memorize", "-"], "", 3, "stdin: is empty"),
    (["memorize", "-"], b"\xff\xfe\xfa", 3, "stdin"),
    (["memorize", "-", "--format", "openai"], '[{"role":"user","content":"hi"', 3, "stdin"),
    (["memorize", "-", "--format", "nonsense"], GOOD, 3, "the formats are"),
    (["memorize", "-", "--format", "openai"], "[]", 3, "stdin"),
    (["add"], "", 3, "stdin: is empty"),
    (["add"], "not json", 3, "stdin:1: not JSON"),
    (["add"], f"{GOOD}\n{{broken\n", 3, "stdin:2: not JSON"),
    (["add"], "[" * 100_000, 3, "not JSON"),
    (["add"], b"\xff", 3, "not UTF-8 at byte 0"),
    (["add"], "[1]", 3, "message 1"),
    (["add"], '{"role": "wizard", "content": "x"}', 3, "wizard"),
    (["add"], f'[{GOOD}, {{"role": "user"}}]', 3, "message 2"),
    (["add"], '{"role": "user", "content": "nul \\u0000 byte"}', 3, "message 1"),
    (["add"], '{"role": "user", "content": "half \\ud800"}', 3, "message 1"),
    (["add", "hello", "--created-at", "yesterday-ish"], "", 3, "yesterday-ish"),
    (["add", "hello", "--role", "wizard"], "", 3, "wizard"),
    (["import", "missing.zip"], "", 3, "missing.zip: no such file"),
]
BAD_USER = [
    (["add", "hello", "-u", ""], "", 2, "it is empty"),
    (["add", "hello", "-u", "a\0b"], "", 2, "control character"),
    (["add", "hello", "-u", "a\x1bb"], "", 2, "control character"),
    (["add", "hello", "-u", "a\udc80b"], "", 2, "surrogate"),
    (["add", "hello", "-u", "x" * 2000], "", 2, "longer than"),
    (["stats"], "", 4, "memorize something first"),
    (["stats", "-u", "nobody"], "", 4, "no user 'nobody'"),
    (["flush"], "", 4, "memorize something first"),
    (["forget", "-u", "nobody", "--yes"], "", 4, "no user 'nobody'"),
    (["forget", "-u", "../..", "--yes"], "", 4, "no user '../..'"),
]
BAD_IN_STORE = [
    (["items", "list", "--type", "poem"], "", 3, "poem"),
    (["items", "show", "zzzzzz"], "", 4, "no item 'zzzzzz'"),
    (["items", "show", "../../etc/passwd"], "", 4, "no item"),
    (["items", "delete", "zzzzzz", "--yes"], "", 4, "no item"),
    (["items", "edit", "zzzzzz", "--text", "x y z"], "", 4, "no item"),
    (["items", "--status", "odd"], "", 3, "odd"),
    (["items", "--since", "soon"], "", 3, "'soon' is not a time"),
    (["events", "show", "nope"], "", 4, "no event 'nope'"),
    (["resources", "show", "nope"], "", 4, "no resource 'nope'"),
    (["resources", "show", "../../../../etc/passwd"], "", 4, "no resource"),
    (["forget", "--item", "zzzzzz", "--yes"], "", 4, "no item"),
    (["forget", "--resource", "nope", "--yes"], "", 4, "no resource"),
    (["profile", "--topic", "nope"], "", 4, "no category 'nope'"),
    (["retrieve", "  "], "", 3, "the query is empty"),
    (["retrieve", "x", "-k", "0"], "", 3, "top_k"),
    (["context", "--max-tokens", "0"], "", 3, "max_tokens"),
]


def is_one_error_line(text: str) -> bool:
    return text.startswith("error: ") and text.count("\n") == 1 and "Traceback" not in text


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize(("words", "stdin", "code", "part"), [*BAD_USE, *BAD_INPUT, *BAD_USER])
def test_a_mistake_is_one_line_and_writes_nothing(
    run: Run, here: Path, words: list[str], stdin: bytes | str, code: int, part: str, as_json: bool
) -> None:
    done = run(*words, *(["--json"] if as_json else []), stdin=stdin)
    assert is_one_error_line(done.err), done.err
    assert part in done.err
    assert (done.code, done.out) == (code, "")
    assert not any(path.is_file() for path in here.rglob("*"))


@pytest.mark.parametrize(("words", "stdin", "code", "part"), BAD_IN_STORE)
def test_what_is_not_in_the_store_is_named(
    run: Run, store: Path, words: list[str], stdin: str, code: int, part: str
) -> None:
    done = run(*words, stdin=stdin)
    assert is_one_error_line(done.err), done.err
    assert part in done.err
    assert (done.code, done.out) == (code, "")


@pytest.mark.parametrize("user", ["../x", "a/b", "CON", "caf\u00e9", ".", "..", "-", "~", "%2e", "A" * 300])
def test_a_hostile_user_id_stays_within_the_store(run: Run, here: Path, user: str) -> None:
    assert run("add", "I keep bees in Porto.", f"--user={user}").code == 0
    assert run("users", "--json").json == [user]
    assert run("retrieve", "bees").code == 0
    assert [path.name for path in here.iterdir()] == ["memory_store"]


def test_settings_that_cannot_be_used_are_named(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "memory_store").mkdir()
    (here / "memory_store/memory.toml").write_text("embeder = 'static'")
    done = run("users")
    message = "unknown setting 'embeder'; did you mean 'embedder'? (from memory.toml)"
    assert (done.code, done.err) == (2, f"error: {message}\n")
    (here / "memory_store/memory.toml").write_text("= broken")
    assert "memory.toml: not TOML" in run("users").err
    (here / "memory_store/memory.toml").unlink()
    monkeypatch.setenv("MEMU_LIKE_TOPK", "3")
    assert "did you mean 'top_k'?" in run("users").err


def test_a_store_that_is_a_file_is_one_line(run: Run, here: Path) -> None:
    (here / "memory_store").write_text("mine")
    for words in (["init"], ["add", "hello"], ["memorize", "-"]):
        done = run(*words, stdin=GOOD)
        assert is_one_error_line(done.err), done.err
        assert done.code in (2, 5)
    assert (here / "memory_store").read_text() == "mine"


def test_a_bad_file_among_good_ones_is_named(run: Run, here: Path) -> None:
    (here / "good.json").write_text(f"[{GOOD}]")
    (here / "bad.json").write_text(f"[{GOOD},")
    done = run("memorize", "good.json", "bad.json", "--json")
    assert (done.code, done.out) == (3, "")
    assert "bad.json" in done.err


@pytest.fixture
def exploding() -> Iterator[None]:
    """A command with a mistake of ours in it, for as long as the test lasts."""
    commands = list(app.registered_commands)

    @command("explode")
    async def explode(call: object) -> None:
        raise ZeroDivisionError("in the middle")

    yield
    app.registered_commands[:] = commands


@pytest.mark.usefixtures("exploding")
def test_a_mistake_of_ours_is_called_one(run: Run) -> None:
    done = run("explode")
    assert (done.code, done.out) == (70, "")
    assert is_one_error_line(done.err)
    assert "internal error: ZeroDivisionError: in the middle; please report it" in done.err
    assert "Traceback" in run("explode", "--debug").err
    assert "in explode" in run("--debug", "explode").err


# -- the page


def error_classes(root: type[errors.MemuLikeError]) -> Iterator[type[errors.MemuLikeError]]:
    yield root
    for kind in root.__subclasses__():
        yield from error_classes(kind)


def test_the_page_has_every_command_and_every_exit_code() -> None:
    page = (ROOT / "docs/cli.md").read_text("utf-8")
    for name in COMMANDS:
        assert f"`memu-like {name}" in page, name
    codes = {kind.exit_code for kind in error_classes(errors.MemuLikeError)} | {0, 70, 130, 141}
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert listed == codes


def test_the_page_names_every_option_of_every_command() -> None:
    page = (ROOT / "docs/cli.md").read_text("utf-8")
    root = typer.main.get_command(app)
    for name in COMMANDS:
        found = root.commands[name]  # type: ignore[attr-defined]
        for leaf in getattr(found, "commands", {"": found}).values():
            for option in (option for one in leaf.params for option in one.opts if option.startswith("--")):
                assert option in page, f"{name}: {option}"
