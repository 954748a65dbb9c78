"""What a model is shown of a memory: lines under handles, within a budget, and what each leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ..models import Item, Status
from ..pure.navigation import Action, Find, Handles, OpenCategory, OpenItems, ReadLines, Refused
from ..pure.rendering import entry_date, plain_line, with_subject
from ..results import Visit
from . import reading
from .desk import Desk
from .reading import CategoryView, SessionView
from .retrieve import Found

MAX_LINE = 1_000
"""Characters of one line; a longer one is cut, which shows."""
MAX_ABOUT, MAX_TITLE = 300, 120
"""Characters of a category's description and summary each, and of what a resource is about."""
VIEW_SHARE, LEAST_VIEW = 3, 400
"""One view takes a third of the whole budget at most, or this many tokens where that is more."""
FOUND = 12
"""Lines that finding words shows at most."""
_STATUSES = {
    "active": (Status.ACTIVE,),
    "superseded": (Status.SUPERSEDED,),
    "all": (Status.ACTIVE, Status.SUPERSEDED),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A view as the model gets it: `text` is data, `note` ours (what was cut, what is wrong)."""

    visit: Visit
    text: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a view; one without `found` leads nowhere by itself."""

    text: str
    handle: str = ""
    found: Found | None = None


@dataclass(slots=True)
class Showing:
    """All that has been shown in one retrieval. `left` is what of the budget remains, in tokens."""

    budget: int
    left: int
    count: Callable[[str], int] = len
    handles: Handles = field(default_factory=Handles)
    found: dict[str, Found] = field(default_factory=dict)
    views: list[tuple[str, ...]] = field(default_factory=list)
    """The handles of what each view opened, in order."""
    problems: dict[str, None] = field(default_factory=dict)

    # -- the table of contents

    def contents(self, desk: Desk) -> Shown:
        """Categories, then resources, the latest first."""
        self.count = desk.tools.counter().count
        found = reading.contents(desk)
        self.problems.update(dict.fromkeys(found.problems))
        categories = [self._category(one) for one in found.categories]
        sessions = [self._session(one) for one in found.sessions]
        older = f"{found.older} older resources: find reaches them" if found.older else ""
        count = f"{len(categories)} categories, {len(sessions) + found.older} resources"
        shown = self._fit(Visit("contents", "", count), [*categories, *sessions], opened=False)
        return Shown(shown.visit, shown.text, "; ".join(filter(None, [shown.note, older])))

    def _category(self, one: CategoryView) -> _Line:
        handle = self.handles.give("c", one.name)
        slots = ", ".join(
            f"{plain_line(slot) or '(no heading)'} {count}" for slot, count in one.slots.items()
        )
        span = f"{one.first:%Y-%m} to {one.last:%Y-%m}" if one.first and one.last else ""
        items = ", ".join(f"{count} {status}" for status, count in one.items.items())
        parts = [f"entries: {slots or 'none'}", f"items: {items}" if items else "", span]
        texts = (plain_line(text)[:MAX_ABOUT] for text in (one.description, one.summary) if text)
        head = f"{handle} {plain_line(one.name)} ({'; '.join(filter(None, parts))})"
        text = ": ".join(filter(None, [head, " - ".join(texts)]))
        return _Line(text, handle, reading.category_hit(one))

    def _session(self, one: SessionView) -> _Line:
        handle = self.handles.give("r", one.key)
        state = "" if one.resource else ", not memorized yet"
        count = _counted(one.lines, "line", "lines")
        about = f": {plain_line(one.title)[:MAX_TITLE]}" if one.title else ""
        return _Line(f"{handle} {one.time:%Y-%m-%d} ({count}{state}){about}")

    # -- what is opened

    def open(self, desk: Desk, action: Action) -> Shown:
        match action:
            case OpenCategory():
                return self._open_category(desk, action)
            case OpenItems():
                return self._open_items(desk, action)
            case ReadLines():
                return self._read_lines(desk, action)
            case Find():
                return self._find(desk, action)
        raise TypeError(f"{action!r} opens nothing")

    def _open_category(self, desk: Desk, action: OpenCategory) -> Shown:
        topic = self._topic(action.category)
        if topic is None:
            return _no_such("open_category", action.category)
        entries = reading.read_entries(desk, topic)
        wanted = action.slot.casefold()
        found = [one for one in entries if not wanted or (one.hit.slot or "").casefold() == wanted]
        target = f"{topic}/{action.slot}" if action.slot else topic
        visit = Visit("open_category", target, _counted(len(found), "entry", "entries"))
        if entries and not found:
            slots = dict.fromkeys(plain_line(one.hit.slot or "") for one in entries)
            return self._fit(visit, [_Line(f"slots: {', '.join(slots)}")], opened=False, note="no such slot")
        return self._fit(visit, [self._line(one, f"{plain_line(one.hit.slot or '')}: ") for one in found])

    def _topic(self, given: str) -> str | None:
        """A category by its handle, or by the name under which it was shown."""
        if given.startswith("c") and (name := self.handles.key(given)) is not None:
            return name
        return given if self.handles.knows("c", given) else None

    def _open_items(self, desk: Desk, action: OpenItems) -> Shown:
        if action.ids:
            return self._items_by_id(desk, action.ids)
        topic = self._topic(action.category)
        if topic is None:
            return _no_such("open_items", action.category)
        found = reading.read_items(desk, topic, action.slot, _STATUSES[action.status])
        target = f"{topic}/{action.slot}" if action.slot else topic
        visit = Visit("open_items", f"{target}, {action.status}", _counted(len(found), "item", "items"))
        return self._fit(visit, [self._item_line(one) for one in found])

    def _items_by_id(self, desk: Desk, ids: Sequence[str]) -> Shown:
        keys = [self.handles.key(handle) if handle.startswith("i") else None for handle in ids]
        unknown = [plain_line(i)[:20] for i, key in zip(ids, keys, strict=True) if key is None]
        found = [one for key in keys if key and (one := reading.read_item(desk, key))]
        target = ", ".join(one.items[0].id for one in found)
        shown = self._fit(
            Visit("open_items", target, _counted(len(found), "item", "items")),
            [self._item_line(one) for one in found],
        )
        note = f"no such item: {', '.join(unknown)}" if unknown else ""
        return Shown(shown.visit, shown.text, "; ".join(filter(None, [shown.note, note])))

    def _read_lines(self, desk: Desk, action: ReadLines) -> Shown:
        key = self.handles.key(action.resource) if action.resource.startswith("r") else None
        session = reading.session_of(desk, key) if key else None
        if session is None:
            return _no_such("read_lines", action.resource)
        found = reading.read_lines(desk, session.key, action.first, action.last)
        target = f"{session.file}:{action.first}-{action.last}"
        visit = Visit("read_lines", target, _counted(len(found), "line", "lines"))
        return self._fit(visit, [self._line(one) for one in found])

    def _find(self, desk: Desk, action: Find) -> Shown:
        found, problems = reading.find_words(desk, action.words, FOUND)
        self.problems.update(dict.fromkeys(problems))
        visit = Visit("find", action.words, _counted(len(found), "hit", "hits"))
        return self._fit(visit, [self._line(one, _day(one)) for one in found])

    # -- lines

    def _line(self, one: Found, before: str = "") -> _Line:
        """An entry, an item, or what was said, each under its handle."""
        hit = one.hit
        handle = self.handle_of(one)
        was = " (superseded)" if hit.superseded else ""
        return _Line(f"{handle} {before}{_said(one)}{was}", handle, one)

    def handle_of(self, one: Found) -> str:
        hit = one.hit
        if hit.tier in ("resource", "buffer"):
            return f"{self.handles.give('r', hit.resource_id or hit.path)}:{hit.line}"
        return self.handles.give("i", one.items[0].id) if one.items else self.handles.give("e", hit.place)

    def _item_line(self, one: Found) -> _Line:
        """An item with when it was, where it stands and comes from, and what it replaces."""
        item = one.items[0]
        handle = self.handle_of(one)
        about = [
            entry_date(item.occurred, item.mentioned_at),
            f"{item.topic}/{item.slot}",
            self._source(item),
        ]
        if item.supersedes:
            about.append(f"replaces {self.handles.give('i', item.supersedes)}")
        if item.status is Status.SUPERSEDED:
            about.append("superseded" + (f": {plain_line(item.reason)[:80]}" if item.reason else ""))
        known = plain_line("; ".join(filter(None, about)))
        return _Line(f"{handle} {_said(one)} ({known})", handle, one)

    def _source(self, item: Item) -> str:
        if item.source is None:
            return ""
        first, last = item.source.first, item.source.last
        lines = str(first) if first == last else f"{first}-{last}"
        return f"source {self.handles.give('r', item.source.resource)}:{lines}"

    # -- the budget

    def _fit(self, visit: Visit, lines: Iterable[_Line], opened: bool = True, note: str = "") -> Shown:
        """The lines that fit, which are open from now on; the others are counted."""
        room = min(self.left, max(self.budget // VIEW_SHARE, LEAST_VIEW))
        kept: list[_Line] = []
        rest = 0
        for line in lines:
            size = self.count(line.text) + 1
            if rest or size > room:
                rest += 1
                continue
            room, self.left = room - size, self.left - size
            kept.append(line)
        self.found.update({line.handle: line.found for line in kept if line.found})
        if opened and kept:
            self.views.append(tuple(line.handle for line in kept))
        cut = f"{rest} more did not fit: narrow it by slot, lines or words" if rest else ""
        told = note or ("" if kept or cut else "nothing there")
        outcome = f"{visit.outcome}, {rest} not shown" if rest else visit.outcome
        return Shown(
            Visit(visit.action, visit.target, outcome),
            "\n".join(line.text for line in kept),
            "; ".join(filter(None, [told, cut])),
        )


def refused(refusal: Refused) -> Shown:
    return Shown(Visit(refusal.name or "reply", "", f"refused: {refusal.reason}"), note=refusal.reason)


def _no_such(action: str, given: str) -> Shown:
    name = plain_line(given)[:40]
    return Shown(
        Visit(action, name, "refused: no such handle"), note=f"nothing shown has the handle {name!r}"
    )


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _day(one: Found) -> str:
    return f"[{one.hit.date:%Y-%m-%d}] " if one.hit.date else ""


def _said(one: Found) -> str:
    """The text with who said it, or whom it is about, before it; of an item only where it does not say so."""
    text, who = _cut(one.hit.text), plain_line(one.hit.speaker or "")
    if one.hit.tier == "item":
        return with_subject(text, who, worded=one.items[0].model is not None)
    return f"{who}: {text}" if who and one.hit.tier != "category" else text


def _cut(text: str) -> str:
    line = plain_line(text)
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 1] + "…"
