"""The replay server: it finds the session in a prompt, answers in the schema's shape, and counts."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.replay import Replay, ReplayServer, count_tokens, prompt_tokens, read_replay, smallest
from memu_like.chat import ChatMessage, ChatRequest, OutputSchema

DATA = Path(__file__).parent.parent / "data" / "replayed_locomo.json"
TALK = json.loads(DATA.read_text("utf-8"))[0]["conversation"]
SCHEMA = {
    "type": "object",
    "properties": {
        "summary": {"type": "string"},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string"},
                    "lines": {"type": "array", "items": {"type": "integer"}},
                    "bearing": {"type": "string", "enum": ["new", "corrects"]},
                },
                "required": ["text", "lines", "bearing"],
            },
        },
    },
    "required": ["summary", "items"],
}


@pytest.fixture(scope="module")
def replay() -> Replay:
    return read_replay(DATA)


def prompt(number: int, first: int = 1, last: int = 99) -> str:
    turns = TALK[f"session_{number}"][first - 1 : last]
    return "\n".join(
        f"[{line}] {t['speaker']}: {t['text'] or t['blip_caption']}" for line, t in enumerate(turns, first)
    )


def chat(server: ReplayServer, content: str, **more: Any) -> dict[str, Any]:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": content}], **more}).encode()
    request = urllib.request.Request(f"{server.url}/chat/completions", body)
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


@pytest.fixture
def server(replay: Replay) -> Iterator[ReplayServer]:
    with ReplayServer(replay) as serving:
        yield serving


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_session_whose_turns_stand_in_the_prompt_is_found(replay: Replay, number: int) -> None:
    found = replay.find(f"Known: Ottilie is allergic to bee stings.\n\n{prompt(number)}\nReply in JSON.")
    assert found
    assert found.session.name == f"session_{number}"
    assert (found.first, found.last) == (1, len(TALK[f"session_{number}"]))


def test_a_part_of_a_session_gets_what_was_observed_in_it(replay: Replay) -> None:
    reply = json.loads(replay.answer([{"role": "user", "content": prompt(1, 1, 4)}], None))
    assert [item["lines"] for item in reply["items"]] == [[3], [2]]


def test_the_reply_has_the_schemas_fields_and_each_line_is_the_turn_observed(replay: Replay) -> None:
    reply = json.loads(replay.answer([{"role": "user", "content": prompt(3)}], SCHEMA))
    assert reply["summary"] == "Ottilie hands in her thesis. Renzo moves to a cooperative in Guarda."
    assert reply["items"][-1] == {
        "text": "Renzo moved to a beekeeping cooperative in Guarda in May.",
        "lines": [3, 4],
        "bearing": "new",
    }


def test_a_page_is_reorganised_by_hiding_a_quarter_of_what_is_shown(replay: Replay) -> None:
    entries = [f"e{n} | {'left out' if n == 3 else 'shown'} | pets | Has dog {n}." for n in range(1, 11)]
    schema = {
        "type": "object",
        "properties": {"operations": {"type": "array"}, "summary": {"type": "string"}},
    }
    reply = json.loads(replay.answer([{"role": "user", "content": "\n".join(entries)}], schema))
    assert reply["operations"] == [{"op": "hide", "entries": ["e9", "e10"], "text": "", "slot": ""}]
    assert reply["summary"] == "Has dog 1. Has dog 2."


def test_a_prompt_with_no_session_gets_the_smallest_value_of_its_schema(replay: Replay) -> None:
    nothing = [{"role": "user", "content": "Is this enough?"}]
    assert json.loads(replay.answer(nothing, SCHEMA)) == {"summary": "", "items": []}
    assert replay.answer(nothing, None) == "Nothing to add."
    schema = {"$defs": {"n": {"minimum": 2}}, "type": "array", "minItems": 1, "items": {"$ref": "#/$defs/n"}}
    assert smallest({"anyOf": [{"type": "string"}, {"type": "null"}]}, {}) is None
    assert smallest({**schema, "items": {"type": ["integer", "boolean"]}}, schema) == [True]


def test_calls_and_tokens_are_counted_and_told(server: ReplayServer) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "extract", "schema": SCHEMA}}
    answer = chat(server, prompt(1), response_format=form)
    text = answer["choices"][0]["message"]["content"]
    asked = count_tokens(prompt(1)) + count_tokens(json.dumps(SCHEMA)) + 4
    assert answer["usage"]["prompt_tokens"] == asked
    assert answer["usage"]["completion_tokens"] == count_tokens(text)
    chat(server, "Anything else?")
    with urllib.request.urlopen(server.url.removesuffix("/v1") + "/stats", timeout=10) as told:
        stats = json.load(told)
    assert stats["all"]["calls"] == 2
    assert stats["by_schema"]["extract"] == {
        "calls": 1,
        "prompt_tokens": asked,
        "completion_tokens": count_tokens(text),
    }
    assert stats["by_schema"]["text"]["prompt_tokens"] == count_tokens("Anything else?") + 4


def test_the_same_is_answered_and_counted_in_the_same_process(replay: Replay, server: ReplayServer) -> None:
    request = ChatRequest("extract", (ChatMessage("user", prompt(2)),), OutputSchema("extract", SCHEMA))
    reply = replay.reply(request)
    form = {"type": "json_schema", "json_schema": {"name": "extract", "schema": SCHEMA}}
    answer = chat(server, prompt(2), response_format=form)
    assert reply.text == answer["choices"][0]["message"]["content"]
    assert reply.usage.prompt_tokens == answer["usage"]["prompt_tokens"]
    assert reply.usage.prompt_tokens == prompt_tokens([{"content": prompt(2)}], SCHEMA)


def test_every_nth_call_fails_as_asked_for(replay: Replay) -> None:
    with ReplayServer(replay, fail_every=2, failure="malformed") as server:
        texts = [chat(server, prompt(1))["choices"][0]["message"]["content"] for _ in range(4)]
    assert [text.startswith("{") for text in texts] == [True, False, True, False]
    with (
        ReplayServer(replay, fail_every=1, failure="429") as server,
        pytest.raises(urllib.error.HTTPError) as refused,
    ):
        chat(server, prompt(1))
    assert refused.value.code == 429
    refused.value.close()
    with ReplayServer(replay, fail_every=1, failure="cut") as server:
        choice = chat(server, prompt(1))["choices"][0]
    assert choice["finish_reason"] == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(choice["message"]["content"])
