"""What the routes that read have in common: a user that nobody made has nothing, and that is no error.

Memobase answers so, and its clients read a user's memory before they have made the user.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from ....errors import NotFound

T = TypeVar("T")


async def or_nothing(found: Awaitable[T], nothing: T) -> T:
    """What was found; `nothing` where there is no such user."""
    try:
        return await found
    except NotFound as error:
        if error.kind != "user":
            raise
        return nothing
