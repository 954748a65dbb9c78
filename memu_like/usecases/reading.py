"""Reading a memory the way a person would: contents, categories, items, lines, and finding words.

Everything comes from the files as they stand; nothing is embedded. What a person has taken back is not there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from ..edges.index.item_places import ItemPlace
from ..edges.index.segment import CHUNK, MESSAGE, Session
from ..edges.index.view import View
from ..models import Entry, Status
from ..pure.markdown import entries, parse
from ..pure.merging import standing_summary
from ..pure.secrets import mask_secrets
from ..results import Hit
from .categories import category_path, read_category
from .desk import Desk
from .listing import item_time
from .retrieve import SURPLUS, Found, shown_rows
from .search import Ranked, search

MAX_SESSIONS = 60
"""Resources in a table of contents, the latest first; older ones are found by words, or from items."""


@dataclass(frozen=True, slots=True)
class CategoryView:
    """A category as a table of contents shows it: `slots` with their entries, `items` by status."""

    name: str
    path: str
    description: str
    summary: str
    slots: dict[str, int]
    items: dict[str, int]
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class SessionView:
    """A resource, or what is buffered (then `resource` is "")."""

    resource: str
    file: str
    title: str
    time: datetime
    lines: int

    @property
    def key(self) -> str:
        return self.resource or self.file


@dataclass(frozen=True, slots=True)
class Contents:
    """The table of contents; `older` resources are not listed."""

    categories: tuple[CategoryView, ...] = ()
    sessions: tuple[SessionView, ...] = ()
    older: int = 0
    problems: tuple[str, ...] = field(default=())


def contents(desk: Desk) -> Contents:
    view = desk.view()
    counts = Counter((place.slot.partition("/")[0], place.status) for place in view.all_items())
    categories = [_category(desk, path, counts) for path in desk.folder.category_files()]
    sessions = sorted(map(_session, view.sessions()), key=lambda one: (one.time, one.key), reverse=True)
    told = _told(desk)
    shown = (replace(one, title=told.get(one.key) or one.title) for one in sessions[:MAX_SESSIONS])
    return Contents(
        tuple(one for one in categories if one.slots or one.items),
        tuple(shown),
        max(len(sessions) - MAX_SESSIONS, 0),
        tuple(desk.index.problems),
    )


def _category(desk: Desk, path: str, counts: Counter[tuple[str, Status]]) -> CategoryView:
    name = path.removeprefix("categories/").removesuffix(".md")
    text = read_category(desk, path) or ""
    document, view = parse(text), desk.view()
    shown = _standing(view, entries(document, name, path))
    places = [place for entry in shown if entry.id and (place := view.item(entry.id))]
    times = [item_time(desk.item_of(one)) for one in places]
    of_status = {s.value: counts[name, s] for s in (Status.ACTIVE, Status.SUPERSEDED) if counts[name, s]}
    return CategoryView(
        name=name,
        path=path,
        description=_masked(desk, document.get("description") or ""),
        summary=_masked(desk, standing_summary(text)),
        slots=dict(Counter(entry.slot for entry in shown)),
        items=of_status,
        first=min(times, default=None),
        last=max(times, default=None),
    )


def _told(desk: Desk) -> dict[str, str]:
    """What the runs recorded of each resource: its title, else the summary."""
    return {
        resource: _masked(desk, event.title or event.summary)
        for event in desk.folder.all_events().values()
        if event.kind == "memorize" and not event.deleted
        for resource in event.resources
    }


def _session(session: Session) -> SessionView:
    time = datetime.fromisoformat(session.time)
    return SessionView(session.resource, session.file, session.title, time, session.rows)


def _entries(desk: Desk, topic: str) -> Sequence[Entry]:
    """A category's bullets; one that carries the id of an item that was taken back is left out."""
    path = category_path(topic)
    return _standing(desk.view(), entries(parse(read_category(desk, path) or ""), topic, path))


def _standing(view: View, found: Sequence[Entry]) -> list[Entry]:
    places = [view.item(entry.id) if entry.id else None for entry in found]
    return [
        entry
        for entry, place in zip(found, places, strict=True)
        if place is None or place.status is not Status.RETRACTED
    ]


def category_hit(category: CategoryView) -> Found:
    """A category as a whole: its summary, or its description."""
    text = category.summary or category.description or category.name
    hit = Hit("category", 0.0, text, category.last, category.name, category.path, 1, category=category.name)
    return Found(hit, (), ())


def read_entries(desk: Desk, topic: str) -> list[Found]:
    """The bullets of a category, at their lines of its file."""
    return [_entry(desk, entry) for entry in _entries(desk, topic)]


def _entry(desk: Desk, entry: Entry) -> Found:
    behind = _item(desk, entry.id) if entry.id else None
    item = behind.items[0] if behind else None
    hit = Hit(
        tier="category",
        score=0.0,
        text=_masked(desk, entry.text),
        date=behind.hit.date if behind else None,
        title=f"{entry.topic}/{entry.slot}",
        path=entry.path,
        line=entry.line,
        speaker=item.subject if item else None,
        resource_id=behind.hit.resource_id if behind else None,
        item_ids=(item.id,) if item else (),
        category=entry.topic,
        slot=entry.slot,
        occurred=item.occurred if item else None,
        superseded=item is not None and item.status is Status.SUPERSEDED,
    )
    return Found(hit, behind.items if behind else (), behind.places if behind else ())


def read_items(desk: Desk, topic: str, slot: str, statuses: Sequence[Status]) -> list[Found]:
    """The items of a category, or of one of its slots, the latest first."""
    wanted = f"{topic}/{slot}"
    places = [
        place
        for place in desk.view().all_items()
        if place.status in statuses and (place.slot == wanted or (not slot and place.slot.startswith(wanted)))
    ]
    found = [_of_place(desk, place) for place in places]
    return sorted(found, key=lambda one: (item_time(one.items[0]), one.items[0].id), reverse=True)


def read_item(desk: Desk, item_id: str) -> Found | None:
    """One item; None where it is not there or was taken back."""
    return _item(desk, item_id)


def _item(desk: Desk, item_id: str) -> Found | None:
    place = desk.view().item(item_id)
    return _of_place(desk, place) if place and place.status is not Status.RETRACTED else None


def _of_place(desk: Desk, place: ItemPlace) -> Found:
    item = desk.item_of(place)
    session = _find_session(desk.view(), item.source.resource)[1] if item.source else None
    hit = Hit(
        tier="item",
        score=0.0,
        text=_masked(desk, item.text),
        date=item.mentioned_at or (datetime.fromisoformat(session.time) if session else None),
        title=session.title if session else "",
        path=place.file,
        line=place.line,
        speaker=item.subject,
        resource_id=item.source.resource if item.source else None,
        item_ids=(item.id,),
        category=item.topic,
        slot=item.slot,
        occurred=item.occurred,
        superseded=item.status is Status.SUPERSEDED,
    )
    return Found(hit, (item,), (place,))


def _find_session(view: View, key: str) -> tuple[int, Session | None]:
    """A resource (or buffer, by its file) and the number of its first row."""
    for start, segment in zip(view.starts.tolist(), view.segments, strict=False):
        for session in segment.sessions:
            if (session.resource or session.file) == key:
                return start + session.start, session
    return 0, None


def session_of(desk: Desk, key: str) -> SessionView | None:
    found = _find_session(desk.view(), key)[1]
    return _session(found) if found else None


def read_lines(desk: Desk, key: str, first: int, last: int) -> list[Found]:
    """Messages, or passages of a document, that begin in lines `first` to `last` of a resource.

    A passage that begins before `first` and may reach into it comes first.
    """
    view = desk.view()
    start, session = _find_session(view, key)
    if session is None:
        return []
    rows = list(_rows(view, start, session))
    inside = [row for row, line, _ in rows if first <= line <= last]
    before = [row for row, line, kind in rows if line < first and kind == CHUNK]
    if before and not any(line == first for _, line, _ in rows):
        inside.insert(0, before[-1])
    return shown_rows(desk, view, [Ranked(row, 0.0) for row in inside], len(inside))[0]


def _rows(view: View, start: int, session: Session) -> Iterator[tuple[int, int, int]]:
    """(row, line, kind) of what was said or written in a session, in order."""
    for row in range(start, start + session.rows):
        segment, local = view.locate(row)
        kind = int(segment.rows["kind"][local])
        if kind in (MESSAGE, CHUNK) and view.alive[row]:
            yield row, int(segment.rows["line"][local]), kind


def find_words(desk: Desk, words: str, count: int) -> tuple[list[Found], tuple[str, ...]]:
    """What holds any of the words, or one near it, best first; and what could not be read.

    The words are looked up, not embedded.
    """
    view = desk.view()
    ranked = search(desk, view, words, np.zeros(0, dtype=np.float32), SURPLUS * count + 10, explain=True)
    held = [Ranked(one.row, 0.0) for one in ranked if one.signals["lex"] > 0]
    return shown_rows(desk, view, held, count)


def _masked(desk: Desk, text: str) -> str:
    return mask_secrets(text)[0] if desk.settings.mask_secrets else text
