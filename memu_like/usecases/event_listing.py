"""Events as clients know them: the runs that took something in, within a span of time, as records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypedDict, get_args

from ..edges.folder import Line
from ..errors import CorruptFile, InvalidInput
from ..models import Event, Item, ItemType, ProfileDelta, Status
from ..pure import records
from ..pure.keeping import keeping
from ..pure.secrets import mask_secrets
from ..pure.uuids import event_uuid, item_uuid
from ..results import EventRecord, Gist
from .desk import Desk
from .listing import Window, aware, check_names

By = Literal["any", "happened", "said", "stored"]
DAYS = 180
"""Of a search that names no span: Memobase's default."""
TAKEN_IN = ("memorize", "import")
"""The kinds of runs that clients know as events."""


class Span(TypedDict, total=False):
    """When events were: the options of every search.

    time_range_in_days: from so many days ago on, None for all. since, until: times or ISO texts, as in
    ItemFilter, which replace it. by: which time counts: when something "happened", as its statements say,
    when it was "said", when it was "stored", or "any" of them.
    """

    time_range_in_days: int | None
    since: datetime | str | None
    until: datetime | str | None
    by: By


@dataclass(frozen=True, slots=True)
class Listed:
    """An event without what only its record tells, and the line of its last revision."""

    event: Event
    line: Line


@dataclass(frozen=True, slots=True)
class _Times:
    window: Window
    by: By

    def hold(self, desk: Desk, event: Event) -> bool:
        if self.window == _ALWAYS:
            return True
        said = self.by in ("any", "said") and self.window.holds(event.time)
        stored = self.by in ("any", "stored") and self.window.holds(event.created_at)
        return said or stored or (self.by in ("any", "happened") and self._happened(desk, event))

    def _happened(self, desk: Desk, event: Event) -> bool:
        times = (item.occurred for item in items_of(desk, event))
        since, until = self.window.since, self.window.until
        return any(
            when is not None
            and (until is None or aware(when.start) < until)
            and (since is None or aware(when.end) > since)
            for when in times
        )


_ALWAYS = Window(None, None)


def within(desk: Desk, span: Span, days: int | None = DAYS) -> list[Listed]:
    """The events that clients see, newest first. `days` is what a span that names none means.

    Raises InvalidInput.
    """
    times = _times(desk, span, days)
    return [one for one in listed(desk) if _is_seen(one.event) and times.hold(desk, one.event)]


def _times(desk: Desk, span: Span, days: int | None) -> _Times:
    check_names("option", span, Span.__annotations__)
    by = span.get("by", "any")
    if by not in get_args(By):
        raise InvalidInput(f"by {by!r} is not one of {', '.join(get_args(By))}")
    since, until = span.get("since"), span.get("until")
    if since is not None or until is not None:
        return _Times(Window.of(desk, since, until), by)
    days = span.get("time_range_in_days", days)
    if days is None:
        return _Times(_ALWAYS, by)
    if isinstance(days, bool) or not isinstance(days, int) or days < 0:
        raise InvalidInput(f"time_range_in_days must be a whole number from 0 on, or None, not {days!r}")
    now = desk.tools.now()
    return _Times(Window(now - timedelta(days), None) if days < now.toordinal() else _ALWAYS, by)


def listed(desk: Desk) -> tuple[Listed, ...]:
    """All events in their last revision, those of every kind, newest first. Read when a file has changed."""
    desk.view()
    state = {name: size for name, size in desk.index.files.items() if name.startswith("events/")}
    return desk.made("events", state, lambda: _read(desk))


def _read(desk: Desk) -> tuple[Listed, ...]:
    latest: dict[str, Listed] = {}
    for name in desk.folder.event_files():
        for line, event in desk.folder.event_lines(name):
            if event.id not in latest or event.rev >= latest[event.id].event.rev:
                light = replace(event, profile_delta=(), dropped=(), usage=None, suggested=())
                latest[event.id] = Listed(light, line)
    return tuple(sorted(latest.values(), key=_order, reverse=True))


def _order(one: Listed) -> tuple[datetime, datetime, str]:
    return aware(one.event.time), aware(one.event.created_at), one.event.id


def _is_seen(event: Event) -> bool:
    """An import with a reason brought a profile or resources in, and is no event of the user's."""
    moved = event.kind == "import" and event.reason is not None
    told = bool(event.items or event.summary)
    return not event.deleted and event.kind in TAKEN_IN and told and not moved


def items_of(desk: Desk, event: Event) -> list[Item]:
    """The items that an event's run touched, in their last revision; those that were retracted are not."""
    view = desk.view()
    places = (view.item(item_id) for item_id in event.items)
    return [desk.item_of(place) for place in places if place and place.status is not Status.RETRACTED]


def record(
    desk: Desk,
    one: Listed,
    similarity: float | None = None,
    near: Mapping[str, float] | None = None,
) -> EventRecord:
    """The record of an event; `near` is the similarity of items, by id. Raises CorruptFile."""
    event = _whole(desk, one)
    items = items_of(desk, event)
    return EventRecord(
        id=str(event_uuid(event.id)),
        event=event.id,
        time=event.time,
        tip=masked(desk, event.summary),
        profile_delta=_imported_delta(event, items) if event.kind == "import" else event.profile_delta,
        tags=event.tags,
        gists=tuple(gist(desk, event, item, (near or {}).get(item.id)) for item in items),
        created_at=event.created_at,
        updated_at=event.updated_at or event.created_at,
        similarity=similarity,
    )


def _imported_delta(event: Event, items: Sequence[Item]) -> tuple[ProfileDelta, ...]:
    """What an event from elsewhere changed there; here it is kept beside the profile."""
    changed = [item for item in items if item.type == ItemType.PROFILE]
    return tuple(ProfileDelta("add", item.topic, item.slot, item.id, item.text) for item in changed)


def gist(desk: Desk, event: Event, item: Item, similarity: float | None = None) -> Gist:
    return Gist(
        id=str(item_uuid(item.id)),
        item=item.id,
        event=str(event_uuid(event.id)),
        content=masked(desk, item.text),
        created_at=event.created_at,
        updated_at=item.created_at,
        similarity=similarity,
    )


def _whole(desk: Desk, one: Listed) -> Event:
    name, offset, length = one.line.path, one.line.offset, one.line.length
    try:
        return records.parse(Event, desk.folder.read_slice(name, offset, length))
    except ValueError as error:
        raise CorruptFile(desk.folder.path(name), one.line.number, str(error)) from error


def masked(desk: Desk, text: str) -> str:
    """Without secrets, where the settings say so."""
    return _without_secrets(text) if desk.settings.mask_secrets else text


@keeping
def _without_secrets(text: str) -> str:
    return mask_secrets(text)[0]
