"""What the store took: blobs that came in and tokens of language models, by day (UTC)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from ..edges import insert_counts
from ..edges.llm.ledger import DAYS_KEPT, read_spend
from ..errors import InvalidInput
from ..results import DayUsage

MAX_DAYS = min(insert_counts.DAYS_KEPT, DAYS_KEPT)
"""Counts of earlier days are not kept."""


def last_days(store: Path, today: date, days: int) -> list[DayUsage]:
    """The last `days` days, today first. Raises InvalidInput."""
    if not 1 <= days <= MAX_DAYS:
        raise InvalidInput(f"usage is kept for {MAX_DAYS} days: ask for 1 to {MAX_DAYS}, not {days}")
    return [_day(store, today - timedelta(days=back)) for back in range(days)]


def this_month(store: Path, today: date) -> Sequence[DayUsage]:
    """The days of this month so far, today first."""
    return last_days(store, today, today.day)


def _day(store: Path, day: date) -> DayUsage:
    spent = read_spend(store, day)
    return DayUsage(day, insert_counts.counted(store, day), spent.prompt_tokens, spent.completion_tokens)
