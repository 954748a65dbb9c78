"""One call that loads text or bytes with the usual settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from memu_like.edges.loaders import load
from memu_like.models import Loaded

Read = Callable[..., tuple[Loaded, ...]]


@pytest.fixture(scope="session")
def read() -> Read:
    def call(content: Any, name: str = "input", **keywords: Any) -> tuple[Loaded, ...]:
        if not isinstance(content, str | bytes):
            content = json.dumps(content)
        data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        settings = {"session_gap": timedelta(hours=6), "max_message_bytes": 100_000}
        return load(data, name, **(settings | keywords))

    return call
