"""The requests that memory takes part in, of both clients and both interfaces."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

from ...results import MemorizeReport, ProfileSlot
from .memory import ClientMemory
from .messages import (
    asked_in,
    chat_piece,
    chat_reply,
    chat_with_memory,
    response_piece,
    response_reply,
    response_with_memory,
)
from .streams import Reading, remembered

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Interface:
    """One of OpenAI's two. `said` is the argument with the user's words; `prepared` changes no argument."""

    said: str
    prepared: Callable[[Mapping[str, Any], str], Arguments]
    reading: Reading


CHAT = Interface("messages", chat_with_memory, Reading(chat_reply, chat_piece))
RESPONSES = Interface("input", response_with_memory, Reading(response_reply, response_piece))


def patch_requests(client: Any, memory: ClientMemory) -> None:
    """Put memory before and behind the requests of this client; its class stays as it is."""
    from openai import AsyncOpenAI

    is_async = isinstance(client, AsyncOpenAI)
    (_add_async_helpers if is_async else _add_helpers)(client, memory)
    _patch(client.chat.completions, memory, CHAT, is_async)
    if hasattr(client, "responses"):  # the SDK has them since 1.66
        _patch(client.responses, memory, RESPONSES, is_async)


def _patch(owner: Any, memory: ClientMemory, interface: Interface, is_async: bool) -> None:
    with_user = _async_with_user if is_async else _with_user
    for name in ("create", "parse"):
        if method := getattr(owner, name, None):  # the SDK has parse and stream here since 1.92
            setattr(owner, name, with_user(method, memory, interface))
    if stream := getattr(owner, "stream", None):
        owner.stream = _stream_with_user(stream, owner, memory)
    for name in ("with_raw_response", "with_streaming_response"):
        vars(owner).pop(name, None)  # kept since before, with the methods of then


def _with_user(method: Any, memory: ClientMemory, interface: Interface) -> Any:
    @wraps(method)
    def with_user(*args: Any, user_id: str | None = None, **given: Any) -> Any:
        if user_id is None:
            return method(*args, **given)
        user, arguments = memory.check(user_id), _owned(given, interface.said)
        asked = asked_in(arguments.get(interface.said))
        prompt = memory.home.wait(partial(memory.prompt_for, user, asked))
        answer = method(*args, **interface.prepared(arguments, prompt))
        return remembered(answer, interface.reading, memory.exchange(user, asked.new))

    return with_user


def _async_with_user(method: Any, memory: ClientMemory, interface: Interface) -> Any:
    @wraps(method)
    async def with_user(*args: Any, user_id: str | None = None, **given: Any) -> Any:
        if user_id is None:
            return await method(*args, **given)
        user, arguments = memory.check(user_id), _owned(given, interface.said)
        asked = asked_in(arguments.get(interface.said))
        prompt = await memory.home.run(partial(memory.prompt_for, user, asked))
        answer = await method(*args, **interface.prepared(arguments, prompt))
        return remembered(answer, interface.reading, memory.exchange(user, asked.new))

    return with_user


def _stream_with_user(method: Any, owner: Any, memory: ClientMemory) -> Any:
    """The SDK's helper asks by `create` of the object that it belongs to: one with that user's."""

    @wraps(method)
    def with_user(*args: Any, user_id: str | None = None, **given: Any) -> Any:
        if user_id is None:
            return method(*args, **given)
        of_user = copy(owner)
        of_user.create = partial(owner.create, user_id=memory.check(user_id))
        return type(owner).stream(of_user, *args, **given)

    return with_user


def _owned(given: Mapping[str, Any], said: str) -> Arguments:
    """The arguments, with messages that can be read twice: the caller may give any iterable."""
    value = given.get(said)
    if isinstance(value, str) or not isinstance(value, Iterable):
        return dict(given)
    return {**given, said: list(value)}


def _add_helpers(client: Any, memory: ClientMemory) -> None:
    home = memory.home

    def get_profile(user_id: str) -> list[ProfileSlot]:
        return home.wait(partial(memory.profile, memory.check(user_id)))

    def get_memory_prompt(user_id: str, query: str | None = None) -> str:
        return home.wait(partial(memory.prompt, memory.check(user_id), query))

    def flush(user_id: str) -> MemorizeReport:
        return home.wait(partial(memory.flush, memory.check(user_id)))

    client.get_profile, client.get_memory_prompt, client.flush = get_profile, get_memory_prompt, flush
    client.close_memory = memory.close


def _add_async_helpers(client: Any, memory: ClientMemory) -> None:
    home = memory.home

    async def get_profile(user_id: str) -> list[ProfileSlot]:
        return await home.run(partial(memory.profile, memory.check(user_id)))

    async def get_memory_prompt(user_id: str, query: str | None = None) -> str:
        return await home.run(partial(memory.prompt, memory.check(user_id), query))

    async def flush(user_id: str) -> MemorizeReport:
        return await home.run(partial(memory.flush, memory.check(user_id)))

    async def close_memory() -> None:
        await asyncio.to_thread(memory.close)

    client.get_profile, client.get_memory_prompt, client.flush = get_profile, get_memory_prompt, flush
    client.close_memory = close_memory
