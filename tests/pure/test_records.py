"""Lines of JSON: what is written is read back as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.models import (
    Dropped,
    Event,
    Item,
    ItemType,
    Occurred,
    Origin,
    ProfileDelta,
    Source,
    Status,
)
from memu_like.pure.records import lines_with_offsets, parse, render

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=8))])
TIMES = st.datetimes(datetime(1000, 1, 1), datetime(2999, 1, 1), timezones=ZONES)
SOURCES = st.builds(Source, TEXT, st.integers(1, 10**6), st.integers(1, 10**6))
OCCURRED = st.builds(Occurred, TIMES, TIMES, st.sampled_from(["day", "month", "span"]), TEXT)
ITEMS = st.builds(
    Item,
    id=TEXT,
    rev=st.integers(1, 1000),
    status=st.sampled_from(Status),
    type=st.sampled_from(ItemType),
    text=TEXT,
    subject=TEXT,
    categories=st.lists(TEXT, max_size=3).map(tuple),
    slot=TEXT,
    run=TEXT,
    created_at=TIMES,
    origin=st.sampled_from(Origin),
    keywords=st.lists(TEXT, max_size=3).map(tuple),
    occurred=st.none() | OCCURRED,
    mentioned_at=st.none() | TIMES,
    source=st.none() | SOURCES,
    corroborations=st.lists(SOURCES, max_size=2).map(tuple),
    supersedes=st.none() | TEXT,
    reason=st.none() | TEXT,
    weight=st.floats(0, 1),
)
EVENTS = st.builds(
    Event,
    id=TEXT,
    kind=st.sampled_from(["memorize", "edit", "forget", "import"]),
    created_at=TIMES,
    time=TIMES,
    summary=TEXT,
    items=st.lists(TEXT, max_size=3).map(tuple),
    profile_delta=st.lists(
        st.builds(ProfileDelta, st.sampled_from(["add", "update", "remove"]), TEXT, TEXT, TEXT, TEXT),
        max_size=2,
    ).map(tuple),
    dropped=st.lists(st.builds(Dropped, st.integers(1, 99), TEXT, st.none() | TEXT), max_size=2).map(tuple),
)


@given(ITEMS)
def test_an_item_is_read_back_as_it_was(item: Item) -> None:
    assert parse(Item, render(item)) == item


@given(EVENTS)
def test_an_event_is_read_back_as_it_was(event: Event) -> None:
    assert parse(Event, render(event)) == event


@given(st.lists(ITEMS, max_size=4), st.binary(max_size=20).filter(lambda tail: b"\n" not in tail))
def test_each_record_is_one_line_and_a_torn_tail_is_none(items: list[Item], torn: bytes) -> None:
    data = b"".join(map(render, items)) + torn
    found = list(lines_with_offsets(data))
    assert [parse(Item, line) for _, line in found] == items
    assert all(data[offset : offset + len(line)] == line for offset, line in found)


def test_what_is_unknown_is_ignored_and_what_is_missing_is_named() -> None:
    line = b'{"id":"a","rev":1,"status":"active","type":"event","text":"x","subject":"s","categories":["c"],'
    line += b'"slot":"d","run":"r","created_at":"2026-01-01T00:00:00Z","origin":"extracted","later":[1]}'
    assert parse(Item, line).text == "x"
    with pytest.raises(ValueError, match="slot"):
        parse(Item, line.replace(b'"slot":"d",', b""))
