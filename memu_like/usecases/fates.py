"""What becomes of each item when a resource is forgotten; decided from all its revisions, written nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ..models import Draft, Item, Origin, Source, Status
from ..pure.markdown import parse, unescape
from ..pure.rearranging import merged_into
from ..pure.rendering import bullet_text
from ..pure.selecting import near_identical
from .bases import read_base
from .categories import read_category
from .desk import Desk
from .intake import Staged, quotes_in

REASON = "what it came from was forgotten"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is forgotten: a resource, or only these of its lines where there are any."""

    resource: str
    lines: frozenset[int] = frozenset()

    def covers(self, source: Source | None) -> bool:
        if source is None or source.resource != self.resource:
            return False
        return not self.lines or any(source.first <= line <= source.last for line in self.lines)

    def bears(self, item: Item) -> bool:
        """Whether a revision was learnt from it, or said by it too."""
        return any(self.covers(source) for source in (item.source, *item.corroborations))


@dataclass(slots=True)
class History:
    """An item's revisions in order, and where the line of the last one stands: (file, offset)."""

    revisions: list[Item] = field(default_factory=list)
    place: tuple[str, int] = ("", 0)

    @property
    def last(self) -> Item:
        return self.revisions[-1]


@dataclass(slots=True)
class Fates:
    """`gone`: items that are erased. `changed`: items of which one line stays, as it is to read.

    `kept`: those among the changed whose words a person wrote. `bullets`: category bullets by item id that
    now count as the machine's, so that they may be rewritten or dropped. `after`: what a changed item's
    bullet may read as when all is done.
    """

    gone: dict[str, Item] = field(default_factory=dict)
    changed: dict[str, Item] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    bullets: dict[str, str] = field(default_factory=dict)
    after: dict[str, set[str]] = field(default_factory=dict)

    def standing_after(self, item_id: str) -> set[str]:
        return self.after.get(item_id, set())


def histories(desk: Desk) -> dict[str, History]:
    """Every revision of every item. Raises CorruptFile."""
    found: dict[str, History] = {}
    for name in desk.folder.item_files():
        for line, item in desk.folder.items(name):
            history = found.setdefault(item.id, History())
            if not history.revisions or item.rev >= history.last.rev:
                history.revisions.append(item)
                history.place = (name, line.offset)
            else:
                history.revisions.insert(0, item)
    return found


def decide(desk: Desk, history: Mapping[str, History], scope: Scope, run: str, now: datetime) -> Fates:
    """The fate of all items when what is in `scope` is forgotten by `run`."""
    one = _Deciding(desk, scope, run, now)
    one.mixed = _mixed(history, scope)
    apart = _apart(history, one.mixed, run, now)
    touched = {i: h for i, h in history.items() if any(map(scope.bears, h.revisions))}
    one.read_bullets([*touched, *apart])
    for item_id, found in touched.items():
        one.decide(item_id, apart.get(item_id, found))
    for item_id in apart.keys() - touched.keys():
        one.keep(apart[item_id])
    one.follow(history)
    return one.fates


def _mixed(history: Mapping[str, History], scope: Scope) -> frozenset[str]:
    """The items whose wording was made of others', one of which stood in what is forgotten."""
    quotes = {i for i, h in history.items() if any(scope.covers(r.source) for r in h.revisions)}
    mixed: set[str] = set()
    more = True
    while more:
        found = {i for i, h in history.items() if not (quotes | mixed).isdisjoint(h.last.derived_from)}
        more = not found <= mixed
        mixed |= found
    return frozenset(mixed)


def _apart(
    history: Mapping[str, History], mixed: frozenset[str], run: str, now: datetime
) -> dict[str, History]:
    """What those were made of stands for itself again: it is active, as it was before.

    Where an erasing was killed half-way, they may be erased already.
    """
    found = {}
    for item_id, one in history.items():
        last = one.last
        into = merged_into(last)
        if into and (into in mixed or into not in history):
            again = replace(
                last, status=Status.ACTIVE, rev=last.rev + 1, run=run, created_at=now, reason=REASON
            )
            found[item_id] = History([*one.revisions, again], one.place)
    return found


@dataclass(slots=True)
class _Deciding:
    desk: Desk
    scope: Scope
    run: str
    now: datetime
    fates: Fates = field(default_factory=Fates)
    standing: dict[str, list[str]] = field(default_factory=dict)
    bases: dict[str, str] = field(default_factory=dict)
    mixed: frozenset[str] = frozenset()

    def read_bullets(self, ids: Iterable[str]) -> None:
        """What stands in the category files of these items, in whichever file."""
        known = frozenset(ids)
        for path in self.desk.folder.category_files():
            topic = path.removeprefix("categories/").removesuffix(".md")
            self.bases |= {i: t for i, t in read_base(self.desk, topic).bullets.items() if i in known}
            for bullet in parse(read_category(self.desk, path) or "", known).bullets:
                if bullet.id in known:
                    self.standing.setdefault(bullet.id, []).append(bullet.text)

    def decide(self, item_id: str, history: History) -> None:
        last = history.last
        mixed = item_id in self.mixed
        if not mixed and not self.scope.covers(last.source):
            self._change(history, replace(last, corroborations=self._others(last)))
            return
        fate = self._of_quote(history)
        if fate is None:
            self.fates.gone[item_id] = last
            self._adopt(history, last)
        else:
            self._change(history, fate)

    def keep(self, history: History) -> None:
        self._change(history, history.last)

    def _others(self, item: Item) -> tuple[Source, ...]:
        return tuple(source for source in item.corroborations if not self.scope.covers(source))

    def _change(self, history: History, item: Item) -> None:
        self.fates.changed[item.id] = item
        self._adopt(history, item)
        mine = bullet_text(item, self.desk.own_names())
        edited = [text for text in self.standing.get(item.id, []) if text not in self._machine(history)]
        self.fates.after[item.id] = {mine, *edited}

    def _adopt(self, history: History, item: Item) -> None:
        """A bullet that reads as the item ever did, or that the item now follows, is the machine's again."""
        for text in self.standing.get(item.id, []):
            if text in self._machine(history) or (item.origin is Origin.HUMAN and item.source is None):
                self.fates.bullets[item.id] = text

    def _machine(self, history: History) -> set[str]:
        own_names = self.desk.own_names()
        written = {bullet_text(revision, own_names) for revision in history.revisions}
        base = self.bases.get(history.last.id)
        return written if base is None else {*written, base}

    def _of_quote(self, history: History) -> Item | None:
        """What stays of an item whose words stood in the resource: nothing, or one line with other words."""
        last = history.last
        if last.status is not Status.ACTIVE:
            return None
        others = self._others(last)
        fresh = replace(
            last,
            rev=last.rev + 1,
            run=self.run,
            created_at=self.now,
            reason=REASON,
            corroborations=others,
            derived_from=(),
            supersedes=None,
        )
        written = self._persons_words(history)
        if written is not None:
            told = [
                revision.occurred for revision in history.revisions if revision.origin is not Origin.HUMAN
            ]
            self.fates.kept.append(last.id)
            return replace(
                fresh,
                text=written,
                keywords=(),
                occurred=None if last.occurred in told else last.occurred,
                source=None,
                corroborations=(),
                origin=Origin.HUMAN,
            )
        return None if last.id in self.mixed else self._retold(fresh, others)

    def _persons_words(self, history: History) -> str | None:
        """The text where a person wrote what the bullet or the item says now, and not the resource."""
        last = history.last
        quoted = {revision.text for revision in history.revisions if revision.origin is not Origin.HUMAN}
        for text in self.standing.get(last.id, []):
            if text not in self._machine(history):
                plain = unescape(text)
                same = bullet_text(replace(last, origin=Origin.HUMAN, text=plain)) == text
                return plain if same else text
        return last.text if last.origin is Origin.HUMAN and last.text not in quoted else None

    def _retold(self, item: Item, others: Sequence[Source]) -> Item | None:
        """The item in the words of a resource that stays and that said the same."""
        for source in others:
            for draft in self._drafts(source):
                told = replace(item, text=draft.text, subject=draft.subject, occurred=draft.occurred)
                # What a model worded shares few words with its lines: that they say the same is its word.
                if item.model or near_identical(told, item):
                    return replace(
                        told,
                        model=None,
                        type=draft.type,
                        keywords=draft.keywords,
                        tags=(),
                        mentioned_at=draft.mentioned_at,
                        weight=round(draft.weight, 3),
                        origin=Origin.EXTRACTED,
                        source=source,
                        corroborations=tuple(other for other in others if other != source),
                    )
        return None

    def _drafts(self, source: Source) -> list[Draft]:
        folder = self.desk.folder
        if not folder.has_resource(source.resource):
            return []
        resource = folder.resource(source.resource)
        found = quotes_in(self.desk, Staged(resource, folder.read(resource.file), None))
        return [draft for draft in found.drafts if source.first <= draft.line <= source.last]

    def follow(self, history: Mapping[str, History]) -> None:
        """What was derived from nothing but erased items goes too, and so on; the rest loses those roots."""
        more = bool(self.fates.gone)
        while more:
            more = False
            for item_id, found in history.items():
                last = self.fates.changed.get(item_id, found.last)
                left = tuple(root for root in last.derived_from if root not in self.fates.gone)
                if item_id in self.fates.gone or left == last.derived_from:
                    continue
                more = True
                if left or last.origin is Origin.HUMAN:
                    self._change(found, replace(last, derived_from=left))
                else:
                    self.fates.changed.pop(item_id, None)
                    self.fates.gone[item_id] = last
