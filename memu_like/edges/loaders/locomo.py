"""LoCoMo: long conversations of two people, in numbered and dated sessions (Maharana et al., ACL 2024)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ...errors import LoadError
from ...models import Loaded, Message
from .base import Reading, optional_title
from .jsonfile import JsonValue
from .times import at, parse_written

FORMAT = "locomo"
SESSION = re.compile(r"session_([0-9]{1,6})")
_KEPT = ("img_url", "blip_caption", "query")


def is_locomo(value: Any) -> bool:
    return isinstance(value, dict) and any(SESSION.fullmatch(str(key)) for key in _sessions_of(value))


def load_locomo(values: Sequence[JsonValue], reading: Reading) -> tuple[Loaded, ...]:
    """One conversation a session, by session number; every turn carries its session's time."""
    loaded = tuple(session for value in values for session in _sample(value, reading))
    if not loaded:
        raise LoadError(reading.name, "holds no session with turns")
    return loaded


def _sessions_of(sample: dict[str, Any]) -> dict[str, Any]:
    inner = sample.get("conversation")
    return inner if isinstance(inner, dict) else sample


def _sample(value: JsonValue, reading: Reading) -> list[Loaded]:
    place = value.place(reading.name, "sample")
    if not is_locomo(value.value):
        raise LoadError(place, "has no session_1, session_2, ... as LoCoMo has")
    conversation = _sessions_of(value.value)
    speakers = [conversation.get("speaker_a"), conversation.get("speaker_b")]
    people = " and ".join(speaker for speaker in speakers if isinstance(speaker, str))
    numbers = sorted(int(match[1]) for key in conversation if (match := SESSION.fullmatch(key)))
    loaded = []
    for number in dict.fromkeys(numbers):
        turns = _turns(conversation, number, place, reading)
        if turns:
            prefix = value.value.get("sample_id")
            loaded.append(
                reading.conversation(
                    turns,
                    format=FORMAT,
                    title=optional_title(f"{people}, session {number}".lstrip(", "), place),
                    fragment=f"{prefix}/session_{number}" if isinstance(prefix, str) else f"session_{number}",
                )
            )
    return loaded


def _turns(conversation: dict[str, Any], number: int, place: str, reading: Reading) -> list[Message]:
    key = f"session_{number}"
    turns = conversation.get(key)
    if not isinstance(turns, list):
        raise LoadError(place, f"has a {key} that is not a list of turns")
    time = _session_time(conversation.get(f"{key}_date_time"), f"{place}: {key}_date_time", reading)
    return [
        _turn(turn, time, f"{place}: {key}, turn {position}", reading)
        for position, turn in enumerate(turns, 1)
    ]


def _session_time(value: Any, place: str, reading: Reading) -> datetime | None:
    """`1:56 pm on 8 May, 2023`, or any time that a message may carry."""
    written = parse_written(value.strip()) if isinstance(value, str) else None
    return at(written, place, reading.timezone) if written else reading.time(value, place)


def _turn(turn: Any, time: datetime | None, place: str, reading: Reading) -> Message:
    if not isinstance(turn, dict):
        raise LoadError(place, f"must be an object with speaker and text, not {type(turn).__name__}")
    text = turn.get("text", "" if turn.get("blip_caption") else None)
    fields = {
        "role": "user",
        "name": turn.get("speaker"),
        "content": text,
        "id": turn.get("dia_id"),
        "created_at": time and time.isoformat(),
        **{key: turn.get(key) for key in _KEPT},
    }
    return reading.message({key: value for key, value in fields.items() if value is not None}, place)
