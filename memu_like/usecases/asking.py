"""Asking a model for a value: the reply is read, and where it cannot be used, asked for once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..edges.llm.meter import Meter
from ..models import ChatRequest

T = TypeVar("T")


async def ask(meter: Meter, request: ChatRequest, read: Callable[[str], T]) -> T:
    """What `read` makes of the reply. `read` raises `pure.replies.ReplyError` where it cannot be used.

    Then the model gets its reply (shortened) and the error and is asked once more; a second failure is
    UnusableReply. A reply that was cut at its length limit is told so. Other ModelErrors pass.
    """
    raise NotImplementedError
