"""Where one sitting of a conversation ends and the next begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ..models import Message


def split_sessions(messages: Sequence[Message], gap: timedelta) -> tuple[tuple[Message, ...], ...]:
    """Cut wherever two consecutive times lie more than `gap` apart; the order stays as given.

    A message without a time stays in the session it stands in. A jump back by more than `gap` cuts too:
    two exports pasted together are not one sitting.
    """
    sessions: list[list[Message]] = []
    last: datetime | None = None
    for message in messages:
        time = message.created_at
        far = time is not None and last is not None and abs(time - last) > gap
        if far or not sessions:
            sessions.append([])
        sessions[-1].append(message)
        last = time or last
    return tuple(tuple(session) for session in sessions)
