"""The requests that memory takes part in, of both clients and both interfaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

from ...models import MemorizeReport, ProfileSlot
from .exchange import Exchange
from .memory import ClientMemory
from .messages import (
    Asked,
    asked_in,
    asked_in_input,
    chat_piece,
    chat_reply,
    response_piece,
    response_reply,
    with_memory,
)
from .streams import remembered

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Interface:
    """How one of OpenAI's two interfaces is read and written. `prepared` returns arguments of its own."""

    asked: Callable[[Mapping[str, Any]], Asked]
    prepared: Callable[[Mapping[str, Any], str], Arguments]
    reply: Callable[[object], str]
    piece: Callable[[object], str]


def _chat_with(arguments: Mapping[str, Any], prompt: str) -> Arguments:
    return {**arguments, "messages": with_memory(arguments["messages"], prompt)}


def _response_with(arguments: Mapping[str, Any], prompt: str) -> Arguments:
    given = arguments.get("instructions")
    return {
        **arguments,
        "instructions": f"{given}\n\n{prompt}" if isinstance(given, str) and given else prompt,
    }


CHAT = Interface(lambda given: asked_in(given["messages"]), _chat_with, chat_reply, chat_piece)
RESPONSES = Interface(
    lambda given: asked_in_input(given.get("input")), _response_with, response_reply, response_piece
)


def patch_sync(client: Any, memory: ClientMemory) -> None:
    """Put memory before and behind the two methods of this client; its class stays as it is."""
    home = memory.home

    def get_profile(user_id: str) -> list[ProfileSlot]:
        return home.wait(partial(memory.profile, memory.check(user_id)))

    def get_memory_prompt(user_id: str, query: str | None = None) -> str:
        return home.wait(partial(memory.prompt, memory.check(user_id), query))

    def flush(user_id: str) -> MemorizeReport:
        return home.wait(partial(memory.flush, memory.check(user_id)))

    client.get_profile, client.get_memory_prompt, client.flush = get_profile, get_memory_prompt, flush
    for owner, interface in _methods(client):
        owner.create = _sync(owner.create, memory, interface)


def patch_async(client: Any, memory: ClientMemory) -> None:
    """The same of an async client."""
    home = memory.home

    async def get_profile(user_id: str) -> list[ProfileSlot]:
        return await home.run(partial(memory.profile, memory.check(user_id)))

    async def get_memory_prompt(user_id: str, query: str | None = None) -> str:
        return await home.run(partial(memory.prompt, memory.check(user_id), query))

    async def flush(user_id: str) -> MemorizeReport:
        return await home.run(partial(memory.flush, memory.check(user_id)))

    client.get_profile, client.get_memory_prompt, client.flush = get_profile, get_memory_prompt, flush
    for owner, interface in _methods(client):
        owner.create = _async(owner.create, memory, interface)


def _methods(client: Any) -> list[tuple[Any, Interface]]:
    found = [(client.chat.completions, CHAT)]
    if hasattr(client, "responses"):  # which the SDK has since 1.66
        found.append((client.responses, RESPONSES))
    return found


def _sync(create: Any, memory: ClientMemory, interface: Interface) -> Any:
    @wraps(create)
    def with_user(*args: Any, user_id: str | None = None, **given: Any) -> Any:
        if user_id is None:
            return create(*args, **given)
        user, arguments = memory.check(user_id), _owned(given)
        asked = interface.asked(arguments)
        prompt = memory.home.wait(partial(memory.prompt_or_none, user, asked.query))
        answer = create(*args, **_prepared(interface, arguments, prompt))
        exchange = memory.exchange(user, asked.new)
        if arguments.get("stream"):
            return remembered(answer, interface.piece, exchange, is_async=False)
        exchange.add(_reply(interface, answer))
        exchange.end()
        return answer

    return with_user


def _async(create: Any, memory: ClientMemory, interface: Interface) -> Any:
    @wraps(create)
    async def with_user(*args: Any, user_id: str | None = None, **given: Any) -> Any:
        if user_id is None:
            return await create(*args, **given)
        user, arguments = memory.check(user_id), _owned(given)
        asked = interface.asked(arguments)
        prompt = await memory.home.run(partial(memory.prompt_or_none, user, asked.query))
        answer = await create(*args, **_prepared(interface, arguments, prompt))
        exchange: Exchange = memory.exchange(user, asked.new)
        if arguments.get("stream"):
            return remembered(answer, interface.piece, exchange, is_async=True)
        exchange.add(_reply(interface, answer))
        await exchange.ended()
        return answer

    return with_user


def _owned(given: Mapping[str, Any]) -> Arguments:
    """The arguments, with messages that can be read twice: the caller may give any iterable."""
    found = dict(given)
    for name in ("messages", "input"):
        if name in found and not isinstance(found[name], str):
            found[name] = list(found[name])
    return found


def _prepared(interface: Interface, arguments: Arguments, prompt: str) -> Arguments:
    return interface.prepared(arguments, prompt) if prompt else arguments


def _reply(interface: Interface, answer: Any) -> str:
    """The reply's text; of `with_raw_response` too, whose body is parsed once however often it is asked."""
    parse = getattr(answer, "parse", None)
    return interface.reply(parse() if callable(parse) and hasattr(answer, "http_response") else answer)
