"""A memory as it stands now and as it stood in a commit, read into states that can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath

from ..edges.folder import UserFolder
from ..edges.git.repository import Repository
from ..errors import CorruptFile, GitError, NotFound
from ..models import Event, Item, Modality
from ..pure import records
from ..pure.changes import State, state_of
from ..pure.markdown import parse
from .categories import base_topics, read_base, read_category
from .desk import Desk
from .listing import read_items

Point = str | datetime | None


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


def state_now(desk: Desk) -> State:
    """What the files say at this moment, a person's edits that no sync has taken in included."""
    items = {item.id: item for item in read_items(desk, desk.view().all_items())}
    files = {
        PurePosixPath(path).stem: read_category(desk, path) or "" for path in desk.folder.category_files()
    }
    return state_of(items, files, desk.own_names(), _taken_out(desk, files))


def _taken_out(desk: Desk, files: Mapping[str, str]) -> set[str]:
    """Ids that the machine wrote into a file, and that stand in none now."""
    written = {item_id for topic in base_topics(desk) for item_id in read_base(desk, topic).bullets}
    standing = {bullet.id for text in files.values() for bullet in parse(text, written).bullets}
    return written - {item_id for item_id in standing if item_id is not None}


def state_at(desk: Desk, repo: Repository, commit: str) -> State:
    """What the files said in a commit. Raises CorruptFile where a line in it does not parse."""
    folder = desk.folder.root.name
    wanted = [blob for blob in repo.blobs(commit, folder) if _tells(blob.path)]
    files = dict(repo.contents(wanted))
    runs = {event.id for path, data in _of(files, "events") for event in _events(commit, path, data)}
    items: dict[str, Item] = {}
    for path, data in _of(files, "items"):
        for item in _items(commit, path, data):
            if item.run in runs and (item.id not in items or item.rev >= items[item.id].rev):
                items[item.id] = item
    texts = {
        PurePosixPath(path).stem: data.decode("utf-8", "replace") for path, data in _of(files, "categories")
    }
    return state_of(items, texts, desk.own_names())


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


def _items(commit: str, path: str, data: bytes) -> Iterator[Item]:
    for number, line in _lines(data):
        try:
            yield records.parse(Item, line)
        except ValueError as error:
            raise _corrupt(commit, path, number, error) from error


def _events(commit: str, path: str, data: bytes) -> Iterator[Event]:
    for number, line in _lines(data):
        try:
            yield records.parse(Event, line)
        except ValueError as error:
            raise _corrupt(commit, path, number, error) from error


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Whole lines with their numbers: a last one without its newline may be cut, where it was committed."""
    lines = data.split(b"\n")
    if not records.is_whole(lines[-1]):
        lines.pop()
    return ((number, line) for number, line in enumerate(lines, start=1) if line.strip())


def _corrupt(commit: str, path: str, number: int, error: ValueError) -> CorruptFile:
    return CorruptFile(Path(f"{commit[:10]}:{path}"), number, str(error))
