"""The sync: everything that a person, or git, did to the files, taken in at once.

Beside the category files, which each run looks at, it looks at the lines of `items/` and at the resources.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from time import perf_counter, time_ns

from ..edges import files, journal
from ..edges.folder import META, UserFolder, content_hash, resource_id_of
from ..errors import StorageError
from ..models import Event, Item, Origin, Status
from ..pure import records
from ..pure.line_sums import (
    NO_LOOK,
    ChangedLine,
    LineSums,
    changed_lines,
    stands,
    sums_of,
)
from ..pure.reasons import BY_PERSON, OF_LINES
from ..results import Edit, SyncReport
from .bases import base_topics, read_base
from .categories import Wishes, render_categories
from .desk import Desk
from .editing import writing
from .following import follow_git
from .runs import commit, new_run_id
from .seen_lines import SEEN, keep_seen, seen_lines
from .taking_edits import take_edits

RESOURCES = f"{SEEN}/resources.json"
"""Of each resource that was whole, by id: its file, and how that looked."""


def sync(desk: Desk, *, confirm: bool = False) -> SyncReport:
    """Take in what was changed by hand; with `confirm` also what was held back. Raises NotFound."""
    started = perf_counter()
    with writing(desk, take=False):
        followed = follow_git(desk)  # before anything is compared with what was seen before it
        # The files first: what a corrected line writes into them must meet no edit that is not taken in.
        taken = take_edits(desk, confirm=confirm)
        lines = _take_lines(desk) if followed.settled else Lines()
        changed = _changed_resources(desk)
        keep_seen(desk.folder, lines.seen)
    return SyncReport(
        user=desk.folder.user_id,
        edits=(*lines.edits, *taken.edits),
        held=taken.held,
        problems=tuple(dict.fromkeys((*followed.problems, *lines.problems, *taken.problems, *changed))),
        degraded=tuple(desk.index.problems),
        run=taken.run or lines.run or followed.run,
        seconds=round(perf_counter() - started, 4),
    )


# -- lines of items


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of `items/` that were changed by hand, taken in or reported.

    `seen` are the sums of what stands there now, by path, where that is not what is kept of it.
    """

    edits: tuple[Edit, ...] = ()
    problems: tuple[str, ...] = ()
    run: str | None = None
    seen: Mapping[str, LineSums] = field(default_factory=dict, hash=False)


def _take_lines(desk: Desk) -> Lines:
    """A corrected line stands as it is; its item gets a revision that says who corrected it."""
    edits: list[Edit] = []
    problems: list[str] = []
    items: dict[str, Item] = {}
    seen: dict[str, LineSums] = {}
    broken = False
    for path, change in _changed_lines(desk, seen):
        place = f"{path}:{change.number}"
        if change.text is None:
            problems.append(f"{place}: a line was taken out by hand; its entry stays in its category file")
            continue
        try:
            item = records.parse(Item, change.text)
        except ValueError as error:
            problems.append(f"{place}: not an item any more: {error}; mend the line")
            broken = True
            continue
        edits.append(Edit("item", path, change.number, item.text, item=item.id, topic=item.topic))
        items[item.id] = item
    if broken:  # looked at again until it is mended; what else was corrected waits for that
        return Lines(problems=tuple(problems))
    run = _correct(desk, items) if items else None
    if run is not None:  # its own lines are seen as they were written: they may be corrected as well
        seen = {path: sums_of(desk.folder.read(path), NO_LOOK, sums) for path, sums in seen.items()}
    return Lines(tuple(edits), tuple(problems), run, seen)


def _changed_lines(desk: Desk, seen: dict[str, LineSums]) -> Iterator[tuple[str, ChangedLine]]:
    """With the path of each. Only a file that looks otherwise is read, and only its new lines are summed.

    What is to be kept of the files is put into `seen`.
    """
    folder, now = desk.folder, time_ns()
    for name, entry in sorted(folder.entries("items").items()):
        if not fnmatch(name, "*.jsonl"):
            continue
        path = f"items/{name}"
        before, look = seen_lines(desk, path), files.look(entry, now)
        if before is not None and look is not None and before.look == look:
            continue
        data = folder.read(path)
        same = before is not None and stands(before, data)
        if before is None or not same:
            seen[path] = sums_of(data, look or NO_LOOK)
        elif look is not None:
            seen[path] = sums_of(data, look, before)
        if before is not None and not same:
            folder.record_person({path: data})
            yield from ((path, change) for change in changed_lines(before, data))


def _correct(desk: Desk, items: Mapping[str, Item]) -> str | None:
    """A revision of origin human for each item whose last revision was corrected."""
    desk.index.refresh()
    run, now = new_run_id(desk.tools.now()), desk.tools.now()
    changed = [
        replace(
            item,
            rev=item.rev + 1,
            run=run,
            created_at=now,
            origin=Origin.HUMAN,
            reason="corrected in its file by the user",
            model=None,
        )
        for item in items.values()
        if desk.item(item.id) == item
    ]
    if not changed:
        return None
    with desk.still():
        ids = tuple(item.id for item in changed)
        rendered = render_categories(desk, [*changed, *_left(desk, changed)], Wishes(moved=frozenset(ids)))
    reason = f"{BY_PERSON}{len(changed)} {OF_LINES}"
    event = Event(run, "sync", now, now, items=ids, profile_delta=rendered.delta, reason=reason)
    journal.begin(desk.folder)
    commit(desk, changed, [event])
    rendered.write(desk)
    desk.index.refresh()
    desk.index.persist()
    journal.end(desk.folder)
    return run


def _left(desk: Desk, changed: Sequence[Item]) -> Iterator[Item]:
    """What should go from the files of other topics: items that a corrected line has put elsewhere."""
    for topic in base_topics(desk):
        standing = read_base(desk, topic).bullets
        for item in changed:
            if item.id in standing and item.topic != topic:
                yield replace(item, categories=(topic,), status=Status.SUPERSEDED)


# -- resources


def _changed_resources(desk: Desk) -> list[str]:
    """Resources that are not what came in any more. Those that look as they looked when last read are."""
    folder = desk.folder
    known = desk.kept(RESOURCES, _known_resources) or {}
    problems: list[str] = []
    whole: dict[str, list[str | int]] = {}
    for resource_id, looks in _looks_of_resources(folder):
        seen = known.get(resource_id)
        if seen is not None and looks(str(seen[0])) == tuple(seen[1:]):
            whole[resource_id] = seen
            continue
        try:
            resource = folder.resource(resource_id)
            found = looks(resource.file)
            if content_hash(folder.read(resource.file)) != resource.sha256:
                problems.append(
                    f"{resource.file}: changed by hand, it is not what came in any more: restore it"
                )
            elif found is not None:
                whole[resource_id] = [resource.file, *found]
        except StorageError as error:
            problems.append(str(error))
    if whole != known:
        folder.write(RESOURCES, json.dumps(whole, separators=(",", ":")).encode(), durable="none")
    return problems


def _looks_of_resources(folder: UserFolder) -> Iterator[tuple[str, Callable[[str], files.Look | None]]]:
    """Each resource with what tells how a file of its month looks; None for one that must be read."""
    now = time_ns()
    for year in sorted(folder.entries("resources")):
        for month in sorted(folder.entries(f"resources/{year}")):
            place = f"resources/{year}/{month}"
            entries = folder.entries(place)

            def looks(
                path: str, place: str = place, entries: Mapping[str, os.DirEntry[str]] = entries
            ) -> files.Look | None:
                above, _, name = path.rpartition("/")
                entry = entries.get(name) if above == place else None
                return files.look(entry, now) if entry is not None else None

            for name in sorted(entries):
                if name.endswith(META):
                    yield resource_id_of(f"{place}/{name}"), looks


def _known_resources(data: bytes) -> dict[str, list[str | int]]:
    """Nothing where the file is not one of ours: then all of them are read."""
    with contextlib.suppress(ValueError, TypeError):
        return dict(json.loads(data))
    return {}
