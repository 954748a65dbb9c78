"""What revisions and events of a sync give as their reasons, and what that tells of them."""

from __future__ import annotations

from ..models import Event, Item, Origin

BY_HAND = " in its file by the user"
"""Ends the reason of a revision that a sync made."""
DELETED = "deleted" + BY_HAND
DERIVED_GONE = "what it was derived from was deleted" + BY_HAND
BY_PERSON, OF_LINES = "by hand: ", "lines of items"
"""The reason of a sync's event begins with the first; of one that took in lines of `items/`, ends so."""


def tells_of_bullets(event: Event) -> bool:
    """Whether it is of a sync that has found in category files what it tells, and put nothing there."""
    reason = event.reason or ""
    return event.kind == "sync" and reason.startswith(BY_PERSON) and not reason.endswith(OF_LINES)


def is_by_hand(item: Item) -> bool:
    """Whether its words are those that a person wrote into its category file."""
    return item.origin is Origin.HUMAN and (item.reason or "").endswith(BY_HAND)
