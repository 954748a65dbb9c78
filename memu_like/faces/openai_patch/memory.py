"""A client's memory: what goes into its prompts, what is saved of its exchanges, and what went wrong."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from ...errors import InvalidInput, MemuLikeError, NotFound
from ...fenced import as_data
from ...models import MemorizeReport, ProfileSlot
from ...service import MemoryService
from .exchange import Exchange, Messages
from .home import Home

log = logging.getLogger("memu_like")
KEPT_ERRORS = 1000


@dataclass(frozen=True, slots=True)
class MemoryFault:
    """Something that memory could not do while the chat went on. `messages` are those that were not saved."""

    user_id: str
    error: Exception
    messages: tuple[dict[str, Any], ...] = ()


class ClientMemory:
    """The memory of one client. Its coroutines run in its home; `begin_save` is called from anywhere."""

    def __init__(self, service: MemoryService, max_context_size: int, additional_prompt: str) -> None:
        if max_context_size < 1:
            raise InvalidInput(f"max_context_size must be at least 1, not {max_context_size}")
        self.home = Home(service)
        self.errors: deque[MemoryFault] = deque(maxlen=KEPT_ERRORS)
        self._service = service
        self._size = max_context_size
        self._additional = additional_prompt
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def check(self, user_id: object) -> str:
        """The id. Raises InvalidUserId."""
        return self._service.user(user_id).user_id  # type: ignore[arg-type]

    async def prompt(self, user_id: str, query: str | None = None) -> str:
        """What a system message says of memory; "" where nothing is remembered of the user."""
        try:
            text = await self._service.user(user_id).context(query=query, max_tokens=self._size)
        except NotFound:
            return ""
        return f"{as_data(text)}\n{self._additional}" if text else ""

    async def prompt_or_none(self, user_id: str, query: str) -> str:
        """The same for a request, which is made without memory where that cannot be read."""
        try:
            return await self.prompt(user_id, query or None)
        except Exception as error:  # noqa: BLE001  # a face: the chat goes on, and the fault is told
            self._note(MemoryFault(user_id, error))
            return ""

    async def profile(self, user_id: str) -> list[ProfileSlot]:
        try:
            return await self._service.user(user_id).profile_slots()
        except NotFound:
            return []

    async def flush(self, user_id: str) -> MemorizeReport:
        """Once what is being saved is saved: run on it."""
        async with self._lock(user_id):
            pass
        return await self._service.user(user_id).flush()

    def exchange(self, user_id: str, new: dict[str, Any] | None) -> Exchange:
        async def save(messages: Messages) -> None:
            await self._save_from_async(user_id, messages)

        return Exchange(new, lambda messages: self.begin_save(user_id, messages), save)

    def begin_save(self, user_id: str, messages: Messages) -> None:
        """Save in the background."""
        try:
            self.home.begin(lambda: self._save(user_id, messages))
        except RuntimeError as error:
            self._note(MemoryFault(user_id, error, tuple(messages)))

    async def _save_from_async(self, user_id: str, messages: Messages) -> None:
        """In its home a client's caller may close the service at any moment: then it is saved on return."""
        if self.home.is_here:
            await asyncio.shield(self._save(user_id, messages))
        else:
            self.begin_save(user_id, messages)

    async def _save(self, user_id: str, messages: Messages) -> None:
        async with self._lock(user_id):
            try:
                await self._service.user(user_id).add(messages)
            except Exception as error:  # noqa: BLE001  # nobody awaits this: it is told where it can be seen
                self._note(MemoryFault(user_id, error, tuple(messages)))

    def _lock(self, user_id: str) -> asyncio.Lock:
        """A user's exchanges are saved one by one, in their order."""
        lock = self._locks.get(user_id)
        if lock is None:
            lock = self._locks[user_id] = asyncio.Lock()
        return lock

    def _note(self, fault: MemoryFault) -> None:
        """Without what was said: an error of ours says what to do, of any other its kind is told."""
        self.errors.append(fault)
        said = str(fault.error) if isinstance(fault.error, MemuLikeError) else type(fault.error).__name__
        what = f"{len(fault.messages)} messages were not saved" if fault.messages else "memory was not read"
        log.error("%s: %s", what, said)
