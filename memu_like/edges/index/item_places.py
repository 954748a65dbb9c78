"""Where the last revision of an item stands."""

from __future__ import annotations

from dataclasses import dataclass

from ...models import Status
from .segment import STATUSES, Segment


@dataclass(frozen=True, slots=True)
class ItemPlace:
    """An item's last revision: where its line stands and what it hangs on."""

    id: str
    rev: int
    status: Status
    file: str
    offset: int
    length: int
    line: int
    slot: str
    first: int
    last: int


def place_of(segment: Segment, number: int) -> ItemPlace:
    """The fields of ITEM, in order."""
    values = segment.items[number].item()
    item_id, rev, status, file, offset, length, line, _, first, last, _, slot, *_ = values
    return ItemPlace(
        id=item_id.decode(),
        rev=rev,
        status=STATUSES[status],
        file=segment.files[file],
        offset=offset,
        length=length,
        line=line,
        slot=segment.slots[slot],
        first=first,
        last=last,
    )
