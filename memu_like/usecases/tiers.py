"""Retrieval by search with a model beside it: categories, items, resources, as deep as is needed.

One search ranks all tiers. Where a model judges, it is shown them tier by tier: what it calls enough ends
the descent, and what it misses is searched for once more. `hits` stays the whole ranking, so a wrong
judgement costs no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..pure.fencing import Data
from ..pure.fusing import fuse
from ..pure.history import with_history
from ..pure.query_steps import Verdict, read_verdict, verdict_schema
from ..pure.rendering import plain_line
from ..results import Hit, RetrieveResult, Visit
from .desk import Desk, Room
from .retrieval import (
    BY_RULE,
    Request,
    judged_by_rule,
    judgement,
    no_need,
    rewriting,
    search_for,
)
from .steps import BY_MODEL, Trail, decide, start

TIERS = ("categories", "items", "resources")
MAX_SEARCHES = 3
"""The first one, and one for each of two things that a judge found missing."""
JUDGED_TOKENS = 2_000
MAX_LINE = 400
"""Of what a judge is shown: tokens in all, and characters of one hit."""


async def retrieve_by_tiers(room: Room, request: Request) -> RetrieveResult:
    """Raises ConfigError where no model is configured. A model that fails costs its step, not the answer."""
    trail = await start(room, request)
    decision = await decide(trail)
    if not decision.needed:
        result = no_need(request, BY_MODEL) if trail.visits else no_need(request, BY_RULE)
        return replace(result, usage=trail.meter.usage, degraded=tuple(trail.degraded))
    query = decision.query
    if query == request.query:
        query = with_history(query, request.history)
    trail.visits += rewriting(request, query)
    found = await room.read(lambda desk: search_for(desk, request, query))
    result = await _descend(trail, found) if request.judge else judged_by_rule(found)
    return replace(
        result,
        path=(*trail.visits, *result.path),
        usage=trail.meter.usage,
        degraded=(*result.degraded, *trail.degraded),
    )


@dataclass(frozen=True, slots=True)
class _Searches:
    """What the searches so far have found, as one result."""

    results: tuple[RetrieveResult, ...]
    top_k: int

    def joined(self) -> RetrieveResult:
        first = self.results[0]
        if len(self.results) == 1:
            return first
        return replace(
            first,
            hits=fuse([one.hits for one in self.results], self.top_k),
            categories=fuse([one.categories for one in self.results]),
            items=fuse([one.items for one in self.results]),
            resources=fuse([one.resources for one in self.results]),
            degraded=tuple(dict.fromkeys(note for one in self.results for note in one.degraded)),
        )


async def _descend(trail: Trail, found: RetrieveResult) -> RetrieveResult:
    """Judge tier by tier, search again for what is missing, and stop at the tier that is enough."""
    searches = _Searches((replace(found, path=()),), trail.request.top_k)
    path = list(found.path)
    for depth, tier in enumerate(TIERS, start=1):
        result = searches.joined()
        if not getattr(result, tier):
            continue
        verdict = await _judge(trail, result, depth)
        if verdict is None:
            return judged_by_rule(replace(result, path=tuple(path)))
        missing = f"; missing: {verdict.missing}" if verdict.missing else ""
        path.append(Visit("judge", tier, judgement(verdict.enough, BY_MODEL) + missing))
        if verdict.enough:
            return _down_to(replace(result, path=tuple(path), sufficient=True), depth)
        searches = await _search_again(trail, searches, verdict.query)
        path += [visit for visit in searches.results[-1].path if visit not in path]
    if not path[1:]:
        return judged_by_rule(replace(found, path=tuple(path)))
    return replace(searches.joined(), path=tuple(path), sufficient=False)


async def _search_again(trail: Trail, searches: _Searches, query: str) -> _Searches:
    asked = {one.rewritten_query.casefold() for one in searches.results}
    if not query or query.casefold() in asked or len(searches.results) == MAX_SEARCHES:
        return searches
    more = await trail.room.read(lambda desk: search_for(desk, trail.request, query))
    return replace(searches, results=(*searches.results, more))


def _down_to(result: RetrieveResult, depth: int) -> RetrieveResult:
    """The tiers below the one that was enough are left out; the ranking stays whole."""
    items = result.items if depth > 1 else ()
    return replace(result, items=items, resources=result.resources if depth > 2 else ())


async def _judge(trail: Trail, result: RetrieveResult, depth: int) -> Verdict | None:
    """The model's verdict on the first `depth` tiers."""
    known = await trail.room.read(lambda desk: _known(desk, result, depth))
    variables = {
        "query": Data(trail.request.query),
        "history": Data(trail.history),
        "known": Data(known),
    }
    return await trail.ask("judged", "judge", variables, verdict_schema(), read_verdict)


def _known(desk: Desk, result: RetrieveResult, depth: int) -> str:
    """What the first `depth` tiers say, each text once, as far as the budget goes."""
    hits = [*result.categories, *result.items][: None if depth > 1 else len(result.categories)]
    lines = dict.fromkeys(_line(hit) for hit in (*hits, *(result.hits if depth == len(TIERS) else ())))
    return "\n".join(_fitting(list(lines), desk.tools.counter().count, JUDGED_TOKENS))


def _line(hit: Hit) -> str:
    when = f"[{hit.date:%Y-%m-%d}] " if hit.date else ""
    who = f"{plain_line(hit.speaker)}: " if hit.speaker and hit.tier in ("resource", "buffer") else ""
    return f"{when}{who}{plain_line(hit.text)[:MAX_LINE]}"


def _fitting(lines: Sequence[str], count: Callable[[str], int], budget: int) -> list[str]:
    kept = []
    for line in lines:
        budget -= count(line) + 1
        if budget < 0:
            break
        kept.append(line)
    return kept
