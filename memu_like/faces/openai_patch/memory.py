"""A client's memory: what goes into its prompts, what is saved of its exchanges, and what went wrong."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial
from weakref import WeakKeyDictionary, WeakValueDictionary

from ...errors import ConfigError, InvalidInput, MemuLikeError, NotFound
from ...fenced import as_data
from ...results import MemorizeReport, ProfileSlot
from ...service import MemoryService, UserMemory
from .exchange import Exchange, Message
from .home import Home
from .messages import Asked

log = logging.getLogger("memu_like")
KEPT_ERRORS = 1000

Locks = WeakValueDictionary[str, asyncio.Lock]
_locks: WeakKeyDictionary[MemoryService, Locks] = WeakKeyDictionary()
"""Of each service, by user: an application may make a client for each request, and reads what others save."""


@dataclass(frozen=True, slots=True)
class MemoryFault:
    """Something that memory could not do while the chat went on. `messages` are those that were not saved."""

    user_id: str
    error: BaseException
    messages: tuple[Message, ...] = ()


class ClientMemory:
    """The memory of one client and its copies. Its coroutines run in its home, the rest in any thread."""

    def __init__(self, service: MemoryService) -> None:
        self.home = Home(service)
        self.errors: deque[MemoryFault] = deque(maxlen=KEPT_ERRORS)
        self._open: set[Exchange] = set()
        self._saving: set[Future[int]] = set()
        self._locks = _locks.setdefault(service, Locks())
        service.guests.add(self)

    def limit(self, max_context_size: int, additional_prompt: str) -> None:
        if max_context_size < 1:
            raise InvalidInput(f"max_context_size must be at least 1, not {max_context_size}")
        self._size, self._additional = max_context_size, additional_prompt

    def check(self, user_id: str) -> str:
        """The id. Raises InvalidUserId."""
        return self._user(user_id).user_id

    # -- reading

    async def prompt(self, user_id: str, query: str | None = None, in_prompt: Sequence[str] = ()) -> str:
        """What a system message says of memory; "" where nothing is remembered of the user."""
        await self._saved(user_id)
        user = self._user(user_id)
        try:
            text = await user.context(query=query, max_tokens=self._size, in_prompt=in_prompt)
        except NotFound:
            return ""
        return f"{as_data(text)}\n{self._additional}" if text else ""

    async def prompt_for(self, user_id: str, asked: Asked) -> str:
        """The same for a request; where memory cannot be read, the request is made without."""
        try:
            return await self.prompt(user_id, asked.query or None, asked.texts)
        except Exception as error:  # noqa: BLE001  # a face: the chat goes on, and the fault is told
            self._note(MemoryFault(user_id, error))
            return ""

    async def profile(self, user_id: str) -> list[ProfileSlot]:
        await self._saved(user_id)
        try:
            return await self._user(user_id).profile_slots()
        except NotFound:
            return []

    async def flush(self, user_id: str) -> MemorizeReport:
        await self._saved(user_id)
        return await self._user(user_id).flush()

    # -- saving

    def exchange(self, user_id: str, new: Message | None) -> Exchange:
        exchange = Exchange(user_id, new, self._end)
        self._open.add(exchange)
        return exchange

    def _end(self, exchange: Exchange) -> None:
        """Save in the background what it has, the first time that it ends."""
        try:
            self._open.remove(exchange)
        except KeyError:
            return
        if not (messages := exchange.messages()):
            return
        try:
            job = self.home.begin(partial(self._save, exchange.user_id, messages))
        except ConfigError as error:
            self._note(MemoryFault(exchange.user_id, error, messages))
            return
        self._saving.add(job)
        job.add_done_callback(partial(self._after_saving, exchange.user_id, messages))

    async def _save(self, user_id: str, messages: tuple[Message, ...]) -> int:
        async with self._lock(user_id):
            return await self._user(user_id).add(messages)

    def _after_saving(self, user_id: str, messages: tuple[Message, ...], job: Future[int]) -> None:
        self._saving.discard(job)
        error = CancelledError() if job.cancelled() else job.exception()
        if error is not None:
            self._note(MemoryFault(user_id, error, messages))

    async def settle(self) -> None:
        """Save what was received of replies that are not over, and wait until all is saved."""
        for exchange in list(self._open):
            exchange.end()
        saving = [asyncio.wrap_future(job) for job in list(self._saving)]
        await asyncio.gather(*saving, return_exceptions=True)  # a failed one has been noted

    def close(self) -> None:
        """Wait until all is saved. A service that was entered here is closed, another one is its owner's."""
        if self.home.is_running:
            self.home.wait(self.settle)
        self.home.close()

    async def _saved(self, user_id: str) -> None:
        """What is said to a user's memory is in it before it is read: saves take their turn at the lock."""
        async with self._lock(user_id):
            pass

    def _lock(self, user_id: str) -> asyncio.Lock:
        lock = self._locks.get(user_id)
        if lock is None:
            lock = self._locks[user_id] = asyncio.Lock()
        return lock

    def _user(self, user_id: str) -> UserMemory:
        return self.home.service.user(user_id)

    def _note(self, fault: MemoryFault) -> None:
        """Without what was said: an error of ours says what to do, of any other its kind is told."""
        self.errors.append(fault)
        said = str(fault.error) if isinstance(fault.error, MemuLikeError) else type(fault.error).__name__
        what = f"{len(fault.messages)} messages were not saved" if fault.messages else "memory was not read"
        log.error("%s: %s; see the client's memory_errors", what, said)
