"""Text with its dates written out: "yesterday" of a message becomes "yesterday (2023-05-07)".

A context holds words that were said on many days. What they mean is worked out once, here, and not left to
the reader. The day stands as ISO 8601, at the grain that the words have.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from ..models import Occurred
from .dates import find_dates

_YEAR = re.compile(r"\d{4}")
MOMENT = timedelta(microseconds=1)


def with_dates(text: str, said_at: datetime | None, occurred: Occurred | None = None) -> str:
    """`text`, said at `said_at`, with each date that it does not name in full behind its words.

    A date with a year stays as it is, and one that the time of saying lies in ("today", "this year") needs
    nothing. `occurred`, where no date stands in the text, is put at its end.
    """
    found = find_dates(text, said_at) if said_at is not None else ()
    parts: list[str] = []
    end = 0
    for when in found:
        start = text.find(when.text, end)
        if start >= 0 and said_at is not None and not _plain(when, said_at):
            parts += [text[end : start + len(when.text)], f" ({iso(when)})"]
            end = start + len(when.text)
    if not found and occurred is not None and not (said_at is not None and _holds(occurred, said_at)):
        return f"{text} ({iso(occurred)})"
    return "".join([*parts, text[end:]])


def _plain(when: Occurred, said_at: datetime) -> bool:
    return bool(_YEAR.search(when.text)) or _holds(when, said_at)


def _holds(when: Occurred, moment: datetime) -> bool:
    """A time without an offset, as a person may have written it, is taken for one of the moment's zone."""
    start, end = (
        time if time.tzinfo else time.replace(tzinfo=moment.tzinfo) for time in (when.start, when.end)
    )
    return start <= (moment if moment.tzinfo else moment.replace(tzinfo=start.tzinfo)) < end


def iso(when: Occurred) -> str:
    """An interval at its grain: "2023-05-07", "week of 2023-05-01", "2023-05", "2023"."""
    start, last = when.start, when.end - MOMENT
    if when.grain in ("week", "weekend"):
        return f"{when.grain} of {_day(start)}"
    if when.grain == "month":
        return _day(start)[:7]
    if when.grain == "year":
        return _day(start)[:4]
    if when.grain == "decade":
        return f"{_day(start)[:4]}s"
    if last.date() <= start.date():
        return _day(start)
    if start.day == 1 and when.end.day == 1:
        return f"{_day(start)[:7]} to {_day(last)[:7]}"
    return f"{_day(start)} to {_day(last)}"


def _day(moment: datetime) -> str:
    return moment.date().isoformat()
