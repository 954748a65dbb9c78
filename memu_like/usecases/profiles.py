"""The profile as clients know it: one record a slot, with an id, chosen under a budget, and edited by id.

What is told is what the category files show. An edit by id is a person's, as one in the file would be.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import InvalidInput, NotFound
from ..models import Entry, Item, ProfileQuery, Status
from ..pure.choosing import check_query, choose_slots
from ..pure.client_names import shown_topic, slot_of, topic_of
from ..pure.markdown import parse
from ..pure.pages import said
from ..pure.slot_contents import SEPARATOR, kept_parts
from ..pure.uuids import hashed_uuid, item_uuid, spelled_id
from ..results import ProfileSlot
from . import editing
from .bearing import bearing_of
from .categories import category_path, read_category
from .desk import Desk
from .listing import file_entries

UNDATED = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ShownSlot:
    """A slot as its file shows it, under its own names; `texts` are its entries' as a person reads them."""

    topic: str
    name: str
    entries: tuple[Entry, ...]
    texts: tuple[str, ...]
    record: ProfileSlot


def profile_slots(desk: Desk, query: ProfileQuery) -> list[ProfileSlot]:
    """The slots that the query takes, best first. Raises InvalidInput."""
    check_query(query)
    found = shown_slots(desk)
    bearing = bearing_of(desk, found, query.chats) if query.chats else None
    return choose_slots([slot.record for slot in found], query, desk.tools.counter().count, bearing)


def shown_slots(desk: Desk) -> tuple[ShownSlot, ...]:
    """All slots of the category files, in file order, those that hold nothing left out."""
    desk.view()
    files = desk.folder.category_files()
    state = desk.index.files, [desk.stamp(path) for path in files], desk.index.generation
    return desk.made("slots", state, lambda: tuple(s for path in files for s in _slots_of(desk, path)))


def _slots_of(desk: Desk, path: str) -> list[ShownSlot]:
    topic = Path(path).stem
    by_name: dict[str, list[Entry]] = {}
    for entry in file_entries(desk, path, topic):
        by_name.setdefault(entry.slot, []).append(entry)
    title = shown_topic(topic, parse(read_category(desk, path) or "").get("topic"))
    return [_shown(desk, topic, title, name, entries) for name, entries in by_name.items()]


def _shown(desk: Desk, topic: str, title: str, name: str, entries: Sequence[Entry]) -> ShownSlot:
    texts = tuple(said(entry.text, desk.settings.mask_secrets) for entry in entries)
    items = [item for entry in entries if entry.id and (item := desk.item(entry.id))]
    times = [item.created_at for item in items] or [_file_time(desk, topic)]
    record = ProfileSlot(
        id=str(item_uuid(items[0].id) if len(entries) == len(items) == 1 else hashed_uuid(topic, name)),
        topic=title,
        sub_topic=name,
        content=SEPARATOR.join(text for text in texts if text),
        created_at=min((_made_at(desk, item) for item in items), default=times[0]),
        updated_at=max(times),
        update_hits=max(1, sum(item.rev for item in items)),
        items=tuple(item.id for item in items),
    )
    return ShownSlot(topic, name, tuple(entries), texts, record)


def _made_at(desk: Desk, item: Item) -> datetime:
    """When the first revision was written, as far as the index still knows it.

    What nobody said, such as what was entered by hand or imported, has it in `mentioned_at`.
    """
    if item.source is None and not item.derived_from and item.mentioned_at is not None:
        return item.mentioned_at
    first = desk.view().oldest(item.id) if item.rev > 1 else None
    return desk.item_of(first).created_at if first else item.created_at


def _file_time(desk: Desk, topic: str) -> datetime:
    """Of a slot that only a person has written so far."""
    found = desk.stamp(category_path(topic))
    return datetime.fromtimestamp(found[1] // 1_000_000_000, UTC) if found else UNDATED


# -- edits


def add_profile(desk: Desk, content: str, topic: str, sub_topic: str) -> str:
    """Write an item by hand; returns its UUID. Raises InvalidInput."""
    place = _place(desk, topic, sub_topic)
    return str(item_uuid(editing.add_item(desk, content, place.topic, place.slot, {}, title=place.title).id))


def update_profile(desk: Desk, profile_id: str, content: str, topic: str, sub_topic: str) -> str:
    """Have an item, or a slot, say `content`; returns its id then. Raises NotFound, InvalidInput."""
    place = _place(desk, topic, sub_topic)
    with editing.writing(desk):
        items, slot = _behind(desk, profile_id)
        if slot is None:
            return _update_item(desk, items[0], content, place)
        return _update_slot(desk, slot, items, content, place)


def delete_profile(desk: Desk, profile_id: str) -> None:
    """Retract an item, or all that stands in a slot, in one run. Raises NotFound."""
    with editing.writing(desk):
        items, _ = _behind(desk, profile_id)
        changes = [editing.Revision(item, replace(item, status=Status.RETRACTED)) for item in items]
        editing.apply_together(desk, changes, "deleted")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an entry is to stand; `title` is what the client calls the topic."""

    topic: str
    slot: str
    title: str

    def of(self, item: Item) -> Mapping[str, Any]:
        """The fields of an item that put it there."""
        stays = (item.topic, item.slot) == (self.topic, self.slot)
        return {} if stays else {"categories": (self.topic,), "slot": self.slot}


def _place(desk: Desk, topic: object, sub_topic: object) -> _Place:
    found = topic_of(topic, editing.known_topics(desk))
    configured = [s.name for c in desk.tools.categories if c.name == found for s in c.slots]
    standing = parse(read_category(desk, category_path(found)) or "").sections
    known = [*(section.slot for section in standing if section.slot), *configured]
    return _Place(found, slot_of(sub_topic, known), str(topic).strip())


def _behind(desk: Desk, profile_id: str) -> tuple[list[Item], ShownSlot | None]:
    """The items that an id stands for, and the slot where it is a slot's. Raises NotFound, InvalidInput."""
    item = _item_of(desk, profile_id)
    if item is not None:
        return [item], None
    for slot in shown_slots(desk):
        if str(hashed_uuid(slot.topic, slot.name)) == profile_id.lower():
            items = [desk.item(entry.id) if entry.id else None for entry in slot.entries]
            found = [item for item in items if item is not None and item.status is Status.ACTIVE]
            if len(found) < len(slot.entries):
                path = category_path(slot.topic)
                raise InvalidInput(f"{path}: an entry of {slot.name!r} is not taken in yet: sync first")
            return found, slot
    raise NotFound("profile", profile_id)


def _item_of(desk: Desk, profile_id: str) -> Item | None:
    """The item whose UUID, or own id, this is, where it counts."""
    try:
        spelled = spelled_id(uuid.UUID(profile_id))
    except (ValueError, AttributeError, TypeError):
        raise NotFound("profile", str(profile_id)) from None
    found = desk.item(spelled[1]) if spelled and spelled[0] == "item" else None
    return found if found is not None and found.status is Status.ACTIVE else None


def _update_item(desk: Desk, item: Item, content: str, place: _Place) -> str:
    new = editing.reworded(desk, item, content)
    if new.text in (item.text, _told(desk, item)):
        new = item  # the date behind a bullet is no part of what it says
    new = replace(new, **place.of(item))
    if new != item:
        editing.apply_together(desk, [editing.Revision(item, new)], "edited", {place.topic: place.title})
    return str(item_uuid(item.id))


def _told(desk: Desk, item: Item) -> str | None:
    """What its slot's content says of an item; None where no file shows it."""
    slots = (slot for slot in shown_slots(desk) if item.id in slot.record.items)
    texts = {e.id: text for slot in slots for e, text in zip(slot.entries, slot.texts, strict=True)}
    return texts.get(item.id)


def _update_slot(desk: Desk, slot: ShownSlot, items: Sequence[Item], content: str, place: _Place) -> str:
    """Unchanged parts keep their items; those that are gone are retracted, new ones added; in one run."""
    if not isinstance(content, str) or not content.strip():
        raise InvalidInput("content is empty: to take a slot away, delete it")
    kept, fresh = kept_parts(content, slot.texts)
    changes: list[editing.Revision] = []
    for number, item in enumerate(items):
        if number not in kept:
            changes.append(editing.Revision(item, replace(item, status=Status.RETRACTED)))
        elif moved := place.of(item):
            changes.append(editing.Revision(item, replace(item, **moved)))
    added = editing.new_items(desk, fresh, place.topic, place.slot)
    changes += [editing.Revision(None, item) for item in added]
    if changes:
        editing.apply_together(desk, changes, "edited", {place.topic: place.title})
    standing = [items[number].id for number in sorted(kept)] + [item.id for item in added]
    return str(item_uuid(standing[0]) if len(standing) == 1 else hashed_uuid(place.topic, place.slot))
