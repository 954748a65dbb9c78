"""What a model's extraction reply is worth: drafts that hold up, and a reason for each that does not."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ..models import Bearing, BearingKind, Draft, Dropped, Item, Occurred
from .extracting import KEYWORDS, keywords_of, occurred_in, statement_type, statement_weight
from .extraction_call import BEARINGS, ExtractionCall
from .extraction_slots import Place, Places
from .patterns import lazy
from .quoted_orders import holds_orders
from .replies import ReplyError, parse_reply
from .secrets import mask_secrets
from .source_lines import SourceLine, SourceLines
from .statements import is_meaningless, objection_to, plain_statement

MAX_WORD = 40
MAX_TAGS = 8
MAX_TITLE = 120
MAX_SUMMARY = 1200
MAX_WHEN = 80
"""Characters, and for tags how many of one item or event."""
MOST_DROPPED = 100
"""Reasons that are recorded one by one for a reply; of further ones only the number is."""
NEAR_IDENTICAL = 0.8
"""Jaccard similarity of two statements' words from which one line gives one of them, as in `selecting`."""
GAP = 2
"""Cited lines with no more than so many lines between them are one passage."""
NO_OBJECT, NO_TEXT, NO_LINES = "no object", "no text", "no source lines"
UNKNOWN_LINES = "source lines that do not exist"
OF_FORM = frozenset({NO_OBJECT, NO_TEXT, NO_LINES, UNKNOWN_LINES})
"""A reply all of whose items fail by these is none: it is asked for again, and not taken for "nothing"."""
NEVER_SAID = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands in for the unknown moment of a message where a time is given in full."""

_ISO = lazy(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:?\d{2})?)?")
_ISO_MONTH = lazy(r"(\d{4})-(0[1-9]|1[0-2])")
_YEAR = lazy(r"(?:19|20)\d{2}")
_MONTHS = "January February March April May June July August September October November December".split()
_NUMBER = lazy(r"\d{1,7}")
_HANDLE = lazy(r"\W*k?(\d{1,4})\W*", re.IGNORECASE)
_WORD = lazy(r"\w+")
_ONESELF = frozenset({"user", "the user", "i", "me", "用户", "我"})


@dataclass(frozen=True, slots=True)
class ProposedCategory:
    """A topic that the model would add; `slot` may be "". `drafts` are indices of ModelExtraction.drafts."""

    name: str
    slot: str
    drafts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelExtraction:
    """A reply, checked. Drafts have `topic` "" where no configured slot was named: the slotter places them.

    `dropped` has line 0 where the reply names no line that there is; some reasons are of a draft that is
    kept, and say what of it was not. `title`, `summary` ("" where none was given) and `tags` are the
    event's, each one plain line.
    """

    drafts: tuple[Draft, ...]
    dropped: tuple[Dropped, ...] = ()
    title: str = ""
    summary: str = ""
    tags: tuple[str, ...] = ()
    proposed: tuple[ProposedCategory, ...] = ()


def read_extraction(text: str, call: ExtractionCall) -> ModelExtraction:
    """Read the reply to `call`. Raises ReplyError where it is no such reply at all.

    Single items that cannot be used are dropped with their reason, and the rest is kept.
    """
    whole, entries = _shape(parse_reply(text))
    reader = _Reader(call)
    most = call.settings.max_items_per_call
    for entry in entries[:most]:
        reader.take(entry)
    if reader.dropped and not reader.drafts and all(one.reason in OF_FORM for one in reader.dropped):
        raise ReplyError(f"no item can be used ({reader.dropped[0].reason}): each needs text, slot and lines")
    if len(entries) > most:
        reader.drop(0, f"{len(entries) - most} items over the limit of {most}")
    return ModelExtraction(
        drafts=tuple(reader.drafts),
        dropped=reader.reasons(),
        title=reader.line(whole.get("title"), MAX_TITLE),
        summary=reader.line(whole.get("summary"), MAX_SUMMARY),
        tags=_event_tags(reader.words(whole.get("tags"), MAX_TAGS), call),
        proposed=_proposed(reader.proposed),
    )


def join(parts: Sequence[ModelExtraction]) -> ModelExtraction:
    """The replies to the calls of one resource as one, in order; the same statement counts once."""
    drafts: list[Draft] = []
    dropped = [one for part in parts for one in part.dropped]
    proposed: list[tuple[Place, int]] = []
    lines = _SaidLines()
    for part in parts:
        places = {at: (found.name, found.slot) for found in part.proposed for at in found.drafts}
        for index, draft in enumerate(part.drafts):
            if lines.said(draft):
                dropped.append(Dropped(draft.line, "duplicate"))
                continue
            if index in places:
                proposed.append((places[index], len(drafts)))
            drafts.append(draft)
    return ModelExtraction(
        drafts=tuple(drafts),
        dropped=tuple(dropped),
        title=next((part.title for part in parts if part.title), ""),
        summary=_cut(" ".join(part.summary for part in parts if part.summary), MAX_SUMMARY),
        tags=tuple(dict.fromkeys(tag for part in parts for tag in part.tags))[:MAX_TAGS],
        proposed=_proposed(proposed),
    )


def _shape(value: object) -> tuple[Mapping[str, Any], list[Any]]:
    """The reply's object and its items. A list of items, or one item alone, stands for the whole."""
    wholes = (
        [one for one in value if isinstance(one, dict) and "items" in one] if isinstance(value, list) else []
    )
    if any(whole != wholes[0] for whole in wholes):
        raise ReplyError("there are several replies, and they differ: give one")
    value = wholes[0] if wholes else value
    whole = value if isinstance(value, dict) else {}
    entries = whole.get("items", value)
    if isinstance(entries, dict) and "text" in entries:
        entries = [entries]
    if not isinstance(entries, list):
        raise ReplyError('"items" must be a list of objects, each with text, slot and lines')
    if entries and not any(isinstance(entry, dict) for entry in entries):
        raise ReplyError("each of the items must be an object with text, slot and lines")
    return whole, entries


@dataclass(slots=True)
class _SaidLines:
    """What each line gave already: a line does not say one thing twice."""

    by_line: dict[tuple[int, str], list[tuple[frozenset[str], frozenset[str]]]] = field(default_factory=dict)

    def said(self, draft: Draft) -> bool:
        """Whether the line has a near-identical statement already; if not, it has this one from now on."""
        words = frozenset(_WORD.findall(draft.text.casefold()))
        numbers = frozenset(word for word in words if not word.isalpha() and any(map(str.isdigit, word)))
        before = self.by_line.setdefault((draft.line, draft.subject.casefold()), [])
        for other, others_numbers in before:
            shared = len(words & other)
            if numbers == others_numbers and shared >= NEAR_IDENTICAL * (len(words) + len(other) - shared):
                return True
        before.append((words, numbers))
        return False


class _Reader:
    """Reads the items of one reply."""

    def __init__(self, call: ExtractionCall) -> None:
        self.call = call
        self.mask = call.settings.mask_secrets
        self.lines = SourceLines(call.turns, call.timezone)
        self.secrets = self.lines.secrets() if self.mask else frozenset()
        self.places = Places(call)
        self.known = {f"k{number}": item for number, item in enumerate(call.known, start=1)}
        self.types = {name.casefold(): name for name in call.settings.type_names()}
        self.users = {name.casefold() for name in call.users} | _ONESELF
        self.drafts: list[Draft] = []
        self.proposed: list[tuple[Place, int]] = []
        self.dropped: list[Dropped] = []
        self.said = _SaidLines()

    def drop(self, line: int, reason: str) -> None:
        self.dropped.append(Dropped(line, reason))

    def reasons(self) -> tuple[Dropped, ...]:
        further = len(self.dropped) - MOST_DROPPED
        rest = (Dropped(0, f"{further} more were dropped"),) if further > 0 else ()
        return (*self.dropped[:MOST_DROPPED], *rest)

    def take(self, entry: object) -> None:
        """One item of the reply: a draft, or a reason."""
        if not isinstance(entry, dict):
            self.drop(0, NO_OBJECT)
            return
        cited = [line for line in _numbers(entry.get("lines")) if line in self.lines.lines]
        people = [self.lines.lines[line] for line in cited if self.lines.lines[line].by_person]
        line = people[0].line if people else cited[0] if cited else 0
        text = entry.get("text")
        if not isinstance(text, str):
            self.drop(line, NO_TEXT)
            return
        text = plain_statement(text)
        reason = self._objection(text) or _objection_to_lines(entry, cited, people, self.lines)
        if reason:
            self.drop(line, reason)
            return
        self._take_statement(entry, text, _passage(cited, people, text, self.lines))

    def _take_statement(self, entry: Mapping[str, Any], text: str, passage: list[int]) -> None:
        first = next(line for number in passage if (line := self.lines.lines[number]).by_person)
        bearing, target = self._bearing(entry, first.line)
        subject = self._subject(entry.get("subject"), text, first, passage)
        reason = self.lines.objection(text, passage, [target.text] if target else [])
        place, proposed = self.places.place(entry.get("slot"))
        if not reason and self.call.settings.profile_validate:
            names = place if place[0] else proposed
            reason = "meaningless" if is_meaningless(text, subject, names) else ""
        if reason:
            self.drop(first.line, reason)
            return
        draft = self._draft(entry, text, subject, first, passage, place)
        if self.said.said(draft):
            self.drop(first.line, "duplicate")
            return
        if proposed[0]:
            self.proposed.append((proposed, len(self.drafts)))
        self.drafts.append(replace(draft, bearing=bearing) if bearing else draft)

    def _draft(
        self,
        entry: Mapping[str, Any],
        text: str,
        subject: str,
        first: SourceLine,
        passage: list[int],
        place: Place,
    ) -> Draft:
        occurred = self._occurred(entry.get("when"), text, first, passage)
        kind = entry.get("type")
        given = self.types.get(kind.strip().casefold()) if isinstance(kind, str) else None
        named = {part.casefold() for part in subject.split()}
        own = (word for word in keywords_of(text, "") if word not in named)
        words = (*self.words(entry.get("keywords"), KEYWORDS), *own)
        return Draft(
            text=text,
            subject=subject,
            type=given or statement_type(text, occurred, *place),
            line=passage[0],
            last_line=passage[-1] if passage[-1] > passage[0] else 0,
            keywords=tuple(dict.fromkeys(words))[:KEYWORDS],
            occurred=occurred,
            mentioned_at=first.said_at,
            weight=statement_weight(text, occurred),
            topic=place[0],
            slot=place[1],
            tags=self.words(entry.get("tags"), MAX_TAGS),
            model=self.call.model,
        )

    def _objection(self, text: str) -> str:
        repeats = any(secret in text for secret in self.secrets)
        return "secret" if repeats else objection_to(text, mask=self.mask)

    def _bearing(self, entry: Mapping[str, Any], line: int) -> tuple[Bearing | None, Item | None]:
        """How the item bears on what is known. A handle that is none makes it new, and is noted."""
        kind, handle = entry.get("bearing"), entry.get("known")
        if not kind or not handle or kind == "new":
            return None, None
        found = _HANDLE.fullmatch(str(handle)) if isinstance(handle, str | int) else None
        item = self.known.get(f"k{int(found[1])}") if found else None
        word = kind.strip().casefold() if isinstance(kind, str) else ""
        if item is None or word not in BEARINGS:
            self.drop(line, "unknown handle: kept as new" if item is None else "unknown bearing: kept as new")
            return None, None
        kinds: dict[str, BearingKind] = {
            "corroborates": "corroborates",
            "refines": "refines",
            "corrects": "corrects",
            "retracts": "retracts",
        }
        return Bearing(kinds[word], item.id), item

    def _subject(self, given: object, text: str, first: SourceLine, passage: list[int]) -> str:
        """Whom it is about: a speaker, spelled as in the turns; somebody the lines name; or who speaks."""
        name = self.line(given, MAX_WORD)
        folded = name.casefold()
        if not name or (folded in self.users and first.speaker.casefold() in self.users):
            return first.speaker
        speakers = self.lines.speakers
        if folded in speakers:
            return speakers[folded]
        if folded in self.users:
            own = (speaker for spoken, speaker in speakers.items() if spoken in self.users)
            return next(own, first.speaker)
        around = " ".join(line.text for line in self.lines.around(passage)).casefold()
        return name if folded in around else first.speaker

    def _occurred(self, when: object, text: str, first: SourceLine, passage: list[int]) -> Occurred | None:
        """When it happened: as `when` says, if the lines know that time, or as the text says."""
        given = self.line(when, MAX_WHEN)
        found = _read_when(given, first.said_at) or occurred_in(text, first.said_at)
        if found is None or self.lines.says_when(found, passage):
            return found
        self.drop(first.line, "a time that its source lines do not have: left out")
        return None

    def line(self, value: object, limit: int) -> str:
        """A plain line of at most `limit` characters with no secret and no order in it; "" for all else."""
        if not isinstance(value, str):
            return ""
        text = plain_statement(value[: 4 * limit])
        if self.mask:
            text = mask_secrets(text)[0]
            for secret in self.secrets:
                text = text.replace(secret, "[secret]")
        return "" if holds_orders(text) else _cut(text, limit)

    def words(self, value: object, most: int) -> tuple[str, ...]:
        """Words or short phrases, each once."""
        given = value[: 4 * most] if isinstance(value, list) else []
        found = (
            self.line(word, MAX_WORD) for word in given if isinstance(word, str) and len(word) <= MAX_WORD
        )
        return tuple(dict.fromkeys(word for word in found if word and "[secret" not in word))[:most]


def _objection_to_lines(
    entry: Mapping[str, Any], cited: Sequence[int], people: Sequence[SourceLine], lines: SourceLines
) -> str:
    """Why no statement of a person can come from the lines that an item names; "" where one can."""
    if not cited:
        return UNKNOWN_LINES if _numbers(entry.get("lines")) else NO_LINES
    return "" if people else f"said by the {lines.lines[cited[0]].role}"


def _passage(cited: Sequence[int], people: Sequence[SourceLine], text: str, lines: SourceLines) -> list[int]:
    """The lines of one passage, in order: of several, the one that says most of the statement."""
    passages: list[list[int]] = []
    for line in sorted(set(cited)):
        if passages and lines.between(passages[-1][-1], line) <= GAP:
            passages[-1].append(line)
        else:
            passages.append([line])
    spoken = {line.line for line in people}
    passages = [one for one in passages if spoken & set(one)]
    return passages[0] if len(passages) == 1 else max(passages, key=lambda one: lines.overlap(text, one))


def _numbers(value: object) -> list[int]:
    """Line numbers, however they are given: 3, [3, 5], "3", ["3-5"], in the order given."""
    found: list[int] = []
    for one in value[:50] if isinstance(value, list) else [value]:
        if isinstance(one, bool):
            continue
        if isinstance(one, int) or (isinstance(one, float) and one.is_integer()):
            found.append(int(one))
        elif isinstance(one, str):
            found += [int(number) for number in _NUMBER.findall(one[:40])]
    return found


def _read_when(given: str, said: datetime | None) -> Occurred | None:
    """A time in words or ISO. Where nobody knows when it was said, only one that is given in full."""
    if not given:
        return None
    month, full = _ISO_MONTH.fullmatch(given), _ISO.fullmatch(given)
    if month:
        readable = f"{_MONTHS[int(month[2]) - 1]} {month[1]}"
    else:
        readable = f"in {given}" if _YEAR.fullmatch(given) else given
    if said is None and not (month or full or _YEAR.fullmatch(given)):
        return None
    found = occurred_in(readable, said or NEVER_SAID)
    return replace(found, text=given) if found is not None else None


def _event_tags(tags: Collection[str], call: ExtractionCall) -> tuple[str, ...]:
    """Where tags are configured only those, with or without a value: "mood: happy"."""
    names = {tag.name.casefold(): tag.name for tag in call.settings.event_tags}
    if not names:
        return tuple(tags)
    found = []
    for tag in tags:
        name, colon, value = tag.partition(":")
        if name.strip().casefold() in names:
            known = names[name.strip().casefold()]
            found.append(f"{known}: {value.strip()}" if colon and value.strip() else known)
    return tuple(dict.fromkeys(found))


def _proposed(found: Iterable[tuple[Place, int]]) -> tuple[ProposedCategory, ...]:
    by_place: dict[Place, list[int]] = {}
    for place, index in found:
        by_place.setdefault(place, []).append(index)
    return tuple(ProposedCategory(*place, tuple(indices)) for place, indices in by_place.items())


def _cut(text: str, limit: int) -> str:
    """At most `limit` characters, ended at a word where one ends near."""
    if len(text) <= limit:
        return text
    head = text[:limit]
    return (head.rsplit(" ", 1)[0] if " " in head[limit // 2 :] else head).rstrip()
