"""An OpenAI client with memory at a real llama.cpp server: `make test-model`.

What the model says is not looked at: only that requests are taken, and that what was said is saved.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from memu_like import openai_memory

pytestmark = [pytest.mark.model, pytest.mark.slow]

TOLD, ASKED = "I adopted a guinea pig named Oscar.", "What is my pet called?"
TOKENS = 24


@pytest.fixture
def client(endpoint: str, tmp_path: Path) -> Iterator[Any]:
    with OpenAI(base_url=endpoint, api_key="none", timeout=120) as plain:
        yield openai_memory(plain, tmp_path / "store", max_context_size=200)


def saved(tmp_path: Path) -> list[tuple[str, str]]:
    lines = (tmp_path / "store" / "mara" / "buffer.jsonl").read_text("utf-8").splitlines()
    return [(line["role"], line["content"]) for line in map(json.loads, lines)]


def test_completions_whole_and_streamed_are_saved(client: Any, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"model": "any", "user_id": "mara", "max_tokens": TOKENS}
    whole = client.chat.completions.create(**asked, messages=[{"role": "user", "content": TOLD}])
    system = {"role": "system", "content": "You are brief."}
    messages = [system, {"role": "user", "content": ASKED}]
    pieces = client.chat.completions.create(**asked, messages=messages, stream=True)
    streamed = "".join(p.choices[0].delta.content or "" for p in pieces if p.choices)
    client.close_memory()
    first = whole.choices[0].message.content
    assert saved(tmp_path) == [("user", TOLD), ("assistant", first), ("user", ASKED), ("assistant", streamed)]
    assert not client.memory_errors


def test_responses_whole_and_streamed_are_saved(client: Any, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"model": "any", "user_id": "mara", "max_output_tokens": TOKENS}
    whole = client.responses.create(**asked, input=TOLD)
    events = client.responses.create(**asked, input=ASKED, instructions="You are brief.", stream=True)
    streamed = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    client.close_memory()
    assert [role for role, _ in saved(tmp_path)] == ["user", "assistant"] * 2
    assert saved(tmp_path)[1][1] == whole.output_text
    assert saved(tmp_path)[3][1] == streamed
    assert not client.memory_errors


def test_the_helper_of_streams_reads_the_same(client: Any, tmp_path: Path) -> None:
    message = {"role": "user", "content": TOLD}
    with client.chat.completions.stream(
        model="any", messages=[message], user_id="mara", max_tokens=TOKENS
    ) as stream:
        text = "".join(event.delta for event in stream if event.type == "content.delta")
    client.close_memory()
    assert saved(tmp_path) == [("user", TOLD), ("assistant", text)]
