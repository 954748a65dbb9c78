"""The sync: everything that a person, or git, did to the files, taken in at once.

Beside the category files, which each run looks at, it looks at the lines of `items/` and at the resources.
"""

from __future__ import annotations

import contextlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import SequenceMatcher
from time import perf_counter

from ..edges import journal
from ..edges.files import stamp
from ..edges.folder import UserFolder, content_hash, month_file
from ..errors import StorageError
from ..models import Edit, Event, Item, Origin, Status, SyncReport
from ..pure import records
from .categories import Wishes, base_topics, read_base, render_categories
from .desk import Desk
from .editing import writing
from .following import follow_git
from .runs import append, new_run_id
from .taking_edits import take_edits

SEEN = ".memu/seen.json"


def sync(desk: Desk, *, confirm: bool = False) -> SyncReport:
    """Take in what was changed by hand; with `confirm` also what was held back. Raises NotFound."""
    started = perf_counter()
    with writing(desk, take=False):
        followed = follow_git(desk)  # before anything is compared with what was seen before it
        seen = _read_seen(desk.folder)
        lines = _take_lines(desk, seen) if followed.settled else Lines()
        taken = take_edits(desk, confirm=confirm)
        changed = _changed_resources(desk.folder, seen)
        _write_seen(desk.folder, seen)
    return SyncReport(
        user=desk.folder.user_id,
        edits=(*lines.edits, *taken.edits),
        held=taken.held,
        problems=tuple(dict.fromkeys((*followed.problems, *lines.problems, *taken.problems, *changed))),
        degraded=tuple(desk.index.problems),
        run=taken.run or lines.run or followed.run,
        seconds=round(perf_counter() - started, 4),
    )


# -- what was seen before


@dataclass(slots=True)
class Seen:
    """What stood there at the last sync: a checksum of each line of `items/`, and resources that were whole.

    `stamps` are of the files of items, by name; of a resource, its file and that one's stamp are kept by id.
    """

    lines: dict[str, list[int]]
    stamps: dict[str, list[int]]
    resources: dict[str, list[str | int]]
    before: bytes


def _read_seen(folder: UserFolder) -> Seen:
    """Empty where nothing was seen yet: then all that stands there is taken as it is."""
    data = folder.read_or_none(SEEN) or b"{}"
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        values = json.loads(data)
        return Seen(
            dict(values.get("lines", {})),
            dict(values.get("stamps", {})),
            dict(values.get("resources", {})),
            data,
        )
    return Seen({}, {}, {}, data)


def _write_seen(folder: UserFolder, seen: Seen) -> None:
    values = {"lines": seen.lines, "stamps": seen.stamps, "resources": seen.resources}
    data = json.dumps(values, separators=(",", ":")).encode()
    if data != seen.before:
        folder.write(SEEN, data, durable="none")


# -- lines of items


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of `items/` that were changed by hand, taken in or reported."""

    edits: tuple[Edit, ...] = ()
    problems: tuple[str, ...] = ()
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """A line that was changed by hand: `old` is None for one that was put in, `text` for one taken out."""

    path: str
    line: int
    text: bytes | None


def _take_lines(desk: Desk, seen: Seen) -> Lines:
    """A corrected line stands as it is; its item gets a revision that says who corrected it."""
    edits: list[Edit] = []
    problems: list[str] = []
    items: dict[str, Item] = {}
    known, broken = (dict(seen.lines), dict(seen.stamps)), False
    for change in _changed_lines(desk.folder, seen):
        place = f"{change.path}:{change.line}"
        if change.text is None:
            problems.append(f"{place}: a line was taken out by hand; its entry stays in its category file")
            continue
        try:
            item = records.parse(Item, change.text)
        except ValueError as error:
            problems.append(f"{place}: not an item any more: {error}; mend the line")
            broken = True
            continue
        edits.append(Edit("item", change.path, change.line, item.text, item=item.id, topic=item.topic))
        items[item.id] = item
    if broken:  # looked at again until it is mended; what else was corrected waits for that
        seen.lines, seen.stamps = known
        return Lines(problems=tuple(problems))
    run = _correct(desk, items) if items else None
    return Lines(tuple(edits), tuple(problems), run)


def _changed_lines(folder: UserFolder, seen: Seen) -> Iterator[Changed]:
    for path in folder.item_files():
        now = list(stamp(folder.path(path)) or ())
        if seen.stamps.get(path) == now:
            continue
        data = folder.read(path)
        lines = data.split(b"\n")[:-1]
        sums = [zlib.crc32(line) for line in lines]
        before = seen.lines.get(path)
        if before is not None and sums[: len(before)] != before:
            folder.record_person({path: data})
            yield from _differing(path, before, sums, lines)
        seen.lines[path], seen.stamps[path] = sums, now


def _differing(
    path: str, before: Sequence[int], sums: Sequence[int], lines: Sequence[bytes]
) -> Iterator[Changed]:
    """What differs among the lines that were there before; those after them a run has appended."""
    matched = SequenceMatcher(a=before, b=sums, autojunk=False).get_opcodes()
    for op, start, end, first, last in matched:
        if op == "equal" or (op == "insert" and start == len(before)):
            continue
        replaced = range(first, min(last, first + end - start)) if end > start else range(first, last)
        for number in replaced:
            yield Changed(path, number + 1, lines[number])
        for _ in range(end - start - len(replaced)):
            yield Changed(path, first + 1, None)


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
    reason = f"by hand: {len(changed)} lines of items"
    event = Event(run, "sync", now, now, items=ids, profile_delta=rendered.delta, reason=reason)
    journal.begin(desk.folder)
    append(desk, ((month_file("items", _month(item)), item) for item in changed))
    append(desk, [(month_file("events", event.time), event)])
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


def _month(item: Item) -> datetime:
    return item.mentioned_at or item.created_at


# -- resources


def _changed_resources(folder: UserFolder, seen: Seen) -> list[str]:
    """Resources that are not what came in any more. Those that stand as they stood when last read are."""
    problems: list[str] = []
    whole: dict[str, list[str | int]] = {}
    for resource_id in folder.resource_ids():
        file, *known = seen.resources.get(resource_id, ("",))
        if known and list(stamp(folder.path(str(file))) or ()) == known:
            whole[resource_id] = [file, *known]
            continue
        try:
            resource = folder.resource(resource_id)
            found = stamp(folder.path(resource.file)) or ()
            if content_hash(folder.read(resource.file)) == resource.sha256:
                whole[resource_id] = [resource.file, *found]
            else:
                problems.append(
                    f"{resource.file}: changed by hand, it is not what came in any more: restore it"
                )
        except StorageError as error:
            problems.append(str(error))
    seen.resources = whole
    return problems
