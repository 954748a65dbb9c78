"""Memorize: resources to items, events and categories, in runs that are all or nothing.

The order on disk is what makes it safe: resources; the journal; the runs (see `runs`); the journal's end.
A crash before a run's commit is undone and done again, one after it is carried on, and both from the files
alone. This is the way with no language model; `model_runs` is the other, on the same steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

from ..edges import buffer, journal, pending
from ..edges.index.manifest import MANIFEST
from ..edges.loaders import parse_message
from ..errors import CorruptFile
from ..models import Loaded
from ..results import Kept, MemorizeReport
from . import runs, taking_edits
from .buffering import buffered
from .categories import Wishes, plan_all
from .desk import Desk, Progress, steady
from .erasing import finish
from .intake import Intake, Staged, stage
from .runs import Totals

BATCH_RESOURCES = 64


@dataclass(frozen=True, slots=True)
class Taken:
    """What came in, safe on disk: its figures, and the resources that have had no run yet."""

    intake: Intake
    waiting: tuple[Staged, ...]
    degraded: tuple[str, ...] = ()


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


def memorize(
    desk: Desk, loaded: Sequence[Loaded], progress: Progress | None = None, *, retry: bool = False
) -> MemorizeReport:
    """Store `loaded` and what is buffered, then run on whatever has no event yet.

    Runs that wait for a language model are left to it, unless `retry` says to make them without.
    """
    started = perf_counter()
    with desk.folder.lock(timeout=desk.settings.lock_timeout_seconds):
        now = desk.tools.now()
        taken = take_in(desk, loaded, now)
        again = [kept.resource for kept in waiting_runs(desk)] if retry else []
        totals = Totals(degraded=list(taken.degraded))
        # Later than what was taken in from a person's hands just now.
        _run_all(desk, [*taken.waiting, *stored(desk, again)], desk.tools.now(), progress, totals)
        kept = waiting_runs(desk)
    return report(desk, taken.intake, totals, kept, perf_counter() - started)


def take_in(desk: Desk, loaded: Sequence[Loaded], now: datetime, *, wait: bool = False) -> Taken:
    """Make what comes in, and what is buffered, safe in resources. The caller holds the folder's lock.

    Wherever there is something to run on, the journal stands afterwards; or, with `wait`, the runs are
    listed among those that wait for a language model.
    """
    desk.folder.create()
    desk.folder.check_category_files()
    degraded = _mend_list(desk)
    interrupted = recover(desk)
    _check_list(desk)
    edits = taking_edits.take_edits(desk)
    waiting = buffer.rotate(desk.folder, desk.settings.lock_timeout_seconds)
    intake = stage(desk, [*buffered(desk, waiting), *loaded], now)
    # Before the first resource: one that is found with no event and no mark was never ours to run.
    if wait:
        let_wait(desk, (*interrupted, *intake.staged), now)
    elif intake.staged:
        journal.begin(desk.folder, [s.resource for s in intake.staged])
    if intake.staged:
        desk.folder.write_resources([(s.resource, s.data, s.text) for s in intake.staged])
    for name in waiting:
        # One that a power cut brings back holds nothing that is not known by then.
        desk.folder.remove(name, durable="none")
    return Taken(intake, (*interrupted, *intake.staged), (*degraded, *taking_edits.told(edits)))


def _mend_list(desk: Desk) -> tuple[str, ...]:
    """The list of the runs that wait says nothing that the files do not: unreadable, it is made anew."""
    try:
        pending.read(desk.folder)
    except CorruptFile as error:
        unread = [one.resource.id for one in unread_resources(desk)]
        pending.replace(desk.folder, unread, desk.tools.now())
        return (f"{error.path.name} could not be read and was made again from the files",)
    return ()


def _check_list(desk: Desk) -> None:
    """What a killed writer, or a power cut, left in the list: runs that are made, and resources that never
    came in whole. Those come in again."""
    waiting = pending.read(desk.folder)
    if not waiting:
        return
    told = _told(desk)
    gone = [one for one in waiting if not desk.folder.has_resource(one.resource)]
    # One that a model was asked about was there: whoever took its meta file away may bring it back.
    unwritten = [one.resource for one in gone if not one.attempts and not one.error]
    if unwritten:
        with desk.folder.lock(buffer.LOCK, desk.settings.lock_timeout_seconds):
            journal.sweep_all(desk.folder)
    for resource_id in unwritten:
        for name in desk.folder.resource_files(resource_id):
            desk.folder.remove(name)
    pending.remove(desk.folder, {*told, *(one.resource for one in gone)})


def look_in(desk: Desk, loaded: Sequence[Loaded], now: datetime) -> Taken:
    """What `take_in` would make of the same, with nothing written."""
    waiting = buffer.names(desk.folder)
    intake = stage(desk, [*buffered(desk, waiting), *loaded], now)
    return Taken(intake, intake.staged)


def preview(desk: Desk, loaded: Sequence[Loaded]) -> MemorizeReport:
    """The operations that `memorize` would do. Writes nothing, and takes no lock."""
    return steady(desk, lambda: _preview(desk, loaded))


def _preview(desk: Desk, loaded: Sequence[Loaded]) -> MemorizeReport:
    started = perf_counter()
    now = desk.tools.now()
    taken = look_in(desk, loaded, now)
    decided = runs.decide(desk, [runs.quoted(desk, one) for one in taken.waiting], now)
    return report(desk, taken.intake, previewed(decided), (), perf_counter() - started, decided)


def previewed(decided: Sequence[runs.Run]) -> Totals:
    """What `decided` would count as."""
    totals = Totals()
    for run in decided:
        totals.count(run, run.extracted.usage)
        totals.categories |= {item.topic for item in run.items}
    totals.runs.clear()
    return totals


def report(
    desk: Desk,
    intake: Intake,
    totals: Totals,
    kept: Sequence[Kept],
    seconds: float,
    decided: Sequence[runs.Run] | None = None,
) -> MemorizeReport:
    """`decided` is given by a dry run."""
    return MemorizeReport(
        user=desk.folder.user_id,
        resources=intake.resources,
        runs=tuple(totals.runs),
        messages=intake.messages,
        items_added=totals.added,
        corroborated=totals.corroborated,
        superseded=totals.superseded,
        duplicates=intake.duplicates,
        categories=tuple(sorted(totals.categories)),
        seconds=round(seconds, 4),
        degraded=tuple(dict.fromkeys([*desk.index.problems, *totals.degraded])),
        kept=tuple(kept),
        usage=totals.usage,
        dry_run=decided is not None,
        operations=tuple(operation for run in decided or () for operation in run.operations),
    )


def recover(desk: Desk) -> list[Staged]:
    """Undo and carry on what a killed writer left; returns the resources that still need their run."""
    interrupted = journal.found(desk.folder)
    derived = desk.folder.path(MANIFEST).exists()
    sweep = journal.sweep_all if interrupted or not derived else journal.sweep
    if interrupted or not derived or journal.leftovers(desk.folder):
        # Who makes the user's folder, or adds to it, holds the buffer's lock: no file of theirs is swept.
        with desk.folder.lock(buffer.LOCK, desk.settings.lock_timeout_seconds):
            sweep(desk.folder)
    if not interrupted:
        return [] if derived else _recover_unrecorded(desk)
    if finish(desk):
        return []
    journal.roll_back(desk.folder)
    _check_list(desk)
    left = _not_waiting(desk, unread_resources(desk))
    rendered = plan_all(desk, Wishes(moved=_revised(desk)))
    runs.tell_rewritten(desk, rendered, "memorize", "written again after a run that was cut short")
    rendered.write(desk)
    desk.index.refresh()
    desk.index.persist()
    if not left:
        journal.end(desk.folder)
    return left


def _revised(desk: Desk) -> frozenset[str]:
    """The items that the interrupted runs revised: their bullets may still stand where they stood before."""
    sizes = journal.sizes(desk.folder)
    places = desk.view().all_items()
    return frozenset(p.id for p in places if p.rev > 1 and p.offset >= sizes.get(p.file, 0))


def _recover_unrecorded(desk: Desk) -> list[Staged]:
    """`.memu/` is new or was deleted, its journal with it: carry on from what the files tell alone."""
    for name in (*desk.folder.event_files(), *desk.folder.item_files()):
        desk.folder.append(name, b"")  # mends or cuts a last line that has no newline
    _remove_forgotten(desk)
    unread = unread_resources(desk)
    if unread:
        journal.drop_unread(desk.folder, {one.resource.id for one in unread})
    left = _not_waiting(desk, unread)
    if left:
        journal.begin(desk.folder)
    return left


def _remove_forgotten(desk: Desk) -> None:
    """What a forget left whose journal is gone: it takes the meta file first, and the words after it."""
    for event in desk.folder.all_events().values():
        for resource_id in event.resources if event.kind == "forget" else ():
            if not desk.folder.has_resource(resource_id):
                for name in desk.folder.resource_files(resource_id):
                    desk.folder.remove(name)


def settle(desk: Desk) -> None:
    """Finish what a killed writer left, runs included. The caller holds the folder's lock.

    With a language model configured, runs that it has not made wait for it.
    """
    _mend_list(desk)
    _run_or_wait(desk, recover(desk))


def waiting_runs(desk: Desk) -> tuple[Kept, ...]:
    """The runs that wait for a language model; a resource that was forgotten waits no more."""
    return tuple(kept for kept in pending.read(desk.folder) if desk.folder.has_resource(kept.resource))


def run_pending(desk: Desk) -> None:
    """Run on resources that no run has read, however they came in. The caller holds the folder's lock."""
    unread = unread_resources(desk)
    if unread:
        journal.begin(desk.folder)
        _run_or_wait(desk, unread)


def _run_or_wait(desk: Desk, staged: Sequence[Staged]) -> None:
    if desk.tools.model is None:
        _run_all(desk, staged, desk.tools.now(), None, Totals())
    else:
        let_wait(desk, staged, desk.tools.now())


def let_wait(desk: Desk, staged: Sequence[Staged], now: datetime) -> None:
    """Leave runs to the language model; a journal that stands is done with."""
    pending.add(desk.folder, (one.resource.id for one in staged), now)
    journal.end(desk.folder)


def _not_waiting(desk: Desk, unread: Sequence[Staged]) -> list[Staged]:
    """Those that do not wait for a language model."""
    waiting = {kept.resource for kept in pending.read(desk.folder)}
    return [one for one in unread if one.resource.id not in waiting]


def unread_resources(desk: Desk) -> list[Staged]:
    """Resources that no run has read."""
    told = _told(desk)
    return stored(desk, [i for i in desk.folder.resource_ids() if i not in told])


def is_unread(desk: Desk, resource_id: str) -> bool:
    """Whether a resource is there that no run has read. The caller holds the folder's lock."""
    if not desk.folder.has_resource(resource_id):
        return False
    # Who has deleted `.memu/` meanwhile has deleted the list: then the events, which are slower, tell.
    return any(one.resource == resource_id for one in waiting_runs(desk)) or resource_id not in _told(desk)


def _told(desk: Desk) -> set[str]:
    """The resources that runs have read. One that was forgotten and came in again is new."""
    events = desk.folder.all_events().values()
    return {resource for event in events if event.kind != "forget" for resource in event.resources}


def stored(desk: Desk, resource_ids: Sequence[str]) -> list[Staged]:
    """Resources as they stand on disk."""
    there = [desk.folder.resource(i) for i in resource_ids]
    return [Staged(resource, desk.folder.read(resource.file), None) for resource in there]


def _run_all(
    desk: Desk, staged: Sequence[Staged], now: datetime, progress: Progress | None, totals: Totals
) -> None:
    unique = list({one.resource.id: one for one in staged}.values())
    if not unique:
        return
    if not journal.found(desk.folder):
        journal.begin(desk.folder)
    for start in range(0, len(unique), BATCH_RESOURCES):
        batch = unique[start : start + BATCH_RESOURCES]
        decided = runs.decide(desk, [runs.quoted(desk, one) for one in batch], now)
        runs.apply(desk, decided, now, totals)
        if progress:
            progress("memorizing", min(start + BATCH_RESOURCES, len(unique)), len(unique))
    pending.remove(desk.folder, [one.resource.id for one in unique])
    desk.index.persist()
    journal.end(desk.folder)
