"""What differs between two states of one memory, told as changes that read as words.

A state is what is said: each statement once, as its bullet reads where a category file shows it, else as its
item does. What leaves a file for want of room is still said, and makes no difference.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..models import Entry, Item, Origin, Status
from ..results import Change
from .markdown import Document, entries, parse, unescape
from .merging import standing_summary
from .pages import said
from .reconciling import LONGEST_CHAIN, successor_id
from .rendering import bullet_text, entry_date, plain_line, with_subject

BY_HAND = "by hand"
_ORDER = {"move": 0, "change": 1, "remove": 2, "add": 3}


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that is said: `bullet` as it stands or would stand in its file, `words` without a date.

    `item` is the last revision of what it says, None for a bullet that a person wrote or changed, and that
    no sync has taken in yet. `id` is "" where the bullet has none.
    """

    id: str
    topic: str
    slot: str
    bullet: str
    words: str
    item: Item | None = None

    @property
    def place(self) -> tuple[str, str]:
        return self.topic, self.slot


@dataclass(frozen=True, slots=True)
class State:
    """All that is said at one time, by id (or, without one, by place and words), and all items."""

    said: Mapping[str, Statement] = field(default_factory=dict)
    items: Mapping[str, Item] = field(default_factory=dict)
    notes: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    """Lines that are no entries: (topic, slot, line), how often."""


def state_of(
    items: Mapping[str, Item],
    files: Mapping[str, str],
    own_names: frozenset[str] = frozenset(),
    deleted: Collection[str] = (),
) -> State:
    """The state that `items` (last revisions by id) and category `files` (texts by topic) make.

    `deleted` are ids whose bullets a person has taken out of a file, and that no sync has taken in yet.
    """
    said: dict[str, Statement] = {}
    notes: dict[tuple[str, str, str], int] = {}
    for topic, text in files.items():
        document = parse(text, items.keys())
        for entry in entries(document, topic, topic):
            found = _shown(entry, items.get(entry.id or ""), own_names)
            said.setdefault(entry.id or f"{topic}\n{entry.slot}\n{entry.text}", found)
        for line in _notes(document, topic, standing_summary(text)):
            notes[line] = notes.get(line, 0) + 1
    for item_id, item in items.items():
        if item.status is Status.ACTIVE and item_id not in said and item_id not in deleted:
            said[item_id] = _statement(item, bullet_text(item, own_names), own_names)
    return State(said, items, notes)


def _shown(entry: Entry, item: Item | None, own_names: frozenset[str]) -> Statement:
    if item is not None and not reads_as(entry.text, item, own_names):
        item = None
    words = _words(item, own_names) if item is not None else plain_line(unescape(entry.text))
    return Statement(entry.id or "", entry.topic, entry.slot, entry.text, words, item)


def reads_as(bullet: str, item: Item, own_names: frozenset[str]) -> bool:
    """Whether a bullet's text says what the item says: no edit that a sync has not taken in stands in it.

    Where a person changed the words, the date that the machine had put after them may stand there still.
    """
    if bullet == bullet_text(item, own_names):
        return True
    if item.origin is not Origin.HUMAN:
        return False
    date = f"({entry_date(item.occurred, item.mentioned_at)})"
    found = {said(bullet, mask) for mask in (False, True)}
    return plain_line(item.text) in {*found, *(words.removesuffix(date).rstrip() for words in found)}


def _statement(item: Item, bullet: str, own_names: frozenset[str]) -> Statement:
    return Statement(item.id, item.topic, item.slot, bullet, _words(item, own_names), item)


def _words(item: Item, own_names: frozenset[str]) -> str:
    text, subject = plain_line(item.text), plain_line(item.subject)
    if item.origin is Origin.HUMAN or subject.casefold() in {name.casefold() for name in own_names}:
        return text
    return with_subject(text, subject, worded=item.model is not None)


def _notes(document: Document, topic: str, summary: str) -> Iterator[tuple[str, str, str]]:
    """Lines of prose, tables and code, the summary apart."""
    for section in document.sections:
        for block in section.blocks:
            lines = [line.text.strip(" \t") for line in block.lines]
            if block.kind == "other" and "\n".join(lines) != summary:
                yield from ((topic, section.slot, line) for line in lines if line)


# -- the difference


def difference(before: State, after: State, documents: Container[str] = ()) -> tuple[Change, ...]:
    """What was added, removed, reworded and moved, by topic and slot.

    `documents` are the ids of the resources that are no conversations: they have lines, not messages.
    """
    found = [*_stated(before, after, documents), *_noted(before, after)]
    return tuple(sorted(found, key=lambda one: (one.topic, one.slot, _ORDER[one.op], one.text, one.item)))


def _stated(before: State, after: State, documents: Container[str]) -> Iterator[Change]:
    replaced: set[str] = set()
    for key, old in before.said.items():
        new = after.said.get(key)
        if new is not None:
            yield from _between(old, new, documents)
            continue
        successor = _successor(after, old.id)
        if successor is not None and successor.id not in before.said:
            replaced.add(successor.id)
            yield from _between(old, successor, documents)
        else:
            yield _removed(old, after.items.get(old.id), documents)
    for key, new in after.said.items():
        if key not in before.said and key not in replaced:
            yield Change("add", new.topic, new.slot, new.id, new.words, source=_source(new, documents))


def _between(old: Statement, new: Statement, documents: Container[str]) -> Iterator[Change]:
    source = _source(new, documents)
    if old.place != new.place:
        same_topic = old.topic == new.topic and bool(old.slot)
        came_from = old.slot if same_topic else "/".join(filter(None, old.place))
        yield Change("move", new.topic, new.slot, new.id, new.words, came_from, source)
    if old.words != new.words:
        yield Change("change", new.topic, new.slot, new.id, new.words, old.words, source)
    elif _dated_otherwise(old, new):
        was, text = (plain_line(unescape(one.bullet)) for one in (old, new))
        yield Change("change", new.topic, new.slot, new.id, text, was, source)


def _dated_otherwise(old: Statement, new: Statement) -> bool:
    """The words do not tell a date that memory worked out: it stands in the bullets."""
    if old.item is None or new.item is None or old.bullet == new.bullet:
        return False
    return old.item.occurred != new.item.occurred


def _removed(old: Statement, item: Item | None, documents: Container[str]) -> Change:
    taken_out = item is not None and (item.status is Status.ACTIVE or _retracted_by_hand(item))
    source = BY_HAND if taken_out else _source(old, documents)
    return Change("remove", old.topic, old.slot, old.id, old.words, source=source)


def _retracted_by_hand(item: Item) -> bool:
    return item.status is Status.RETRACTED and item.origin is Origin.HUMAN


def _successor(state: State, item_id: str) -> Statement | None:
    """What has taken the place of a superseded item and is said now."""
    for _ in range(LONGEST_CHAIN):
        item = state.items.get(item_id)
        following = successor_id(item) if item is not None else None
        if following is None:
            return None
        if following in state.said:
            return state.said[following]
        item_id = following
    return None


def _noted(before: State, after: State) -> Iterator[Change]:
    for topic, slot, line in sorted({*before.notes, *after.notes}):
        key = (topic, slot, line)
        more = after.notes.get(key, 0) - before.notes.get(key, 0)
        if more:
            yield Change("add" if more > 0 else "remove", topic, slot, "", line, source=BY_HAND)


# -- words


def _source(said: Statement, documents: Container[str]) -> str:
    return BY_HAND if said.item is None else source_of(said.item, documents)


def source_of(item: Item, documents: Container[str] = ()) -> str:
    """Where an item comes from: "2023-08-14 message 12", "by hand", "made of 3 others"; "" where unknown."""
    if item.origin is Origin.HUMAN:
        return BY_HAND
    if item.source is None:
        return f"made of {len(item.derived_from)} others" if item.derived_from else ""
    source = item.source
    unit = "line" if source.resource in documents else "message"
    numbers = str(source.first) if source.first == source.last else f"{source.first}-{source.last}"
    day = item.mentioned_at.date().isoformat() if item.mentioned_at else _day_of(source.resource)
    return f"{day} {unit}{'' if source.first == source.last else 's'} {numbers}".strip()


def _day_of(resource: str) -> str:
    """The day that a resource's id begins with: "20230508-135600-k3f9" is of 2023-05-08."""
    day = resource[:8]
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if len(day) == 8 and day.isdigit() else resource


def touching(changes: Iterable[Change], topic: str, slot: str | None = None) -> tuple[Change, ...]:
    """Those in a topic, or in one slot of it; a move counts for where it came from as well."""
    return tuple(one for one in changes if any(_within(place, topic, slot) for place in _places(one)))


def _places(change: Change) -> Iterator[tuple[str, str]]:
    yield change.topic, change.slot
    if change.op == "move":
        topic, sign, slot = change.before.rpartition("/")
        yield (topic if sign else change.topic), slot


def _within(place: tuple[str, str], topic: str, slot: str | None) -> bool:
    return place[0] == topic and (slot is None or place[1].casefold() == slot.casefold())
