"""What every loader is handed, and how it hands conversations back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from ...errors import LoadError
from ...models import Loaded, Message, Modality
from ...pure.sessions import split_sessions
from .messages import parse_message
from .text import one_line
from .times import parse_time

_FRAGMENT = re.compile(r"[\w.-]{1,80}")


@dataclass(frozen=True, slots=True)
class Reading:
    """One call of `load`: the file's name, for errors and `source`, and the settings that bear on it."""

    name: str
    timezone: tzinfo
    session_gap: timedelta
    max_message_bytes: int

    def message(self, raw: Mapping[str, Any], place: str) -> Message:
        return parse_message(raw, place, timezone=self.timezone, max_message_bytes=self.max_message_bytes)

    def time(self, value: object, place: str) -> datetime | None:
        return None if value is None or value == "" else parse_time(value, place, self.timezone)

    def source(self, fragment: object = None) -> str:
        """The file's name, with the part of the file behind `#` where the part has a usable name."""
        if isinstance(fragment, str) and all(_FRAGMENT.fullmatch(part) for part in fragment.split("/")):
            return f"{self.name}#{fragment}"
        return self.name

    def sessions(
        self,
        messages: Sequence[Message],
        *,
        format: str,
        title: str | None = None,
        created_at: datetime | None = None,
        fragment: object = None,
    ) -> tuple[Loaded, ...]:
        """A flat list of messages, cut where it was silent for longer than the session gap."""
        return tuple(
            self.conversation(part, format=format, title=title, created_at=created_at, fragment=fragment)
            for part in split_sessions(messages, self.session_gap)
        )

    def conversation(
        self,
        messages: Sequence[Message],
        *,
        format: str,
        title: str | None = None,
        created_at: datetime | None = None,
        fragment: object = None,
    ) -> Loaded:
        first = next((message.created_at for message in messages if message.created_at), created_at)
        return Loaded(
            modality=Modality.CONVERSATION,
            source=self.source(fragment),
            format=format,
            title=title,
            created_at=first,
            messages=tuple(messages),
        )


def optional_title(value: object, place: str) -> str | None:
    """A conversation's title where the file gives one. LoadError where it is not text."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise LoadError(place, f"has a title of type {type(value).__name__}; a title must be text")
    return one_line(value, place)


def require_text(loaded: Iterable[Loaded], name: str) -> tuple[Loaded, ...]:
    """What was loaded, if anyone in it said or anything in it says something; else LoadError."""
    kept = tuple(loaded)
    said = any(message.content.strip() or message.caption for one in kept for message in one.messages)
    if not said and not any(one.body.strip() for one in kept):
        raise LoadError(name, "holds no text; there is nothing to remember in it")
    return kept
