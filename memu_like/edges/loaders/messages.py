"""One message in the shape of the chat APIs, validated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from ...errors import LoadError
from ...models import Message
from .text import check_message
from .times import parse_time

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
NAME_KEYS = ("name", "alias", "speaker")
ID_KEYS = ("id", "message_id", "dia_id")
TIME_KEYS = ("created_at", "timestamp", "create_time", "time", "date")
CAPTION_KEYS = ("blip_caption", "caption")
MAX_NAME_CHARACTERS = 200

_CLOCK_ONLY = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?")
_TEXT_PARTS = frozenset(("text", "input_text", "output_text", "refusal"))
_MARKERS = {
    "image_url": "image",
    "input_image": "image",
    "image_file": "image",
    "image": "image",
    "input_audio": "audio",
    "audio": "audio",
    "file": "file",
    "input_file": "file",
}
_MARKER_TEXT_KEYS = ("caption", "alt", "filename", "transcript")


def parse_message(raw: Mapping[str, Any], place: str, *, timezone: tzinfo, max_message_bytes: int) -> Message:
    """Validate one message; `raw` is kept as given, save that a datetime becomes ISO 8601 text.

    The role is one of `ROLES` (a message with a name and no role is a user's), `content` is text, a list
    of content parts, or null beside tool calls. LoadError starts with `place`.
    """
    if not isinstance(raw, Mapping):
        raise LoadError(place, f"must be an object with role and content, not {type(raw).__name__}")
    kept = {
        key: _iso(value, timezone) if isinstance(value, datetime) else value for key, value in raw.items()
    }
    check_message(kept, place, max_message_bytes)
    name = _name(kept, place)
    return Message(
        role=_role(kept, name, place),
        content=_content(kept, place),
        name=name,
        created_at=_created_at(kept, place, timezone),
        id=_identifier(kept, place),
        caption=_caption(kept, place),
        raw=kept,
    )


def _iso(value: datetime, timezone: tzinfo) -> str:
    return (value if value.tzinfo else value.replace(tzinfo=timezone)).isoformat()


def _first(raw: Mapping[str, Any], keys: Iterable[str]) -> Any:
    for key in keys:
        value = raw.get(key)
        if value is not None and value != "":
            return value
    return None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:40] + "..."


def _role(raw: Mapping[str, Any], name: str | None, place: str) -> str:
    role = raw.get("role")
    if role is None and name is not None:
        return "user"
    if isinstance(role, str) and role.lower() in ROLES:
        return role.lower()
    problem = "has no role" if role is None else f"has the role {_shown(role)}"
    raise LoadError(place, f"{problem}; it must be one of {', '.join(ROLES)}")


def _name(raw: Mapping[str, Any], place: str) -> str | None:
    name = _first(raw, NAME_KEYS)
    if name is None:
        return None
    if not isinstance(name, str):
        raise LoadError(place, f"has the name {_shown(name)}; a name must be text")
    flat = " ".join(name.split())
    if len(flat) > MAX_NAME_CHARACTERS:
        raise LoadError(place, f"has a name of more than {MAX_NAME_CHARACTERS} characters")
    return flat or None


def _identifier(raw: Mapping[str, Any], place: str) -> str | None:
    value = _first(raw, ID_KEYS)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise LoadError(place, f"has the id {_shown(value)}; an id must be text or a whole number")


def _caption(raw: Mapping[str, Any], place: str) -> str | None:
    value = _first(raw, CAPTION_KEYS)
    if value is None or isinstance(value, str):
        return value
    raise LoadError(place, f"has the caption {_shown(value)}; a caption must be text")


def _created_at(raw: Mapping[str, Any], place: str, timezone: tzinfo) -> datetime | None:
    value = _first(raw, TIME_KEYS)
    if value is None:
        return None
    # A row with the day in one field and the clock in another.
    day = raw.get("date")
    if isinstance(day, str) and _CLOCK_ONLY.fullmatch(str(value)):
        value = f"{day} {value}"
    return parse_time(value, place, timezone)


def _content(raw: Mapping[str, Any], place: str) -> str:
    content = raw.get("content", raw.get("text"))
    if isinstance(content, str) and content:
        return content
    if isinstance(content, list | tuple):
        return "\n".join(_part(part, place) for part in content)
    if content is not None and content != "":
        raise LoadError(place, f"has content {_shown(content)}; it must be text or a list of parts")
    calls = _calls(raw)
    if calls or content == "":
        return calls
    raise LoadError(place, "has no content")


def _calls(raw: Mapping[str, Any]) -> str:
    """What stands in for the text of a message that only calls tools, refuses, or speaks."""
    calls = raw.get("tool_calls")
    called = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list | tuple) else []
    functions: list[Any] = [call.get("function", call) for call in called]
    functions.append(raw.get("function_call"))
    names = [function.get("name") for function in functions if isinstance(function, dict)]
    if names:
        return "\n".join(f"[tool call: {name}]" if isinstance(name, str) else "[tool call]" for name in names)
    audio = raw.get("audio")
    spoken = audio.get("transcript") if isinstance(audio, dict) else None
    said = raw.get("refusal") or spoken
    return said if isinstance(said, str) else ""


def _part(part: Any, place: str) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        raise LoadError(place, f"has the content part {_shown(part)}; it must be text or an object")
    kind = part.get("type", "text")
    if not isinstance(kind, str):
        raise LoadError(place, f"has a content part of type {_shown(kind)}; a type must be text")
    if kind in _TEXT_PARTS:
        return _part_text(part, kind, place)
    return _marker(part, kind)


def _part_text(part: dict[str, Any], kind: str, place: str) -> str:
    text = part.get("refusal" if kind == "refusal" else "text")
    if isinstance(text, dict):
        text = text.get("value")
    if isinstance(text, str):
        return text
    raise LoadError(place, f"has a content part of type {kind} without text")


def _marker(part: dict[str, Any], kind: str) -> str:
    """`[image: a red bicycle]`: what the part was, with the words that came with it."""
    inner = part.get(kind)
    fields = {**part, **inner} if isinstance(inner, dict) else part
    said = _first(fields, _MARKER_TEXT_KEYS)
    label = _MARKERS.get(kind) or " ".join(kind.split())[:40]
    return f"[{label}: {' '.join(said.split())}]" if isinstance(said, str) else f"[{label}]"
