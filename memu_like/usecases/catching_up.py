"""What a process left that was killed before it committed, or an import: on disk, and in no commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import PurePosixPath

from ..edges.files import stamp
from ..edges.folder import USER_FILE, UserFolder, mark
from ..edges.git.committing import Draft, Tip
from ..edges.recording import Appended, Content, Whole
from ..errors import CorruptFile
from .bases import is_synced, read_base
from .composing import META, Composer, Job, Noticed, Standing, is_rewritten, on_disk, path_of
from .desk import Desk

SLICE_BYTES = 64 * 1024 * 1024
"""What a crash or an import left is committed in parts of about so much."""


def left_behind(
    jobs: Sequence[Job], at: Sequence[Job], machine: tuple[str, str], tip: Tip
) -> Sequence[Draft]:
    """What is on disk and not committed, of what is surely the machine's: of each user at most a slice.

    Files that were written since are left to those who did.
    """
    drafts: list[Draft] = []
    size = 0
    for job in {job.folder.root: job for job in reversed(at)}.values():
        if size < SLICE_BYTES and job.folder.exists():
            drafts += _left_by(job, [one for one in jobs if one.folder.root == job.folder.root], machine, tip)
            size = sum(len(data) for draft in drafts for data in draft.contents.values() if data)
    return drafts


def _left_by(job: Job, jobs: Sequence[Job], machine: tuple[str, str], tip: Tip) -> Sequence[Draft]:
    touched = {path for one in jobs for path in one.touched()}
    standing = Standing(tip)
    composer = Composer(job, tip, standing, machine, Noticed())
    committed = set(composer.own_paths())
    texts = [*job.folder.item_files(), *job.folder.event_files(), *job.folder.category_files(), USER_FILE]
    texts = [path for path in texts if path not in touched and _is_older(job, path)]
    standing.load(path_of(tip, job, path) for path in (*texts, *(path for path in touched if path)))
    contents: dict[str, bytes | None] = dict(_changed_texts(composer, texts))
    contents |= _found_by_the_first(composer, jobs)
    new = [path for path in resource_files(job.folder) if path not in committed and path not in touched]
    new = [path for path in new if _is_older(job, path)]
    gone = sorted(committed.difference(job.folder.listing("resources/*/*/*"), touched))
    contents |= dict.fromkeys(_forgotten(job.folder, gone))
    standing.load(path_of(tip, job, path) for path in contents)
    contents |= dict(in_slices(job, new, sum(len(data) for data in contents.values() if data)))
    standing.load(path_of(tip, job, path) for path in contents)
    return list(composer.machines(contents, carried_on=True))


def _found_by_the_first(composer: Composer, jobs: Sequence[Job]) -> dict[str, bytes]:
    """What stood in the files that were written since, before the first of these jobs wrote to them."""
    first: dict[str, Content] = {}
    for part in (part for job in jobs for part in job.written.parts):
        first = {**part.files, **first}
    found = {}
    for path, content in first.items():
        if isinstance(content, Whole) and content.before and composer.is_left(path, content.before):
            found[path] = content.before
        elif isinstance(content, Appended):
            before, now = (on_disk(composer.job, path) or b"")[: content.start], composer.now(path) or b""
            if len(now) < len(before) == content.start and before.startswith(now):
                found[path] = before
    return found


def _is_older(job: Job, path: str) -> bool:
    """A file that is newer belongs to a call that is still at work, or has been handed over since."""
    found = stamp(job.folder.path(path))
    return found is not None and found[0] <= job.ended


def _changed_texts(composer: Composer, texts: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for path in texts:
        data, now = on_disk(composer.job, path), composer.now(path)
        if data is None or data == now:
            continue
        if path.startswith("categories/"):
            if mark(path, data) in composer.marks() or _is_synced(composer.job.desk, path, data):
                yield path, data
        elif path == USER_FILE:
            yield path, data
        else:
            whole = data[: data.rfind(b"\n") + 1]
            if whole.startswith(now or b"") or is_rewritten(path, whole, composer.marks()):
                yield path, whole


def _is_synced(desk: Desk, path: str, data: bytes) -> bool:
    """Whether the last sync found no edit in it: then it holds none, whoever committed nothing of it."""
    with suppress(CorruptFile):
        return is_synced(read_base(desk, PurePosixPath(path).stem), data)
    return False


def resource_files(folder: UserFolder) -> list[str]:
    """The files of resources that came in whole: those whose meta file is there."""
    names = folder.listing("resources/*/*/*")
    stems = {name.removesuffix(META) for name in names if name.endswith(META)}
    return [name for name in names if any(stem in stems for stem in _stems(name))]


def _stems(name: str) -> Iterator[str]:
    """ "a/b.meta.json" -> "a/b.meta", "a/b": an id holds no dot, and an ending may hold several."""
    folder, _, last = name.rpartition("/")
    parts = last.split(".")
    return (f"{folder}/{'.'.join(parts[:count])}" for count in range(1, len(parts)))


def _forgotten(folder: UserFolder, gone: Sequence[str]) -> list[str]:
    """Of resources' files that are gone, those that a forget has erased: others may only be out of reach."""
    if not any(path.startswith("resources/") for path in gone):
        return []
    with suppress(CorruptFile):
        forgotten = [e.resources for e in folder.all_events().values() if e.kind == "forget"]
        stems = tuple(f"resources/{i[:4]}/{i[4:6]}/{i[6:]}." for ids in forgotten for i in ids)
        return [path for path in gone if path.startswith(stems)]
    return []


def in_slices(job: Job, paths: Iterable[str], size: int = 0) -> Iterator[tuple[str, bytes]]:
    """The files with their bytes, until they are a slice; `size` bytes are taken already."""
    for path in paths:
        data = on_disk(job, path)
        if data is None:
            continue
        yield path, data
        size += len(data)
        if size >= SLICE_BYTES:
            return
