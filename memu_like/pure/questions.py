"""Reading a question: who is asked about, when, in which words, and what kind of answer it wants."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .dates import find_dates
from .patterns import lazy
from .terms import STOP_WORDS, stem, words

Span = tuple[int, int]
"""First and last day, as proleptic ordinals, both included."""

# Words that questions are made of: they say how one asks, not what about.
_ASKING = frozenset("什么 么 哪 谁 几".split())
_NAME_CUE = lazy(
    r"^(?:which|where|who)\b|\bnames?\b|\bwhat (?!did|does|do|is|was|are|were|has|have|had|kinds?|types?)\w+"
)
_WHEN_CUE = lazy(r"\b(?:when|how long|what (?:year|month|day|date))\b|什么时候|哪[年天月]|几[月号点]|多久")
_LATEST_CUE = lazy(
    r"\b(?:now|nowadays|currently|current|latest|newest|most recent(?:ly)?|these days|today|still|anymore)\b"
    r"|现在|目前|最近|最新|如今|还"
)
_BOTH = lazy(r"\b(?:both|and)\b")
_FIRST_PERSON = lazy(r"\b(?:i|me|my|mine|i'm|i've|i'd)\b|我")
_SECOND_PERSON = lazy(r"\b(?:you|your|yours)\b|你")
_NAME_WORD = lazy(r"[^\W\d_]+(?=(?:['’]s)?\b)")
MIN_NICKNAME = 3
ASSISTANT, USER = "assistant", "user"

_MONTHS = {
    name: number
    for number, name in enumerate(
        "january february march april may june july august september october november december".split(),
        start=1,
    )
}
_MONTHS |= {name[:3]: number for name, number in _MONTHS.items()} | {"sept": 9}
_SEASONS = {"winter": 12, "spring": 3, "summer": 6, "fall": 9, "autumn": 9}
_M = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DAY_MONTH = lazy(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_M})\b\.?,?(?: (\d{{4}}))?", re.I)
_MONTH_DAY = lazy(rf"\b({_M})\.? (\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d)(?:,? (\d{{4}}))?", re.I)
_MONTH_YEAR = lazy(rf"\b({_M})\b\.?,?(?: (?:of )?(\d{{4}}))?", re.I)
_SEASON_YEAR = lazy(r"\b(winter|spring|summer|fall|autumn) (?:of )?(\d{4})\b", re.I)
_YEAR = lazy(r"\b((?:19|20)\d\d)\b")
_MAY_VERB = lazy(r"\bmay\b(?! \d)")  # in lower case it is the verb, unless a day follows


@dataclass(frozen=True, slots=True)
class Question:
    """`who` are the numbers of the speakers it names, in order; `words` are what is left, without repeats.
    `nameless` are those of speakers known by their role alone.

    `spans` are the days it names. `wants_time` and `wants_name` say what would answer it.
    """

    text: str
    rest: str
    words: tuple[str, ...]
    stems: tuple[str, ...]
    who: tuple[int, ...]
    joins_people: bool
    nameless: tuple[int, ...]
    spans: tuple[Span, ...]
    wants_time: bool
    wants_latest: bool
    wants_name: bool


def read_question(
    text: str, speakers: Sequence[str], years: Sequence[int], now: datetime, user_names: frozenset[str]
) -> Question:
    """`years` are those that a day without a year may lie in; `user_names` are what the user is called."""
    who, rest = _named(text, speakers, user_names)
    low = text.lower()
    by_stem: dict[str, str] = {}
    for word in words(rest):
        if word not in STOP_WORDS and word not in _ASKING:
            by_stem.setdefault(stem(word), word)
    if not by_stem:
        by_stem = {stem(word): word for word in words(text)}
    return Question(
        text=text,
        rest=rest,
        words=tuple(by_stem.values()),
        stems=tuple(by_stem),
        who=who,
        joins_people=bool(_BOTH.search(low)),
        nameless=tuple(n for n, name in enumerate(speakers) if name in (USER, ASSISTANT)),
        spans=tuple(_spans(text, years, now)),
        wants_time=bool(_WHEN_CUE.search(low)),
        wants_latest=bool(_LATEST_CUE.search(low)),
        wants_name=bool(_NAME_CUE.search(low)),
    )


def _named(text: str, speakers: Sequence[str], user_names: frozenset[str]) -> tuple[tuple[int, ...], str]:
    """Speakers that `text` names, by a part of their name or its beginning, and the text without them."""
    found: dict[int, None] = {}

    def remove(match: re.Match[str]) -> str:
        numbers = [n for n, name in enumerate(speakers) if _names(match, name)]
        found.update(dict.fromkeys(numbers))
        return " " if numbers else match[0]

    rest = _NAME_WORD.sub(remove, text).replace("  's", " ").replace(" 's", " ").replace(" ’s", " ")
    if not found:
        found.update(dict.fromkeys(_by_pronoun(text.lower(), speakers, user_names)))
    return tuple(found), rest


def _names(match: re.Match[str], speaker: str) -> bool:
    word = match[0].lower()
    parts = speaker.lower().split()
    if speaker in (USER, ASSISTANT):
        return False
    # A name's beginning counts where it is written as a name: "Mel" for Melanie, but not "will" or "Can".
    nickname = (
        len(word) >= MIN_NICKNAME and match[0][0].isupper() and match.start() > 0 and word not in STOP_WORDS
    )
    return any(word == part or (nickname and part.startswith(word)) for part in parts)


def _by_pronoun(low: str, speakers: Sequence[str], user_names: frozenset[str]) -> list[int]:
    """In a chat with an assistant "I" is the user and "you" the assistant; else nobody is named."""
    if ASSISTANT not in speakers:
        return []
    if _SECOND_PERSON.search(low):
        return [number for number, name in enumerate(speakers) if name == ASSISTANT]
    if _FIRST_PERSON.search(low):
        return [number for number, name in enumerate(speakers) if name == USER or name in user_names]
    return []


def _spans(text: str, years: Sequence[int], now: datetime) -> list[Span]:
    """Dates with a year, dates in each of `years` without one, and what is relative to `now`."""
    text = _MAY_VERB.sub(" ", text)
    spans: list[Span | None] = []

    def take(
        pattern: re.Pattern[str], year_group: int, read: Callable[[re.Match[str], int], Span | None]
    ) -> None:
        nonlocal text
        for match in pattern.finditer(text):
            given = match[year_group]
            spans.extend(read(match, year) for year in ([int(given)] if given else years))
        text = pattern.sub(" ", text)

    take(_DAY_MONTH, 3, lambda m, year: _day(year, _MONTHS[m[2].lower()], int(m[1])))
    take(_MONTH_DAY, 3, lambda m, year: _day(year, _MONTHS[m[1].lower()], int(m[2])))
    take(_MONTH_YEAR, 2, lambda m, year: _months(year, _MONTHS[m[1].lower()]))
    take(_SEASON_YEAR, 2, lambda m, year: _months(year, _SEASONS[m[1].lower()], 3))
    take(_YEAR, 1, lambda m, year: _months(year, 1, 12))
    relative = (
        (found.start.toordinal(), (found.end - timedelta(microseconds=1)).toordinal())
        for found in find_dates(text, now)
    )
    return [span for span in spans if span is not None] + list(relative)


def _day(year: int, month: int, day: int) -> Span | None:
    try:
        number = date(year, month, day).toordinal()
    except ValueError:
        return None
    return number, number


def _months(year: int, month: int, months: int = 1) -> Span | None:
    after = year * 12 + month - 1 + months
    try:
        return date(year, month, 1).toordinal(), date(after // 12, after % 12 + 1, 1).toordinal() - 1
    except ValueError:
        return None
