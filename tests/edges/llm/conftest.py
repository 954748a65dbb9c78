"""A chat server, and models that talk to it without waiting between repeats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from edges.llm.chat_server import ChatServer, chat_server

from memu_like.config import Settings
from memu_like.edges.llm.openai_model import OpenAiModel

KEY = "sk-secret-1234567890"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


@pytest.fixture
def settings(server: ChatServer) -> Any:
    """Makes settings for the server; keywords are settings without their `llm_`."""

    def make(**given: Any) -> Settings:
        values = {"model": "m", "base_url": server.url, "api_key": KEY, "timeout_seconds": 5.0, "retries": 2}
        return Settings(**{f"llm_{name}": value for name, value in (values | given).items()})

    return make


@pytest.fixture
async def model(settings: Any) -> Any:
    """Makes models for the server, and closes them after the test."""
    made: list[OpenAiModel] = []

    def make(**given: Any) -> OpenAiModel:
        made.append(OpenAiModel(settings(**given), pause_seconds=0.001))
        return made[-1]

    yield make
    for one in made:
        await one.close()
