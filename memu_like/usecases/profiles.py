"""The profile as clients know it: one record a slot, with an id, chosen under a budget, and edited by id."""

from __future__ import annotations

from ..models import ProfileQuery, ProfileSlot
from ..pure.uuids import item_uuid
from . import editing
from .desk import Desk


def profile_slots(desk: Desk, query: ProfileQuery) -> list[ProfileSlot]:
    """The slots that the query takes, best first."""
    raise NotImplementedError


def add_profile(desk: Desk, content: str, topic: str, sub_topic: str) -> str:
    """Write an item by hand; returns its UUID."""
    return str(item_uuid(editing.add_item(desk, content, topic, sub_topic, {}).id))


def update_profile(desk: Desk, profile_id: str, content: str, topic: str, sub_topic: str) -> str:
    """Have an item, or a slot, say `content`; returns the id that it has then."""
    raise NotImplementedError


def delete_profile(desk: Desk, profile_id: str) -> None:
    """Retract an item, or all that stands in a slot. Raises NotFound."""
    raise NotImplementedError
