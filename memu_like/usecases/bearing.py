"""Which slots of the profile bear on what is talked about: by search, with no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..pure.choosing import BEARS
from ..pure.small_talk import is_small_talk
from .desk import Desk
from .similarity import nearest, talked_about

if TYPE_CHECKING:
    from .profiles import ShownSlot

ROWS = 100
"""So many rows are looked at: what comes later bears on nothing."""


def bearing_of(
    desk: Desk, slots: Sequence[ShownSlot], chats: Sequence[Mapping[str, Any]]
) -> dict[str, float]:
    """Slot id -> the similarity of the nearest thing behind it, 0 to 1; the best by rank first.

    Nothing bears on small talk. Raises InvalidInput.
    """
    query = talked_about(chats)
    if is_small_talk(query):
        return {}
    owners = {item: slot.record.id for slot in slots for item in slot.record.items}
    found: dict[str, float] = {}
    for near in nearest(desk, query, ROWS, least=BEARS) if query else ():
        for place in near.items:
            owner = owners.get(place.id)
            if owner is not None:
                found[owner] = max(near.similarity, found.get(owner, 0.0))
    return found
