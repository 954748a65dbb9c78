from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from memu_like.config import Settings
from memu_like.service import MemoryService


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[MemoryService]:
    async with MemoryService(Settings(store=tmp_path / "store")) as made:
        yield made
