"""A memory as it stands now and as it stood in a commit, read into states that can be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TypeVar

from ..edges.folder import UserFolder
from ..edges.git.repository import Repository
from ..errors import CorruptFile, GitError, NotFound
from ..models import Event, Item, Modality
from ..pure import records
from ..pure.changes import State, state_of
from ..pure.markdown import parse
from .bases import base_topics, read_base
from .categories import read_category
from .desk import Desk

Point = str | datetime | None
T = TypeVar("T")


class Documents:
    """Which resources are no conversations, each looked up once."""

    def __init__(self, folder: UserFolder) -> None:
        self._folder = folder
        self._known: dict[str, bool] = {}

    def __contains__(self, resource: object) -> bool:
        name = str(resource)
        if name not in self._known:
            try:
                self._known[name] = self._folder.resource(name).modality is Modality.DOCUMENT
            except NotFound:  # it was forgotten since
                self._known[name] = False
        return self._known[name]


def repository(desk: Desk) -> Repository:
    """The repository that the store stands in. Raises GitError where there is none."""
    found = desk.tools.repository()
    if found is None:
        raise GitError(
            f"{desk.folder.store} is in no git repository: `memu-like init --git` begins a history"
        )
    return found


def resolve(desk: Desk, repo: Repository, point: Point) -> str:
    """The commit that `point` names; None is the last one. Raises NotFound, GitError."""
    if point is not None:
        return repo.resolve(point, desk.tools.timezone)
    head = repo.head()
    if head is None:
        raise GitError("nothing was committed yet: `memu-like sync` and every run commit, once git is set up")
    return head


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a memory at one time, before it is made a state.

    `items` are last revisions by id, `texts` category files by topic, `deleted` as in `state_of`.
    """

    items: Mapping[str, Item]
    texts: Mapping[str, str]
    deleted: frozenset[str] = frozenset()


class Reader:
    """Reads a memory at several times; a line that stands in more than one of them is read once."""

    def __init__(self, desk: Desk, repo: Repository) -> None:
        self._desk, self._repo = desk, repo
        self._items: dict[bytes, Item] = {}
        self._runs: dict[bytes, str] = {}

    def now(self) -> Read:
        """What the files say at this moment, a person's edits that no sync has taken in included."""
        folder = self._desk.folder
        names = (*folder.item_files(), *folder.event_files())
        texts = {
            PurePosixPath(path).stem: read_category(self._desk, path) or ""
            for path in folder.category_files()
        }
        items = self._last("", {name: folder.read(name) for name in names})
        return Read(items, texts, frozenset(_taken_out(self._desk, texts)))

    def at(self, commit: str) -> Read:
        """What the files said in a commit. Raises CorruptFile where a line in it does not parse."""
        blobs = self._repo.blobs(commit, self._desk.folder.root.name)
        files = dict(self._repo.contents(blob for blob in blobs if _tells(blob.path)))
        texts = {
            PurePosixPath(path).stem: data.decode("utf-8", "replace")
            for path, data in _of(files, "categories")
        }
        return Read(self._last(f"{commit[:10]}:", files), texts)

    def _last(self, place: str, files: Mapping[str, bytes]) -> dict[str, Item]:
        """The last revision of each item whose run counts."""
        runs = {
            run
            for path, data in _of(files, "events")
            for run in self._parsed(f"{place}{path}", data, self._runs, lambda x: records.parse(Event, x).id)
        }
        found: dict[str, Item] = {}
        for path, data in _of(files, "items"):
            for item in self._parsed(f"{place}{path}", data, self._items, lambda x: records.parse(Item, x)):
                if item.run in runs and (item.id not in found or item.rev >= found[item.id].rev):
                    found[item.id] = item
        return found

    def _parsed(
        self, place: str, data: bytes, known: dict[bytes, T], parse_line: Callable[[bytes], T]
    ) -> Iterator[T]:
        for number, line in _lines(data):
            value = known.get(line)
            if value is None:
                try:
                    value = known[line] = parse_line(line)
                except ValueError as error:
                    raise CorruptFile(Path(place), number, str(error)) from error
            yield value


def states(before: Read, after: Read, own_names: frozenset[str]) -> tuple[State, State]:
    """Both as states, without what stands in both in the same words and the same place."""
    texts = {
        topic for topic in {*before.texts, *after.texts} if before.texts.get(topic) != after.texts.get(topic)
    }
    ids = {*before.items, *after.items}
    wanted = {one for one in ids if before.items.get(one) != after.items.get(one)}
    wanted |= before.deleted | after.deleted
    for read in (before, after):
        known = read.items.keys()
        wanted |= {
            bullet.id
            for topic in texts & read.texts.keys()
            for bullet in parse(read.texts[topic], known).bullets
            if bullet.id is not None
        }
    # A file that is the same on both sides tells where an item stands that is not.
    texts |= {
        topic
        for read in (before, after)
        for topic, text in read.texts.items()
        if any(bullet.id in wanted for bullet in parse(text).bullets)
    }
    first, second = (
        state_of(
            {one: item for one, item in read.items.items() if one in wanted},
            {topic: text for topic, text in read.texts.items() if topic in texts},
            own_names,
            read.deleted,
        )
        for read in (before, after)
    )
    return first, second


def _taken_out(desk: Desk, files: Mapping[str, str]) -> set[str]:
    """Ids that the machine wrote into a file, and that stand in none now."""
    written = {item_id for topic in base_topics(desk) for item_id in read_base(desk, topic).bullets}
    standing = {bullet.id for text in files.values() for bullet in parse(text, written).bullets}
    return written - {item_id for item_id in standing if item_id is not None}


def category_texts(repo: Repository, commit: str, folder: str) -> dict[str, str]:
    """The category files of a commit: topic -> text."""
    found = repo.files_at(commit, f"{folder}/categories")
    return {
        PurePosixPath(path).stem: data.decode("utf-8", "replace")
        for path, data in found.items()
        if _tells(f"categories/{path}")
    }


def _tells(path: str) -> bool:
    """Whether a file of a user's folder says something: `items/2023-05.jsonl`, `categories/interest.md`."""
    kind, _, name = path.partition("/")
    ending = {"items": ".jsonl", "events": ".jsonl", "categories": ".md"}.get(kind)
    return ending is not None and "/" not in name and name.endswith(ending)


def _of(files: Mapping[str, bytes], kind: str) -> Iterable[tuple[str, bytes]]:
    return sorted((path, data) for path, data in files.items() if path.startswith(f"{kind}/"))


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Whole lines with their numbers: a last one without its newline may be cut, where it was committed."""
    lines = data.split(b"\n")
    if not records.is_whole(lines[-1]):
        lines.pop()
    return ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
