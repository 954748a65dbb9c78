"""Times as files write them, to datetimes with an offset. Nothing is guessed: what is unclear is refused."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from ...errors import LoadError
from ...pure.patterns import lazy

FIRST_YEAR, LAST_YEAR = 1000, 2999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# As seconds 1e11 is the year 5138, as milliseconds it is 1973: what lies above can only be milliseconds.
_MILLISECONDS_FROM = 1e11
_EPOCH_LIMIT = 1e14

CLOCK = (
    r"(?:(?:上午|下午|凌晨|早上|中午|晚上)\s?)?\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,6})?)?"
    r"(?:\s?(?:[AaPp]\.?\s?[Mm]\b\.?|上午|下午))?"
)
_CLOCK_PARTS = lazy(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_AFTERNOON = lazy(r"[Pp]\.?\s?[Mm]|下午|晚上|中午")
_MORNING = lazy(r"[Aa]\.?\s?[Mm]|上午|凌晨|早上")
_NUMBER = lazy(r"-?\d{9,10}(?:\.\d+)?|\d{12,13}(?:\.\d+)?")
_RFC_2822 = lazy(
    r"(?:[A-Za-z]{3},?\s+)?\d{1,2}\s+[A-Za-z]{3}\s+\d{4}\s+\d{2}:\d{2}(?::\d{2})?(?:\s+[-+A-Za-z0-9]{1,6})?"
)
_ZONE_WORD = lazy(r"\s*(?:UTC|GMT)$")
_SPACED_OFFSET = lazy(r"\s+([+-]\d{2}:?\d{2})$")
_SLASHED = lazy(r"(\d{4})/(\d{1,2})/(\d{1,2})(?!\d)")

_MONTHS = "january february march april may june july august september october november december".split()
_MONTH_NUMBERS = {name[:length]: n for n, name in enumerate(_MONTHS, 1) for length in (3, 4, len(name))}

_ORDINAL = r"(?:st|nd|rd|th)?"
_DATE_SHAPES = (
    r"(?P<year>\d{4})(?P<separator>[-/.])(?P<month>\d{1,2})(?P=separator)(?P<day>\d{1,2})",
    r"(?P<year>\d{4})\s?年\s?(?P<month>\d{1,2})\s?月\s?(?P<day>\d{1,2})\s?[日号]",
    rf"(?P<day>\d{{1,2}}){_ORDINAL}\s+(?:of\s+)?(?P<month>[A-Za-z]{{3,9}})\.?,?\s+(?P<year>\d{{4}})",
    rf"(?P<month>[A-Za-z]{{3,9}})\.?\s+(?P<day>\d{{1,2}}){_ORDINAL},?\s+(?P<year>\d{{4}})",
)
_WRITTEN = tuple(
    lazy(rf"(?:(?P<before>{CLOCK})\s+on\s+)?{shape}(?:(?:T|,?\s+(?:at\s+)?)(?P<after>{CLOCK}))?")
    for shape in _DATE_SHAPES
)


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A calendar date in words or figures, not yet checked; `clock` where a time of day stood with it."""

    year: int
    month: int
    day: int
    clock: str | None = None


def parse_time(value: object, place: str, timezone: tzinfo) -> datetime:
    """ISO 8601, RFC 2822, or epoch seconds or milliseconds; a naive time is in `timezone`.

    LoadError where it is none of these or lies outside the years 1000 to 2999.
    """
    if isinstance(value, datetime):
        moment: datetime | None = value
    elif isinstance(value, str):
        moment = _from_text(value.strip(), timezone)
    else:
        moment = _from_number(value, timezone)
    if moment is None:
        shown = repr(value)[:40]
        raise LoadError(
            place,
            f"time {shown} cannot be read or lies outside the years {FIRST_YEAR} to {LAST_YEAR}; "
            "write it like 2024-03-05T14:02:00Z",
        )
    return _checked(moment if moment.tzinfo else moment.replace(tzinfo=timezone), place)


def at(date: WrittenDate, place: str, timezone: tzinfo, clock: str | None = None) -> datetime:
    """The moment of a date and a clock time (midnight without one). LoadError where there is none."""
    hour, minute, second = _clock_parts(clock or date.clock or "0:00")
    try:
        moment = datetime(date.year, date.month, date.day, hour, minute, second, tzinfo=timezone)
    except ValueError as error:
        shown = f"{date.year:04}-{date.month:02}-{date.day:02} {clock or date.clock or ''}".rstrip()
        raise LoadError(place, f"there is no such time as {shown} ({error})") from error
    return _checked(moment, place)


def parse_written(text: str) -> WrittenDate | None:
    """`2024-03-05`, `5 March 2024`, `March 5, 2024`, `2024年3月5日`, with or without a time of day."""
    for shape in _WRITTEN:
        if match := shape.fullmatch(text):
            month = _month(match["month"])
            if month is not None:
                clock = match["before"] or match["after"]
                return WrittenDate(int(match["year"]), month, int(match["day"]), clock)
    return None


def _month(text: str) -> int | None:
    return int(text) if text.isdecimal() else _MONTH_NUMBERS.get(text.lower())


def _clock_parts(text: str) -> tuple[int, int, int]:
    match = _CLOCK_PARTS.search(text)
    if match is None:
        raise ValueError(f"not a clock time: {text!r}")
    hour = int(match[1])
    if _AFTERNOON.search(text) and hour < 12 and not (text.startswith("中午") and hour == 11):
        hour += 12
    elif _MORNING.search(text) and hour == 12:
        hour = 0
    return hour, int(match[2]), int(match[3] or 0)


def _checked(moment: datetime, place: str) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise LoadError(
            place, f"time {moment.isoformat()} lies outside the years {FIRST_YEAR} to {LAST_YEAR}"
        )
    return moment


def _from_number(value: object, timezone: tzinfo) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not -_MILLISECONDS_FROM < value < _EPOCH_LIMIT or math.isnan(value):
        return None
    seconds = value / 1000 if value >= _MILLISECONDS_FROM else value
    try:
        return (_EPOCH + timedelta(seconds=seconds)).astimezone(timezone)
    except OverflowError:
        return None


def _from_text(text: str, timezone: tzinfo) -> datetime | None:
    if _NUMBER.fullmatch(text):
        return _from_number(float(text), timezone)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass  # the common case failed: the rarer shapes follow
    try:
        return _from_rfc_2822(text) if _RFC_2822.fullmatch(text) else _from_iso_variant(text)
    except ValueError:
        return None


def _from_rfc_2822(text: str) -> datetime:
    from email.utils import parsedate_to_datetime  # rarely needed, and slow to import

    return parsedate_to_datetime(text)


def _from_iso_variant(text: str) -> datetime:
    """What programs print beside ISO 8601: `2024/3/5 14:02`, `... UTC`, `... +0100`."""
    text = _ZONE_WORD.sub("+00:00", text)
    text = _SPACED_OFFSET.sub(r"\1", text)
    text = _SLASHED.sub(lambda match: f"{match[1]}-{match[2]:0>2}-{match[3]:0>2}", text)
    return datetime.fromisoformat(text)
