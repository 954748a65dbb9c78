"""Both clients asked alike, and what their memory has kept."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

MARA = "mara"
TOLD = "I adopted a guinea pig named Oscar."
ASKED = "What is my pet called?"
Body = dict[str, Any]


def by_user(text: Any, **fields: Any) -> Body:
    return {"role": "user", "content": text, **fields}


async def done(value: Any) -> Any:
    """What a method of either client returned."""
    return await value if inspect.isawaitable(value) else value


async def chat(client: Any, text: Any, user_id: str | None = MARA, **how: Any) -> Any:
    messages = how.pop("messages", [by_user(text)])
    return await done(client.chat.completions.create(model="m", messages=messages, user_id=user_id, **how))


async def respond(client: Any, said: Any, user_id: str | None = MARA, **how: Any) -> Any:
    return await done(client.responses.create(model="m", input=said, user_id=user_id, **how))


async def chunks(stream: Any, most: int | None = None) -> list[Any]:
    """What a stream of either client gives, or the first of it."""
    found: list[Any] = []
    if most == 0:
        return found
    if hasattr(type(stream), "__aiter__"):
        async for chunk in stream:
            found.append(chunk)
            if len(found) == most:
                break
    else:
        for chunk in stream:
            found.append(chunk)
            if len(found) == most:
                break
    return found


def saved(store: Path, user_id: str = MARA) -> list[Body]:
    """The messages of a user that wait in the buffer, as they were saved."""
    file = store / user_id / "buffer.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


async def said(client: Any, store: Path, user_id: str = MARA) -> list[tuple[str, str]]:
    """Who said what, once the client has saved all that it was to save."""
    await done(client.close_memory())
    assert not client.memory_errors
    return [(message["role"], message["content"]) for message in saved(store, user_id)]
