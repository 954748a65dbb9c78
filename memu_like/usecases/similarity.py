"""How near what was remembered is to a text, 0 to 1, in the order of the ranking.

The similarity of a row is the larger of two: the cosine that the embedder gives (0 where it is negative, or
where there is none), and the share of the text's words, weighed by how rare they are, that the row holds. So
what only its words speak for is not lost below a threshold that was meant for cosines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..edges.index.item_places import ItemPlace
from ..edges.index.segment import OWN_ROWS
from ..edges.index.view import View
from ..errors import InvalidInput
from ..models import Status
from .desk import UNREAD, Desk
from .retrieve import embed_query
from .search import search

MEASURED = ("dense", "share")
LAST_MESSAGES, MAX_QUERY = 4, 2_000
"""Of a conversation that memory is asked about, and characters of their texts."""


@dataclass(frozen=True, slots=True)
class Near:
    """A row with how near it is, the resource that it stands in ("" for none) and the items behind it."""

    similarity: float
    resource: str
    items: tuple[ItemPlace, ...]


def nearest(
    desk: Desk, query: str, limit: int, among: NDArray[np.bool_] | None = None, *, least: float = 0.0
) -> list[Near]:
    """Of the best `limit` rows those that are as near as `least`, best first.

    They are of `among` alone where that is given; what was retracted is not found. An embedder that fails
    costs its cosines alone, as in a search.
    """
    view = desk.view()
    vector, _ = embed_query(desk, query)
    ranked = search(desk, view, query, vector, limit, explain=MEASURED, among=among)
    measured = ((one.row, _similarity(one.signals)) for one in ranked)
    found = ((similarity, _behind(desk, view, row)) for row, similarity in measured if similarity >= least)
    return [Near(similarity, *behind) for similarity, behind in found if behind is not None]


def _similarity(signals: Mapping[str, float]) -> float:
    return min(1.0, max(0.0, signals["dense"], signals["share"]))


Behind = tuple[str, tuple[ItemPlace, ...]]


def _behind(desk: Desk, view: View, row: int) -> Behind | None:
    """The resource and the items behind a row; None where all of them are retracted. Kept with the view."""
    found = desk.behind.get(row, UNREAD)
    if found is UNREAD:
        found = desk.behind.keep(row, _look_behind(desk, view, row))
    return cast("Behind | None", found)


def _look_behind(desk: Desk, view: View, row: int) -> Behind | None:
    segment, local = view.locate(row)
    values = segment.rows[local]
    if int(values["kind"]) in OWN_ROWS:
        file = segment.files[int(values["file"])]
        item = view.item(desk.folder.item_at(file, int(values["offset"]), int(values["length"])).id)
        return "", (item,) if item else ()
    session = view.session_of(row)
    if session is None or not session.resource:
        return "", ()
    behind = view.items_at(session.resource, int(values["line"]))
    if behind and all(place.status is Status.RETRACTED for place in behind):
        return None
    return session.resource, tuple(place for place in behind if place.status is not Status.RETRACTED)


def rows_of(view: View, resources: frozenset[str], items: frozenset[str]) -> NDArray[np.bool_]:
    """The rows that stand in `resources`, or are one of `items`."""
    found = np.zeros(view.size, dtype=np.bool_)
    for segment, start in zip(view.segments, view.starts, strict=False):
        wanted = [n for n, session in enumerate(segment.sessions) if session.resource in resources]
        found[start : start + len(segment.rows)] = np.isin(segment.rows["session"], wanted)
        numbers = [n for item_id in items for n in segment.items_with_id(item_id.encode())]
        own = segment.items["row"][numbers]
        found[own[own >= 0] + start] = True
    return found


def talked_about(chats: Sequence[Mapping[str, Any]]) -> str:
    """The last messages as one text. Raises InvalidInput for what is no message."""
    texts = []
    for message in chats:
        content = message.get("content") if isinstance(message, Mapping) else None
        if not isinstance(content, str):
            raise InvalidInput('chats must be messages, each {"role": ..., "content": ...} with a text')
        texts.append(content)
    return "\n".join(texts[-LAST_MESSAGES:])[-MAX_QUERY:].strip()
