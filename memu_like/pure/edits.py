"""What a person did to the category files, told from what the machine last wrote and from the items.

Everything is by block id: a bullet that reads otherwise was edited, one that is gone was deleted, one that
stands elsewhere was moved, whatever else happened to the file around it. Where a file cannot be told, nothing
is concluded about the entries that stood in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from ..models import Item, ItemType, Origin, ProfileDelta, Renamed, Status
from ..results import Edit
from .extracting import occurred_in
from .markdown import Document, is_blank, parse
from .merging import slot_key, standing_summary
from .pages import NewId, Page, Place, said, shown
from .reasons import BY_HAND, DELETED
from .reconciling import item_id as make_item_id
from .rendering import bullet_text, entry_date, neutral_line, plain_line

HUMAN_WEIGHT = 1.0
MAX_SALTS = 64


@dataclass(frozen=True, slots=True)
class Writer:
    """Who takes the edits in: whose folder, in which run, when, and whether secrets are masked."""

    user: str
    own_names: frozenset[str]
    run: str
    now: datetime
    mask: bool = True


@dataclass(slots=True)
class Edits:
    """What was found. `revisions` are new revisions of items, `gone` those that deletions would make.

    `ids` are to be written into the files, by path; `problems` are by path as well. `unseen` are items whose
    bullets the machine put in or took out while an editor had the file as it was before: what that saved says
    nothing of them. `untouched` are entries to which nobody has done anything, and `unsure` those that stood,
    or may have, in files that cannot be told; `waiting` is how many of them are gone from others.
    """

    edits: list[Edit] = field(default_factory=list)
    revisions: dict[str, Item] = field(default_factory=dict)
    deltas: list[ProfileDelta] = field(default_factory=list)
    deleted: list[Edit] = field(default_factory=list)
    gone: dict[str, Item] = field(default_factory=dict)
    gone_deltas: list[ProfileDelta] = field(default_factory=list)
    ids: dict[str, list[NewId]] = field(default_factory=dict)
    renamed: list[Renamed] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    unseen: dict[str, Item] = field(default_factory=dict)
    untouched: frozenset[str] = frozenset()
    unsure: frozenset[str] = frozenset()
    waiting: int = 0

    def let_stay(self, ids: Collection[str]) -> None:
        """These were not deleted after all."""
        self.gone = {item_id: item for item_id, item in self.gone.items() if item_id not in ids}
        self.deleted = [edit for edit in self.deleted if edit.item not in ids]
        self.gone_deltas = [delta for delta in self.gone_deltas if delta.item not in ids]


def find_edits(
    pages: Sequence[Page],
    item_of: Callable[[str], Item | None],
    writer: Writer,
    elsewhere: Collection[str] = (),
    astray: Collection[str] = (),
    untouched: Collection[str] = (),
    *,
    cut_short: bool = False,
) -> Edits:
    """The edits in `pages`. `elsewhere` are ids that stand in other files where they belong; `astray` those
    that stand in files which count for nothing, or that could not be read: they are not gone. `untouched`
    are those of which `untouched_in` says so: their items are not asked for. `cut_short` says that a file
    that is no page may have lost some of its text."""
    finder = _Finder(
        item_of, writer, frozenset(elsewhere), frozenset(astray), frozenset(untouched), cut_short
    )
    finder.read(pages)
    return finder.found


@dataclass(slots=True)
class _Finder:
    item_of: Callable[[str], Item | None]
    writer: Writer
    elsewhere: frozenset[str]
    astray: frozenset[str]
    untouched: frozenset[str]
    cut_short: bool
    blank: bool = False
    found: Edits = field(default_factory=Edits)
    documents: dict[str, Document] = field(default_factory=dict)
    based: dict[str, str] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    theirs: dict[str, str] = field(default_factory=dict)
    unseen: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    places: dict[str, list[Place]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def read(self, pages: Sequence[Page]) -> None:
        self.found.untouched = self.untouched
        for page in pages:
            self.based |= page.bullets
            self.known |= page.known
            self.theirs |= page.theirs
        told = [page for page in pages if self._is_told(page)]
        for place in (place for page in told for place in self._bullets(page)):
            if place.bullet.id is not None and place.bullet.text:  # an id alone says nothing
                self.places.setdefault(place.bullet.id, []).append(place)
        self.taken = {*self.places, *self.based, *self.elsewhere}
        gone = self._gone(told)
        originals = {i: self._original(i, places) for i, places in self.places.items()}
        renamed = self._renamed(told, originals, gone)
        for page in told:
            self._look_at(page, originals, gone, renamed)
        for edit in gone.values():
            self._retract(edit)
        self.found.unsure = frozenset(self.unsure)

    def _is_told(self, page: Page) -> bool:
        """Whether something can be concluded from the page; where not, nothing is, about all in its base."""
        if page.text is None:
            return True
        self.blank |= page.is_new_and_blank
        if page.bullets and is_blank(page.text):
            return self._untold(page, 1, "the file is blank, though entries stood in it")
        document = parse(page.text, known=self.known)
        if document.problem is not None:
            return self._untold(page, document.problem.line, document.problem.reason)
        self.documents[page.path] = document
        self.unseen |= page.unseen(document.get("updated_at"))
        return True

    def _untold(self, page: Page, line: int, reason: str) -> bool:
        standing = {bullet.id for bullet in parse(page.text or "").bullets if bullet.id}
        self.unsure |= standing.union(page.bullets)
        self.cut_short |= page.new or not standing.issuperset(page.bullets)
        self.found.problems[page.path] = f"{page.path}:{line}: {reason}; nothing was taken from it"
        return False

    def _bullets(self, page: Page) -> Iterator[Place]:
        document = self.documents.get(page.path)
        for section in document.sections if document else ():
            for bullet in section.bullets:
                yield Place(page, section, bullet)

    # -- which bullet is which

    def _original(self, item_id: str, places: Sequence[Place]) -> Place | None:
        """The one that is the entry; others are copies. None where it may be one in a file that is untold."""
        if item_id in self.elsewhere or item_id in self.unsure:
            return None
        item = self.item_of(item_id) if len(places) > 1 else None
        if item is None:
            return places[0]
        return min(places, key=lambda place: self._strangeness(place, item))

    def _strangeness(self, place: Place, item: Item) -> tuple[bool, bool, bool, bool]:
        """What stands where it stood, as it read, was there before the copy."""
        written = (self.based.get(item.id), bullet_text(item, self.writer.own_names))
        return (
            place.is_mention,
            place.page.topic != item.topic,
            place.bullet.text not in written,
            place.section.slot.casefold() != slot_key(item.slot),
        )

    def _gone(self, told: Iterable[Page]) -> dict[str, Edit]:
        """Entries that stood in a page and stand nowhere now, by id; without those that a file which is cut
        short may have held, or one that is new and blank."""
        gone: dict[str, Edit] = {}
        for page in told:
            for item_id in page.bullets:
                if any(item_id in ids for ids in (self.places, self.elsewhere, self.unsure, self.astray)):
                    continue
                item = self.item_of(item_id)
                if item is None or item.topic != page.topic or not item.shown:
                    continue
                if item.status is Status.ACTIVE and item_id in self.unseen:
                    self.found.unseen[item_id] = item
                elif item.status is Status.ACTIVE:
                    gone[item_id] = self._edit("deleted", page, 0, before=self._was(item), item=item)
        missing = {page.path for page in told if self.cut_short or (self.blank and page.text is None)}
        waiting = {item_id for item_id, edit in gone.items() if edit.path in missing}
        self.unsure |= waiting
        self.found.waiting = len(waiting)
        return {item_id: edit for item_id, edit in gone.items() if item_id not in waiting}

    def _retract(self, edit: Edit) -> None:
        item = self.item_of(edit.item)
        assert item is not None  # `_gone` has looked
        self.found.deleted.append(edit)
        self.found.gone[item.id] = self._revised(item, DELETED, status=Status.RETRACTED)
        self.found.gone_deltas.append(ProfileDelta("remove", edit.topic, item.slot, item.id, edit.before))

    # -- renames

    def _renamed(
        self, told: Sequence[Page], originals: Mapping[str, Place | None], gone: Mapping[str, Edit]
    ) -> frozenset[str]:
        """The ids that moved because their heading or file has another name now."""
        moved: dict[tuple[str, str], list[Place]] = {}
        items: dict[str, Item] = {}
        stayed: set[tuple[str, str]] = set()
        for item_id, place in originals.items():
            if place is not None and item_id in self.untouched:
                stayed.add((place.page.topic, place.section.slot))
                continue
            item = self.item_of(item_id) if place is not None else None
            if place is None or item is None or item.status is not Status.ACTIVE:
                continue
            items[item_id] = item
            moved.setdefault((item.topic, slot_key(item.slot)), []).append(place)
        homes = {(topic, slot.casefold()) for topic, slot in stayed}
        for home in homes:
            moved.pop(home, None)  # what has stayed below a heading shows that it has its name still
        return self._renamed_files(told, moved) | self._renamed_slots(items, moved, homes)

    def _renamed_files(
        self, told: Sequence[Page], moved: Mapping[tuple[str, str], list[Place]]
    ) -> frozenset[str]:
        """A file that is gone, with all that is left of it in one that is new."""
        found: set[str] = set()
        new = {page.topic for page in told if page.text is not None and page.new}
        for page in told:
            places = [place for (topic, _), many in moved.items() if topic == page.topic for place in many]
            into = {place.page.topic for place in places}
            if page.text is None and len(into) == 1 and into <= new:
                to = places[0].page
                self.found.renamed.append(Renamed(page.topic, to.topic))
                edit = Edit("renamed", to.path, 0, text=to.topic, before=page.topic, topic=to.topic)
                self.found.edits.append(edit)
                found |= {place.bullet.id for place in places if place.bullet.id}
        return frozenset(found)

    def _renamed_slots(
        self,
        items: Mapping[str, Item],
        moved: Mapping[tuple[str, str], list[Place]],
        stayed: Collection[tuple[str, str]],
    ) -> frozenset[str]:
        """A heading that is gone, with all that stood below it in one that nothing stood below before."""
        found: set[str] = set()
        files = {one.old: one.new for one in self.found.renamed}
        homes = {(files.get(i.topic, i.topic), slot_key(i.slot)) for i in items.values()}.union(stayed)
        for (home, slot), places in moved.items():
            topic = files.get(home, home)
            sections = {id(place.section): place.section for place in places if place.page.topic == topic}
            if not slot or len(sections) != 1 or any(place.page.topic != topic for place in places):
                continue
            section, page = next(iter(sections.values())), places[0].page
            key = section.slot.casefold()
            if not key or key == slot or (topic, key) in homes or self._has_heading(page, slot):
                continue
            old = items[places[0].bullet.id or ""].slot
            line = section.heading.number if section.heading else 0
            self.found.renamed.append(Renamed(f"{topic}/{old}", f"{topic}/{section.slot}"))
            self.found.edits.append(
                Edit(
                    "renamed", page.path, line, text=section.slot, before=old, topic=topic, slot=section.slot
                )
            )
            found |= {place.bullet.id for place in places if place.bullet.id}
        return frozenset(found)

    def _has_heading(self, page: Page, slot: str) -> bool:
        return any(section.slot.casefold() == slot for section in self.documents[page.path].sections)

    # -- one page

    def _look_at(
        self,
        page: Page,
        originals: Mapping[str, Place | None],
        gone: dict[str, Edit],
        renamed: frozenset[str],
    ) -> None:
        self._look_at_head(page)
        for place in self._bullets(page):
            bullet = place.bullet
            if not bullet.text:
                continue
            if bullet.id is None:
                if not bullet.task:
                    self._take_new(place, gone)
            elif place.is_at(originals[bullet.id]):
                self._take_standing(place, bullet.id, bullet.id in renamed)
            elif place.is_mention:
                self._take_new(place.without_mention(), gone)
            elif bullet.id not in self.unsure:
                self._take_copy(place, bullet.id)

    def _look_at_head(self, page: Page) -> None:
        document = self.documents.get(page.path)
        if document is None:
            renamed = any(one.old == page.topic for one in self.found.renamed)
            if page.bullets and not renamed and not page.bullets.keys() & (self.astray | self.unsure):
                self.found.deleted.append(Edit("category", page.path, before=page.topic, topic=page.topic))
            return
        summary, description = standing_summary(page.text or ""), document.get("description") or ""
        if summary not in (neutral_line(page.summary), *page.told[:1]) and (page.bullets or page.summary):
            edit = Edit("summary", page.path, text=summary, before=page.summary, topic=page.topic)
            self.found.edits.append(edit)
        if page.description and description not in (plain_line(page.description), *page.told[1:]):
            edit = Edit("category", page.path, text=description, before=page.description, topic=page.topic)
            self.found.edits.append(edit)

    def _take_standing(self, place: Place, item_id: str, renamed: bool) -> None:
        if item_id in self.untouched:
            return
        item = self.item_of(item_id)
        if item is None:
            self._put(place, self._fresh(place, item_id, self._said(place, None)), "added")
            return
        if item.status is not Status.ACTIVE or not item.shown:
            if item_id in self.unseen:
                self.found.unseen[item_id] = item
            elif item_id not in self.based or self._is_edited(place, item):  # else the machine takes it out
                self._put(place, self._worded(place, item, "restored" + BY_HAND), "restored", item)
            return
        moved = (place.page.topic, place.section.slot.casefold()) != (item.topic, slot_key(item.slot))
        if self._is_edited(place, item):
            self._put(place, self._worded(place, item, "edited" + BY_HAND), "changed", item)
        elif moved and renamed:
            home = {"slot": self._slot(place, item), "categories": (place.page.topic,)}
            self._put(place, self._revised(item, "renamed" + BY_HAND, **home), "", item)
        elif moved:
            self._put(place, self._worded(place, item, "moved" + BY_HAND), "moved", item)

    def _is_edited(self, place: Place, item: Item) -> bool:
        text = place.bullet.text
        own = bullet_text(item, self.writer.own_names)
        if text in (own, self.based.get(item.id)) or shown(text, self.writer.mask) == self.theirs.get(
            item.id
        ):
            return False
        return item.origin is not Origin.HUMAN or item.text != self._said(place, item)

    def _said(self, place: Place, item: Item | None) -> str:
        """The words without the date that the machine has put after them, as long as it stands there."""
        text = said(place.bullet.text, self.writer.mask)
        date = entry_date(item.occurred, item.mentioned_at) if item is not None else ""
        bare = text.removesuffix(f"({date})").rstrip() if date else text
        return bare or text

    def _worded(self, place: Place, item: Item, reason: str) -> Item:
        """The item in the words that stand there, where they stand."""
        text = self._said(place, item)
        told = occurred_in(text, item.mentioned_at or self.writer.now)
        words = text.casefold()
        dated = place.bullet.text.endswith(f"({entry_date(item.occurred, item.mentioned_at)})")
        kept = dated or (item.occurred is not None and item.occurred.text.casefold() in words)
        return self._revised(
            item,
            reason,
            text=text,
            slot=self._slot(place, item),
            occurred=item.occurred if kept else told,
            keywords=tuple(word for word in item.keywords if word.casefold() in words),
            status=Status.ACTIVE,
            origin=Origin.HUMAN,
            shown=True,
            model=None,
            categories=(place.page.topic,),
        )

    def _slot(self, place: Place, item: Item) -> str:
        return item.slot if place.section.slot.casefold() == slot_key(item.slot) else place.section.slot

    def _revised(self, item: Item, reason: str, **changes: Any) -> Item:
        return replace(
            item,
            rev=item.rev + 1,
            run=self.writer.run,
            created_at=self.writer.now,
            reason=reason,
            **changes,
        )

    # -- what is new

    def _take_new(self, place: Place, gone: dict[str, Edit]) -> None:
        """A bullet without an id: the one whose id somebody took off, or a new one."""
        lost = next((i for i, e in gone.items() if e.path == place.page.path and self._reads(place, i)), "")
        if lost:
            del gone[lost]
            self._write_id(place, lost)
            item = self.item_of(lost)
            if item is not None and item.slot.casefold() != place.section.slot.casefold():
                self._put(place, self._worded(place, item, "moved" + BY_HAND), "moved", item)
            return
        text = self._said(place, None)
        if not text:
            return
        identity, known = self._free_id(place.page.topic, text)
        self._write_id(place, identity)
        if known is None:
            self._put(place, self._fresh(place, identity, text), "added")
        else:
            self._put(place, self._worded(place, known, "restored" + BY_HAND), "added", known)

    def _reads(self, place: Place, item_id: str) -> bool:
        item = self.item_of(item_id)
        written = bullet_text(item, self.writer.own_names) if item else ""
        return place.bullet.text in (self.based.get(item_id) or written, written)

    def _take_copy(self, place: Place, item_id: str) -> None:
        """A bullet that was copied with its id: an entry of its own, which stands on the same source."""
        item = self.item_of(item_id)
        text = self._said(place, item)
        identity, known = self._free_id(place.page.topic, text)
        self._write_id(place, identity, item_id)
        if known is not None:
            self._put(place, self._worded(place, known, "restored" + BY_HAND), "copied", known)
            return
        fresh = self._fresh(place, identity, text)
        if item is not None and place.bullet.text == bullet_text(item, self.writer.own_names):
            # The words are whose they were: they stand on the same source, and are forgotten with it.
            home = {"slot": place.section.slot, "categories": (place.page.topic,)}
            fresh = replace(self._revised(item, "copied" + BY_HAND, **home), id=identity, rev=1)
            fresh = replace(fresh, status=Status.ACTIVE, supersedes=None)
        self._put(place, fresh, "copied")

    def _write_id(self, place: Place, new: str, old: str = "") -> None:
        self.taken.add(new)
        self.found.ids.setdefault(place.page.path, []).append(NewId(place.line, new, old))

    def _free_id(self, topic: str, text: str) -> tuple[str, Item | None]:
        """The same words in the same topic get the same id in whichever clone they are read.

        With it the item that had it, where that was deleted and its words are written again.
        """
        for salt in range(MAX_SALTS):
            identity = make_item_id(f"categories/{topic}", 0, text, salt)
            if identity in self.taken:
                continue
            known = self.item_of(identity)
            if known is None or known.text == text:
                return identity, known
        raise AssertionError("64 hashes of one text all clash")

    def _fresh(self, place: Place, identity: str, text: str) -> Item:
        return Item(
            id=identity,
            rev=1,
            status=Status.ACTIVE,
            type=ItemType.PROFILE,
            text=text,
            subject=self.writer.user,
            categories=(place.page.topic,),
            slot=place.section.slot,
            run=self.writer.run,
            created_at=self.writer.now,
            origin=Origin.HUMAN,
            occurred=occurred_in(text, self.writer.now),
            mentioned_at=self.writer.now,
            reason="added" + BY_HAND,
            weight=HUMAN_WEIGHT,
        )

    def _put(self, place: Place, item: Item, kind: str, before: Item | None = None) -> None:
        """Note a revision, how the profile changes by it, and, with a `kind`, the edit to tell."""
        text, page = shown(place.bullet.text, self.writer.mask), place.page
        self.found.revisions[item.id] = item
        was = self._was(before) if before else ""
        if kind:
            edit = self._edit(kind, page, place.line, text=text, before=was, item=item)
            self.found.edits.append(edit)
        if before is not None and before.status is Status.ACTIVE and before.topic != item.topic:
            self.found.deltas.append(ProfileDelta("remove", before.topic, before.slot, item.id, was))
        known = before is not None and before.status is Status.ACTIVE and before.topic == item.topic
        op: Literal["add", "update"] = "update" if known else "add"
        self.found.deltas.append(ProfileDelta(op, page.topic, item.slot, item.id, text))

    def _was(self, item: Item) -> str:
        """What its bullet said: as the machine last wrote it, unless a person has written it since."""
        seen = self.theirs.get(item.id) or self.based.get(item.id)
        return shown(seen or bullet_text(item, self.writer.own_names), self.writer.mask)

    def _edit(
        self, kind: str, page: Page, line: int, *, text: str = "", before: str = "", item: Item
    ) -> Edit:
        return Edit(kind, page.path, line, text, before, item.id, page.topic, item.slot)  # type: ignore[arg-type]


def counts(edits: Iterable[Edit]) -> Mapping[str, int]:
    """How many edits there are of each kind."""
    return Counter(edit.kind for edit in edits)
