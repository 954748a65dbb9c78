"""The repository that a store stands in, read: commits, files as they stood, who wrote a line.

Paths given and returned are relative to the store, with "/". Everything raises GitError where git fails.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from pathlib import Path

from ...errors import GitError, NotFound
from ...pure.commit_messages import KIND, PERSON, RUN, USER, read_value
from ...results import Commit
from .process import run

BATCH_BYTES = 32 * 1024 * 1024
"""Files of a commit are read in batches of about so much."""

_COMMIT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_FORMAT = "%H%x00%aI%x00%an%x00%ae%x00%s%x00%(trailers:only,unfold)"
_NOBODY = ("empty ident name", "auto-detection is disabled", "tell me who you are")
_FILE_MODES = ("100644", "100755")


@dataclass(frozen=True, slots=True)
class Blob:
    """One file of a commit: `path` relative to the folder that was asked for, `size` in bytes."""

    path: str
    id: str
    size: int


@dataclass(frozen=True, slots=True)
class Blamed:
    """One line of a file: `commit` is None where it is not committed. `line` counts from 1."""

    line: int
    text: str
    commit: str | None = None
    author: str = ""
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    """`root` is the top of the work tree; `prefix` the store's path within it, "" or "a/b/"."""

    root: Path
    prefix: str = ""

    @classmethod
    def find(cls, store: Path) -> Repository | None:
        """The repository that holds `store`. None where there is none; no process is started then."""
        folder = store.absolute()
        if not folder.is_dir() or not any((one / ".git").exists() for one in (folder, *folder.parents)):
            return None
        try:
            found = run(folder, "rev-parse", "--show-toplevel", "--show-prefix")
        except GitError as error:
            if "not a git repository" in str(error):
                return None
            raise
        top, prefix, _ = found.split(b"\n", 2)
        return cls(Path(os.fsdecode(top)), os.fsdecode(prefix))

    def head(self) -> str | None:
        """The last commit's id; None where nothing was committed yet."""
        return self.named("HEAD")

    def identity(self) -> tuple[str, str] | None:
        """Name and address of the person at work here, as git knows them; None where it does not."""
        try:
            found = run(self.root, "-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT")
        except GitError as error:
            if any(sign in str(error) for sign in _NOBODY):
                return None
            raise
        name, _, rest = found.decode("utf-8", "replace").partition(" <")
        return name, rest.partition(">")[0]

    # -- points in time

    def resolve(self, point: str | datetime, timezone: tzinfo = UTC) -> str:
        """The id of the commit that `point` names, or of the last one at or before it.

        `point` is a revision, a datetime, or an ISO date or time as text; a date means the end of that day
        in `timezone`, and a naive time is read in it. Raises NotFound.
        """
        if isinstance(point, datetime):
            return self._last_before(point, str(point), timezone)
        found = self.named(point)
        if found is not None:
            return found
        when = _moment(point, timezone)
        if when is None:
            raise NotFound("commit, branch or date", point)
        return self._last_before(when, point, timezone)

    def named(self, revision: str) -> str | None:
        """The commit that a revision names; None for none. It is never taken for an option."""
        if not revision or revision.startswith("-") or any(char in revision for char in "\n\r\0"):
            return None
        given = f"{revision}^{{commit}}\n".encode("utf-8", "surrogatepass")
        said = run(self.root, "cat-file", "--batch-check=%(objectname)", stdin=given)
        answer = said.decode("ascii", "replace").strip()
        return answer if _COMMIT_ID.fullmatch(answer) else None

    def _last_before(self, when: datetime, shown: str, timezone: tzinfo) -> str:
        moment = when if when.tzinfo is not None else when.replace(tzinfo=timezone)
        if self.head() is None:
            raise NotFound("commit at", shown, "nothing was committed yet")
        latest = f"--min-age={int(moment.timestamp())}"
        found = run(self.root, "rev-list", "-1", "--first-parent", latest, "HEAD").decode().strip()
        if not found:
            raise NotFound("commit at", shown, "the history begins later")
        return found

    # -- commits

    def log(self, paths: Sequence[str] = (), limit: int | None = None, start: str = "HEAD") -> list[Commit]:
        """The commits that touched `paths` (none: the store), newest first. `start` is a commit's id."""
        if start == "HEAD" and self.head() is None:
            return []
        most = [] if limit is None else [f"--max-count={limit}"]
        begin = start if start == "HEAD" else _checked(start)
        found = run(
            self.root,
            "log",
            "-z",
            "--no-show-signature",
            f"--format={_FORMAT}",
            *most,
            begin,
            *self._only(paths),
        )
        fields = found.decode("utf-8", "replace").split("\0")
        return [_commit(fields[at : at + 6]) for at in range(0, len(fields) - 5, 6)]

    def commit(self, commit: str) -> Commit:
        """One commit by its id."""
        found = run(
            self.root, "show", "-s", "-z", "--no-show-signature", f"--format={_FORMAT}", _checked(commit)
        )
        return _commit(found.decode("utf-8", "replace").split("\0"))

    def parents(self, commit: str) -> list[str]:
        found = run(self.root, "rev-list", "--no-walk", "--parents", _checked(commit))
        return found.decode().split()[1:]

    def changed(self, paths: Sequence[str] = ()) -> list[str]:
        """What reads otherwise than in the last commit, new and deleted files included, in order of name."""
        asked = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
        found = run(self.root, *asked, *self._only(paths))
        return sorted(self._own(os.fsdecode(line[3:])) for line in found.split(b"\0") if line)

    # -- files as they stood

    def tree_id(self, commit: str, folder: str = "") -> str | None:
        """What names the contents of `folder` in a commit; None where it is not there."""
        within = f"{self.prefix}{folder}".rstrip("/")
        if not within:
            return run(self.root, "rev-parse", "--verify", f"{_checked(commit)}^{{tree}}").decode().strip()
        for kind, blob in self._listed(commit, within, recursive=False):
            if kind == "tree":
                return blob.id
        return None

    def blobs(self, commit: str, folder: str = "") -> list[Blob]:
        """The plain files below `folder` in a commit, no links; paths are relative to `folder`."""
        within = f"{self.prefix}{folder}".rstrip("/")
        within = f"{within}/" if within else ""
        return [
            Blob(blob.path[len(within) :], blob.id, blob.size)
            for kind, blob in self._listed(commit, within, recursive=True)
            if kind in _FILE_MODES
        ]

    def contents(self, blobs: Iterable[Blob], batch_bytes: int = BATCH_BYTES) -> Iterator[tuple[str, bytes]]:
        """(path, bytes) of each, read in batches of bounded size."""
        batch: list[Blob] = []
        for blob in blobs:
            if batch and sum(one.size for one in batch) + blob.size > batch_bytes:
                yield from self._batch(batch)
                batch = []
            batch.append(blob)
        if batch:
            yield from self._batch(batch)

    def files_at(self, commit: str, folder: str = "") -> dict[str, bytes]:
        """The files below `folder` as they stood in a commit, by their path within it."""
        return dict(self.contents(self.blobs(commit, folder)))

    def file_at(self, commit: str, path: str) -> bytes | None:
        """A file as it stood in a commit; None where it was not there."""
        found = [
            blob for kind, blob in self._listed(commit, self.prefix + path, False) if kind in _FILE_MODES
        ]
        return next((data for _, data in self.contents(found)), None)

    def _listed(self, commit: str, within: str, recursive: bool) -> Iterator[tuple[str, Blob]]:
        """(mode of a file, or "tree"; what stands there), by full path."""
        depth = ["-r"] if recursive else []
        where = ["--", within] if within else []
        found = run(self.root, "ls-tree", "-z", "-l", "--full-tree", *depth, _checked(commit), *where)
        for line in found.split(b"\0"):
            if line:
                head, _, path = line.partition(b"\t")
                mode, kind, object_id, size = head.decode().split()
                known = int(size) if size != "-" else 0
                yield (kind if kind == "tree" else mode), Blob(os.fsdecode(path), object_id, known)

    def _batch(self, blobs: Sequence[Blob]) -> Iterator[tuple[str, bytes]]:
        asked = "".join(f"{blob.id}\n" for blob in blobs).encode()
        found, at = run(self.root, "cat-file", "--batch", stdin=asked), 0
        for blob in blobs:
            end = found.index(b"\n", at)
            head = found[at:end].split()
            if len(head) != 3 or head[1] != b"blob":
                raise GitError(f"git cat-file: {blob.path} cannot be read: {found[at:end].decode()}")
            at = end + 1 + int(head[2])
            yield blob.path, found[end + 1 : at]
            at += 1

    # -- who wrote a line

    def blame(self, path: str, text: bytes) -> list[Blamed]:
        """Each line of `text`, which is what `path` says now, with the commit that it comes from."""
        head = self.head()
        if head is None or self.file_at(head, path) is None:
            lines = text.decode("utf-8", "replace").split("\n")
            kept = lines[:-1] if lines[-1] == "" else lines
            return [Blamed(number, line.rstrip("\r")) for number, line in enumerate(kept, start=1)]
        asked = ("blame", "--line-porcelain", "--encoding=UTF-8", "--contents", "-", "--")
        found = run(self.root, *asked, self.prefix + path, stdin=text)
        return list(_blamed(found.split(b"\n")))

    def _only(self, paths: Sequence[str]) -> list[str]:
        within = [self.prefix + path for path in paths] or ([self.prefix] if self.prefix else [])
        return ["--", *within] if within else []

    def _own(self, path: str) -> str:
        return path.removeprefix(self.prefix)


def _checked(commit: str) -> str:
    """Ids come from `resolve` and from git; anything else could be an option."""
    if not _COMMIT_ID.fullmatch(commit):
        raise NotFound("commit", commit, "give its full id")
    return commit


def _moment(text: str, timezone: tzinfo) -> datetime | None:
    """An ISO date (the end of that day) or time; None for anything else."""
    if not _DATE.match(text):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if _DATE.fullmatch(text):
        found = datetime.combine(found.date(), time.max)
    return found if found.tzinfo is not None else found.replace(tzinfo=timezone)


def _commit(fields: Sequence[str]) -> Commit:
    trailers = list(_trailers(fields[5]))
    known: Mapping[str, str] = dict(trailers)
    return Commit(
        id=fields[0],
        time=datetime.fromisoformat(fields[1]),
        author=fields[2],
        email=fields[3],
        subject=fields[4],
        by="machine" if known.get(KIND, PERSON) != PERSON else "person",
        user=known.get(USER),
        runs=tuple(value for name, value in trailers if name == RUN),
    )


def _trailers(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        name, sign, value = line.partition(": ")
        if sign:
            yield name, read_value(value)


def _blamed(lines: Sequence[bytes]) -> Iterator[Blamed]:
    """`git blame --line-porcelain`: a head, "name value" lines, then the line itself behind a tab."""
    head: list[str] = []
    values: dict[str, str] = {}
    for line in lines:
        if line.startswith(b"\t"):
            yield _one_blamed(head, values, line[1:].decode("utf-8", "replace").rstrip("\r"))
            head, values = [], {}
        elif not head:
            head = line.decode().split()
        else:
            name, _, value = line.decode("utf-8", "replace").partition(" ")
            values[name] = value


def _one_blamed(head: Sequence[str], values: Mapping[str, str], text: str) -> Blamed:
    commit, number = head[0], int(head[2])
    if not commit.strip("0"):
        return Blamed(number, text)
    when = datetime.fromtimestamp(int(values["author-time"]), UTC)
    return Blamed(number, text, commit, values["author"], when)
