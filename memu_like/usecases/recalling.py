"""Recalling: what memory already says about some turns, for a model that is to say how they bear on it.

No model is called. Candidates are items whose lines share the turns' rarer words, and the latest of the
slots that the turns speak of; the nearest of them, as far as a budget of tokens goes, are what is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..edges.index.item_places import ItemPlace
from ..edges.index.reading import embed_rows
from ..edges.index.view import View
from ..models import Item, ItemType, Status
from ..pure.ranking import idf
from ..pure.slotting import find_places
from ..pure.terms import terms
from .desk import Desk
from .known import items_behind

Floats = NDArray[np.float32]

# Rarer words look further; common ones would bring everything.
MAX_TERMS = 48
MAX_LEXICAL, MAX_OF_SLOT, MAX_SLOTS = 40, 6, 8
# A share of the best candidate's word overlap, beside a cosine.
LEXICAL = 0.5


def recall(
    desk: Desk, texts: Sequence[str], budget: int, line_of: Callable[[Item], str], leave_out: str = ""
) -> tuple[Item, ...]:
    """The active items nearest to `texts`, best first, whose lines fit `budget` tokens together.

    Items whose source is the resource `leave_out` are not among them: it is what is being read.
    """
    view = desk.view()
    if not budget or not any(len(segment.items) for segment in view.segments):
        return ()
    vectors = embed_rows(list(texts), desk.tools.words)
    overlaps = _lexical(view, texts)
    places = dict(overlaps)
    for place in _of_slots(desk, view, texts, vectors):
        places.setdefault(place, 0.0)
    items = [
        (item, overlap)
        for place, overlap in places.items()
        if place.status is Status.ACTIVE
        and (item := desk.item_of(place))
        and not (item.source and item.source.resource == leave_out)
    ]
    return _fitting(desk, _ranked(desk, items, vectors), budget, line_of)


def _lexical(view: View, texts: Sequence[str]) -> dict[ItemPlace, float]:
    """Places of items whose lines hold the texts' rarer words -> share of the best overlap, 0 to 1."""
    sizes = view.frequencies({term for text in texts for term in terms(text)})
    rarest = sorted(sizes, key=lambda term: (sizes[term], term))[:MAX_TERMS]
    scores = np.zeros(view.size, dtype=np.float32)
    found_rows = [view.rows_with(term) for term in rarest]
    weights = idf(np.array([len(rows) for rows in found_rows]), view.live_size)
    for rows, weight in zip(found_rows, weights.astype(np.float32), strict=True):
        scores[rows] += weight
    order = np.argsort(-scores, kind="stable")[: 4 * MAX_LEXICAL]
    found: dict[ItemPlace, float] = {}
    for row in order.tolist():
        if scores[row] <= 0 or len(found) >= MAX_LEXICAL:
            break
        for place in items_behind(view, row):
            found.setdefault(place, float(scores[row] / scores[order[0]]))
    return found


def _of_slots(desk: Desk, view: View, texts: Sequence[str], vectors: Floats) -> Iterable[ItemPlace]:
    """The latest items of the slots that the texts speak of."""
    kinds = [ItemType.KNOWLEDGE] * len(texts)
    places = find_places(texts, kinds, vectors if vectors.shape[1] else None, desk.tools.slot_table())
    counts = Counter(f"{topic}/{slot}" for topic, slot in places)
    for slot in sorted(counts, key=lambda slot: (-counts[slot], slot))[:MAX_SLOTS]:
        yield from _latest_of(view, slot)


def _latest_of(view: View, slot: str) -> Iterable[ItemPlace]:
    ids: dict[str, None] = {}
    for segment in reversed(view.segments):
        if slot in segment.slots:
            numbers = np.flatnonzero(segment.items["slot"] == segment.slots.index(slot))
            ids.update((segment.items["id"][n].decode(), None) for n in numbers[::-1][:MAX_OF_SLOT].tolist())
        if len(ids) >= MAX_OF_SLOT:
            break
    return [place for i in list(ids)[:MAX_OF_SLOT] if (place := view.item(i)) and place.slot == slot]


def _ranked(desk: Desk, items: Sequence[tuple[Item, float]], vectors: Floats) -> list[Item]:
    if not items:
        return []
    scores = LEXICAL * np.array([overlap for _, overlap in items], dtype=np.float32)
    if vectors.size:
        theirs = embed_rows([item.text for item, _ in items], desk.tools.words)
        scores = scores + np.vecdot(theirs[:, None], vectors[None]).max(axis=1)
    return [items[place][0] for place in np.argsort(-scores, kind="stable").tolist()]


def _fitting(
    desk: Desk, items: Iterable[Item], budget: int, line_of: Callable[[Item], str]
) -> tuple[Item, ...]:
    count = desk.tools.counter().count
    kept: list[Item] = []
    for item in items:
        budget -= count(line_of(item)) + 1
        if budget < 0:
            break
        kept.append(item)
    return tuple(kept)
