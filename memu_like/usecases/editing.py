"""Editing by hand: each edit is a run, as safe as any, and what it says is a person's word from then on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ..config import Settings
from ..edges import buffer, journal
from ..edges.folder import month_file
from ..errors import Conflict, InvalidInput, NotFound, StorageError
from ..models import Event, Item, ItemType, Occurred, Origin, ProfileDelta, Status
from ..pure import records
from ..pure.edits import is_by_hand
from ..pure.entering import entered_slot, entered_text, entered_topic, entered_words
from ..pure.lines import ITEM_ID
from ..pure.merging import bullets_of
from ..pure.reconciling import item_id as make_item_id
from ..pure.rendering import bullet_text
from .categories import (
    Rendered,
    Wishes,
    category_path,
    extra_topics,
    read_base,
    read_category,
    render_categories,
)
from .desk import Desk
from .expecting import NOTHING, Expected
from .listing import check_names
from .memorize import settle
from .runs import new_run_id
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


def add_item(desk: Desk, text: str, topic: str, slot: str, fields: Mapping[str, Any]) -> Item:
    """Write an item by hand. `fields` may hold type, subject, keywords, tags and occurred."""
    check_names("field", fields, [name for name in ITEM_FIELDS if name not in ("text", "topic", "slot")])
    values = _item_values(desk, {**fields, "text": text, "topic": topic, "slot": slot})
    with desk.folder.lock(buffer.LOCK, desk.settings.lock_timeout_seconds):
        desk.folder.create()
    with writing(desk):
        now = desk.tools.now()
        run = new_run_id(now)
        item = Item(
            id=_fresh_id(desk, run, str(values["text"])),
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
        return _apply(desk, None, item, "added", None)


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


def _fresh_id(desk: Desk, run: str, text: str) -> str:
    salt = 0
    while desk.item(found := make_item_id(run, 0, text, salt)) is not None:
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
            values["categories"] = (entered_topic(value, _known_topics(desk)),)
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


def _known_topics(desk: Desk) -> list[str]:
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
    if standing is not None and "\n" in standing:
        raise InvalidInput(f"{path}: the entry ^{item.id} has several lines: edit it in the file")
    return standing


# -- a run


@dataclass(frozen=True, slots=True)
class _Steps:
    """How the category files follow an edit: a moved bullet is taken out first, then put in anew."""

    vacated: Rendered | None
    filled: Rendered | None
    delta: tuple[ProfileDelta, ...]


def _apply(desk: Desk, old: Item | None, new: Item, done: str, standing: str | None) -> Item:
    now = desk.tools.now()
    run = new.run if old is None else new_run_id(now)
    item = replace(
        new,
        rev=new.rev + 1,
        run=run,
        created_at=now,
        origin=Origin.HUMAN,
        reason=f"{done} by the user",
        shown=True,
        model=None,
    )
    steps = _steps(desk, old, item, {} if standing is None else {item.id: standing})
    event = Event(run, "edit", now, now, items=(item.id,), profile_delta=steps.delta, reason=item.reason)
    _commit(desk, item, event)
    if steps.vacated is not None:
        steps.vacated.write(desk)
    filled = steps.filled or render_categories(desk, [item])
    filled.write(desk)
    _close(desk)
    return item


def _steps(desk: Desk, old: Item | None, item: Item, adopted: Mapping[str, str]) -> _Steps:
    if old is None or (old.topic, old.slot) == (item.topic, item.slot):
        rendered = _checked(render_categories(desk, [item], Wishes(adopted)))
        return _Steps(None, rendered, rendered.delta)
    gone = replace(old, status=Status.SUPERSEDED)
    vacated = _checked(render_categories(desk, [gone], Wishes(adopted)))
    _checked(render_categories(desk, [item]))
    text = bullet_text(item, desk.own_names())
    return _Steps(vacated, None, (*vacated.delta, ProfileDelta("add", item.topic, item.slot, item.id, text)))


def _checked(rendered: Rendered) -> Rendered:
    """An edit that the profile could not show is refused before anything is written."""
    if rendered.problems:
        raise StorageError(rendered.problems[0])
    return rendered


def _commit(desk: Desk, item: Item, event: Event) -> None:
    journal.begin(desk.folder)
    month = month_file("items", item.mentioned_at or item.created_at)
    desk.folder.append(month, records.render(item))
    desk.folder.append(month_file("events", event.time), records.render(event))


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
        event = desk.folder.all_events().get(event_id)
        if event is None or event.deleted:
            raise NotFound("event", event_id)
        expected.check(f"event {event_id}", [event.summary], event.rev, event.summary)
        revised = replace(event, rev=event.rev + 1, **values)
        if replace(revised, rev=event.rev) == event:
            return event
        journal.begin(desk.folder)
        desk.folder.append(month_file("events", event.time), records.render(revised))
        _close(desk)
        return revised


__all__: Sequence[str] = ("add_item", "delete_event", "delete_item", "update_event", "update_item", "writing")
