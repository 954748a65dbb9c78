"""Categories: which entries each file shows now, and writing it without losing what a person did to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep

from ..edges.index.reading import embed_rows
from ..errors import CorruptFile, StorageError, Unmergeable
from ..models import Category, Event, Item, Origin, ProfileDelta, Reorganised, Status
from ..pure.lines import ITEM_ID
from ..pure.markdown import Document, ids_within, parse, render, unescape
from ..pure.merging import (
    CategoryPlan,
    SlotPlan,
    base_of,
    bullets_of,
    description_base,
    merge,
    standing_summary,
    summary_base,
)
from ..pure.moments import revised_at, run_moment
from ..pure.pages import shown
from ..pure.reasons import tells_of_bullets
from ..pure.rendering import bullet_text, fingerprint, plain_line
from ..pure.selecting import Choice, select_entries
from ..pure.summarising import is_summary_of, summary_line
from .bases import Base, base_bytes, base_path, has_base, put_after, read_base, was_synced
from .desk import Desk

MAX_WRITES = 100
SAVING_SECONDS, SAVING_POLL_SECONDS = 1.0, 0.005
"""How long a file that is blank or half written is waited for: editors save within milliseconds."""
# Front matter, title and summary line of a category file, in tokens: measured on the sample's files.
HEAD_TOKENS = 120
SUMMARY_ENTRIES = 24


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wanted of the files beside what the items say.

    `adopted` are bullets by item id that count as the machine's own as they stand: it may rewrite them.
    `moved` are items whose bullets go to the slot that they have now. `summaries` are a model's, by topic.
    With `plain_summaries`, a summary that a model wrote gives way to one made of fragments. `titles` head the
    files that are made for new topics, by topic.
    """

    adopted: Mapping[str, str] = field(default_factory=dict)
    moved: frozenset[str] = frozenset()
    summaries: Mapping[str, str] = field(default_factory=dict)
    plain_summaries: bool = False
    titles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with what stood in its file when it was made, and what that makes of it."""

    plan: CategoryPlan
    before: str | None
    after: str
    summarised: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """Plans for the touched category files, and how the profile changes by them."""

    planned: tuple[Planned, ...]
    delta: tuple[ProfileDelta, ...]
    problems: tuple[str, ...]

    @property
    def topics(self) -> set[str]:
        return {planned.plan.topic for planned in self.planned}

    def write(self, desk: Desk) -> None:
        """Merge into what stands there at the moment of writing: an edit made meanwhile is merged again."""
        texts: dict[str, str] = {}
        waiting = {planned.plan.path: planned for planned in self.planned}
        now = {path: _encoded(planned.before) for path, planned in waiting.items()}
        read: dict[str, bytes | None] = {}
        for _ in range(MAX_WRITES):
            for path in now:
                now[path], texts[path] = _settled_text(desk, waiting[path], now[path])
            read |= now
            changes = {path: (before, texts[path].encode()) for path, before in now.items()}
            left = desk.folder.replace_unchanged({p: c for p, c in changes.items() if c[0] != c[1]})
            now = {path: desk.folder.read_or_none(path) for path in left}
            if not now:
                break
        else:
            names = ", ".join(now)
            raise StorageError(f"{names} changed {MAX_WRITES} times while it was being written; try again")
        paths = [planned.plan.path for planned in self.planned]
        _write_bases(
            desk, [(p, read[path], texts[path]) for p, path in zip(self.planned, paths, strict=True)]
        )


def extra_topics(desk: Desk) -> tuple[str, ...]:
    """The topics that have a file and are not configured: a person's, and those that were proposed."""
    configured = {category.name for category in desk.tools.categories}
    stored = (Path(path).stem for path in desk.folder.category_files())
    return tuple(topic for topic in stored if topic not in configured)


def category_path(topic: str) -> str:
    return f"categories/{topic}.md"


def render_categories(desk: Desk, changed: Sequence[Item], wishes: Wishes | None = None) -> Rendered:
    """Plan the files of the topics in `changed` items."""
    by_topic: dict[str, list[Item]] = {}
    for item in changed:
        by_topic.setdefault(item.topic, []).append(item)
    return _plan(desk, by_topic, wishes or Wishes(), complete=False)


def plan_all(desk: Desk, wishes: Wishes) -> Rendered:
    """Plan the files of all topics, from all items."""
    by_topic: dict[str, list[Item]] = {}
    for place in desk.view().all_items():
        item = desk.item_of(place)
        by_topic.setdefault(item.topic, []).append(item)
    return _plan(desk, by_topic, wishes, complete=True)


def _plan(desk: Desk, by_topic: Mapping[str, Sequence[Item]], wishes: Wishes, *, complete: bool) -> Rendered:
    plans: list[Planned] = []
    delta: list[ProfileDelta] = []
    problems: list[str] = []
    for topic, items in sorted(by_topic.items()):
        path = category_path(topic)
        try:
            current = read_category(desk, path)
        except StorageError as error:  # nothing is written to a file that cannot be read; the run goes on
            problems.append(str(error))
            continue
        base = _adopting(current_base(desk, topic, current), wishes.adopted, current)
        candidates = list(items) if complete else _with_shown(desk, topic, items, current, base)
        away = base.bullets.keys() - bullets_of(current or "", base.bullets).keys()
        candidates = [item for item in candidates if item.id not in away]  # by a person's hand
        if current is None and away and not any(item.status is Status.ACTIVE for item in candidates):
            continue  # a file that somebody took away is not made again for nothing
        plan, summarised = _plan_topic(desk, topic, candidates, base, wishes)
        try:
            after = merge(current, plan)
        except Unmergeable as error:
            problems.append(str(error))
            continue
        plans.append(Planned(plan, current, after, summarised))
        delta += _delta(topic, current, after, plan)
        if current is None and len(candidates) > len(items):
            delta += _left_out(desk, topic, after, plan)
    return Rendered(tuple(plans), tuple(delta), tuple(problems))


def read_category(desk: Desk, path: str) -> str | None:
    """A category file's text; None where there is none. Raises CorruptFile where it is not UTF-8."""
    data = desk.folder.read_or_none(path)
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise CorruptFile(desk.folder.path(path), None, f"not UTF-8 at byte {error.start}") from error


def current_base(desk: Desk, topic: str, current: str | None) -> Base:
    """The base; where it was deleted, what the events say was shown, and what still reads as it was written.

    What was shown and stands in the file no more was deleted by a person, and must not come back; unless the
    run that has learnt it was killed before it wrote the file.
    """
    if current is None or has_base(desk, topic):
        return read_base(desk, topic)
    items: list[Item] = []
    own_names = desk.own_names()
    standing = bullets_of(current, mentioned(desk, current))
    before, latest = _shown(desk, topic, _written_at(current)), _shown(desk, topic, None)
    bullets = {i: text for i, text in before.items() if i not in standing}
    theirs: dict[str, str] = {}
    for item_id, text in standing.items():
        item = desk.item(item_id)
        if item is None:
            continue
        items.append(item)
        if item.topic != topic and item_id not in before and item_id not in latest:
            continue  # no run has put it here: a person has moved it, which a sync is still to take in
        known = shown(text, desk.settings.mask_secrets)
        # As an event tells that it stood there: then its line in `items/` was corrected since.
        told = known in (before.get(item_id), latest.get(item_id))
        if text == bullet_text(item, own_names) or (told and item.origin is not Origin.HUMAN):
            bullets[item_id] = text
        elif told:
            bullets[item_id], theirs[item_id] = "", known
    standing_line = standing_summary(current)
    model = _model_summary(desk, topic, standing_line)
    if model is not None:
        over = tuple(item.id for item in items if item.created_at <= model.created_at)
        return Base(bullets, unescape(standing_line), summarised=over, theirs=theirs)
    line = _fragments(desk, topic, items, unescape(standing_line), [*before.values(), *latest.values()])
    return Base(bullets, line, theirs=theirs)


def mentioned(desk: Desk, text: str) -> frozenset[str]:
    """The ids within lines of a category file that may be entries on which a person has typed on."""
    items = [desk.item(found) for found in ids_within(text) if ITEM_ID.fullmatch(found)]
    return frozenset(item.id for item in items if item and item.shown and item.status is Status.ACTIVE)


def _fragments(desk: Desk, topic: str, standing: Sequence[Item], line: str, told: Sequence[str]) -> str:
    """The summary line, where the machine has put it together from what the items say, or once said.

    `told` are bullets as they once stood there: a line of `items/` may have been corrected since.
    """
    if not line or line == plain_line(_summary(desk, standing)):
        return line
    files = desk.folder.item_files()
    texts = [item.text for name in files for _, item in desk.folder.items(name) if item.topic == topic]
    undated = [bullet.rpartition(" (")[0] for bullet in told if bullet.endswith(")")]
    return line if is_summary_of(line, [*texts, *told, *undated]) else ""


def _model_summary(desk: Desk, topic: str, line: str) -> Event | None:
    """The run whose model wrote this very summary line, if one did."""
    if not line:
        return None
    mark = Reorganised(topic, summary=fingerprint(line))
    found = desk.folder.all_events().values()
    return next((e for e in found for one in e.reorganised if replace(one, left_out=0) == mark), None)


def _written_at(current: str) -> datetime | None:
    """When a run last wrote the file, as its front matter says; None where a person has taken that out."""
    try:
        found = datetime.fromisoformat(parse(current).get("updated_at") or "")
    except ValueError:
        return None
    return found if found.tzinfo else None


def with_unwritten(desk: Desk, topic: str, current: str, base: Base) -> Base:
    """A base that was made again, with the entries that runs have told of since the file was written last.

    A run that is killed between the two leaves them. As bullets that the machine has put there, and that
    whoever saved the file has not seen, they are shown by the next sync.
    """
    until = _written_at(current)
    if until is None:
        return base
    late: dict[str, tuple[str, str]] = {}
    known = {**_shown(desk, topic, until), **bullets_of(current, mentioned(desk, current))}
    for event, delta in _told(desk, topic):
        late.pop(delta.item, None)
        if delta.op != "remove" and delta.item not in known:
            late[delta.item] = delta.text, _made_at(event, until).isoformat()
    bullets = {item_id: text for item_id, (text, _) in late.items()}
    put = {item_id: at for item_id, (_, at) in late.items()}
    return replace(base, bullets={**base.bullets, **bullets}, put={**base.put, **put})


def _shown(desk: Desk, topic: str, until: datetime | None) -> dict[str, str]:
    """Item id -> text of the entries that runs have put into a topic, by `until`, and not taken out again.

    What a person has put there counts whenever it was: it stood in the file when a sync told of it.
    """
    shown: dict[str, str] = {}
    for event, delta in _told(desk, topic):
        if delta.op == "remove":
            shown.pop(delta.item, None)
        elif until is None or _made_at(event, until) <= until or tells_of_bullets(event):
            shown[delta.item] = delta.text
    return shown


def _told(desk: Desk, topic: str) -> Iterator[tuple[Event, ProfileDelta]]:
    """How the events say that a topic changed, in order."""
    for event in sorted(desk.folder.all_events().values(), key=lambda event: (event.created_at, event.id)):
        for delta in event.profile_delta:
            if delta.topic == topic:
                yield event, delta


def _made_at(event: Event, until: datetime) -> datetime:
    """As finely as `until` is told."""
    moment = run_moment(event.id) if until.microsecond else None
    return moment or event.created_at


def _adopting(base: Base, adopted: Mapping[str, str], current: str | None) -> Base:
    """Only what stands in this very file: an id in the base that the file lacks was deleted by a person."""
    if not adopted:
        return base
    here = {
        item_id: text for item_id, text in bullets_of(current or "", adopted).items() if item_id in adopted
    }
    return replace(base, bullets={**base.bullets, **here}) if here else base


def _with_shown(
    desk: Desk, topic: str, changed: Sequence[Item], current: str | None, base: Base
) -> list[Item]:
    """The changed items and those that stand in the file: what ranked lower before still ranks lower.

    Where an entry leaves the file, all items of the topic are looked at, for one of them may now fit; and
    where the file is gone and nothing is known of what stood there: what is active is shown again then.
    """
    latest = {item.id: item for item in changed}
    lost = current is None and not base.bullets
    if lost or any(item.status is not Status.ACTIVE or not item.shown for item in changed):
        for place in desk.view().all_items({topic}):
            if place.id not in latest:
                latest[place.id] = desk.item_of(place)
        return list(latest.values())
    view = desk.view()
    for item_id in {*bullets_of(current or "", base.bullets), *base.bullets} - latest.keys():
        found = view.item(item_id)
        if found is not None and found.slot.startswith(topic + "/"):
            latest[item_id] = desk.item_of(found)
    return list(latest.values())


def _plan_topic(
    desk: Desk, topic: str, candidates: Sequence[Item], base: Base, wishes: Wishes
) -> tuple[CategoryPlan, tuple[str, ...]]:
    """The plan, and the entries that its summary is over where a model wrote that."""
    own_names = desk.own_names()
    texts = {item.id: bullet_text(item, own_names) for item in candidates}
    choice = choose(desk, topic, candidates, lambda item: texts[item.id])
    shown = [item for slot in choice.slots for item in slot.items]
    hidden = {item.id for item in candidates} - {item.id for item in shown}
    hidden |= _moved_away(desk, topic, base)
    summary, summarised = _summary_of(desk, topic, shown, base, wishes)
    plan = CategoryPlan(
        topic=topic,
        description=category_of(desk, topic).description,
        updated_at=max(map(revised_at, candidates), default=datetime.min),
        summary=summary,
        slots=(
            *(SlotPlan(slot.name, tuple((i.id, texts[i.id]) for i in slot.items)) for slot in choice.slots),
            *([SlotPlan("", (), frozenset(hidden))] if hidden else ()),
        ),
        base=base.bullets,
        previous_summary=base.summary,
        previous_description=base.description,
        path=category_path(topic),
        moved=wishes.moved & {item.id for item in shown},
        title=wishes.titles.get(topic, ""),
    )
    return plan, summarised


def choose(desk: Desk, topic: str, candidates: Iterable[Item], text_of: Callable[[Item], str]) -> Choice:
    """Which of a topic's items its file shows within the budgets."""
    return select_entries(
        [item for item in candidates if item.status is Status.ACTIVE],
        slot_budget=desk.settings.slot_budget_tokens,
        category_budget=desk.settings.category_budget_tokens,
        count=desk.tools.counter().count,
        text_of=text_of,
        slot_order=[slot.name for slot in category_of(desk, topic).slots],
        reserved=HEAD_TOKENS,
    )


def category_of(desk: Desk, topic: str) -> Category:
    """A topic that the settings do not know (a proposed one, a person's) is described by its name."""
    found = next((category for category in desk.tools.categories if category.name == topic), None)
    return found or Category(topic, " ".join(topic.replace("_", " ").split()).capitalize())


def _summary_of(
    desk: Desk, topic: str, shown: Sequence[Item], base: Base, wishes: Wishes
) -> tuple[str, tuple[str, ...]]:
    """A model's summary stays until the next, as long as half of what the file shows is what it was over."""
    ids = tuple(item.id for item in shown)
    if wishes.summaries.get(topic):
        return wishes.summaries[topic], ids
    known = len(set(ids) & set(base.summarised))
    if base.summary and known and 2 * known >= len(ids) and not wishes.plain_summaries:
        return base.summary, base.summarised
    return _summary(desk, shown), ()


def _moved_away(desk: Desk, topic: str, base: Base) -> set[str]:
    """Entries that the machine wrote here and whose items a later edit has put into another topic."""
    view = desk.view()
    places = [view.item(item_id) for item_id in base.bullets]
    return {place.id for place in places if place is not None and not place.slot.startswith(f"{topic}/")}


def _summary(desk: Desk, shown: Sequence[Item]) -> str:
    best = sorted(shown, key=lambda item: (-item.weight, item.id))[:SUMMARY_ENTRIES]
    texts = [item.text for item in best]
    if not texts:
        return ""
    vectors = embed_rows(texts, desk.tools.words)
    return summary_line(texts, vectors if vectors.shape[1] else None)


def _delta(topic: str, before: str | None, after: str, plan: CategoryPlan) -> Iterator[ProfileDelta]:
    """What the profile shows now and did not before, and the other way round."""
    if before == after:
        return
    known = {item_id for item_id, _ in plan.bullets} | plan.base.keys()
    old, new = _entries(before or "", known), _entries(after, known)
    for item_id, (slot, text) in new.items():
        if item_id not in old:
            yield ProfileDelta("add", topic, slot, item_id, text)
        elif old[item_id][1] != text:
            yield ProfileDelta("update", topic, slot, item_id, text)
    for item_id, (slot, text) in old.items():
        if item_id not in new:
            yield ProfileDelta("remove", topic, slot, item_id, text)


def _left_out(desk: Desk, topic: str, after: str, plan: CategoryPlan) -> Iterator[ProfileDelta]:
    """Of a file that was gone and is made anew: what was shown, and ranks too low for it now.

    Were it not told, it would count as deleted by a person once the bases are lost. What is still in the base
    has gone with the file, by a person's hand, and waits for a sync to take that in.
    """
    standing = bullets_of(after, {item_id for item_id, _ in plan.bullets})
    for item_id, text in _shown(desk, topic, None).items():
        if item_id not in standing and item_id not in plan.base:
            yield ProfileDelta("remove", topic, "", item_id, text)


def _entries(text: str, known: Collection[str]) -> dict[str, tuple[str, str]]:
    """Item id -> slot and text of the entries that have one."""
    sections = parse(text, known).sections
    return {b.id: (section.slot, b.text) for section in sections for b in section.bullets if b.id}


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _settled_text(desk: Desk, planned: Planned, before: bytes | None) -> tuple[bytes | None, str]:
    """What stands there and what is to; a file that an editor is in the middle of saving is waited for."""
    until = monotonic() + SAVING_SECONDS
    while True:
        try:
            return before, _text(planned, before)
        except Unmergeable:
            if monotonic() > until:
                raise
        except UnicodeDecodeError as error:
            if monotonic() > until:
                place = desk.folder.path(planned.plan.path)
                raise CorruptFile(place, None, f"not UTF-8 at byte {error.start}") from error
        sleep(SAVING_POLL_SECONDS)
        before = desk.folder.read_or_none(planned.plan.path)


def _text(planned: Planned, before: bytes | None) -> str:
    """What a file is to say that reads `before` now."""
    current = None if before is None else before.decode()
    return planned.after if current == planned.before else merge(current, planned.plan)


def _write_bases(desk: Desk, written: Sequence[tuple[Planned, bytes | None, str]]) -> None:
    """Keep what the machine has written: the plans with what was read and the texts that stand there now."""
    changed: dict[str, bytes] = {}
    for planned, before, text in written:
        plan, known = planned.plan, read_base(desk, planned.plan.topic)
        summary = summary_base(text, plan)
        summarised = planned.summarised if summary == plan.summary else known.summarised
        base = Base(
            bullets=base_of(text, plan),
            summary=summary,
            description=description_base(text, plan),
            summarised=summarised,
            # Merged into what holds an edit, it holds that edit still.
            written=fingerprint(text) if was_synced(known, before) else "",
            told=known.told,
            theirs=known.theirs,
            held=known.held,
            put=put_after(known, before, text),
        )
        if base != known:
            changed[base_path(plan.topic)] = base_bytes(base)
    # Their names are on disk before the journal's end is: a power cut that loses them brings it back.
    desk.folder.write_many(changed, durable="file")


def write_checked(desk: Desk, path: str, text: str, read: Document) -> None:
    """Replace a category file that was read as `read`. Raises StorageError where it says otherwise by now."""
    if desk.folder.read_or_none(path) != render(read).encode():
        raise StorageError(f"{path} changed while it was being written; try again")
    desk.folder.write(path, text.encode())
