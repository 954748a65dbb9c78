"""The memory folder that a case begins with: a few items, said in one conversation, and their profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from memu_like.config import CategorySettings, Settings, SlotSettings
from memu_like.edges.folder import month_file
from memu_like.edges.loaders import load_messages
from memu_like.models import Event, Item, ItemType, Loaded, Occurred, Origin, Source, Status
from memu_like.service import MemoryService, UserMemory
from memu_like.usecases.categories import render_categories
from memu_like.usecases.desk import Desk
from memu_like.usecases.intake import stage
from memu_like.usecases.runs import append

RUN = "20230901090000-0a1b2c3d"
RUN_AT = datetime(2023, 9, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=10)
CATEGORIES = (
    CategorySettings(
        name="interest",
        description="Hobbies and tastes",
        slots=(SlotSettings(name="pets"), SlotSettings(name="music"), SlotSettings(name="art")),
    ),
    CategorySettings(
        name="work",
        description="Job and career",
        slots=(SlotSettings(name="job"), SlotSettings(name="plans")),
    ),
)


@dataclass(frozen=True)
class Known:
    """An item as a case lists it: `said` and `when` are days ("2023-05-08") or months; `parents` are ids.

    `status` is what came of it since.
    """

    id: str
    topic: str
    slot: str
    said: str
    text: str
    when: str = ""
    parents: tuple[str, ...] = ()
    status: str = "active"


def settings(store: Path) -> Settings:
    return Settings(store=store, categories=CATEGORIES, git="off")


def messages(known: Sequence[Known]) -> list[dict[str, str]]:
    """What Caroline said, one message an item; an insight is nobody's message."""
    return [
        {"role": "user", "content": item.text, "created_at": _day(item.said).isoformat()}
        for item in known
        if not item.parents
    ]


async def remember(service: MemoryService, user_id: str, known: Sequence[Known]) -> UserMemory:
    """The folder as a run leaves it that learnt `known`."""
    user = service.user(user_id)
    loaded = load_messages(
        messages(known),
        "chat",
        timezone=(await service.tools()).timezone,
        session_gap=timedelta(days=9999),
        max_message_bytes=1 << 20,
    )
    await user._shop.write(user.folder, partial(_remember, loaded=loaded, known=known))
    return user


def _remember(desk: Desk, loaded: Sequence[Loaded], known: Sequence[Known]) -> None:
    desk.folder.create()
    staged = stage(desk, loaded, RUN_AT).staged
    desk.folder.write_resources([(one.resource, one.data, one.text) for one in staged])
    said = [item.id for item in known if not item.parents]
    resource = staged[0].resource
    items = [
        _item(one, desk.folder.user_id, None if one.parents else (resource.id, said.index(one.id) + 1))
        for one in known
    ]
    rendered = render_categories(desk, items)
    event = Event(
        RUN,
        "memorize",
        RUN_AT,
        resource.created_at,
        summary="Caroline told of herself.",
        resources=(resource.id,),
        items=tuple(item.id for item in items),
        profile_delta=rendered.delta,
    )
    append(desk, ((month_file("items", item.mentioned_at or RUN_AT), item) for item in items))
    append(desk, [(month_file("events", event.time), event)])
    rendered.write(desk)
    desk.index.refresh()
    desk.index.persist()


def _item(one: Known, user_id: str, place: tuple[str, int] | None) -> Item:
    return Item(
        id=one.id,
        rev=1,
        status=Status(one.status),
        type=ItemType.INSIGHT if one.parents else ItemType.PROFILE,
        text=one.text,
        subject=user_id,
        categories=(one.topic,),
        slot=one.slot,
        run=RUN,
        created_at=RUN_AT,
        origin=Origin.REFLECTION if one.parents else Origin.EXTRACTED,
        occurred=_occurred(one.when) if one.when else None,
        mentioned_at=_day(one.said) + HOUR,
        source=Source(place[0], place[1], place[1]) if place else None,
        derived_from=one.parents,
    )


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _occurred(text: str) -> Occurred:
    if len(text) > len("2023-08"):
        return Occurred(_day(text), _day(text) + timedelta(days=1), "day", text)
    start = _day(f"{text}-01")
    return Occurred(start, (start + timedelta(days=31)).replace(day=1), "month", text)
