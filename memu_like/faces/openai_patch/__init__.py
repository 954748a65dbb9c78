"""Memory for an OpenAI client: `openai_memory(client, "memory_store")`, then `user_id=` with each request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ...errors import ConfigError

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

    from ...service import MemoryService
    from .memory import ClientMemory

    C = TypeVar("C", OpenAI, AsyncOpenAI)
else:
    C = TypeVar("C")

MARK = "_memu_like_memory"
ADDITIONAL_PROMPT = (
    "Use what is remembered only where the user's message needs it; otherwise answer as you would without it."
)


def openai_memory(
    client: C,
    memory: MemoryService | str | Path,
    max_context_size: int = 1000,
    additional_memory_prompt: str = ADDITIONAL_PROMPT,
) -> C:
    """Give a client memory, and return it: `chat.completions.create` and `responses.create` take `user_id`.

    With a `user_id`, what memory holds of that user, at most `max_context_size` tokens of it, stands in the
    system message (`instructions`), with `additional_memory_prompt` behind it; the user's last message and
    the reply are saved. Without one, or None, a request is as it was. `memory` is a MemoryService or the path
    of a store; a service that is not entered, and that of a path, live in a thread of their own until the
    program ends. The client also gets `get_profile(user_id)`, `get_memory_prompt(user_id, query=None)` and
    `flush(user_id)`, coroutines on AsyncOpenAI; `memory_errors`, what could not be read or saved, as
    MemoryFault; and `close_memory()`. What `copy` and `with_options` make has the same memory.

    Done again with the same memory, it changes nothing. Raises ConfigError for another memory, and for what
    is no client of OpenAI's; a request raises InvalidUserId.
    """
    from openai import AsyncOpenAI, OpenAI

    if not isinstance(client, OpenAI | AsyncOpenAI):
        raise ConfigError(
            f"openai_memory patches an OpenAI or AsyncOpenAI client, not {type(client).__name__}"
        )
    patched = client.__dict__.get(MARK)
    if patched is not None:
        _check_same(patched, memory)
        return client
    from ...service import MemoryService
    from .memory import ClientMemory

    service = memory if isinstance(memory, MemoryService) else MemoryService(memory, background=True)
    _patch(client, ClientMemory(service, max_context_size, additional_memory_prompt))
    return client


def _check_same(patched: ClientMemory, memory: MemoryService | str | Path) -> None:
    service = patched.home.service
    if memory is not service and (
        not isinstance(memory, str | Path) or Path(memory).absolute() != service.store
    ):
        raise ConfigError("this client has another memory already: patch a client of its own for this one")


def _patch(client: Any, memory: ClientMemory) -> None:
    from openai import AsyncOpenAI

    from .requests import patch_async, patch_sync

    setattr(client, MARK, memory)
    client.memory_errors = memory.errors
    client.close_memory = memory.home.close
    (patch_async if isinstance(client, AsyncOpenAI) else patch_sync)(client, memory)
    copy = client.copy

    def copied(*args: Any, **kwargs: Any) -> Any:
        made = copy(*args, **kwargs)
        _patch(made, memory)
        return made

    client.copy = client.with_options = copied


__all__ = ["ADDITIONAL_PROMPT", "openai_memory"]
