"""memu-like memorize and flush with a language model: a dry run, a model that is down, a run made up for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from command_running import Run
from edges.llm.chat_server import ChatServer, chat_server, completion, refusal

FIRST = {"role": "user", "name": "Ines", "content": "I work as a baker.", "created_at": "2024-03-01T10:00Z"}
LATER = {**FIRST, "content": "I work as a nurse now.", "created_at": "2024-06-01T10:00Z"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, run: Run) -> Iterator[ChatServer]:
    with chat_server() as running:
        monkeypatch.setenv("MEMU_LIKE_LLM_MODEL", "small")
        monkeypatch.setenv("MEMU_LIKE_LLM_BASE_URL", running.url)
        monkeypatch.setenv("MEMU_LIKE_LLM_RETRIES", "0")
        yield running


def reply(text: str, **more: Any) -> Any:
    item = {"text": text, "slot": "work_life/job", "lines": [1], **more}
    return completion(json.dumps({"items": [item], "title": "Work", "summary": "Ines tells of work."}))


def memorize(run: Run, message: dict[str, Any], *options: str) -> Any:
    return run("memorize", "-", "--user", "ines", *options, stdin=json.dumps([message]))


def test_a_dry_run_shows_what_is_replaced_and_by_what(run: Run, server: ChatServer) -> None:
    server.answers = [
        reply("Ines works as a baker."),
        reply("Ines works as a nurse.", known="k1", bearing="corrects"),
    ]
    memorize(run, FIRST)
    told = " ".join(memorize(run, LATER, "--dry-run").out.split())
    assert "~ correct" in told
    assert "Ines works as a nurse. (was: Ines works as a baker.)" in told
    assert [item["text"] for item in run("items", "--json").json] == ["Ines works as a baker."]


def test_a_run_that_is_kept_is_told_once_and_made_up_for(run: Run, server: ChatServer) -> None:
    server.answers = [refusal(429, "slow down")]
    down = memorize(run, FIRST)
    assert (down.code, len(down.err.splitlines()), down.err.count("slow down")) == (8, 1, 1)
    assert "1 runs kept" in down.out
    assert "waits for" in run("doctor").out
    server.answers = [reply("Ines works as a baker.")]
    assert run("flush", "--retry").code == 0
    assert [item["text"] for item in run("items", "--json").json] == ["Ines works as a baker."]
    assert "waits for" not in run("doctor").out
