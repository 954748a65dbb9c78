"""memu-like bench locomo: the table, what heads it, the JSON, the options, and Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from command_running import Run, command_line, with_environment
from edges.llm.chat_server import Answer, chat_server, completion
from exam_server import LOCOMO, but, good, is_control, lenient

NEEDED = ("bench", "locomo", str(LOCOMO), "--answerer", "answers", "--judge", "judges")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, here: Path) -> Path:
    monkeypatch.setenv("MEMU_LIKE_EMBEDDER", "none")
    monkeypatch.setenv("MEMU_LIKE_LLM_RETRIES", "0")
    return here


def test_the_table_has_the_categories_by_name_and_what_answers_took(
    run: Run, quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chat_server(good) as server:
        monkeypatch.setenv("MEMU_LIKE_LLM_BASE_URL", server.url)
        ran = run(*NEEDED, "--methods", "memory,bm25")
    assert ran.code == 0, ran.err
    assert "NOT A RESULT" not in ran.out
    for row in ("memory  multi-hop", "bm25    overall (1 to 4)", "memorized talk-1: 8 messages"):
        assert row in ran.out
    assert "corrected key" in ran.out
    assert "written: locomo-results.json" in ran.err
    for name in ("locomo-results.json", "locomo-results.answers.jsonl"):
        assert (quick / name).exists()
    assert list((quick / "locomo-results.store").glob("talk-1-*/items"))
    assert not (quick / "memory_store").exists()


def test_models_that_fail_the_gate_get_a_heading_and_no_scores(
    run: Run, quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chat_server(lenient) as server:
        monkeypatch.setenv("MEMU_LIKE_LLM_BASE_URL", server.url)
        ran = run(*NEEDED, "--methods", "bm25")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("NOT A RESULT: the judge told right from wrong in 0 of 12 control pairs")
    assert "judged right" not in ran.out
    assert "multi-hop" not in ran.out


def test_a_part_is_headed_as_no_result_and_shown(
    run: Run, quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chat_server(good) as server:
        monkeypatch.setenv("MEMU_LIKE_LLM_BASE_URL", server.url)
        ran = run(*NEEDED, "--methods", "bm25", "--limit", "2")
    assert ran.out.startswith("NOT A RESULT: 2 of 6 answers")
    assert "multi-hop" in ran.out


def test_json_is_one_document(run: Run, quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with chat_server(good) as server:
        ran = run(
            *NEEDED,
            *("--methods", "bm25", "--json", "--store", "memories", "--out", "there/r.json"),
            *("--answerer-base-url", server.url, "--judge-base-url", server.url),
        )
    assert ran.code == 0, ran.err
    assert ran.json["result"][0]["category"] == "multi-hop"
    assert json.loads((quick / "there" / "r.json").read_text("utf-8"))["result"] == ran.json["result"]


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("bench", "locomo", str(LOCOMO)), 2, "--answerer"),
        ((*NEEDED, "--methods", "magic"), 2, "there are memory, full-context, bm25"),
        (("bench", "locomo", "none.json", "--answerer", "a", "--judge", "b"), 3, "no such file"),
        ((*NEEDED, "--conversations", "talk-9"), 4, "talk-9"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    run: Run, quick: Path, arguments: tuple[str, ...], code: int, reason: str
) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert reason in ran.err
    assert ran.err.count("\n") == 1


def test_bench_alone_says_what_there_is(run: Run, quick: Path) -> None:
    assert "locomo" in run("bench").out


def test_ctrl_c_ends_it_and_resume_goes_on(run: Run, quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted = Event()

    def held(body: dict[str, Any]) -> Answer | None:
        """Answers nothing but controls before the signal: however slow this is, there is work left."""
        if is_control(body):
            return None
        interrupted.wait(60)
        return completion("Pip")

    with chat_server(but(held)) as server:
        monkeypatch.setenv("MEMU_LIKE_LLM_BASE_URL", server.url)
        given = {"MEMU_LIKE_LLM_BASE_URL": server.url, "MEMU_LIKE_EMBEDDER": "none"}
        arguments = (*NEEDED, "--methods", "bm25", "--concurrency", "1", "--conversations", "talk-1")
        process = subprocess.Popen(
            command_line(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # In a shell's background SIGINT is ignored, and children would ignore it too.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            **with_environment({"env": given}),
        )
        deadline = time.monotonic() + 40
        while not any(not is_control(body) for body in list(server.requests)):
            assert time.monotonic() < deadline, process.poll()
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        interrupted.set()
        assert (process.returncode, out) == (130, ""), err
        assert "Traceback" not in err
        server.answers = [good]
        ran = run(*arguments, "--resume")
    assert ran.code == 0, ran.err
    assert "NOT A RESULT" not in ran.out
