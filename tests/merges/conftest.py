"""A store in a repository, and a clone of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from clones import Clone, register

from memu_like.edges.store import init_store


@pytest.fixture
def one(tmp_path: Path) -> Clone:
    """A store in a repository of its own, with nothing in it yet."""
    clone = Clone(tmp_path / "one", "melanie")
    init_store(clone.store)
    clone.git("init", "-q", "-b", "main")
    register(clone.store)
    clone.commit("init")
    return clone


@pytest.fixture
def cloned(tmp_path: Path) -> Callable[[Clone], Clone]:
    def make(origin: Clone) -> Clone:
        clone = Clone(tmp_path / "two", "joanna")
        origin.git("clone", "-q", str(origin.store), str(clone.store))
        register(clone.store)
        return clone

    return make
