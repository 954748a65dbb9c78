"""A store in a temporary folder, and a conversation to fill it with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from conversations import JUNE, MAY

from memu_like.config import Settings
from memu_like.service import MemoryService, UserMemory


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
async def memory(store: Path) -> AsyncIterator[MemoryService]:
    async with MemoryService(Settings(store=store)) as service:
        yield service


@pytest.fixture
async def caroline(memory: MemoryService) -> UserMemory:
    """Two conversations, of May and of June; the second says one thing of the first again."""
    user = memory.user("caroline")
    await user.memorize(MAY)
    await user.memorize(JUNE)
    return user
