"""Items, events and resources: listed and read; items and events edited as a person edits them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from ....models import Event, Item, Resource
from ..requests import User
from .answers import Match, NoneMatch, expected_of, is_known, shown, unchanged
from .bodies import EventChanges, ItemChanges, NewItem, given

router = APIRouter(tags=["records"])
Word = Annotated[str | None, Query(max_length=256)]
Moment = Annotated[str | None, Query(max_length=64, description="2023, 2023-05, 2023-05-08, or a full time.")]
Limit = Annotated[int, Query(ge=0, le=10_000)]
Offset = Annotated[int, Query(ge=0, le=2**31)]


def _set(**filters: Any) -> dict[str, Any]:
    return {name: value for name, value in filters.items() if value is not None}


# -- items


@router.get("/users/{user_id}/items", response_model=list[Item])
async def list_items(
    user: User,
    topic: Word = None,
    slot: Word = None,
    type: Word = None,
    subject: Word = None,
    status: Word = None,
    origin: Word = None,
    resource: Word = None,
    run: Word = None,
    since: Moment = None,
    until: Moment = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """Items in order of time: when it happened, else when it was said. Status: active, unless told."""
    filters = _set(topic=topic, slot=slot, type=type, subject=subject, status=status, origin=origin)
    places = _set(resource=resource, run=run, since=since, until=until, limit=limit, offset=offset)
    return shown(await user.items(**filters, **places))


@router.post("/users/{user_id}/items", response_model=Item, status_code=201)
async def add_item(user: User, body: NewItem) -> Response:
    item = await user.add_item(**given(body))
    return _item(item, 201)


@router.get("/users/{user_id}/items/{item_id}", response_model=Item)
async def get_item(user: User, item_id: str, none_match: NoneMatch = None) -> Response:
    """An item; its ETag is its revision."""
    item = await user.item(item_id)
    return unchanged(str(item.rev)) if is_known(none_match, str(item.rev)) else _item(item)


@router.patch("/users/{user_id}/items/{item_id}", response_model=Item)
async def change_item(user: User, item_id: str, body: ItemChanges, match: Match = None) -> Response:
    """Change an item; it is the person's word from then on, and the bullet follows."""
    rev = await _item_rev(user, item_id, match)
    return _item(await user.update_item(item_id, expected_rev=rev, **given(body)))


@router.delete("/users/{user_id}/items/{item_id}", response_model=Item)
async def delete_item(user: User, item_id: str, match: Match = None) -> Response:
    """Retract an item: it leaves the profile and the search, and is not learnt again from its source."""
    rev = await _item_rev(user, item_id, match)
    return _item(await user.delete_item(item_id, expected_rev=rev))


@router.get("/users/{user_id}/items/{item_id}/history", response_model=list[Item])
async def item_history(user: User, item_id: str) -> Response:
    """Every revision of an item, the oldest first."""
    return shown(await user.item_history(item_id))


async def _item_rev(user: User, item_id: str, match: str | None) -> int | None:
    """What a change of the item may expect to find, None for anything."""
    if match is None:
        return None
    rev = expected_of(match, str((await user.item(item_id)).rev))
    return None if rev is None else int(rev)


def _item(item: Item, status: int = 200) -> Response:
    return shown(item, status, etag=str(item.rev))


# -- events


@router.get("/users/{user_id}/events", response_model=list[Event])
async def list_events(
    user: User,
    kind: Word = None,
    tag: Word = None,
    resource: Word = None,
    since: Moment = None,
    until: Moment = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """What runs recorded, in order of time."""
    filters = _set(kind=kind, tag=tag, resource=resource, since=since, until=until)
    return shown(await user.events(**filters, limit=limit, offset=offset))


@router.get("/users/{user_id}/events/{event_id}", response_model=Event)
async def get_event(user: User, event_id: str, none_match: NoneMatch = None) -> Response:
    """An event; its ETag is its revision."""
    event = await user.event(event_id)
    return unchanged(str(event.rev)) if is_known(none_match, str(event.rev)) else _event(event)


@router.patch("/users/{user_id}/events/{event_id}", response_model=Event)
async def change_event(user: User, event_id: str, body: EventChanges, match: Match = None) -> Response:
    """Change an event's summary, title or tags."""
    rev = await _event_rev(user, event_id, match)
    return _event(await user.update_event(event_id, expected_rev=rev, **given(body)))


@router.delete("/users/{user_id}/events/{event_id}", response_model=Event)
async def delete_event(user: User, event_id: str, match: Match = None) -> Response:
    """Hide an event; its items stay."""
    rev = await _event_rev(user, event_id, match)
    return _event(await user.delete_event(event_id, expected_rev=rev))


async def _event_rev(user: User, event_id: str, match: str | None) -> int | None:
    if match is None:
        return None
    rev = expected_of(match, str((await user.event(event_id)).rev))
    return None if rev is None else int(rev)


def _event(event: Event) -> Response:
    return shown(event, etag=str(event.rev))


# -- resources


@router.get("/users/{user_id}/resources", response_model=list[Resource])
async def list_resources(
    user: User,
    modality: Word = None,
    since: Moment = None,
    until: Moment = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """What came in: conversations and documents, in order of time."""
    filters = _set(modality=modality, since=since, until=until)
    return shown(await user.resources(**filters, limit=limit, offset=offset))


@router.get("/users/{user_id}/resources/{resource_id}", response_model=Resource)
async def get_resource(user: User, resource_id: str) -> Response:
    return shown(await user.resource(resource_id))


@router.get("/users/{user_id}/resources/{resource_id}/lines", response_model=list[str])
async def resource_lines(
    user: User,
    resource_id: str,
    first: Annotated[int, Query(ge=1, le=2**31)] = 1,
    last: Annotated[int | None, Query(ge=1, le=2**31)] = None,
) -> Response:
    """Lines of what came in, as given; counted from 1, both included."""
    return shown(await user.resource_lines(resource_id, first, last))


@router.delete("/users/{user_id}/resources/{resource_id}")
async def forget_resource(user: User, resource_id: str) -> Response:
    """Erase a resource, and all that was derived from it alone."""
    return shown(await user.forget_resource(resource_id))
