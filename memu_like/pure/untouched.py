"""Entries to which nobody has done anything: nearly all, and looked at no further."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from .markdown import parse
from .merging import slot_key
from .pages import Page


def untouched_in(
    pages: Sequence[Page], slots_of: Callable[[Collection[str]], Mapping[str, str]]
) -> frozenset[str]:
    """The entries that stand once, where they belong, and read as the machine has written them: nearly all.

    `slots_of` gives of each item that is active its slot, as "topic/slot".
    """
    places: Counter[str] = Counter()
    written: dict[str, tuple[str, str]] = {}
    for page in pages:
        for section in parse(page.text or "", known=page.known).sections:
            here = (page.topic, section.slot.casefold())
            bullets = {bullet.id: bullet.text for bullet in section.bullets if bullet.id is not None}
            places.update(bullet.id for bullet in section.bullets if bullet.id is not None)
            written |= {i: here for i, text in bullets.items() if text and text == page.bullets.get(i)}
    slots = slots_of(written)
    homes = {item_id: slot.partition("/") for item_id, slot in slots.items() if places[item_id] == 1}
    return frozenset(i for i, (topic, _, slot) in homes.items() if (topic, slot_key(slot)) == written[i])
