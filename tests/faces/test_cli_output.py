"""What reaches a terminal: remembered text as text, whatever it holds, and results on stdout alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_running import MESSAGES, Run, command_line, shell, with_environment
from hypothesis import given
from hypothesis import strategies as st

from memu_like.faces.cli.output import one_line, plain, to_json

SHOWING = (
    *(["retrieve", "what does Rosa paint?"], ["context"], ["profile"], ["show"], ["items"]),
    *(["events"], ["retrieve", "what does Rosa paint?", "--explain"]),
)
HOSTILE = "[red]horses[/red]"


def item_about_rosa(run: Run) -> str:
    found = run("items", "--text", "Rosa", "--json").json
    return str(found[0]["id"])


def is_harmless(text: str) -> bool:
    return not any((ord(char) < 32 and char not in "\n\t") or 0x7F <= ord(char) <= 0x9F for char in text)


# -- remembered text


@pytest.mark.parametrize("words", SHOWING, ids=" ".join)
def test_markup_and_escapes_in_memory_are_shown_and_not_obeyed(
    run: Run, store: Path, words: list[str]
) -> None:
    for event in run("events", "--json").json:
        assert run("events", "edit", event["id"], "--title", f"About {HOSTILE}").code == 0
    text = run(*words).out
    assert HOSTILE in " ".join(text.split())
    assert is_harmless(text)
    assert "\u202e" not in text


def test_records_are_shown_and_not_obeyed(run: Run, store: Path) -> None:
    resource_id = run("resources", "--json").json[0]["id"]
    for words in (
        ["items", "show", item_about_rosa(run)],
        ["resources", "show", resource_id, "--lines", "1-3"],
    ):
        text = run(*words).out
        assert HOSTILE in " ".join(text.split()), words
        assert is_harmless(text)
        assert "\u202e" not in text


def test_names_of_people_and_files_are_not_obeyed_either(run: Run, here: Path) -> None:
    message = {**MESSAGES[0], "name": "[bold]Ma\x1b[2Jya", "created_at": "2023-05-08T13:56:00Z"}
    run("add", "-u", "[blink]", stdin=json.dumps(message))
    text = run("retrieve", "guinea pig").out
    assert "[bold]Ma\\x1b[2Jya" in text
    assert run("users").out == "[blink]\n"
    assert "[blink]" in run("show").out


def test_error_messages_are_not_obeyed(run: Run, here: Path) -> None:
    done = run("memorize", "no\x1b[2Jfile\n[red]x.json")
    assert done.err == "error: no\\x1b[2Jfile [red]x.json: no such file\n"


def test_json_keeps_the_text_and_shows_no_raw_escape(run: Run, store: Path) -> None:
    done = run("items", "--text", "Rosa", "--json")
    assert is_harmless(done.out)
    assert "\u202e" not in done.out
    assert any("\x1b[31mfoxes" in item["text"] for item in done.json)


@given(st.text(st.characters(exclude_categories=())))
def test_plain_text_holds_nothing_to_act_upon(text: str) -> None:
    assert is_harmless(plain(text))
    assert "\n" not in one_line(text)
    plain(text).encode()


@given(st.recursive(st.text(st.characters(exclude_categories=["Cs"])), st.lists))
def test_json_is_harmless_and_says_the_same(value: object) -> None:
    text = to_json(value)
    assert is_harmless(text)
    assert json.loads(text) == value


def test_what_is_long_is_folded_and_not_cut(run: Run, store: Path) -> None:
    last = MESSAGES[3]["content"]
    said = "".join(run("retrieve", "where does Maya live?", "-k", "1").out.split())
    assert "".join(last.split()) in said
    rows = "".join(run("items", "--text", "Lisbon").out.split())
    assert "garden." in rows
    assert "…" not in rows


def test_the_width_changes_how_lines_break_and_not_what_they_say(
    run: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["retrieve", "where does Maya live?", "--explain"]
    narrow = run(*words).out
    monkeypatch.setenv("COLUMNS", "200")
    wide = run(*words).out
    assert narrow != wide
    assert narrow.split() == wide.split()


def test_colours_only_where_wanted(run: Run, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in run("items").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[36m" in run("items").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[36m" not in run("items").out


def test_text_that_the_locale_cannot_say_is_printed_all_the_same(here: Path) -> None:
    env = {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    done = subprocess.run(
        command_line("add", "我搬到了里斯本", "-u", "玛雅"),
        capture_output=True,
        timeout=60,
        cwd=here,
        **with_environment({"env": env}),
    )
    assert done.stdout.decode() == "玛雅: 1 buffered\n"


# -- streams and signals


def test_a_reader_that_goes_away_is_no_error(store: Path) -> None:
    with subprocess.Popen(
        command_line("items", "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **with_environment({}),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_ctrl_c_at_a_question_ends_the_command_and_does_nothing(store: Path) -> None:
    import pty

    master, terminal = pty.openpty()
    with subprocess.Popen(
        command_line("forget"),
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **with_environment({}),
    ) as process:
        assert process.stderr is not None
        asked = b""
        while not asked.endswith(b"[y/N] "):
            asked += process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert b"Traceback" not in process.stderr.read()
    os.close(master)
    os.close(terminal)
    assert (store / "maya").is_dir()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(
    ("answer", "code", "left"), [(b"y\n", 0, []), (b"n\n", 2, ["maya"]), (b"\n", 2, ["maya"])]
)
def test_forget_asks_at_a_terminal(store: Path, answer: bytes, code: int, left: list[str]) -> None:
    import pty

    master, terminal = pty.openpty()
    with subprocess.Popen(
        command_line("forget"),
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **with_environment({}),
    ) as process:
        os.write(master, answer)
        _, asked = process.communicate(timeout=60)
    os.close(master)
    os.close(terminal)
    assert process.returncode == code
    assert b"erase everything about maya" in asked
    assert json.loads(shell("users", "--json").stdout) == left


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_add_does_not_wait_at_a_terminal(here: Path) -> None:
    import pty

    master, terminal = pty.openpty()
    done = subprocess.run(
        command_line("add"), stdin=terminal, capture_output=True, timeout=60, **with_environment({})
    )
    os.close(master)
    os.close(terminal)
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: nothing was given")
