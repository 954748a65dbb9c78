"""Commits of what one job wrote: whose the bytes are, what each commit holds, and what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from ..edges.folder import UserFolder, mark
from ..edges.git.committing import Draft, Tip
from ..edges.recording import EVERYTHING, Appended, Part, Whole, Written
from ..errors import StorageError
from ..models import Event, Item, Modality, Resource
from ..pure import records
from ..pure.commit_messages import FileEdit, Machine, machine_message, person_message
from .desk import Desk

NOBODY = ("somebody", "somebody@localhost")
UNNAMED = (
    "git does not know who edits these files, and their edits are committed as somebody's: set it with"
    " `git config user.name` and `git config user.email`"
)
META = ".meta.json"
MARKS_TRIED = 32
"""Files that the machine wrote anew and then appended to are looked for under so many notes."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one call wrote into a folder until `ended`, in nanoseconds since the epoch.

    `fresh`: nobody has looked yet what a killed process left there.
    """

    desk: Desk
    written: Written
    time: datetime
    ended: int
    fresh: bool = False

    @property
    def folder(self) -> UserFolder:
        return self.desk.folder

    @property
    def needs_a_look(self) -> bool:
        return self.fresh or self.written.unseen

    def touched(self) -> set[str]:
        return {path for part in self.written.parts for path in part.files}


@dataclass(slots=True)
class Noticed:
    """What came up on the way: notes for a person, and folders in which others have left something."""

    notes: dict[str, None] = field(default_factory=dict)
    left: set[Path] = field(default_factory=set)


def path_of(tip: Tip, job: Job, path: str) -> str:
    """From a path in the user's folder to one in the repository."""
    return f"{tip.repository.prefix}{job.folder.root.name}/{path}"


class Standing:
    """What the files say in the last commit, and then in each commit that is made on top of it."""

    def __init__(self, tip: Tip) -> None:
        self._tip = tip
        self._files: dict[str, bytes | None] = {}

    def load(self, paths: Iterable[str]) -> None:
        wanted = {path for path in paths if path not in self._files}
        self._files.update(dict.fromkeys(wanted) | self._tip.read(wanted))

    def __getitem__(self, path: str) -> bytes | None:
        return self._files[path]

    def below(self, folder: str) -> list[str]:
        found = {path for path in self._tip.below(folder) if self._files.get(path, b"") is not None}
        found |= {path for path, data in self._files.items() if data is not None and path.startswith(folder)}
        return sorted(found)

    def take(self, contents: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
        """What of `contents` is not so already; from now on it is."""
        files = self._files
        news = {path: data for path, data in contents.items() if path not in files or files[path] != data}
        self._files.update(contents)
        return news


@dataclass(slots=True)
class Composer:
    """Commits of what one job wrote, on top of what stands."""

    job: Job
    tip: Tip
    standing: Standing
    author: tuple[str, str]
    noticed: Noticed
    _marks: dict[str, int] | None = None

    def person(self, part: Part) -> Iterator[Draft]:
        contents = {path: None if c is None else c.data for path, c in part.files.items()}
        left = {path: data for path, data in contents.items() if data and self.is_left(path, data)}
        yield from self.machines(left, carried_on=True)
        yield from self._persons({path: data for path, data in contents.items() if path not in left})

    def machine(self, part: Part) -> Iterator[Draft]:
        """What others had done to the same files by then, and then what the machine made of it."""
        mine: dict[str, bytes | None] = {}
        persons: dict[str, bytes | None] = {}
        left: dict[str, bytes | None] = {}
        for path, content in part.files.items():
            if path == EVERYTHING:
                mine |= dict.fromkeys(self.own_paths())
            elif content is None:
                mine[path] = None
            elif isinstance(content, Appended):
                self._append(path, content, mine, left)
            else:
                self._replace(path, content, mine, left, persons)
        yield from self.machines(left, carried_on=True)
        yield from self._persons(persons)
        yield from self.machines(mine, erased=EVERYTHING in part.files)

    def own_paths(self) -> list[str]:
        """Everything that is committed of this user, by path in the folder."""
        folder = path_of(self.tip, self.job, "")
        return [path[len(folder) :] for path in self.standing.below(folder)]

    # -- one file

    def now(self, path: str) -> bytes | None:
        return self.standing[path_of(self.tip, self.job, path)]

    def marks(self) -> dict[str, int]:
        if self._marks is None:
            self._marks = self.job.folder.marks()
        return self._marks

    def _replace(
        self,
        path: str,
        content: Whole,
        mine: dict[str, bytes | None],
        left: dict[str, bytes | None],
        persons: dict[str, bytes | None],
    ) -> None:
        now = self.now(path)
        if content.merged and now != content.before and now != content.data:
            if self._is_ahead(path, now, content.data):
                return
            (left if self.is_left(path, content.before) else persons)[path] = content.before
        elif not content.merged and now != content.data and on_disk(self.job, path) == now:
            return  # somebody has written it again, and committed that
        mine[path] = content.data

    def is_left(self, path: str, data: bytes | None) -> bool:
        """Whether the machine wrote `data`, after what is committed, and has not committed it."""
        now, marks = self.now(path), self.marks()
        written = -1 if data is None else marks.get(mark(path, data), -1)
        return written > (-1 if now is None else marks.get(mark(path, now), len(marks)))

    def _is_ahead(self, path: str, now: bytes | None, data: bytes) -> bool:
        """Whether what is committed came after `data`: another process, or a person, was there first."""
        if on_disk(self.job, path) == now:
            return True
        marks = self.marks()
        return now is not None and marks.get(mark(path, now), -1) > marks.get(mark(path, data), len(marks))

    def _append(
        self,
        path: str,
        content: Appended,
        mine: dict[str, bytes | None],
        left: dict[str, bytes | None],
    ) -> None:
        now = self.now(path) or b""
        start, data = content.start, content.data
        if now[start : start + len(data)] == data:
            return
        if len(now) != start:
            before = (on_disk(self.job, path) or b"")[:start]
            if len(before) == start and (before.startswith(now) or is_rewritten(path, before, self.marks())):
                left[path] = now = before
        ended = b"" if not now or now.endswith(b"\n") or data.startswith(b"\n") else b"\n"
        mine[path] = now + ended + data

    # -- drafts

    def _persons(self, contents: Mapping[str, bytes | None]) -> Iterator[Draft]:
        before = {path: self.now(path) for path in contents}
        changed = self._news(contents)
        if not changed:
            return
        who = self.tip.repository.identity()
        if who is None:
            self.noticed.notes[UNNAMED] = None
        edits = [FileEdit(path, before[path], contents[path]) for path in sorted(contents)]
        edits = [edit for edit in edits if edit.before != edit.after]
        message = person_message(self.job.folder.user_id, edits)
        yield Draft(who or NOBODY, self.job.time, message, changed)

    def machines(
        self, contents: Mapping[str, bytes | None], *, carried_on: bool = False, erased: bool = False
    ) -> Iterator[Draft]:
        facts = Facts(self.job.folder.user_id)
        for path, data in contents.items():
            facts.look(path, None if erased else self.now(path), data)
        changed = self._news(contents)
        if changed and carried_on:
            self.noticed.left.add(self.job.folder.root)
        if changed:
            done = replace(facts.told(), carried_on=carried_on, erased=erased)
            yield Draft(self.author, self.job.time, machine_message(done), changed)

    def _news(self, contents: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
        return self.standing.take(
            {path_of(self.tip, self.job, path): data for path, data in contents.items()}
        )


def on_disk(job: Job, path: str) -> bytes | None:
    """What a file says now; None too where it cannot be read, for that tells nothing."""
    with suppress(StorageError):
        return job.folder.read_or_none(path)
    return None


def is_rewritten(path: str, data: bytes, marks: Mapping[str, int]) -> bool:
    """Whether the machine wrote a file anew that begins `data`, and what follows are whole lines."""
    for line in list(marks)[: -MARKS_TRIED - 1 : -1]:
        size = int(line.rpartition("-")[2])
        if size <= len(data) and mark(path, data[:size]) == line:
            return True
    return False


# -- what a commit is said to hold


@dataclass(slots=True)
class Facts:
    """What changes from one commit to the next, told from the files."""

    user: str
    events: dict[str, Event] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)
    stored: Counter[Modality] = field(default_factory=Counter)
    removed: int = 0

    def look(self, path: str, before: bytes | None, after: bytes | None) -> None:
        if after == before:
            return
        if path.startswith("events/") and after is not None:
            for event in _new_records(Event, before or b"", after):
                if event.rev == 1:
                    self.events.setdefault(event.id, event)
        elif path.startswith("items/") and after is not None:
            self.items += _new_records(Item, before or b"", after)
        elif path.startswith("categories/"):
            self.topics.append(PurePosixPath(path).stem)
        elif path.endswith(META):
            self._resource(after)

    def _resource(self, after: bytes | None) -> None:
        if after is None:
            self.removed += 1
            return
        with suppress(ValueError):  # a person's JSON, perhaps: it is committed, and not counted
            self.stored[records.parse(Resource, after).modality] += 1

    def told(self) -> Machine:
        return Machine(
            self.user,
            tuple(self.events.values()),
            tuple(self.items),
            tuple(sorted(self.topics)),
            dict(self.stored),
            self.removed,
        )


def _new_records(kind: type[records.Record], before: bytes, after: bytes) -> list[records.Record]:
    """The records of lines that are new; of a file that was written anew, none that only reads otherwise."""
    if after.startswith(before):
        lines = [line for _, line in records.lines_with_offsets(after, len(before))]
        return [found for line in lines for found in _parsed(kind, line)]
    known = {found.id for _, line in records.lines_with_offsets(before) for found in _parsed(kind, line)}
    news = [found for _, line in records.lines_with_offsets(after) for found in _parsed(kind, line)]
    return [found for found in news if found.id not in known]


def _parsed(kind: type[records.Record], line: bytes) -> Iterator[records.Record]:
    with suppress(ValueError):  # doctor tells of it; it is committed as it stands
        yield records.parse(kind, line)
