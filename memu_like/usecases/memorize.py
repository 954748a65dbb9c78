"""Memorize: resources to items, events and categories, in runs that are all or nothing.

The order on disk is what makes it safe: resources; the journal; items; event lines (the commit); category
files; index; the journal's end. A crash before the commit is undone and done again, one after it is
carried on, and both from the files alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter

import numpy as np

from ..edges import buffer, journal
from ..edges.folder import month_file
from ..edges.index.manifest import MANIFEST
from ..edges.index.reading import embed_rows
from ..edges.loaders import load_messages, parse_message
from ..models import (
    Draft,
    Dropped,
    Event,
    Item,
    Loaded,
    MemorizeReport,
    ProfileDelta,
    Resource,
)
from ..pure import records
from ..pure.extracting import extract
from ..pure.reconciling import Reconciled, reconcile
from ..pure.slotting import assign_slots
from ..pure.summarising import summary_line, title_line
from .categories import Rendered, render_categories
from .desk import Desk, Progress
from .erasing import finish
from .intake import Staged, messages_of, stage
from .known import KnownItems

BATCH_RESOURCES = 64


@dataclass(slots=True)
class Totals:
    runs: list[str] = field(default_factory=list)
    added: int = 0
    corroborated: int = 0
    categories: set[str] = field(default_factory=set)
    degraded: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its resource, what was decided, and what goes into its event."""

    id: str
    resource: Resource
    reconciled: Reconciled
    dropped: tuple[Dropped, ...]
    texts: tuple[str, ...]
    vectors: np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def add(desk: Desk, messages: Sequence[object]) -> int:
    """Buffer messages durably; each is checked first and nothing is written when one cannot be used."""
    # To the microsecond: the time is part of what tells two messages of the same words apart.
    now = datetime.now(UTC)
    raws = []
    for number, raw in enumerate(messages, start=1):
        given = dict(raw) if isinstance(raw, Mapping) else raw
        message = parse_message(
            given,  # type: ignore[arg-type]  # it checks the type itself, with the place in its error
            f"message {number}",
            timezone=desk.tools.timezone,
            max_message_bytes=desk.settings.max_message_bytes,
        )
        if message.created_at is None and isinstance(given, dict):
            given["created_at"] = now.isoformat()
        raws.append(given)
    if raws:
        buffer.add(desk.folder, raws, desk.settings.lock_timeout_seconds)  # type: ignore[arg-type]
    return len(raws)


def memorize(desk: Desk, loaded: Sequence[Loaded], progress: Progress | None = None) -> MemorizeReport:
    """Store `loaded` and what is buffered, then run on whatever has no event yet."""
    started = perf_counter()
    with desk.folder.lock(timeout=desk.settings.lock_timeout_seconds):
        desk.folder.create()
        interrupted = recover(desk)
        now = desk.tools.now()
        waiting = buffer.rotate(desk.folder, desk.settings.lock_timeout_seconds)
        everything = [*_buffered(desk, waiting), *loaded]
        intake = stage(desk, everything, now)
        if intake.staged:
            # Before the first resource: one that is found with no event and no journal was never ours to run.
            journal.begin(desk.folder, [s.resource for s in intake.staged])
            desk.folder.write_resources([(s.resource, s.data, s.text) for s in intake.staged])
        for name in waiting:
            desk.folder.remove(name)
        totals = _run_all(desk, [*interrupted, *intake.staged], now, progress)
    return MemorizeReport(
        user=desk.folder.user_id,
        resources=intake.resources,
        runs=tuple(totals.runs),
        messages=intake.messages,
        items_added=totals.added,
        corroborated=totals.corroborated,
        duplicates=intake.duplicates,
        categories=tuple(sorted(totals.categories)),
        seconds=round(perf_counter() - started, 4),
        degraded=tuple(dict.fromkeys([*desk.index.problems, *totals.degraded])),
    )


def _buffered(desk: Desk, names: Sequence[str]) -> list[Loaded]:
    """Each set-aside buffer file as sessions: from its bytes alone, so that doing it again gives the same."""
    loaded: list[Loaded] = []
    for name in names:
        messages = _once(buffer.read(desk.folder, name))
        if messages:
            loaded += load_messages(
                messages,
                "buffer",
                timezone=desk.tools.timezone,
                session_gap=desk.tools.session_gap,
                max_message_bytes=desk.settings.max_message_bytes,
            )
    return loaded


def _once(messages: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """A client that sends again sends the same id and words: those count once."""
    kept: dict[object, dict[str, object]] = {}
    for number, raw in enumerate(messages):
        identity = raw.get("id") or raw.get("message_id")
        plain = {name: value for name, value in raw.items() if name != "created_at"}
        kept.setdefault((str(identity), repr(plain)) if identity else number, raw)
    return list(kept.values())


def recover(desk: Desk) -> list[Staged]:
    """Undo and carry on what a killed writer left; returns the resources that still need their run."""
    interrupted = journal.found(desk.folder)
    derived = desk.folder.path(MANIFEST).exists()
    # Who makes the user's folder, or adds to it, holds the buffer's lock: no file of theirs is swept away.
    with desk.folder.lock(buffer.LOCK, desk.settings.lock_timeout_seconds):
        if interrupted or not derived:
            journal.sweep_all(desk.folder)
        else:
            journal.sweep(desk.folder)
    if not interrupted:
        return [] if derived else _recover_unrecorded(desk)
    if finish(desk):
        return []
    journal.roll_back(desk.folder)
    pending = pending_resources(desk)
    render_categories(desk, None)
    desk.index.refresh()
    desk.index.persist()
    if not pending:
        journal.end(desk.folder)
    return pending


def _recover_unrecorded(desk: Desk) -> list[Staged]:
    """`.memu/` is new or was deleted, its journal with it: carry on from what the files tell alone."""
    for name in (*desk.folder.event_files(), *desk.folder.item_files()):
        desk.folder.append(name, b"")  # mends or cuts a last line that has no newline
    pending = pending_resources(desk)
    if pending:
        journal.drop_unread(desk.folder, {one.resource.id for one in pending})
        journal.begin(desk.folder)
    return pending


def settle(desk: Desk) -> None:
    """Finish what a killed writer left, runs included. The caller holds the folder's lock."""
    _run_all(desk, recover(desk), desk.tools.now(), None)


def run_pending(desk: Desk) -> None:
    """Run on resources that no run has read, however they came in. The caller holds the folder's lock."""
    journal.begin(desk.folder)
    _run_all(desk, pending_resources(desk), desk.tools.now(), None)
    journal.end(desk.folder)


def pending_resources(desk: Desk) -> list[Staged]:
    """Resources that no run has read. One that was forgotten and came in again is new."""
    events = desk.folder.all_events().values()
    told = {resource for event in events if event.kind != "forget" for resource in event.resources}
    left = [desk.folder.resource(i) for i in desk.folder.resource_ids() if i not in told]
    return [Staged(resource, desk.folder.read(resource.file), None) for resource in left]


def _run_all(desk: Desk, staged: Sequence[Staged], now: datetime, progress: Progress | None) -> Totals:
    totals = Totals()
    if not staged:
        return totals
    unique = list({one.resource.id: one for one in staged}.values())
    for start in range(0, len(unique), BATCH_RESOURCES):
        _run_batch(desk, unique[start : start + BATCH_RESOURCES], now, totals)
        if progress:
            progress("memorizing", min(start + BATCH_RESOURCES, len(unique)), len(unique))
    desk.index.refresh()
    desk.index.persist()
    journal.end(desk.folder)
    return totals


def _run_batch(desk: Desk, staged: Sequence[Staged], now: datetime, totals: Totals) -> None:
    runs = _decide(desk, staged, now)
    changed = [change.item for run in runs for change in run.reconciled.changes]
    rendered = render_categories(desk, changed)
    totals.degraded += rendered.problems
    _append(desk, ((month_file("items", _month(i)), i) for i in changed))
    _append(desk, ((month_file("events", event.time), event) for event in _events(runs, rendered, now)))
    rendered.write(desk)
    desk.index.refresh()
    totals.runs += [run.id for run in runs]
    for run in runs:
        for change in run.reconciled.changes:
            totals.added += change.op == "add"
            totals.corroborated += change.op == "corroborate"
    totals.categories |= rendered.topics


def _append(desk: Desk, lines: Iterable[tuple[str, Item | Event]]) -> None:
    """Append records to their files, one write and one sync a file."""
    by_file: dict[str, bytearray] = {}
    for name, record in lines:
        by_file.setdefault(name, bytearray()).extend(records.render(record))
    for name, data in by_file.items():
        desk.folder.append(name, bytes(data))


def _month(item: Item) -> datetime:
    return item.mentioned_at or item.created_at


def _decide(desk: Desk, staged: Sequence[Staged], now: datetime) -> list[Run]:
    """Extract, place and reconcile, for several resources at once: one embedding call for all of them."""
    extracted = [_extract(desk, one) for one in staged]
    drafts = [draft for found, _, _ in extracted for draft in found]
    vectors = embed_rows([draft.text for draft in drafts], desk.tools.words)
    placed = assign_slots(drafts, vectors if vectors.shape[1] else None, desk.tools.slot_table())
    known = KnownItems(desk)
    runs, start = [], 0
    for one, (found, dropped, texts) in zip(staged, extracted, strict=True):
        part = slice(start, start + len(found))
        start += len(found)
        run = new_run_id(now)
        decided = reconcile(placed[part], known, resource=one.resource.id, run=run, now=now)
        runs.append(Run(run, one.resource, decided, dropped, texts, vectors[part]))
    return runs


def new_run_id(now: datetime) -> str:
    return f"{now.astimezone(UTC):%Y%m%d%H%M%S}-{secrets.token_hex(4)}"


def _extract(desk: Desk, one: Staged) -> tuple[tuple[Draft, ...], tuple[Dropped, ...], tuple[str, ...]]:
    """Drafts, what was left with its reason, and the drafts' texts."""
    resource = one.resource
    messages = messages_of(desk, one)
    said = [message.created_at or resource.created_at for message in messages]
    found = extract(messages, said, mask=desk.settings.mask_secrets)
    return found.drafts, found.dropped, tuple(draft.text for draft in found.drafts)


def _events(runs: Sequence[Run], rendered: Rendered, now: datetime) -> Iterable[Event]:
    """An event a run; what the runs together pushed out of the profile is told by the last."""
    owners = {change.item.id: run.id for run in runs for change in run.reconciled.changes}
    deltas: dict[str, list[ProfileDelta]] = {run.id: [] for run in runs}
    for delta in rendered.delta:
        deltas[owners.get(delta.item, runs[-1].id)].append(delta)
    for run in runs:
        yield _event(run, tuple(deltas[run.id]), now)


def _event(run: Run, delta: tuple[ProfileDelta, ...], now: datetime) -> Event:
    items = [change.item for change in run.reconciled.changes]
    vectors = run.vectors if run.vectors.shape[1] else None
    texts = list(run.texts)
    return Event(
        id=run.id,
        kind="memorize",
        created_at=now,
        time=run.resource.created_at,
        title=run.resource.title or (title_line(texts) if texts else None),
        summary=summary_line(texts, vectors) if texts else "",
        resources=(run.resource.id,),
        items=tuple(item.id for item in items),
        profile_delta=delta,
        dropped=(*run.dropped, *run.reconciled.dropped),
    )
