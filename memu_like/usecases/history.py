"""History: what each run changed, told from the files alone, and joined with the commits that hold it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise

from ..edges.git.repository import Repository
from ..errors import InvalidInput, NotFound
from ..models import Event, Item
from ..pure.changes import State, difference, state_of, touching
from ..pure.lines import ITEM_ID
from ..pure.reconciling import successor_id
from ..pure.secrets import mask_secrets
from ..results import Change, Commit, Past
from .categories import category_path
from .desk import Desk
from .listing import item_history
from .states import Documents, Point, Reader, repository, resolve, states

PERSON, MACHINE = "person", "machine"
BY_PERSONS = frozenset(["edit", "sync", "forget", "import", "revert"])
"""Runs that somebody asked for; the others the machine made by itself of what came in."""
COMMIT = "commit"
"""The kind of a step that is a person's own commit, with no run in it."""


@dataclass(frozen=True, slots=True)
class Revised:
    """What one run made of one item: `before` is None where it is new."""

    before: Item | None
    after: Item


def diff(desk: Desk, a: Point = None, b: Point = None) -> tuple[Change, ...]:
    """What changed from `a` to `b`; None is the last commit for `a` and the files now for `b`.

    Raises GitError where the store is in no repository, NotFound where a point names no commit.
    """
    repo = repository(desk)
    reader = Reader(desk, repo)
    old = reader.at(resolve(desk, repo, a))
    new = reader.now() if b is None else reader.at(resolve(desk, repo, b))
    before, after = states(old, new, desk.own_names())
    changes = difference(before, after, Documents(desk.folder))
    return tuple(_masked(change) for change in changes) if desk.settings.mask_secrets else changes


def _masked(change: Change) -> Change:
    """What a person wrote into a file stands there as it is; what is told of it is masked."""
    return replace(change, text=mask_secrets(change.text)[0], before=mask_secrets(change.before)[0])


def history(desk: Desk, what: str | None = None, limit: int | None = None) -> tuple[Past, ...]:
    """What happened to an item (its id), a "topic", a "topic/slot" or all (None), newest first.

    It is told from the items' revisions and the events; where the store is in a repository, each step has
    its commit and its author. Raises NotFound, InvalidInput.
    """
    if limit is not None and limit < 0:
        raise InvalidInput(f"limit must be a whole number from 0 on, not {limit}")
    if what is not None and ITEM_ID.fullmatch(what) and desk.item(what) is not None:
        found = _of_item(desk, what)
    elif what is None:
        found = [step for step, _ in islice(_told(desk), limit)]
    else:
        found = list(islice(_of_place(desk, what), limit))
        _check_place(desk, what, found)
    return tuple(_with_commits(desk, what, found)[:limit])


def _of_item(desk: Desk, item_id: str) -> list[Past]:
    """One step a revision, newest first, with what took its place or what it took the place of."""
    events, by_run = desk.folder.all_events(), revised_by_run(desk)
    documents, names = Documents(desk.folder), desk.own_names()
    found = []
    for revision in reversed(item_history(desk, item_id)):
        related = [one for one in by_run[revision.run] if _related(one.after, revision)]
        step = _step(events[revision.run], _changes(related, names, documents))
        found.append(replace(step, reason=revision.reason or ""))
    return found


def _related(one: Item, item: Item) -> bool:
    return one.id == item.id or item.id == successor_id(one) or one.id == successor_id(item)


def _of_place(desk: Desk, what: str) -> Iterator[Past]:
    """A slot that was renamed is followed under its older name."""
    places = {_place(what)}
    for step, event in _told(desk):
        renamed = [one for one in event.renamed if _place(one.new) in places]
        changes = tuple(
            dict.fromkeys(change for place in places for change in touching(step.changes, *place))
        )
        if renamed:
            told = "; ".join(f"{one.old} was renamed {one.new}" for one in renamed)
            step = replace(step, reason=told)
            places |= {_place(one.old) for one in renamed}
        if changes or renamed:
            yield replace(step, changes=changes)


def _check_place(desk: Desk, what: str, found: Sequence[Past]) -> None:
    """Raises NotFound for what is neither a topic nor ever was one."""
    topic = what.partition("/")[0]
    if not found and category_path(topic) not in desk.folder.category_files():
        raise NotFound("item, topic or topic/slot", what)


def _place(what: str) -> tuple[str, str | None]:
    topic, sign, slot = what.partition("/")
    return topic, slot if sign else None


# -- runs


def _told(desk: Desk) -> Iterator[tuple[Past, Event]]:
    """Every run with what it changed, newest first, worked out as it is asked for."""
    by_run = revised_by_run(desk)
    documents, names = Documents(desk.folder), desk.own_names()
    events = sorted(desk.folder.all_events().values(), key=lambda event: event.created_at)
    for event in reversed(events):  # those of one second as they stand in the files
        changes = _changes(by_run.get(event.id, ()), names, documents)
        if changes or not event.deleted:
            yield _step(event, changes), event


def _step(event: Event, changes: tuple[Change, ...]) -> Past:
    by = PERSON if event.kind in BY_PERSONS else MACHINE
    return Past(event.created_at, event.id, event.kind, by, changes, event.reason or event.title or "")


def revised_by_run(desk: Desk) -> Mapping[str, Sequence[Revised]]:
    """What each run made of each item that it revised, runs that do not count left out."""
    runs = desk.folder.all_events().keys()
    revisions: dict[str, list[Item]] = {}
    for name in desk.folder.item_files():
        for _, item in desk.folder.items(name):
            if item.run in runs:
                revisions.setdefault(item.id, []).append(item)
    found: dict[str, dict[str, Revised]] = {}
    for of_item in revisions.values():
        before: Item | None = None
        for item in sorted(of_item, key=lambda one: one.rev):
            by_item = found.setdefault(item.run, {})
            first = by_item.get(item.id)
            by_item[item.id] = Revised(first.before if first is not None else before, item)
            before = item
    return {run: tuple(by_item.values()) for run, by_item in found.items()}


def _changes(
    revised: Iterable[Revised], own_names: frozenset[str], documents: Container[str]
) -> tuple[Change, ...]:
    pairs = list(revised)
    before = {one.before.id: one.before for one in pairs if one.before is not None}
    after = {one.after.id: one.after for one in pairs}
    return difference(_state(before, own_names), _state(after, own_names), documents)


def _state(items: Mapping[str, Item], own_names: frozenset[str]) -> State:
    return state_of(items, {}, own_names)


# -- commits


def _with_commits(desk: Desk, what: str | None, steps: Iterable[Past]) -> list[Past]:
    """The steps with the commits that hold them, and persons' own commits among them; newest first."""
    found = list(steps)
    repo = desk.tools.repository()
    ranks: dict[str | None, int] = {None: -1}
    if repo is not None:
        commits = repo.log([desk.folder.root.name])
        ranks |= {commit.id: rank for rank, commit in enumerate(commits)}
        first = {run: commit for commit in commits for run in commit.runs}  # the oldest that names it
        # A sync takes in what a person edited, which is the commit before its own.
        whose = {sync.id: own.author for sync, own in pairwise(commits) if own.by == PERSON}
        found = [_committed(step, first.get(step.run), whose) for step in found]
        found += [_own_commit(one) for one in _touching(desk, repo, what) if not one.runs]
    # Of one second: those that are not committed yet, then by their commits, then as they came.
    return sorted(found, key=lambda step: (-step.time.timestamp(), ranks.get(step.commit, len(ranks))))


def _touching(desk: Desk, repo: Repository, what: str | None) -> list[Commit]:
    """Commits that changed the category files in question; none for an item."""
    if what is not None and ITEM_ID.fullmatch(what) and desk.item(what) is not None:
        return []
    path = "categories" if what is None else category_path(what.partition("/")[0])
    return repo.log([f"{desk.folder.root.name}/{path}"])


def _committed(step: Past, commit: Commit | None, whose: Mapping[str, str]) -> Past:
    if commit is None:
        return step
    by = step.by if commit.by == MACHINE and step.by == PERSON else commit.author
    return replace(step, commit=commit.id, by=whose.get(commit.id, by) if step.kind == "sync" else by)


def _own_commit(commit: Commit) -> Past:
    return Past(commit.time, "", COMMIT, commit.author, (), commit.subject, commit.id)
