"""What the English wordings of time mean: one resolver for each kind of wording.

A resolver takes a `Saying` and gives the interval, or None where the words turn out to name no time. A date
that does not exist raises ValueError or OverflowError, which `dates_english.find` turns into "no date".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from . import intervals as calendar
from . import tenses
from .intervals import Interval
from .tenses import Tense

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday mon",
            "tuesday tues tue",
            "wednesday wed",
            "thursday thurs thu",
            "friday fri",
            "saturday",
            "sunday",
        )
    )
    for name in names.split()
}
UNIT_WORDS = {"night": "day", "evening": "day", "morning": "day", "fortnight": "week"}
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
)
NUMBERS = {word: value for value, word in enumerate(_ONES.split())} | {
    "a": 1,
    "an": 1,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "dozen": 12,
}
_VAGUE = {"couple": (2, 3), "few": (2, 5), "several": (3, 9)}
DECADES = {
    "twenties": 1920,
    "thirties": 1930,
    "forties": 1940,
    "fifties": 1950,
    "sixties": 1960,
    "seventies": 1970,
    "eighties": 1980,
    "nineties": 1990,
}
#: Feasts on a fixed day, or on the nth weekday of a month (month, weekday from Monday 0, nth; -1 is last).
FIXED_FEASTS = {
    "christmas eve": (12, 24),
    "christmas": (12, 25),
    "xmas": (12, 25),
    "new year's eve": (12, 31),
    "new years eve": (12, 31),
    "new year's day": (1, 1),
    "new year's": (1, 1),
    "halloween": (10, 31),
    "valentine's day": (2, 14),
    "valentine's": (2, 14),
    "st patrick's day": (3, 17),
    "independence day": (7, 4),
    "fourth of july": (7, 4),
    "4th of july": (7, 4),
    "boxing day": (12, 26),
    "april fools": (4, 1),
}
WEEKDAY_FEASTS = {
    "thanksgiving": (11, 3, 4),
    "mother's day": (5, 6, 2),
    "father's day": (6, 6, 3),
    "labor day": (9, 0, 1),
    "memorial day": (5, 0, -1),
}


@dataclass(frozen=True, slots=True)
class Saying:
    """What a resolver looks at: the text, the moment it was said, and the words that matched."""

    text: str
    said: datetime
    match: re.Match[str]

    def __getitem__(self, name: str) -> str:
        """A group of the match, in lower case with single spaces; "" when it took no part or is not there."""
        value = self.match[name] if name in self.match.re.groupindex else None
        return " ".join(value.lower().split()) if value else ""

    def tense(self) -> Tense:
        return tenses.tense_around(self.text, self.match.start(), self.match.end())

    def is_planned(self) -> bool:
        return tenses.is_planned(self.text, self.match.start(), self.match.end())

    def is_habit(self) -> bool:
        return tenses.is_habit(self.text, self.match.start(), self.match.end())


def _amount(words: str) -> tuple[int, int]:
    for vague, bounds in _VAGUE.items():
        if vague in words:
            return bounds
    last = words.split()[-1]
    value = int(last) if last.isdigit() else NUMBERS[last]
    return value, value


def _unit(word: str) -> str:
    return UNIT_WORDS.get(word, word)


def _part(interval: Interval, part: str) -> Interval:
    return calendar.part_of(interval, part) if part else interval


def _direction(relative: str) -> int:
    """-1 for "last" and "this past", 0 for "this", 1 for "next"."""
    if relative.endswith(("past", "last", "previous")):
        return -1
    return 1 if relative in {"next", "upcoming", "coming"} else 0


def near_day(saying: Saying) -> Interval:
    offset = {"yesterday": -1, "today": 0, "tomorrow": 1}[saying["day"]]
    return _part(calendar.day(saying.said, offset), saying["part"])


def day_beyond(saying: Saying) -> Interval:
    return calendar.day(saying.said, -2 if saying["side"] == "before" else 2)


def this_part(saying: Saying) -> Interval:
    words = " ".join(saying.match[0].lower().split())
    if words == "tonight":
        return calendar.part_of(calendar.day(saying.said), "night")
    relative, part = words.rsplit(" ", 1)
    return calendar.part_of(calendar.day(saying.said, -1 if relative == "last" else 0), part)


def ago(saying: Saying) -> Interval:
    low, high = _amount(saying["n"])
    unit = saying["unit"]
    if unit in WEEKDAYS:
        latest = _past_weekday(saying.said, WEEKDAYS[unit])
        return calendar.day(latest.start, -7 * (low - 1))
    if unit in calendar.SEASONS:
        last = _past_season(saying.said, unit)
        return calendar.season(saying.said, last.start.year - (low - 1), unit)
    if unit == "fortnight":
        low, high = 2 * low, 2 * high
    return calendar.away(saying.said, _unit(unit), -low, -high)


def ahead(saying: Saying) -> Interval | None:
    """ "in two weeks" is a date unless the sentence is in the past ("done in two weeks")."""
    if saying.match[0].lower().startswith("in") and saying.tense() == "past":
        return None
    low, high = _amount(saying["n"])
    return calendar.away(saying.said, _unit(saying["unit"]), low, high)


def stretch(saying: Saying) -> Interval:
    """ "the past few weeks", "the next two years": a span that touches the moment."""
    _, high = _amount(saying["n"] or "one")
    unit, said = _unit(saying["unit"]), saying.said
    if _direction(saying["rel"]) < 0:
        return Interval(calendar.away(said, unit, -high, -high).start, calendar.day(said).end, "span")
    return Interval(calendar.day(said).start, calendar.away(said, unit, high, high).end, "span")


def relative_unit(saying: Saying) -> Interval:
    unit, direction = saying["unit"], _direction(saying["rel"])
    if unit == "weekend" and saying["rel"] == "this" and saying.said.weekday() < 4:
        direction = -1 if saying.tense() == "past" else 0
    if unit == "weekend" and saying["rel"] in {"this coming", "coming", "upcoming"}:
        direction = 0
    return calendar.away(saying.said, _unit(unit), direction, direction)


def beyond(saying: Saying) -> Interval:
    """ "the week before last", "the weekend after next"."""
    offset = -2 if saying["side"].startswith("before") else 2
    unit = saying["unit"]
    if unit in WEEKDAYS:
        latest = _past_weekday(saying.said, WEEKDAYS[unit])
        return calendar.day(latest.start, -7 if offset < 0 else 14)
    return calendar.away(saying.said, _unit(unit), offset, offset)


def the_weekend(saying: Saying) -> Interval:
    if saying.said.weekday() >= 5 or saying.tense() == "future":
        return calendar.weekend(saying.said)
    return calendar.weekend(saying.said, -1)


def _past_weekday(said: datetime, number: int) -> Interval:
    return calendar.day(said, -((said.weekday() - number - 1) % 7 + 1))


def _next_weekday(said: datetime, number: int) -> Interval:
    return calendar.day(said, (number - said.weekday() - 1) % 7 + 1)


def of_weekday(saying: Saying) -> Interval | None:
    number, relative = WEEKDAYS[saying["weekday"]], saying["rel"]
    if not relative:
        found = _bare_weekday(saying, number)
        return found and _part(found, saying["part"])
    if relative == "next":
        found = calendar.weekday(saying.said, number, 1)
    elif _direction(relative) < 0:
        found = _past_weekday(saying.said, number)
    elif relative == "this" and saying.tense() != "past":
        found = calendar.day(saying.said, (number - saying.said.weekday()) % 7)
    elif relative == "this":
        found = _past_weekday(saying.said, number)
    else:
        found = _next_weekday(saying.said, number)
    return _part(found, saying["part"])


def _bare_weekday(saying: Saying, number: int) -> Interval | None:
    """By the tense; with none, today where the name fits, ahead where something is planned, else the last."""
    if saying.is_habit():
        return None
    tense = saying.tense()
    if tense is None and number == saying.said.weekday():
        return calendar.day(saying.said)
    if tense == "future" or (tense is None and saying.is_planned()):
        return _next_weekday(saying.said, number)
    return _past_weekday(saying.said, number)


def _choose(saying: Saying, past: Interval, future: Interval, this: Interval) -> Interval | None:
    """One of the readings of something that comes every year, by the relative word, else by tense or plan."""
    relative = saying["rel"]
    if relative:
        return (this, future, past)[_direction(relative)]
    if saying.is_habit():
        return None
    tense = saying.tense() or ("future" if saying.is_planned() else None)
    if tense is None:
        return calendar.nearest(saying.said, past, future)
    return past if tense == "past" else future


def of_month(saying: Saying) -> Interval | None:
    number, said = MONTHS[saying["month"]], saying.said
    this = calendar.month(said, said.year, number)
    past = calendar.month(said, said.year - (number >= said.month), number)
    future = calendar.month(said, said.year + (number <= said.month), number)
    if not saying["rel"] and number == said.month:
        return None if saying.is_habit() else this
    return _choose(saying, past, future, this)


def month_of_year(saying: Saying) -> Interval:
    return calendar.month(saying.said, int(saying["year"]), MONTHS[saying["month"]])


def day_of_month(saying: Saying) -> Interval | None:
    number, month = int(saying["day"]), MONTHS[saying["month"]]
    if saying["year"]:
        return calendar.date(saying.said, int(saying["year"]), month, number)
    return _yearly(saying, lambda year: calendar.date(saying.said, year, month, number))


def _yearly(saying: Saying, yearly: Callable[[int], Interval]) -> Interval | None:
    """A day that comes every year; one that falls today is today whatever the tense."""
    year, said = saying.said.year, saying.said
    this = yearly(year)
    if this.start <= said < this.end:
        return None if saying.is_habit() else this
    over = this.end <= said
    past, future = (this, yearly(year + 1)) if over else (yearly(year - 1), this)
    return _choose(saying, past, future, this)


def plain_day(saying: Saying) -> Interval:
    """ "on the 15th": of this month, or of the one the tense points to."""
    said, number = saying.said, int(saying["day"])
    this = calendar.date(said, said.year, said.month, number)
    tense = saying.tense()
    if tense == "future" and this.end <= said:
        return calendar.day(calendar.month(said, said.year, said.month + 1).start, number - 1)
    if tense != "future" and this.start > said:
        return calendar.day(calendar.month(said, said.year, said.month - 1).start, number - 1)
    return this


def _past_season(said: datetime, name: str) -> Interval:
    this = calendar.season(said, said.year, name)
    return this if this.end <= said else calendar.season(said, said.year - 1, name)


def of_season(saying: Saying) -> Interval | None:
    name, said = saying["season"], saying.said
    if saying["year"]:
        return calendar.season(said, int(saying["year"]), name)
    current = calendar.season(said, said.year - (name == "winter" and said.month < 3), name)
    if not saying["rel"] and current.start <= said < current.end:
        return None if saying.is_habit() else current
    future = current if said < current.start else calendar.season(said, current.start.year + 1, name)
    past = current if current.end <= said else calendar.season(said, current.start.year - 1, name)
    return _choose(saying, past, future, current)


def of_year(saying: Saying) -> Interval:
    return calendar.year(saying.said, int(saying["year"]))


def of_decade(saying: Saying) -> Interval | None:
    words = saying["decade"]
    if words in DECADES:
        return calendar.decade(saying.said, DECADES[words])
    digits = "".join(character for character in words if character.isdigit())
    if len(digits) == 4:
        return calendar.decade(saying.said, int(digits))
    century = saying.said.year // 100 * 100
    start = century + int(digits)
    return calendar.decade(saying.said, start if start <= saying.said.year else start - 100)


def iso_date(saying: Saying) -> Interval:
    found = calendar.date(saying.said, int(saying["year"]), int(saying["month"]), int(saying["day"]))
    if not saying["hour"]:
        return found
    start = found.start.replace(hour=int(saying["hour"]), minute=int(saying["minute"]))
    return Interval(start, start + timedelta(minutes=1), "minute")


def slashed_date(saying: Saying) -> Interval | None:
    first, second, year = int(saying["first"]), int(saying["second"]), int(saying["year"])
    if first <= 12 and second <= 12 and first != second:
        return None  # two readings, and nothing says which
    month, number = (first, second) if first <= 12 else (second, first)
    if year < 100:
        year += 2000 if year < 70 else 1900
    return calendar.date(saying.said, year, month, number)


def for_years(saying: Saying) -> Interval | None:
    low, high = _amount(saying["n"])
    return calendar.away(saying.said, saying["unit"], -low, -high)


def other_day(saying: Saying) -> Interval:
    today = calendar.day(saying.said).start
    return Interval(today - timedelta(days=7), today, "span")


def nth_of_month(saying: Saying) -> Interval:
    nth = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}[saying["nth"]]
    whole = month_of_year(saying) if saying["year"] else of_month(saying)
    if whole is None:
        raise ValueError("no such month")
    year, month, unit = whole.start.year, whole.start.month, saying["unit"]
    if unit in WEEKDAYS:
        return calendar.nth_weekday(saying.said, year, month, WEEKDAYS[unit], nth)
    if unit == "weekend":
        return calendar.weekend(calendar.nth_weekday(saying.said, year, month, 5, nth).start)
    if nth < 0:
        return Interval(whole.end - timedelta(days=7), whole.end, "week")
    start = whole.start + timedelta(days=7 * (nth - 1))
    return Interval(start, start + timedelta(days=7), "week")


def feast(saying: Saying) -> Interval | None:
    name = saying["holiday"].replace("’", "'").replace(".", "")
    if name in FIXED_FEASTS:
        month, number = FIXED_FEASTS[name]
        if saying["year"]:
            return calendar.date(saying.said, int(saying["year"]), month, number)
        return _yearly(saying, lambda year: calendar.date(saying.said, year, month, number))
    month, number, nth = WEEKDAY_FEASTS[name]
    if saying["year"]:
        return calendar.nth_weekday(saying.said, int(saying["year"]), month, number, nth)
    return _yearly(saying, lambda year: calendar.nth_weekday(saying.said, year, month, number, nth))
