"""What can be wrong with a folder's files, looked at one kind at a time. Nothing here writes."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..edges import buffer, journal, pending
from ..edges.files import TEMPORARY_SUFFIX, guard
from ..edges.folder import DERIVED, USER_FILE, UserFolder, content_hash, resource_stem
from ..errors import CorruptFile, FormatTooNew, InvalidUserId, NotFound, StorageError
from ..models import Event, Item, Resource, Source
from ..pure import records
from ..pure.markdown import parse
from ..pure.settling import disputed
from ..results import Kept

Level = Literal["error", "warning", "note"]
MEND = "mend or remove the line"
REPAIR = "memu-like doctor --fix"
RETRY = "memu-like flush --retry"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, or worth a note. `path` is relative to the user's folder, `line` from 1."""

    level: Level
    path: str
    line: int | None
    message: str
    fix: str = ""

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.message}" + (f" ({self.fix})" if self.fix else "")


@dataclass(slots=True)
class Survey:
    """What the files hold, as far as it could be read."""

    events: dict[str, Event] = field(default_factory=dict)
    items: dict[str, tuple[str, int, Item]] = field(default_factory=dict)
    histories: dict[str, list[Item]] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def add(self, level: Level, path: str, line: int | None, message: str, fix: str = "") -> None:
        self.findings.append(Finding(level, path, line, message, fix))

    @property
    def broken(self) -> bool:
        return any(finding.level == "error" for finding in self.findings)


def survey(folder: UserFolder) -> Survey:
    """Every check that the files alone can answer, in the order in which a person would mend things."""
    found = Survey()
    if not _check_user(folder, found):
        return found
    _check_links(folder, found)
    _check_case(folder, found)
    _read_events(folder, found)
    _read_resources(folder, found)
    _read_items(folder, found)
    _check_items(found)
    _check_disputes(found)
    _check_pending(folder, found)
    _check_categories(folder, found)
    _check_buffers(folder, found)
    _check_leftovers(folder, found)
    return found


def _check_user(folder: UserFolder, found: Survey) -> bool:
    try:
        folder.profile_data()
    except (CorruptFile, InvalidUserId) as error:
        found.add("error", USER_FILE, None, str(error), "mend it, or restore it from a copy")
    except FormatTooNew as error:
        found.add("error", USER_FILE, None, str(error), "upgrade memu-like")
        return False
    return True


def _check_links(folder: UserFolder, found: Survey) -> None:
    for path in _walk(folder):
        if path.is_symlink():
            try:
                guard(folder.root, path)
            except StorageError:
                found.add(
                    "error", _name(folder, path), None, "a link that leads out of the folder", "remove it"
                )


def _check_case(folder: UserFolder, found: Survey) -> None:
    seen: dict[str, str] = {}
    for path in _walk(folder):
        name = _name(folder, path)
        other = seen.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if other != name:
            message = f"differs from {other} in capitals alone: some systems keep only one of the two"
            found.add("warning", name, None, message, "rename one")


def _walk(folder: UserFolder) -> Iterator[Path]:
    """All that stands in the folder, links not followed and `.memu/` left out."""
    for base, folders, names in os.walk(folder.root):
        if Path(base) == folder.root and DERIVED in folders:
            folders.remove(DERIVED)
        for name in sorted([*folders, *names]):
            yield Path(base) / name


def _name(folder: UserFolder, path: Path) -> str:
    return path.relative_to(folder.root).as_posix()


# -- lines


def _lines(folder: UserFolder, name: str, found: Survey) -> Iterator[tuple[int, bytes]]:
    """(number, line) of each filled line; what follows the last newline is reported instead."""
    try:
        data = folder.read(name)
    except StorageError as error:
        found.add("error", name, None, str(error), "make it readable")
        return
    lines = data.split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        if line.strip():
            yield number, line
    if lines[-1]:
        found.add("warning", name, len(lines), _tail_message(lines[-1]), REPAIR)


def _tail_message(tail: bytes) -> str:
    if records.is_whole(tail):
        return "the last line has no newline: it counts once it has one"
    return "the last line is cut off: it was never acknowledged, and is cut by the next repair"


def _records(folder: UserFolder, kind: type[Any], name: str, found: Survey) -> Iterator[tuple[int, Any]]:
    seen: Counter[tuple[str, int, str]] = Counter()
    for number, line in _lines(folder, name, found):
        try:
            record = records.parse(kind, line)
        except ValueError as error:
            found.add("error", name, number, f"does not parse: {error}", MEND)
            continue
        # Two copies of the folder may each have made a revision of it, in runs of their own.
        what = record.id, record.rev, getattr(record, "run", "")
        seen[what] += 1
        if seen[what] == 2:
            found.add(
                "warning", name, number, f"revision {record.rev} of {record.id} stands here twice", MEND
            )
        yield number, record


def _read_events(folder: UserFolder, found: Survey) -> None:
    for name in folder.event_files():
        for _, event in _records(folder, Event, name, found):
            known = found.events.get(event.id)
            if known is None or event.rev >= known.rev:
                found.events[event.id] = event


def _read_items(folder: UserFolder, found: Survey) -> None:
    for name in folder.item_files():
        for number, item in _records(folder, Item, name, found):
            if item.run not in found.events:
                message = f"item {item.id} is of run {item.run}, which never finished: it does not count"
                found.add("warning", name, number, message, "remove the line, or restore the events file")
                continue
            found.histories.setdefault(item.id, []).append(item)
            known = found.items.get(item.id)
            if known is None or item.rev >= known[2].rev:
                found.items[item.id] = (name, number, item)


def _check_disputes(found: Survey) -> None:
    for item_id in disputed(found.histories, found.events.values()):
        name, number, _ = found.items[item_id]
        message = f"two copies of the folder changed item {item_id}, and nothing has settled it yet"
        found.add("warning", name, number, message, "memu-like sync")


def _check_items(found: Survey) -> None:
    for name, number, item in found.items.values():
        for source in (item.source, *item.corroborations):
            problem = _source_problem(source, found) if source else None
            if problem:
                found.add(
                    "error",
                    name,
                    number,
                    f"item {item.id}: {problem}",
                    "restore the resource, or delete the item",
                )
        for root in item.derived_from:
            if root not in found.items:
                found.add(
                    "warning", name, number, f"item {item.id} is derived from {root}, which is not there"
                )


def _source_problem(source: Source, found: Survey) -> str | None:
    resource = found.resources.get(source.resource)
    if resource is None:
        return f"its source {source.resource} is not there"
    if not 1 <= source.first <= source.last <= resource.lines:
        return f"its source lines {source.first} to {source.last} are not in {resource.file}"
    return None


# -- resources


def _read_resources(folder: UserFolder, found: Survey) -> None:
    claimed: set[str] = set()
    for resource_id in folder.resource_ids():
        meta = f"{resource_stem(resource_id)}.meta.json"
        claimed.add(meta)
        try:
            resource = folder.resource(resource_id)
        except (CorruptFile, FormatTooNew, NotFound) as error:
            found.add("error", meta, None, str(error), "mend it, or restore it from a copy")
            continue
        found.resources[resource_id] = resource
        claimed |= {resource.file, resource.text_file or resource.file}
        _check_resource(folder, resource, meta, found)
    for name in folder.listing("resources/*/*/*"):
        if name not in claimed and not Path(name).name.startswith(".") and folder.path(name).is_file():
            found.add(
                "warning", name, None, "no meta file tells of it: it is not part of the memory", "remove it"
            )


def _check_resource(folder: UserFolder, resource: Resource, meta: str, found: Survey) -> None:
    if not meta.startswith(resource_stem(resource.id) + "."):
        found.add("error", meta, None, f"it says that its id is {resource.id}", "rename it, or mend the id")
    for name in filter(None, (resource.file, resource.text_file)):
        if not folder.path(name).is_file():
            found.add("error", name, None, "the resource's file is not there", "restore it from a copy")
    try:
        data = folder.read_or_none(resource.file)
    except StorageError as error:
        found.add("error", resource.file, None, str(error), "make it readable")
        return
    if data is not None and content_hash(data) != resource.sha256:
        message = "its bytes are not those that came in: it was changed by hand"
        found.add(
            "warning", resource.file, None, message, "restore it, or memorize the new text and forget this"
        )


def _check_pending(folder: UserFolder, found: Survey) -> None:
    told = {name for event in found.events.values() if event.kind != "forget" for name in event.resources}
    waiting = _waiting(folder, found)
    for resource_id, resource in found.resources.items():
        kept = waiting.get(resource_id)
        if resource_id in told:
            continue
        if kept is None:
            found.add("warning", resource.file, None, "no run has read it yet", REPAIR)
        else:
            reason = f": {kept.error}" if kept.error else ""
            tried = f", tried {kept.attempts} times" if kept.attempts else ""
            message = f"its run waits for a language model{tried}{reason}"
            found.add("warning", resource.file, None, message, RETRY)


def _waiting(folder: UserFolder, found: Survey) -> dict[str, Kept]:
    try:
        return {kept.resource: kept for kept in pending.read(folder)}
    except CorruptFile as error:
        found.add("warning", pending.PENDING, None, str(error), "memu-like flush makes it again")
        return {}


# -- categories, buffers and what is in flight


def _check_categories(folder: UserFolder, found: Survey) -> None:
    places: dict[str, str] = {}
    for name in folder.category_files():
        try:
            text = folder.read(name).decode()
        except UnicodeDecodeError as error:
            found.add("error", name, None, f"not UTF-8 at byte {error.start}", "save it as UTF-8")
            continue
        except StorageError as error:
            found.add("error", name, None, str(error), "make it readable")
            continue
        document = parse(text, found.items.keys())
        if document.problem is not None:
            found.add("error", name, document.problem.line, document.problem.reason, "mend the file")
        for bullet in document.bullets:
            if bullet.id is not None:
                line = bullet.lines[0].number
                _check_bullet(bullet.id, name, line, places, found)


def _check_bullet(item_id: str, name: str, line: int, places: dict[str, str], found: Survey) -> None:
    if item_id not in found.items:
        found.add("warning", name, line, f"no item has the id ^{item_id}", "take the id off the entry")
    first = places.setdefault(item_id, f"{name}:{line}")
    if first != f"{name}:{line}":
        found.add(
            "warning", name, line, f"^{item_id} stands in {first} too", "take the id off one of the two"
        )


def _check_buffers(folder: UserFolder, found: Survey) -> None:
    for name in [*folder.listing(buffer.ROTATED), *folder.listing(buffer.BUFFER)]:
        count = 0
        for number, line in _lines(folder, name, found):
            count += 1
            if not records.is_whole(line):
                found.add("error", name, number, "not a JSON object", MEND)
        if count:
            found.add("note", name, None, f"{count} messages wait to be memorized", "memu-like flush")


def _check_leftovers(folder: UserFolder, found: Survey) -> None:
    """Not while somebody writes: then all of this is as it should be."""
    if folder.is_locked():
        found.add("note", DERIVED, None, "another process is writing: look again when it is done")
        return
    if journal.found(folder):
        found.add(
            "warning", journal.JOURNAL, None, "a writer was interrupted: the next one finishes it", REPAIR
        )
    for path in folder.root.rglob(f".*{TEMPORARY_SUFFIX}"):
        found.add("warning", _name(folder, path), None, "a temporary file that a killed writer left", REPAIR)
