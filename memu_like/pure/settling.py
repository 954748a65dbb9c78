"""After two copies of a folder were merged: one revision of what both changed, one item of what both learnt.

Decided from the files alone, so that every copy decides alike, and a later merge of two that have decided
finds nothing more to do. An item is merged field by field, three-way: what one copy alone changed is as
changed there. Where both changed the same, a person's change stands over the machine's, what stands in the
category file over what does not, the later over the earlier, and then the order of the bytes.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ..models import Dropped, Event, Item, ItemType, Origin, Source, Status
from . import records
from .rearranging import MERGED_INTO
from .selecting import near_identical

MERGED = "merged"
"""The reason of the event of a settling, and of revisions that take in what both copies changed."""
MARK_LETTERS = 12
_TEXT = ("text", "subject", "type", "occurred", "keywords", "model", "origin")
_PLACE = ("categories", "slot")
_OTHERS = (("shown",), ("weight",), ("tags",), ("mentioned_at",), ("source",), ("supersedes",))
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an item's bullet stands, and how it reads."""

    topic: str
    slot: str
    text: str


@dataclass(frozen=True, slots=True)
class World:
    """What a settling decides from. `histories` are an item's revisions in the order of the files, by id.

    `standing` are the bullets by item id; `reads_as` says whether a bullet says what an item does, `slot_key`
    when two slots are one.
    """

    histories: Mapping[str, Sequence[Item]]
    events: Mapping[str, Event]
    standing: Mapping[str, Standing]
    reads_as: Callable[[str, Item], bool]
    slot_key: Callable[[str], str]

    def by_person(self, item: Item) -> bool:
        event = self.events.get(item.run)
        if event is not None and event.kind == "sync" and event.reason == MERGED:
            return item.origin is Origin.HUMAN
        return event is not None and event.kind in ("edit", "sync", "revert")


@dataclass(slots=True)
class Settled:
    """Revisions to append, by item id; what they settle, for the event; events that tell of a run twice.

    `same` says which item stays for one that says the same; `disputed` are the items of which two copies had
    another revision each.
    """

    items: dict[str, Item] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    same: dict[str, str] = field(default_factory=dict)
    disputed: set[str] = field(default_factory=set)


def settle(world: World, run: str, now: datetime) -> Settled:
    """What is to be written after a merge; nothing where nothing is in dispute."""
    found = Settled()
    known = _settled_marks(world.events.values())
    for item_id, revisions in world.histories.items():
        _settle_one(world, found, revisions, known.get(item_id, frozenset()), run, now)
    latest = {i: found.items.get(i) or last_of(revisions) for i, revisions in world.histories.items()}
    for keeper, loser in _same_statements(world, latest):
        _put_together(found, latest, keeper, loser, run, now)
    found.events = [replace(event, deleted=True, rev=event.rev + 1) for event in _told_twice(world.events)]
    return found


def disputed(histories: Mapping[str, Sequence[Item]], events: Iterable[Event]) -> list[str]:
    """The ids of items of which two copies have another last revision each, and nothing has settled it."""
    known = _settled_marks(events)
    return [
        item_id
        for item_id, revisions in histories.items()
        if len(_open_tips(_chains(revisions), known.get(item_id, frozenset()))) > 1
    ]


def last_of(revisions: Sequence[Item]) -> Item:
    """The revision that counts: the highest, and of equally high ones the last."""
    best = revisions[0]
    for item in revisions[1:]:
        if item.rev >= best.rev:
            best = item
    return best


def mark(item: Item) -> str:
    """What a revision says, whoever wrote it and when: two copies may decide the same, each for itself.

    What has no source was mentioned when a copy took it in.
    """
    mentioned = item.mentioned_at if item.source is not None else None
    said = records.render(replace(item, run="", created_at=_LONG_AGO, mentioned_at=mentioned))
    return hashlib.sha256(said).hexdigest()[:MARK_LETTERS]


def _settled_marks(events: Iterable[Event]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for event in events:
        if event.kind == "sync" and event.reason == MERGED:
            for one in event.dropped:
                if one.item:
                    found[one.item].add(one.reason.rpartition(" ")[2])
    return {item_id: frozenset(marks) for item_id, marks in found.items()}


# -- one item that two copies changed


def _settle_one(
    world: World, found: Settled, revisions: Sequence[Item], known: Collection[str], run: str, now: datetime
) -> None:
    chains = _chains(revisions)
    open_tips = _open_tips(chains, known)
    if len(open_tips) < 2:
        return
    item_id = revisions[0].id
    merged = _merged(world, chains, open_tips)
    last = last_of(revisions)
    found.items[item_id] = replace(merged, rev=last.rev + 1, run=run, created_at=now)
    found.disputed.add(item_id)
    found.dropped += [
        Dropped(chain[-1].rev, f"{MERGED} with another copy's revision: {tip}", item_id)
        for tip, chain in sorted(open_tips.items())
    ]


def _chains(revisions: Sequence[Item]) -> list[list[Item]]:
    """Runs of rising revisions, in the order of the file: each is what one copy appended.

    Where no revision stands twice, there is but one copy, whatever order its lines were put in.
    """
    if len({item.rev for item in revisions}) == len(revisions):
        return [sorted(revisions, key=lambda item: item.rev)]
    chains: list[list[Item]] = []
    for item in revisions:
        if chains and item.rev > chains[-1][-1].rev:
            chains[-1].append(item)
        else:
            chains.append([item])
    return chains


def _open_tips(chains: Sequence[list[Item]], known: Collection[str]) -> dict[str, list[Item]]:
    """The chains that end in what nothing has taken in yet, by the mark of that revision."""
    if len(chains) < 2:
        return {}
    inner = {mark(item) for chain in chains for item in chain[:-1]}
    tips = {mark(chain[-1]): chain for chain in reversed(chains)}
    return {tip: chain for tip, chain in tips.items() if tip not in inner and tip not in known}


def _merged(world: World, chains: Sequence[Sequence[Item]], tips: Mapping[str, Sequence[Item]]) -> Item:
    """The tips as one item, field by field against the last revision that all have in common."""
    begins = min(chain[0].rev for chain in chains[1:])
    base = next((item for item in chains[0] if item.rev == begins - 1), None)
    sides = sorted((_Side.of(world, base, chain, tip) for tip, chain in tips.items()), key=_Side.order)
    sides.reverse()
    values: dict[str, Any] = {}
    for names in (_TEXT, _PLACE, *_OTHERS):
        values |= _chosen(base, sides, names)
    status, reason = _status(base, sides)
    first = sides[0].tip
    return replace(
        first,
        **values,
        status=status,
        reason=reason,
        corroborations=joined([side.tip for side in sides], values["source"]),
        derived_from=tuple(dict.fromkeys(root for side in sides for root in side.tip.derived_from)),
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """One copy's last revision, and whether a person had a hand in it and its bullet stands so."""

    tip: Item
    mark: str
    person: bool
    stands: bool
    edited: bool

    @classmethod
    def of(cls, world: World, base: Item | None, chain: Sequence[Item], tip: str) -> _Side:
        item = chain[-1]
        own = [one for one in chain if base is None or one.rev > base.rev]
        place = world.standing.get(item.id)
        stands = (
            place is not None
            and world.reads_as(place.text, item)
            and (place.topic, world.slot_key(place.slot)) == (item.topic, world.slot_key(item.slot))
        )
        # What was but moved goes where the other copy deleted it, as its bullet does in the merged file.
        changed = base is None or item.text != base.text
        person = any(world.by_person(one) for one in own)
        return cls(item, tip, person, stands, changed and person)

    def order(self) -> tuple[bool, bool, datetime, str]:
        return self.person, self.stands, self.tip.created_at, self.mark


def _values(item: Item, names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(getattr(item, name) for name in names)


def _chosen(base: Item | None, sides: Sequence[_Side], names: Sequence[str]) -> dict[str, Any]:
    """From the first side that changed it; as it was where none did."""
    before = None if base is None else _values(base, names)
    for side in sides:
        if _values(side.tip, names) != before:
            return dict(zip(names, _values(side.tip, names), strict=True))
    return dict(zip(names, _values(sides[0].tip, names), strict=True))


def _status(base: Item | None, sides: Sequence[_Side]) -> tuple[Status, str | None]:
    """A person's edit stands over anybody's taking back; otherwise what was taken back is."""
    before = Status.ACTIVE if base is None else base.status
    for side in sides:
        if side.edited and side.tip.status is Status.ACTIVE:
            return Status.ACTIVE, side.tip.reason
    for side in sides:
        if side.tip.status is not before:
            return side.tip.status, side.tip.reason
    return before, sides[0].tip.reason


def joined(items: Sequence[Item], own: Source | None) -> tuple[Source, ...]:
    """The corroborations of all; lines of a resource that are told twice, or are its own, count once."""
    found: list[Source] = []
    for source in (one for item in items for one in (item.source, *item.corroborations)):
        if source is None or source == own:
            continue
        if not any(_overlap(source, other) for other in (*found, *([own] if own else []))):
            found.append(source)
    return tuple(found)


def _overlap(one: Source, other: Source) -> bool:
    same = one.resource == other.resource
    return same and one.first <= other.last and other.first <= one.last


# -- one statement that two copies learnt


def _same_statements(world: World, latest: Mapping[str, Item]) -> Iterator[tuple[str, str]]:
    """(the item that stays, the one that says the same), each loser once."""
    gone: set[str] = set()
    for group in (*_by_lines(world, latest), *_by_words(latest)):
        kept: list[Item] = []
        for item in sorted(group, key=lambda item: _rank(world, item)):
            if item.id in gone:
                continue
            double = next((one for one in kept if _is_double(world, one, item)), None)
            if double is None:
                kept.append(item)
            else:
                gone.add(item.id)
                yield double.id, item.id


def _rank(world: World, item: Item) -> tuple[bool, bool, int, str]:
    """The one that stays comes first."""
    stands = item.id in world.standing
    return item.origin is not Origin.HUMAN, not stands, -len(item.corroborations), item.id


def _by_lines(world: World, latest: Mapping[str, Item]) -> Iterator[list[Item]]:
    """The active items of each resource that was memorized in more than one run."""
    runs: dict[str, set[str]] = defaultdict(set)
    for event in world.events.values():
        if event.kind == "memorize":
            for resource in event.resources:
                runs[resource].add(event.id)
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in latest.values():
        if item.status is Status.ACTIVE and item.source and len(runs[item.source.resource]) > 1:
            groups[item.source.resource].append(item)
    yield from (group for group in groups.values() if len(group) > 1)


def _by_words(latest: Mapping[str, Item]) -> Iterator[list[Item]]:
    """The active items that say the same word for word, capitals and punctuation aside."""
    groups: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in latest.values():
        if item.status is Status.ACTIVE:
            words = "".join(char for char in item.text.casefold() if char.isalnum())
            groups[item.subject.casefold(), words or item.text].append(item)
    yield from (group for group in groups.values() if len(group) > 1)


def _is_double(world: World, one: Item, other: Item) -> bool:
    """Whether two copies of the folder learnt the same thing; a person may say one thing in two places."""
    if _first_run(world, one) == _first_run(world, other) or not near_identical(one, other):
        return False
    if ItemType.EVENT in (one.type, other.type) and _day(one) != _day(other):
        return False
    if Origin.HUMAN in (one.origin, other.origin):
        home = [(item.topic, world.slot_key(item.slot)) for item in (one, other)]
        return home[0] == home[1] and not (one.id in world.standing and other.id in world.standing)
    if one.source and other.source and one.source.resource == other.source.resource:
        return _overlap(one.source, other.source)
    return True


def _first_run(world: World, item: Item) -> str:
    return world.histories[item.id][0].run


def _day(item: Item) -> object:
    """When an event was: one can go running twice."""
    if item.occurred is not None:
        return item.occurred.start, item.occurred.end
    return item.mentioned_at.date() if item.mentioned_at is not None else None


def _put_together(
    found: Settled, latest: dict[str, Item], keeper: str, loser: str, run: str, now: datetime
) -> None:
    kept, gone = latest[keeper], latest[loser]
    found.same[loser] = keeper
    sources = joined([kept, gone], kept.source)
    if sources != kept.corroborations:
        revised = kept if keeper in found.items else replace(kept, rev=kept.rev + 1)
        found.items[keeper] = latest[keeper] = replace(
            revised, corroborations=sources, run=run, created_at=now, reason=kept.reason or MERGED
        )
    revised = gone if loser in found.items else replace(gone, rev=gone.rev + 1)
    found.items[loser] = latest[loser] = replace(
        revised, status=Status.SUPERSEDED, run=run, created_at=now, reason=f"{MERGED_INTO}{keeper}"
    )


def _told_twice(events: Mapping[str, Event]) -> Iterator[Event]:
    """Of the runs that read the same resource, each copy's own: all but the first."""
    told: set[tuple[str, ...]] = set()
    for event in sorted(events.values(), key=lambda event: (event.created_at, event.id)):
        if event.kind == "memorize" and event.resources and not event.deleted:
            if event.resources in told:
                yield event
            told.add(event.resources)
