"""What the machine writes into a category file: the texts, made harmless, and the file from scratch.

A statement quotes what somebody wrote, so it may hold anything. Here it becomes one line of markdown that
shows the same characters and can never be read as structure, a link, HTML or an Obsidian comment.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime, timedelta
from functools import lru_cache

from ..models import Item, Occurred, Origin

_BLANKS = re.compile(r"[\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_INLINE = re.compile(
    r"""
      \\(?=[!-/:-@\[-`{-~])                 # a backslash that would escape what follows
    | (?<!\S)\^(?=[A-Za-z0-9-])             # a block id
    | <(?=[A-Za-z/!?])                      # HTML, a comment, an autolink
    | &(?=\#?[A-Za-z0-9]{1,32};)            # a character reference
    | \[(?=[\[^]) | (?<=\[)\[ | !(?=\[)     # wikilink, footnote, embed
    | \](?=[(\[:])                          # link, reference, definition
    | %(?=%) | (?<=%)% | \$(?=\$) | (?<=\$)\$   # Obsidian comment, math block
    """,
    re.VERBOSE,
)
_STRUCTURE = re.compile(r"(?<!\S)\^(?=[A-Za-z0-9-])|<(?=!--)|%(?=%)|(?<=%)%")
_LEADING = re.compile(r"[#>|]|[-+*](?=\s|$)|`{3}|~{3}|\[[^\]]\](?=\s|$)|[-=_* ]+$")
_NUMBERED = re.compile(r"(\d{1,9})(?=[.)](?:\s|$))")
_PLAIN_SCALAR = re.compile(r"[^\W\d_](?:[\w ,.;()/'&-]*[\w.)])?")
_YAML_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_MONTHS = "January February March April May June July August September October November December".split()
_SEASONS = {3: "spring", 6: "summer", 9: "autumn", 12: "winter"}
# Where each part of a day starts, as pure/intervals.py has it.
_PARTS = {5: "morning", 11: "noon", 12: "afternoon", 17: "evening", 18: "night"}

KEPT, LONGEST_KEPT = 1024, 400
"""How many neutral lines and keys of slots are kept, and of how many characters at most."""


def fingerprint(text: str) -> str:
    """The sha256 of a text in UTF-8, as hex: what a compare and swap compares."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def plain_line(text: str) -> str:
    """One line: runs of white space and control characters become one space; lone surrogates U+FFFD."""
    return _SURROGATE.sub("\ufffd", _BLANKS.sub(" ", text)).strip(" ")


def neutral_line(text: str) -> str:
    """One line of markdown that shows `plain_line(text)` and holds no structure, link or HTML."""
    return _kept_line(text) if len(text) <= LONGEST_KEPT else _neutral_line(text)


def _neutral_line(text: str) -> str:
    return _safe_start(_INLINE.sub(r"\\\g<0>", plain_line(text)))


# The names of slots and the summaries, which every merge compares with what stands in the file.
_kept_line = lru_cache(maxsize=KEPT)(_neutral_line)


def bullet_text(item: Item, own_names: frozenset[str] = frozenset()) -> str:
    """A bullet without marker and block id. A function of the item alone: a bullet that differs was edited.

    `own_names` are the names of the folder's user; a statement about somebody else has the name before it,
    unless a model worded it, in the third person, and it says the name itself.
    What a person wrote stands as written, links included: only what would break the list is escaped.
    """
    if item.origin is Origin.HUMAN:
        return _safe_start(_STRUCTURE.sub(r"\\\g<0>", plain_line(item.text)))
    worded = item.model is not None
    # An entry of another service's profile was written there; nobody said it on that day.
    said_at = None if item.origin is Origin.IMPORT else item.mentioned_at
    return _machine_text(item.text, item.subject, item.occurred, said_at, own_names, worded)


# Each run looks again at all that its categories show.
@lru_cache(maxsize=4096)
def _machine_text(
    words: str,
    about: str,
    occurred: Occurred | None,
    mentioned_at: datetime | None,
    own_names: frozenset[str],
    worded: bool,
) -> str:
    text, subject = plain_line(words), plain_line(about)
    if subject.casefold() not in {name.casefold() for name in own_names}:
        text = with_subject(text, subject, worded=worded)
    date = entry_date(occurred, mentioned_at)
    dated = f"{text} ({date})" if date and date not in text else text
    return _neutral_line(dated)


def with_subject(text: str, subject: str, *, worded: bool) -> str:
    """A statement with whom it is about before it, unless it starts with the name.

    Where a model `worded` it, it stands in the third person, and the name may be anywhere in it.
    """
    said, name = text.casefold(), subject.casefold()
    if not name or said.startswith(name) or (worded and _holds_name(said, name)):
        return text
    return f"{subject}: {text}"


def _holds_name(text: str, name: str) -> bool:
    """As a word of its own; Chinese has no spaces to tell words by."""
    before, after = (r"\b" if end.isascii() and end.isalnum() else "" for end in (name[0], name[-1]))
    return re.search(f"{before}{re.escape(name)}{after}", text) is not None


def bullet_line(item_id: str, text: str) -> str:
    return f"- {text} ^{item_id}"


def entry_date(occurred: Occurred | None, mentioned_at: datetime | None) -> str:
    """When something was, at its grain and in words: "June 2023", "week of 1 May 2023".

    "said 8 May 2023" where only the time of the message is known, and "" where nothing is.
    """
    if occurred is not None:
        return _interval(occurred)
    return f"said {_day(mentioned_at)}" if mentioned_at is not None else ""


def heading_text(name: str) -> str:
    """A slot's or topic's name as it stands in a heading; `markdown.heading_name` reads it back."""
    text = neutral_line(name)
    return text[:-1] + "\\#" if text.endswith("#") and not text.endswith("\\#") else text


def scalar(value: str) -> str:
    """A front matter value on one line, quoted where YAML would read something else."""
    line = plain_line(value)
    plain = _PLAIN_SCALAR.fullmatch(line) and line.casefold() not in _YAML_WORDS
    return line if plain else json.dumps(line, ensure_ascii=False)


def timestamp(moment: datetime) -> str:
    """ISO 8601, to the millisecond where the moment is that fine."""
    fine = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=fine).replace("+00:00", "Z")


def _safe_start(text: str) -> str:
    numbered = _NUMBERED.match(text)
    if numbered:
        return f"{numbered.group()}\\{text[numbered.end() :]}"
    return "\\" + text if _LEADING.match(text) else text


def _day(moment: datetime) -> str:
    return f"{moment.day} {_month(moment)}"


def _month(moment: datetime) -> str:
    return f"{_MONTHS[moment.month - 1]} {moment.year}"


def _interval(when: Occurred) -> str:
    start = when.start
    match when.grain:
        case "minute" | "hour":
            return f"{_day(start)}, {start.hour:02}:{start.minute:02}"
        case "part" if start.hour in _PARTS:
            return f"{_PARTS[start.hour]} of {_day(start)}"
        case "day":
            return _day(start)
        case "weekend" | "week":
            return f"{when.grain} of {_day(start)}"
        case "month":
            return _month(start)
        case "season" if start.month in _SEASONS and start.day == 1:
            return f"{_SEASONS[start.month]} {start.year}" + (
                f"/{(start.year + 1) % 100:02}" if start.month == 12 else ""
            )
        case "year":
            return str(start.year)
        case "decade":
            return f"{start.year}s"
    return _span(start, when.end)


def _span(start: datetime, end: datetime) -> str:
    """From the first to the last day; the end of the interval itself is not in it."""
    last = end - timedelta(microseconds=1) if end > start else start
    if last.date() == start.date():
        return _day(start)
    return f"{_day(start)} to {_day(last)}"
