"""UUIDs for clients that insist on them: they spell the id that they stand for, so that nothing is looked up.

Of the 122 bits that a UUID of version 5 leaves free (RFC 9562, 5.5), the first eight say what it is and the
other 114 spell it. What cannot be spelled so is hashed, as a name-based UUID is.
"""

from __future__ import annotations

import re
import uuid
from typing import Literal

Kind = Literal["item", "event"]

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ITEM = re.compile(r"[0-9a-z]{4,12}")
_RUN = re.compile(r"(\d{14})-([0-9a-f]{8,10})")
_MARKS: dict[Kind, int] = {"item": 0xA1, "event": 0xA2}
_SPACE = uuid.UUID("5b0a4d1c-0f6e-5d51-9a57-2f1c7c6f3d10")
"""The namespace of what is hashed."""
_VERSION, _VARIANT = 5, 0b10


def item_uuid(item_id: str) -> uuid.UUID:
    """The UUID of a memory item."""
    if not _ITEM.fullmatch(item_id):
        return hashed_uuid("item", item_id)
    number = 0
    for letter in item_id:  # digits of base 37 from 1 on: "0" and "00" differ
        number = number * 37 + _LETTERS.index(letter) + 1
    return _spelled("item", number)


def event_uuid(event_id: str) -> uuid.UUID:
    """The UUID of an event, which is a run."""
    found = _RUN.fullmatch(event_id)
    if found is None:
        return hashed_uuid("event", event_id)
    second, rest = found.groups()
    return _spelled("event", (int(second) << 4 | len(rest)) << 40 | int(rest, 16))


def hashed_uuid(*parts: str) -> uuid.UUID:
    """A UUID that stands for `parts` and does not spell them, such as a slot's: topic and name."""
    return uuid.uuid5(_SPACE, "\n".join(parts))


def spelled_id(value: uuid.UUID) -> tuple[Kind, str] | None:
    """What a UUID spells; None for one that spells nothing, as a hashed one or anybody's own."""
    free = _free_bits(value)
    mark, number = free >> 114, free & ((1 << 114) - 1)
    if mark == _MARKS["event"]:
        length, rest = (number >> 40) & 0xF, number & ((1 << 40) - 1)
        spelled = f"{number >> 44:014d}-{rest:0{length}x}"
        return ("event", spelled) if event_uuid(spelled) == value else None
    if mark == _MARKS["item"]:
        letters = []
        while number:
            number, letter = divmod(number, 37)
            letters.append(_LETTERS[letter - 1])
        spelled = "".join(reversed(letters))
        return ("item", spelled) if item_uuid(spelled) == value else None
    return None


def _spelled(kind: Kind, number: int) -> uuid.UUID:
    free = _MARKS[kind] << 114 | number
    high, middle, low = free >> 74, (free >> 62) & 0xFFF, free & ((1 << 62) - 1)
    return uuid.UUID(int=high << 80 | _VERSION << 76 | middle << 64 | _VARIANT << 62 | low)


def _free_bits(value: uuid.UUID) -> int:
    """All bits but those of version and variant."""
    number = value.int
    return number >> 80 << 74 | ((number >> 64) & 0xFFF) << 62 | number & ((1 << 62) - 1)
