"""Listing: what memory holds, filtered and in order, read from the files as they are now."""

from __future__ import annotations

import dataclasses
import difflib
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from ..config import Settings
from ..edges import buffer
from ..edges.folder import DERIVED, USER_FILE
from ..edges.index.item_places import ItemPlace
from ..edges.index.segment import MESSAGE
from ..edges.llm.ledger import read_usage
from ..errors import CorruptFile, InvalidInput, NotFound
from ..models import FORMAT_VERSION, Entry, Event, Item, Modality, Origin, Resource, Status, Usage
from ..pure import records
from ..pure.lines import ITEM_ID
from ..pure.markdown import entries, parse
from ..pure.rendering import bullet_text
from ..pure.uuids import event_uuid, spelled_id
from .categories import read_category
from .desk import Desk

ALL = "all"
EVENT_KINDS: tuple[str, ...] = get_args(get_type_hints(Event)["kind"])
Moment = datetime | str | None
_DAY = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_POSSIBLE_ID = re.compile(r"\^([a-z0-9]{4,12})")
Filter = TypeVar("Filter", "ItemFilter", "EventFilter", "ResourceFilter")


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items to list; what is None does not matter. `text` is looked for with case folded.

    `since` and `until` are times or ISO texts ("2023", "2023-05", "2023-05-08", a full time) and bear on
    when the item happened, else on when it was said; an `until` of a day, month or year includes it.
    """

    topic: str | None = None
    slot: str | None = None
    type: str | None = None
    subject: str | None = None
    status: str = Status.ACTIVE.value
    origin: str | None = None
    text: str | None = None
    resource: str | None = None
    run: str | None = None
    since: Moment = None
    until: Moment = None
    limit: int | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        _check_choice("status", self.status, [*(status.value for status in Status), ALL])
        _check_choice("origin", self.origin, [origin.value for origin in Origin])
        _check_page(self.limit, self.offset)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to list; `since` and `until` as in ItemFilter, on the event's time."""

    kind: str | None = None
    tag: str | None = None
    text: str | None = None
    resource: str | None = None
    since: Moment = None
    until: Moment = None
    include_deleted: bool = False
    limit: int | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        _check_choice("kind", self.kind, EVENT_KINDS)
        _check_page(self.limit, self.offset)


@dataclass(frozen=True, slots=True)
class ResourceFilter:
    """Which resources to list; `text` is looked for in title and source."""

    modality: str | None = None
    text: str | None = None
    since: Moment = None
    until: Moment = None
    limit: int | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        _check_choice("modality", self.modality, [modality.value for modality in Modality])
        _check_page(self.limit, self.offset)


@dataclass(frozen=True, slots=True)
class Stats:
    """A folder in figures. `bytes` are by kind: resources, items, events, categories, buffer, derived.

    `suggested` are topics that a model would add, as events tell, and that have no file. `usage` is what
    language models took, by step, as far as `.memu/` has kept it.
    """

    user: str
    resources: int
    messages: int
    buffered: int
    items: Mapping[str, int]
    events: int
    categories: int
    entries: int
    bytes: Mapping[str, int]
    segments: int
    rows: int
    fingerprint: str
    pending: int
    version: int = FORMAT_VERSION
    first_date: date | None = None
    last_date: date | None = None
    suggested: tuple[str, ...] = ()
    usage: Mapping[str, Usage] = field(default_factory=dict)


def filter_of(kind: type[Filter], values: Mapping[str, Any]) -> Filter:
    """A filter from its fields by name. Raises InvalidInput that names the nearest right name."""
    check_names("filter", values, [field.name for field in dataclasses.fields(kind)])
    return kind(**values)


def check_names(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raises InvalidInput for the first name that is not known."""
    names = list(known)
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"it is one of {', '.join(names)}"
            raise InvalidInput(f"unknown {what} {name!r}; {hint}")


def item_filter(values: Mapping[str, Any], settings: Settings) -> ItemFilter:
    """As `filter_of`, with the store's item types checked."""
    found = filter_of(ItemFilter, values)
    _check_choice("type", found.type, settings.type_names())
    return found


def _check_choice(name: str, value: object, choices: Iterable[str]) -> None:
    known = list(choices)
    if value is not None and value not in known:
        raise InvalidInput(f"{name} {value!r} is not one of {', '.join(known)}")


def _check_page(limit: object, offset: object) -> None:
    for name, value in (("limit", limit), ("offset", offset)):
        if value is not None and (not isinstance(value, int) or value < 0):
            raise InvalidInput(f"{name} must be a whole number from 0 on, not {value!r}")


# -- time


@dataclass(frozen=True, slots=True)
class Window:
    """From `since` to before `until`; None does not limit."""

    since: datetime | None
    until: datetime | None

    @classmethod
    def of(cls, desk: Desk, since: Moment, until: Moment) -> Window:
        zone = desk.tools.timezone
        return cls(_moment("since", since, zone)[0], _moment("until", until, zone)[1])

    def holds(self, when: datetime | None) -> bool:
        if self.since is None and self.until is None:
            return True
        if when is None:
            return False
        at = aware(when)
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


def _moment(name: str, value: Moment, zone: tzinfo) -> tuple[datetime | None, datetime | None]:
    """First moment of what `value` names and the first after it; an exact time is taken in by `until`."""
    if value is None:
        return None, None
    if isinstance(value, datetime):
        exact = value if value.tzinfo else value.replace(tzinfo=zone)
        return exact, exact + timedelta(microseconds=1)
    if not isinstance(value, str):
        raise InvalidInput(f"{name} must be a time or an ISO 8601 text, not {value!r}")
    try:
        found = _DAY.fullmatch(value.strip())
        if found is None:
            return _moment(name, datetime.fromisoformat(value.strip()), zone)
        return _period(*found.groups(), zone=zone)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            f"{name} {value!r} is not a time such as 2023-05-08 or 2023-05-08T13:56"
        ) from error


def _period(
    year: str | None, month: str | None, day: str | None, *, zone: tzinfo
) -> tuple[datetime, datetime]:
    start = datetime(int(year or 0), int(month or 1), int(day or 1), tzinfo=zone)
    if day:
        return start, start + timedelta(days=1)
    if month and start.month < 12:
        return start, start.replace(month=start.month + 1)
    return start, start.replace(year=start.year + 1, month=1)


def aware(when: datetime) -> datetime:
    """What a person wrote without an offset counts as UTC."""
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def item_time(item: Item) -> datetime:
    """When an item happened, else when it was said, else when it was written."""
    return aware(item.occurred.start if item.occurred else item.mentioned_at or item.created_at)


# -- the profile


def profile(desk: Desk) -> dict[str, dict[str, list[Entry]]]:
    """Topic -> slot -> entries, from the category files as they stand, a person's bullets included."""
    found: dict[str, dict[str, list[Entry]]] = {}
    own_names = desk.own_names()
    for path in desk.folder.category_files():
        topic = Path(path).stem
        slots = found.setdefault(topic, {})
        for entry in file_entries(desk, path, topic):
            item = desk.item(entry.id) if entry.id else None
            pinned = item is None or item.origin is Origin.HUMAN or entry.text != bullet_text(item, own_names)
            slots.setdefault(entry.slot, []).append(dataclasses.replace(entry, pinned=pinned))
    return found


def file_entries(desk: Desk, path: str, topic: str) -> tuple[Entry, ...]:
    """The bullets of one category file. Raises CorruptFile where it is not UTF-8."""
    text = read_category(desk, path) or ""
    view = desk.view()
    known = {match for match in _POSSIBLE_ID.findall(text) if view.item(match) is not None}
    return entries(parse(text, known), topic, path)


# -- items


def items(desk: Desk, wanted: ItemFilter) -> list[Item]:
    """The last revision of each item that the filter takes, in order of time."""
    window = Window.of(desk, wanted.since, wanted.until)
    places = [place for place in desk.view().all_items() if _may_match(place, wanted)]
    found = [item for item in read_items(desk, places) if _matches(item, wanted, window)]
    found.sort(key=lambda item: (item_time(item), item.id))
    return _page(found, wanted.limit, wanted.offset)


def _may_match(place: ItemPlace, wanted: ItemFilter) -> bool:
    """What the index alone can tell."""
    topic, _, slot = place.slot.partition("/")
    return (
        wanted.status in (ALL, place.status.value)
        and wanted.topic in (None, topic)
        and wanted.slot in (None, slot)
    )


def read_items(desk: Desk, places: Iterable[ItemPlace]) -> Iterator[Item]:
    """The items at `places`, each file read once. Raises CorruptFile."""
    by_file: dict[str, list[ItemPlace]] = {}
    for place in places:
        by_file.setdefault(place.file, []).append(place)
    for name, group in by_file.items():
        data = desk.folder.read(name)
        for place in group:
            yield _parse_item(desk, name, place.line, data[place.offset : place.offset + place.length])


def _parse_item(desk: Desk, name: str, line: int, data: bytes) -> Item:
    try:
        return records.parse(Item, data)
    except ValueError as error:
        raise CorruptFile(desk.folder.path(name), line, str(error)) from error


def _matches(item: Item, wanted: ItemFilter, window: Window) -> bool:
    sources = [item.source, *item.corroborations]
    return (
        wanted.type in (None, item.type)
        and wanted.origin in (None, item.origin.value)
        and wanted.run in (None, item.run)
        and (wanted.subject is None or wanted.subject.casefold() == item.subject.casefold())
        and (wanted.text is None or wanted.text.casefold() in item.text.casefold())
        and (wanted.resource is None or any(s is not None and s.resource == wanted.resource for s in sources))
        and window.holds(item.occurred.start if item.occurred else item.mentioned_at)
    )


def item(desk: Desk, item_id: str) -> Item:
    """The last revision of an item. Raises NotFound."""
    found = desk.item(item_id) if ITEM_ID.fullmatch(item_id) else None
    if found is None:
        raise NotFound("item", item_id)
    return found


def item_history(desk: Desk, item_id: str) -> list[Item]:
    """Every revision of an item whose run counts, oldest first. Raises NotFound."""
    item(desk, item_id)
    runs = desk.folder.all_events()
    mark = f'"{item_id}"'.encode()
    found = []
    for name in desk.folder.item_files():
        data = desk.folder.read(name)
        if mark not in data:
            continue
        for number, line in enumerate(data.split(b"\n")[:-1], start=1):
            if mark in line:
                revision = _parse_item(desk, name, number, line)
                if revision.id == item_id and revision.run in runs:
                    found.append(revision)
    return sorted(found, key=lambda revision: revision.rev)


# -- events and resources


def events(desk: Desk, wanted: EventFilter) -> list[Event]:
    """The last revision of each event that the filter takes, in order of time."""
    window = Window.of(desk, wanted.since, wanted.until)
    text = (wanted.text or "").casefold()
    found = [
        event
        for event in desk.folder.all_events().values()
        if (wanted.include_deleted or not event.deleted)
        and wanted.kind in (None, event.kind)
        and (wanted.tag is None or wanted.tag in event.tags)
        and (wanted.resource is None or wanted.resource in event.resources)
        and text in f"{event.title or ''}\n{event.summary}".casefold()
        and window.holds(event.time)
    ]
    found.sort(key=lambda event: (aware(event.time), aware(event.created_at), event.id))
    return _page(found, wanted.limit, wanted.offset)


def event(desk: Desk, event_id: str) -> Event:
    """The last revision of an event that was not deleted, by its id or the UUID of it. Raises NotFound."""
    found = event_named(desk.folder.all_events(), event_id)
    if found is None or found.deleted:
        raise NotFound("event", event_id)
    return found


def event_named(known: Mapping[str, Event], event_id: str) -> Event | None:
    """The event with this id, or with the UUID that clients know it by; None where there is none."""
    if event_id in known:
        return known[event_id]
    try:
        value = uuid.UUID(event_id)
    except ValueError:
        return None
    spelled = spelled_id(value)
    if spelled is not None:
        return known.get(spelled[1])
    return next((event for event in known.values() if event_uuid(event.id) == value), None)


def resources(desk: Desk, wanted: ResourceFilter) -> list[Resource]:
    """What came in and the filter takes, in order of time."""
    window = Window.of(desk, wanted.since, wanted.until)
    text = (wanted.text or "").casefold()
    found = [
        resource
        for resource in map(desk.folder.resource, desk.folder.resource_ids())
        if wanted.modality in (None, resource.modality.value)
        and text in f"{resource.title or ''}\n{resource.source}".casefold()
        and window.holds(resource.created_at)
    ]
    found.sort(key=lambda resource: (aware(resource.created_at), resource.id))
    return _page(found, wanted.limit, wanted.offset)


def resource(desk: Desk, resource_id: str) -> Resource:
    return desk.folder.resource(resource_id)


def resource_lines(desk: Desk, resource_id: str, first: int = 1, last: int | None = None) -> list[str]:
    """Lines `first` to `last` of a resource's text, from 1, both included; fewer where it ends before."""
    if first < 1 or (last is not None and last < first):
        raise InvalidInput(f"lines {first} to {last} are no range: they count from 1, first before last")
    data = desk.folder.resource_text(desk.folder.resource(resource_id))
    lines = data.decode("utf-8", "replace").split("\n")
    if lines[-1] == "":
        lines.pop()
    return lines[first - 1 : last]


T = TypeVar("T")


def _page(found: list[T], limit: int | None, offset: int) -> list[T]:
    return found[offset : None if limit is None else offset + limit]


# -- figures


def _entry_counts(desk: Desk) -> dict[str, int]:
    """How many entries each topic shows; of a file that is not UTF-8, those that can be read."""
    texts = {path: desk.folder.read(path).decode("utf-8", "replace") for path in desk.folder.category_files()}
    topics = {Path(path).stem: (path, text) for path, text in texts.items()}
    return {topic: len(entries(parse(text), topic, path)) for topic, (path, text) in topics.items()}


def stats(desk: Desk) -> Stats:
    """Figures of the folder, from its files and its index."""
    view = desk.view()
    told = desk.folder.all_events().values()
    read = {name for event in told if event.kind != "forget" for name in event.resources}
    stored = desk.folder.resource_ids()
    days = view.day[view.day > 0]
    shown = _entry_counts(desk)
    return Stats(
        user=desk.folder.user_id,
        resources=len(stored),
        messages=int(sum((segment.rows["kind"] == MESSAGE).sum() for segment in desk.index.segments)),
        buffered=buffer.waiting(desk.folder),
        items={
            **{status.value: 0 for status in Status},
            **Counter(place.status.value for place in view.all_items()),
        },
        events=sum(not event.deleted for event in told),
        categories=len(shown),
        entries=sum(shown.values()),
        bytes=_bytes(desk),
        segments=len(desk.index.segments),
        rows=view.size,
        fingerprint=desk.index.fingerprint,
        pending=sum(name not in read for name in stored),
        first_date=date.fromordinal(int(days.min())) if len(days) else None,
        last_date=date.fromordinal(int(days.max())) if len(days) else None,
        suggested=tuple(sorted({name for event in told for name in event.suggested} - shown.keys())),
        usage=read_usage(desk.folder.derived),
    )


_KINDS = ("resources", "items", "events", "categories", "buffer", "derived")


def _bytes(desk: Desk) -> dict[str, int]:
    sizes = dict.fromkeys(_KINDS, 0)
    root = desk.folder.root
    for path in root.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        top = path.relative_to(root).parts[0]
        kind = {DERIVED: "derived", USER_FILE: "items"}.get(
            top, "buffer" if top.startswith("buffer") else top
        )
        if kind in sizes:
            sizes[kind] += path.stat().st_size
    return sizes
