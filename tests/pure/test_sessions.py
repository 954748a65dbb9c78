from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from memu_like.models import Message
from memu_like.pure.sessions import split_sessions

GAP = timedelta(hours=6)
NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)


def messages(*hours: float | None) -> list[Message]:
    return [
        Message("user", str(n), created_at=None if hour is None else NOON + timedelta(hours=hour))
        for n, hour in enumerate(hours)
    ]


def sizes(*hours: float | None) -> list[int]:
    return [len(session) for session in split_sessions(messages(*hours), GAP)]


def test_a_silence_longer_than_the_gap_begins_a_session() -> None:
    assert sizes(0, 1, 7.01, 8) == [2, 2]


def test_a_silence_as_long_as_the_gap_does_not() -> None:
    assert sizes(0, 6, 12) == [3]


def test_a_message_without_time_stays_where_it_stands() -> None:
    assert sizes(None, 0, None, 20, None) == [3, 2]


def test_silence_is_measured_across_messages_without_time() -> None:
    assert sizes(0, None, None, 5) == [4]


def test_a_jump_back_in_time_begins_a_session() -> None:
    assert sizes(100, 0, 1) == [1, 2]


def test_no_messages_are_no_session() -> None:
    assert sizes() == []


@given(st.lists(st.none() | st.integers(0, 200), max_size=30))
def test_the_sessions_hold_every_message_once_and_in_order(hours: list[int | None]) -> None:
    given_messages = messages(*hours)
    sessions = split_sessions(given_messages, GAP)
    assert [message for session in sessions for message in session] == given_messages
    assert all(sessions)
