"""Messages as the chat APIs take them: an array, `{"messages": [...]}`, or JSONL of either."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import LoadError
from ...models import Loaded
from .base import Reading, optional_title
from .jsonfile import JsonValue

FORMAT = "openai"


def load_openai(values: Sequence[JsonValue], reading: Reading) -> tuple[Loaded, ...]:
    """One flat list of messages, or several conversations where the elements hold `messages` each."""
    if not values:
        raise LoadError(reading.name, "holds no messages")
    if not any(_is_conversation(value.value) for value in values):
        messages = [reading.message(value.value, value.place(reading.name, "message")) for value in values]
        return reading.sessions(messages, format=FORMAT)
    several = len(values) > 1
    return tuple(session for value in values for session in _conversation(value, reading, several))


def _is_conversation(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, dict) and "messages" in value)


def _conversation(value: JsonValue, reading: Reading, several: bool) -> tuple[Loaded, ...]:
    named = several or value.line is not None
    place = value.place(reading.name, "conversation") if named else reading.name
    fields = value.value if isinstance(value.value, dict) else {"messages": value.value}
    messages = fields.get("messages")
    if not isinstance(messages, list):
        raise LoadError(place, "has no list of messages")
    if not messages:
        raise LoadError(place, "holds no messages")
    return reading.sessions(
        [reading.message(raw, f"{place}: message {number}") for number, raw in enumerate(messages, 1)],
        format=FORMAT,
        title=optional_title(fields.get("title"), place),
        created_at=reading.time(fields.get("created_at"), place),
        fragment=fields.get("id"),
    )
