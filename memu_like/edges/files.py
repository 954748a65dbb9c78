"""The disk: the only place that writes, syncs, renames and removes.

A text file is written to a temporary name in its own folder, synced, renamed, and the folder synced; a
JSONL file is appended to and synced, and cut back to what it was when the disk refuses part-way. A
symlink that leads out of the folder is refused, for reading and for writing.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

from ..errors import StorageError

TEMPORARY_SUFFIX = ".tmp"
NO_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP)
BINARY = getattr(os, "O_BINARY", 0)
READING = os.O_RDONLY | BINARY
CREATING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY | getattr(os, "O_NOFOLLOW", 0)
APPENDING = os.O_RDWR | os.O_CREAT | os.O_APPEND | BINARY


def guard(root: Path, path: Path) -> Path:
    """`path`, if it and all its parents stay inside `root` once links are followed. Raises StorageError."""
    if _is_plain(str(root), str(path)):
        return path
    real_root = os.path.realpath(root)
    real = os.path.realpath(path)
    if real != real_root and not real.startswith(real_root.rstrip(os.sep) + os.sep):
        raise StorageError(f"{path} is a link that leads out of {root}; remove the link")
    return path


Stamp = tuple[int, int, int]


def stamp(path: Path) -> Stamp | None:
    """What changes when a file is replaced or appended to; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


TICK_NS = 20_000_000
COARSE_TICK_NS = 2_000_000_000
"""Two changes within one tick of the file system's clock leave the same time: it says nothing yet about what
has just changed. Ticks are up to 10 ms (Linux, HZ=100), or 2 s (FAT, whole seconds)."""

Look = tuple[int, int, int, int]
"""As `Stamp`, with the time at which the system last noted any change, which no program can set back."""


def look(entry: os.DirEntry[str], now: int) -> Look | None:
    """What any later change of a file changes, as of `now` (ns); None where only reading it tells.

    So it is with a link, with what is no file, and with a file that may change again in the same tick.
    """
    if not entry.is_file(follow_symlinks=False):
        return None
    status = entry.stat(follow_symlinks=False)
    last = max(status.st_mtime_ns, status.st_ctime_ns)
    if not is_past(last, now):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns


def is_past(changed_at: int, now: int) -> bool:
    """Whether what changes from `now` on gets another time than `changed_at`."""
    return now - changed_at > (TICK_NS if changed_at % 1_000_000_000 else COARSE_TICK_NS)


def entries(folder: Path) -> dict[str, os.DirEntry[str]]:
    """What stands in a folder, by name; nothing where there is none."""
    try:
        with os.scandir(folder) as found:
            return {entry.name: entry for entry in found}
    except OSError as error:
        if error.errno not in NO_FOLDER:
            raise
        return {}


def is_plain(root: Path, path: Path) -> bool:
    """Whether no part of `path` below `root` is a link."""
    return _is_plain(str(root), str(path))


def _is_plain(root: str, path: str) -> bool:
    """Whether no part of `path` below `root` is a link or a step up: some microseconds, for the hot path."""
    inside = path[len(root) :].strip(os.sep)
    step = root
    for part in inside.split(os.sep):  # noqa: PTH206 (a Path costs more than the look itself)
        step = f"{step}{os.sep}{part}"
        if part == ".." or os.path.islink(step):  # noqa: PTH114
            return False
    return path.startswith(root)


@contextlib.contextmanager
def explained(action: str, path: Path | str) -> Iterator[None]:
    """Turn an OSError into a StorageError that says what could not be done to which file."""
    try:
        yield
    except OSError as error:
        raise StorageError.from_os(action, Path(path), error) from error


def read_bytes(root: Path, path: Path) -> bytes:
    with explained("read", path):
        return _whole(str(guard(root, path)))


def read_slice(root: Path, path: str, offset: int, length: int) -> bytes:
    """A part of a file, without the cost of a file object: a search reads some twenty of them."""
    if not _is_plain(str(root), path):
        guard(root, Path(path))
    try:
        handle = os.open(path, READING)
        try:
            os.lseek(handle, offset, os.SEEK_SET)
            return os.read(handle, length)
        finally:
            os.close(handle)
    except OSError as error:
        raise StorageError.from_os("read", Path(path), error) from error


def make_folder(root: Path, path: Path) -> None:
    """Create `path` and its parents below `root`, each of them synced into its own parent."""
    if path.is_dir():
        guard(root, path)
        return
    with explained("create", path):
        if path != root:
            make_folder(root, path.parent)
        guard(root, path).mkdir(exist_ok=True)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make a rename or a new file in `path` durable. Windows has no such call and needs none."""
    if sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


Durable = Literal["all", "file", "none"]
"""What of a write survives a power cut once it has returned: "all" of it; "file", its bytes once its name is
synced, as a later write into the same disk's journal brings it along; "none", for what is made again from
other files and checked when it is read. A killed process loses nothing in any case."""


def _write_temporary(path: str, data: bytes, durable: Durable = "all") -> str:
    """A synced temporary file beside `path`; removed again if it cannot be written whole."""
    folder, _, name = path.rpartition(os.sep)
    temporary = f"{folder}{os.sep}.{name}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}"
    try:
        handle = os.open(temporary, CREATING, 0o666)
        try:
            _write_all(handle, data)
            if durable != "none":
                os.fsync(handle)
        finally:
            os.close(handle)
    except OSError:
        _discard(temporary)
        raise
    return temporary


def _discard(temporary: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)  # noqa: PTH108


def write_atomic(root: Path, path: Path, data: bytes, durable: Durable = "all") -> None:
    """Replace or create `path` so that a reader sees the old bytes or the new ones, never a part."""
    write_many(root, [(path, data)], durable)


def write_many(root: Path, files: Iterable[tuple[Path, bytes]], durable: Durable = "all") -> None:
    """Write several files, each atomically, and sync each of their folders once.

    Many small files are written side by side: the disk then groups the syncs, and the time is that of one.
    """
    pairs = list(files)
    for folder in {path.parent for path, _ in pairs}:
        make_folder(root, folder)
    _side_by_side([partial(_replace, root, path, data, durable) for path, data in pairs])
    if durable == "all":
        _sync_folders(path for path, _ in pairs)


def replace_unchanged(root: Path, files: Sequence[tuple[Path, bytes | None, bytes]]) -> list[Path]:
    """Write each (path, what it was read as, what it is to be); what reads otherwise by now is left.

    None is a file that was not there. Returns the paths that were left. All is on disk under temporary
    names before the first is looked at, so that only a rename lies between the look and the write.
    """
    for folder in {path.parent for path, _, _ in files}:
        make_folder(root, folder)
    written: dict[Path, str] = {}

    def prepare(path: Path, data: bytes) -> None:
        with explained("write", path):
            written[path] = _write_temporary(str(guard(root, path)), data)

    try:
        _side_by_side([partial(prepare, path, data) for path, _, data in files])
        left = []
        for path, expected, _ in files:
            with explained("write", path):
                if bytes_or_none(path) == expected:
                    os.replace(written[path], path)  # noqa: PTH105
                    del written[path]
                else:
                    left.append(path)
    finally:
        for temporary in written.values():
            _discard(temporary)
    _sync_folders(path for path, _, _ in files)
    return left


def bytes_or_none(path: Path) -> bytes | None:
    """None where there is no file."""
    try:
        return _whole(str(path))
    except FileNotFoundError:
        return None


def _whole(path: str) -> bytes:
    """A file's bytes, without the cost of a file object."""
    handle = os.open(path, READING)
    try:
        size = os.fstat(handle).st_size
        data = os.read(handle, size)
        while len(data) < size and (part := os.read(handle, size - len(data))):
            data += part  # some file systems give less at once than is asked for
        return data
    finally:
        os.close(handle)


def matching(folder: str, pattern: Sequence[str], prefix: str = "") -> Iterator[str]:
    """Paths below `folder`, joined by "/", that match `pattern` part by part, as with `Path.glob`."""
    part, *rest = pattern
    if not any(sign in part for sign in "*?["):
        found = [part] if os.path.exists(f"{folder}{os.sep}{part}") else []  # noqa: PTH110
    else:
        found = fnmatch.filter(names(folder), part)
    for name in found:
        if rest:
            yield from matching(f"{folder}{os.sep}{name}", rest, f"{prefix}{name}/")
        else:
            yield prefix + name


def names(folder: str) -> list[str]:
    """What stands in a folder; nothing where there is none."""
    try:
        return os.listdir(folder)  # noqa: PTH208
    except OSError as error:
        if error.errno not in NO_FOLDER:
            raise
        return []


def _side_by_side(jobs: Sequence[Callable[[], None]]) -> None:
    if len(jobs) <= 2:
        for job in jobs:
            job()
        return
    futures = [_writers(os.getpid()).submit(job) for job in jobs]
    wait(futures)  # all of them: when the first error is raised, none is still writing
    for future in futures:
        future.result()


@lru_cache(maxsize=1)
def _writers(process: int) -> ThreadPoolExecutor:
    """Threads that write and sync, kept for the next write. A forked process makes its own."""
    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="memu-like-write")


def _sync_folders(paths: Iterable[Path]) -> None:
    for folder in {path.parent for path in paths}:
        with explained("write to", folder):
            sync_folder(folder)


def _replace(root: Path, path: Path, data: bytes, durable: Durable) -> None:
    with explained("write", path):
        temporary = _write_temporary(str(guard(root, path)), data, durable)
        try:
            os.replace(temporary, path)  # noqa: PTH105
        except OSError:
            _discard(temporary)
            raise


def _write_all(handle: int, data: bytes) -> None:
    """A full disk takes a part first, and refuses only the next write."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def append(root: Path, path: Path, data: bytes) -> int:
    """Append `data` durably; returns the offset it begins at. What cannot be written whole is not written."""
    make_folder(root, path.parent)
    with explained("write", path):
        created = not guard(root, path).exists()
        handle = os.open(path, APPENDING, 0o666)
        try:
            start = os.lseek(handle, 0, os.SEEK_END)
            try:
                _write_all(handle, data)
                os.fsync(handle)
            except OSError:
                with contextlib.suppress(OSError):  # the first error is the one to report
                    os.ftruncate(handle, start)
                raise
        finally:
            os.close(handle)
        if created:
            sync_folder(path.parent)
    return start


def truncate(root: Path, path: Path, size: int) -> None:
    """Cut `path` to `size` bytes, durably."""
    with explained("repair", path), guard(root, path).open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())


def rename(root: Path, path: Path, target: Path) -> None:
    with explained("rename", path):
        guard(root, path).replace(guard(root, target))
        sync_folder(target.parent)


def remove(root: Path, path: Path, durable: Durable = "all") -> None:
    """Remove a file; that it is gone already is fine."""
    with explained("remove", path):
        guard(root, path.parent)
        path.unlink(missing_ok=True)
        if durable == "all" and path.parent.is_dir():
            sync_folder(path.parent)


def remove_tree(root: Path, path: Path) -> None:
    """Remove a folder and all below it; a link is removed, never followed."""
    with explained("remove", path):
        if path.is_symlink():
            path.unlink()
        elif path.is_dir():
            guard(root, path)
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_folder(path.parent)


def cut_torn_tail(root: Path, path: Path) -> int:
    """Cut what follows the last newline of a JSONL file; returns how many bytes were cut."""
    size = path.stat().st_size
    if size == 0:
        return 0
    with explained("read", path), guard(root, path).open("rb") as file:
        end = size
        while end > 0:
            start = max(0, end - 65536)
            file.seek(start)
            position = file.read(end - start).rfind(b"\n")
            if position >= 0:
                end = start + position + 1
                break
            end = start
    if end < size:
        truncate(root, path, end)
    return size - end
