"""What one writer has written since it was last asked, kept as bytes: so that a commit holds what was
written, and nothing that somebody else does to the same files meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, Literal

EVERYTHING: Final = ""
"""The path that stands for the whole folder."""
COMMITTED = ("user.json", "items/", "events/", "categories/", "resources/")
"""How the paths begin that make up a memory; the rest is derived or in flight."""
MAX_HELD_BYTES = 64 * 1024 * 1024
"""More than this is not held in memory: it is committed from the files, as after a crash."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A file that was written anew. `before` is what stood there, where `merged` says that it was read."""

    data: bytes
    before: bytes | None = None
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Appended:
    """Lines that were put at byte `start` of a file, which was its end."""

    start: int
    data: bytes

    def then(self, later: Appended) -> Appended:
        """Both, of one file: what a later writer found cut off counts no more."""
        kept = later.start - self.start
        return Appended(self.start, self.data[:kept] + later.data) if 0 <= kept <= len(self.data) else later


Content = Whole | Appended | None
"""None: the file is gone."""


@dataclass(frozen=True, slots=True)
class Part:
    """What the machine wrote, or what a person had written when it was taken in: by path in the folder."""

    by: Literal["machine", "person"]
    files: dict[str, Content] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """All of it, in order. `unseen`: files were also put in place in other ways, or could not be held."""

    parts: tuple[Part, ...] = ()
    unseen: bool = False

    @property
    def size(self) -> int:
        """Bytes held."""
        return sum(
            len(content.data) for part in self.parts for content in part.files.values() if content is not None
        )


class Recorder:
    """Several threads may write to it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._parts: list[Part] = []
        self._unseen = False
        self._held = 0

    def wrote(self, path: str, data: bytes) -> None:
        self._add(path, Whole(data))

    def merged(self, path: str, before: bytes | None, data: bytes) -> None:
        """`path` was read as `before` and then written as `data`."""
        self._add(path, Whole(data, before, merged=True))

    def appended(self, path: str, start: int, data: bytes) -> None:
        if data:
            self._add(path, Appended(start, data))

    def gone(self, path: str) -> None:
        self._add(path, None)

    def unseen(self) -> None:
        """Files were put in place in another way: the folder is to be compared with what is committed."""
        with self._lock:
            self._unseen = True

    def person(self, contents: Mapping[str, bytes | None]) -> None:
        """What a person did, as it stood before the machine wrote anything on top of it."""
        found = {path: None if data is None else Whole(data) for path, data in contents.items()}
        if found:
            with self._lock:
                self._parts.append(Part("person", dict(found)))

    def drain(self) -> Written:
        """What was recorded since the last call."""
        with self._lock:
            found = Written(tuple(self._parts), self._unseen)
            self._parts, self._unseen, self._held = [], False, 0
        return found

    def _add(self, path: str, content: Content) -> None:
        if path != EVERYTHING and not path.startswith(COMMITTED):
            return
        with self._lock:
            self._held += len(content.data) if content is not None else 0
            if self._held > MAX_HELD_BYTES:
                self._parts, self._unseen, self._held = [], True, 0
                return
            files = self._machine_part(path, content).files
            if path == EVERYTHING:
                files.clear()
            files[path] = _joined(files.get(path), content)

    def _machine_part(self, path: str, content: Content) -> Part:
        """The part under way; a new one for each run, and where a person was at the file in between."""
        last = self._parts[-1] if self._parts else None
        if (
            last is None
            or last.by == "person"
            or _is_apart(last.files.get(path), content)
            or (_begins_a_run(path, content) and any(known.startswith("events/") for known in last.files))
        ):
            last = Part("machine")
            self._parts.append(last)
        return last


def _begins_a_run(path: str, content: Content) -> bool:
    """With resources or items; its event comes after them, and its category files last."""
    if path.startswith("items/"):
        return isinstance(content, Appended)
    return path.startswith("resources/") and content is not None


def _is_apart(known: Content, content: Content) -> bool:
    return (
        isinstance(known, Whole)
        and isinstance(content, Whole)
        and content.merged
        and content.before != known.data
    )


def _joined(known: Content, content: Content) -> Content:
    if isinstance(content, Whole) and isinstance(known, Whole):
        return Whole(content.data, known.before, known.merged)
    if isinstance(content, Appended) and isinstance(known, Appended):
        return known.then(content)
    if isinstance(content, Appended) and isinstance(known, Whole):
        return Whole(known.data[: content.start] + content.data, known.before, known.merged)
    return content
