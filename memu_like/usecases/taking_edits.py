"""Taking in what a person did to the category files: before each run, and whenever a sync is asked for.

The order on disk: ids into the files; items; the event (the commit); bases; index. Cut short after the first
step, the bullets have ids that no item has, and the next sync makes the items of them.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from ..edges import journal
from ..edges.folder import content_hash
from ..errors import CorruptFile, StorageError
from ..models import Event, Item, Origin, Status
from ..pure import records
from ..pure.edits import Edits, Writer, counts, find_edits
from ..pure.markdown import parse
from ..pure.merging import bullets_of, standing_summary
from ..pure.pages import Page, insert_ids, shown
from ..pure.reasons import BY_PERSON, DERIVED_GONE
from ..pure.rendering import bullet_text
from ..pure.untouched import untouched_in
from ..results import Edit
from .bases import Base, base_topics, has_base, is_synced, read_base, remove_base, write_base
from .categories import category_path, current_base, mentioned, render_categories, with_unwritten
from .desk import Desk
from .following import follow_git
from .renames import learn_renames
from .runs import commit, new_run_id, tell_rewritten

MAX_TRIES = 100
_ID = re.compile(rb"\^([a-z0-9]{4,12})")
_CONFLICT_COPY = re.compile(r"\.sync-conflict-|\(.*conflict(?:ed)? copy.*\)|_conflict-\d", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken in; see `SyncReport`."""

    edits: tuple[Edit, ...] = ()
    held: tuple[Edit, ...] = ()
    problems: tuple[str, ...] = ()
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """The category files as they were read: those that may hold an edit, and what else bears on them."""

    pages: tuple[Page, ...]
    data: Mapping[str, bytes | None]
    bases: Mapping[str, Base]
    problems: tuple[str, ...]
    astray: frozenset[str]
    all_gone: bool
    cut_short: bool
    """Whether one that could not be read may have lost some of its text."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """What was written for those that got ids, by path."""


def take_edits(desk: Desk, *, confirm: bool = False) -> Taken:
    """Take in the edits. The caller holds the folder's lock and has settled what a killed writer left.

    Where so many entries are gone at once that it looks like an accident, these are held until `confirm`.
    """
    followed = follow_git(desk)
    if not followed.settled:
        return Taken(problems=followed.problems)
    learn_renames(desk)
    for _ in range(MAX_TRIES):
        files = _read(desk)
        if not files.pages:
            return Taken(problems=files.problems, run=followed.run)
        run = new_run_id(desk.tools.now())
        found = _find(desk, files, run)
        held = () if confirm or not _is_too_many(desk, found, files) else tuple(found.deleted)
        texts = _write_ids(desk, files, found)
        if texts is not None:
            wrote = _commit(desk, replace(files, texts=texts), found, run, held=bool(held))
            taken = found.edits if held else [*found.edits, *found.deleted]
            problems = (*files.problems, *found.problems.values(), *_waiting(found))
            return Taken(tuple(taken), held, problems, run if wrote else followed.run)
    raise StorageError(f"the category files changed {MAX_TRIES} times while they were read; try again")


def _waiting(found: Edits) -> Iterator[str]:
    if found.waiting:
        yield (
            f"{found.waiting} entries are gone from their files, and may have been moved into one that cannot"
            " be told: they are kept until it is mended"
        )


def told(taken: Taken) -> tuple[str, ...]:
    """What a run should say of the edits that it did not take in."""
    held = f"{len(taken.held)} deletions are held back: `memu-like sync` shows them"
    return (*taken.problems, *([held] if taken.held else []))


# -- reading


def _read(desk: Desk) -> Files:
    paths = {Path(path).stem: path for path in desk.folder.category_files()}
    problems: list[str] = []
    astray, strays = _astray(desk, paths)
    problems += strays
    pages: list[Page] = []
    data: dict[str, bytes | None] = {}
    bases: dict[str, Base] = {}
    untold: set[str] = set()
    cut_short = False
    written = base_topics(desk)
    for topic in sorted({*paths, *written}):
        try:
            page = _page(desk, topic, data, bases, lost=not written)
        except StorageError as error:
            problems.append(f"{error}; nothing was taken from it")
            before, standing = _written_ids(desk, topic), _standing_ids(desk, topic)
            untold |= before.union(standing)
            cut_short |= not has_base(desk, topic) or not before <= standing
            continue
        if page is not None:
            pages.append(page)
    gone = not paths and any(page.bullets for page in pages)
    return Files(tuple(pages), data, bases, tuple(problems), astray | untold, gone, cut_short)


def _written_ids(desk: Desk, topic: str) -> set[str]:
    """The ids that stood in a file that cannot be read; none where its base cannot be read either."""
    with contextlib.suppress(StorageError):  # it is reported for the file already
        return set(read_base(desk, topic).bullets)
    return set()


def _standing_ids(desk: Desk, topic: str) -> set[str]:
    """The ids in the bytes of a file that is no text; none where not even these can be read."""
    with contextlib.suppress(StorageError):
        data = desk.folder.read_or_none(category_path(topic)) or b""
        return {one.decode() for one in _ID.findall(data)}
    return set()


def _page(
    desk: Desk, topic: str, data: dict[str, bytes | None], bases: dict[str, Base], *, lost: bool
) -> Page | None:
    """The file where it may hold an edit. `lost` says that all bases are."""
    path = category_path(topic)
    content = desk.folder.read_or_none(path)
    base = read_base(desk, topic)
    if content is not None and is_synced(base, content):
        return None
    text = None if content is None else _decoded(desk, path, content)
    new = not has_base(desk, topic)
    # A topic without items needs no look at the events: a blank note would cost one at each sync.
    if text is not None and new and (lost or any(desk.view().all_items({topic}))):
        known = current_base(desk, topic, text)
        if lost or _stood_there(
            desk, topic, known
        ):  # the base was lost, with others or before they were made
            base, new = with_unwritten(desk, topic, text, known), False
    data[path], bases[topic] = content, base
    head = base.summary, base.description
    return Page(
        topic,
        path,
        text,
        base.bullets,
        *head,
        told=base.told,
        theirs=base.theirs,
        put=base.put,
        new=new,
        mentioned=mentioned(desk, text or ""),
    )


def _stood_there(desk: Desk, topic: str, known: Base) -> bool:
    """Whether what is known of a file is of entries that are this topic's still: then it is not a new one."""
    items = [desk.item(item_id) for item_id in known.bullets]
    return any(item and item.status is not Status.RETRACTED and item.topic == topic for item in items)


def _decoded(desk: Desk, path: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise CorruptFile(desk.folder.path(path), None, f"not UTF-8 at byte {error.start}") from error


def _astray(desk: Desk, paths: dict[str, str]) -> tuple[frozenset[str], list[str]]:
    """Entries in files that are no category: in a folder below, or a copy that a sync tool has put beside.

    Takes the copies out of `paths`.
    """
    problems = []
    found: set[str] = set()
    copies = [path for topic, path in paths.items() if _CONFLICT_COPY.search(topic)]
    for path in copies:
        del paths[Path(path).stem]
        problems.append(f"{path}: a conflict copy: merge it into the file it came from, and remove it")
    nested = [
        path for path in desk.folder.listing("categories/*/*.md") if not path.startswith("categories/.")
    ]
    for path in nested:
        problems.append(f"{path}: categories have no folders below them: move it back up")
    for path in (*copies, *nested):
        found |= {one.decode() for one in _ID.findall(desk.folder.read_or_none(path) or b"")}
    return frozenset(found), problems


def _find(desk: Desk, files: Files, run: str) -> Edits:
    folder = desk.folder
    writer = Writer(folder.user_id, desk.own_names(), run, desk.tools.now(), desk.settings.mask_secrets)
    with desk.still():
        untouched = untouched_in(files.pages, desk.view().active_slots)
        elsewhere = _elsewhere(desk, files, untouched)
        found = find_edits(
            files.pages,
            desk.item,
            writer,
            elsewhere,
            files.astray,
            untouched,
            cut_short=files.cut_short,
        )
    if found.gone:
        found.let_stay(_taken_out(desk, found.gone))
    return found


def _taken_out(desk: Desk, ids: Mapping[str, Item]) -> frozenset[str]:
    """Of `ids`: those whose bullet a run has taken out, here or where else the folder is written, and not a
    person. A tool that carries files from one machine to another brings that run's event along."""
    last: dict[str, tuple[datetime, str]] = {}
    wanted = [item_id.encode() for item_id in ids]
    for name in desk.folder.event_files():
        for line in desk.folder.read(name).splitlines():
            if not any(item_id in line for item_id in wanted):
                continue
            if records.is_whole(line):
                event = records.parse(Event, line)
                for delta in event.profile_delta:
                    if delta.item in ids and event.created_at >= last.get(delta.item, (event.created_at,))[0]:
                        last[delta.item] = event.created_at, delta.op
    return frozenset(item_id for item_id, (_, op) in last.items() if op == "remove")


def _elsewhere(desk: Desk, files: Files, untouched: Collection[str]) -> frozenset[str]:
    """Of the ids in a page that belong to another topic: those that stand in that one's file too."""
    read = {page.topic for page in files.pages}
    found = set()
    for page in files.pages:
        for item_id in bullets_of(page.text or "", page.known).keys() - untouched:
            item = desk.item(item_id)
            if item is not None and item.topic not in read:
                home = desk.folder.read_or_none(category_path(item.topic)) or b""
                if b"^" + item_id.encode() in home:
                    found.add(item_id)
    return frozenset(found)


# -- deciding


def _is_too_many(desk: Desk, found: Edits, files: Files) -> bool:
    if not found.gone:
        return False
    if files.all_gone:
        return True
    if any(found.gone.keys() & set(base.held) for base in files.bases.values()):
        return True  # they wait, whatever has been learnt or written since
    stood = sum(len(read_base(desk, topic).bullets) for topic in base_topics(desk))
    settings = desk.settings
    return len(found.gone) >= settings.sync_hold_least and len(found.gone) > settings.sync_hold_share * stood


def _derived(desk: Desk, gone: Mapping[str, Item], run: str) -> dict[str, Item]:
    """What was derived from nothing but items that are gone, and so on: retracted with them."""
    children = _children(desk)
    found: dict[str, Item] = {}
    more = True
    while more:
        more = False
        for item_id, roots in children.items():
            if item_id in gone or item_id in found or not roots <= {*gone, *found}:
                continue
            item = desk.item(item_id)
            if item is None or item.status is not Status.ACTIVE or item.source:
                continue
            if item.origin is not Origin.HUMAN:  # what a person has put in words of their own is theirs
                found[item_id] = replace(
                    item,
                    rev=item.rev + 1,
                    status=Status.RETRACTED,
                    run=run,
                    created_at=desk.tools.now(),
                    reason=DERIVED_GONE,
                )
                more = True
    return found


def _children(desk: Desk) -> dict[str, set[str]]:
    """What each derived item was derived from. Few items are: only their lines are read as records."""
    found: dict[str, set[str]] = {}
    for name in desk.folder.item_files():
        for line in desk.folder.read(name).splitlines():
            if b'"derived_from":["' in line and records.is_whole(line):
                item = records.parse(Item, line)
                found[item.id] = set(item.derived_from)
    return found


# -- writing


def _write_ids(desk: Desk, files: Files, found: Edits) -> dict[str, str] | None:
    """The texts with their ids, by path; None where a file was saved again meanwhile: all is read anew."""
    changed = {page.path: desk.folder.read_or_none(page.path) for page in files.pages}
    if any(files.data[path] != now for path, now in changed.items()):
        return None
    desk.folder.record_person(files.data)
    known = {item_id for page in files.pages for item_id in page.known}
    texts = {page.path: page.text or "" for page in files.pages if page.path in found.ids}
    texts = {path: insert_ids(text, known, found.ids[path]) for path, text in texts.items()}
    contents = {path: (files.data[path], text.encode()) for path, text in texts.items()}
    return None if desk.folder.replace_unchanged(contents) else texts


def _commit(desk: Desk, files: Files, found: Edits, run: str, *, held: bool) -> bool:
    """Returns whether there was anything to write down as a run."""
    changed = dict(found.revisions)
    begun = not journal.found(desk.folder)  # one that stands keeps a run that is still to be done
    derived: dict[str, Item] = {}
    if not held:
        derived = _derived(desk, found.gone, run) if found.gone else {}
        changed |= {**found.gone, **derived}
    if changed or found.renamed:
        deltas = found.deltas if held else [*found.deltas, *found.gone_deltas]
        event = Event(
            run,
            "sync",
            desk.tools.now(),
            desk.tools.now(),
            items=tuple(changed),
            profile_delta=tuple(deltas),
            renamed=tuple(found.renamed),
            reason=_reason(found, held),
        )
        if begun:
            journal.begin(desk.folder)
        commit(desk, changed.values(), [event])
        learn_renames(desk, found.renamed)
    _write_bases(desk, files, found, changed, held=held)
    if found.unseen:
        desk.index.refresh()
        _render(desk, list(found.unseen.values()))
    if not changed and not found.renamed:
        return False
    desk.index.refresh()
    if not held:
        _forget(desk, (*found.gone.values(), *derived.values()))
    desk.index.persist()
    if begun:
        journal.end(desk.folder)
    return True


def _forget(desk: Desk, gone: Sequence[Item]) -> None:
    """What is gone leaves the files: what was derived from it, and the summary that told of it."""
    standing = set(desk.folder.category_files())
    items = [item for item in gone if category_path(item.topic) in standing]
    if items:
        _render(desk, items)


def _render(desk: Desk, items: Sequence[Item]) -> None:
    """Write their files again. Where entries left, others may have room, and that is told as well."""
    rendered = render_categories(desk, items)
    gone = {item.id for item in items if item.status is not Status.ACTIVE}  # told by the sync's own event
    if len(gone) < len(items) or any(one.item not in gone for one in rendered.delta):
        tell_rewritten(desk, rendered, "sync", "written again after edits by hand", gone)
    rendered.write(desk)


def _reason(found: Edits, held: bool) -> str:
    kinds = counts(found.edits if held else [*found.edits, *found.deleted])
    return BY_PERSON + ", ".join(f"{count} {kind}" for kind, count in kinds.items())


def _write_bases(desk: Desk, files: Files, found: Edits, changed: Mapping[str, Item], *, held: bool) -> None:
    """The files as they stand are the base from now on, but for what stays a person's own."""
    with desk.still():  # bases are no part of what is looked up
        for page in files.pages:
            is_told = page.path not in found.problems and not page.is_new_and_blank
            if is_told:
                _write_base_of(desk, files, page, found, changed, held=held)


def _write_base_of(
    desk: Desk, files: Files, page: Page, found: Edits, changed: Mapping[str, Item], *, held: bool
) -> None:
    if page.text is not None:
        data = desk.folder.read_or_none(page.path)
        expected = files.texts.get(page.path, page.text)
        base = _base(desk, files, page, expected, changed, found, held=held)
        if data != expected.encode():  # saved again meanwhile: the next sync looks at it
            base = replace(base, written="")
        write_base(desk, page.topic, base)
    elif held:
        waiting = tuple(edit.item for edit in found.deleted if edit.path == page.path and edit.item)
        write_base(desk, page.topic, replace(files.bases[page.topic], held=waiting))
    elif not page.bullets.keys() & (files.astray | found.unsure):
        remove_base(desk, page.topic)


def _base(
    desk: Desk,
    files: Files,
    page: Page,
    text: str,
    changed: Mapping[str, Item],
    found: Edits,
    *,
    held: bool,
) -> Base:
    before = files.bases[page.topic]
    standing = bullets_of(text, page.known)
    kept = {edit.item for edit in found.deleted} if held else set[str]()
    kept |= files.astray | found.unsure
    bullets = {i: page.bullets[i] for i in page.bullets if i in kept}
    theirs: dict[str, str] = {}
    # An entry of a file that could not be told stands here, moved or copied; or one is gone, perhaps there.
    undecided = any(item_id in found.unsure and item_id not in standing for item_id in page.bullets)
    for item_id, bullet in standing.items():
        if item_id in found.untouched and item_id not in changed:
            bullets[item_id] = bullet
            continue
        item = changed.get(item_id) or desk.item(item_id)
        if item is None or not bullet:
            continue
        if item.topic != page.topic and item_id not in changed:
            undecided = True
            if (
                item_id in page.bullets
            ):  # where it is not, the machine did not put it here, nor may take it out
                bullets[item_id] = page.bullets[item_id]
            continue
        if bullet == bullet_text(item, desk.own_names()):
            bullets[item_id] = bullet
        elif item.origin is Origin.HUMAN:
            bullets[item_id], theirs[item_id] = "", shown(bullet, desk.settings.mask_secrets)
        else:  # what the machine has not come to rewrite
            bullets[item_id] = page.bullets.get(item_id, "")
        if item_id in found.unseen:  # taken out while an editor had it: the machine's, to take out again
            bullets[item_id] = bullet
    waiting = tuple(edit.item for edit in found.deleted if held and edit.path == page.path and edit.item)
    summary, description = standing_summary(text), parse(text).get("description") or ""
    return replace(
        before,
        bullets=bullets,
        written="" if waiting or undecided else content_hash(text.encode()),
        told=(summary, description),
        theirs=theirs,
        held=waiting,
    )


__all__: Sequence[str] = ("Taken", "take_edits", "told")
