"""One user's memory folder: where each file stands, how it is read, and how it is written.

Nothing here decides anything. Writers hold `lock()`; readers hold nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..errors import CorruptFile, FormatTooNew, InvalidUserId, NotFound, StorageError, StoreBusy
from ..models import FORMAT_VERSION, Event, Item, Resource
from ..pure import records
from ..pure.names import folder_name
from . import files
from .recording import EVERYTHING, Recorder

USER_FILE = "user.json"
DERIVED = ".memu"
_RESOURCE_ID = re.compile(r"[0-9]{6}[0-9a-z-]{1,64}")
LOCK_POLL_SECONDS = 0.004
MAX_PATHS_KEPT = 256
"""Parsing a path takes longer than looking at what stands there, and a run looks at the same ones again."""
META = ".meta.json"
RUN_LOCK = "run.lock"
"""Held by whoever makes the runs that wait for a language model."""
LOCKS = ("lock", "buffer.lock", RUN_LOCK)
MARKS = "written"
MARKED = ("categories/", "items/", "events/")
MAX_MARKS_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """Where a line of a JSONL file stands: `number` counts from 1, `offset` and `length` are bytes."""

    path: str
    number: int
    offset: int
    length: int


def month_file(kind: str, when: datetime) -> str:
    """Relative path of the month's file, such as "items/2023-05.jsonl"."""
    return f"{kind}/{when.astimezone(UTC):%Y-%m}.jsonl"


def resource_stem(resource_id: str) -> str:
    """ "20230508-135600-k3f9" -> "resources/2023/05/08-135600-k3f9" ."""
    return f"resources/{resource_id[:4]}/{resource_id[4:6]}/{resource_id[6:]}"


class UserFolder:
    """Paths are relative to `root` and use "/" on every system."""

    def __init__(self, store: Path, user_id: str, costs: Path | None = None) -> None:
        self.user_id = user_id
        self.store = store
        self.root = store / folder_name(user_id)
        self.derived = self.root / DERIVED
        self.costs = costs or self.derived
        """Where vectors and the count of what was spent are kept: of a copy, beside those of the original."""
        self.recorder: Recorder | None = None
        """Where a repository holds the store: what is written is recorded, to be committed."""
        self._checked: files.Stamp | None = None
        self._paths: dict[str, Path] = {}

    # -- the folder itself

    def exists(self) -> bool:
        return (self.root / USER_FILE).is_file()

    def require(self) -> None:
        """Raises NotFound, or FormatTooNew, or StorageError for a folder that is a link out of the store."""
        files.guard(self.store, self.root)
        found = files.stamp(self.root / USER_FILE)
        if found is None:
            raise NotFound("user", self.user_id, f"no memory folder at {self.root}")
        if found != self._checked:
            self.profile_data()
            self._checked = found

    def create(self) -> None:
        """Make the folder and its `user.json`, if they are not there yet."""
        if self.exists():
            self.require()
            return
        files.make_folder(self.store, self.root)
        values = {"version": FORMAT_VERSION, "user_id": self.user_id, "created_at": _now_text(), "data": {}}
        self.write(USER_FILE, _pretty(values))

    def profile_data(self) -> dict[str, Any]:
        """The contents of `user.json`, its version and user id checked."""
        path = self.root / USER_FILE
        try:
            values = json.loads(files.read_bytes(self.root, path))
        except ValueError as error:
            raise CorruptFile(path, None, f"not JSON: {error}") from error
        if not isinstance(values, dict) or not isinstance(values.get("version"), int):
            raise CorruptFile(path, None, "it has no format version")
        if values["version"] > FORMAT_VERSION:
            raise FormatTooNew(path, values["version"], FORMAT_VERSION)
        if values.get("user_id") != self.user_id:
            raise InvalidUserId(self.user_id, f"its folder belongs to {values.get('user_id')!r}")
        return values

    @contextlib.contextmanager
    def lock(self, name: str = "lock", timeout: float = 60.0) -> Iterator[None]:
        """Hold the folder against every other writer, in this process and in others.

        The operating system frees it when its holder dies. Raises StoreBusy after `timeout` seconds.
        """
        files.make_folder(self.store, self.derived)
        path = files.guard(self.root, self.derived / name)
        holder = FileLock(path, timeout=timeout, thread_local=False, poll_interval=LOCK_POLL_SECONDS)
        with files.explained("lock", path):
            try:
                holder.acquire()
            except Timeout as error:  # an OSError too, but not one of the disk's
                raise StoreBusy(self.root, timeout) from error
        try:
            yield
        finally:
            holder.release()

    def is_locked(self) -> bool:
        """Whether a writer is at work now. False too where nobody can write."""
        try:
            with self.lock(timeout=0):
                return False
        except StoreBusy:
            return True
        except StorageError:
            return False

    # -- files

    def path(self, relative: str) -> Path:
        found = self._paths.get(relative)
        if found is None:
            if len(self._paths) >= MAX_PATHS_KEPT:
                self._paths.clear()
            found = self._paths[relative] = self.root / relative
        return found

    def read(self, relative: str) -> bytes:
        return files.read_bytes(self.root, self.path(relative))

    def read_or_none(self, relative: str) -> bytes | None:
        path = files.guard(self.root, self.path(relative))
        with files.explained("read", path):
            return files.bytes_or_none(path)

    def write(self, relative: str, data: bytes, durable: files.Durable = "all") -> None:
        self._mark({relative: data})
        files.write_atomic(self.root, self.path(relative), data, durable)
        if self.recorder is not None:
            self.recorder.wrote(relative, data)

    def write_many(self, contents: Mapping[str, bytes], durable: files.Durable = "all") -> None:
        files.write_many(self.root, [(self.path(name), data) for name, data in contents.items()], durable)
        if self.recorder is not None:
            for name, data in contents.items():
                self.recorder.wrote(name, data)

    def replace_unchanged(self, contents: Mapping[str, tuple[bytes | None, bytes]]) -> list[str]:
        """See `files.replace_unchanged`: relative paths to what was read and what is to stand there."""
        names = {self.path(name): name for name in contents}
        changes = [(path, *contents[name]) for path, name in names.items()]
        self._mark({name: data for name, (_, data) in contents.items()})
        left = [names[path] for path in files.replace_unchanged(self.root, changes)]
        if self.recorder is not None:
            for name, (before, data) in contents.items():
                if name not in left:
                    self.recorder.merged(name, before, data)
        return left

    def record_person(self, contents: Mapping[str, bytes | None]) -> None:
        """What a person did to files, as it stands before the machine writes on top of it; None: removed.

        It becomes a commit of theirs where a repository holds the store; else this does nothing.
        """
        if self.recorder is not None:
            self.recorder.person(contents)

    def append(self, relative: str, data: bytes) -> int:
        """Append lines durably. A last line without its newline is not run into.

        It gets its newline where it is whole, as an editor leaves it, and is cut where a writer was killed
        in the middle of it.
        """
        if self._is_open_ended(relative):
            if records.is_whole(self.tail(relative)):
                data = b"\n" + data
            else:
                files.cut_torn_tail(self.root, self.path(relative))
        start = files.append(self.root, self.path(relative), data)
        if self.recorder is not None:
            self.recorder.appended(relative, start, data)
        return start

    def _is_open_ended(self, relative: str) -> bool:
        path = self.path(relative)
        size = path.stat().st_size if path.exists() else 0
        return size > 0 and self.read_slice(relative, size - 1, 1) != b"\n"

    def tail(self, relative: str) -> bytes:
        """What follows the last newline."""
        return self.read(relative).rpartition(b"\n")[2]

    def remove(self, relative: str, durable: files.Durable = "all") -> None:
        files.remove(self.root, self.path(relative), durable)
        if self.recorder is not None:
            self.recorder.gone(relative)

    def rename(self, relative: str, target: str) -> None:
        """One step, so that a killed writer leaves the one name or the other."""
        files.rename(self.root, self.path(relative), self.path(target))
        if self.recorder is not None:
            self.recorder.gone(relative)
            self.recorder.wrote(target, self.read(target))

    def remove_folder(self, relative: str) -> None:
        files.remove_tree(self.root, self.path(relative))

    def remove_all(self) -> None:
        """Remove everything but the locks, `user.json` last: cut short, the folder is still a user's."""
        kept = {self.root / USER_FILE, self.derived}
        for path in sorted(self.root.iterdir()):
            if path not in kept:
                files.remove_tree(self.root, path)
        for path in sorted(self.derived.iterdir()):
            if path.name not in LOCKS:
                files.remove_tree(self.root, path)
        self.remove(USER_FILE)
        if self.recorder is not None:
            self.recorder.gone(EVERYTHING)
        self._remove_lock_files()

    def remove_locks(self) -> None:
        """After `remove_all`, with the locks let go: the folder itself, unless someone has begun it anew."""
        if self.exists():
            return
        self._remove_lock_files()
        for path in (self.derived, self.root):
            with contextlib.suppress(OSError):  # not empty: another writer is at work in it
                path.rmdir()
        files.sync_folder(self.store)

    def _remove_lock_files(self) -> None:
        """While they are held, so that who waits for one sees it gone. Windows removes no open file."""
        for name in LOCKS:
            with contextlib.suppress(PermissionError):
                (self.derived / name).unlink(missing_ok=True)

    def listing(self, pattern: str) -> list[str]:
        """Relative paths that match `pattern`, in order of name."""
        return sorted(files.matching(str(self.root), pattern.split("/")))

    def entries(self, relative: str) -> dict[str, os.DirEntry[str]]:
        """What stands in a folder, by name, for `files.look`; nothing where there is none."""
        return files.entries(self.path(relative))

    def is_plain(self, relative: str) -> bool:
        """Whether no part of the path is a link."""
        return files.is_plain(self.root, self.path(relative))

    def read_slice(self, relative: str, offset: int, length: int) -> bytes:
        return files.read_slice(self.root, f"{self.root}{os.sep}{relative}", offset, length)

    # -- what the machine wrote

    def record_all(self) -> None:
        """All that stands here was put here by the machine, in another way than by the methods above."""
        if self.recorder is not None:
            self._mark({name: self.read(name) for name in self.category_files()})
            self.recorder.unseen()

    def _mark(self, contents: Mapping[str, bytes]) -> None:
        """Note in `.memu/` what the machine writes over: whose bytes these are is told by it, after a crash.

        A note that is lost costs no more than that: bytes that nobody noted are taken for a person's.
        """
        if self.recorder is None:
            return
        noted = [mark(n, data) for n, data in contents.items() if n.startswith(MARKED)]
        if noted and self.derived.is_dir():
            path = files.guard(self.root, self.derived / MARKS)
            with files.explained("write", path):
                _append_bounded(path, "".join(f"{line}\n" for line in noted).encode())

    def marks(self) -> dict[str, int]:
        """What `mark` gives of all that the machine wrote over lately -> when, as a count from 0."""
        data = self.read_or_none(f"{DERIVED}/{MARKS}") or b""
        return {line: number for number, line in enumerate(data.decode("ascii", "replace").splitlines())}

    # -- records

    def item_files(self) -> list[str]:
        return self.listing("items/*.jsonl")

    def event_files(self) -> list[str]:
        return self.listing("events/*.jsonl")

    def category_files(self) -> list[str]:
        """Without hidden files: editors and sync tools keep their own there."""
        return [path for path in self.listing("categories/*.md") if not path.startswith("categories/.")]

    def check_category_files(self) -> None:
        """Raises StorageError for a link out of the folder, or a folder, where a category file belongs.

        These are no file that is being saved, or that is locked for a moment: nothing will have become of
        them by the next run, so that none should be made as if nothing stood there.
        """
        files.guard(self.root, self.path("categories"))
        for name, entry in self.entries("categories").items():
            if name.startswith(".") or not name.endswith(".md"):
                continue
            path = self.path(f"categories/{name}")
            if entry.is_symlink():
                files.guard(self.root, path)
            if entry.is_dir():
                raise StorageError(f"{path} is a folder where a file belongs; move it out of categories/")

    def events(self, relative: str, start: int = 0) -> Iterator[Event]:
        """Every event line from byte `start` on, all revisions. Raises CorruptFile."""
        for _, event in self.event_lines(relative, start):
            yield event

    def event_lines(self, relative: str, start: int = 0) -> Iterator[tuple[Line, Event]]:
        yield from self._records(Event, relative, start)

    def all_events(self) -> dict[str, Event]:
        """The last revision of each event, deleted ones included: their runs still count."""
        latest: dict[str, Event] = {}
        for relative in self.event_files():
            for event in self.events(relative):
                if event.id not in latest or event.rev >= latest[event.id].rev:
                    latest[event.id] = event
        return latest

    def items(self, relative: str, start: int = 0, first_line: int = 1) -> Iterator[tuple[Line, Item]]:
        """Every item line from byte `start` on, whether its run counts or not. Raises CorruptFile."""
        yield from self._records(Item, relative, start, first_line)

    def item_at(self, relative: str, offset: int, length: int) -> Item:
        """The item on the line at `offset`. Raises CorruptFile when the line is not one."""
        try:
            return records.parse(Item, self.read_slice(relative, offset, length))
        except ValueError as error:
            raise CorruptFile(self.path(relative), None, str(error)) from error

    def _records(
        self, kind: type[Any], relative: str, start: int = 0, first_line: int = 1
    ) -> Iterator[tuple[Line, Any]]:
        data = self.read(relative)
        number, end = first_line - 1, start
        for offset, line in records.lines_with_offsets(data, start):
            number += 1 + data.count(b"\n", end, offset)  # blank lines are no records, but they count
            end = offset + len(line) + 1
            try:
                record = records.parse(kind, line)
            except ValueError as error:
                raise CorruptFile(self.path(relative), number, str(error)) from error
            yield Line(relative, number, offset, len(line)), record

    # -- resources

    def resource_ids(self) -> list[str]:
        return [resource_id_of(path) for path in self.listing(f"resources/*/*/*{META}")]

    def resource(self, resource_id: str) -> Resource:
        """The meta file of a resource. Raises NotFound, CorruptFile, FormatTooNew."""
        if not self.has_resource(resource_id):
            raise NotFound("resource", resource_id)
        relative = resource_stem(resource_id) + META
        path = self.path(relative)
        try:
            found = records.parse(Resource, self.read(relative))
        except ValueError as error:
            raise CorruptFile(path, None, str(error)) from error
        if found.version > FORMAT_VERSION:
            raise FormatTooNew(path, found.version, FORMAT_VERSION)
        return found

    def has_resource(self, resource_id: str) -> bool:
        if not _RESOURCE_ID.fullmatch(resource_id):  # it may come from outside, and becomes a path
            return False
        return self.path(resource_stem(resource_id) + META).is_file()

    def resource_files(self, resource_id: str) -> list[str]:
        """Relative paths of all files of a resource, its meta file or not; none for what is no such id."""
        if not _RESOURCE_ID.fullmatch(resource_id):  # as above, and a pattern may stand for other resources
            return []
        return self.listing(f"{resource_stem(resource_id)}.*")

    def write_resources(self, resources: Sequence[tuple[Resource, bytes, str | None]]) -> None:
        """Store resources: (meta, the bytes as given, the text read from them if that is another file).

        The meta files come last: a resource exists once its meta file does.
        """
        contents: dict[str, bytes] = {}
        for resource, data, text in resources:
            contents[resource.file] = data
            if resource.text_file is not None and text is not None:
                contents[resource.text_file] = text.encode()
        # Their names are synced with those of the meta files, which stand in the same folders.
        self.write_many(contents, durable="file")
        self.write_many({resource_stem(r.id) + META: records.render_pretty(r) for r, _, _ in resources})

    def resource_text(self, resource: Resource) -> bytes:
        """The lines that items and hits point into."""
        return self.read(resource.text_file or resource.file)


def content_hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def mark(relative: str, data: bytes) -> str:
    """A file with its contents and their size, in one word."""
    name = hashlib.sha256(relative.encode("utf-8", "surrogateescape") + b"\0" + data).hexdigest()
    return f"{name}-{len(data)}"


def _append_bounded(path: Path, data: bytes) -> None:
    """Without a sync: nothing but a name for the author of a commit hangs on it."""
    with path.open("ab") as file:
        file.write(data)
        size = file.tell()
    if size > MAX_MARKS_BYTES:
        kept = path.read_bytes()[-MAX_MARKS_BYTES // 2 :].partition(b"\n")[2]
        path.write_bytes(kept)


def resource_id_of(relative: str) -> str:
    """Of the path of a meta file."""
    _, year, month, name = relative.split("/")
    return f"{year}{month}{name.removesuffix(META)}"


def _now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _pretty(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, indent=2).encode() + b"\n"
