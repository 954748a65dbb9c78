"""Which items a category file shows: the best entries that fit its budget.

What is not shown is not lost: it stays in `items/` and is found by search.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from ..models import Item, ItemType, Origin

NEAR_IDENTICAL = 0.8
"""Jaccard similarity of two texts' words from which the two are shown once."""
HALF_LIFE_DAYS = 180.0
"""How much older than the folder's newest item halves what recency gives."""
RECENCY, CORROBORATION = 0.2, 0.1
"""What the newest item gets, and what each doubling of an item's sources gets; an item's weight is 0 to 1."""
TYPE_BONUS: Mapping[str, float] = {
    ItemType.PROFILE: 0.2,
    ItemType.BEHAVIOR: 0.2,
    ItemType.INSIGHT: 0.1,
    ItemType.SKILL: 0.1,
}
_PATIENCE = 8
"""A slot is full once this many entries in a row did not fit: the rest is not counted one by one."""
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


@dataclass(frozen=True, slots=True)
class SlotChoice:
    """The items that a slot shows, best first."""

    name: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a category shows, and the ids of the items that stay in `items/` only."""

    slots: tuple[SlotChoice, ...]
    left_out: frozenset[str]
    tokens: int


def select_entries(
    items: Iterable[Item],
    *,
    slot_budget: int,
    category_budget: int,
    count: Callable[[str], int],
    text_of: Callable[[Item], str],
    slot_order: Sequence[str] = (),
    newest: datetime | None = None,
    reserved: int = 0,
) -> Choice:
    """Choose the entries of one category. The same items give the same choice in whatever order they come.

    Budgets are in tokens as `count` counts them, over the headings and the bullet lines that `text_of`
    (`bullet_text`) makes; `reserved` is what front matter, title and summary take. `newest` is the latest
    `mentioned_at` of the folder. What a person wrote comes first and is shown even over the budget. An item
    that is not `shown` is neither chosen nor left out.
    """
    candidates = [item for item in items if item.shown]
    latest = newest or max((i.mentioned_at for i in candidates if i.mentioned_at), default=None)
    ranked = sorted(candidates, key=lambda item: _rank(item, latest))
    shelf = _Shelf(slot_budget, category_budget - reserved, count, text_of)
    left_out = frozenset(item.id for item in ranked if not shelf.take(item))
    place = {name: at for at, name in enumerate(slot_order)}
    names = sorted(shelf.slots, key=lambda name: (place.get(name, len(place)), name.casefold(), name))
    slots = tuple(SlotChoice(name, tuple(shelf.slots[name].items)) for name in names)
    return Choice(slots, left_out, sum(slot.tokens for slot in shelf.slots.values()))


def score(item: Item, newest: datetime | None) -> float:
    """How much an entry deserves its place: its weight, sources, recency and type. No fixed scale."""
    sources = CORROBORATION * math.log2(1 + len(item.corroborations))
    recency = 0.0
    if item.mentioned_at is not None and newest is not None:
        days = max(0.0, (newest - item.mentioned_at).total_seconds() / 86_400)
        recency = RECENCY * 0.5 ** (days / HALF_LIFE_DAYS)
    return item.weight + sources + recency + TYPE_BONUS.get(item.type, 0.0)


def near_identical(one: Item, other: Item) -> bool:
    """The same said twice. Another subject, time or number is another fact, however alike the words."""
    return _Words.of(one).same_as(_Words.of(other))


def _rank(item: Item, newest: datetime | None) -> tuple[bool, float, float, str]:
    mentioned = item.mentioned_at.timestamp() if item.mentioned_at is not None else -math.inf
    return (item.origin is not Origin.HUMAN, -score(item, newest), -mentioned, item.id)


@dataclass(frozen=True, slots=True)
class _Words:
    """What tells an item from others; near-identical ones have the same `key`: the subject and numbers."""

    key: tuple[str, frozenset[str]]
    words: frozenset[str]
    occurred: tuple[datetime, datetime] | None

    @classmethod
    def of(cls, item: Item) -> _Words:
        words, numbers = _words_of(item.text)
        when = (item.occurred.start, item.occurred.end) if item.occurred else None
        return cls((item.subject.casefold(), numbers), words, when)

    def same_as(self, other: _Words) -> bool:
        return self.key == other.key and self.is_near(other)

    def is_near(self, other: _Words) -> bool:
        """Whether the words are nearly the same, and of the same time, for one with the same key."""
        shared = len(self.words & other.words)
        if not shared or shared < NEAR_IDENTICAL * (len(self.words) + len(other.words) - shared):
            return False
        return not (self.occurred and other.occurred) or self.occurred == other.occurred


@lru_cache(maxsize=4096)
def _words_of(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The words of a text and, of those, the numbers. Kept, for a text is compared with several."""
    words = frozenset(_WORD.findall(text.casefold()))
    return words, frozenset(word for word in words if not word.isalpha() and any(map(str.isdigit, word)))


@dataclass(slots=True)
class _Slot:
    tokens: int
    items: list[Item] = field(default_factory=list)


@dataclass(slots=True)
class _Shelf:
    """What is shown so far; takes items in rank order."""

    slot_budget: int
    left: int
    count: Callable[[str], int]
    text_of: Callable[[Item], str]
    slots: dict[str, _Slot] = field(default_factory=dict)
    shown: dict[tuple[str, frozenset[str]], list[_Words]] = field(default_factory=dict)
    misses: Counter[str] = field(default_factory=Counter)

    def take(self, item: Item) -> bool:
        human = item.origin is Origin.HUMAN
        slot = self.slots.get(item.slot)
        if not human and self.misses[item.slot] >= _PATIENCE:
            return False
        words = _Words.of(item)
        if not human and any(map(words.is_near, self.shown.get(words.key, ()))):
            return False
        heading = self.count(f"\n## {item.slot}\n") if slot is None and item.slot else 0
        tokens = self.count(f"- {self.text_of(item)} ^{item.id}\n")
        used = (slot.tokens if slot else heading) + tokens
        if not human and (used > self.slot_budget or heading + tokens > self.left):
            self.misses[item.slot] += 1
            return False
        self._put(item, words, heading, tokens)
        return True

    def _put(self, item: Item, words: _Words, heading: int, tokens: int) -> None:
        slot = self.slots.setdefault(item.slot, _Slot(heading))
        slot.tokens += tokens
        slot.items.append(item)
        self.misses[item.slot] = 0
        self.left -= heading + tokens
        self.shown.setdefault(words.key, []).append(words)
