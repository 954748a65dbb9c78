"""UUIDs that spell ids."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st
from pydantic import UUID4, UUID5, TypeAdapter

from memu_like.pure.uuids import event_uuid, hashed_uuid, item_uuid, spelled_id

ITEM_IDS = st.text("0123456789abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=12)
RUN_IDS = st.from_regex(r"[0-9]{14}-[0-9a-f]{8,10}", fullmatch=True)
ACCEPTED: TypeAdapter[uuid.UUID] = TypeAdapter(UUID4 | UUID5)


@given(ITEM_IDS)
def test_an_items_uuid_spells_its_id(item_id: str) -> None:
    found = item_uuid(item_id)
    assert spelled_id(found) == ("item", item_id)
    assert ACCEPTED.validate_python(str(found)) == found


@given(RUN_IDS)
def test_an_events_uuid_spells_its_id(run_id: str) -> None:
    found = event_uuid(run_id)
    assert spelled_id(found) == ("event", run_id)
    assert ACCEPTED.validate_python(str(found)) == found


@given(st.uuids())
def test_a_uuid_of_somebody_else_spells_nothing_or_what_gives_it_again(value: uuid.UUID) -> None:
    found = spelled_id(value)
    assert found is None or {"item": item_uuid, "event": event_uuid}[found[0]](found[1]) == value


def test_what_cannot_be_spelled_is_hashed() -> None:
    assert item_uuid("not an id") == hashed_uuid("item", "not an id")
    assert spelled_id(hashed_uuid("pets", "dogs")) is None


def test_parts_are_kept_apart() -> None:
    assert hashed_uuid("slot", "pets", "dogs") != hashed_uuid("slot", "petsd", "ogs")
