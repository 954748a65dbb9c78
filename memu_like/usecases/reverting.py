"""Reverting a run or a commit: a run of its own, which takes back what that one made of the items.

A commit names its runs in its trailers. One that a person made by hand has none: there each bullet that it
changed goes back, where memory still says what the commit made it say. Prose is not touched.
The order on disk is that of an edit: items; the event (the commit mark); category files; index.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..edges import journal
from ..errors import InvalidInput, NotFound, StorageError
from ..models import Dropped, Event, Item, ProfileDelta, Renamed, Status
from ..pure.changes import difference, reads_as, state_of
from ..pure.rendering import bullet_text
from ..pure.reverting import Undoing, Undone, changed_since, reason_of, reverted_by, revised, undo
from ..results import Change, RevertReport
from .bases import read_base, write_base
from .categories import Rendered, Wishes, render_categories
from .desk import Desk
from .editing import writing
from .fates import histories
from .runs import commit, new_run_id
from .states import Documents, category_texts, repository

ERASED = frozenset(["forget"])
HIDDEN = frozenset(["memorize", "import"])
"""Runs whose event tells of what came in: reverted, it is told no more."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a revert is to do: the run that does it, the runs that it takes back, and the revisions."""

    run: str
    now: datetime
    reverted: tuple[str, ...]
    undoing: Undoing
    events: tuple[Event, ...] = ()
    reason: str = ""

    @property
    def items(self) -> list[Item]:
        return [one.item for one in self.undoing.done]


def revert(desk: Desk, what: str, *, dry_run: bool = False) -> RevertReport:
    """Take back a run (its id) or a commit. What was changed again since stays, and is reported.

    With `dry_run` nothing is written. Raises NotFound, GitError, and InvalidInput for what cannot be taken
    back: a forget, which left nothing, and a merge.
    """
    with writing(desk):
        plan = _plan(desk, what)
        problems: tuple[str, ...] = ()
        if not dry_run and (plan.items or plan.events):
            problems = _apply(desk, plan)
    before = {one.last.id: one.last for one in plan.undoing.done}
    after = {one.item.id: one.item for one in plan.undoing.done}
    names = desk.own_names()
    changes = difference(state_of(before, {}, names), state_of(after, {}, names), Documents(desk.folder))
    wrote = bool(plan.items or plan.events) and not dry_run
    return RevertReport(
        user=desk.folder.user_id,
        reverted=plan.reverted,
        run=plan.run if wrote else None,
        changes=changes,
        kept=plan.undoing.kept,
        degraded=problems,
    )


# -- deciding


def _plan(desk: Desk, what: str) -> Plan:
    now = desk.tools.now()
    run = new_run_id(now)
    events = desk.folder.all_events()
    revisions = {
        item_id: [one for one in found.revisions if one.run in events]
        for item_id, found in histories(desk).items()
    }
    revisions = {item_id: found for item_id, found in revisions.items() if found}
    if what in events:
        runs: tuple[str, ...] = (what,)
    else:
        commit, runs = _runs_of(desk, what, events)
        if not runs:
            return _of_commit(desk, commit, revisions, run, now)
    erased = [one for one in runs if events[one].kind in ERASED]
    if erased:
        raise InvalidInput(f"run {erased[0]} erased what it forgot: there is nothing left to bring back")
    undoing = undo(revisions, frozenset(runs), run=run, now=now)
    changed = tuple(_events(events, runs, undoing))
    return Plan(run, now, runs, undoing, changed, reason_of(runs))


def _runs_of(desk: Desk, what: str, events: Mapping[str, Event]) -> tuple[str, tuple[str, ...]]:
    """The commit that `what` names, and those of its runs that are this user's."""
    if desk.tools.repository() is None:
        raise NotFound("run", what, "`memu-like history` lists them; commits need `memu-like init --git`")
    repo = repository(desk)
    commit = repo.named(what)  # no date: what is undone is named, not guessed
    if commit is None:
        raise NotFound("run or commit", what, "`memu-like history` lists them")
    found = repo.commit(commit)
    runs = tuple(one for one in found.runs if one in events)
    if found.runs and not runs:
        raise NotFound("run of this user in commit", what, f"it is one of {found.user or 'others'}")
    return commit, runs


def _events(events: Mapping[str, Event], runs: Sequence[str], undoing: Undoing) -> Iterator[Event]:
    """The events of the reverted runs are hidden; those that a reverted revert had hidden are shown again."""
    for name in runs:
        event = events[name]
        if event.kind in HIDDEN and not event.deleted:
            yield replace(event, rev=event.rev + 1, deleted=True)
        for other in reverted_by(event.reason) if event.kind == "revert" else ():
            found = events.get(other)
            if found is not None and found.kind in HIDDEN and found.deleted:
                yield replace(found, rev=found.rev + 1, deleted=False)


# -- a person's own commit


def _of_commit(
    desk: Desk, commit: str, revisions: Mapping[str, Sequence[Item]], run: str, now: datetime
) -> Plan:
    """Each bullet that the commit changed goes back, where it still reads as the commit made it read."""
    repo = repository(desk)
    parents = repo.parents(commit)
    if len(parents) > 1:
        raise InvalidInput(f"commit {commit[:10]} is a merge: revert the runs or commits that it brought in")
    after = state_of({}, category_texts(repo, commit, desk.folder.root.name))
    before = state_of({}, category_texts(repo, parents[0], desk.folder.root.name) if parents else {})
    reason = f"commit {commit[:10]} was reverted"
    done: dict[str, Undone] = {}
    kept: list[Dropped] = []
    for change in difference(before, after):
        last = _stands(desk, change, revisions)
        earlier = done[last.id].item if last is not None and last.id in done else last
        item = _taken_back(desk, change, earlier, revisions) if earlier is not None else None
        if last is None or item is None:
            kept.append(Dropped(0, _why_not(change, revisions), change.item or None))
        else:
            done[last.id] = Undone(last, revised(last, item, run, now, reason))
    return Plan(run, now, (commit,), Undoing(tuple(done.values()), tuple(kept)), (), reason_of([commit]))


def _stands(desk: Desk, change: Change, revisions: Mapping[str, Sequence[Item]]) -> Item | None:
    """The item behind a change, if what the commit made of it is how it stands."""
    if change.item:
        found = revisions.get(change.item)
        return found[-1] if found else None
    if change.op != "add":
        return None
    alike = (found[-1] for found in revisions.values())
    return next((one for one in alike if _says(desk, one, change.text) and _is_at(one, change)), None)


def _taken_back(
    desk: Desk, change: Change, last: Item, revisions: Mapping[str, Sequence[Item]]
) -> Item | None:
    older = reversed(revisions[last.id])
    if change.op == "add":
        return replace(last, status=Status.RETRACTED) if last.status is Status.ACTIVE else None
    if change.op == "remove":
        return next((one for one in older if one.status is Status.ACTIVE), None) if _is_gone(last) else None
    if last.status is not Status.ACTIVE:
        return None
    if change.op == "change":
        if not _says(desk, last, change.text):
            return None
        earlier = next((one for one in older if one.text != last.text), None)
        return replace(earlier, categories=last.categories, slot=last.slot) if earlier is not None else None
    if not _is_at(last, change):
        return None
    topic, sign, slot = change.before.rpartition("/")
    return replace(last, categories=(topic if sign else last.topic,), slot=slot)


def _is_gone(item: Item) -> bool:
    return item.status is Status.RETRACTED


def _says(desk: Desk, item: Item, text: str) -> bool:
    return item.status is Status.ACTIVE and reads_as(text, item, desk.own_names())


def _is_at(item: Item, change: Change) -> bool:
    return (item.topic, item.slot.casefold()) == (change.topic, change.slot.casefold())


def _why_not(change: Change, revisions: Mapping[str, Sequence[Item]]) -> str:
    found = revisions.get(change.item)
    if found:
        return f"{changed_since(found[-1])}: {change}"
    return f"no entry: change it in the file: {change}"


# -- writing


def _apply(desk: Desk, plan: Plan) -> tuple[str, ...]:
    """Append, then have the files and the index follow. Returns what could not follow."""
    wishes = _wishes(desk, plan)
    _readmit(desk, plan)
    moved = [one for one in plan.undoing.done if _place(one.last) != _place(one.item)]
    first = [replace(one.last, status=Status.SUPERSEDED) for one in moved]
    first += [one.item for one in plan.undoing.done if one not in moved]
    with desk.still():
        vacated = render_categories(desk, first, wishes)
        if vacated.problems:
            raise StorageError(vacated.problems[0])
    event = _event(desk, plan, vacated, moved)
    journal.begin(desk.folder)
    commit(desk, plan.items, (event, *plan.events))
    vacated.write(desk)
    filled = render_categories(desk, [one.item for one in moved], wishes) if moved else Rendered((), (), ())
    filled.write(desk)
    desk.index.refresh()
    desk.index.persist()
    journal.end(desk.folder)
    return filled.problems


def _place(item: Item) -> tuple[str, str]:
    return item.topic, item.slot


def _wishes(desk: Desk, plan: Plan) -> Wishes:
    """Bullets that read as the reverted run left them may be rewritten, though a person wrote them."""
    names = desk.own_names()
    adopted = {}
    for one in plan.undoing.done:
        standing = desk.entry_lines(one.last.topic).get(one.last.id)
        if standing is not None and reads_as(standing[0], one.last, names):
            adopted[one.last.id] = standing[0]
    return Wishes(adopted=adopted, plain_summaries=True)


def _readmit(desk: Desk, plan: Plan) -> None:
    """What comes back is no longer a bullet that a person deleted."""
    back = [
        one.item
        for one in plan.undoing.done
        if one.item.status is Status.ACTIVE and one.last.status is not Status.ACTIVE
    ]
    for topic in {item.topic for item in back}:
        base = read_base(desk, topic)
        ids = {item.id for item in back if item.topic == topic} & base.bullets.keys()
        standing = desk.entry_lines(topic)
        if ids - standing.keys():
            left = {i: text for i, text in base.bullets.items() if i not in ids or i in standing}
            write_base(desk, topic, replace(base, bullets=left))


def _event(desk: Desk, plan: Plan, vacated: Rendered, moved: Sequence[Undone]) -> Event:
    names = desk.own_names()
    added = (
        ProfileDelta("add", one.item.topic, one.item.slot, one.item.id, bullet_text(one.item, names))
        for one in moved
        if one.item.status is Status.ACTIVE
    )
    known = desk.folder.all_events()
    renamed = (one for name in plan.reverted if name in known for one in known[name].renamed)
    return Event(
        plan.run,
        "revert",
        plan.now,
        plan.now,
        items=tuple(one.id for one in plan.items),
        profile_delta=(*vacated.delta, *added),
        reason=plan.reason,
        renamed=tuple(Renamed(one.new, one.old) for one in renamed),
    )
