"""Calendar intervals: half-open stretches of wall-clock time around a moment, with their grain.

All functions take the moment a thing was said and keep its tzinfo. A date outside what `datetime` can
hold raises ValueError or OverflowError, which the callers in `dates` turn into "no date".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..models import Grain

#: Meteorological seasons of the northern hemisphere, by their first month; each lasts three months.
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}

#: Parts of a day as hours from midnight; the night runs into the next day.
PARTS = {"morning": (5, 12), "noon": (11, 14), "afternoon": (12, 18), "evening": (17, 24), "night": (18, 30)}


@dataclass(frozen=True, slots=True)
class Interval:
    """[start, end) with the grain that the words had."""

    start: datetime
    end: datetime
    grain: Grain


def midnight(said: datetime) -> datetime:
    return said.replace(hour=0, minute=0, second=0, microsecond=0)


def day(said: datetime, offset: int = 0) -> Interval:
    start = midnight(said) + timedelta(days=offset)
    return Interval(start, start + timedelta(days=1), "day")


def date(said: datetime, year: int, month_number: int, day_number: int) -> Interval:
    start = midnight(said).replace(year=year, month=month_number, day=day_number)
    return Interval(start, start + timedelta(days=1), "day")


def part_of(whole: Interval, name: str) -> Interval:
    """The named part ("morning") of a day."""
    first, last = PARTS[name]
    return Interval(whole.start + timedelta(hours=first), whole.start + timedelta(hours=last), "part")


def week(said: datetime, offset: int = 0) -> Interval:
    """The calendar week `offset` weeks away; weeks start on Monday (ISO 8601)."""
    start = midnight(said) + timedelta(days=7 * offset - said.weekday())
    return Interval(start, start + timedelta(days=7), "week")


def weekday(said: datetime, number: int, week_offset: int) -> Interval:
    """Day `number` (Monday 0) of the calendar week `week_offset` weeks away."""
    return day(said, 7 * week_offset + number - said.weekday())


def weekend(said: datetime, offset: int = 0) -> Interval:
    start = weekday(said, 5, offset).start
    return Interval(start, start + timedelta(days=2), "weekend")


def month(said: datetime, year: int, number: int) -> Interval:
    """Month `number` of `year`; `number` may lie outside 1..12 and then counts into other years."""
    return Interval(_first_of(said, year, number), _first_of(said, year, number + 1), "month")


def season(said: datetime, year: int, name: str) -> Interval:
    """A season by the year it starts in: winter 2022 is December 2022 to February 2023."""
    first = SEASONS[name]
    return Interval(_first_of(said, year, first), _first_of(said, year, first + 3), "season")


def year(said: datetime, number: int) -> Interval:
    return Interval(_first_of(said, number, 1), _first_of(said, number + 1, 1), "year")


def decade(said: datetime, number: int) -> Interval:
    return Interval(_first_of(said, number, 1), _first_of(said, number + 10, 1), "decade")


def hour(said: datetime, offset: int) -> Interval:
    start = said.replace(minute=0, second=0, microsecond=0) + timedelta(hours=offset)
    return Interval(start, start + timedelta(hours=1), "hour")


def minute(said: datetime, offset: int) -> Interval:
    start = said.replace(second=0, microsecond=0) + timedelta(minutes=offset)
    return Interval(start, start + timedelta(minutes=1), "minute")


#: The stretch of a unit that lies `offset` units away; "two weeks ago" is the calendar week then.
UNITS: dict[str, Callable[[datetime, int], Interval]] = {
    "minute": minute,
    "hour": hour,
    "day": day,
    "week": week,
    "weekend": weekend,
    "month": lambda said, offset: month(said, said.year, said.month + offset),
    "year": lambda said, offset: year(said, said.year + offset),
    "decade": lambda said, offset: year(said, said.year + 10 * offset),
}


def away(said: datetime, unit: str, low: int, high: int) -> Interval:
    """What lies `low` to `high` units away (negative: ago); a span when the words were vague."""
    if low == high:
        return UNITS[unit](said, low)
    first, last = UNITS[unit](said, min(low, high)), UNITS[unit](said, max(low, high))
    return Interval(first.start, last.end, "span")


def nearest(said: datetime, past: Interval, future: Interval) -> Interval:
    """Whichever lies closer to the moment; the past one when equally far."""
    return past if said - past.end <= future.start - said else future


def nth_weekday(said: datetime, year_number: int, month_number: int, number: int, nth: int) -> Interval:
    """The `nth` (from 1, or -1 for the last) weekday `number` of a month."""
    if nth < 0:
        last = date(said, *_next_month(year_number, month_number), 1).start - timedelta(days=1)
        return day(last, -((last.weekday() - number) % 7))
    first = date(said, year_number, month_number, 1).start
    return day(first, (number - first.weekday()) % 7 + 7 * (nth - 1))


def _next_month(year_number: int, month_number: int) -> tuple[int, int]:
    return (year_number + 1, 1) if month_number == 12 else (year_number, month_number + 1)


def _first_of(said: datetime, year_number: int, month_number: int) -> datetime:
    years, index = divmod(month_number - 1, 12)
    return midnight(said).replace(year=year_number + years, month=index + 1, day=1)
