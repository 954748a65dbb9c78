"""The verbs that read a memory: of one as it stands, and of one as it stood at a point of its history."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Concatenate, Literal, NoReturn, ParamSpec, TypeVar, Unpack

from .edges.folder import UserFolder
from .errors import InvalidInput
from .models import Entry, Event, Item, ProfileQuery, Recorded, Resource
from .results import CategoryText, EventRecord, Gist, ProfileSlot, RetrieveResult, TopicProposal, UserRecord
from .usecases import (
    category_texts,
    changes,
    context_options,
    event_listing,
    event_search,
    listing,
    past,
    profiles,
    proposing,
    retrieval,
    users,
)
from .usecases import context as contexts
from .usecases.desk import Desk
from .workshop import Room, Workshop

P = ParamSpec("P")
T = TypeVar("T")


class ReadableMemory:
    """What can be read of one user's memory. Every verb raises NotFound where there is no folder."""

    def __init__(self, shop: Workshop, folder: UserFolder) -> None:
        self._shop = shop
        self.folder = folder
        self.user_id = folder.user_id

    async def _room(self) -> Room:
        return await self._shop.room(self.folder)

    async def _read(self, work: Callable[Concatenate[Desk, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._shop.read(self.folder, work, *args, **kwargs)

    # -- finding

    async def retrieve(
        self,
        query: str,
        *,
        method: Literal["rag", "llm"] | None = None,
        top_k: int | None = None,
        conversation_history: Sequence[Mapping[str, Any]] = (),
        retrieve_config: Mapping[str, Any] | None = None,
        explain: bool = False,
        without: Sequence[str] = (),
    ) -> RetrieveResult:
        """Search all tiers (method "rag"), or have a model read the files ("llm"); see docs/retrieval.md.

        `retrieve_config` gives method and top_k as a dict, and yields to the arguments. The last messages of
        `conversation_history`, {"role", "content"} each, tell what the query leans on. `without` names
        ranking signals to leave out, for ablations. A model is called where the method or a setting asks for
        it; where it fails, `degraded` says so. Raises InvalidInput, and ConfigError with no model.
        """
        request = retrieval.read_request(
            self._shop.settings,
            query,
            method=method,
            top_k=top_k,
            conversation_history=conversation_history,
            retrieve_config=retrieve_config,
            explain=explain,
            without=without,
        )
        if not request.asks_model:
            return await self._read(retrieval.search_memory, request)
        from .usecases import finding

        return await finding.find(await self._room(), request)

    async def context(
        self,
        *,
        max_tokens: int = 1000,
        query: str | None = None,
        in_prompt: Iterable[str] = (),
        **how: Unpack[context_options.How],
    ) -> str:
        """Profile, events and, for a query, what bears on it, as text of at most `max_tokens` tokens.

        `in_prompt` are the texts of messages that the prompt has anyway: they are not repeated. `how` are
        Memobase's options; what they do is told at `context_options.How`.
        """
        return await self._read(contexts.context, max_tokens, query, in_prompt, **how)

    async def profile(self) -> dict[str, dict[str, list[Entry]]]:
        """What the category files show now: topic -> slot -> entries, in file order."""
        return await self._read(listing.profile)

    async def profile_slots(self, query: ProfileQuery | None = None) -> list[ProfileSlot]:
        """The profile's slots, one record each, as far as `query` takes them; see docs/python.md."""
        return await self._read(profiles.profile_slots, query or ProfileQuery())

    async def propose_topic(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        agent_context: str = "",
        query: ProfileQuery | None = None,
    ) -> TopicProposal:
        """What to speak of once the user has no more to say, by rules; see `proposing.propose_topic`."""
        return await self._read(proposing.propose_topic, messages, agent_context, query)

    async def category(self, topic: str) -> CategoryText:
        """A category file's text and hash. Raises NotFound."""
        return await self._read(category_texts.category, topic)

    # -- items, events, resources

    async def items(self, **filters: Any) -> list[Item]:
        """Items in order of time. Filters: see `listing.ItemFilter`."""
        wanted = listing.item_filter(filters, self._shop.settings)
        return await self._read(listing.items, wanted)

    async def item(self, item_id: str) -> Item:
        return await self._read(listing.item, item_id)

    async def item_history(self, item_id: str) -> list[Item]:
        """Every revision of an item, oldest first."""
        return await self._read(listing.item_history, item_id)

    async def events(self, **filters: Any) -> list[Event]:
        """Events in order of time. Filters: see `listing.EventFilter`."""
        return await self._read(listing.events, listing.filter_of(listing.EventFilter, filters))

    async def event(self, event_id: str) -> Event:
        return await self._read(listing.event, event_id)

    async def event_records(
        self,
        *,
        topk: int | None = 10,
        max_token_size: int | None = None,
        need_summary: bool = False,
        **span: Unpack[event_listing.Span],
    ) -> list[EventRecord]:
        """The last events, newest first; with `need_summary`, those that a summary was written of."""
        return await self._read(event_search.event_records, topk, max_token_size, need_summary, span)

    async def search_events(
        self,
        query: str,
        *,
        topk: int = 10,
        similarity_threshold: float = 0.2,
        **span: Unpack[event_listing.Span],
    ) -> list[EventRecord]:
        """The events nearest to `query`, best first, of the last 180 days unless `span` says otherwise."""
        return await self._read(event_search.search_events, query, topk, similarity_threshold, span)

    async def search_gists(
        self,
        query: str,
        *,
        topk: int = 10,
        similarity_threshold: float = 0.2,
        **span: Unpack[event_listing.Span],
    ) -> list[Gist]:
        """The statements of events nearest to `query`, best first."""
        return await self._read(event_search.search_gists, query, topk, similarity_threshold, span)

    async def events_by_tags(
        self,
        tags: Sequence[str] = (),
        tag_values: Mapping[str, str] | None = None,
        *,
        topk: int = 10,
        **span: Unpack[event_listing.Span],
    ) -> list[EventRecord]:
        """The last events with all `tags` ("name" or "name=value") and `tag_values`, newest first."""
        return await self._read(event_search.events_by_tags, tags, tag_values or {}, topk, span)

    async def recorded(self, after: str | None = None) -> Recorded:
        """What runs, edits and syncs of any process recorded after a cursor (None: from now on; "": all)."""
        return await self._read(changes.recorded, after)

    async def resources(self, **filters: Any) -> list[Resource]:
        """Resources in order of time. Filters: see `listing.ResourceFilter`."""
        return await self._read(listing.resources, listing.filter_of(listing.ResourceFilter, filters))

    async def resource(self, resource_id: str) -> Resource:
        return await self._read(listing.resource, resource_id)

    async def resource_lines(self, resource_id: str, first: int = 1, last: int | None = None) -> list[str]:
        """Lines `first` to `last` (from 1, both included) of what came in, as given."""
        return await self._read(listing.resource_lines, resource_id, first, last)

    async def record(self) -> UserRecord:
        """What the application keeps about the user, and when the user was made."""
        return await self._read(users.record)

    async def stats(self) -> listing.Stats:
        return await self._read(listing.stats)


WRITES = frozenset(
    [
        *("set_data", "add", "insert", "delete_blob", "memorize", "flush", "reorganise", "sync", "revert"),
        *("update_item", "add_item", "delete_item", "update_event", "delete_event"),
        *("add_profile", "update_profile", "delete_profile", "import_profile"),
        *("write_category", "rename_category", "delete_category"),
        *("forget_resource", "forget", "reindex", "repair", "import_archive"),
    ]
)


class PastMemory(ReadableMemory):
    """One user's memory as it stood in `commit`, which was made at `time`. It is read, and never written.

    Made by `UserMemory.at`. A verb that writes raises InvalidInput.
    """

    def __init__(self, shop: Workshop, live: UserFolder, found: past.LaidOut) -> None:
        super().__init__(shop, UserFolder(found.store, live.user_id, costs=live.derived))
        self._live = live
        self.commit: str = found.commit
        self.time: datetime = found.time

    async def _room(self) -> Room:
        await self.prepare()
        return await super()._room()

    async def _read(self, work: Callable[Concatenate[Desk, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        await self.prepare()
        return await super()._read(work, *args, **kwargs)

    async def prepare(self) -> None:
        """Lay the folder out again where it gave way to later ones, and have its index kept with it."""
        if not await self._shop.blocking(self.folder.exists):
            await self._shop.read(self._live, past.lay_out, self.commit)
            await self._shop.write_beside(self.folder, past.build_index)

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, NoReturn]]:
        if name not in WRITES:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return partial(_refuse, f"{name}: memory as of commit {self.commit[:10]} can only be read")


async def _refuse(reason: str, *_: object, **__: object) -> NoReturn:
    raise InvalidInput(reason)


async def at(shop: Workshop, folder: UserFolder, point: str | datetime) -> PastMemory:
    """See `UserMemory.at`."""
    found = await shop.read(folder, past.lay_out, point)
    memory = PastMemory(shop, folder, found)
    await shop.write_beside(memory.folder, past.build_index)
    return memory
