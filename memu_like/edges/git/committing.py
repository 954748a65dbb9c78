"""Making commits, with no hand on the work tree and none on what a person has staged.

A commit is made of bytes that are given, on top of the last commit, by `git fast-import`: no file is read or
written, no hook but `reference-transaction` runs, nothing is signed. Then the index follows where it said
what the last commit said, and HEAD moves, if it has not moved meanwhile; else all is done again on top of
what stands there now. Killed in between, it leaves objects that nothing names, or files that are staged.

All paths are relative to the top of the work tree, with "/".
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep

from filelock import FileLock, Timeout

from ...errors import GitError
from .process import run
from .repository import Repository

UNDER_WAY = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "BISECT_LOG": "bisect",
}
LOCK = "memu-like.lock"
LOCK_SECONDS = 60.0
"""How long another process of ours is waited for."""
INDEX_SECONDS = 2.0
"""How long another git that holds the index is waited for."""
MAX_TRIES = 50
MAX_ARGUMENTS = 500
PASSING = "refs/memu-like/passing"
"""What fast-import makes commits on; it is gone again before it ends."""
FILE = "100644"
FILES = (FILE, "100755")
LOOSE = 27
"""So many loose objects in one of 256 folders are some 6,700 in all, at which git packs them (gc.auto)."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A commit to be made. `author` is (name, address); None in `contents` removes a file."""

    author: tuple[str, str]
    time: datetime
    message: str
    contents: Mapping[str, bytes | None]


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at a path: "100644", and the id of the bytes."""

    mode: str
    blob: str


class Tip:
    """The last commit; `commit` is None where there is none yet."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.commit = repository.head()
        self.entries: dict[str, Entry] = {}
        """What was asked for so far, and is there."""
        self._asked: set[str] = set()

    def look(self, paths: Iterable[str]) -> None:
        """Fill `entries` for these."""
        wanted = sorted(set(paths) - self._asked)
        self._asked.update(wanted)
        for some in _in_turn(wanted):
            self._list("--", *some)

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """The files that are there, of these. Links and submodules are none."""
        wanted = sorted(set(paths))
        self.look(wanted)
        found = [path for path in wanted if path in self.entries and self.entries[path].mode in FILES]
        return dict(zip(found, self._blobs([self.entries[path].blob for path in found]), strict=True))

    def below(self, folder: str) -> list[str]:
        """The paths of all files below `folder`, which ends with "/", or is "" for the top."""
        found = self._list("-r", *(["--", folder] if folder else []))
        self._asked.update(found)
        return sorted(found)

    def _list(self, *arguments: str) -> list[str]:
        if self.commit is None:
            return []
        listed = run(self.repository.root, "ls-tree", "-z", "--full-tree", self.commit, *arguments)
        found = []
        for line in filter(None, listed.split(b"\0")):
            head, _, path = line.partition(b"\t")
            mode, kind, blob = head.decode().split()
            if kind != "tree":
                found.append(os.fsdecode(path))
                self.entries[found[-1]] = Entry(mode, blob)
        return found

    def _blobs(self, ids: Sequence[str]) -> Iterator[bytes]:
        if not ids:
            return
        found = run(
            self.repository.root, "cat-file", "--batch", stdin="".join(f"{i}\n" for i in ids).encode()
        )
        at = 0
        for blob in ids:
            end = found.index(b"\n", at)
            head = found[at:end].split()
            if len(head) != 3:
                raise GitError(f"git cat-file: {blob} cannot be read: {found[at:end].decode()}")
            at = end + 2 + int(head[2])
            yield found[end + 1 : at - 1]


def commit(repository: Repository, compose: Callable[[Tip], Sequence[Draft]]) -> tuple[str, ...]:
    """Make the commits that `compose` wants on top of the last one; returns their ids, oldest first.

    `compose` is called again where another process commits meanwhile. Raises GitError, and then nothing was
    committed: in the middle of a merge, where another git holds the index for long, where git fails.
    """
    git_folder = Path(os.fsdecode(run(repository.root, "rev-parse", "--absolute-git-dir").rstrip(b"\n")))
    staged: dict[str, Entry | None] = {}
    with _alone(git_folder):
        for attempt in range(MAX_TRIES):
            check_at_rest(repository, git_folder)
            tip = Tip(repository)
            drafts = [draft for draft in compose(tip) if draft.contents]
            if not drafts:
                return ()
            tip.look(path for draft in drafts for path in draft.contents)
            made = _make(repository, tip, drafts)
            _stage(repository, tip, drafts, staged)
            if _advance(repository, tip, made[-1], drafts):
                return made
            sleep(random.uniform(0, 0.01 * (attempt + 1)))  # noqa: S311 (a pause, not a secret)
    raise GitError(
        f"{repository.root}: others committed {MAX_TRIES} times meanwhile; it is tried again later"
    )


def check_at_rest(repository: Repository, git_folder: Path) -> None:
    """Raises GitError in the middle of a merge and the like: the next commit is a person's."""
    for name, what in UNDER_WAY.items():
        if (git_folder / name).exists():
            raise GitError(
                f"{repository.root} is in the middle of a {what}: finish it, and what memory wrote is"
                " committed after it"
            )
    within = ["--", repository.prefix] if repository.prefix else []
    unmerged = run(repository.root, "ls-files", "-z", "--unmerged", *within)
    if unmerged:
        path = os.fsdecode(unmerged.split(b"\0")[0].partition(b"\t")[2])
        raise GitError(f"{path} is not merged yet: mend it and `git add` it; memory is committed after it")


def tidy(repository: Repository) -> None:
    """Have git pack its objects where there are many, as `git commit` does. It goes on by itself."""
    if (
        len(list(Path(os.fsdecode(_path(repository, "objects/17"))).glob("*"))) > LOOSE
    ):  # as gc itself looks at it
        run(repository.root, "gc", "--auto", "--quiet")


def _path(repository: Repository, name: str) -> bytes:
    found = run(repository.root, "rev-parse", "--git-path", name).rstrip(b"\n")
    return os.path.join(os.fsencode(repository.root), found)  # noqa: PTH118


@contextlib.contextmanager
def _alone(git_folder: Path) -> Iterator[None]:
    """One at a time, of ours: others would only have to begin anew."""
    holder = FileLock(git_folder / LOCK, timeout=LOCK_SECONDS, thread_local=False, poll_interval=0.01)
    try:
        holder.acquire()
    except Timeout as error:
        raise GitError(
            f"{git_folder / LOCK} has been held for {LOCK_SECONDS:g} s; try again later"
        ) from error
    except OSError as error:
        raise GitError(f"{git_folder} cannot be written: {error.strerror or error}") from error
    try:
        yield
    finally:
        holder.release()


# -- objects


def _make(repository: Repository, tip: Tip, drafts: Sequence[Draft]) -> tuple[str, ...]:
    """The ids of new commits, which nothing names yet."""
    nowhere = "0" * len(tip.commit or _nothing(repository))
    stream = bytearray()
    for number, draft in enumerate(drafts, start=1):
        stream += _commit_stream(draft, number, tip.commit if number == 1 else f":{number - 1}", tip)
    for number in range(1, len(drafts) + 1):
        stream += f"get-mark :{number}\n".encode()
    stream += f"reset {PASSING}\nfrom {nowhere}\n\ndone\n".encode()
    found = run(repository.root, "fast-import", "--quiet", "--done", stdin=bytes(stream)).decode().split()
    if len(found) != len(drafts):
        raise GitError(f"git fast-import: {len(found)} commits, and {len(drafts)} were asked for")
    return tuple(found)


def _nothing(repository: Repository) -> str:
    """An id of this repository's length: sha1 or sha256."""
    return run(repository.root, "hash-object", "--stdin").decode().strip()


def _commit_stream(draft: Draft, number: int, parent: str | None, tip: Tip) -> bytes:
    name, address = (_plain(part) for part in draft.author)
    offset = draft.time.strftime("%z")[:5] or "+0000"
    who = f"{name} <{address}> {int(draft.time.timestamp())} {offset}"
    head = f"commit {PASSING}\nmark :{number}\nauthor {who}\ncommitter {who}\n"
    out = bytearray(head.encode("utf-8", "replace"))
    out += _data(draft.message.encode("utf-8", "replace"))
    if parent is not None:
        out += f"from {parent}\n".encode()
    for path, data in sorted(draft.contents.items()):
        if data is None:
            out += b"D " + _quoted(path) + b"\n"
        else:
            out += f"M {_mode(tip, path)} inline ".encode() + _quoted(path) + b"\n" + _data(data)
    return bytes(out) + b"\n"


def _data(data: bytes) -> bytes:
    return f"data {len(data)}\n".encode() + data + b"\n"


def _plain(text: str) -> str:
    """What may stand in a name or an address of a commit."""
    kept = "".join(char for char in text if char not in "<>\n\r\0")
    return " ".join(kept.split())


def _quoted(path: str) -> bytes:
    escaped = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escaped + b'"'


def _mode(tip: Tip, path: str) -> str:
    known = tip.entries.get(path)
    return known.mode if known is not None and known.mode in FILES else FILE


def _blob_id(data: bytes, like: str) -> str:
    algorithm = hashlib.sha256 if len(like) == 64 else hashlib.sha1
    return algorithm(b"blob %d\0" % len(data) + data).hexdigest()


# -- the index, then HEAD


def _stage(
    repository: Repository, tip: Tip, drafts: Sequence[Draft], staged: dict[str, Entry | None]
) -> None:
    """Let the index follow where it says what the last commit says, or what was staged here before.

    Before HEAD does: killed in between, it leaves files that are staged as they stand. The other way round,
    a person's next commit would take back what this one did.
    """
    like = tip.commit or _nothing(repository)
    wanted: dict[str, Entry | None] = {}
    for draft in drafts:
        for path, data in draft.contents.items():
            new = None if data is None else Entry(_mode(tip, path), _blob_id(data, like))
            wanted[path] = new
    standing = _index_entries(repository, wanted)
    changed = {
        path: new
        for path, new in wanted.items()
        if standing.get(path) != new
        and (standing.get(path) == tip.entries.get(path) or standing.get(path) == staged.get(path, new))
    }
    staged.update(changed)
    lines = b"".join(_index_line(path, new, len(like)) for path, new in changed.items())
    if lines:
        _patiently(lambda: run(repository.root, "update-index", "-z", "--index-info", stdin=lines))


def _index_entries(repository: Repository, paths: Collection[str]) -> dict[str, Entry]:
    found = {}
    for some in _in_turn(sorted(paths)):
        listed = run(repository.root, "ls-files", "-z", "--stage", "--", *some)
        for line in filter(None, listed.split(b"\0")):
            head, _, path = line.partition(b"\t")
            mode, blob, _ = head.decode().split()
            found[os.fsdecode(path)] = Entry(mode, blob)
    return found


def _index_line(path: str, new: Entry | None, length: int) -> bytes:
    mode, blob = ("0", "0" * length) if new is None else (new.mode, new.blob)
    return f"{mode} {blob}\t".encode() + os.fsencode(path) + b"\0"


def _patiently(work: Callable[[], object]) -> None:
    """Wait while another git holds the index: a person's `git add`, or a `git commit -a` at its editor."""
    until = monotonic() + INDEX_SECONDS
    while True:
        try:
            work()
            return
        except GitError as error:
            if "File exists" not in str(error) or monotonic() > until:
                raise
        sleep(0.05)


def _advance(repository: Repository, tip: Tip, new: str, drafts: Sequence[Draft]) -> bool:
    """Move HEAD, and the branch that it names; False where it has moved, or is being moved."""
    reason = f"memu-like: {drafts[-1].message.partition(chr(10))[0]}"
    old = tip.commit or "0" * len(new)
    try:
        run(repository.root, "update-ref", "-m", reason, "HEAD", new, old)
    except GitError as error:
        if repository.head() != tip.commit or "File exists" in str(error):
            return False
        raise
    return True


def _in_turn(paths: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """A command line holds only so much."""
    return (tuple(paths[at : at + MAX_ARGUMENTS]) for at in range(0, len(paths), MAX_ARGUMENTS))
