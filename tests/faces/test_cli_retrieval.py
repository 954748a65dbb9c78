"""memu-like retrieve: history, path, and a model that reads the files over a real local server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_running import Run
from edges.llm.chat_server import Answer, ChatServer, chat_server, completion, refusal, tool_call


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, run: Run) -> Iterator[ChatServer]:
    with chat_server() as running:
        monkeypatch.setenv("MEMU_LIKE_LLM_MODEL", "small")
        monkeypatch.setenv("MEMU_LIKE_LLM_BASE_URL", running.url)
        monkeypatch.setenv("MEMU_LIKE_LLM_RETRIES", "0")
        yield running


def asks_for(name: str, **given: Any) -> Answer:
    return completion("", tool_calls=[tool_call(name, json.dumps(given))], finish="tool_calls")


def cites_oscar(body: dict[str, Any]) -> Answer:
    """Finish with the line of the last view that tells of Oscar."""
    shown = body["messages"][-1]["content"]
    handle = next(line.split()[0] for line in shown.splitlines() if "Oscar" in line)
    return asks_for("finish", enough=True, hits=[{"handle": handle, "reason": "it [bold]names[/bold] him"}])


def test_the_path_of_a_search_is_explained(run: Run, store: Path) -> None:
    text = run("retrieve", "what pets does Maya have?", "-k", "1", "--explain").out
    assert "search" in text
    assert "1 hit" in text
    assert "by the rule" in text
    assert "by the rule" not in run("retrieve", "what pets does Maya have?").out


def test_a_history_comes_from_a_file_or_a_pipe(run: Run, store: Path) -> None:
    history = json.dumps([{"role": "user", "content": "Tell me about the guinea pig."}])
    (store.parent / "history.json").write_text(history)
    for name, stdin in (("history.json", ""), ("-", history)):
        found = run("retrieve", "and what is his name?", "--history", name, "--json", stdin=stdin).json
        assert found["original_query"] == "and what is his name?"
        assert found["rewritten_query"].endswith("guinea pig")


@pytest.mark.parametrize(
    ("history", "told"),
    [("{", "not JSON"), ('{"role": "user"}', "must be a list"), ('[{"content": "x"}]', "message 1")],
)
def test_a_history_that_is_none_is_one_line(run: Run, store: Path, history: str, told: str) -> None:
    ran = run("retrieve", "and then?", "--history", "-", stdin=history)
    assert ran.code == 3
    assert told in ran.err
    assert len(ran.err.splitlines()) == 1


def test_a_method_that_is_none_and_a_model_that_is_none_say_what_to_do(run: Run, store: Path) -> None:
    assert "did you mean 'llm'" in run("retrieve", "pets", "--method", "lm").err
    ran = run("retrieve", "pets", "--method", "llm")
    assert (ran.code, "llm_model" in ran.err) == (2, True)


def test_a_model_reads_the_files_and_its_reasons_are_shown(run: Run, store: Path, server: ChatServer) -> None:
    server.answers = [asks_for("find", words="guinea pig"), cites_oscar]
    text = run("retrieve", "what pets does Maya have?", "--method", "llm", "--explain").out
    assert "Oscar" in text
    assert "it [bold]names[/bold] him" in text
    assert "1 cited" in text
    assert "2 calls" in text
    assert [tool["function"]["name"] for tool in server.requests[0]["tools"]][-1] == "finish"
    assert server.requests[1]["messages"][-1]["role"] == "tool"


def test_an_endpoint_that_takes_no_tools_is_asked_for_json(run: Run, store: Path, server: ChatServer) -> None:
    step = json.dumps({"action": "finish", "enough": False, "hits": [], "missing": "everything"})
    server.answers = [refusal(400, "tools are not supported", param="tools"), completion(step)]
    found = run("retrieve", "what pets does Maya have?", "--method", "llm", "--json").json
    assert (found["method"], found["sufficient"]) == ("llm", False)
    assert "missing: everything" in found["path"][-1]["outcome"]
    assert "tools" not in server.requests[-1]


def test_a_model_that_is_down_leaves_the_search(run: Run, store: Path, server: ChatServer) -> None:
    server.answers = [refusal(503, "overloaded")]
    ran = run("retrieve", "what pets does Maya have?", "--method", "llm")
    assert ran.code == 0
    assert "Oscar" in ran.out
    assert "note: found by search" in " ".join(ran.out.split())


def test_a_model_may_say_that_nothing_is_needed(
    run: Run, store: Path, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMU_LIKE_RETRIEVE_DECIDE", "true")
    server.answers = [completion('{"needed": false}')]
    assert run("retrieve", "What is the capital of Peru?").out == "Nothing to look up, by the model.\n"
