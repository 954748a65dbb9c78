"""What memory says already, as reconciling asks for it: by id, and what is alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from ..edges.index.item_places import ItemPlace
from ..edges.index.reading import text_key
from ..edges.index.segment import CHUNK, MESSAGE
from ..edges.index.view import View
from ..models import Item, Origin
from ..pure.rendering import bullet_text
from ..pure.terms import terms
from .bases import Base, read_base
from .desk import Desk

# Near-identical texts share nearly all their words: so all but one of their rarest, and half of all.
RAREST_TERMS, MISSED_TERMS = 4, 1
SHARED_TERMS = 0.5
MAX_ALIKE = 8


class KnownItems:
    """The stored items as they stood when the batch began, and what the batch has added since."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._view: View = desk.view()
        self._added: dict[str, Item] = {}
        self._by_text: dict[int, list[str]] = {}
        self._by_term: dict[str, list[str]] = {}
        self._bases: dict[str, Base] = {}
        self._last: tuple[str, frozenset[str]] = "", frozenset()

    def learn(self, item: Item) -> None:
        """Later drafts of the batch see `item`, a new one or a new revision."""
        if item.id not in self._added:
            self._by_text.setdefault(text_key(item.subject, item.text), []).append(item.id)
            for term in self._terms(item):
                self._by_term.setdefault(term, []).append(item.id)
        self._added[item.id] = item

    def _terms(self, item: Item) -> frozenset[str]:
        """Of the item asked about last, which is the one that is learnt next."""
        if self._last[0] != item.text:
            self._last = item.text, frozenset(terms(item.text))
        return self._last[1]

    def by_id(self, item_id: str) -> Item | None:
        """An item's last revision."""
        if item_id in self._added:
            return self._added[item_id]
        place = self._view.item(item_id)
        return self._desk.item_of(place) if place else None

    def alike(self, item: Item) -> Iterable[Item]:
        """Candidates for a double of `item`: the same words first, then most of the same words."""
        key = text_key(item.subject, item.text)
        ids = dict.fromkeys(self._by_text.get(key, ()))
        ids.update(dict.fromkeys(place.id for place in self._view.items_with_text(key)))
        distinct = self._terms(item)
        ids.update(dict.fromkeys(self._sharing_in_batch(distinct)))
        ids.update(dict.fromkeys(self._sharing_in_store(distinct)))
        for item_id in ids:
            found = self.by_id(item_id)
            if found is not None:
                yield found

    def _sharing_in_batch(self, distinct: frozenset[str]) -> list[str]:
        """Items of this batch that hold nearly all of the rarest terms it knows of."""
        found = [ids for term in distinct if (ids := self._by_term.get(term))]
        if len(found) < SHARED_TERMS * len(distinct):
            return []
        rarest = sorted(found, key=len)[:RAREST_TERMS]
        counts = Counter(item_id for ids in rarest for item_id in ids)
        return [i for i, n in counts.most_common(MAX_ALIKE) if n >= len(rarest) - MISSED_TERMS]

    def _sharing_in_store(self, distinct: frozenset[str]) -> list[str]:
        """Items whose line holds nearly all of the rarest terms that the store knows of."""
        sizes = self._view.frequencies(distinct)
        if len(sizes) < max(RAREST_TERMS - MISSED_TERMS, SHARED_TERMS * len(distinct)):
            return []
        rarest = sorted(sizes, key=lambda term: (sizes[term], term))[:RAREST_TERMS]
        rows = np.concatenate([self._view.rows_with(term) for term in rarest])
        candidates, counts = np.unique(rows, return_counts=True)
        near = candidates[counts >= len(rarest) - MISSED_TERMS][:MAX_ALIKE].tolist()
        return list(dict.fromkeys(place.id for row in near for place in items_behind(self._view, row)))

    def pinned(self, item: Item) -> bool:
        """Whether its words are a person's: the item's, or the bullet's in its category file."""
        if item.origin is Origin.HUMAN:
            return True
        standing = self._desk.entry_lines(item.topic).get(item.id)
        if standing is None:
            return False
        if item.topic not in self._bases:
            self._bases[item.topic] = read_base(self._desk, item.topic)
        written = self._bases[item.topic].bullets.get(item.id, bullet_text(item, self._desk.own_names()))
        return standing[0] != written


def items_behind(view: View, row: int) -> list[ItemPlace]:
    """The items that a row is, or that come from its line."""
    segment, local = view.locate(row)
    if int(segment.rows["kind"][local]) not in (MESSAGE, CHUNK):
        ids = segment.items["id"][segment.items["row"] == local].tolist()
        return [place for item_id in ids if (place := view.item(item_id.decode())) is not None]
    session = view.session_of(row)
    if session is None or not session.resource:
        return []
    return view.items_at(session.resource, int(segment.rows["line"][local]))
