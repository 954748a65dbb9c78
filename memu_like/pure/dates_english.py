"""English wordings of time: a table of (trigger words, pattern, resolver).

A text is looked at only for the rules whose trigger words stand in it, so most sentences cost one pass
over their words. Every pattern is linear: bounded repetitions, no nested quantifiers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from . import english_times as times
from . import intervals as calendar
from .english_times import MONTHS, WEEKDAYS, Saying
from .intervals import Interval
from .patterns import lazy

_NUMBER = (
    r"(?P<n>\d{1,3}|(?:(?:a|the\s+last|the\s+past|last|past)\s+)?(?:couple(?:\s+of)?|few|several|dozen)|"
    + "|".join(sorted(times.NUMBERS, key=len, reverse=True))
    + ")"
)
_MONTH = "(?:" + "|".join(sorted((name for name in MONTHS if name != "may"), key=len, reverse=True)) + "|may)"
#: "may" and "march" are verbs when they are not capitalised.
_PROPER = (
    "(?-i:May|March|Mar)|(?:"
    + "|".join(
        sorted((name for name in MONTHS if name not in {"may", "march", "mar"}), key=len, reverse=True)
    )
    + ")"
)
_WEEKDAY = "(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|(?-i:Mon|Tues|Tue|Wed|Thurs|Thu|Fri))"
_SEASON = "(?:spring|summer|autumn|fall|winter)"
_UNIT = "(?:minute|hour|day|night|weekend|week|fortnight|month|year|decade)"
_PART = r"(?:\s+(?P<part>morning|afternoon|evening|night))?"
_RELATIVE = r"(?P<rel>this\s+past|this\s+last|this\s+coming|last|past|previous|this|next|coming|upcoming)"
_YEAR = r"(?P<year>(?:1[5-9]|20)\d\d)(?![\d,.:]?\d)"
_NOT_HABIT = "".join(
    rf"(?<!\b{word}\s)" for word in ("every", "each", "most", "any", "a", "black", "good", "taco", "ash")
)
_SUFFIX = r"(?:st|nd|rd|th)"


Resolver = Callable[[Saying], Interval | None]


@dataclass(frozen=True, slots=True)
class Rule:
    triggers: frozenset[str]
    pattern: re.Pattern[str]
    resolve: Resolver


def find(text: str, said: datetime) -> Iterator[tuple[int, int, Interval]]:
    """Every reading of every rule that applies, overlaps included, as (start, end, interval)."""
    words = set(_WORD.findall(text.lower()))
    if _TRIGGERS.isdisjoint(words):
        return
    for rule in _RULES:
        if rule.triggers.isdisjoint(words):
            continue
        for match in rule.pattern.finditer(text):
            try:
                interval = rule.resolve(Saying(text, said, match))
            except (ValueError, OverflowError):
                continue  # such as 31 June, or a year that datetime cannot hold
            if interval is not None and interval.start < interval.end:
                start, end = match.span("words" if "words" in match.re.groupindex else 0)
                yield start, end, interval


def _rule(triggers: str, pattern: str, resolve: Resolver) -> Rule:
    return Rule(frozenset(triggers.split()), lazy(pattern, re.IGNORECASE | re.ASCII), resolve)


_NAMES = " ".join(MONTHS)
_DIGITS = "0 1 2 3 4 5 6 7 8 9"
_UNIT_TRIGGERS = " ".join(f"{unit} {unit}s" for unit in (*calendar.UNITS, *times.UNIT_WORDS))
_DAYS = " ".join(WEEKDAYS)
_HOLIDAY = "|".join(
    sorted(
        (
            name.replace("'", "['’]").replace("st ", r"st\.?\s")
            for name in (*times.FIXED_FEASTS, *times.WEEKDAY_FEASTS)
        ),
        key=len,
    )[::-1]
)

_RULES = (
    _rule("yesterday today tomorrow", r"\b(?P<day>yesterday|today|tomorrow)\b" + _PART, times.near_day),
    _rule(
        "yesterday tomorrow",
        r"\b(?:the\s+)?day\s+(?P<side>before|after)\s+(?:yesterday|tomorrow)\b",
        times.day_beyond,
    ),
    _rule(
        "tonight night morning afternoon evening",
        r"\b(?:tonight|last\s+(?:night|evening)|this\s+(?:morning|afternoon|evening))\b",
        times.this_part,
    ),
    _rule(
        "ago back",
        rf"\b{_NUMBER}\s+(?:(?:short|long|whole|full)\s+)?(?P<unit>{_UNIT}|{_WEEKDAY}|{_SEASON})s?\s+"
        r"(?:ago|back)\b",
        times.ago,
    ),
    _rule(
        _UNIT_TRIGGERS,
        rf"\bin\s+(?:about\s+|just\s+)?{_NUMBER}\s+(?P<unit>{_UNIT})s?\b(?!['’])",
        times.ahead,
    ),
    _rule("now today", rf"\b{_NUMBER}\s+(?P<unit>{_UNIT})s?\s+from\s+(?:now|today)\b", times.ahead),
    _rule(
        "last past next coming",
        r"\b(?:the|these)\s+(?P<rel>last|past|next|coming)\s+"
        rf"(?:{_NUMBER}\s+)?(?P<unit>day|week|month|year|decade)s?\b(?=\s|[.,!?]|$)",
        times.stretch,
    ),
    _rule(
        "last past this next coming upcoming previous",
        rf"\b(?:(?:earlier|later)\s+)?{_RELATIVE}\s+(?P<unit>weekend|week|month|year|decade)\b",
        times.relative_unit,
    ),
    _rule(
        "last next",
        rf"\b(?:the\s+)?(?P<unit>weekend|week|month|year|{_WEEKDAY})\s+(?P<side>before\s+last|after\s+next)\b",
        times.beyond,
    ),
    _rule(
        "weekend",
        r"\b(?:over|during|on|at|for)\s+the\s+weekend\b|\bthe\s+weekend\b(?!\s+of\b)",
        times.the_weekend,
    ),
    _rule(
        _DAYS,
        rf"{_NOT_HABIT}\b(?:{_RELATIVE}\s+)?(?P<weekday>{_WEEKDAY})\b(?!\s+(?:before|after)\s){_PART}",
        times.of_weekday,
    ),
    _rule(
        _NAMES,
        rf"\b(?P<month>{_PROPER})\.?\s+(?:the\s+)?(?P<day>\d{{1,2}}){_SUFFIX}?\b(?![:/%])(?:,?\s+{_YEAR})?",
        times.day_of_month,
    ),
    _rule(
        _NAMES,
        rf"\b(?P<day>\d{{1,2}}){_SUFFIX}?\s*(?:of\s+)?(?P<month>{_PROPER})\b(?:\.?,?\s*{_YEAR})?",
        times.day_of_month,
    ),
    _rule(_NAMES, rf"\b(?P<month>{_MONTH})\.?,?\s*(?:of\s+)?{_YEAR}", times.month_of_year),
    _rule(
        _NAMES,
        rf"\b(?:(?:in|since|until|till|by|during|around|through|early|late|mid|for|of|from)[\s-]+"
        rf"(?:(?:early|late|mid)[\s-]+)?)(?P<month>{_MONTH})\b(?!\s*\d)(?!['’])",
        times.of_month,
    ),
    _rule(_NAMES, rf"\b{_RELATIVE}\s+(?P<month>{_PROPER})\b(?!\s*\d)", times.of_month),
    _rule(
        "first second third fourth last",
        rf"\b(?P<nth>first|second|third|fourth|last)\s+(?P<unit>weekend|week|{_WEEKDAY})\s+(?:of|in)\s+"
        rf"(?P<month>{_MONTH})\b(?:,?\s+{_YEAR})?",
        times.nth_of_month,
    ),
    _rule(
        "st nd rd th",
        rf"\b(?:on|by|since|until)\s+the\s+(?P<day>\d{{1,2}}){_SUFFIX}\b(?!\s+(?:of|floor|day|time|anniversary|"
        r"page|birthday))",
        times.plain_day,
    ),
    _rule(
        "spring summer autumn fall winter",
        rf"\b(?:{_RELATIVE}\s+|(?:in|over|during|since|for)\s+(?:the\s+)?)(?P<season>{_SEASON})\b"
        rf"(?!\s+(?:in|into|of(?!\s+\d)))(?:,?\s+(?:of\s+)?{_YEAR})?",
        times.of_season,
    ),
    _rule(
        "spring summer autumn fall winter",
        rf"\b(?P<season>{_SEASON})\s+(?:of\s+)?{_YEAR}",
        times.of_season,
    ),
    _rule(
        "1 2",
        r"\b(?:in|since|by|from|during|until|till|around|year|early|late|mid|(?:end|start|beginning|middle|"
        rf"class|back|half)\s+(?:of|in))[\s-]+{_YEAR}\b(?!\s*(?:people|words|dollars|miles|km|steps|met|pieces|"
        r"characters|users|times|hours|%))",
        times.of_year,
    ),
    _rule(
        "s " + " ".join(times.DECADES),
        r"\b(?:the|early|late|mid)[\s-]+(?:early\s+|late\s+|mid[\s-])?"
        rf"(?P<decade>(?:1[5-9]|20)\d0['’]?s|['’]?\d0['’]?s|{'|'.join(times.DECADES)})\b",
        times.of_decade,
    ),
    _rule(
        _DIGITS,
        r"(?<![\d/.-])(?P<year>(?:1[5-9]|20)\d\d)[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?![\d/-])"
        r"(?:[T ](?P<hour>\d{1,2}):(?P<minute>\d\d))?",
        times.iso_date,
    ),
    _rule(
        _DIGITS,
        r"(?<![\d/.-])(?P<first>\d{1,2})(?P<mark>[/.-])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4}|\d\d)(?![\d/.-]?\d)",
        times.slashed_date,
    ),
    _rule(
        "now",
        rf"\b(?:for\s+)?{_NUMBER}\s+(?P<unit>year|month|decade|week)s?(?=\s+now\b)",
        times.for_years,
    ),
    _rule(
        "year years month months decade decades week weeks",
        rf"\b(?:have|has|['’]ve|['’]s)\s+[^.!?\n]{{0,60}}?\b(?P<words>for\s+(?:(?:about|almost|nearly|over|around)\s+)?"
        rf"{_NUMBER}\s+(?P<unit>year|month|decade|week)s?)\b",
        times.for_years,
    ),
    _rule("other", r"\bthe\s+other\s+(?:day|night|evening|morning)\b", times.other_day),
    _rule(
        " ".join(name.split()[-1].replace("'s", "") for name in (*times.FIXED_FEASTS, *times.WEEKDAY_FEASTS))
        + " new valentine",
        rf"\b(?:{_RELATIVE}\s+)?(?P<holiday>{_HOLIDAY})\b(?:,?\s+(?:of\s+|in\s+)?{_YEAR})?",
        times.feast,
    ),
)
_WORD = lazy(r"[a-z]+|\d")
_TRIGGERS = frozenset().union(*(rule.triggers for rule in _RULES))
