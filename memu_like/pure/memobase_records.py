"""What Memobase's HTTP API tells of users, profiles, events and blobs, as values.

An answer is another program's: nothing of it is taken for what it should be. A record that is none is an
InvalidInput that names it, so that the others can be taken. Shapes: https://docs.memobase.io/api-reference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..errors import InvalidInput
from ..models import Blob, BlobType
from . import names
from .blobs import MAX_ID, blob_type

FIRST_YEAR = 1970
UNNAMED = "NONE"
"""The topic of an entry that has none, as Memobase's own client calls it."""
SHOWN = 60
"""Characters of a value that an error repeats."""


@dataclass(frozen=True, slots=True)
class RemoteUser:
    """A user; `data` is what the application keeps, None where it keeps nothing."""

    id: str
    data: Mapping[str, Any] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class RemoteStatement:
    """What an event says: a change of the profile, or, with no topic, a point of its summary."""

    text: str
    topic: str = ""
    sub_topic: str = ""


@dataclass(frozen=True, slots=True)
class RemoteProfile:
    """One sub_topic of a profile."""

    id: str
    content: str
    topic: str
    sub_topic: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RemoteEvent:
    """`tags` are "name=value"; `statements` what the event says, in order, each once."""

    id: str
    summary: str
    tags: tuple[str, ...]
    statements: tuple[RemoteStatement, ...]
    created_at: datetime
    updated_at: datetime


def remote_id(value: object, what: str, longest: int = MAX_ID) -> str:
    """An id that may stand in a path of the API. Raises InvalidInput."""
    if not isinstance(value, str) or not value.strip() or len(value) > longest or not value.isprintable():
        raise InvalidInput(f"{what}: the id {_shown(value)} is not 1 to {longest} printable characters")
    if value in (".", "..") or "/" in value or "\\" in value:
        raise InvalidInput(f"{what}: the id {_shown(value)} is like a path")
    return value


def user_id(value: object) -> str:
    """The id of a user. Raises InvalidInput."""
    return remote_id(value, "a user", names.MAX_ID)


def read_user(value: object) -> RemoteUser:
    """From a listing ("additional_fields"), or the answer for one user ("data"). Raises InvalidInput."""
    given = _object(value, "a user")
    data = given.get("additional_fields", given.get("data"))
    identity = user_id(given.get("id"))
    return RemoteUser(identity, None if data is None else _object(data, f"the data of user {identity}"))


def read_profile(value: object) -> RemoteProfile:
    """Raises InvalidInput."""
    given = _object(value, "a profile")
    identity = remote_id(given.get("id"), "a profile")
    what = f"profile {identity}"
    made = _time(given.get("created_at"), f"{what}: created_at")
    changed = given.get("updated_at")
    return RemoteProfile(
        identity,
        _text(given.get("content"), f"{what}: content"),
        *_place(given.get("attributes"), what),
        made,
        made if changed is None else max(made, _time(changed, f"{what}: updated_at")),
    )


def read_event(value: object) -> RemoteEvent:
    """Raises InvalidInput."""
    given = _object(value, "an event")
    identity = remote_id(given.get("id"), "an event")
    what = f"event {identity}"
    made = _time(given.get("created_at"), f"{what}: created_at")
    changed = given.get("updated_at")
    data = _object(given.get("event_data") or {}, f"{what}: event_data")
    tip = data.get("event_tip")
    summary = "" if tip is None else _string(tip, f"{what}: event_tip").strip()
    deltas = _list(data.get("profile_delta") or [], f"{what}: profile_delta")
    tags = _list(data.get("event_tags") or [], f"{what}: event_tags")
    said = [*(_delta(one, what) for one in deltas), *_lines(summary)]
    return RemoteEvent(
        identity,
        summary,
        tuple(dict.fromkeys(_tag(one, what) for one in tags)),
        tuple({statement.text: statement for statement in reversed(said)}.values())[::-1],
        made,
        made if changed is None else max(made, _time(changed, f"{what}: updated_at")),
    )


def read_blob(value: object, blob_id: str) -> Blob:
    """Raises InvalidInput."""
    what = f"blob {blob_id}"
    given = _object(value, what)
    fields = given.get("fields")
    return Blob(
        blob_type(given.get("blob_type")),
        _object(given.get("blob_data"), f"{what}: blob_data"),
        blob_id,
        _time(given.get("created_at"), f"{what}: created_at"),
        None if fields is None else _object(fields, f"{what}: fields"),
    )


def read_ids(value: object) -> tuple[str, ...]:
    """The ids of blobs, each once. Raises InvalidInput."""
    given = _list(_object(value, "the answer").get("ids"), "the answer's ids")
    return tuple(dict.fromkeys(remote_id(one, "a blob") for one in given))


def read_list(value: object, name: str) -> Sequence[object]:
    """The list that an answer has under `name`. Raises InvalidInput."""
    return _list(_object(value, "the answer").get(name), f"the answer's {name}")


def _delta(value: object, what: str) -> RemoteStatement:
    given = _object(value, f"{what}: a profile_delta")
    text = _text(given.get("content"), f"{what}: the content of a profile_delta")
    return RemoteStatement(text, *_place(given.get("attributes"), what))


def _lines(summary: str) -> list[RemoteStatement]:
    """The points of a summary, which Memobase searches one by one as gists; none of a plain sentence."""
    points = (line.strip() for line in summary.split("\n"))
    return [RemoteStatement(text) for point in points if point[:1] == "-" and (text := point[1:].strip())]


def _tag(value: object, what: str) -> str:
    given = _object(value, f"{what}: an event_tag")
    name = _text(given.get("tag"), f"{what}: the name of a tag")
    found = given.get("value")
    text = "" if found is None else _string(found, f"{what}: the value of tag {_shown(name)}").strip()
    return f"{name}={text}" if text else name


def _place(value: object, what: str) -> tuple[str, str]:
    given = _object(value or {}, f"{what}: attributes")
    topic, sub_topic = given.get("topic") or UNNAMED, given.get("sub_topic") or UNNAMED
    return _text(topic, f"{what}: topic"), _text(sub_topic, f"{what}: sub_topic")


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(f"{what} is {_kind(value)}, and no object")
    return value


def _list(value: object, what: str) -> list[object]:
    if not isinstance(value, list):
        raise InvalidInput(f"{what}: {_kind(value)}, and no list")
    return value


def _string(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{what} is {_kind(value)}, and no text")
    return value


def _text(value: object, what: str) -> str:
    text = _string(value, what).strip()
    if not text:
        raise InvalidInput(f"{what} is empty")
    return text


def _time(value: object, what: str) -> datetime:
    try:
        found = datetime.fromisoformat(_string(value, what))
        known = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"{what}: {_shown(value)} is no time in ISO 8601") from error
    if known.year < FIRST_YEAR:
        raise InvalidInput(f"{what}: {_shown(value)} is before {FIRST_YEAR}")
    return known


def _kind(value: object) -> str:
    return "missing" if value is None else f"of type {type(value).__name__}"


def _shown(value: object) -> str:
    text = ascii(value) if isinstance(value, str) else _kind(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


__all__ = [
    "BlobType",
    "RemoteEvent",
    "RemoteProfile",
    "RemoteStatement",
    "RemoteUser",
    "read_blob",
    "read_event",
    "read_ids",
    "read_list",
    "read_profile",
    "read_user",
    "remote_id",
    "user_id",
]
