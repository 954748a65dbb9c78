"""Memory for an OpenAI client: `openai_memory(client, "memory_store")`, then `user_id=` with each request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ...errors import ConfigError

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

    from ...config import Settings
    from ...service import MemoryService
    from .memory import ClientMemory

C = TypeVar("C", bound="OpenAI | AsyncOpenAI")

MARK = "_memu_like_memory"
ADDITIONAL_PROMPT = (
    "Use what is remembered only where the user's message needs it; otherwise answer as you would without it."
)


def openai_memory(
    client: C,
    memory: MemoryService | Settings | str | Path,
    max_context_size: int = 1000,
    additional_memory_prompt: str = ADDITIONAL_PROMPT,
) -> C:
    """Give a client memory, and return it: requests by `chat.completions` and `responses` take `user_id`.

    With a `user_id`, what memory holds of that user, at most `max_context_size` tokens of it, stands in the
    system message (`instructions`) as data, with `additional_memory_prompt` behind it; the user's message and
    the reply are saved in the background. Without one, or with None, a request is as it was.

    `memory` is a MemoryService, or the path or the Settings of a store. A service that nobody has entered
    runs in a thread of its own, until the program ends. The client gets `get_profile(user_id)`,
    `get_memory_prompt(user_id, query=None)`, `flush(user_id)` and `close_memory()`, which are coroutines on
    AsyncOpenAI, and `memory_errors`, what could not be read or saved. What `copy` and `with_options` make has
    the same memory. See docs/openai.md.

    Done again with the same memory, it sets the size and the prompt. Raises ConfigError for another memory,
    and for what is no client or no memory; InvalidInput for a size below 1. A request raises InvalidUserId.
    """
    from openai import AsyncOpenAI, OpenAI

    if not isinstance(client, OpenAI | AsyncOpenAI):
        kind = type(client).__name__
        raise ConfigError(f"openai_memory patches an OpenAI or AsyncOpenAI client, not {kind}")
    patched: ClientMemory | None = client.__dict__.get(MARK)
    if patched is None:
        from .memory import ClientMemory

        patched = ClientMemory(_service(memory))
        patched.limit(max_context_size, additional_memory_prompt)
        _patch(client, patched)
    else:
        _check_same(patched.home.service, memory)
        patched.limit(max_context_size, additional_memory_prompt)
    return client


def _service(memory: object) -> MemoryService:
    from ...config import Settings
    from ...service import MemoryService

    if isinstance(memory, MemoryService):
        return memory
    if not isinstance(memory, Settings | str | Path):
        kind = type(memory).__name__
        raise ConfigError(f"memory is a MemoryService, or the path or the Settings of a store, not {kind}")
    return MemoryService(memory, background=True)


def _check_same(service: MemoryService, memory: object) -> None:
    is_its_path = isinstance(memory, str | Path) and Path(memory).absolute() == service.store
    if not is_its_path and memory is not service and memory is not service.settings:
        raise ConfigError("this client has another memory already: patch a client of its own for this one")


def _patch(client: Any, memory: ClientMemory) -> None:
    from .requests import patch_requests

    setattr(client, MARK, memory)
    client.memory_errors = memory.errors
    patch_requests(client, memory)
    copy = client.copy

    def copied(*args: Any, **options: Any) -> Any:
        made = copy(*args, **options)
        _patch(made, memory)
        return made

    client.copy = client.with_options = copied


__all__ = ["ADDITIONAL_PROMPT", "openai_memory"]
