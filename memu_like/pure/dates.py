"""When: the dates that a text names, resolved against the moment it was said.

How wordings are read (where people differ, one reading is fixed and named here):

- Weeks are calendar weeks from Monday; "last week" is the one before, "two weeks ago" the one then.
- "last Friday" is the most recent one before the day itself; "next Friday" is next week's. A bare "Friday"
  goes with the tense of its clause ("sat", "booked a table for", "is on"); with none it is today where
  that is a Friday, ahead beside an appointment or a flight, and else the last one.
- "last June", "last summer": the most recent one that is over. Seasons are the northern ones.
- A day or month without a year goes with the tense too; with none it is the next one beside words of plans
  ("tickets", "deadline"), and else the nearest.
- "a couple of" is 2 to 3, "a few" 2 to 5, "several" 3 to 9: a span.
- "since 2016" is the year 2016, and "have done it for three years" the year three years back: the start.
- 2023-05-08 is read as ISO. 5/13/2023 and 13/5/2023 have one reading each; 5/8/2023 has two and is left out.
- Habits ("every Friday", "Sunday mornings", "we always camp in July", 每周五) are not dates.
- Moving feasts (Easter, 春节) are not resolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain, islice

from ..models import Occurred
from . import dates_chinese, dates_english
from .intervals import Interval
from .patterns import lazy

_CHINESE = lazy(r"[年月日号天周末晚早才节旦一礼星]")

#: A text with more dates than this is a table or an attack; the rest is left out.
MOST_DATES = 500

Found = tuple[int, int, Interval]


def find_dates(text: str, said_at: datetime) -> tuple[Occurred, ...]:
    """The dates in `text` in the order they stand, overlaps resolved to the longest wording.

    Times carry the tzinfo of `said_at`. Never raises: a date that `datetime` cannot hold is left out.
    """
    found: Iterator[Found] = dates_english.find(text, said_at)
    if not text.isascii() and _CHINESE.search(text):
        found = chain(dates_chinese.find(text, said_at), found)
    return tuple(_occurred(text, item) for item in _without_overlaps(islice(found, MOST_DATES), len(text)))


def _without_overlaps(found: Iterable[Found], length: int) -> list[Found]:
    every = list(found)
    if len(every) < 2:
        return every
    taken = bytearray(length)
    kept: list[Found] = []
    for item in sorted(every, key=lambda each: (each[0] - each[1], each[0])):
        start, end, _ = item
        if taken.find(1, start, end) < 0:
            taken[start:end] = b"\1" * (end - start)
            kept.append(item)
    return sorted(kept, key=lambda each: each[0])


def _occurred(text: str, item: Found) -> Occurred:
    start, end, interval = item
    return Occurred(interval.start, interval.end, interval.grain, text[start:end])
