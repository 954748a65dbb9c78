"""memu-like reorganise: operations in words, as JSON, dry, and its failures in one line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_running import Run
from edges.llm.chat_server import ChatServer, chat_server, completion, refusal

PETS = "relationships"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, store: Path) -> Iterator[ChatServer]:
    """An endpoint that the settings of a filled store name."""
    with chat_server() as found:
        monkeypatch.setenv("MEMU_LIKE_LLM_MODEL", "some-model")
        monkeypatch.setenv("MEMU_LIKE_LLM_BASE_URL", found.url)
        monkeypatch.setenv("MEMU_LIKE_LLM_RETRIES", "0")
        monkeypatch.setenv("MEMU_LIKE_REORGANISE_LOSS", "1")
        yield found


def order(*operations: dict[str, Any]) -> Any:
    full = [{"entries": [], "text": "", "slot": "", **one} for one in operations]
    return completion(json.dumps({"operations": full, "summary": ""}))


def test_operations_are_printed_in_words_with_what_was_refused(run: Run, server: ChatServer) -> None:
    server.answers = [order({"op": "hide", "entries": ["e1"]}, {"op": "hide", "entries": ["e99"]})]
    ran = run("reorganise", PETS)
    assert ran.code == 0, ran.err
    first, second, last = ran.out.splitlines()
    assert re.fullmatch(r"relationships: leave out [a-z2-7]{8}", first)
    assert second.endswith("(refused: it names an entry that was not offered)")
    assert "1 topics, 1 operations, 1 refused, 1 model calls" in last
    assert "reorganise" in run("events", "--kind", "reorganise").out


def test_a_dry_run_changes_nothing(run: Run, server: ChatServer) -> None:
    server.answers = [order({"op": "hide", "entries": ["e1"]})]
    before = run("profile", "--json").out
    ran = run("reorganise", PETS, "--dry-run", "--json")
    assert ran.json["dry_run"] is True
    assert ran.json["run"] is None
    assert [one["op"] for one in ran.json["operations"]] == ["hide"]
    assert run("profile", "--json").out == before


def test_a_model_that_is_down_is_told_and_an_error_to_a_script(run: Run, server: ChatServer) -> None:
    server.answers = [refusal(500, "out of order")]
    ran = run("reorganise", PETS)
    assert ran.code == 8
    assert ran.err.startswith("error: relationships was not reorganised: ")
    assert len(ran.err.splitlines()) == 1


def test_without_a_model_it_says_what_to_set(run: Run, store: Path) -> None:
    ran = run("reorganise")
    assert ran.code == 2
    assert "no language model is configured: set llm_model" in ran.err


def test_a_topic_that_is_not_there_is_not_found(run: Run, server: ChatServer) -> None:
    assert run("reorganise", "nonsense").code == 4
