"""What every use case works with: one user's folder, its index, and the edges the service has built."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar, cast
from zoneinfo import ZoneInfo

from ..config import Settings
from ..edges.blob_places import BlobPlaces
from ..edges.embedders import Embedder
from ..edges.files import Stamp, stamp
from ..edges.folder import UserFolder
from ..edges.git.repository import Repository
from ..edges.index.index import Index
from ..edges.index.item_places import ItemPlace
from ..edges.index.manifest import MANIFEST, buffers, look
from ..edges.index.reading import read_message
from ..edges.index.view import View
from ..edges.llm.base import Model
from ..edges.llm.meter import Meter
from ..edges.prompts import Prompts
from ..edges.tokens import TokenCounter
from ..errors import NotFound, StorageError
from ..models import Category, Item, Message
from ..pure.markdown import parse
from ..pure.slotting import SlotTable

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What all users share."""

    settings: Settings
    embedder: Embedder | None
    words: Embedder | None
    counter: Callable[[], TokenCounter]
    categories: tuple[Category, ...]
    slot_table: Callable[[], SlotTable]
    now: Callable[[], datetime]
    prompts: Prompts
    model: Model | None = None
    repository: Callable[[], Repository | None] = lambda: None
    """Looks for the repository that the store stands in; None where there is none, or git is off."""

    @property
    def timezone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.timezone)

    @property
    def session_gap(self) -> timedelta:
        return timedelta(hours=self.settings.session_gap_hours)


class Room(Protocol):
    """One user's folder as an async use case works at it: blocking work goes to a thread, at a desk."""

    @property
    def tools(self) -> Tools: ...

    def read(self, work: Callable[[Desk], T]) -> Awaitable[T]:
        """At the desk for reading, with no lock. Raises NotFound where the user has no folder."""
        ...

    def write(self, work: Callable[[Desk], T]) -> Awaitable[T]:
        """At the desk for writing; `work` takes the folder's lock itself."""
        ...

    def write_beside(self, work: Callable[[Desk], T]) -> Awaitable[T]:
        """As `write`, for work that has a lock of its own on disk and does not wait for a run."""
        ...

    def running(self) -> AbstractAsyncContextManager[None]:
        """Hold the user's model runs, in this process and in others. Raises StoreBusy."""
        ...

    def meter(self) -> Meter:
        """A new meter on the configured model. Raises ConfigError where none is configured."""
        ...


def steady(desk: Desk, read: Callable[[], T]) -> T:
    """Read with no lock, all of it in one view: where a writer has put other files in place meanwhile, read
    again.

    An error counts once the files stand as they stood when it came up before.
    """
    folder = desk.folder
    seen: object = None
    while True:
        try:
            with desk.one_view():
                return read()
        except (StorageError, NotFound):
            found = (look(folder), buffers(folder), stamp(folder.path(MANIFEST)))
            if found == seen:
                raise
            seen = found


UNREAD = object()
MAX_ROWS_KEPT = MAX_ITEMS_KEPT = 2048


class RowCache:
    """Rows of a view that were read for a hit, with what was made of them. Bounded; the oldest go first."""

    def __init__(self) -> None:
        self._rows: dict[int, object] = {}
        self.get = self._rows.get
        self.clear = self._rows.clear

    def keep(self, row: int, value: object) -> object:
        if len(self._rows) >= MAX_ROWS_KEPT:
            del self._rows[next(iter(self._rows))]
        self._rows[row] = value
        return value


@dataclass(slots=True)
class Desk:
    """One user's folder at work. The service lets one call at a time use it."""

    folder: UserFolder
    index: Index
    tools: Tools
    rows: RowCache = field(default_factory=RowCache)
    behind: RowCache = field(default_factory=RowCache)
    """For the current view: emptied when the view changes."""
    blobs: BlobPlaces = field(init=False)
    _view: View | None = None
    _generation: int = -1
    _still: bool = False
    _one_view: bool = False
    _readings: int = -1
    _items: dict[tuple[str, int, int], Item] = field(default_factory=dict)
    _kept: dict[str, tuple[Stamp, object]] = field(default_factory=dict)
    _made: dict[str, tuple[object, object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.blobs = BlobPlaces(self.folder)

    @property
    def settings(self) -> Settings:
        return self.tools.settings

    def view(self) -> View:
        """The index as the files stand now, buffered messages included; within `one_view` as they stood."""
        if not self._still:
            self.index.refresh()
            self._still = self._one_view
        if self._view is None or self._generation != self.index.generation:
            self._view = View([*self.index.segments, *self.index.buffered()])
            self._generation = self.index.generation
            self.rows.clear()
            self.behind.clear()
        return self._view

    @contextmanager
    def one_view(self) -> Iterator[None]:
        """One look at the files, at the first view: what a reader has chosen there, it finds there again."""
        self._one_view = True
        try:
            yield
        finally:
            self._one_view = self._still = False

    @contextmanager
    def still(self, *, look: bool = True, later: Collection[str] = ()) -> Iterator[None]:
        """Nothing is written here or elsewhere: the caller holds the folder's lock, and only decides.

        With `look` False, nothing was written since the last view either. New resources that are to come
        `later` are not in the views: what is decided on them is decided against what was there before.
        """
        if look:
            self.index.refresh(later)
        self._still = True
        try:
            yield
        finally:
            self._still = False

    def item(self, item_id: str) -> Item | None:
        """The last revision of an item, read from its file."""
        place = self.view().item(item_id)
        return self.item_of(place) if place else None

    def item_of(self, place: ItemPlace) -> Item:
        """The item that stands at a place of the current view. Raises CorruptFile."""
        if self._readings != self.index.readings or len(self._items) > MAX_ITEMS_KEPT:
            self._items.clear()
            self._readings = self.index.readings
        key = place.file, place.offset, place.length
        found = self._items.get(key)
        if found is None:
            found = self._items[key] = self.folder.item_at(*key)
        return found

    def stored_message(self, line: bytes, place: str) -> Message:
        """A message as it stands in a resource's file, at `place` ("path:line"). Raises CorruptFile."""
        file, _, number = place.rpartition(":")
        return read_message(line, self.folder.path(file), int(number), self.tools.timezone)

    def entry_lines(self, topic: str) -> dict[str, tuple[str, int]]:
        """Item id -> (text, line) of the entries that a category file shows now, parsed when it changed."""
        return self.kept(f"categories/{topic}.md", _entry_lines) or {}

    def kept(self, path: str, read: Callable[[bytes], T]) -> T | None:
        """What `read`, always the same for a path, makes of a file, read again when the file has changed.

        None where there is no file. For the few files of a folder that each run looks at.
        """
        found = stamp(self.folder.path(path))
        if found is None:
            self._kept.pop(path, None)
            return None
        if path not in self._kept or self._kept[path][0] != found:
            self._kept[path] = found, read(self.folder.read(path))
        return cast("T", self._kept[path][1])

    def stamp(self, path: str) -> Stamp | None:
        """By which a file is known to be the same as before; None where there is none."""
        return stamp(self.folder.path(path))

    def made(self, name: str, state: object, make: Callable[[], T]) -> T:
        """What `make`, always the same for a name, made last, made again where `state` is another by now."""
        if name not in self._made or self._made[name][0] != state:
            self._made[name] = state, make()
        return cast("T", self._made[name][1])

    def own_names(self) -> frozenset[str]:
        """The names under which this folder's user speaks, for leaving them out of their own profile."""
        given = self.folder.user_id
        return frozenset({given, given.capitalize(), given.title(), "user"})


def _entry_lines(data: bytes) -> dict[str, tuple[str, int]]:
    document = parse(data.decode("utf-8", "replace"))
    return {b.id: (b.text, b.lines[0].number) for b in document.bullets if b.id}
