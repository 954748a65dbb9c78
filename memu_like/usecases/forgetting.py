"""Forgetting: a resource with everything that was derived from it alone, or a whole user."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from ..edges import buffer, files, pending
from ..edges.blob_places import BlobPlace
from ..errors import CorruptFile, FormatTooNew, NotFound
from ..pure import blobs as marks
from .desk import Desk
from .editing import writing
from .erasing import erase
from .fates import Scope
from .runs import new_run_id


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What a forget erased, in figures. `kept` are ids of items that a person has rewritten: they stay."""

    resource: str
    items: int = 0
    events: int = 0
    kept: tuple[str, ...] = ()


def forget_resource(desk: Desk, resource_id: str) -> Forgotten:
    """Erase a resource. Raises NotFound where it never was; one that was forgotten before is no error."""
    with writing(desk):
        if not desk.folder.has_resource(resource_id):
            forgotten = (e for e in desk.folder.all_events().values() if e.kind == "forget")
            if any(resource_id in event.resources for event in forgotten):
                return Forgotten(resource_id)
            raise NotFound("resource", resource_id)
        now = desk.tools.now()
        pending.remove(desk.folder, [resource_id])
        done = erase(desk, Scope(resource_id), new_run_id(now), now)
        return Forgotten(resource_id, len(done.fates.gone), done.events, tuple(sorted(done.fates.kept)))


def delete_blob(desk: Desk, blob_id: str) -> None:
    """Erase a blob and what came of it, buffered or memorized. Raises NotFound.

    Other messages of a conversation that it stands in stay on their lines, and so does what came of them.
    """
    with writing(desk):
        dropped = buffer.drop(
            desk.folder,
            lambda raw: (mark := marks.mark_of(raw)) is not None and mark.id == blob_id,
            desk.settings.lock_timeout_seconds,
        )
        desk.blobs.refresh()
        places = desk.blobs.of(blob_id)
        if not dropped and not places:
            raise NotFound("blob", blob_id)
        for place in places:
            _forget(desk, place)


def _forget(desk: Desk, place: BlobPlace) -> None:
    """The place, or the whole resource where no other words stand in it."""
    resource = desk.folder.resource(place.resource)
    lines = desk.folder.read(resource.file).split(b"\n") if place.lines else []
    others = (
        desk.stored_message(line, f"{resource.file}:{number}").content
        for number, line in enumerate(lines, start=1)
        if number not in place.lines and line.strip()
    )
    now = desk.tools.now()
    if any(others):
        erase(desk, Scope(resource.id, frozenset(place.lines)), new_run_id(now), now)
    else:
        pending.remove(desk.folder, [resource.id])
        erase(desk, Scope(resource.id), new_run_id(now), now)


def forget_user(desk: Desk) -> None:
    """Remove the folder. Cut short, it is carried on by the next call. Raises NotFound, InvalidUserId."""
    folder = desk.folder
    files.guard(folder.store, folder.root)
    if not folder.exists():
        raise NotFound("user", folder.user_id, f"no memory folder at {folder.root}")
    timeout = desk.settings.lock_timeout_seconds
    with folder.lock(timeout=timeout), folder.lock(buffer.LOCK, timeout=timeout):
        if not folder.exists():
            return  # somebody else forgot the same user while this call waited
        # It is to go, readable or not; only a folder of somebody else is another matter.
        with contextlib.suppress(CorruptFile, FormatTooNew):
            folder.profile_data()
        folder.remove_all()
    folder.remove_locks()
