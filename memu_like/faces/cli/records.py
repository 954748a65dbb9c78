"""The groups items, events and resources: list, show, and what a person may change."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ...errors import UserError
from ...models import Modality, Status
from .app import Call, command, group
from .asking import confirm
from .output import one_line, plain, remembered
from .rendering import events_table, items_table, record_facts, resources_table

items = group("items", "Memory items: one statement each.")
events = group("events", "Events: what each run recorded.")
resources = group("resources", "Resources: what came in, kept as given.")

Id = Annotated[str, typer.Argument(metavar="ID")]
Limit = Annotated[int | None, typer.Option("--limit", "-n", min=0, help="At most so many.")]
Offset = Annotated[int, typer.Option("--offset", min=0, help="Leave out so many first.")]
Since = Annotated[str | None, typer.Option("--since", metavar="WHEN", help="2023, 2023-05, 2023-05-08, ...")]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="The same; it is included.")]
Part = Annotated[str | None, typer.Option("--text", help="Part of its text.")]
SourceId = Annotated[str | None, typer.Option("--resource", metavar="ID", help="What it was read from.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="May be repeated.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Expected = Annotated[
    str | None,
    typer.Option(
        "--expected", metavar="TEXT", help="Its text as you read it; if it differs, nothing is done."
    ),
]
Revision = Annotated[
    int | None, typer.Option("--rev", metavar="N", help="The revision that you read; as --expected.")
]
Hash = Annotated[
    str | None, typer.Option("--hash", metavar="SHA256", help="The hash of the entry; as --expected.")
]


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


# -- items


@command("list", items)
async def list_items(
    call: Call,
    topic: Annotated[str | None, typer.Option("--topic", "-t")] = None,
    slot: Annotated[str | None, typer.Option("--slot")] = None,
    type: Annotated[str | None, typer.Option("--type", help="profile, event, knowledge, ...")] = None,
    status: Annotated[
        str, typer.Option("--status", help="active, superseded, retracted or all.")
    ] = Status.ACTIVE.value,
    subject: Annotated[str | None, typer.Option("--subject", help="Who it is about.")] = None,
    origin: Annotated[str | None, typer.Option("--origin", help="extracted, human, import, ...")] = None,
    text: Part = None,
    resource: SourceId = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    offset: Offset = 0,
) -> None:
    """Items in order of time."""
    filters = _given(topic=topic, slot=slot, type=type, status=status, subject=subject, origin=origin)
    filters |= _given(text=text, resource=resource, since=since, until=until, limit=limit, offset=offset)
    async with call.service() as service:
        user = await call.user(service)
        found = await user.items(**filters)
    call.show(found, lambda out: out.print(items_table(found)))


@command("show", items)
async def show_item(
    call: Call,
    id: Id,
    history: Annotated[bool, typer.Option("--history", help="Every revision, oldest first.")] = False,
) -> None:
    """One item, with its source."""
    async with call.service() as service:
        user = await call.user(service)
        revisions = await user.item_history(id) if history else [await user.item(id)]
    value = revisions if history else revisions[0]
    call.show(value, lambda out: out.print(*(record_facts(one) for one in revisions), sep="\n\n"))


@command("edit", items)
async def edit_item(
    call: Call,
    id: Id,
    text: Annotated[str | None, typer.Option("--text")] = None,
    type: Annotated[str | None, typer.Option("--type", help="profile, event, knowledge, ...")] = None,
    topic: Annotated[str | None, typer.Option("--topic", "-t")] = None,
    slot: Annotated[str | None, typer.Option("--slot")] = None,
    tags: Tags = None,
    expected: Expected = None,
    rev: Revision = None,
    hash: Hash = None,
) -> None:
    """Change an item; it is your word from then on."""
    given = tuple(tags) if tags else None
    changes: dict[str, Any] = _given(text=text, type=type, topic=topic, slot=slot, tags=given)
    if not changes:
        raise UserError("nothing to change: give --text, --type, --topic, --slot or --tag")
    async with call.service() as service:
        user = await call.user(service)
        item = await user.update_item(id, expected=expected, expected_rev=rev, expected_hash=hash, **changes)
    call.show(item, lambda out: out.print(record_facts(item)))


@command("add", items)
async def add_item(
    call: Call,
    text: Annotated[str, typer.Argument(metavar="TEXT")],
    topic: Annotated[str, typer.Option("--topic", "-t", help="The category it belongs to.")],
    slot: Annotated[str, typer.Option("--slot", help="The heading it stands under.")],
    type: Annotated[str | None, typer.Option("--type", help="profile, event, knowledge, ...")] = None,
    tags: Tags = None,
) -> None:
    """Write an item by hand, as if you added a bullet to a category file."""
    fields = _given(type=type, tags=tuple(tags) if tags else None)
    async with call.service() as service:
        user = call.new_user(service)
        item = await user.add_item(text, topic=topic, slot=slot, **fields)
    call.show(item, lambda out: out.print(record_facts(item)))


@command("delete", items)
async def delete_item(
    call: Call, id: Id, expected: Expected = None, rev: Revision = None, hash: Hash = None, yes: Yes = False
) -> None:
    """Retract an item: it leaves profile and search, and is not learnt again from its source."""
    async with call.service() as service:
        user = await call.user(service)
        item = await user.item(id)
        confirm(f"retract item {id} ({item.text})", yes)
        item = await user.delete_item(id, expected=expected, expected_rev=rev, expected_hash=hash)
    call.show(item, lambda out: out.print(remembered(f"retracted {item.id}: {item.text}")))


# -- events


@command("list", events)
async def list_events(
    call: Call,
    kind: Annotated[
        str | None, typer.Option("--kind", help="memorize, edit, forget, import or reorganise.")
    ] = None,
    tag: Annotated[str | None, typer.Option("--tag")] = None,
    text: Part = None,
    resource: SourceId = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    offset: Offset = 0,
) -> None:
    """Events in order of time."""
    filters = _given(kind=kind, tag=tag, text=text, resource=resource, since=since, until=until)
    async with call.service() as service:
        user = await call.user(service)
        found = await user.events(**filters, limit=limit, offset=offset)
    call.show(found, lambda out: out.print(events_table(found)))


@command("show", events)
async def show_event(call: Call, id: Id) -> None:
    """One event: summary, items, how the profile changed, what was dropped and why."""
    async with call.service() as service:
        user = await call.user(service)
        event = await user.event(id)
    call.show(event, lambda out: out.print(record_facts(event)))


@command("edit", events)
async def edit_event(
    call: Call,
    id: Id,
    summary: Annotated[str | None, typer.Option("--summary")] = None,
    title: Annotated[str | None, typer.Option("--title")] = None,
    tags: Tags = None,
    rev: Revision = None,
) -> None:
    """Change an event's summary, title or tags."""
    changes: dict[str, Any] = _given(summary=summary, title=title, tags=tuple(tags) if tags else None)
    if not changes:
        raise UserError("nothing to change: give --summary, --title or --tag")
    async with call.service() as service:
        user = await call.user(service)
        event = await user.update_event(id, expected_rev=rev, **changes)
    call.show(event, lambda out: out.print(record_facts(event)))


@command("delete", events)
async def delete_event(call: Call, id: Id, rev: Revision = None, yes: Yes = False) -> None:
    """Hide an event; its items stay."""
    async with call.service() as service:
        user = await call.user(service)
        event = await user.event(id)
        confirm(f"hide event {id} ({event.title or event.summary})", yes)
        event = await user.delete_event(id, expected_rev=rev)
    call.show(event, lambda out: out.print(remembered(f"hidden: {event.id}")))


# -- resources


@command("list", resources)
async def list_resources(
    call: Call,
    modality: Annotated[Modality | None, typer.Option("--modality")] = None,
    text: Part = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    offset: Offset = 0,
) -> None:
    """Resources in order of time."""
    filters = _given(modality=modality, text=text, since=since, until=until)
    async with call.service() as service:
        user = await call.user(service)
        found = await user.resources(**filters, limit=limit, offset=offset)
    call.show(found, lambda out: out.print(resources_table(found)))


@command("show", resources)
async def show_resource(
    call: Call,
    id: Id,
    lines: Annotated[
        str | None, typer.Option("--lines", metavar="FIRST-LAST", help="These lines, as they came in.")
    ] = None,
) -> None:
    """One resource, or lines of it as given."""
    async with call.service() as service:
        user = await call.user(service)
        resource = await user.resource(id)
        found = await user.resource_lines(id, *_span(lines)) if lines else []
    value = {"resource": resource, "lines": found} if lines else resource
    if lines:
        call.show(value, lambda out: out.out("\n".join(map(one_line, found))))
    else:
        call.show(value, lambda out: out.print(record_facts(resource)))


def _span(text: str) -> tuple[int, int]:
    """ "3-7" as (3, 7), "3" as (3, 3)."""
    first, _, last = text.partition("-")
    try:
        return int(first), int(last or first)
    except ValueError as error:
        raise UserError(f"--lines takes FIRST-LAST, such as 3-7, not {plain(text)!r}") from error
