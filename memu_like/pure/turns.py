"""The turns of a conversation as a language model reads them: numbered lines under their day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from ..models import Message


@dataclass(frozen=True, slots=True)
class Turn:
    """A message, or a piece of one, with its line in the resource (from 1). `said_at` None: nobody knows."""

    line: int
    message: Message
    said_at: datetime | None


def render_turns(turns: Sequence[Turn], timezone: tzinfo) -> str:
    """`[line] Speaker: text`, a line each, under a heading with the day (in `timezone`) where it changes."""
    raise NotImplementedError


def split_turns(
    turns: Sequence[Turn], budget_tokens: int, count: Callable[[str], int]
) -> list[tuple[Turn, ...]]:
    """The turns in order, in groups of at most `budget_tokens` as `count` counts their rendered lines.

    A message that is longer alone is cut into pieces that keep its line; nothing is left out.
    """
    raise NotImplementedError
