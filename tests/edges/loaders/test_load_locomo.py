from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from memu_like.errors import LoadError


def turn(speaker: str, number: str, text: str, **fields: Any) -> dict[str, Any]:
    return {"speaker": speaker, "dia_id": number, "text": text} | fields


def sample(**conversation: Any) -> dict[str, Any]:
    sessions = {
        "speaker_a": "Ines",
        "speaker_b": "Tomas",
        "session_10_date_time": "12:09 am on 13 September, 2022",
        "session_10": [turn("Ines", "D10:1", "Goodnight!")],
        "session_2_date_time": "1:56 pm on 8 May, 2022",
        "session_2": [
            turn("Tomas", "D2:1", "My kite broke."),
            turn(
                "Ines",
                "D2:2",
                "Look!",
                img_url=["u"],
                blip_caption="a kite",
                query="kite",
                **{"re-download": 1},
            ),
        ],
        "session_3_date_time": "1:00 pm on 9 May, 2022",
    }
    return {"sample_id": "pair-1", "qa": [], "conversation": sessions | conversation}


def test_each_session_is_one_conversation_by_its_number(read: Any) -> None:
    second, tenth = read([sample()], "talk.json")
    assert (second.format, second.title) == ("locomo", "Ines and Tomas, session 2")
    assert second.source == "talk.json#pair-1/session_2"
    assert second.created_at == datetime(2022, 5, 8, 13, 56, tzinfo=UTC)
    assert tenth.created_at == datetime(2022, 9, 13, 0, 9, tzinfo=UTC)


def test_a_turn_is_a_message_of_a_person_at_the_time_of_its_session(read: Any) -> None:
    second, _ = read([sample()])
    message = second.messages[1]
    assert (message.role, message.name, message.id) == ("user", "Ines", "D2:2")
    assert message.caption == "a kite"
    assert dict(message.raw) == {
        "role": "user",
        "name": "Ines",
        "content": "Look!",
        "id": "D2:2",
        "created_at": "2022-05-08T13:56:00+00:00",
        "img_url": ["u"],
        "blip_caption": "a kite",
        "query": "kite",
    }


def test_the_conversation_alone_and_a_single_sample_are_read_too(read: Any) -> None:
    assert len(read(sample())) == 2
    assert len(read(sample()["conversation"])) == 2
    assert len(read([sample(), sample()])) == 4


def test_times_are_in_the_given_zone(read: Any) -> None:
    second, _ = read([sample()], timezone=ZoneInfo("America/New_York"))
    assert second.messages[0].raw["created_at"] == "2022-05-08T13:56:00-04:00"


def test_a_session_without_a_date_has_no_time(read: Any) -> None:
    (loaded,) = read({"session_1": [turn("Ines", "D1:1", "Hi")]})
    assert (loaded.created_at, loaded.title) == (None, "session 1")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"session_2_date_time": "on a fine day"}, "sample 1: session_2_date_time: time 'on a fine day'"),
        ({"session_2_date_time": "1:56 pm on 31 June, 2022"}, "session_2_date_time: there is no such time"),
        ({"session_2_date_time": "1:56 pm on 8 May, 9999"}, "lies outside the years"),
        ({"session_2": {"a": 1}}, "sample 1: has a session_2 that is not a list of turns"),
        ({"session_2": ["hello"]}, "session_2, turn 1: must be an object with speaker and text"),
        ({"session_2": [{"speaker": "Ines"}]}, "session_2, turn 1: has no content"),
        ({"session_2": [turn("Ines", "D2:1", "a\0")]}, "session_2, turn 1: holds a NUL character"),
        ({"session_2": [turn("", "D2:1", "a", blip_caption=3)]}, "session_2, turn 1: has the caption 3"),
    ],
)
def test_a_bad_session_is_named(read: Any, fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(LoadError) as caught:
        read([sample(**fields)], "talk.json")
    assert reason in str(caught.value)


def test_sessions_that_are_all_empty_are_refused(read: Any) -> None:
    with pytest.raises(LoadError, match="no session with turns"):
        read({"session_1": []})
