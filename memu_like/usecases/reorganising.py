"""Reorganising: a topic that has outgrown its file is put in order by operations that a model proposes.

The files are read and the model is asked with no lock held. Then everything is applied as one run, under the
lock and the journal; an operation on entries that somebody changed meanwhile is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from ..chat import ChatRequest
from ..edges import journal
from ..edges.index.item_places import ItemPlace
from ..edges.llm.meter import Meter
from ..errors import ModelError, NotFound, StorageError, Unmergeable, UnusableReply
from ..models import Category, Dropped, Event, Item, Origin, ProfileDelta, Reorganised, Status, Usage
from ..pure.languages import prompt_language
from ..pure.markdown import parse
from ..pure.merging import bullets_of, unedited
from ..pure.rearranging import Revisions, revisions
from ..pure.reconciling import item_id as make_item_id
from ..pure.rendering import bullet_line, bullet_text, fingerprint, neutral_line
from ..pure.reorganising import (
    PROMPT,
    Offered,
    Reorganisation,
    ReorganiseCall,
    entry_line,
    loss,
    read_reorganisation,
    reorganise_schema,
    reorganise_variables,
)
from ..pure.selecting import score
from ..results import Rearrangement, ReorganiseReport
from .asking import ask
from .categories import (
    Rendered,
    Wishes,
    category_of,
    category_path,
    current_base,
    read_category,
    render_categories,
)
from .desk import Desk, Room
from .editing import writing
from .listing import read_items
from .runs import commit, new_run_id

OVERFLOW = 0.5
"""A topic is reorganised once it leaves out more than this share of a category's budget."""
GROWTH = 2.0
"""It is reorganised again once it leaves out this many times what it did after the last time."""
ENTRY_TOKENS, FIXED_TOKENS = 4_000, 500
"""What a prompt shows of the entries that may be touched, and of those that may not."""
MIN_LINE_BYTES = 4
"""Bytes of an item's line for each token of its bullet, at the least: the line has much beside the text."""
MAX_OFFERED = 200
MAX_OUTPUT_TOKENS = 4_000
T = TypeVar("T")
CHANGED = "an entry of it was changed meanwhile"


# -- what a topic looks like


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as its file and items stand now. `items` are the active ones that the profile may show.

    `standing` are the ids of the file's bullets, `own` those that are the machine's to change. `away` were
    taken out of the file by a person.
    """

    name: str
    category: Category
    items: Mapping[str, Item]
    standing: Mapping[str, str]
    own: frozenset[str]
    away: frozenset[str]
    problem: str = ""

    @property
    def left_out(self) -> list[Item]:
        return [i for i in self.items.values() if i.id not in self.standing and i.id not in self.away]


def look_at(desk: Desk, topic: str) -> Topic:
    """Read a topic. Raises CorruptFile."""
    path = category_path(topic)
    current = read_category(desk, path)
    base = current_base(desk, topic, current)
    items = {item.id: item for item in _items_of(desk, topic)}
    standing = bullets_of(current or "", {*items, *base.bullets})
    found = parse(current or "").problem
    return Topic(
        name=topic,
        category=category_of(desk, topic),
        items=items,
        standing=standing,
        own=unedited(current or "", base.bullets),
        away=frozenset(base.bullets.keys() - standing.keys()),
        problem=str(Unmergeable(path, found.line, found.reason)) if found else "",
    )


def _items_of(desk: Desk, topic: str) -> Iterator[Item]:
    places = _active(desk, [topic])[topic]
    return (item for item in read_items(desk, places) if item.shown)


def _active(desk: Desk, topics: Iterable[str]) -> dict[str, list[ItemPlace]]:
    """Where the active items of each topic stand."""
    found: dict[str, list[ItemPlace]] = {topic: [] for topic in topics}
    for place in desk.view().all_items(found):
        if place.status is Status.ACTIVE:
            found[place.slot.partition("/")[0]].append(place)
    return found


def left_out_tokens(desk: Desk, items: Iterable[Item]) -> int:
    """What these items would take in a category file."""
    own_names, counter = desk.own_names(), desk.tools.counter()
    return sum(counter.count(bullet_line(item.id, bullet_text(item, own_names)) + "\n") for item in items)


def needs_reorganising(desk: Desk, topics: Iterable[str]) -> list[str]:
    """Those of `topics` that leave out so much that a call is worth it; none where that is switched off.

    A topic that was reorganised, or could not be, waits until it leaves out twice what it did then.
    """
    if not desk.settings.reorganise:
        return []
    bound = OVERFLOW * desk.settings.category_budget_tokens
    over: dict[str, int] = {}
    for topic, lines in desk.view().line_bytes(tuple(topics)).items():
        shown = desk.entry_lines(topic)
        # A bullet is a part of its item's line, so this many bytes of lines cannot hold that many tokens.
        if sum(size for item_id, size in lines.items() if item_id not in shown) < MIN_LINE_BYTES * bound:
            continue
        left = [place for place in _active(desk, [topic])[topic] if place.id not in shown]
        tokens = left_out_tokens(desk, _left_out(desk, topic, left))
        if tokens > bound:
            over[topic] = tokens
    before = _last_left_out(desk) if over else {}
    return [topic for topic, tokens in over.items() if tokens > GROWTH * before.get(topic, 0)]


def _left_out(desk: Desk, topic: str, places: Sequence[ItemPlace]) -> Iterator[Item]:
    """Of what the file does not have, the items that nobody took out of it."""
    away = current_base(desk, topic, read_category(desk, category_path(topic))).bullets
    return (item for item in read_items(desk, places) if item.shown and item.id not in away)


def leaving_out(desk: Desk, topics: Iterable[str] | None = None) -> list[str]:
    """`topics`, each checked to have a file; None: all whose file leaves something out. Raises NotFound."""
    there = [Path(path).stem for path in desk.folder.category_files()]
    if topics is None:
        return [topic for topic in there if look_at(desk, topic).left_out]
    for topic in topics:
        if topic not in there:
            raise NotFound("category", topic, "`memu-like show` lists them")
    return list(dict.fromkeys(topics))


def _last_left_out(desk: Desk) -> dict[str, int]:
    """Topic -> what it left out after its last reorganisation."""
    told = sorted(desk.folder.all_events().values(), key=lambda event: (event.created_at, event.id))
    return {one.topic: one.left_out for event in told for one in event.reorganised}


# -- asking


async def reorganise(
    room: Room, meter: Meter, topics: Sequence[str], *, dry_run: bool = False
) -> ReorganiseReport:
    """Ask for an order of each of `topics` and apply what holds up, as one run; all or nothing.

    A reply that cannot be used, or a model that is down, is told in `degraded` and changes nothing. A topic
    that has no file, or no entry that may be touched, is left out.
    """
    started, before = perf_counter(), meter.usage
    replies: list[_Replied] = []
    degraded: list[str] = []
    for topic in dict.fromkeys(topics):
        call = await room.read(partial(_call, topic=topic))
        if not call.offered:
            continue
        try:
            replies.append(_Replied(topic, call, await _ask(room, meter, call)))
        except UnusableReply as error:
            degraded.append(f"{topic} was not reorganised: {error}")
            replies.append(_Replied(topic, call, None))
        except ModelError as error:
            degraded.append(f"{topic} was not reorganised: {error}")
            break
    model, usage = meter.name("reorganise"), _since(before, meter.usage)
    work = partial(_apply, replies=replies, model=model, usage=usage, dry_run=dry_run)
    report = await (room.read(work) if dry_run else room.write(work))
    seconds = round(perf_counter() - started, 4)
    return replace(report, degraded=(*degraded, *report.degraded), usage=usage, seconds=seconds)


@dataclass(frozen=True, slots=True)
class _Replied:
    """A topic, what was asked about it, and what came of that: None for a reply that could not be used."""

    topic: str
    call: ReorganiseCall
    found: Reorganisation | None


def _since(before: Usage, after: Usage) -> Usage:
    cost = None if after.cost is None else after.cost - (before.cost or 0.0)
    return Usage(
        after.calls - before.calls,
        after.prompt_tokens - before.prompt_tokens,
        after.completion_tokens - before.completion_tokens,
        after.seconds - before.seconds,
        cost,
        after.estimated,
    )


async def _ask(room: Room, meter: Meter, call: ReorganiseCall) -> Reorganisation:
    language = prompt_language(call.settings.language, [offered.text for offered in call.offered])
    request = ChatRequest(
        "reorganise",
        room.tools.prompts.render(PROMPT, language, reorganise_variables(call)),
        schema=reorganise_schema(),
        max_output_tokens=MAX_OUTPUT_TOKENS,
    )
    return await ask(meter, request, partial(read_reorganisation, call=call))


def _call(desk: Desk, topic: str) -> ReorganiseCall:
    found = look_at(desk, topic)
    count = desk.tools.counter().count
    fixed = [(item.slot, found.standing[item.id]) for item in _fixed(found)]
    shown = sum(1 for item in found.items.values() if _is_own(found, item) and item.id in found.standing)
    # A topic that the settings do not know has a name that anybody may have given it: no text of the owner.
    configured = found.category in desk.tools.categories
    return ReorganiseCall(
        category=found.category if configured else Category(topic, ""),
        offered=_fitting(_offered(found), count) if not found.problem else (),
        settings=desk.settings,
        fixed=_within(fixed, FIXED_TOKENS, lambda pair: count(f"{pair[0]} | {pair[1]}\n")),
        slots=tuple(dict.fromkeys(item.slot for item in found.items.values() if item.slot)),
        shown=shown,
    )


def _is_own(topic: Topic, item: Item) -> bool:
    """Whether the machine may touch it: a person neither wrote it, nor changed or deleted its bullet."""
    untouched = item.id in topic.own or (item.id not in topic.standing and item.id not in topic.away)
    return item.origin is not Origin.HUMAN and untouched


def _fixed(topic: Topic) -> list[Item]:
    return [i for i in topic.items.values() if i.id in topic.standing and not _is_own(topic, i)]


def _offered(topic: Topic) -> list[Offered]:
    """What may be touched: what the file shows, in its order, then what it leaves out, best first."""
    own = {item.id: item for item in topic.items.values() if _is_own(topic, item)}
    newest = max((item.mentioned_at for item in own.values() if item.mentioned_at), default=None)
    shown = [Offered(own[item_id], True) for item_id in topic.standing if item_id in own]
    others = [Offered(item, False) for item in own.values() if item.id not in topic.standing]
    return [*shown, *sorted(others, key=lambda one: (-score(one.item, newest), one.item.id))]


def _fitting(offered: Sequence[Offered], count: Callable[[str], int]) -> tuple[Offered, ...]:
    """Those that the prompt has room for: the others are not told of, and so not touched."""
    return _within(
        offered[:MAX_OFFERED], ENTRY_TOKENS, lambda one: count(entry_line(f"e{MAX_OFFERED}", one) + "\n")
    )


def _within(values: Sequence[T], budget: int, tokens: Callable[[T], int]) -> tuple[T, ...]:
    left, kept = budget, []
    for value in values:
        left -= tokens(value)
        if left < 0:
            break
        kept.append(value)
    return tuple(kept)


# -- applying


@dataclass(slots=True)
class _Plan:
    """What the run will write, topic by topic."""

    run: str
    model: str
    now: datetime
    items: list[Item] = field(default_factory=list)
    done: list[Rearrangement] = field(default_factory=list)
    refused: list[Rearrangement] = field(default_factory=list)
    rendered: list[Rendered] = field(default_factory=list)
    reorganised: list[Reorganised] = field(default_factory=list)
    degraded: list[str] = field(default_factory=list)

    @property
    def delta(self) -> tuple[ProfileDelta, ...]:
        return tuple(delta for rendered in self.rendered for delta in rendered.delta)


def _apply(
    desk: Desk, replies: Sequence[_Replied], model: str, usage: Usage, dry_run: bool
) -> ReorganiseReport:
    if dry_run or not replies:
        return _report(desk, _planned(desk, replies, model), replies, dry_run=dry_run)
    with writing(desk):
        plan = _planned(desk, replies, model)
        journal.begin(desk.folder)
        commit(desk, plan.items, [_event(plan, usage)])
        for rendered in plan.rendered:
            rendered.write(desk)
        desk.index.refresh()
        desk.index.persist()
        journal.end(desk.folder)
    return _report(desk, plan, replies, dry_run=False)


def _report(desk: Desk, plan: _Plan, replies: Sequence[_Replied], *, dry_run: bool) -> ReorganiseReport:
    return ReorganiseReport(
        user=desk.folder.user_id,
        topics=tuple(one.topic for one in replies if one.found is not None),
        operations=tuple(plan.done),
        refused=tuple(plan.refused),
        run=plan.run if replies and not dry_run else None,
        degraded=tuple(plan.degraded),
        dry_run=dry_run,
    )


def _planned(desk: Desk, replies: Sequence[_Replied], model: str) -> _Plan:
    now = desk.tools.now()
    plan = _Plan(new_run_id(now), model, now)
    for replied in replies:
        topic = look_at(desk, replied.topic)
        if topic.problem:
            plan.degraded.append(topic.problem)
        elif replied.found is None:
            plan.reorganised.append(Reorganised(topic.name, left_out_tokens(desk, topic.left_out)))
        else:
            _plan_topic(desk, plan, topic, replied.call, replied.found)
    return plan


def _plan_topic(desk: Desk, plan: _Plan, topic: Topic, call: ReorganiseCall, found: Reorganisation) -> None:
    """Add a topic to the plan, unless its profile would lose too much of what it shows."""
    plan.refused += found.refused
    operations, stale = _still_true(topic, call, found.operations)
    plan.refused += stale
    made = _revisions(desk, plan, topic, operations)
    latest = {**topic.items, **{item.id: item for item in made.items}}
    summary = found.summary
    wishes = Wishes(moved=made.moved, summaries={topic.name: summary} if summary else {})
    rendered = render_categories(desk, list(latest.values()), wishes)
    standing = _standing_after(rendered)
    share = loss(made.operations, call, _gone(topic, made, standing))
    if share > desk.settings.reorganise_loss:
        reason = f"the profile would lose {share:.0%} of what it shows"
        plan.refused += [replace(one, refused=reason) for one in operations]
        plan.reorganised.append(Reorganised(topic.name, left_out_tokens(desk, topic.left_out)))
        return
    plan.items += made.items
    plan.done += made.operations
    plan.rendered.append(rendered)
    if summary:
        plan.done.append(Rearrangement("summary", topic.name, text=summary))
    left = [i for i in latest.values() if _is_shown(i) and i.id not in standing and i.id not in topic.away]
    mark = fingerprint(neutral_line(summary)) if summary else ""
    plan.reorganised.append(Reorganised(topic.name, left_out_tokens(desk, left), mark))


def _is_shown(item: Item) -> bool:
    return item.status is Status.ACTIVE and item.shown


def _still_true(
    topic: Topic, call: ReorganiseCall, operations: Sequence[Rearrangement]
) -> tuple[list[Rearrangement], list[Rearrangement]]:
    """The operations whose entries stand as the model read them, and the others, refused."""
    offered = {one.item.id: one for one in call.offered}
    kept, stale = [], []
    for one in operations:
        if all(_now(topic, item_id) == offered[item_id] for item_id in one.items):
            kept.append(one)
        else:
            stale.append(replace(one, refused=CHANGED))
    return kept, stale


def _now(topic: Topic, item_id: str) -> Offered | None:
    item = topic.items.get(item_id)
    return Offered(item, item_id in topic.standing) if item is not None and _is_own(topic, item) else None


def _revisions(desk: Desk, plan: _Plan, topic: Topic, operations: Sequence[Rearrangement]) -> Revisions:
    taken = {item.id for item in plan.items}

    def fresh_id(text: str) -> str:
        salt = 0
        while (found := make_item_id(plan.run, 0, text, salt)) in taken or desk.item(found) is not None:
            salt += 1
        taken.add(found)
        return found

    return revisions(operations, topic.items, run=plan.run, now=plan.now, model=plan.model, fresh_id=fresh_id)


def _standing_after(rendered: Rendered) -> frozenset[str]:
    if rendered.problems:
        raise StorageError(rendered.problems[0])
    return frozenset(
        item_id
        for planned in rendered.planned
        for item_id in bullets_of(planned.after, {item_id for item_id, _ in planned.plan.bullets})
    )


def _gone(topic: Topic, made: Revisions, standing: frozenset[str]) -> set[str]:
    """Entries that the file showed and that neither stand there afterwards nor in what was made of them."""
    became = {part: one.result for one in made.operations if one.result for part in one.items}
    own = topic.own & topic.items.keys()
    return {item_id for item_id in own if became.get(item_id, item_id) not in standing}


def _event(plan: _Plan, usage: Usage) -> Event:
    """No word of an entry stands in it: what is forgotten later must not be left here."""
    return Event(
        id=plan.run,
        kind="reorganise",
        created_at=plan.now,
        time=plan.now,
        summary=_told(plan),
        items=tuple(dict.fromkeys(item.id for item in plan.items)),
        profile_delta=plan.delta,
        dropped=tuple(
            Dropped(0, f"{one.op} refused: {one.refused}", next(iter(one.items), None))
            for one in plan.refused
        ),
        model=plan.model,
        usage=usage,
        reorganised=tuple(plan.reorganised),
    )


def _told(plan: _Plan) -> str:
    """What was done, in words and figures."""
    topics = ", ".join(one.topic for one in plan.reorganised)
    entries = Counter[str]()
    for one in plan.done:
        entries[one.op] += len(one.items) or 1
    merges = sum(one.op == "merge" for one in plan.done)
    parts = [
        f"{entries['merge']} entries merged into {merges}" if merges else "",
        f"{entries['rewrite']} reworded" if entries["rewrite"] else "",
        f"{entries['move']} moved" if entries["move"] else "",
        f"{entries['hide']} left out" if entries["hide"] else "",
        f"{entries['new_slot']} new slots" if entries["new_slot"] else "",
        f"{entries['summary']} summaries" if entries["summary"] else "",
        f"{len(plan.refused)} operations refused" if plan.refused else "",
    ]
    return f"Reorganised {topics}: " + (", ".join(filter(None, parts)) or "nothing changed")
