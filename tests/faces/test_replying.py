"""memu-like respond: the answer, what it cites beneath, streaming, and its failures in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_running import Run
from edges.llm.chat_server import ChatServer, chat_server, completion, refusal, streamed

QUESTION = "What is the name of Maya's guinea pig?"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, store: Path) -> Iterator[ChatServer]:
    """An endpoint that the settings of a filled store name."""
    with chat_server() as found:
        monkeypatch.setenv("MEMU_LIKE_LLM_MODEL", "some-model")
        monkeypatch.setenv("MEMU_LIKE_LLM_BASE_URL", found.url)
        monkeypatch.setenv("MEMU_LIKE_LLM_RETRIES", "0")
        yield found


def test_the_answer_and_the_places_it_cites_beneath(run: Run, server: ChatServer) -> None:
    server.answers = [completion("He is called Oscar [1].")]
    ran = run("respond", QUESTION)
    assert ran.code == 0, ran.err
    first, *rest = ran.out.splitlines()
    assert first == "He is called Oscar [1]."
    assert rest[0].startswith("[1] resources/2023/05/")
    assert ".jsonl:1  2023-05-08  I adopted a guinea" in rest[0]


def test_options_reach_the_prompt(run: Run, server: ChatServer, here: Path) -> None:
    (here / "before.json").write_text(json.dumps([{"role": "user", "content": "Let us talk of pets."}]))
    ran = run(
        *("respond", QUESTION, "--style", "terse", "--role", "a vet", "--language", "Dutch"),
        *("--metadata", "screen = lock", "--metadata", "mood=good", "--history", "before.json"),
    )
    assert ran.code == 0, ran.err
    prompt = "\n".join(message["content"] for message in server.requests[0]["messages"])
    for words in ('"terse"', '"a vet"', "Dutch", '"screen": "lock", "mood": "good"', "Let us talk of pets."):
        assert words in prompt


def test_json_is_the_reply(run: Run, server: ChatServer) -> None:
    server.answers = [completion("Oscar [1], I think [99].")]
    ran = run("respond", QUESTION, "--json", "--stream")
    assert ran.json["text"] == "Oscar [1], I think."
    assert ran.json["numbers"] == [1]
    assert ran.json["citations"][0]["line"] == 1
    assert "[99]" in ran.json["degraded"][0]
    assert ran.err == ""


def test_streaming_prints_the_pieces_and_then_the_places(run: Run, server: ChatServer) -> None:
    server.answers = [streamed("He is ", "called \x1b[31mOs", "car [1] [99].")]
    ran = run("respond", QUESTION, "--stream")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("He is called \\x1b[31mOscar [1] [99].\n[1] resources/")
    assert ran.err == "note: citations of nothing that was shown were taken out: [99]\n"
    assert server.requests[0]["stream"] is True


def test_a_pipe_is_not_streamed_to_unless_asked_for(run: Run, server: ChatServer) -> None:
    run("respond", QUESTION)
    assert not server.requests[0].get("stream")


def test_add_buffers_question_and_answer(run: Run, server: ChatServer) -> None:
    server.answers = [completion("He is called Oscar [1].")]
    assert run("respond", QUESTION, "--add", "-u", "maya").code == 0
    assert run("stats", "--json").json["buffered"] == 2


def test_add_starts_a_memory_for_a_new_user(run: Run, server: ChatServer) -> None:
    assert run("respond", "Hello!", "--add", "-u", "tomas").code == 0
    assert run("users", "--json").json == ["maya", "tomas"]


def test_a_failing_endpoint_is_one_line_and_nothing_is_added(run: Run, server: ChatServer) -> None:
    server.answers = [refusal(401, "who are you?")]
    ran = run("respond", QUESTION, "--add", "-u", "maya")
    assert (ran.code, ran.out) == (8, "")
    assert ran.err.count("\n") == 1
    assert run("stats", "--json").json["buffered"] == 0


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        (("--metadata", "mood"), 2, "give KEY=VALUE"),
        (("--method", "magic"), 3, "magic"),
        (("--max-tokens", "0"), 3, "at least 1"),
        (("--user", "nobody"), 4, "nobody"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    run: Run, server: ChatServer, options: tuple[str, ...], code: int, reason: str
) -> None:
    ran = run("respond", QUESTION, *options)
    assert (ran.code, ran.out) == (code, "")
    assert reason in ran.err
    assert server.requests == []


def test_without_a_model_it_says_what_to_set(run: Run, store: Path) -> None:
    ran = run("respond", QUESTION)
    assert ran.code == 2
    assert "llm_model" in ran.err
