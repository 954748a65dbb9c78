"""How drafts bear on what is known: each becomes a new item, one more source of a known one, or nothing.

Pure: what is known comes in as look-ups, and the result is data that can be shown before it is applied.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol

from ..models import BearingKind, Draft, Dropped, Item, ItemType, Origin, Source, Status
from ..results import Operation
from .patterns import lazy
from .rearranging import MERGED_INTO, merged_into
from .selecting import near_identical
from .terms import stem, words

ChangeKind = Literal["add", "corroborate", "refine", "correct", "retract", "supersede"]

# Eight letters of base32 are 40 bits: among a million items of one user a clash is a coin toss, and is
# settled by `item_id`'s salt, not by luck.
ID_LETTERS = 8
MAX_SALTS = 64

LONGEST_CHAIN = 64
"""How many times over a statement can have been replaced and its latest form still be found."""
REWORDED = 0.8
"""Jaccard similarity of two texts' telling words from which one is the other reworded."""
KEPT_OF_REFINED = 0.5
"""The share of a statement's telling words that one which takes its place as a refinement has as well."""
_LINKS: Mapping[BearingKind, str] = {
    "refines": "refined by ",
    "corrects": "corrected by ",
    "retracts": "retracted by ",
}
_OPERATIONS: Mapping[BearingKind, ChangeKind] = {
    "refines": "refine",
    "corrects": "correct",
    "retracts": "retract",
}
# A fact and its denial share all their telling words.
_DENIES = lazy(
    r"\b(?:not?|never|none|nobody|without|neither|nor)\b|n['’]t\b|[不没沒無无别未非]", re.IGNORECASE
)
_WORD = lazy(r"\w+")
_PRONOUNS = frozenset("i me my mine we us our ours he she they user".split())


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
    before = {one.item.id: one.item.text for one in reconciled.changes if one.op == "supersede"}
    shown = (_operation(change, resource, before) for change in reconciled.changes)
    drops = (
        Operation("drop", resource, one.line, target=one.item, reason=one.reason)
        for one in (*dropped, *reconciled.dropped)
    )
    return (*(one for one in shown if one is not None), *drops)


def _operation(change: Change, resource: str, before: Mapping[str, str]) -> Operation | None:
    item, op = change.item, change.op
    if op == "supersede":
        return None
    here = [
        one for one in (item.source, *item.corroborations) if one is not None and one.resource == resource
    ]
    return Operation(
        op,
        resource,
        here[-1 if op == "corroborate" else 0].first if here else 0,
        text=item.text,
        topic=item.topic,
        slot=item.slot,
        item=item.id,
        target=item.id if op == "corroborate" else change.target,
        reason=item.reason or "",
        before=before.get(change.target or "", ""),
    )


def item_id(resource: str, line: int, text: str, salt: int = 0) -> str:
    """The same words from the same line get the same id, in whichever clone of the folder they are read."""
    data = f"{resource}\n{line}\n{text}\n{salt or ''}".encode()
    return base64.b32encode(hashlib.sha256(data).digest())[:ID_LETTERS].decode().lower()


def reconcile(drafts: Sequence[Draft], known: Known, *, resource: str, run: str, now: datetime) -> Reconciled:
    """Decide on each draft in order; later ones see, through `known`, what earlier ones became.

    A draft becomes a new item, one more source of a known one, or a Dropped with its reason. A bearing that
    cannot be followed leaves a Dropped too, whose reason says that the draft was added nonetheless.
    """
    decision = _Decision(known, resource, run, now)
    for draft in drafts:
        decision.take(draft)
    return Reconciled(tuple(decision.changes.values()), tuple(decision.dropped))


class _Decision:
    """What is decided so far. A change is kept by the id and revision of its item."""

    def __init__(self, known: Known, resource: str, run: str, now: datetime) -> None:
        self.known, self.resource, self.run, self.now = known, resource, run, now
        self.changes: dict[tuple[str, int], Change] = {}
        self.dropped: list[Dropped] = []

    def take(self, draft: Draft) -> None:
        item, seen = _identify(draft, self.known, self.resource, self.run, self.now)
        if seen is not None:
            reason = "retracted before" if seen.status is Status.RETRACTED else "known from this line"
            self._drop(draft, reason, seen.id)
            return
        target, why_not = self._target(draft, item)
        double = _double(item, self.known, target)
        if double is not None and double.status is Status.RETRACTED:
            self._drop(draft, "retracted before", double.id)
        elif draft.bearing is None or target is None:
            if draft.bearing is not None:
                self._drop(draft, f"{why_not}: added as new", draft.bearing.item)
            self._add(item, double)
        elif target.status is Status.RETRACTED:
            self._drop(draft, "retracted before", target.id)
        elif draft.bearing.kind == "retracts" and _same_words(item, target):
            self._drop(draft, "takes back what it says", target.id)
        elif draft.bearing.kind == "corroborates" and _new_names(item, target):
            self._drop(draft, "says more than its target: added as new", target.id)
            self._add(item, double)
        elif draft.bearing.kind == "corroborates" or _same_words(item, target):
            self._corroborate(target, item)
        else:
            self._replace(target, item, double, draft.bearing.kind)

    def _target(self, draft: Draft, item: Item) -> tuple[Item | None, str]:
        """The known item that the draft bears on now; or None, and why on none."""
        if draft.bearing is None:
            return None, ""
        named = self.known.by_id(draft.bearing.item)
        if named is None:
            return None, "its target is not known"
        target = self._latest(named, item, draft.bearing.kind)
        if target is None:
            return None, "its target was replaced before"
        if target.status is Status.RETRACTED and draft.bearing.kind in ("corrects", "retracts"):
            return None, "its target is retracted"
        if target.subject.casefold() != item.subject.casefold():
            return None, "its target is about somebody else"
        if not _on_one_matter(item, target):
            return None, "its target is about something else"
        return target, ""

    def _latest(self, item: Item, new: Item, kind: BearingKind) -> Item | None:
        """`item`, or what has taken its place by now; None where nothing has that `new` bears on as well.

        What one run says twice of a known statement may be its two halves, and of two statements in
        different slots neither replaces the other: there the later one is new, and the earlier one stays.
        """
        for _ in range(LONGEST_CHAIN):
            if item.status is not Status.SUPERSEDED:
                return item
            following = successor_id(item)
            successor = self.known.by_id(following) if following else None
            if successor is None:
                return None
            if kind == "corroborates":
                if not merged_into(item) and _LINKS["refines"] not in (item.reason or ""):
                    return None
            elif not _follows(successor, new, self.run, kind):
                return None
            item = successor
        return None

    def _replace(self, target: Item, item: Item, double: Item | None, kind: BearingKind) -> None:
        """`item`, or the known `double` that says the same, takes the place of `target` where it may."""
        late = _earlier(item, target)
        if target.origin is Origin.HUMAN or self.known.pinned(target):
            self._beside(item, double, "pinned by a person: added beside", target)
        elif late and kind == "refines":
            self._beside(item, double, "said before its target: added beside", target)
        elif kind == "refines" and not _keeps(double or item, target):
            self._beside(item, double, "leaves out what its target says: added beside", target)
        elif late and double is None:
            self._put(
                Change("add", replace(item, status=Status.SUPERSEDED, reason=f"said before {target.id}"))
            )
        elif late:
            self._add(item, double)
        elif double is None:
            new = replace(item, supersedes=target.id, reason=kind)
            self._put(Change(_OPERATIONS[kind], _taking_over(new, target, kind), target.id))
            self._supersede(target, new.id, kind)
        else:
            taken = replace(double, supersedes=double.supersedes or target.id)
            self._one_more_source(_taking_over(taken, target, kind), item, _OPERATIONS[kind], target.id)
            self._supersede(target, double.id, kind)

    def _beside(self, item: Item, double: Item | None, reason: str, target: Item) -> None:
        assert item.source is not None  # a draft always comes from a line
        self.dropped.append(Dropped(item.source.first, reason, target.id))
        self._add(item, double)

    def _add(self, item: Item, double: Item | None) -> None:
        if double is None:
            self._put(Change("add", item))
        else:
            self._corroborate(double, item)

    def _supersede(self, target: Item, by: str, kind: BearingKind) -> None:
        changed = replace(
            target,
            rev=target.rev + 1,
            status=Status.SUPERSEDED,
            run=self.run,
            created_at=self.now,
            reason=f"{_LINKS[kind]}{by}",
        )
        earlier = self.changes.get((target.id, target.rev))
        if earlier is not None and earlier.op == "corroborate":  # one revision a run where one will do
            del self.changes[target.id, target.rev]
            changed = replace(changed, rev=target.rev)
        self._put(Change("supersede", changed))

    def _corroborate(self, known: Item, item: Item) -> None:
        if item.model is not None and item.source in (known.source, *known.corroborations):
            assert item.source is not None  # a draft always comes from a line
            self.dropped.append(Dropped(item.source.first, "known from this line", known.id))
        else:
            self._one_more_source(known, item, "corroborate")

    def _one_more_source(self, known: Item, item: Item, op: ChangeKind, target: str | None = None) -> None:
        """A new revision of `known`, or, where this run already made one, that one again."""
        assert item.source is not None  # a draft always comes from a line
        sources = (*known.corroborations, item.source)
        earlier = self.changes.get((known.id, known.rev))
        if earlier is not None:
            shown = earlier if target is None or earlier.target is not None else Change(op, known, target)
            self._put(replace(shown, item=replace(known, corroborations=sources)))
            return
        changed = replace(
            known,
            rev=known.rev + 1,
            corroborations=sources,
            run=self.run,
            created_at=self.now,
            reason="corroborated",
        )
        self._put(Change(op, changed, target))

    def _put(self, change: Change) -> None:
        self.changes[change.item.id, change.item.rev] = change
        self.known.learn(change.item)

    def _drop(self, draft: Draft, reason: str, item: str) -> None:
        self.dropped.append(Dropped(draft.line, reason, item))


def successor_id(item: Item) -> str | None:
    """The id of what took a superseded item's place, as its reason names it: "corrected by k3f9q2aa"."""
    reason = item.reason or ""
    if item.status is not Status.SUPERSEDED or not reason.startswith((*_LINKS.values(), MERGED_INTO)):
        return None
    return reason.rpartition(" ")[2]


def _identify(draft: Draft, known: Known, resource: str, run: str, now: datetime) -> tuple[Item, Item | None]:
    """The draft as an item, and the stored item that already is this very line and text, if any."""
    for salt in range(MAX_SALTS):
        identity = item_id(resource, draft.line, draft.text, salt)
        item = _item(draft, identity, resource, run, now)
        stored = known.by_id(identity)
        if stored is None:
            return item, None
        # By where it begins: the same statement may be given with one line more the next time.
        if stored.source is not None and (stored.source.resource, stored.source.first) == (
            resource,
            draft.line,
        ):
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
        tags=draft.tags,
        source=Source(resource, draft.line, max(draft.line, draft.last_line)),
        weight=round(draft.weight, 3),
        model=draft.model,
    )


def _double(item: Item, known: Known, besides: Item | None) -> Item | None:
    """A known item, other than `besides`, that says the same, or was merged from one that does."""
    for candidate in known.alike(item):
        holds = _merged(candidate, known)
        if holds.status is Status.SUPERSEDED or (besides is not None and holds.id == besides.id):
            continue
        if item.model is not None and _keys(item) != _keys(candidate):
            continue
        if _same(item, candidate) or (holds.status is Status.RETRACTED and _reworded(item, candidate)):
            return holds
    return None


def _merged(item: Item, known: Known) -> Item:
    """What stands for an item that was merged with others, itself for any other."""
    for _ in range(LONGEST_CHAIN):
        into = known.by_id(merged_into(item)) if merged_into(item) else None
        if into is None:
            break
        item = into
    return item


def _follows(successor: Item, new: Item, run: str, kind: BearingKind) -> bool:
    """Whether what bears on a statement bears on its successor too: the same slot, and not its other half."""
    same_slot = (successor.topic, successor.slot) == (new.topic, new.slot)
    return same_slot and (successor.run != run or kind == "corrects")


def _on_one_matter(item: Item, target: Item) -> bool:
    """Whether one may bear on the other: a wrong handle must not put an unrelated statement aside."""
    return item.topic == target.topic or not _telling(item).isdisjoint(_telling(target))


def _keeps(item: Item, target: Item) -> bool:
    """Whether more detail comes with what was known: its names and numbers, and half of its words."""
    said = _telling(target)
    return not _new_names(target, item) and len(said & _telling(item)) >= KEPT_OF_REFINED * len(said)


def _new_names(item: Item, known: Item) -> frozenset[str]:
    """The names and numbers that `item` has and `known` has not."""
    return _keys(item)[1] - set(_WORD.findall(known.text.casefold()))


def _reworded(item: Item, other: Item) -> bool:
    """Whether what a model worded says what stood there in a person's own words.

    "I love horses." and "Iris loves horses." share all the words that tell something.
    """
    if item.model is None or item.subject.casefold() != other.subject.casefold():
        return False
    if item.occurred and other.occurred and not _same_time(item, other):
        return False
    one, two = _telling(item), _telling(other)
    return bool(one | two) and len(one & two) >= REWORDED * len(one | two)


def _keys(item: Item) -> tuple[bool, frozenset[str]]:
    """What makes another statement of one with nearly the same words: a denial, another name or number.

    The first word has its capital from the sentence, and the subject is compared for itself.
    """
    found = _WORD.findall(item.text)
    named = (word for word in found[1:] if word[0].isupper() and word not in ("I", "My"))
    numbers = (word for word in found if not word.isalpha() and any(map(str.isdigit, word)))
    keys = frozenset(word.casefold() for word in (*named, *numbers))
    return bool(_DENIES.search(item.text)), keys - set(_WORD.findall(item.subject.casefold()))


def _telling(item: Item) -> frozenset[str]:
    """The stems of a text without those of its subject's name and of pronouns."""
    named = {stem(word) for word in words(item.subject)} | _PRONOUNS
    return frozenset(found for word in words(item.text) if (found := stem(word)) not in named)


def _earlier(item: Item, target: Item) -> bool:
    """Whether the statement was made before the one it bears on: news that comes in late."""
    if item.mentioned_at is None or target.mentioned_at is None:
        return False
    return item.mentioned_at < target.mentioned_at


def _taking_over(new: Item, target: Item, kind: BearingKind) -> Item:
    """What refines a statement stands on its sources too; what corrects it does not."""
    if kind != "refines":
        return new
    sources = (target.source, *target.corroborations)
    carried = (one for one in sources if one is not None and one != new.source)
    return replace(
        new,
        corroborations=tuple(dict.fromkeys([*new.corroborations, *carried])),
        derived_from=tuple(dict.fromkeys([*new.derived_from, *target.derived_from])),
    )


def _same_words(one: Item, other: Item) -> bool:
    """The same statement to the letter, but for capitals and punctuation, of the same time."""
    spoken = [_WORD.findall(item.text.casefold()) for item in (one, other)]
    return spoken[0] == spoken[1] and _same(one, other)


def _same(one: Item, other: Item) -> bool:
    """Near-identical words; and for an event also the same time, for one can go running twice."""
    if not near_identical(one, other):
        return False
    if one.type != ItemType.EVENT:
        return True
    if one.occurred or other.occurred:
        return _same_time(one, other)
    days = [item.mentioned_at.date() if item.mentioned_at else None for item in (one, other)]
    return days[0] == days[1]


def _same_time(one: Item, other: Item) -> bool:
    if one.occurred is None or other.occurred is None:
        return one.occurred == other.occurred
    return (one.occurred.start, one.occurred.end) == (other.occurred.start, other.occurred.end)
