"""What another service remembers, written into a folder: its profile, its events, and what came in there.

Everything gets an id that is made of the service's own, so that what is imported once more is found to be
there; an import that was killed is simply done again. Each batch is one run, all or nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from ..edges import journal, pending
from ..edges.index.reading import embed_rows
from ..errors import Conflict, InvalidInput
from ..models import Blob, Draft, Event, Item, ItemType, Origin, Status
from ..pure.client_names import name_key, slot_of, topic_of
from ..pure.entering import MAX_TEXT, entered_text
from ..pure.markdown import parse
from ..pure.memobase_records import RemoteEvent, RemoteProfile, RemoteStatement
from ..pure.reconciling import item_id
from ..pure.slotting import assign_slots
from . import blobs as blob_store
from . import users as accounts
from .buffering import loaded_from
from .categories import Wishes, category_path, read_category, render_categories
from .desk import Desk
from .editing import known_topics, writing
from .intake import stage
from .memorize import unread_resources
from .renames import follow_renames
from .runs import commit, new_run_id

SOURCE = "memobase"
WEIGHT = 1.0
"""What a service chose for a profile tells as much as what a person wrote."""
MAX_SUMMARY, MAX_TAG = 20_000, 400
"""Characters: a summary is of a long conversation, and a tag is a name and a value."""
_BREAKS = ("\n", ". ", "; ", ", ", " ")
_KINDS = {RemoteProfile: "profile", RemoteEvent: "event", Blob: "blob"}
Record = TypeVar("Record", RemoteProfile, RemoteEvent, Blob)
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Imported:
    """Of one batch: how many records were written, how many were there, and what was refused, and why."""

    added: int = 0
    known: int = 0
    refused: tuple[str, ...] = ()


@contextmanager
def _held(desk: Desk, dry_run: bool) -> Iterator[None]:
    """The folder to write in, or to look at only."""
    if dry_run:
        yield
        return
    with writing(desk):
        yield


# -- the user


def take_user(desk: Desk, data: Mapping[str, Any] | None) -> str:
    """Make the user with what the application keeps about it; returns what was done otherwise, or "".

    Data that the user has here already stays.
    """
    try:
        accounts.create(desk, data)
    except Conflict:
        if accounts.record(desk).data:
            return "the user has other data here, which stays"
        accounts.set_data(desk, data)
    except InvalidInput as error:
        accounts.create(desk, None)
        return f"the user's data was left out: {error}"
    return ""


# -- the profile


def take_profiles(desk: Desk, profiles: Sequence[RemoteProfile], *, dry_run: bool = False) -> Imported:
    """Each becomes an item with its own times, shown in the slot of its names."""
    with _held(desk, dry_run):
        own = {profile_item_id(one.id): one for one in reversed(profiles)}  # of two with one id, the first
        new = [one for identity, one in reversed(own.items()) if desk.item(identity) is None]
        run = new_run_id(desk.tools.now())
        places = Places(desk)
        drafts, refused = _collected(new, lambda one: _profile_drafts(desk, places, one))
        items = _profile_items(desk, [(one, draft) for one, made in drafts for draft in made], run)
        if items and not dry_run:
            _write_profile(desk, items, run, places.titles)
        return Imported(len(drafts), len(profiles) - len(new), refused)


def profile_item_id(profile_id: str, part: int = 0) -> str:
    """The id of the item that a profile's entry becomes, or a part of a very long one."""
    return item_id(f"{SOURCE} profile", part, profile_id, 0)


def _profile_drafts(desk: Desk, places: Places, one: RemoteProfile) -> list[Draft]:
    topic, slot = places.of(one.topic, one.sub_topic)
    texts = pieces(entered_text("content", one.content, mask=desk.settings.mask_secrets, limit=10**6))
    return [_draft(desk, text, ItemType.PROFILE, topic, slot) for text in texts]


def _profile_items(desk: Desk, drafts: Sequence[tuple[RemoteProfile, Draft]], run: str) -> list[Item]:
    homes = follow_renames(desk, [draft for _, draft in drafts])
    items: list[Item] = []
    parts: dict[str, int] = {}
    for (one, _), draft in zip(drafts, homes, strict=True):
        part = parts.get(one.id, 0)
        parts[one.id] = part + 1
        item = _item(draft, profile_item_id(one.id, part), run, one.updated_at, one.created_at)
        items.append(replace(item, reason=f"imported from Memobase: profile {one.id}"))
    return items


def _write_profile(desk: Desk, items: Sequence[Item], run: str, titles: Mapping[str, str]) -> None:
    now = desk.tools.now()
    rendered = render_categories(desk, items, Wishes(titles=titles))
    event = Event(
        id=run,
        kind="import",
        created_at=now,
        time=now,
        items=tuple(item.id for item in items),
        profile_delta=rendered.delta,
        reason="the profile, imported from Memobase",
    )
    journal.begin(desk.folder)
    commit(desk, items, [event])
    rendered.write(desk)
    _close(desk)


# -- events


def take_events(
    desk: Desk,
    events: Sequence[RemoteEvent],
    profiles: Sequence[RemoteProfile] = (),
    *,
    dry_run: bool = False,
) -> Imported:
    """Each becomes an event of its own time. What it says becomes items that the profile leaves out, but for
    what one of the `profiles`, imported before, says in the same words."""
    with _held(desk, dry_run):
        there = desk.folder.all_events() if desk.folder.exists() else {}
        own = {event_run(one): one for one in reversed(events)}
        new = [one for run, one in reversed(own.items()) if run not in there]
        places = Places(desk)
        made, refused = _collected(new, lambda one: _event_drafts(desk, places, one))
        if made and not dry_run:
            _write_events(desk, made, _said_by(desk, profiles))
        return Imported(len(made), len(events) - len(new), refused)


def event_run(event: RemoteEvent) -> str:
    """The id of the event that an event from elsewhere becomes: its second, and 40 bits of its id."""
    digest = hashlib.sha256(f"{SOURCE} event {event.id}".encode()).hexdigest()
    return f"{event.created_at:%Y%m%d%H%M%S}-{digest[:10]}"


def _event_drafts(desk: Desk, places: Places, one: RemoteEvent) -> tuple[Event, list[Draft]]:
    mask = desk.settings.mask_secrets
    summary = one.summary and entered_text("event_tip", one.summary, mask=mask, limit=MAX_SUMMARY)
    event = Event(
        id=event_run(one),
        kind="import",
        created_at=one.created_at,
        time=one.created_at,
        summary=summary,
        tags=tuple(entered_text("a tag", tag, mask=mask, limit=MAX_TAG) for tag in one.tags),
        updated_at=one.updated_at if one.updated_at > one.created_at else None,
    )
    return event, [draft for said in one.statements for draft in _statement_drafts(desk, places, said)]


def _statement_drafts(desk: Desk, places: Places, said: RemoteStatement) -> list[Draft]:
    text = entered_text("content", said.text, mask=desk.settings.mask_secrets, limit=10**6)
    topic, slot = places.of(said.topic, said.sub_topic) if said.topic else ("", "")
    kind = ItemType.PROFILE if topic else ItemType.EVENT
    return [_draft(desk, piece, kind, topic, slot) for piece in pieces(text)]


def _said_by(desk: Desk, profiles: Sequence[RemoteProfile]) -> dict[str, str]:
    """The words of a profile's entries -> their items."""
    found = {one.content: desk.item(profile_item_id(one.id)) for one in profiles}
    return {text: item.id for text, item in found.items() if item and item.status is Status.ACTIVE}


def _write_events(
    desk: Desk, made: Sequence[tuple[RemoteEvent, tuple[Event, list[Draft]]]], known: Mapping[str, str]
) -> None:
    fresh = [draft for _, (_, own) in made for draft in own if draft.text not in known]
    homes = iter(_at_home(desk, fresh))
    items: list[Item] = []
    events: list[Event] = []
    for _, (event, own) in made:
        told: list[str] = []
        for number, draft in enumerate(own):
            if draft.text not in known:
                items.append(_statement(next(homes), event, number))
            told.append(known.get(draft.text) or items[-1].id)
        events.append(replace(event, items=tuple(dict.fromkeys(told))))
    journal.begin(desk.folder)
    commit(desk, items, events)
    _close(desk)


def _at_home(desk: Desk, drafts: Sequence[Draft]) -> list[Draft]:
    """Each in the slot that it names, as a person may have renamed it; else where its words belong."""
    homeless = [draft for draft in drafts if not draft.topic]
    vectors = embed_rows([draft.text for draft in homeless], desk.tools.words)
    rows = vectors if vectors.shape[1] else None
    assigned = iter(assign_slots(homeless, rows, desk.tools.slot_table()) if homeless else ())
    return follow_renames(desk, [draft if draft.topic else next(assigned) for draft in drafts])


def _statement(draft: Draft, event: Event, number: int) -> Item:
    identity = item_id(f"{SOURCE} {event.id}", number, draft.text, 0)
    return replace(_item(draft, identity, event.id, event.created_at, event.time), shown=False)


# -- blobs


def take_blobs(desk: Desk, blobs: Sequence[Blob], *, dry_run: bool = False) -> Imported:
    """What the service has read is kept, and not read again: each becomes a resource, or lines of one."""
    with _held(desk, dry_run):
        unread = frozenset() if dry_run else frozenset(one.resource.id for one in unread_resources(desk))
        kept = _kept_ids(desk, blobs, unread)
        new = [one for one in blobs if one.id not in kept]
        made, refused = _collected(new, lambda one: blob_store.lines_of(desk, one, str(one.id)))
        if made and not dry_run:
            _keep(desk, [line for _, lines in made for line in lines], unread)
        return Imported(len(made), len(blobs) - len(new), refused)


def take_waiting(desk: Desk, blobs: Sequence[Blob], *, dry_run: bool = False) -> Imported:
    """What the service has not read yet goes to the buffer."""
    known, refused = _collected(blobs, partial(blob_store.is_known, desk))
    new = [one for one, there in known if not there]
    if not dry_run:
        inserted, more = _collected(new, partial(blob_store.insert, desk))
        return Imported(len(inserted), len(known) - len(new), (*refused, *more))
    return Imported(len(new), len(known) - len(new), refused)


def _kept_ids(desk: Desk, blobs: Sequence[Blob], unread: frozenset[str]) -> frozenset[str]:
    """Those of the blobs all of which came in; one in a resource that no event tells of may be cut short."""
    if not desk.folder.exists():
        return frozenset()
    buffered = {mark.id for _, mark, _ in blob_store.buffered_lines(desk)}
    desk.blobs.refresh()
    places = {str(one.id): desk.blobs.of(str(one.id)) for one in blobs}
    stored = {one for one, found in places.items() if found and unread.isdisjoint(p.resource for p in found)}
    return frozenset(stored | (buffered - {one for one, found in places.items() if found}))


def _keep(desk: Desk, lines: Sequence[dict[str, Any]], unread: frozenset[str]) -> None:
    """Resources with one event that tells of them. Until it is there, they are among the runs that wait, so
    that nobody who finishes what was cut short runs on them."""
    now = desk.tools.now()
    loaded = [replace(one, source=SOURCE) for one in loaded_from(desk, lines)]
    intake = stage(desk, loaded, now)
    told = {one.resource.id for one in intake.staged}
    resources = tuple(one for one in intake.resources if one in told or one in unread)
    pending.add(desk.folder, resources, now)
    desk.folder.write_resources([(one.resource, one.data, one.text) for one in intake.staged])
    journal.begin(desk.folder)
    reason = "what came in, imported from Memobase"
    event = Event(new_run_id(now), "import", now, now, resources=resources, reason=reason)
    commit(desk, (), [event])
    pending.remove(desk.folder, resources)
    _close(desk)


# -- what they share


class Places:
    """The topics and slots of a folder under the names that a client gives them, those of the batch too.

    `titles` are what the client called new topics.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._topics = known_topics(desk)
        self._slots: dict[str, list[str]] = {}
        self._found: dict[tuple[str, str], tuple[str, str]] = {}
        self.titles: dict[str, str] = {}

    def of(self, topic: str, sub_topic: str) -> tuple[str, str]:
        """Raises InvalidInput."""
        key = topic, sub_topic
        if key not in self._found:
            self._found[key] = self._placed(topic, sub_topic)
        return self._found[key]

    def _placed(self, topic: str, sub_topic: str) -> tuple[str, str]:
        found = topic_of(topic, self._topics)
        known = self._slots_of(found)
        slot = slot_of(sub_topic, known)
        if found not in self._topics:
            self._topics.append(found)
            self.titles[found] = topic.strip()
        if not any(name_key(one) == name_key(slot) for one in known):
            known.append(slot)
        return found, slot

    def _slots_of(self, topic: str) -> list[str]:
        if topic not in self._slots:
            configured = [s.name for c in self._desk.tools.categories if c.name == topic for s in c.slots]
            standing = parse(read_category(self._desk, category_path(topic)) or "").sections
            self._slots[topic] = [*(one.slot for one in standing if one.slot), *configured]
        return self._slots[topic]


def pieces(text: str, limit: int = MAX_TEXT) -> list[str]:
    """A text that is longer than an item may be, in parts, cut behind a line, a sentence or a word."""
    found: list[str] = []
    while len(text) > limit:
        ends = (text.rfind(mark, limit // 2, limit) + len(mark) for mark in _BREAKS)
        end = next((end for end, mark in zip(ends, _BREAKS, strict=True) if end >= len(mark)), limit)
        found.append(text[:end].strip())
        text = text[end:].strip()
    return [one for one in (*found, text) if one]


def _collected(
    records: Sequence[Record], make: Callable[[Record], Made]
) -> tuple[list[tuple[Record, Made]], tuple[str, ...]]:
    """Each record with what is made of it; of those that cannot be taken in, why."""
    made: list[tuple[Record, Made]] = []
    refused: list[str] = []
    for one in records:
        try:
            made.append((one, make(one)))
        except (InvalidInput, Conflict) as error:
            refused.append(f"{_KINDS[type(one)]} {one.id}: {error}")
    return made, tuple(refused)


def _draft(desk: Desk, text: str, kind: ItemType, topic: str, slot: str) -> Draft:
    return Draft(text, desk.folder.user_id, kind, 0, topic=topic, slot=slot)


def _item(draft: Draft, identity: str, run: str, created_at: datetime, mentioned_at: datetime) -> Item:
    return Item(
        id=identity,
        rev=1,
        status=Status.ACTIVE,
        type=draft.type,
        text=draft.text,
        subject=draft.subject,
        categories=(draft.topic,),
        slot=draft.slot,
        run=run,
        created_at=created_at,
        origin=Origin.IMPORT,
        mentioned_at=mentioned_at,
        weight=WEIGHT,
    )


def _close(desk: Desk) -> None:
    desk.index.refresh()
    desk.index.persist()
    journal.end(desk.folder)
