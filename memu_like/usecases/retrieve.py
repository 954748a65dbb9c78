"""Retrieve: from ranked rows to hits with their text, date, place and ties, one ranking and by tier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from ..edges.index.item_places import ItemPlace
from ..edges.index.reading import embed_rows
from ..edges.index.segment import CHUNK, OWN_ROWS, Session
from ..edges.index.view import View
from ..errors import CorruptFile, EmbedderError, InvalidInput
from ..models import Item, Status
from ..pure.secrets import mask_secrets
from ..pure.small_talk import is_small_talk
from ..results import Hit, RetrieveResult
from .categories import category_path
from .desk import UNREAD, Desk
from .search import Ranked, search

# Rows that are looked at for each hit asked for: some are withheld, some belong to the same item.
SURPLUS = 2
WITHOUT_VECTORS = "ranked by words, people and time alone"
NO_EMBEDDER = f"no embedder is configured: {WITHOUT_VECTORS}"


@dataclass(frozen=True, slots=True)
class Found:
    """A row as a hit, with the items behind it in their last revision and where each stands."""

    hit: Hit
    items: tuple[Item, ...]
    places: tuple[ItemPlace, ...]


def retrieve(
    desk: Desk, query: str, top_k: int, *, explain: bool = False, without: Sequence[str] = ()
) -> RetrieveResult:
    """Rank all tiers for `query`. Writes nothing, takes no lock, calls no model."""
    if is_small_talk(query):
        return RetrieveResult(False, query, query)
    view = desk.view()
    vector, degraded = embed_query(desk, query)
    ranked = search(desk, view, query, vector, SURPLUS * top_k + 10, explain=explain, without=without)
    found, problems = shown_rows(desk, view, ranked, top_k)
    return replace(layered(desk, view, query, found), degraded=(*desk.index.problems, *degraded, *problems))


def layered(desk: Desk, view: View, query: str, found: Sequence[Found]) -> RetrieveResult:
    """A result with `found` as its hits, and what lies above and below them: slots, items, resources."""
    return RetrieveResult(
        needs_retrieval=True,
        original_query=query,
        rewritten_query=query,
        categories=_categories(desk, found),
        items=tuple(_item_hits(found)),
        resources=_resources(view, found),
        hits=tuple(one.hit for one in found),
    )


def embed_query(desk: Desk, query: str) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """The query's vector; where there is none, an empty one and what that means for the result."""
    none = np.zeros(0, dtype=np.float32)
    if desk.tools.embedder is None:
        return none, (NO_EMBEDDER,)
    try:
        return embed_rows([query], desk.tools.embedder)[0], ()
    except EmbedderError as error:
        return none, (f"{WITHOUT_VECTORS}: {error}",)


def shown_rows(
    desk: Desk, view: View, ranked: Iterable[Ranked], top_k: int
) -> tuple[list[Found], tuple[str, ...]]:
    """The first `top_k` rows that can be shown, and what is wrong with those that cannot be read."""
    found: list[Found] = []
    problems: dict[str, None] = {}
    for one in ranked:
        if len(found) == top_k:
            break
        try:
            hit = _hit(desk, view, one)
        except (CorruptFile, InvalidInput, ValueError) as error:
            problems[f"a hit was left out, its file has changed: {_place_of(view, one)} ({error})"] = None
            continue
        if hit is not None:
            found.append(hit)
    return found, tuple(problems)


def _place_of(view: View, ranked: Ranked) -> str:
    segment, local = view.locate(ranked.row)
    row = segment.rows[local]
    return f"{segment.files[int(row['file'])]}:{int(row['line'])}"


def _hit(desk: Desk, view: View, ranked: Ranked) -> Found | None:
    """None for a row that a person has taken back: each of its items is retracted."""
    row = desk.rows.get(ranked.row, UNREAD)
    if row is UNREAD:
        row = desk.rows.keep(ranked.row, _read_row(desk, view, ranked.row))
    if not isinstance(row, Found):
        return None
    hit = replace(row.hit, score=round(ranked.score, 4), signals=ranked.signals)
    return Found(hit, row.items, row.places)


def _read_row(desk: Desk, view: View, number: int) -> Found | None:
    """A row as a hit without its score, from the files."""
    segment, local = view.locate(number)
    row = segment.rows[local]
    file, line, kind = segment.files[int(row["file"])], int(row["line"]), int(row["kind"])
    data = desk.folder.read_slice(file, int(row["offset"]), int(row["length"]))
    session = view.session_of(number)
    if kind in OWN_ROWS:
        item_id = desk.folder.item_at(file, int(row["offset"]), int(row["length"])).id
        behind = [place for place in [view.item(item_id)] if place]
    else:
        behind = _places(view, session, line, kind, data)
        if behind and all(place.status is Status.RETRACTED for place in behind):
            return None
    places = tuple(place for place in behind if kind in OWN_ROWS or place.status is not Status.RETRACTED)
    items = tuple(_read(desk, place) for place in places)
    return Found(_compose(desk, file, line, data, session, kind, items), items, places)


def _places(view: View, session: Session | None, line: int, kind: int, data: bytes) -> list[ItemPlace]:
    if session is None or not session.resource:
        return []
    if kind == CHUNK:
        lines = range(line, line + data.count(b"\n") + 1)
        found = {place.id: place for number in lines for place in view.items_at(session.resource, number)}
        return list(found.values())
    return view.items_at(session.resource, line)


def _read(desk: Desk, place: ItemPlace) -> Item:
    return desk.item_of(place)


def _compose(
    desk: Desk,
    file: str,
    line: int,
    data: bytes,
    session: Session | None,
    kind: int,
    items: Sequence[Item],
) -> Hit:
    said = _said(desk, file, line, data, kind, items)
    at = said.date or (datetime.fromisoformat(session.time) if session else None)
    buffered = session is not None and not session.resource
    return Hit(
        tier="item" if kind in OWN_ROWS else "buffer" if buffered else "resource",
        score=0.0,
        text=mask_secrets(said.text)[0] if desk.settings.mask_secrets else said.text,
        date=at,
        title=session.title if session else "",
        path=file,
        line=line,
        speaker=said.speaker,
        resource_id=(session.resource or None) if session else None,
        item_ids=tuple(item.id for item in items),
        category=items[0].topic if items else None,
        slot=items[0].slot if items else None,
        message_ids=said.message_ids,
        occurred=next((item.occurred for item in items if item.occurred), None),
        superseded=bool(items) and all(item.status is Status.SUPERSEDED for item in items),
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """What a row says: its words, and who said them when."""

    text: str
    date: datetime | None = None
    speaker: str | None = None
    message_ids: tuple[str, ...] = ()


def _said(desk: Desk, file: str, line: int, data: bytes, kind: int, items: Sequence[Item]) -> _Said:
    if kind in OWN_ROWS:
        return _Said(items[0].text, items[0].mentioned_at, items[0].subject)
    if kind == CHUNK:
        return _Said(data.decode().strip())
    message = desk.stored_message(data, f"{file}:{line}")
    text = f"{message.content} [image: {message.caption}]" if message.caption else message.content
    return _Said(text, message.created_at, message.speaker, (message.id,) if message.id else ())


def _item_hits(found: Sequence[Found]) -> Iterable[Hit]:
    """Each item behind the hits, once, at its own line."""
    seen: set[str] = set()
    for one in found:
        for item, place in zip(one.items, one.places, strict=True):
            if item.id not in seen:
                seen.add(item.id)
                yield replace(
                    one.hit,
                    tier="item",
                    text=item.text,
                    speaker=item.subject or None,
                    path=place.file,
                    line=place.line,
                    item_ids=(item.id,),
                    category=item.topic,
                    slot=item.slot,
                    occurred=item.occurred,
                    superseded=item.status is Status.SUPERSEDED,
                )


def _resources(view: View, found: Sequence[Found]) -> tuple[Hit, ...]:
    """Each resource behind the hits, once, at its best line."""
    best: dict[str, Hit] = {}
    for one in found:
        key = one.hit.resource_id or (one.hit.path if one.hit.tier == "buffer" else "")
        if key:
            best.setdefault(key, one.hit)
    return tuple(best.values())


def _categories(desk: Desk, found: Sequence[Found]) -> tuple[Hit, ...]:
    """The slots that hold the hits' items, best first, at the line of the first entry that stands there."""
    slots: dict[tuple[str, str], Found] = {}
    for one in found:
        for item in one.items:
            slots.setdefault((item.topic, item.slot), one)
    shown = {topic: desk.entry_lines(topic) for topic in {topic for topic, _ in slots}}
    hits = []
    for (topic, slot), one in slots.items():
        item = next(item for item in one.items if (item.topic, item.slot) == (topic, slot))
        text, line = shown[topic].get(item.id) or (item.text, 1)
        hits.append(
            replace(
                one.hit,
                tier="category",
                text=text,
                title=f"{topic}/{slot}",
                path=category_path(topic),
                line=line,
                category=topic,
                slot=slot,
            )
        )
    return tuple(hits)
