"""Whether a statement stands in the lines it is said to come from: their words, numbers and times.

A check of words, not of meaning. It cannot prove a statement; it tells apart one that was made up, or taken
from other lines, where nothing in it occurs there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import cached_property

from ..models import Occurred
from .dates import find_dates
from .patterns import lazy
from .secrets import find_secrets
from .sentences import CJK
from .terms import STOP_WORDS, stem, terms, words
from .turns import Turn

MADE_UP = "not in its source lines"
OTHER_NUMBER = "a number that its source lines do not have"
NO_CONTENT = "no content"
SHARE, SHARE_CJK, ENOUGH = 0.2, 0.1, 3
"""Of a statement's content words, the share that its lines have, or so many of them.

Of the statements that LoCoMo's annotators took from its turns (five conversations), 99.0 % pass against the
turns they name and those beside them, and 19 % against a turn drawn at random. Of pairs of letters, as in
Chinese, another wording shares fewer.
"""
ENGLISH_SHARE = 0.2
"""Share of English stop words among a text's words from which it is English."""
SHORTEST_SECRET = 4
"""Characters of a secret in a source line that is looked for in a statement."""
MOST_TEXT = 20_000
"""Characters of a line that are compared; a longer one is a pasted text."""

_LETTERS = lazy(r"[^\W\d_]+")
_DIGITS = lazy(r"\d+")
_THOUSANDS = lazy(r"(?<=\d),(?=\d{3}(?!\d))")
_K = lazy(r"(\d+)\s?[kK万]\b|(\d+)\s?万")
_AFFIRMS = lazy(
    r"\W*(?:yes|yeah|yep|yup|ye|right|correct|exactly|true|indeed|absolutely|definitely|of course"
    r"|that['’]?s (?:me|right|true|correct|it)|i (?:do|did|am|have|was|will)\b|you(?:['’]re| are) right"
    r"|sure|sí|si|oui|ja|da|да|sim)\b"
    r"|\W*(?:是|对|對|没错|沒錯|嗯|当然|當然|正是|确实|有的)|はい|そう|네",
    re.IGNORECASE,
)
_COUNTED = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
        "sixteen seventeen eighteen nineteen twenty".split()
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_COUNTED |= {
    word: number
    for number, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(), start=1
    )
} | {"once": 1, "twice": 2, "couple": 2, "both": 2, "pair": 2, "dozen": 12, "half": 50, "hundred": 100}
_COUNTED |= {"thousand": 1000, "single": 1, "double": 2, "triple": 3}
_TENS = lazy(
    r"\b(twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)[ -]"
    r"(one|two|three|four|five|six|seven|eight|nine)\b",
    re.IGNORECASE,
)
_CHINESE = {char: number for number, char in enumerate("零一二三四五六七八九")} | {"两": 2, "兩": 2, "十": 10}
_CHINESE_NUMBER = lazy(r"[零一二三四五六七八九十两兩]{1,3}")


@dataclass(frozen=True)
class SourceLine:
    """A line of a resource: all that was shown of it. Not in slots: what is derived from it is kept."""

    line: int
    text: str
    speaker: str
    role: str
    by_person: bool
    said_at: datetime | None

    @cached_property
    def stems(self) -> frozenset[str]:
        return telling_stems(self.text)

    @cached_property
    def dates(self) -> tuple[Occurred, ...]:
        return find_dates(self.text, self.said_at) if self.said_at is not None else ()

    @cached_property
    def numbers(self) -> frozenset[int]:
        """Every number in it, in digits or words, with what it is read as: "7" is 19 on a clock too."""
        found = set(_said_numbers(self.text))
        found |= {number + 12 for number in found if number <= 12}
        found |= {century + number for number in found if 10 <= number < 100 for century in (1900, 2000)}
        return frozenset(found)

    @cached_property
    def numbers_of_times(self) -> frozenset[int]:
        """Years, months, days and hours of when it was said and of the dates that it names."""
        moments = [edge for date in self.dates for edge in (date.start, _last_of(date))]
        if self.said_at is not None:
            moments.append(self.said_at)
        return frozenset[int]().union(*(_numbers_of(moment) for moment in moments))


class SourceLines:
    """The lines of one call."""

    def __init__(self, turns: Sequence[Turn], timezone: tzinfo) -> None:
        self.lines: dict[int, SourceLine] = {}
        for turn in turns:
            self.lines[turn.line] = _joined(self.lines.get(turn.line), turn, timezone)
        self._order = list(self.lines)
        self._place = {line: place for place, line in enumerate(self._order)}
        self.speakers = {line.speaker.casefold(): line.speaker for line in self.lines.values()}
        """Names as they are spelled, by what they are without capitals."""
        speakers = {line.speaker for line in self.lines.values()}
        self._names = frozenset(stem(word) for speaker in speakers for word in words(speaker))

    def around(self, lines: Collection[int]) -> list[SourceLine]:
        """The lines and those next to them, on which they may lean.

        Of what others than persons said, only what a person affirms in one of the lines.
        """
        cited = [self.lines[line] for line in lines if self.lines[line].by_person]
        affirmed = any(_AFFIRMS.match(line.text) for line in cited)
        places = {self._place[line] + step for line in lines for step in (-1, 0, 1)}
        found = [self.lines[self._order[p]] for p in sorted(places) if 0 <= p < len(self._order)]
        return [line for line in found if line.by_person or affirmed]

    def between(self, first: int, last: int) -> int:
        """How many lines stand between two; the lines of a document are the first ones of its chunks."""
        return self._place[last] - self._place[first] - 1

    def overlap(self, text: str, lines: Collection[int]) -> int:
        """How many of the text's stems stand in the lines themselves."""
        stems = telling_stems(text) - self._names
        return len(stems & frozenset[str]().union(*(self.lines[line].stems for line in lines)))

    def objection(self, text: str, lines: Collection[int], others: Iterable[str] = ()) -> str:
        """Why `text` does not stand in its lines; "" where it does. `others`: known texts it may take up."""
        around = self.around(lines)
        stems = telling_stems(text) - self._names
        if not stems:
            return NO_CONTENT
        extra = [SourceLine(0, other, "", "", True, None) for other in others]
        if not _shared(stems, around, extra) and self._comparable(text, around):
            return MADE_UP
        missing = frozenset(_digits(text))
        for line in (*around, *extra) if missing else ():
            missing -= line.numbers
        for line in around if missing else ():
            missing -= line.numbers_of_times
        return OTHER_NUMBER if missing else ""

    def says_when(self, occurred: Occurred, lines: Collection[int]) -> bool:
        """Whether the time is one that the lines name, or that of their saying."""
        folded = " ".join(occurred.text.casefold().split())
        for line in self.around(lines):
            if folded in " ".join(line.text.casefold().split()):
                return True
            if any(date.start < occurred.end and occurred.start < date.end for date in line.dates):
                return True
            if line.said_at is not None and occurred.start <= line.said_at < occurred.end:
                return True
        return False

    def secrets(self) -> frozenset[str]:
        """What the lines hold that nothing may repeat."""
        found = (
            line.text[start:end].strip(".,;:!?\"'()")
            for line in self.lines.values()
            for start, end, _ in find_secrets(line.text)
        )
        return frozenset(secret for secret in found if len(secret) >= SHORTEST_SECRET)

    def _comparable(self, text: str, sources: Sequence[SourceLine]) -> bool:
        """Whether text and sources are in one language, as far as writing and stop words tell."""
        if bool(CJK.search(text)) != any(CJK.search(line.text) for line in sources):
            return False
        return not is_english(text) or self._in_english

    @cached_property
    def _in_english(self) -> bool:
        return is_english(" ".join(line.text[:500] for line in self.lines.values()))


def _shared(stems: frozenset[str], lines: Sequence[SourceLine], others: Sequence[SourceLine]) -> bool:
    """Whether enough of the stems stand there, and one of them at least in the lines themselves."""
    own = stems & frozenset[str]().union(*(line.stems for line in lines))
    found = len(own | (stems & frozenset[str]().union(*(line.stems for line in others))))
    if not own or found >= ENOUGH:
        return bool(own)
    return found >= (SHARE_CJK if any(CJK.match(one) for one in stems) else SHARE) * len(stems)


def telling_stems(text: str) -> frozenset[str]:
    """The stems of a text; of a run of letters without spaces its pairs, or a letter that stands alone."""
    found = frozenset(terms(text[:MOST_TEXT]))
    if text.isascii() or not CJK.search(text):
        return found
    return frozenset(one for one in found if len(one) > 1 or not CJK.match(one)) or found


def is_english(text: str) -> bool:
    spoken = _LETTERS.findall(text.lower())
    return sum(map(STOP_WORDS.__contains__, spoken)) >= ENGLISH_SHARE * len(spoken)


def _joined(before: SourceLine | None, turn: Turn, timezone: tzinfo) -> SourceLine:
    """A turn as a line; a further piece of a message goes on where the last one ended."""
    message = turn.message
    text = f"{before.text if before else ''}{message.content}"
    if message.caption and message.caption not in text:
        text = f"{text}\n{message.caption}"
    said = turn.said_at
    if said is not None:
        try:
            said = said.astimezone(timezone)
        except OverflowError:  # within a day of the first or the last year that there is
            said = turn.said_at
    return SourceLine(turn.line, text, message.speaker, message.role, turn.by_person, said)


def _last_of(date: Occurred) -> datetime:
    return date.end - timedelta(microseconds=1) if date.end > date.start else date.start


def _numbers_of(moment: datetime) -> set[int]:
    return {moment.year, moment.month, moment.day, moment.hour, (moment.hour - 1) % 12 + 1, moment.minute}


def _digits(text: str) -> Iterable[int]:
    """The numbers written in digits; "1,500" is one, and "13:56" is two. Longer than 15 digits is a code."""
    return (int(found) for found in _DIGITS.findall(_THOUSANDS.sub("", text)) if len(found) <= 15)


def _said_numbers(text: str) -> Iterable[int]:
    text = text[:MOST_TEXT]
    yield from _digits(text)
    yield from (int(one or two) * 1000 for one, two in _K.findall(text) if len(one or two) <= 6)
    yield from (_COUNTED[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _COUNTED)
    yield from (_COUNTED[tens.lower()] + _COUNTED[ones.lower()] for tens, ones in _TENS.findall(text))
    yield from (_chinese(found) for found in _CHINESE_NUMBER.findall(text))


def _chinese(written: str) -> int:
    """Up to ninety-nine: 三, 十二, 二十, 三十五; digits one by one else."""
    if "十" in written:
        tens, _, ones = written.partition("十")
        return _CHINESE.get(tens, 1) * 10 + _CHINESE.get(ones, 0)
    return int("".join(str(_CHINESE[char]) for char in written))
