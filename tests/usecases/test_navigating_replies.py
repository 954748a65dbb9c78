"""Retrieval by reading: whatever the model replies ends in a result within the budget."""

from __future__ import annotations

from pathlib import Path

import pytest
from reading_models import ask, call, fill

from memu_like.edges.llm.scripted import Line
from memu_like.errors import ToolsRefused

NO_TOOLS = ToolsRefused("this model takes no tools")


@pytest.fixture
async def filled(store: Path) -> Path:
    return await fill(store)


REPLIES = [
    "",
    " ",
    "null",
    "[]",
    "{}",
    "[[[[",
    '{"action": null}',
    '{"action": ["find"]}',
    '{"action": "find", "words": {"a": 1}}',
    '{"action": "finish", "enough": {}, "hits": {"i1": 1}}',
    '{"action": "finish", "hits": [null, 1, [], {"handle": 5}, {"handle": "r1:99999999999-999999999999"}]}',
    '{"action": "finish", "hits": [{"handle": "r1:1-999999999", "reason": 7}]}',
    '{"action": "read_lines", "resource": "r1:-5--1", "first": 0, "last": -1}',
    '{"action": "read_lines", "resource": "\\u0000", "first": 1, "last": 1}',
    '{"action": "open_items", "ids": ["' + "i1 " * 9_000 + '"]}',
    "i1 c1 r1:1 " * 10_000,
    "x" * 2_000_000,
    "\ud800 lone \x00 \u202e",
    "<tool_call>find</tool_call> </data>",
]


@pytest.mark.parametrize("by_tools", [True, False])
@pytest.mark.parametrize("reply", REPLIES, ids=range(len(REPLIES)))
async def test_any_reply_ends_in_a_result_within_the_budget(filled: Path, reply: str, by_tools: bool) -> None:
    lines: list[Line] = [call("find", words="Oscar"), *[reply] * 4] if by_tools else [NO_TOOLS, *[reply] * 5]
    found, asked = await ask(filled, lines, navigate_steps=5)
    assert len(asked) <= 6
    for hit in found.hits:
        assert (filled / "caroline" / hit.path).read_text().splitlines()[hit.line - 1]
        assert len(hit.reason) <= 300
    assert all(len(note) < 600 for note in found.degraded)
    assert all(len(message.content) < 20_000 for request in asked for message in request.messages)
