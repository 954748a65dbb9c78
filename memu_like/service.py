"""The service: builds the edges, keeps the folders in use open, and exposes the verbs.

It holds no logic: a verb hands its use case to the workshop, which has the threads and the open folders.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, Unpack
from uuid import uuid4
from weakref import WeakSet

from .building import now
from .config import Settings
from .config_verbs import ConfigVerbs
from .edges.folder import UserFolder
from .edges.import_state import ImportState
from .edges.inputs import read_input
from .edges.llm.base import Model
from .edges.prompts import Prompts
from .edges.store import init_store, user_ids, users_of
from .edges.watcher import Watcher
from .errors import InvalidInput
from .intake_verbs import IntakeVerbs
from .models import Event, Item
from .profile_verbs import ProfileVerbs
from .reading import PastMemory, at
from .results import (
    BlameLine,
    CategoryText,
    Change,
    DayUsage,
    ImportReport,
    MemorizeReport,
    Past,
    ReorganiseReport,
    Reply,
    RevertReport,
    SyncReport,
    UserPage,
    UserRecord,
)
from .usecases import (
    blaming,
    buffering,
    category_texts,
    editing,
    forgetting,
    listing,
    reverting,
    syncing,
    transfer,
)
from .usecases import doctor as doctors
from .usecases import history as histories
from .usecases import usage as usages
from .usecases import users as accounts
from .usecases.desk import Desk, Progress, Room, Tools
from .usecases.expecting import Expected
from .usecases.flushing import Flusher, Waits
from .usecases.states import Point
from .usecases.watching import Watch

if TYPE_CHECKING:
    from .usecases import responding

P = ParamSpec("P")
T = TypeVar("T")


class Guest(Protocol):
    """Something that saves in the background by a service, such as a client with memory."""

    async def settle(self) -> None:
        """Return once all is saved."""


class MemoryService(ConfigVerbs):
    """A store of memory folders, one per user. Use it as an async context manager.

    `store` is a path, or a complete Settings value. With a path, settings come from `overrides` over
    `MEMU_LIKE_*` environment variables over the store's `memory.toml` over its `config.yaml`. `model` is a
    language model to use in place of the one that the settings name, such as a ScriptedModel. With `watch`,
    edits are taken in as they are saved, and with `background` buffers are flushed when they are over size or
    age; both from entering to closing. Raises ConfigError.
    """

    def __init__(
        self,
        store: str | Path | Settings | None = None,
        *,
        model: Model | None = None,
        watch: bool = False,
        background: bool = False,
        **overrides: Any,
    ) -> None:
        super().__init__(store, overrides, model)
        self.prompts = Prompts(self.store)
        """The templates of prompts: to list, show, copy and check them."""
        watcher = Watcher(self.store, self.settings.watch_debounce_seconds)
        self._watch = Watch(watcher, self._users_of, lambda user_id: self.user(user_id).sync())
        self._watches = watch
        self._flusher = Flusher(self.settings, self._look, self._flush, self._waiting_users)
        self._flushes = background
        self.loop: asyncio.AbstractEventLoop | None = None
        """The event loop that it was entered in, which is where its verbs are to be awaited."""
        self.guests: WeakSet[Guest] = WeakSet()
        """What saves in the background by this service: each is settled before it closes."""

    async def __aenter__(self) -> MemoryService:
        self.loop = asyncio.get_running_loop()
        if self._watches:
            self._watch.start()
        if self._flushes:
            self._flusher.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Wait for the threads at work and close the folders. What is buffered stays buffered.

        With the setting `flush_on_close` it is flushed first, as far as this service has added to it.
        A run that a model has not answered yet stays waiting; the call that makes it raises RuntimeError.
        """
        for guest in list(self.guests):
            await guest.settle()
        await self._watch.close()
        if self.settings.flush_on_close:
            await self.drain()
        await self._flusher.close()
        await self._shop.close()

    async def drain(self, *, flush: bool | None = None) -> None:
        """Before a shutdown: begin no more flushes in the background, and wait for those that are due.

        With `flush` (None: as `flush_on_close` says), every buffer that this service has added to is flushed
        first. What is added from now on is as durable as before, and waits for the next service.
        """
        await self._flusher.drain(self.settings.flush_on_close if flush is None else flush)

    @property
    def flush_errors(self) -> Mapping[str, str]:
        """User id -> what their last flush met, until one succeeds."""
        return self._flusher.errors

    def watch(self, user_id: str | None = None) -> AsyncGenerator[SyncReport, None]:
        """Take in edits as they are saved, of one user or all, and tell of each sync that did, or could not.

        Ends when the service is closed. What concerns the whole store is told with no user.
        """
        return self._watch.reports(user_id)

    def user(self, user_id: str) -> UserMemory:
        """The memory of one user. Nothing is read or made yet. Raises InvalidUserId."""
        return UserMemory(self, UserFolder(self.store, user_id))

    async def users(self) -> list[str]:
        """The ids of all users of the store, in order."""
        return await self._shop.blocking(partial(user_ids, self.store))

    async def create_user(
        self, user_id: str | None = None, data: Mapping[str, Any] | None = None
    ) -> UserRecord:
        """Make a user; without an id it gets a UUID4. One that is there already is returned as it is.

        Raises Conflict where it is there with other `data` than is given, InvalidUserId, InvalidInput.
        """
        user = self.user(str(uuid4()) if user_id is None else user_id)
        return await self._shop.write(user.folder, accounts.create, data)

    async def user_page(self, **query: Unpack[accounts.Query]) -> UserPage:
        """Some of the users, with their data and figures. See `usecases.users.UserQuery` for `query`."""
        wanted = accounts.UserQuery(**query)
        folders = [self.user(user_id).folder for user_id in await self.users()]
        return await self._shop.blocking(partial(accounts.page, folders, wanted))

    async def usage(self, days: int = 7) -> list[DayUsage]:
        """What the store took on each of the last days, today first. Raises InvalidInput."""
        return await self._shop.blocking(partial(usages.last_days, self.store, now().date(), days))

    async def usage_this_month(self) -> Sequence[DayUsage]:
        """The same of each day of this month so far."""
        return await self._shop.blocking(partial(usages.this_month, self.store, now().date()))

    async def import_memobase(
        self,
        url: str,
        token: str,
        *,
        users: Sequence[str] | None = None,
        progress: Progress | None = None,
        dry_run: bool = False,
        retry_seconds: float = 0.5,
    ) -> ImportReport:
        """Read a Memobase project through its API into the store: these users (ids), or all.

        Done again it writes what is new; see docs/from-memobase.md. What failed is in the report.
        `retry_seconds` are before the second of five attempts at a request, and double. Raises InvalidInput,
        RemoteError where the source cannot be read at all, StorageError.
        """
        from .edges.memobase_api import MemobaseApi
        from .usecases.memobase_import import ProjectImport

        async with MemobaseApi(url, token, first_wait=retry_seconds) as api:
            state = ImportState(self.store, api.url)
            return await ProjectImport(api, self._room, state, progress, dry_run).run(users)

    async def _room(self, user_id: str) -> Room:
        return await self._shop.room(self.user(user_id).folder)

    async def _users_of(self, folders: frozenset[str] | None) -> tuple[list[str], list[str]]:
        return await self._shop.blocking(partial(users_of, self.store, folders))

    async def _waiting_users(self) -> AsyncGenerator[str, None]:
        chunks = buffering.users_waiting(self.store)
        while (users := await self._shop.blocking(partial(next, chunks, None))) is not None:
            for user_id in users:
                yield user_id

    async def _look(self, user_ids: Sequence[str]) -> Mapping[str, Waits]:
        tools = await self._shop.tools()
        folders = [self.user(user_id).folder for user_id in user_ids]
        return await self._shop.blocking(partial(buffering.look, folders, tools))

    async def _flush(self, user_id: str, retry: bool) -> MemorizeReport | None:
        """None where the user is gone: a flush would make the folder again."""
        user = self.user(user_id)
        there = await self._shop.blocking(user.folder.exists)
        return await user.flush(retry=retry) if there else None

    async def init(self, *, git: bool = False) -> Path:
        """Make the store with its `.gitignore` and `.gitattributes`, and return its path.

        With `git`, also its repository, where none holds it, and a first commit; see docs/git.md. Done again,
        it changes nothing. Raises GitError, and ConfigError where a setting says that git is off.
        """
        await self._shop.blocking(partial(init_store, self.store))
        if git:
            from .usecases.git_setup import init_git

            folders = [self.user(user_id).folder for user_id in await self.users()]
            await self._shop.blocking(partial(init_git, self.settings, folders, now()))
        return self.store

    @property
    def keeps_history(self) -> bool:
        """Whether what is written here is committed to git, and so outlasts what is forgotten."""
        return self._shop.commits.is_wanted()

    async def committed(self) -> tuple[str, ...]:
        """Wait until what runs have written is committed to git; returns what is in the way of that.

        At once where no repository holds the store.
        """
        return await self._shop.commits.settled()

    async def tools(self) -> Tools:
        """The edges, built at first use."""
        return await self._shop.tools()


class UserMemory(IntakeVerbs, ProfileVerbs):
    """One user's memory. Every verb that reads raises NotFound where the user has no folder yet."""

    def __init__(self, service: MemoryService, folder: UserFolder) -> None:
        super().__init__(service._shop, folder, service._flusher)
        self._service = service

    # -- what the application keeps about the user

    async def set_data(self, data: Mapping[str, Any] | None) -> UserRecord:
        """Replace it. Raises NotFound, InvalidInput."""
        return await self._shop.write(self.folder, accounts.set_data, data)

    async def import_profile(self, text: str) -> MemorizeReport:
        """Take free text in, such as notes about the user, and extract from it as from a document."""
        if not isinstance(text, str) or not text.strip():
            raise InvalidInput("give the text to import: it is empty, or no text")
        return await self.memorize(text.encode("utf-8", "replace"), modality="document", name="import.txt")

    async def reorganise(
        self, topics: Sequence[str] | None = None, *, dry_run: bool = False
    ) -> ReorganiseReport:
        """Have a model put topics in order; None: all whose file leaves something out.

        With `dry_run` nothing is written. Raises ConfigError with no model, NotFound for an unknown topic.
        """
        room = await self._shop.room(self.folder)
        meter = room.meter()
        from .usecases import reorganising

        chosen = await room.read(partial(reorganising.leaving_out, topics=topics))
        if dry_run:
            return await reorganising.reorganise(room, meter, chosen, dry_run=True)
        async with room.running():
            return await reorganising.reorganise(room, meter, chosen)

    # -- answering

    async def respond(self, query: str, **how: Unpack[responding.How]) -> Reply:
        """Answer with memory, by a language model; `how` is described at `responding.How`.

        Raises ConfigError where no model is configured, ModelError where it cannot answer. With `add`, what
        was asked and answered is buffered, once there is an answer.
        """
        from .usecases import responding

        reply = await responding.respond(await self._shop.room(self.folder), responding.Ask(query, **how))
        self._flusher.changed(self.user_id)
        return reply

    async def respond_stream(
        self, query: str, **how: Unpack[responding.How]
    ) -> AsyncGenerator[str | Reply, None]:
        """As `respond`: the text in pieces, as the model writes it, and at the end the Reply.

        What is streamed cannot be taken back: wrong citations are out of the Reply's text only. With `add`,
        a stream that is left before its end adds nothing.
        """
        from .usecases import responding

        stream = responding.respond_stream(await self._shop.room(self.folder), responding.Ask(query, **how))
        async with aclosing(stream) as pieces:
            async for piece in pieces:
                yield piece
        self._flusher.changed(self.user_id)

    # -- items

    async def update_item(
        self,
        item_id: str,
        *,
        expected: str | None = None,
        expected_rev: int | None = None,
        expected_hash: str | None = None,
        **changes: Any,
    ) -> Item:
        """Change an item's text, type, topic, slot, keywords or tags; it is the person's word from then on.

        Raises Conflict where its text, revision or bullet (an Entry's `hash`) is not the expected one.
        """
        wanted = Expected(expected, expected_rev, expected_hash)
        return await self._shop.write(self.folder, editing.update_item, item_id, changes, expected=wanted)

    async def add_item(self, text: str, *, topic: str, slot: str, **fields: Any) -> Item:
        """Write an item by hand, as a person would add a bullet."""
        return await self._shop.write(self.folder, editing.add_item, text, topic, slot, fields)

    async def delete_item(
        self,
        item_id: str,
        *,
        expected: str | None = None,
        expected_rev: int | None = None,
        expected_hash: str | None = None,
    ) -> Item:
        """Retract an item: it leaves the profile and the search, and is not learnt again from its source."""
        wanted = Expected(expected, expected_rev, expected_hash)
        return await self._shop.write(self.folder, editing.delete_item, item_id, expected=wanted)

    # -- category files

    async def write_category(
        self, topic: str, text: str, *, expected: str | None, confirm: bool = False
    ) -> CategoryText:
        """Replace the file whose hash is `expected`, or make a new one (None), as a person would save it.

        Raises Conflict, and InvalidInput for what cannot be read back. The sync is in the `report`; with
        `confirm` it does not hold back the deletion of many entries.
        """
        write = category_texts.write_category
        return await self._shop.write(self.folder, write, topic, text, expected=expected, confirm=confirm)

    async def rename_category(self, topic: str, new: str, *, expected: str) -> CategoryText:
        """Give the file whose hash is `expected` another name; what is learnt later follows."""
        rename = category_texts.rename_category
        return await self._shop.write(self.folder, rename, topic, new, expected=expected)

    async def delete_category(self, topic: str, *, expected: str) -> SyncReport:
        """Delete the file whose hash is `expected`, and retract its entries."""
        return await self._shop.write(self.folder, category_texts.delete_category, topic, expected=expected)

    # -- events

    async def update_event(self, event_id: str, *, expected_rev: int | None = None, **changes: Any) -> Event:
        """Change an event's summary, title or tags. Raises Conflict where it is another revision by now."""
        wanted = Expected(rev=expected_rev)
        return await self._shop.write(self.folder, editing.update_event, event_id, changes, expected=wanted)

    async def delete_event(self, event_id: str, *, expected_rev: int | None = None) -> Event:
        """Hide an event; its items stay."""
        wanted = Expected(rev=expected_rev)
        return await self._shop.write(self.folder, editing.delete_event, event_id, expected=wanted)

    # -- history

    async def history(self, what: str | None = None, *, limit: int | None = None) -> tuple[Past, ...]:
        """What happened to an item (its id), a "topic", a "topic/slot" or all (None), newest first.

        It needs no repository; where there is one, each step has its commit. Raises NotFound.
        """
        return await self._told(histories.history, what, limit)

    async def diff(self, a: Point = None, b: Point = None) -> tuple[Change, ...]:
        """What changed from `a` to `b`, each a commit, a branch, a date or a datetime.

        None is the last commit for `a`, and the files as they are now for `b`. Raises GitError where the
        store is in no repository, NotFound where a point names no commit.
        """
        return await self._told(histories.diff, a, b)

    async def blame(self, topic: str) -> tuple[BlameLine, ...]:
        """Each line of a topic's file with its commit, run, item, source and the words behind it."""
        return await self._told(blaming.blame, topic)

    async def revert(self, what: str, *, dry_run: bool = False) -> RevertReport:
        """Take back a run (its id) or a commit, by a run of its own. What was changed since stays.

        With `dry_run` nothing is written. Raises NotFound, GitError and InvalidInput.
        """
        await self._shop.commits.finish()
        return await self._shop.write(self.folder, reverting.revert, what, dry_run=dry_run)

    async def at(self, point: str | datetime) -> PastMemory:
        """Memory as it stood at a commit, a branch or a date, to be read. Raises GitError, NotFound."""
        await self._shop.commits.finish()
        return await at(self._shop, self.folder, point)

    async def _told(self, work: Callable[Concatenate[Desk, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Read what the repository tells, once what was written here is committed, or cannot be."""
        await self._shop.commits.finish()
        return await self._read(work, *args, **kwargs)

    # -- forgetting and housekeeping

    async def forget_resource(self, resource_id: str) -> forgetting.Forgotten:
        """Erase a resource and everything that was derived from it alone."""
        return await self._shop.write(self.folder, forgetting.forget_resource, resource_id)

    async def forget(self) -> None:
        """Erase the user's whole folder."""
        await self._shop.write(self.folder, forgetting.forget_user)
        self._shop.forget(self.folder)
        self._flusher.forgotten(self.user_id)

    async def sync(self, *, confirm: bool = False) -> SyncReport:
        """Take in what was changed by hand in the files; each run does so before it begins.

        Where many entries are gone at once, their deletion is held back until `confirm`.
        """
        report = await self._shop.write(self.folder, syncing.sync, confirm=confirm)
        return self._shop.commits.tell(report)

    async def reindex(self, progress: Progress | None = None) -> listing.Stats:
        """Throw the index away and build it again from the files."""
        return await self._shop.write(self.folder, doctors.reindex, progress)

    async def doctor(self) -> list[doctors.Finding]:
        """What is wrong with the folder, if anything. Changes nothing."""
        async with self._shop.folder(self.folder) as opened:
            return await self._shop.alone(opened.reading, partial(doctors.doctor, opened.reader))

    async def repair(self) -> list[doctors.Finding]:
        """Finish or undo what a killed writer left, rebuild the index; returns what is still wrong."""
        return await self._shop.write(self.folder, doctors.repair)

    async def export(self, target: str | Path) -> int:
        """Write the folder's files, nothing derived, into a zip archive; returns how many files."""
        return await self._shop.read(self.folder, transfer.export, Path(target))

    async def import_archive(self, source: str | Path) -> int:
        """Unpack what `export` wrote into this user, who must be new; returns how many files."""
        data = await read_input(Path(source), self._service.settings.max_file_bytes)
        return await self._shop.write(self.folder, transfer.import_archive, data)
