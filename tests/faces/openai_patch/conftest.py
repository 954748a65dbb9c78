"""A model's endpoint, a store, and either of OpenAI's clients with that store's memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from edges.llm.chat_server import ChatServer, chat_server
from openai import AsyncOpenAI, OpenAI
from remembering import done

from memu_like import openai_memory


@pytest.fixture
def model() -> Iterator[ChatServer]:
    with chat_server() as found:
        yield found


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "memory_store"


@pytest.fixture(params=[OpenAI, AsyncOpenAI])
async def plain(request: pytest.FixtureRequest, model: ChatServer) -> AsyncIterator[Any]:
    client = request.param(base_url=model.url, api_key="k", max_retries=0)
    yield client
    await done(client.close())


@pytest.fixture
async def client(plain: Any, store: Path) -> AsyncIterator[Any]:
    yield openai_memory(plain, store)
    await done(plain.close_memory())
