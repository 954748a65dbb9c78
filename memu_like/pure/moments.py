"""When a run was made, finer than its whole second: what files say of it must be in order."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from ..models import Item

_RUN = re.compile(r"(\d{14})-([0-9a-f]{6})[0-9a-f]{4}")


def run_moment(run: str) -> datetime | None:
    """The moment that a run's id tells, in whole milliseconds; None for an id that tells none."""
    found = _RUN.fullmatch(run)
    if found is None:
        return None
    try:
        second = datetime.strptime(found.group(1), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return second + timedelta(milliseconds=int(found.group(2), 16) // 1000)


def revised_at(item: Item) -> datetime:
    """When an item's last revision was made, as finely as its run tells; never before `created_at`."""
    moment = run_moment(item.run)
    return item.created_at if moment is None or moment < item.created_at else moment
