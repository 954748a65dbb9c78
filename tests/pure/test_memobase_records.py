"""What Memobase's API tells, as values; and what is none, refused by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.errors import InvalidInput
from memu_like.pure import memobase_records as records

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = ["id", "content", "attributes", "created_at", "updated_at", "event_data", "blob_type", "blob_data"]
KEYS += ["fields", "topic", "sub_topic", "event_tip", "profile_delta", "event_tags", "tag", "value", "data"]
RIGHT = st.sampled_from(["x", "a/b", "2024-01-01T00:00:00Z", "chat", {}, [], None])
NESTED = st.recursive(
    RIGHT | JSON,
    lambda inner: st.dictionaries(st.sampled_from(KEYS), inner, max_size=6) | st.lists(inner, max_size=2),
    max_leaves=12,
)
READERS: list[Callable[[Any], object]] = [
    records.read_user,
    records.read_profile,
    records.read_event,
    records.read_ids,
    lambda value: records.read_blob(value, "b"),
    lambda value: records.read_list(value, "users"),
]


@given(NESTED | st.dictionaries(st.sampled_from(KEYS), NESTED, min_size=3))
def test_whatever_is_told_is_read_or_refused_in_one_short_line(value: Any) -> None:
    for read in READERS:
        refusal = ""
        try:
            read(value)
        except InvalidInput as error:
            refusal = str(error)
        assert "\n" not in refusal
        assert len(refusal) < 400


def test_a_profile_is_read_with_its_times_in_utc() -> None:
    found = records.read_profile(
        {
            "id": "p",
            "content": " Plays go ",
            "attributes": {"topic": "interest"},
            "created_at": "2024-05-01T10:00:00+02:00",
            "updated_at": "2024-04-01T10:00:00",
        }
    )
    made = datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert found == records.RemoteProfile("p", "Plays go", "interest", "NONE", made, made)


def test_an_event_says_its_changes_and_the_points_of_its_summary_each_once() -> None:
    delta = {"content": "Plays go", "attributes": {"topic": "interest", "sub_topic": "games"}}
    found = records.read_event(
        {
            "id": "e",
            "created_at": "2024-05-01T10:00:00Z",
            "event_data": {
                "event_tip": "Of a talk:\n- Plays go\n- Rows\n-\n",
                "profile_delta": [delta, delta],
                "event_tags": [{"tag": "mood", "value": "glad"}, {"tag": "seen", "value": None}],
            },
        }
    )
    assert found.statements == (
        records.RemoteStatement("Plays go", "interest", "games"),
        records.RemoteStatement("Rows"),
    )
    assert found.tags == ("mood=glad", "seen")
    assert found.updated_at == found.created_at


@pytest.mark.parametrize(
    "value", ["../x", "a/b", "a\\b", ".", "..", "", " ", "a\x00", "a\n", "x" * 201, 7, None]
)
def test_an_id_that_is_like_a_path_or_no_id_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="a profile: the id"):
        records.read_profile({"id": value})


@pytest.mark.parametrize(
    "value", ["", "today", "0001-01-01", "1969-12-31T23:00:00Z", "9999-12-31T23:59:59-14:00", 5]
)
def test_a_time_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="profile p: created_at"):
        records.read_profile({"id": "p", "content": "x", "created_at": value})
