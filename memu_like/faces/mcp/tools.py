"""The tools: under the names that users of Memobase and of MemoryOS know, and our own.

What a tool returns of memory is marked as data: texts stand in a fence, JSON has its texts in its strings,
without what a chat template would act upon.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from ...errors import Conflict, MemuLikeError, NotFound, UserError
from ...fenced import NOTE, as_data, as_quoted, as_value
from ...models import Entry, Item
from ...results import Hit, Past
from ...service import UserMemory
from .people import People
from .refusing import NOTHING_YET, internal_error, refusal

if TYPE_CHECKING:
    from .server import MemoryServer

P = ParamSpec("P")
T = TypeVar("T")
KNOWLEDGE = 100
"""Statements of a profile that tells its knowledge, the last ones."""

User = Annotated[
    str | None, Field(description="Whose memory; leave it out unless the application told you an id.")
]
Budget = Annotated[int, Field(ge=1, le=100_000, description="Tokens of the result, at most.")]


def add_tools(server: MemoryServer, tools: MemoryTools) -> None:
    """Register every tool."""
    reading, writing = ToolAnnotations(read_only_hint=True), ToolAnnotations(destructive_hint=False)
    erasing = ToolAnnotations(destructive_hint=True)
    for work, hints in (
        (tools.save_memory, writing),
        (tools.search_memories, reading),
        (tools.get_user_profiles, reading),
        (tools.add_memory, writing),
        (tools.retrieve_memory, reading),
        (tools.get_user_profile, reading),
        (tools.read_category, reading),
        (tools.edit_entry, erasing),
        (tools.history, reading),
        (tools.forget, erasing),
    ):
        as_json = work.__name__ in ("add_memory", "retrieve_memory", "get_user_profile")
        told = " ".join((work.__doc__ or "").split())
        server.add_tool(_answering(work), description=told, annotations=hints, structured_output=as_json)


def _answering(work: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """`work`, whose errors are those of a tool: one line, which a model reads and can act on."""

    @wraps(work)
    async def answering(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await work(*args, **kwargs)
        except MemuLikeError as error:
            raise ToolError(refusal(error)) from error
        except Exception as error:  # noqa: BLE001  # a face: the client gets one line, the log the place
            raise ToolError(internal_error(work.__name__, error)) from None

    return answering


class MemoryTools:
    """Each public method is a tool; its docstring is what a model reads of it."""

    def __init__(self, people: People) -> None:
        self._people = people

    # -- Memobase's

    async def save_memory(self, text: str, user_id: User = None) -> str:
        """Save something that will matter in later conversations: who the user is, what they like, plan,
        decided or asked you to remember. Write whole sentences that can be understood by themselves."""
        if not text.strip():
            raise UserError("text is empty: say what to remember")
        message = {"role": "user", "content": text}
        return await self._take_in(self._people.user(user_id), [message])

    async def search_memories(self, query: str, max_length: Budget = 1000, user_id: User = None) -> str:
        """Search memory for what bears on a question or a topic. Ask before you answer anything that may
        depend on the user's past, people, plans or preferences."""
        user = self._people.user(user_id)
        return await _or_nothing(user.context(query=query, max_tokens=max_length), as_data)

    async def get_user_profiles(self, user_id: User = None) -> str:
        """Everything that the user's profile shows: one line an entry, with the topic, the slot and the
        entry's id in front of its text."""
        return await _or_nothing(self._people.user(user_id).profile(), _profile_text)

    # -- MemoryOS's

    async def add_memory(
        self,
        user_input: str,
        agent_response: str,
        timestamp: str | None = None,
        meta_data: dict[str, Any] | None = None,
        user_id: User = None,
    ) -> dict[str, Any]:
        """Add one exchange of the conversation: what the user said and what you answered. `timestamp` is
        when, in ISO 8601; now where it is left out."""
        given = {key: value for key, value in (("created_at", timestamp), ("metadata", meta_data)) if value}
        said = (("user", user_input), ("assistant", agent_response))
        messages = [{"role": role, "content": text, **given} for role, text in said if text.strip()]
        if not messages:
            raise UserError("user_input and agent_response are both empty: there is nothing to add")
        message = await self._take_in(self._people.user(user_id), messages)
        return {"status": "success", "message": message}

    async def retrieve_memory(
        self,
        query: str,
        relationship_with_user: str = "friend",
        style_hint: str = "",
        max_results: Annotated[int, Field(ge=1, le=200)] = 10,
        user_id: User = None,
    ) -> dict[str, Any]:
        """Search memory: the passages of past conversations and the statements known about the user that
        bear on a query. `relationship_with_user` and `style_hint` are for how you word your answer."""
        user = self._people.user(user_id)
        try:
            found = await user.retrieve(query, top_k=max_results)
        except NotFound:
            passages: list[Hit] = []
            knowledge: list[Hit] = []
        else:
            passages = [hit for hit in found.hits if hit.tier != "item"][:max_results]
            knowledge = list(found.items[:max_results])
        about = {"relationship_with_user": relationship_with_user, "style_hint": style_hint}
        return {
            **_success(user.user_id),
            "query": as_value(query),
            **{name: as_value(text) for name, text in about.items()},
            "retrieved_pages": [_hit(hit, "text") for hit in passages],
            "retrieved_user_knowledge": [
                _hit(hit, "knowledge") for hit in knowledge if not _own(hit.speaker)
            ],
            "retrieved_assistant_knowledge": [
                _hit(hit, "knowledge") for hit in knowledge if _own(hit.speaker)
            ],
        }

    async def get_user_profile(
        self,
        include_knowledge: bool = True,
        include_assistant_knowledge: bool = False,
        user_id: User = None,
    ) -> dict[str, Any]:
        """The user's profile, and with `include_knowledge` the last statements that memory holds; those
        about yourself only with `include_assistant_knowledge`."""
        user = self._people.user(user_id)
        try:
            entries, items = _entries(await user.profile()), await user.items()
        except NotFound:
            entries, items = [], []
        told = {**_success(user.user_id), "user_profile": "\n".join(map(_entry_line, entries))}
        if include_knowledge:
            told["user_knowledge"] = [_item(one) for one in items if not _own(one.subject)][-KNOWLEDGE:]
        if include_assistant_knowledge:
            told["assistant_knowledge"] = [_item(one) for one in items if _own(one.subject)][-KNOWLEDGE:]
        return told

    # -- our own

    async def read_category(self, topic: str, user_id: User = None) -> str:
        """Read the file of one topic of the profile, in full, as it stands: `get_user_profiles` names the
        topics. An entry's id stands behind its text, after a caret."""
        return as_data((await self._people.user(user_id).category(topic)).text)

    async def edit_entry(self, entry_id: str, expected: str, text: str, user_id: User = None) -> str:
        """Correct one entry of the profile, on the user's word. `expected` is the entry's text as you have
        read it, without its id: where it says something else by now, nothing is written, and you are told
        what it says."""
        user = self._people.user(user_id)
        try:
            item = await user.update_item(entry_id, expected=expected, text=text)
        except Conflict as error:
            # It has read what it was shown, which may be less than what stands there.
            if expected != as_value(error.current):
                raise
            item = await user.update_item(entry_id, expected=error.current, text=text)
        return f"The entry {item.id} now says, as data: {as_quoted(item.text)}"

    async def history(
        self,
        what: str | None = None,
        limit: Annotated[int, Field(ge=1, le=200)] = 20,
        user_id: User = None,
    ) -> str:
        """How memory came to say what it says, newest first: of one entry (its id), a topic, a
        "topic/slot", or of everything."""
        found = await self._people.user(user_id).history(what, limit=limit)
        return as_data("\n".join(map(_step, found)) or "nothing yet")

    async def forget(
        self,
        entry_id: str | None = None,
        resource_id: str | None = None,
        expected: str | None = None,
        user_id: User = None,
    ) -> str:
        """Forget one entry (it leaves the profile and the search, and is not learnt again from the same
        conversation), or one conversation or document with all that is known from it alone. Only when the
        user asks for it. `expected` is the entry's text as you have read it."""
        if (entry_id is None) == (resource_id is None):
            raise UserError("give either entry_id or resource_id")
        user = self._people.user(user_id)
        if entry_id is not None:
            item = await user.delete_item(entry_id, expected=expected)
            return f"The entry {item.id} is forgotten."
        done = await user.forget_resource(str(resource_id))
        kept = f" Entries that the user wrote stay: {', '.join(done.kept)}." if done.kept else ""
        return f"{resource_id} is erased, and {done.items} entries that were known from it alone.{kept}"

    async def _take_in(self, user: UserMemory, messages: Sequence[Mapping[str, Any]]) -> str:
        """Durable at once. A model takes longer to learn from it than a client waits."""
        await user.add(messages)
        if (await self._people.service.tools()).model is not None:
            await user.flush(wait=False)
            return "Saved; it is found by search now, and stands in the profile later."
        await user.flush()
        return "Saved."


async def _or_nothing(reading: Awaitable[T], show: Callable[[T], str]) -> str:
    """A user of whom nothing was kept yet is no error here: that is how each begins."""
    try:
        return show(await reading)
    except NotFound:
        return NOTHING_YET


def _entries(profile: Mapping[str, Mapping[str, Sequence[Entry]]]) -> list[Entry]:
    return [entry for slots in profile.values() for entries in slots.values() for entry in entries]


def _profile_text(profile: Mapping[str, Mapping[str, Sequence[Entry]]]) -> str:
    lines = [_entry_line(entry) for entry in _entries(profile)]
    return as_data("\n".join(lines)) if lines else NOTHING_YET


def _entry_line(entry: Entry) -> str:
    place = f"{entry.topic}/{entry.slot}" + (f" {entry.id}" if entry.id else "")
    return as_value(f"- {place}: {' '.join(entry.text.split())}")


def _success(user_id: str) -> dict[str, Any]:
    return {"status": "success", "note": NOTE, "user_id": as_value(user_id)}


def _hit(hit: Hit, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {name: as_value(hit.text)}
    found["timestamp"] = hit.date.isoformat() if hit.date else None
    found |= {"speaker": hit.speaker and as_value(hit.speaker), "place": hit.place}
    return found | {"ids": list(hit.item_ids), "resource_id": hit.resource_id}


def _item(item: Item) -> dict[str, Any]:
    when = item.mentioned_at or item.created_at
    return {"knowledge": as_value(item.text), "timestamp": when.isoformat(), "id": item.id}


def _own(speaker: str | None) -> bool:
    """Whether a statement is the application's own, or about it."""
    return speaker is not None and speaker.casefold() == "assistant"


def _step(step: Past) -> str:
    return f"{step.time:%Y-%m-%d %H:%M} {step.kind} by {step.by} ({step.run}){_changes(step.changes)}"


def _changes(changes: Iterable[object]) -> str:
    return "".join(f"\n  {' '.join(str(change).split())}" for change in changes)
