"""Commands that look: retrieve, context, profile, show, users, stats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from ...errors import NotFound
from .app import Call, command
from .asking import read_history
from .output import one_line, plain, remembered

FIGURES = ("resources", "messages", "buffered", "items", "events", "first_date", "last_date")
"""Those of `stats` that `show` begins with."""

At = Annotated[
    str | None,
    typer.Option("--at", metavar="POINT", help="As memory stood at a commit, a branch or a date."),
]

if TYPE_CHECKING:
    from ...models import Event
    from ...reading import ReadableMemory
    from ...service import MemoryService
    from .rendering import Profile


async def _memory(call: Call, service: MemoryService, at: str | None) -> ReadableMemory:
    """The user's memory as it stands, or as it stood."""
    user = await call.user(service)
    return user if at is None else await user.at(at)


@command("retrieve")
async def retrieve(
    call: Call,
    query: Annotated[str, typer.Argument(help="What to look for, in words.")],
    top_k: Annotated[int | None, typer.Option("--top-k", "-k", help="How many hits.")] = None,
    method: Annotated[
        str | None, typer.Option("--method", help="rag: a search. llm: a model reads the files.")
    ] = None,
    history: Annotated[
        str | None,
        typer.Option("--history", metavar="FILE", help="What was said before: JSON messages; - for stdin."),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the path it took, and what each signal gave.")
    ] = False,
    at: At = None,
) -> None:
    """Search the memory: hits with score, date, speaker, text and place."""
    from .rendering import print_result

    how: dict[str, Any] = {"method": method, "top_k": top_k, "explain": explain}
    async with call.service() as service:
        if history is not None:
            how["conversation_history"] = read_history(history, service.settings.max_file_bytes)
        user = await _memory(call, service, at)
        result = await user.retrieve(query, **how)
    call.show(result, lambda out: print_result(out, result, explain))


@command("context")
async def context(
    call: Call,
    max_tokens: Annotated[int, typer.Option("--max-tokens", help="The budget; it counts all of it.")] = 1000,
    query: Annotated[str | None, typer.Option("--query", "-q", help="What the prompt is about.")] = None,
    at: At = None,
) -> None:
    """Profile, events and what bears on a query, packed for a prompt."""
    async with call.service() as service:
        user = await _memory(call, service, at)
        text = await user.context(max_tokens=max_tokens, query=query)
    call.show({"user": user.user_id, "text": text}, lambda out: out.out(plain(text)))


@command("profile")
async def profile(
    call: Call,
    topic: Annotated[str | None, typer.Option("--topic", "-t", help="This category only.")] = None,
    at: At = None,
) -> None:
    """What the category files say: topic, slot, entries."""
    from .rendering import profile_tree

    async with call.service() as service:
        user = await _memory(call, service, at)
        found = await user.profile()
    if topic is not None:
        if topic not in found:
            raise NotFound("category", topic, f"there are {', '.join(found) or 'none yet'}")
        found = {topic: found[topic]}
    call.show(found, lambda out: out.print(profile_tree(user.user_id, found)))


@command("show")
async def show(call: Call) -> None:
    """The folder at a glance: counts, categories with their slots, a timeline by month."""
    async with call.service() as service:
        user = await call.user(service)
        stats, found, events = await user.stats(), await user.profile(), await user.events()
        store = service.store
    value = {"user": user.user_id, "stats": stats, "profile": found, "events": events}
    call.show(value, lambda out: _print_folder(out, f"{user.user_id} in {store}", stats, found, events))


def _print_folder(out: Console, title: str, stats: object, found: Profile, events: list[Event]) -> None:
    from .rendering import facts, profile_table, timeline

    out.print(remembered(title, "bold"))
    figures = facts((name, getattr(stats, name)) for name in FIGURES)
    for part in (figures, profile_table(found), timeline(events)):
        out.print()
        out.print(part)


@command("stats")
async def stats(call: Call) -> None:
    """How much there is, and what it is searched with."""
    from .rendering import record_facts

    async with call.service() as service:
        user = await call.user(service)
        found = await user.stats()
    call.show(found, lambda out: out.print(record_facts(found)))


@command("users")
async def users(call: Call) -> None:
    """The users of the store."""
    async with call.service() as service:
        found = await service.users()
    call.show(found, lambda out: out.out("\n".join(map(one_line, found)) or "no users yet"))
