"""What a message, a chunk of a document, or an item gives to search: its text, terms and flags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..models import Message
from .dates import find_dates
from .patterns import lazy
from .terms import STOP_WORDS, stem, telling_words

ASKS, HAS_QUESTION, TEMPORAL = 1, 2, 4
MOMENT = timedelta(microseconds=1)

_TEMPORAL = lazy(
    r"\b(?:yesterday|today|tonight|tomorrow|ago|last|next|since|recently|weekend|(?:day|week|month|year)s?"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|june|july|august|september"
    r"|october|november|december|(?:19|20)\d\d)\b|[昨今明前后]天|上周|下周|去年|月|年",
    re.IGNORECASE,
)
# The words of that pattern, and its years: in ASCII a look at each word is four times faster.
_TEMPORAL_WORDS = frozenset(
    """yesterday today tonight tomorrow ago last next since recently weekend day days week weeks month months
    year years monday tuesday wednesday thursday friday saturday sunday january february march april june
    july august september october november december""".split()
)
_WORD = lazy(r"\w+")
_YEAR = lazy(r"\b(?:19|20)\d\d\b")
_NAME = lazy(r"(?<=[a-z,] )[\"“']?([A-Z][A-Za-z]+)")
_QUESTION_MARKS = ("?", "？")

# A chunk of a document is what a hit shows: about a paragraph. 120 words is the size at which the static
# embedder's mean still stands for its parts.
CHUNK_WORDS = 120


@dataclass(frozen=True, slots=True)
class Passage:
    """What search sees of a text.

    `text` is for the embedder, `terms` for lexical search, and `surfaces` the words the terms come from.
    `first_day` to `last_day` is what the text speaks of, as proleptic ordinals (1 to 0: no date in it);
    `names` is how many words look like names of places, titles and people, its speaker's apart.
    """

    text: str
    terms: tuple[str, ...]
    surfaces: tuple[str, ...]
    flags: int
    names: int
    first_day: int
    last_day: int


def passage(
    text: str,
    caption: str | None = None,
    said_at: datetime | None = None,
    known_names: frozenset[str] = frozenset(),
) -> Passage:
    """`known_names` are lower-case words that are not counted as names: those of the people who speak."""
    shown = f"{text} [image: {caption}]" if caption else text
    surfaces = telling_words(shown)
    first, last = _days(text, said_at)
    return Passage(
        shown,
        tuple([stem(word) for word in surfaces]),
        surfaces,
        _flags(text, shown),
        _count_names(text, known_names),
        first,
        last,
    )


def _flags(text: str, shown: str) -> int:
    flags = 0
    if any(mark in shown for mark in _QUESTION_MARKS):
        flags |= HAS_QUESTION
        if text.rstrip().endswith(_QUESTION_MARKS):
            flags |= ASKS
    return flags | (TEMPORAL if _is_temporal(shown) else 0)


def _is_temporal(text: str) -> bool:
    """Whether words of time stand in it."""
    if not text.isascii():
        return bool(_TEMPORAL.search(text))
    words = _WORD.findall(text.lower())
    return not _TEMPORAL_WORDS.isdisjoint(words) or bool(_YEAR.search(text))


def _days(text: str, said_at: datetime | None) -> tuple[int, int]:
    """The days that the first date in `text` covers."""
    found = find_dates(text, said_at) if said_at is not None else ()
    if not found:
        return 1, 0
    return found[0].start.toordinal(), (found[0].end - MOMENT).toordinal()


def _count_names(text: str, known_names: frozenset[str]) -> int:
    """Capitalised words inside a sentence; in scripts without capitals there are none."""
    found = (match[1].lower() for match in _NAME.finditer(text))
    return sum(
        1
        for word in found
        if word not in STOP_WORDS and not any(name.startswith(word) for name in known_names)
    )


def message_passage(message: Message, said_at: datetime, known_names: frozenset[str]) -> Passage:
    """Of a LoCoMo turn the words that its picture was searched by count with the caption."""
    query = message.raw.get("query")
    caption = "; ".join(part for part in (message.caption, query) if isinstance(part, str) and part)
    return passage(message.content, caption or None, message.created_at or said_at, known_names)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines `first` to `last` (from 1) of a document; `offset` and `length` in bytes of its UTF-8 text.

    `text` has no white space around it and begins on line `begins`.
    """

    text: str
    heading: str
    first: int
    last: int
    offset: int
    length: int
    begins: int


def chunks(body: str) -> Iterator[Chunk]:
    """Split a document at headings and blank lines into chunks of up to CHUNK_WORDS words."""
    lines: list[str] = []
    heading, first, offset, size, position = "", 1, 0, 0, 0
    for number, line in enumerate(body.splitlines(keepends=True), start=1):
        is_heading = line.startswith("#")
        full = (size >= CHUNK_WORDS // 2 and not line.strip()) or size + line.count(" ") > CHUNK_WORDS
        if lines and (is_heading or full):
            yield from _chunk(lines, heading, first, offset)
            lines, size, first, offset = [], 0, number, position
        if is_heading:
            heading = line.strip("# \t\r\n")
        lines.append(line)
        size += line.count(" ") + 1
        position += len(line.encode())
    yield from _chunk(lines, heading, first, offset)


def _chunk(lines: list[str], heading: str, first: int, offset: int) -> Iterator[Chunk]:
    text = "".join(lines)
    if text.strip():
        length = len(text.encode())
        begins = first + text[: len(text) - len(text.lstrip())].count("\n")
        yield Chunk(text.strip(), heading, first, first + len(lines) - 1, offset, length, begins)
