"""A Memobase project, read through its API and written into the store, user by user.

Whatever fails is told, and the rest goes on; a source that is down altogether ends the import. A user counts
as done once all of it is written, and what is written is known again, so an import can be killed anywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import TypeVar

from ..edges.import_state import ImportState
from ..edges.memobase_api import MemobaseApi
from ..errors import (
    InvalidInput,
    MemuLikeError,
    NotFound,
    RemoteError,
    RemoteUnavailable,
    StorageError,
    UserError,
)
from ..models import Blob, BlobType
from ..pure import memobase_records as remote
from ..pure.memobase_records import RemoteUser
from ..results import ImportProblem, ImportReport
from . import importing
from .desk import Desk, Progress, Room
from .importing import Imported

USERS_A_PAGE = 100
LISTINGS = 3
"""How often the users are listed anew where some moved from page to page meanwhile."""
EVENTS_AT_ONCE = 1000
"""What one answer tells of events; there are no pages, so a longer one is asked for where it is full."""
MOST_EVENTS = 1_000_000
EVENTS_A_RUN = 200
BLOBS_A_PAGE = 100
BLOBS_ASKED_AT_ONCE = 4
MOST_DOWN = 3
"""So many users in a row that the source, or the disk, fails for: then it is down, and no user's fault."""
MOST_RECORDS = 1_000_000
"""Of one list of an answer."""
MOST_TOLD = 200
"""Refused records and notes that the report has one by one."""
UNREAD = ("idle", "processing", "failed")
"""The states of blobs that Memobase has not learnt from."""

T = TypeVar("T")
RoomOf = Callable[[str], Awaitable[Room]]


@dataclass(slots=True)
class _Counts:
    """What is known of the import so far."""

    users: int = 0
    done_before: int = 0
    profiles: int = 0
    events: int = 0
    blobs: int = 0
    waiting: int = 0
    known: int = 0
    refusals: int = 0
    failed: list[ImportProblem] = field(default_factory=list)
    refused: list[ImportProblem] = field(default_factory=list)
    notes: list[ImportProblem] = field(default_factory=list)

    def refuse(self, user: str, reasons: Sequence[str]) -> None:
        self.refusals += len(reasons)
        room = max(0, MOST_TOLD - len(self.refused))
        self.refused += [ImportProblem(user, reason) for reason in reasons[:room]]

    def note(self, user: str, reason: str) -> None:
        if reason and len(self.notes) < MOST_TOLD:
            self.notes.append(ImportProblem(user, reason))

    def take(self, user: str, done: Imported) -> int:
        self.known += done.known
        self.refuse(user, done.refused)
        return done.added


@dataclass(slots=True)
class ProjectImport:
    """One import: `rooms` gives a user's folder to work in."""

    api: MemobaseApi
    rooms: RoomOf
    state: ImportState
    progress: Progress | None = None
    dry_run: bool = False
    counts: _Counts = field(default_factory=_Counts)
    down: int = 0

    async def run(self, user_ids: Sequence[str] | None = None) -> ImportReport:
        """Import these users, or all that the project has; see `ImportReport`.

        Those that an interrupted import of all had done are passed over. Raises RemoteError where the users
        cannot be listed, RemoteUnavailable and StorageError where nothing can be done any more.
        """
        started = perf_counter()
        if user_ids is not None:
            await self._users([remote.user_id(one) for one in dict.fromkeys(user_ids)], {})
        else:
            found = await self._listed()
            done = frozenset() if self.dry_run else self.state.done()
            left = [one for one in found if one not in done]
            self.counts.done_before = len(found) - len(left)
            await self._users(left, found)
            if not (self.dry_run or self.counts.failed):
                self.state.clear()
        return self._report(perf_counter() - started)

    def _report(self, seconds: float) -> ImportReport:
        found = self.counts
        return ImportReport(
            source=self.api.url,
            users=found.users,
            done_before=found.done_before,
            profiles=found.profiles,
            events=found.events,
            blobs=found.blobs,
            waiting=found.waiting,
            known=found.known,
            refusals=found.refusals,
            failed=tuple(found.failed),
            refused=tuple(found.refused),
            notes=tuple(found.notes),
            seconds=round(seconds, 4),
            dry_run=self.dry_run,
        )

    # -- users

    async def _listed(self) -> dict[str, RemoteUser]:
        """All users by id. Who is written to meanwhile moves to another page: then they are listed again."""
        found: dict[str, RemoteUser] = {}
        for _ in range(LISTINGS):
            self.counts.refused.clear()
            self.counts.refusals = offset = 0
            while listed := await self._page(offset):
                offset += len(listed)
                for value in listed:
                    self._take_listed(value, found)
            if len(found) + self.counts.refusals >= offset:
                break
        return found

    async def _page(self, offset: int) -> Sequence[object]:
        try:
            answer = await self.api.get("project", "users", limit=USERS_A_PAGE, offset=offset)
        except NotFound as error:
            told = f"{self.api.url} lists no users: it is no Memobase, or an old one; name the users"
            raise RemoteError(told) from error
        if offset > MOST_RECORDS:
            raise RemoteError(f"{self.api.url} lists more than {MOST_RECORDS} users: name those to import")
        return _records(answer, "users")

    def _take_listed(self, value: object, found: dict[str, RemoteUser]) -> None:
        try:
            user = remote.read_user(value)
            found.setdefault(user.id, user)
        except InvalidInput as error:
            self.counts.refuse("", [str(error)])

    async def _users(self, ids: Sequence[str], listed: dict[str, RemoteUser]) -> None:
        for number, user_id in enumerate(ids, start=1):
            try:
                await self._user(listed.get(user_id) or await self._asked(user_id))
                self.down = 0
                if listed and not self.dry_run:
                    self.state.add(user_id)
                self.counts.users += 1
            except (RemoteError, UserError, StorageError) as error:
                self._failed(user_id, error)
            if self.progress is not None:
                self.progress("importing users", number, len(ids))

    def _failed(self, user_id: str, error: MemuLikeError) -> None:
        """Raises the error where it is one of the source or the disk, and not this user's."""
        self.down = self.down + 1 if isinstance(error, RemoteUnavailable | StorageError) else 0
        if self.down >= MOST_DOWN:
            raise error
        self.counts.failed.append(ImportProblem(user_id, str(error)))

    async def _asked(self, user_id: str) -> RemoteUser:
        try:
            answer = await self.api.get("users", user_id)
        except NotFound as error:
            raise NotFound("user", user_id, f"{self.api.url} has none of this id") from error
        # Memobase's answer for one user need not repeat its id.
        return remote.read_user({**answer, "id": user_id} if isinstance(answer, dict) else answer)

    async def _user(self, user: RemoteUser) -> None:
        room = await self.rooms(user.id)
        # Before the profile: what is learnt meanwhile is then told by both, and not by neither.
        blobs = [await self._listed_blobs(user, kind) for kind in BlobType]
        profiles = await self._read(user, remote.read_profile, "profiles", "users", "profile", user.id)
        events = await self._events(user)
        if not self.dry_run:
            self.counts.note(user.id, await room.write(partial(importing.take_user, data=user.data)))
        take = partial(importing.take_profiles, profiles=profiles, dry_run=self.dry_run)
        self.counts.profiles += await self._written(room, user, take)
        for start in range(0, len(events), EVENTS_A_RUN):
            part = events[start : start + EVENTS_A_RUN]
            run = partial(importing.take_events, events=part, profiles=profiles, dry_run=self.dry_run)
            self.counts.events += await self._written(room, user, run)
        for ids, unread in blobs:
            await self._blobs(room, user, ids, unread)

    async def _written(self, room: Room, user: RemoteUser, work: Callable[[Desk], Imported]) -> int:
        return self.counts.take(user.id, await room.write(work))

    async def _read(
        self, user: RemoteUser, read: Callable[[object], T], name: str, *path: str, **query: int
    ) -> list[T]:
        """The records of a list; those that are none are refused."""
        found: list[T] = []
        refused: list[str] = []
        for value in _records(await self.api.get(*path, **query), name):
            try:
                found.append(read(value))
            except InvalidInput as error:
                refused.append(str(error))
        self.counts.refuse(user.id, refused)
        return found

    # -- events

    async def _events(self, user: RemoteUser) -> list[remote.RemoteEvent]:
        """All events, oldest first."""
        topk = EVENTS_AT_ONCE
        answer = await self.api.get("users", "event", user.id, topk=topk)
        while len(_records(answer, "events")) >= topk and topk < MOST_EVENTS:
            topk *= 10
            try:
                answer = await self.api.get("users", "event", user.id, topk=topk)
            except RemoteError as error:
                if isinstance(error, RemoteUnavailable):
                    raise
                told = f"only the last {topk // 10} events could be read: the source tells no more at once"
                self.counts.note(user.id, told)
                break
        found: list[remote.RemoteEvent] = []
        refused: list[str] = []
        for value in _records(answer, "events"):
            try:
                found.append(remote.read_event(value))
            except InvalidInput as error:
                refused.append(str(error))
        self.counts.refuse(user.id, refused)
        return found[::-1]

    # -- blobs

    async def _blobs(self, room: Room, user: RemoteUser, ids: Sequence[str], unread: frozenset[str]) -> None:
        for start in range(0, len(ids), BLOBS_A_PAGE):
            if self.progress is not None and len(ids) > BLOBS_A_PAGE:
                self.progress("blobs of a user", start, len(ids))
            found = await self._contents(user, ids[start : start + BLOBS_A_PAGE])
            kept = [one for one in found if one.id not in unread]
            waiting = [one for one in found if one.id in unread]
            keep = partial(importing.take_blobs, blobs=kept, dry_run=self.dry_run)
            self.counts.blobs += await self._written(room, user, keep) if kept else 0
            wait = partial(importing.take_waiting, blobs=waiting, dry_run=self.dry_run)
            added = await self._written(room, user, wait) if waiting else 0
            self.counts.blobs += added
            self.counts.waiting += added

    async def _listed_blobs(self, user: RemoteUser, kind: BlobType) -> tuple[list[str], frozenset[str]]:
        """The ids of the blobs of a type, each once, and those that Memobase has not learnt from."""
        ids: dict[str, None] = {}
        for page in range(MOST_RECORDS // BLOBS_A_PAGE):
            query = {"page": page, "page_size": BLOBS_A_PAGE}
            told = remote.read_ids(await self.api.get("users", "blobs", user.id, kind.value, **query))
            known = len(ids)
            ids.update(dict.fromkeys(told))
            if len(told) < BLOBS_A_PAGE or len(ids) == known:
                break
        states = UNREAD if ids else ()
        answers = [
            await self.api.get("users", "buffer", "capacity", user.id, kind.value, status=status)
            for status in states
        ]
        return list(ids), frozenset(one for answer in answers for one in remote.read_ids(answer))

    async def _contents(self, user: RemoteUser, ids: Sequence[str]) -> list[Blob]:
        """Those of these blobs that are still there: Memobase deletes chats that it has read."""
        found: list[Blob] = []
        for start in range(0, len(ids), BLOBS_ASKED_AT_ONCE):
            part = ids[start : start + BLOBS_ASKED_AT_ONCE]
            answers = await asyncio.gather(*(self._blob(user, blob_id) for blob_id in part))
            found += [one for one in answers if one is not None]
        return found

    async def _blob(self, user: RemoteUser, blob_id: str) -> Blob | None:
        try:
            return remote.read_blob(await self.api.get("blobs", user.id, blob_id), blob_id)
        except NotFound:
            return None
        except InvalidInput as error:
            self.counts.refuse(user.id, [str(error)])
            return None


def _records(answer: object, name: str) -> Sequence[object]:
    found = remote.read_list(answer, name)
    if len(found) > MOST_RECORDS:
        raise InvalidInput(f"the answer has {len(found)} {name}, and {MOST_RECORDS} are the most")
    return found
