"""Forgetting: a resource with everything that was derived from it alone, or a whole user."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from ..edges import buffer, files, pending
from ..errors import CorruptFile, FormatTooNew, NotFound
from .desk import Desk
from .editing import writing
from .erasing import erase
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
        done = erase(desk, resource_id, new_run_id(now), now)
        return Forgotten(resource_id, len(done.fates.gone), done.events, tuple(sorted(done.fates.kept)))


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
