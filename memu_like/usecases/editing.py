"""Editing by hand: each edit is a run, as safe as any, and what it says is a person's word from then on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..config import Settings
from ..edges import buffer, journal
from ..edges.folder import month_file
from ..errors import Conflict, InvalidInput, NotFound, StorageError
from ..models import Event, Item, ItemType, Occurred, Origin, ProfileDelta, Status
from ..pure import records
from ..pure.entering import entered_slot, entered_text, entered_topic, entered_words
from ..pure.lines import ITEM_ID
from ..pure.merging import bullets_of
from ..pure.reasons import is_by_hand
from ..pure.reconciling import item_id as make_item_id
from ..pure.rendering import bullet_text
from .bases import read_base
from .categories import Rendered, Wishes, category_path, extra_topics, read_category, render_categories
from .desk import Desk
from .expecting import NOTHING, Expected
from .listing import check_names, event_named
from .memorize import settle
from .runs import commit, new_run_id
from .taking_edits import take_edits

ITEM_FIELDS = ("text", "type", "topic", "slot", "subject", "keywords", "tags", "occurred")
EVENT_FIELDS = ("summary", "title", "tags")
HUMAN_WEIGHT = 1.0


@contextmanager
def writing(desk: Desk, *, take: bool = True) -> Iterator[None]:
    """Hold the folder to write: what a killed writer left is finished, and a person's edits are taken in."""
    desk.folder.require()
    with desk.folder.lock(timeout=desk.settings.lock_timeout_seconds):
        desk.folder.require()
        settle(desk)
        if take:
            take_edits(desk)
        yield


# -- items


def update_item(
    desk: Desk, item_id: str, changes: Mapping[str, Any], *, expected: Expected = NOTHING
) -> Item:
    """Change an item. Raises NotFound, InvalidInput, and Conflict where `expected` is not what stands there.

    It may tell the text of the item or of its bullet, that text's hash, or the item's revision. Where a
    person has rewritten the bullet in the file meanwhile, it must tell the bullet's text as it stands.
    """
    check_names("field", changes, ITEM_FIELDS)
    if not changes:
        raise InvalidInput(f"nothing to change: give one of {', '.join(ITEM_FIELDS)}")
    with writing(desk):
        item = _editable(desk, item_id)
        standing = _check_expected(desk, item, expected)
        values = _item_values(desk, changes)
        if all(getattr(item, name) == value for name, value in values.items()):
            return item
        return _apply(desk, item, replace(_fitting(item, values), **values), "edited", standing)


def reworded(desk: Desk, item: Item, text: object) -> Item:
    """The item with another text. Raises InvalidInput."""
    values = _item_values(desk, {"text": text})
    return replace(_fitting(item, values), **values)


def add_item(
    desk: Desk, text: str, topic: str, slot: str, fields: Mapping[str, Any], *, title: str = ""
) -> Item:
    """Write an item by hand. `fields` may hold type, subject, keywords, tags and occurred.

    A file that is made for a new topic is headed `title`, where that is given.
    """
    check_names("field", fields, [name for name in ITEM_FIELDS if name not in ("text", "topic", "slot")])
    values = _item_values(desk, {**fields, "text": text, "topic": topic, "slot": slot})
    with desk.folder.lock(buffer.LOCK, desk.settings.lock_timeout_seconds):
        desk.folder.create()
    with writing(desk):
        item = _new_item(desk, new_run_id(desk.tools.now()), 0, values)
        return apply_together(desk, [Revision(None, item)], "added", {topic: title})[0]


def new_items(desk: Desk, texts: Sequence[str], topic: str, slot: str) -> list[Item]:
    """Items of one run, as a person would write them, which are not stored yet. Raises InvalidInput."""
    run = new_run_id(desk.tools.now())
    given = [_item_values(desk, {"text": text, "topic": topic, "slot": slot}) for text in texts]
    return [_new_item(desk, run, number, values) for number, values in enumerate(given)]


def _new_item(desk: Desk, run: str, number: int, values: dict[str, Any]) -> Item:
    now = desk.tools.now()
    return Item(
        id=_fresh_id(desk, run, number, str(values["text"])),
        rev=0,
        status=Status.ACTIVE,
        type=values.pop("type", ItemType.PROFILE),
        subject=values.pop("subject", desk.folder.user_id),
        run=run,
        created_at=now,
        origin=Origin.HUMAN,
        mentioned_at=now,
        weight=HUMAN_WEIGHT,
        **values,
    )


def delete_item(desk: Desk, item_id: str, *, expected: Expected = NOTHING) -> Item:
    """Retract an item; one that is retracted already stays as it is. Raises NotFound, Conflict."""
    with writing(desk):
        item = _find(desk, item_id)
        if item.status is Status.RETRACTED:
            return item
        standing = _check_expected(desk, item, expected)
        return _apply(desk, item, replace(item, status=Status.RETRACTED), "deleted", standing)


def _fitting(item: Item, values: Mapping[str, Any]) -> Item:
    """The item without what its new text no longer says: a time and keywords that stood in the old one."""
    text = str(values.get("text", item.text)).casefold()
    dated = item.occurred is not None and item.occurred.text.casefold() in text
    return replace(
        item,
        occurred=item.occurred if dated or "text" not in values else None,
        keywords=tuple(word for word in item.keywords if "text" not in values or word.casefold() in text),
    )


def _find(desk: Desk, item_id: str) -> Item:
    found = desk.item(item_id) if ITEM_ID.fullmatch(item_id) else None
    if found is None:
        raise NotFound("item", item_id)
    return found


def _editable(desk: Desk, item_id: str) -> Item:
    item = _find(desk, item_id)
    if item.status is not Status.ACTIVE:
        raise InvalidInput(f"item {item_id} is {item.status.value}: add a new one instead")
    return item


def _fresh_id(desk: Desk, run: str, number: int, text: str) -> str:
    salt = 0
    while desk.item(found := make_item_id(run, number, text, salt)) is not None:
        salt += 1
    return found


def _item_values(desk: Desk, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of Item that `given` sets, each checked."""
    mask = desk.settings.mask_secrets
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name == "type":
            values[name] = _item_type(value, desk.settings)
        elif name == "topic":
            values["categories"] = (entered_topic(value, known_topics(desk)),)
        elif name == "slot":
            values[name] = entered_slot(value)
        elif name in ("keywords", "tags"):
            values[name] = entered_words(name, value, mask=mask)
        elif name == "occurred":
            values[name] = _occurred(value)
        else:
            values[name] = entered_text(name, value, mask=mask)
    return values


def _item_type(value: object, settings: Settings) -> str:
    known = settings.type_names()
    if value not in known:
        raise InvalidInput(f"type {value!r} is not one of {', '.join(known)}")
    return str(value)


def _occurred(value: object) -> Occurred | None:
    if value is None or isinstance(value, Occurred):
        return value
    raise InvalidInput(f"occurred must be an Occurred or None, not {type(value).__name__}")


def known_topics(desk: Desk) -> list[str]:
    return [*(category.name for category in desk.tools.categories), *extra_topics(desk)]


def _check_expected(desk: Desk, item: Item, expected: Expected) -> str | None:
    """The bullet as it stands in the item's file, if there is one. Raises Conflict, InvalidInput."""
    path = category_path(item.topic)
    standing = bullets_of(read_category(desk, path) or "", {item.id}).get(item.id)
    machine = bullet_text(item, desk.own_names())
    written = machine, read_base(desk, item.topic).bullets.get(item.id)
    pinned = standing is not None and (is_by_hand(item) or standing not in written)
    texts = [standing] if pinned else [item.text, machine, standing]
    accepted = [text for text in texts if text is not None]
    what, current = f"item {item.id}", item.text
    if pinned and standing is not None:
        what, current = f"item {item.id} in {path}", standing
        # A revision tells the words where they have been taken in, as they stand, into the item.
        if not expected.tells_text and (expected.rev is None or standing not in written):
            raise Conflict(what, current, item.rev)
    expected.check(what, accepted, item.rev, current)
    if standing is not None:
        _check_one_line(item, path, standing)
    return standing


def _check_one_line(item: Item, path: str, standing: str) -> None:
    if "\n" in standing:
        raise InvalidInput(f"{path}: the entry ^{item.id} has several lines: edit it in the file")


# -- a run


@dataclass(frozen=True, slots=True)
class Revision:
    """An item as it is, None for a new one, and as it is to be."""

    old: Item | None
    new: Item

    @property
    def moves(self) -> bool:
        old = self.old
        return old is not None and (old.topic, old.slot) != (self.new.topic, self.new.slot)


def _apply(desk: Desk, old: Item, new: Item, done: str, standing: str | None) -> Item:
    adopted = {} if standing is None else {old.id: standing}
    return _write(desk, [Revision(old, new)], done, Wishes(adopted))[0]


def apply_together(
    desk: Desk, revisions: Sequence[Revision], done: str, titles: Mapping[str, str] | None = None
) -> list[Item]:
    """Write revisions as one run: whoever calls holds the folder, and takes what stands there for read.

    Files that are made for new topics are headed as `titles` says, by topic. Raises StorageError, and
    InvalidInput for an entry of several lines; then nothing is written.
    """
    adopted: dict[str, str] = {}
    for old in [revision.old for revision in revisions if revision.old is not None]:
        path = category_path(old.topic)
        standing = bullets_of(read_category(desk, path) or "", {old.id}).get(old.id)
        if standing is not None:
            _check_one_line(old, path, standing)
            adopted[old.id] = standing
    return _write(desk, revisions, done, Wishes(adopted, titles=titles or {}))


def _write(desk: Desk, revisions: Sequence[Revision], done: str, wishes: Wishes) -> list[Item]:
    now = desk.tools.now()
    run = next((one.new.run for one in revisions if one.old is None), None) or new_run_id(now)
    items = [_as_edited(one.new, run, now, f"{done} by the user") for one in revisions]
    moved = [(one.old, item) for one, item in zip(revisions, items, strict=True) if one.old and one.moves]
    gone = [replace(old, status=Status.SUPERSEDED) for old, _ in moved]
    stay = [item for one, item in zip(revisions, items, strict=True) if not one.moves]
    # A moved bullet is taken out first, then put in anew.
    vacated = _checked(render_categories(desk, gone, wishes)) if gone else None
    stayed = _checked(render_categories(desk, stay, wishes))
    anew = replace(wishes, adopted={k: v for k, v in wishes.adopted.items() if k in {i.id for i in stay}})
    if vacated is not None:
        _checked(render_categories(desk, items, anew))
    delta = [*(vacated.delta if vacated else ()), *stayed.delta, *(_put(desk, item) for _, item in moved)]
    ids = tuple(item.id for item in items)
    event = Event(run, "edit", now, now, items=ids, profile_delta=tuple(delta), reason=items[0].reason)
    _commit(desk, items, event)
    if vacated is not None:
        vacated.write(desk)
        stayed = render_categories(desk, items, anew)
    stayed.write(desk)
    _close(desk)
    return items


def _as_edited(item: Item, run: str, now: datetime, reason: str) -> Item:
    human = Origin.HUMAN
    new = replace(item, rev=item.rev + 1, run=run, created_at=now, origin=human, reason=reason)
    return replace(new, shown=True, model=None)


def _put(desk: Desk, item: Item) -> ProfileDelta:
    return ProfileDelta("add", item.topic, item.slot, item.id, bullet_text(item, desk.own_names()))


def _checked(rendered: Rendered) -> Rendered:
    """An edit that the profile could not show is refused before anything is written."""
    if rendered.problems:
        raise StorageError(rendered.problems[0])
    return rendered


def _commit(desk: Desk, items: Sequence[Item], event: Event) -> None:
    journal.begin(desk.folder)
    commit(desk, items, [event])


def _close(desk: Desk) -> None:
    desk.index.refresh()
    desk.index.persist()
    journal.end(desk.folder)


# -- events


def update_event(
    desk: Desk, event_id: str, changes: Mapping[str, Any], *, expected: Expected = NOTHING
) -> Event:
    """Change an event's summary, title or tags. Raises NotFound, InvalidInput, Conflict."""
    check_names("field", changes, EVENT_FIELDS)
    if not changes:
        raise InvalidInput(f"nothing to change: give one of {', '.join(EVENT_FIELDS)}")
    mask = desk.settings.mask_secrets
    values: dict[str, Any] = {
        name: entered_words(name, value, mask=mask)
        if name == "tags"
        else entered_text(name, value, mask=mask)
        for name, value in changes.items()
    }
    return _revise(desk, event_id, values, expected)


def delete_event(desk: Desk, event_id: str, *, expected: Expected = NOTHING) -> Event:
    """Hide an event. Its run still counts and its items stay. Raises NotFound, Conflict."""
    return _revise(desk, event_id, {"deleted": True}, expected)


def _revise(desk: Desk, event_id: str, values: Mapping[str, Any], expected: Expected) -> Event:
    with writing(desk):
        event = event_named(desk.folder.all_events(), event_id)
        if event is None or event.deleted:
            raise NotFound("event", event_id)
        expected.check(f"event {event_id}", [event.summary], event.rev, event.summary)
        revised = replace(event, rev=event.rev + 1, **values)
        if replace(revised, rev=event.rev) == event:
            return event
        revised = replace(revised, updated_at=desk.tools.now())
        journal.begin(desk.folder)
        desk.folder.append(month_file("events", event.time), records.render(revised))
        _close(desk)
        return revised


__all__: Sequence[str] = ("add_item", "delete_event", "delete_item", "update_event", "update_item", "writing")
