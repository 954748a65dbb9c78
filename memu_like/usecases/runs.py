"""Runs: what an extractor took from resources, decided and applied, all of a batch or nothing.

The order on disk: items; event lines (the commit); category files; index. The caller holds the folder's
lock and has begun a journal, which undoes what a crash leaves before the commit.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from ..edges.folder import month_file
from ..edges.index.reading import embed_rows
from ..models import Draft, Dropped, Event, Item, ProfileDelta, Resource, Usage
from ..pure import records
from ..pure.merging import bullets_of
from ..pure.reconciling import Reconciled, operations, reconcile
from ..pure.slotting import assign_slots
from ..pure.summarising import summary_line, title_line
from ..results import Operation
from .categories import Rendered, render_categories
from .desk import Desk
from .intake import Staged, quotes_in
from .known import KnownItems
from .renames import follow_renames
from .seen_lines import see_appended


@dataclass(frozen=True, slots=True)
class Extracted:
    """What an extractor took from one resource. Title and summary are None where it gave none."""

    resource: Resource
    drafts: tuple[Draft, ...]
    dropped: tuple[Dropped, ...]
    title: str | None = None
    summary: str | None = None
    tags: tuple[str, ...] = ()
    suggested: tuple[str, ...] = ()
    model: str | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run: what was extracted, and what was decided on it."""

    id: str
    extracted: Extracted
    reconciled: Reconciled
    vectors: np.ndarray[tuple[int, ...], np.dtype[np.float32]]

    @property
    def items(self) -> list[Item]:
        return [change.item for change in self.reconciled.changes]

    @property
    def operations(self) -> tuple[Operation, ...]:
        return operations(self.reconciled, self.extracted.resource.id, self.extracted.dropped)


@dataclass(slots=True)
class Totals:
    """What the runs of one call did."""

    runs: list[str] = field(default_factory=list)
    added: int = 0
    corroborated: int = 0
    superseded: int = 0
    categories: set[str] = field(default_factory=set)
    degraded: list[str] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)

    def count(self, run: Run, usage: Usage | None) -> None:
        self.runs.append(run.id)
        kinds = Counter(change.op for change in run.reconciled.changes)
        replaced = kinds["refine"] + kinds["correct"] + kinds["retract"]
        self.added += kinds["add"] + replaced
        self.corroborated += kinds["corroborate"]
        self.superseded += replaced
        self.usage += usage or Usage()


def quoted(desk: Desk, one: Staged) -> Extracted:
    """With no model: the speakers' own sentences."""
    found = quotes_in(desk, one)
    return Extracted(one.resource, found.drafts, found.dropped)


def decide(desk: Desk, batch: Sequence[Extracted], now: datetime) -> list[Run]:
    """Place and reconcile, for several resources at once: one embedding call for all of them."""
    with desk.still(later=[one.resource.id for one in batch]):
        return _decide(desk, batch, now)


def _decide(desk: Desk, batch: Sequence[Extracted], now: datetime) -> list[Run]:
    drafts = [draft for one in batch for draft in one.drafts]
    vectors = embed_rows([draft.text for draft in drafts], desk.tools.words)
    placed = _placed(desk, drafts, vectors)
    known = KnownItems(desk)
    runs, start = [], 0
    for one in batch:
        part = slice(start, start + len(one.drafts))
        start += len(one.drafts)
        run = new_run_id(now)
        decided = reconcile(placed[part], known, resource=one.resource.id, run=run, now=now)
        runs.append(Run(run, one, decided, vectors[part]))
    return runs


def _placed(
    desk: Desk, drafts: Sequence[Draft], vectors: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> list[Draft]:
    """Each draft in its slot: where a model put it, else where its words belong."""
    homeless = [number for number, draft in enumerate(drafts) if not draft.topic]
    found = list(drafts)
    if homeless:
        rows = vectors[homeless] if vectors.shape[1] else None
        placed = assign_slots([drafts[n] for n in homeless], rows, desk.tools.slot_table())
        for number, draft in zip(homeless, placed, strict=True):
            found[number] = draft
    return follow_renames(desk, found)


def apply(desk: Desk, runs: Sequence[Run], now: datetime, totals: Totals) -> None:
    """Write what was just decided."""
    changed = [item for run in runs for item in run.items]
    with desk.still(look=False):
        rendered = render_categories(desk, changed)
    totals.degraded += rendered.problems
    commit(desk, changed, _events(runs, rendered, now))
    rendered.write(desk)
    desk.index.refresh()
    for run in runs:
        totals.count(run, run.extracted.usage)
    totals.categories |= rendered.topics


def commit(desk: Desk, items: Iterable[Item], events: Iterable[Event]) -> None:
    """Append items, and then the events that commit them."""
    written = append(desk, ((month_file("items", one.mentioned_at or one.created_at), one) for one in items))
    append(desk, ((month_file("events", event.time), event) for event in events))
    see_appended(desk, written)


def append(desk: Desk, lines: Iterable[tuple[str, Item | Event]]) -> dict[str, tuple[int, bytes]]:
    """Append records to their files, one write and one sync a file.

    Returns, by file, at which byte the lines begin, and the lines.
    """
    by_file: dict[str, bytearray] = {}
    for name, record in lines:
        by_file.setdefault(name, bytearray()).extend(records.render(record))
    return {name: (desk.folder.append(name, bytes(data)), bytes(data)) for name, data in by_file.items()}


def new_run_id(now: datetime) -> str:
    """`now` is a whole second; what has passed since keeps the runs of one second in their order.

    A sync and the run after it are made in one breath, and the later word on a bullet must be the last.
    """
    passed = (datetime.now(UTC) - now) // timedelta(microseconds=1)
    return f"{now.astimezone(UTC):%Y%m%d%H%M%S}-{min(max(passed, 0), 0xFFFFFF):06x}{secrets.token_hex(2)}"


def _events(runs: Sequence[Run], rendered: Rendered, now: datetime) -> Iterable[Event]:
    """An event a run; what the runs together pushed out of the profile is told by the last."""
    owners = {item.id: run.id for run in runs for item in run.items}
    deltas: dict[str, list[ProfileDelta]] = {run.id: [] for run in runs}
    for delta in rendered.delta:
        deltas[owners.get(delta.item, runs[-1].id)].append(delta)
    for run in runs:
        yield _event(run, tuple(deltas[run.id]), now)


def _event(run: Run, delta: tuple[ProfileDelta, ...], now: datetime) -> Event:
    found = run.extracted
    texts = [draft.text for draft in found.drafts]
    vectors = run.vectors if run.vectors.shape[1] else None
    summary = found.summary or (summary_line(texts, vectors) if texts else "")
    return Event(
        id=run.id,
        kind="memorize",
        created_at=now,
        time=found.resource.created_at,
        title=found.resource.title or found.title or (title_line(texts) if texts else None),
        summary=summary,
        resources=(found.resource.id,),
        items=tuple(dict.fromkeys(item.id for item in run.items)),
        tags=found.tags,
        profile_delta=delta,
        dropped=(*found.dropped, *run.reconciled.dropped),
        suggested=found.suggested,
        model=found.model,
        usage=found.usage,
    )


def tell_rewritten(
    desk: Desk,
    rendered: Rendered,
    kind: Literal["memorize", "sync"],
    reason: str,
    told: Collection[str] = (),
) -> None:
    """An event of what writing the files again is about to change, where no event tells it yet.

    It tells as well what a run that was cut short has told of and never wrote. Items of `told` are left out.

    Told first: what the events say was shown, and stands no more, counts as deleted by a person once the
    bases are lost.
    """
    shown: dict[tuple[str, str], bool] = {}
    for event in sorted(desk.folder.all_events().values(), key=lambda event: (event.created_at, event.id)):
        shown |= {(one.topic, one.item): one.op != "remove" for one in event.profile_delta}
    delta = [one for one in rendered.delta if one.item not in told]
    untold = [one for one in delta if shown.get((one.topic, one.item), False) != (one.op != "remove")]
    untold += _never_written(rendered, shown)
    if untold:
        now = desk.tools.now()
        event = Event(new_run_id(now), kind, now, now, profile_delta=tuple(untold), reason=reason)
        desk.folder.append(month_file("events", event.time), records.render(event))


def _never_written(rendered: Rendered, shown: Mapping[tuple[str, str], bool]) -> Iterator[ProfileDelta]:
    """What an event tells of and no file shows, though no person took it out: it ranks too low by now."""
    for planned in rendered.planned:
        plan = planned.plan
        told = {item for (topic, item), is_there in shown.items() if is_there and topic == plan.topic}
        for item in sorted(told - bullets_of(planned.after, told).keys() - plan.base.keys()):
            yield ProfileDelta("remove", plan.topic, "", item, "")
