"""How drafts bear on what is known: each becomes a new item, one more source of a known one, or nothing.

Pure: what is known comes in as look-ups, and the result is data that can be shown before it is applied.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol

from ..models import Draft, Dropped, Item, ItemType, Operation, Origin, Source, Status
from .selecting import near_identical

ChangeKind = Literal["add", "corroborate", "refine", "correct", "retract", "supersede"]

# Eight letters of base32 are 40 bits: among a million items of one user a clash is a coin toss, and is
# settled by `item_id`'s salt, not by luck.
ID_LETTERS = 8
MAX_SALTS = 64


@dataclass(frozen=True, slots=True)
class Change:
    """One operation: `item` is the revision to append.

    "refine", "correct" and "retract" add an item that takes the place of the known one with the id `target`;
    what becomes of that one is a change of its own, "supersede". An item can be in two changes of a run:
    added by one, superseded by a later one.
    """

    op: ChangeKind
    item: Item
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Reconciled:
    changes: tuple[Change, ...]
    dropped: tuple[Dropped, ...]


class Known(Protocol):
    """What memory says already, what earlier runs of the batch added included."""

    def by_id(self, item_id: str, /) -> Item | None:
        """An item's last revision."""
        ...

    def alike(self, item: Item, /) -> Iterable[Item]:
        """The candidates for a double of `item`."""
        ...

    def learn(self, item: Item, /) -> None:
        """What is asked from now on sees `item`."""
        ...

    def pinned(self, item: Item, /) -> bool:
        """Whether a person changed the item's bullet in its category file."""
        return False


def operations(
    reconciled: Reconciled, resource: str, dropped: Sequence[Dropped] = ()
) -> tuple[Operation, ...]:
    """What was decided, to be shown: one operation a draft, then what was dropped (`dropped` first).

    A superseded item is the `target` of the operation that replaces it, and no operation of its own.
    """
    raise NotImplementedError


def item_id(resource: str, line: int, text: str, salt: int = 0) -> str:
    """The same words from the same line get the same id, in whichever clone of the folder they are read."""
    data = f"{resource}\n{line}\n{text}\n{salt or ''}".encode()
    return base64.b32encode(hashlib.sha256(data).digest())[:ID_LETTERS].decode().lower()


def reconcile(drafts: Sequence[Draft], known: Known, *, resource: str, run: str, now: datetime) -> Reconciled:
    """Decide on each draft in order; later ones see, through `known`, what earlier ones became."""
    changes: dict[str, Change] = {}
    dropped: list[Dropped] = []
    for draft in drafts:
        item, seen = _identify(draft, known, resource, run, now)
        if seen is not None:
            reason = "retracted before" if seen.status is Status.RETRACTED else "known from this line"
            dropped.append(Dropped(draft.line, reason, seen.id))
            continue
        double = _double(item, known)
        if double is not None and double.status is Status.RETRACTED:
            dropped.append(Dropped(draft.line, "retracted before", double.id))
            continue
        if double is None:
            change = Change("add", item)
        else:
            assert item.source is not None  # a draft always comes from a line
            change = _corroborate(double, item.source, changes.get(double.id), run, now)
        changes[change.item.id] = change
        known.learn(change.item)
    return Reconciled(tuple(changes.values()), tuple(dropped))


def _identify(draft: Draft, known: Known, resource: str, run: str, now: datetime) -> tuple[Item, Item | None]:
    """The draft as an item, and the stored item that already is this very line and text, if any."""
    for salt in range(MAX_SALTS):
        identity = item_id(resource, draft.line, draft.text, salt)
        item = _item(draft, identity, resource, run, now)
        stored = known.by_id(identity)
        if stored is None:
            return item, None
        if stored.source == item.source:
            return item, stored
    raise AssertionError("64 hashes of one line all clash")


def _item(draft: Draft, identity: str, resource: str, run: str, now: datetime) -> Item:
    return Item(
        id=identity,
        rev=1,
        status=Status.ACTIVE,
        type=draft.type,
        text=draft.text,
        subject=draft.subject,
        categories=(draft.topic,),
        slot=draft.slot,
        run=run,
        created_at=now,
        origin=Origin.EXTRACTED,
        keywords=draft.keywords,
        occurred=draft.occurred,
        mentioned_at=draft.mentioned_at,
        source=Source(resource, draft.line, draft.line),
        weight=round(draft.weight, 3),
    )


def _double(item: Item, known: Known) -> Item | None:
    """A known item that says the same, if there is one."""
    for candidate in known.alike(item):
        if candidate.status is not Status.SUPERSEDED and _same(item, candidate):
            return candidate
    return None


def _same(one: Item, other: Item) -> bool:
    """Near-identical words; and for an event also the same time, for one can go running twice."""
    if not near_identical(one, other):
        return False
    if one.type != ItemType.EVENT:
        return True
    if one.occurred or other.occurred:
        return one.occurred == other.occurred or (
            one.occurred is not None
            and other.occurred is not None
            and (one.occurred.start, one.occurred.end) == (other.occurred.start, other.occurred.end)
        )
    days = [item.mentioned_at.date() if item.mentioned_at else None for item in (one, other)]
    return days[0] == days[1]


def _corroborate(item: Item, source: Source, earlier: Change | None, run: str, now: datetime) -> Change:
    """One more source for `item`: a new revision, or, where this run already made one, that one again."""
    sources = (*item.corroborations, source)
    if earlier is not None:
        return Change(earlier.op, replace(item, corroborations=sources))
    changed = replace(
        item, rev=item.rev + 1, corroborations=sources, run=run, created_at=now, reason="corroborated"
    )
    return Change("corroborate", changed)
