"""What a function makes of short texts is kept, for they come again; long ones would fill the memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")
TEXTS, CHARACTERS = 4096, 1000
"""How many texts each function keeps, and how long they are at most: some eight megabytes."""


def keeping(work: Callable[[str], T]) -> Callable[[str], T]:
    """`work`, which depends on its text alone, with what it made of the last TEXTS short ones."""
    kept = lru_cache(maxsize=TEXTS)(work)

    @wraps(work)
    def found(text: str) -> T:
        return kept(text) if len(text) <= CHARACTERS else work(text)

    return found
