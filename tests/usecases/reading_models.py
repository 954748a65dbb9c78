"""Scripts of a model that reads a memory: what it calls, and what it is shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conversations import JUNE, MAY

from memu_like.chat import ChatReply, ChatRequest, ToolCall
from memu_like.config import Settings
from memu_like.edges.llm.scripted import Line, ScriptedModel
from memu_like.results import RetrieveResult
from memu_like.service import MemoryService

QUERY = "Which pet does Caroline have?"


async def fill(store: Path) -> Path:
    """Caroline's two conversations."""
    async with MemoryService(Settings(store=store)) as memory:
        user = memory.user("caroline")
        await user.memorize(MAY)
        await user.memorize(JUNE)
    return store


async def ask(
    store: Path, lines: Sequence[Line], query: str = QUERY, top_k: int | None = None, **settings: Any
) -> tuple[RetrieveResult, list[ChatRequest]]:
    model = ScriptedModel(lines)
    async with MemoryService(Settings(store=store, **settings), model=model) as memory:
        found = await memory.user("caroline").retrieve(query, method="llm", top_k=top_k)
    return found, model.requests


def calls(*named: tuple[str, dict[str, Any]]) -> ChatReply:
    return ChatReply("", tool_calls=tuple(ToolCall("t", name, json.dumps(given)) for name, given in named))


def call(tool: str, **given: Any) -> ChatReply:
    return calls((tool, given))


def step(tool: str, **given: Any) -> str:
    return json.dumps({"action": tool, **given})


def finish(*handles: str, enough: bool = True) -> ChatReply:
    return call("finish", enough=enough, hits=[{"handle": h, "reason": f"{h} says it"} for h in handles])


def last_shown(request: ChatRequest) -> str:
    return request.messages[-1].content


def first_shown(request: ChatRequest) -> str:
    return request.messages[1].content


def handle_of(text: str, words: str) -> str:
    """The handle of the line that holds `words`."""
    line = next(line for line in text.splitlines() if words in line)
    return line.split()[0]


def actions(result: RetrieveResult) -> list[str]:
    return [visit.action for visit in result.path]


def opening(words: str, tool: str, **given: Any) -> Line:
    """Call a tool on the category whose line in the table of contents holds `words`."""
    return lambda request: call(tool, category=handle_of(first_shown(request), words), **given)


def citing(*words: str) -> Line:
    """Finish with the lines of the last view that hold the words."""
    return lambda request: finish(*(handle_of(last_shown(request), one) for one in words))
