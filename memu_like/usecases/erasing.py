"""Erasing a resource, or lines of one, physically: no word of it is left in any file, nor in the index.

The journal names the resource before the first byte is touched. From then on the erasing is finished by
whoever writes next: each step can be done again, and what is still to do is told by the files.
Order: category files, the run's event, item lines, event lines, the resource's own files, the index.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ..edges import buffer, journal
from ..edges.folder import DERIVED, UserFolder, content_hash, month_file, resource_stem
from ..edges.index.manifest import MANIFEST
from ..errors import StorageError
from ..models import Event, Status
from ..pure import records
from ..pure.markdown import Bullet, Document, parse
from .bases import Base, base_topics, read_base, write_base
from .categories import Wishes, read_category, render_categories, write_checked
from .desk import Desk
from .fates import Fates, History, Scope, decide, histories
from .seen_lines import seen_anew

META = ".meta.json"
STRUCK = "(forgotten)"
VECTORS = f"{DERIVED}/vectors"
PASTS = f"{DERIVED}/at"
"""Copies of what stood in commits, which hold what is to be erased."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasing under way: the run that does it, and what becomes of each item that it touches."""

    scope: Scope
    run: str
    now: datetime
    history: Mapping[str, History]
    fates: Fates
    events: int

    @property
    def touched(self) -> frozenset[str]:
        return frozenset(self.fates.gone) | frozenset(self.fates.changed)


def erase(desk: Desk, scope: Scope, run: str, now: datetime) -> Erasure:
    """Erase a resource, or lines of a conversation, which leave blank ones behind them.

    Done again after a crash, it carries on. The caller holds the folder's lock.
    """
    history = histories(desk)
    fates = decide(desk, history, scope, run, now)
    events = desk.folder.all_events().values()
    told = [e for e in events if e.kind != "forget" and scope.resource in e.resources]
    plan = Erasure(scope, run, now, history, fates, len(told))
    changes = [replace(item, status=Status.SUPERSEDED) for item in fates.gone.values()]
    rendered = render_categories(
        desk,
        [*changes, *fates.changed.values()],
        Wishes(adopted=fates.bullets, plain_summaries=True),
    )
    if rendered.problems:
        raise StorageError(rendered.problems[0])
    journal.begin_forgetting(desk.folder, journal.Forgetting(scope.resource, run, now, tuple(scope.lines)))
    rendered.write(desk)
    _strike_bullets(desk, plan)
    _clean_bases(desk, plan)
    # From here to the new index readers make their own from the files, in memory.
    desk.folder.remove(MANIFEST)
    _record(desk, plan)
    _rewrite_items(desk, plan)
    _rewrite_events(desk, plan)
    if scope.lines:
        _blank(desk, scope)
    else:
        _remove_files(desk.folder, scope.resource)
    desk.index.rebuild()
    # Vectors that were kept to save their cost cannot be told apart: the next reindex pays for them again.
    desk.folder.remove_folder(VECTORS)
    desk.folder.remove_folder(PASTS)
    journal.end(desk.folder)
    return plan


def finish(desk: Desk) -> bool:
    """Carry on the erasing that the journal names; False where it names none."""
    under_way = journal.forgetting(desk.folder)
    if under_way is None:
        return False
    journal.roll_back(desk.folder)
    scope = Scope(under_way.resource, frozenset(under_way.lines))
    erase(desk, scope, under_way.run, under_way.now)
    return True


# -- category files


def _strike_bullets(desk: Desk, plan: Erasure) -> None:
    """Take out what the merge leaves in place: copies of a bullet, and bullets moved to another file."""
    stays = {i: plan.fates.standing_after(i) for i in plan.fates.changed}
    for path in desk.folder.category_files():
        document = parse(read_category(desk, path) or "", plan.touched)
        drop: dict[int, str | None] = {}
        for bullet in document.bullets:
            if bullet.id in plan.touched and bullet.text not in stays.get(bullet.id, ()):
                drop.update(_struck(bullet))
        if drop:
            write_checked(desk, path, _without_lines(document, drop), document)


def _struck(bullet: Bullet) -> Iterator[tuple[int, str | None]]:
    """The bullet's lines are dropped; one that other entries hang on loses its words only."""
    for line in bullet.lines:
        yield line.number, None
    if bullet.nested_ids:
        yield bullet.lines[0].number, f"{bullet.prefix}{STRUCK}"


def _without_lines(document: Document, drop: Mapping[int, str | None]) -> str:
    out = [document.bom]
    for line in document.lines:
        text = drop.get(line.number, line.text)
        if text is not None:
            out.append(text + line.end)
    return "".join(out)


def _clean_bases(desk: Desk, plan: Erasure) -> None:
    """A base keeps what the machine last wrote, also where a person has rewritten it: not of these items."""
    for topic in base_topics(desk):
        base = read_base(desk, topic)
        text = read_category(desk, f"categories/{topic}.md") or ""
        standing = {b.id: b.text for b in parse(text, plan.touched).bullets if b.id in plan.touched}
        bullets = {i: t for i, t in base.bullets.items() if i not in plan.touched}
        bullets |= {i: standing[i] for i in base.bullets if i in standing}
        cleaned = Base(bullets, base.summary if base.summary in text else "", base.description)
        if cleaned != base:
            write_base(desk, topic, cleaned)


# -- records


def _record(desk: Desk, plan: Erasure) -> None:
    """The run's event: the id of a resource that is gone, and nothing of what it said."""
    if plan.run not in desk.folder.all_events():
        gone = () if plan.scope.lines else (plan.scope.resource,)
        event = Event(plan.run, "forget", plan.now, plan.now, resources=gone)
        desk.folder.append(month_file("events", plan.now), records.render(event))


def _rewrite_items(desk: Desk, plan: Erasure) -> None:
    """All lines of the touched items go; in place of a changed one's last line stands the new one.

    Newest file first: an item's last line is dealt with before the older ones, which tell whose words it has.
    """
    for name in reversed(desk.folder.item_files()):
        changes = []
        for line, item in desk.folder.items(name):
            if item.id in plan.touched:
                fate = plan.fates.changed.get(item.id)
                last = fate is not None and plan.history[item.id].place == (name, line.offset)
                changes.append((line.offset, line.length, records.render(fate) if fate and last else b""))
            elif item.supersedes in plan.fates.gone:
                changes.append((line.offset, line.length, records.render(replace(item, supersedes=None))))
        if changes:
            with seen_anew(desk, name):
                _splice(desk.folder, name, changes)


def _rewrite_events(desk: Desk, plan: Erasure) -> None:
    for name in desk.folder.event_files():
        changes = []
        for line, event in desk.folder.event_lines(name):
            cleaned = _cleaned(event, plan)
            if cleaned != event:
                changes.append((line.offset, line.length, records.render(cleaned)))
        _splice(desk.folder, name, changes)


def _cleaned(event: Event, plan: Erasure) -> Event:
    """The event of a forgotten resource keeps its id and its times, for its run still counts."""
    if event.kind == "forget":
        return event
    forgotten = plan.scope.resource in event.resources
    if forgotten and plan.scope.lines:
        # Of whose words its summary was made cannot be told.
        event = replace(event, title=None, summary="", tags=())
    gone = plan.scope.resource if not plan.scope.lines else None
    resources = tuple(name for name in event.resources if name != gone)
    if event.resources and not resources:
        return Event(event.id, event.kind, event.created_at, event.time, deleted=True, rev=event.rev)
    return replace(
        event,
        resources=resources,
        items=tuple(item for item in event.items if item not in plan.fates.gone),
        profile_delta=tuple(delta for delta in event.profile_delta if delta.item not in plan.touched),
        dropped=tuple(one for one in event.dropped if one.item not in plan.fates.gone),
    )


def _splice(folder: UserFolder, name: str, changes: Iterable[tuple[int, int, bytes]]) -> None:
    """Replace lines, their newlines included; every other byte stays."""
    found = list(changes)
    if not found:
        return
    data, out, position = folder.read(name), bytearray(), 0
    for offset, length, new in found:
        out += data[position:offset] + new
        position = offset + length + 1
    folder.write(name, bytes(out + data[position:]))


def _blank(desk: Desk, scope: Scope) -> None:
    """Take the words out of lines. The others stay where they stand: items say on which line that is."""
    folder, resource = desk.folder, desk.folder.resource(scope.resource)
    lines = folder.read(resource.file).split(b"\n")
    for number in scope.lines:
        if number < len(lines):  # the last one is what follows the last newline
            lines[number - 1] = _without_words(lines[number - 1])
    data = b"\n".join(lines)
    folder.write(resource.file, data)
    said = [
        desk.stored_message(line, f"{resource.file}:{n}") for n, line in enumerate(lines, 1) if line.strip()
    ]
    speakers = tuple(dict.fromkeys(message.speaker for message in said if message.content))
    meta = replace(resource, sha256=content_hash(data), speakers=speakers)
    folder.write(resource_stem(resource.id) + META, records.render_pretty(meta))


def _without_words(line: bytes) -> bytes:
    at = json.loads(line).get("created_at")
    return buffer.render([{"role": "user", "content": "", **({"created_at": at} if at else {})}]).rstrip()


def _remove_files(folder: UserFolder, resource_id: str) -> None:
    """The meta file goes first: what it names no longer exists from then on."""
    names = folder.resource_files(resource_id)
    for name in sorted(names, key=lambda name: not name.endswith(META)):
        folder.remove(name)
        _prune(folder, Path(name).parent)


def _prune(folder: UserFolder, relative: Path) -> None:
    """Leave no empty month or year behind."""
    for path in (folder.root / relative, folder.root / relative.parent):
        if path.is_dir() and not any(path.iterdir()):
            folder.remove_folder(path.relative_to(folder.root).as_posix())
