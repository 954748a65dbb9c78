"""The index of one folder: always made from the files, kept in segments, caught up before each use.

A reader looks at the folder's signature (a few stats); where it differs from what is covered, the new
lines are read into a segment in memory. A writer, under the folder's lock, also saves that segment. So
there is one way from files to index, and a crash between a run and its index costs a catch-up, no more.
Segments are merged by size, as in a log-structured merge tree (O'Neil et al. 1996): each row is
rewritten O(log n) times.
"""

from __future__ import annotations

import contextlib
import secrets
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from hashlib import blake2b
from pathlib import Path

from ...errors import CorruptFile
from ...models import Item
from .. import files
from ..embedders import Embedder
from ..files import Stamp
from ..files import stamp as stamp_of
from ..folder import Line, UserFolder
from . import manifest as manifests
from .manifest import MANIFEST, Manifest, Signature
from .merging import merge
from .reading import buffer_rows, build, read_items, read_resource
from .segment import Segment, SegmentBuilder

SEGMENTS = ".memu/index"
# A segment is merged into the one before it once it is half its size, so their number stays logarithmic.
MERGE_RATIO = 2
MAX_TAILS = 8
MARK_BYTES = 256
BUILD_ROWS = 20_000
NO_EMBEDDER = "none"

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class State:
    """What is in memory: saved segments, tails that are not saved, and how far they cover the files."""

    segments: list[Segment] = field(default_factory=list)
    tails: list[Segment] = field(default_factory=list)
    covered: dict[str, int] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    signature: Signature = field(default_factory=Signature)
    known: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    all_runs: bool = False


class Index:
    """Not safe for several threads at once: the service keeps one call at a time per folder."""

    def __init__(
        self, folder: UserFolder, embedder: Embedder | None, words: Embedder | None, timezone: tzinfo = UTC
    ) -> None:
        """`words` is the cheap embedder for single words, for soft matches; often the same."""
        self.folder = folder
        self.embedder = embedder
        self.words = words
        self.timezone = timezone
        self.fingerprint = "+".join(e.fingerprint if e else NO_EMBEDDER for e in (embedder, words))
        self.problems: tuple[str, ...] = ()
        self.generation = 0
        self.readings = 0
        """Rises when the files are read from their beginning: what stood at a place may be another line."""
        self._stamp: Stamp | None = None
        self._state = State()
        self._buffers: dict[str, _Buffered] = {}
        self._saved_anew = False

    # -- what it holds

    @property
    def segments(self) -> list[Segment]:
        """Saved segments and tails, oldest first; what is still buffered is apart."""
        return [*self._state.segments, *self._state.tails]

    def buffered(self) -> list[Segment]:
        """Segments of messages that were added and not yet memorized."""
        return [segment for buffer in self._buffers.values() for segment in buffer.segments]

    def resource_ids(self) -> set[str]:
        return self._state.known

    @property
    def files(self) -> Mapping[str, tuple[int, int]]:
        """The files of items and events that it covers: size and time of change of each."""
        return self._state.signature.files

    # -- catching up

    def refresh(self, later: Collection[str] = ()) -> None:
        """Make the index agree with the files as they are now. Writes nothing.

        Resources in `later` that it does not have yet it leaves to the next time: read together with their
        items they make one segment, not two.

        A buffer that a flush removes meanwhile has its messages in resources by then: those are looked at
        again, so that no message is missed on its way from the one to the other.
        """
        if self._saved_anew:
            self._saved_anew, self.problems = False, ()
        gone = True
        while gone:
            waiting = manifests.buffers(self.folder)
            self._refresh_files(later)
            # What is added from here on need not be found yet.
            present = manifests.buffers(self.folder) if waiting else {}
            self._refresh_buffers(present)
            gone = bool(_inodes(waiting) - {buffer.stamp[2] for buffer in self._buffers.values()})

    def _refresh_files(self, later: Collection[str]) -> None:
        stamp = stamp_of(self.folder.path(MANIFEST))
        if stamp != self._stamp:
            self._open(stamp)
        signature = manifests.look(self.folder)
        if signature != self._state.signature:
            self._catch_up(signature, later)

    def _open(self, stamp: Stamp | None) -> None:
        """Load what was saved. A writer may replace it meanwhile: then what it has put there."""
        self.generation += 1
        self.problems = ()
        path = self.folder.path(MANIFEST)
        while True:
            try:
                state = self._load(path) if stamp else State()
                break
            except CorruptFile as error:
                found = stamp_of(path)
                if found == stamp:
                    self.problems = (f"the index was unusable and is being built again ({error.path.name})",)
                    state = State()
                    break
                stamp = found
        self._stamp, self._state = stamp, state
        self.readings += 1

    def _load(self, path: Path) -> State:
        """The saved state; an empty one, to be caught up from the files, if another model made it."""
        data = self.folder.read_or_none(MANIFEST)
        if data is None:
            raise CorruptFile(path, None, "it is not there any more")
        found = manifests.parse(data, path)
        if found is None or found.fingerprint != self.fingerprint:
            return State()
        open_ones = {segment.name: segment for segment in self._state.segments}
        segments = [
            open_ones.get(name) or Segment.load(self.folder.root, self.folder.path(f"{SEGMENTS}/{name}"))
            for name in found.segments
        ]
        known = {session.resource for segment in segments for session in segment.sessions}
        covered, lines, marks = dict(found.covered), dict(found.lines), dict(found.marks)
        return State(segments, [], covered, lines, marks, found.signature, known)

    def _catch_up(
        self, signature: Signature, later: Collection[str] = (), progress: Progress | None = None
    ) -> None:
        state = self._state
        listed = self._listed(signature)
        put_off = set(later) & listed - state.known
        if put_off:
            listed -= put_off
            signature = replace(signature, folders={})  # so that they are looked for again
        if listed == state.known and signature.files == state.signature.files:
            state.signature = signature  # a folder that has just changed is looked into once more
            return
        self.generation += 1
        if _rewritten(self.folder, state, signature):
            state = self._state = State()
            listed = set(self.folder.resource_ids()) - put_off
            self.readings += 1
        gone = frozenset(state.known - listed)
        if gone:
            merged = merge(self.segments, gone) if self.segments else None
            state.segments, state.tails = [], [merged] if merged else []
            state.known -= gone
        before = dict(state.covered)
        for segment in self._read_new(sorted(listed - state.known), signature, progress):
            state.tails.append(segment)
        state.known |= listed
        if len(state.tails) > MAX_TAILS:
            state.tails = [merge(state.tails)]
        state.signature = signature
        for name, covered in state.covered.items():
            if name not in state.marks or covered != before.get(name):
                state.marks[name] = _mark(self.folder, name, covered)

    def _listed(self, signature: Signature) -> set[str]:
        """The resources that are there."""
        same = signature.folders == self._state.signature.folders
        return self._state.known if same else set(self.folder.resource_ids())

    def _read_new(
        self, resource_ids: Sequence[str], signature: Signature, progress: Progress | None
    ) -> Iterable[Segment]:
        """Segments of what is not covered yet; a large rebuild comes in parts, for the memory's sake."""
        builder = SegmentBuilder(timezone=self.timezone)
        for number, resource_id in enumerate(resource_ids):
            read_resource(builder, self.folder, self.folder.resource(resource_id))
            if len(builder.rows) >= BUILD_ROWS:
                yield build(builder, self.embedder, self.words)
                builder = SegmentBuilder(timezone=self.timezone)
            if progress:
                progress(number + 1, len(resource_ids))
        self._read_runs(signature)
        for relative in sorted(name for name in signature.files if name.startswith("items/")):
            read_items(builder, self._new_items(relative))
        if builder.rows or builder.items:
            yield build(builder, self.embedder, self.words)

    def _read_runs(self, signature: Signature) -> None:
        """Learn the runs that count. Only lines that are not covered matter: covered items have counted."""
        state = self._state
        for relative in (name for name in signature.files if name.startswith("events/")):
            start = state.covered.get(relative, 0)
            if start < signature.files[relative][0]:
                for line, event in self.folder.event_lines(relative, start):
                    state.runs.add(event.id)
                    # To the end of what was read, and no further: a torn last line is read again next time.
                    state.covered[relative] = line.offset + line.length + 1

    def _new_items(self, relative: str) -> Iterable[tuple[Line, Item]]:
        """Items from the covered byte on, up to the first whose run has not (yet) been committed."""
        state = self._state
        start, number = state.covered.get(relative, 0), state.lines.get(relative, 1)
        if start >= self.folder.path(relative).stat().st_size:
            return
        waiting = False
        for line, item in self.folder.items(relative, start, number):
            if not self._counts(item.run):
                waiting = True
            elif not waiting:
                state.covered[relative] = line.offset + line.length + 1
                state.lines[relative] = line.number + 1
                yield line, item
            else:
                # A committed item behind an uncommitted one: left by a crash; `repair` cuts such lines.
                yield line, item

    def _counts(self, run: str) -> bool:
        """Whether a run has its event; it may be one of long ago, where a merge brought its items late."""
        state = self._state
        if run not in state.runs and not state.all_runs:
            state.runs |= self.folder.all_events().keys()
            state.all_runs = True
        return run in state.runs

    # -- the buffer

    def _refresh_buffers(self, present: Mapping[str, Stamp]) -> None:
        for name in set(self._buffers) - set(present):
            del self._buffers[name]
            self.generation += 1
        for name, stamp in present.items():
            buffer = self._buffers.get(name)
            if buffer is None or buffer.stamp != stamp:
                self.generation += 1
                self._read_buffer(name, stamp)

    def _read_buffer(self, name: str, stamp: Stamp) -> None:
        data = self.folder.read_or_none(name)
        if data is None:  # a flush has just taken it
            self._buffers.pop(name, None)
            return
        buffer = self._buffers.get(name)
        # The name, the inode and the size may all be those of another file by now; its bytes cannot.
        if buffer is None or _digest(data[: buffer.end]) != buffer.digest:
            buffer = _Buffered(stamp)
        self._buffers[name] = self._extend(buffer, name, data, stamp)

    def _extend(self, buffer: _Buffered, name: str, data: bytes, stamp: Stamp) -> _Buffered:
        builder = SegmentBuilder(timezone=self.timezone)
        end = buffer_rows(builder, self.folder, data, name, buffer.end, datetime.now(UTC))
        segments = (
            [*buffer.segments, build(builder, self.embedder, self.words)] if builder.rows else buffer.segments
        )
        if len(segments) > MAX_TAILS:
            segments = [merge(segments)]
        return _Buffered(stamp, end, _digest(data[:end]), segments)

    # -- saving (under the folder's lock)

    def is_due(self, least: int) -> bool:
        """Whether `least` rows and items or more are in memory only, or nothing was ever saved.

        What is not saved, the next process reads from the files.
        """
        unsaved = sum(len(tail.rows) + len(tail.items) for tail in self._state.tails)
        return unsaved >= least or self._stamp is None

    def persist(self) -> None:
        """Save what is in memory only. The caller holds the folder's lock and has refreshed."""
        if not self.is_due(1):
            return
        state = self._state
        segments = self._merged([*state.segments, *state.tails])
        root = self.folder.root
        names = {path.rpartition("/")[2] for path in self.folder.listing(f"{SEGMENTS}/*.seg")}
        number = max((int(name[:8]) for name in names), default=0)
        saved: list[Segment] = []
        for segment in segments:
            if not segment.name:
                number += 1
                segment = segment.save(
                    root, self.folder.path(f"{SEGMENTS}/{number:08d}-{secrets.token_hex(3)}.seg")
                )
            saved.append(segment)
        self._write_manifest(saved)
        for name in names - {segment.name for segment in saved}:
            with contextlib.suppress(PermissionError):  # Windows: another process still maps it
                self.folder.path(f"{SEGMENTS}/{name}").unlink()
        state.segments, state.tails = saved, []

    def _merged(self, segments: Sequence[Segment]) -> list[Segment]:
        """Grouped by size first: each row is merged once, however many tails there are."""
        groups: list[list[Segment]] = []
        for segment in segments:
            group = [segment]
            while groups and _size(groups[-1]) < MERGE_RATIO * _size(group):
                group = [*groups.pop(), *group]
            groups.append(group)
        return [merge(group) if len(group) > 1 else group[0] for group in groups]

    def _write_manifest(self, segments: Sequence[Segment]) -> None:
        state = self._state
        value = Manifest(
            self.fingerprint,
            tuple(segment.name for segment in segments),
            state.covered,
            state.lines,
            state.marks,
            state.signature,
        )
        self.folder.write(MANIFEST, value.render(), durable="none")
        self._stamp = stamp_of(self.folder.path(MANIFEST))
        self._saved_anew = True

    def rebuild(self, progress: Progress | None = None) -> None:
        """Throw the index away and build it from the files. The caller holds the folder's lock."""
        self.reread(progress)
        files.remove(self.folder.root, self.folder.path(MANIFEST))
        self.persist()

    def reread(self, progress: Progress | None = None) -> None:
        """Build from the files alone, in memory, whatever was saved."""
        self._state = State()
        self._stamp = None
        self.problems = ()
        self.generation += 1
        self.readings += 1
        self._catch_up(manifests.look(self.folder), progress=progress)


@dataclass(frozen=True, slots=True)
class _Buffered:
    """A buffer file as far as it was read: its first `end` bytes, and their digest."""

    stamp: Stamp
    end: int = 0
    digest: bytes = field(default_factory=lambda: _digest(b""))
    segments: list[Segment] = field(default_factory=list)


def _size(segments: Iterable[Segment]) -> int:
    return sum(len(segment.rows) + len(segment.items) + 1 for segment in segments)


def _rewritten(folder: UserFolder, state: State, new: Signature) -> bool:
    """Whether a JSONL file was changed otherwise than by appending, so that all must be read again."""
    for name, (size, mtime) in state.signature.files.items():
        found, covered = new.files.get(name), state.covered.get(name, 0)
        if found is None or found[0] < covered or (found[0] == size and found[1] != mtime):
            return True
        if found[0] != size and state.marks.get(name, 0) != _mark(folder, name, covered):
            return True
    return False


def _mark(folder: UserFolder, name: str, covered: int) -> int:
    """A checksum of the last bytes that are covered: lines put in before them, as a merge may, move it."""
    start = max(0, covered - MARK_BYTES)
    return zlib.crc32(folder.read_slice(name, start, covered - start))


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def _inodes(stamps: Mapping[str, Stamp]) -> set[int]:
    return {inode for _, _, inode in stamps.values()}
