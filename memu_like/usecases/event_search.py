"""Events searched by meaning and words, by tag, and by when they were.

What is found is chosen as a search ranks it, and told nearest first. A similarity is that of the nearest line
or statement behind an event, or of its summary; see `similarity`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..edges.index.reading import embed_rows
from ..edges.index.view import View
from ..errors import InvalidInput
from ..models import Event, Item
from ..pure.ranking import idf
from ..pure.terms import term_weight, terms
from ..results import EventRecord, Gist
from .desk import Desk
from .event_listing import Listed, Span, gist, masked, record, within
from .similarity import Near, nearest, rows_of

ROWS_AN_EVENT, ROWS_A_GIST, ROWS_MORE = 10, 3, 100
"""Rows that are looked at for each result asked for, and beyond: an event has many."""
MAX_QUERY = 8_000


def event_records(
    desk: Desk, topk: int | None, max_token_size: int | None, need_summary: bool, span: Span
) -> list[EventRecord]:
    """The last events, newest first, of all time where `span` does not say. Raises InvalidInput.

    `max_token_size` is of their lines, "- [2023-05-08] summary", taken together.
    """
    found = [one for one in within(desk, span, None) if one.event.summary or not need_summary]
    count = desk.tools.counter().count
    kept: list[Listed] = []
    text = ""
    for one in found[: _limit("topk", topk)]:
        text += event_line(desk, one.event) + "\n"
        if max_token_size is not None and count(text) > (_limit("max_token_size", max_token_size) or 0):
            break
        kept.append(one)
    return [record(desk, one) for one in kept]


def event_line(desk: Desk, event: Event) -> str:
    """An event as text: what it counts as in a budget."""
    return f"- [{event.time:%Y-%m-%d}] {masked(desk, event.summary)}"


def events_by_tags(
    desk: Desk, tags: Sequence[str], tag_values: Mapping[str, str], topk: int, span: Span
) -> list[EventRecord]:
    """The last events that have all of the tags, newest first, capitals aside. Raises InvalidInput.

    A tag is "name" or "name=value"; `tags` are names, with any value or none, or "name=value".
    """
    if isinstance(tags, str) or not isinstance(tag_values, Mapping):
        raise InvalidInput("tags must be a list of names, tag_values names with their values")
    wanted = [str(tag).strip().casefold() for tag in tags]
    exact = [f"{name.strip()}={str(value).strip()}".casefold() for name, value in tag_values.items()]
    if not any([*wanted, *exact]):
        raise InvalidInput("give a tag to look for, or a tag with its value")
    found = (one for one in within(desk, span, None) if _is_tagged(one.event, wanted, exact))
    kept = [one for one, _ in zip(found, range(_limit("topk", topk) or 0), strict=False)]
    return [record(desk, one) for one in kept]


def _is_tagged(event: Event, wanted: Sequence[str], exact: Sequence[str]) -> bool:
    whole = {tag.casefold() for tag in event.tags}
    names = {tag.partition("=")[0].strip() for tag in whole}
    return all(tag in names or tag in whole for tag in wanted) and whole.issuperset(exact)


# -- by meaning and words


def search_events(
    desk: Desk, query: str, topk: int, similarity_threshold: float, span: Span
) -> list[EventRecord]:
    """The events that are nearest to `query`, nearest first. Raises InvalidInput."""
    topk = _check(query, topk, similarity_threshold)
    found = near_events(desk, query[:MAX_QUERY], topk, similarity_threshold, within(desk, span))
    return [record(desk, one, similarity, items) for similarity, one, items in found]


def search_gists(desk: Desk, query: str, topk: int, similarity_threshold: float, span: Span) -> list[Gist]:
    """The statements that are nearest to `query`, nearest first. Raises InvalidInput."""
    topk = _check(query, topk, similarity_threshold)
    found = near_items(desk, query[:MAX_QUERY], topk, similarity_threshold, within(desk, span))
    return [gist(desk, one.event, one.item, one.similarity) for one in found]


def near_events(
    desk: Desk, query: str, topk: int, threshold: float, events: Sequence[Listed]
) -> list[tuple[float, Listed, Mapping[str, float]]]:
    """The nearest of `events`, each with its similarity and those of items that were found, by id."""
    found = _Found.of(desk, query, events, ROWS_AN_EVENT * topk + ROWS_MORE, threshold)
    told = _by_summary(desk, query, events)
    near = [(similarity, event_id) for event_id, similarity in found.events.items()]
    chosen = near[:topk]
    ids = {event_id for _, event_id in chosen}
    more = [(told[e], e) for e in found.listed if e not in ids and told[e] >= threshold and told[e] > 0]
    best = [(max(similarity, told[e]), e) for similarity, e in chosen] + more
    best.sort(key=lambda pair: -pair[0])
    return [(similarity, found.listed[e], found.items) for similarity, e in best[:topk]]


@dataclass(frozen=True, slots=True)
class NearItem:
    """A statement with the last event that tells it, and how near it is."""

    item: Item
    event: Event
    similarity: float


def near_items(
    desk: Desk, query: str, topk: int, threshold: float, events: Sequence[Listed]
) -> list[NearItem]:
    """The nearest statements of `events`, nearest first."""
    found = _Found.of(desk, query, events, ROWS_A_GIST * topk + ROWS_MORE, threshold)
    near = list(found.items.items())[:topk]
    owners = {item_id: one.event for one in reversed(events) for item_id in one.event.items}
    view = desk.view()
    places = [(view.item(item_id), similarity) for item_id, similarity in near]
    items = [(desk.item_of(place), similarity) for place, similarity in places if place is not None]
    # Statements of one line are as near as the line: the one that holds the words comes first.
    shares = _shares(view, query, [item.text for item, _ in items])
    order = sorted(range(len(items)), key=lambda n: (-items[n][1], -shares[n]))
    return [NearItem(items[n][0], owners[items[n][0].id], items[n][1]) for n in order]


@dataclass(frozen=True, slots=True)
class _Found:
    """What a search found, in its order: the similarities of `events` and of their `items`, by id."""

    listed: Mapping[str, Listed]
    events: Mapping[str, float]
    items: Mapping[str, float]

    @classmethod
    def of(cls, desk: Desk, query: str, listed: Sequence[Listed], rows: int, least: float) -> _Found:
        owners = _owners_among(desk, listed)
        events: dict[str, float] = {}
        items: dict[str, float] = {}
        for near in nearest(desk, query, rows, owners.rows, least=least):
            for place in near.items:
                if place.id in owners.of_item:
                    items.setdefault(place.id, near.similarity)
            for event_id in owners.of(near):
                events[event_id] = max(near.similarity, events.get(event_id, 0.0))
        return cls({one.event.id: one for one in listed}, events, items)


@dataclass(frozen=True, slots=True)
class _Owners:
    """Which events took in a resource, and touched an item, by id; and the rows that speak for any event."""

    of_resource: Mapping[str, Sequence[str]]
    of_item: Mapping[str, Sequence[str]]
    rows: NDArray[np.bool_]

    def of(self, near: Near) -> set[str]:
        """The events that a row speaks for: those of its resource, and those of an item behind it."""
        of_items = (self.of_item.get(place.id, ()) for place in near.items)
        return {*self.of_resource.get(near.resource, ()), *(event_id for ids in of_items for event_id in ids)}


def _owners_among(desk: Desk, listed: Sequence[Listed]) -> _Owners:
    """Of `listed`; kept, for the next search is of the same events as a rule."""
    view = desk.view()

    def make() -> _Owners:
        of_resource: dict[str, list[str]] = {}
        of_item: dict[str, list[str]] = {}
        for one in listed:
            for resource in one.event.resources:
                of_resource.setdefault(resource, []).append(one.event.id)
            for item_id in one.event.items:
                of_item.setdefault(item_id, []).append(one.event.id)
        return _Owners(of_resource, of_item, rows_of(view, frozenset(of_resource), frozenset(of_item)))

    state = desk.index.generation, [(one.event.id, one.event.rev) for one in listed]
    return desk.made("owners", state, make)


def _by_summary(desk: Desk, query: str, events: Sequence[Listed]) -> dict[str, float]:
    """How near each event's title, summary and tags are: a person may have written them."""
    texts = [_words_of(one.event) for one in events]
    shares = _shares(desk.view(), query, texts)
    words = desk.tools.words
    if words is None or words is not desk.tools.embedder or not texts:
        cosines: Sequence[float] = [0.0] * len(texts)
    else:
        vectors = desk.made("summaries", texts, lambda: embed_rows(texts, words))
        cosines = np.vecdot(vectors, embed_rows([query], words)[0]).tolist()
    pairs = zip(events, shares, cosines, strict=True)
    return {one.event.id: round(min(1.0, max(0.0, share, cosine)), 4) for one, share, cosine in pairs}


def _words_of(event: Event) -> str:
    return "\n".join([event.title or "", event.summary, *event.tags])


def _shares(view: View, query: str, texts: Sequence[str]) -> list[float]:
    """The share of the query's terms, by their weight, that each text holds."""
    asked = list(dict.fromkeys(terms(query)))
    found = view.frequencies(asked)
    weights = {
        t: term_weight(t) * float(idf(np.array(found.get(t, 0)), max(1, view.ranked_size))) for t in asked
    }
    total = max(sum(weights.values()), 0.1)
    return [sum(weights[t] for t in weights.keys() & set(terms(text))) / total for text in texts]


def _check(query: object, topk: int, threshold: float) -> int:
    if not isinstance(query, str) or not query.strip():
        raise InvalidInput("give a text to search for: it is empty, or no text")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or math.isnan(threshold):
        raise InvalidInput(f"similarity_threshold must be a number from 0 to 1, not {threshold!r}")
    return _limit("topk", topk) or 0


def _limit(name: str, value: int | None) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise InvalidInput(f"{name} must be a whole number from 0 on, not {value!r}")
    return value
