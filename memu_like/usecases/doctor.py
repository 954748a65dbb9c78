"""Doctor: what is wrong with a folder, what of it can be put right, and the index made anew."""

from __future__ import annotations

import contextlib

from ..edges import buffer, files, journal
from ..edges.git import merging
from ..edges.index.index import Index
from ..edges.index.manifest import MANIFEST
from ..edges.index.manifest import parse as parse_manifest
from ..edges.index.segment import OWN_ROWS
from ..edges.index.view import View
from ..edges.store import ATTRIBUTES
from ..errors import CorruptFile, NotFound
from .checks import REPAIR, Finding, Survey, survey
from .desk import Desk, Progress
from .editing import writing
from .listing import Stats, stats
from .memorize import run_pending, settle

REINDEX = "memu-like reindex"
Rows = set[tuple[str, int, int]]


def doctor(desk: Desk) -> list[Finding]:
    """What is wrong with the folder; empty where nothing is. Reads only. Raises NotFound."""
    if not desk.folder.exists():
        raise NotFound("user", desk.folder.user_id, f"no memory folder at {desk.folder.root}")
    files.guard(desk.folder.store, desk.folder.root)
    found = survey(desk.folder)
    _check_merging(desk, found)
    if not found.broken:
        _check_index(desk, found)
    return found.findings


def repair(desk: Desk) -> list[Finding]:
    """Finish what was interrupted, cut torn lines, read what no run has read, and rebuild the index.

    Returns what is still wrong: what only a person can mend.
    """
    desk.folder.require()
    timeout = desk.settings.lock_timeout_seconds
    # A line that does not parse is named by doctor below: nothing is guessed, nothing dropped.
    with desk.folder.lock(timeout=timeout), contextlib.suppress(CorruptFile):
        settle(desk)
        _mend_tails(desk)
        run_pending(desk)
        _rebuild(desk, None)
    return doctor(desk)


def reindex(desk: Desk, progress: Progress | None = None) -> Stats:
    """Throw the index away and build it again from the files."""
    with writing(desk):
        _rebuild(desk, progress)
        return stats(desk)


def _rebuild(desk: Desk, progress: Progress | None) -> None:
    journal.begin(desk.folder)
    desk.index.rebuild((lambda done, total: progress("indexing", done, total)) if progress else None)
    journal.end(desk.folder)


def _mend_tails(desk: Desk) -> None:
    """A last line without its newline gets it where it is whole, and is cut where it is not."""
    folder = desk.folder
    for name in (*folder.item_files(), *folder.event_files()):
        folder.append(name, b"")
    with folder.lock(buffer.LOCK, desk.settings.lock_timeout_seconds):
        for name in folder.listing("buffer*.jsonl"):
            folder.append(name, b"")
        journal.sweep_all(folder)


def _check_merging(desk: Desk, found: Survey) -> None:
    """A clone has the rules of how to merge, and not yet the driver that they name."""
    repository = desk.tools.repository()
    if repository is not None and not merging.is_registered(repository):
        message = "git does not know how to merge entries in this clone: it would merge their lines"
        found.add("note", ATTRIBUTES, None, message, "memu-like init --git")


# -- the index


def _check_index(desk: Desk, found: Survey) -> None:
    """The index that searches use, caught up, against one that is built from the files now."""
    fresh = Index(desk.folder, None, None, desk.tools.timezone)
    used = desk.index
    try:
        fresh.reread()
        used.refresh()
    except CorruptFile as error:
        found.add("error", error.path.name, error.line, str(error), REPAIR)
        return
    for problem in used.problems:
        found.add("warning", MANIFEST, None, problem, REINDEX)
    _check_fingerprint(desk, found)
    ours, theirs = View(used.segments), View(fresh.segments)
    for what, have, want in (
        ("rows", _rows(ours), _rows(theirs)),
        ("items", _items(ours), _items(theirs)),
    ):
        if have != want:
            message = f"the index has {len(have - want)} {what} too many and lacks {len(want - have)}"
            found.add("error", MANIFEST, None, message, REINDEX)


def _check_fingerprint(desk: Desk, found: Survey) -> None:
    data = desk.folder.read_or_none(MANIFEST)
    if data is None:
        return
    try:
        manifest = parse_manifest(data, desk.folder.path(MANIFEST))
    except CorruptFile:
        return  # told as a problem of the index already
    if manifest is None or manifest.fingerprint != desk.index.fingerprint:
        message = "the index was made with another embedder or version: it is built again by the next run"
        found.add("note", MANIFEST, None, message, REINDEX)


def _rows(view: View) -> Rows:
    """(file, offset, length) of each message and chunk."""
    return {
        (segment.files[file], offset, length)
        for segment in view.segments
        for file, offset, length, kind in segment.rows[["file", "offset", "length", "kind"]].tolist()
        if kind not in OWN_ROWS
    }


def _items(view: View) -> Rows:
    return {(f"{place.id}@{place.file}", place.offset, place.length) for place in view.all_items()}


__all__ = ["Finding", "doctor", "reindex", "repair"]
