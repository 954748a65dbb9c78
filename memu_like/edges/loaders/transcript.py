"""Plain `Name: text` transcripts, with or without times, and the lines between that belong to them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ...errors import LoadError
from ...models import Loaded, Message
from ...pure.patterns import lazy
from .base import Reading
from .text import one_line
from .times import CLOCK, WrittenDate, at, parse_time, parse_written

FORMAT = "transcript"

_MAX_SPEAKER = 40
_STAMP = (
    r"(?:(?P<date>\d{4}[-/.]\d{1,2}[-/.]\d{1,2})"
    rf"(?:(?:T|,?[^\S\n]+)(?P<clock>{CLOCK})(?P<offset>Z|[+-]\d{{2}}:?\d{{2}})?)?|(?P<only>{CLOCK}))"
)
# `[2024-03-05 14:02] `, `2024-03-05 14:02 - `, `(14:02) `
_LEAD = lazy(rf"[\[(（]?{_STAMP}[\])）]?\s*(?:[-–—|,]\s*)?(?=[^\W\d_]|[@+*])")
# `Ada: `, `**Ada:** `, `Ada Li (14:02): `, `李雷：`
_NAMED = lazy(
    r"(?P<bold>\*\*)?(?P<name>[^\W\d_@+][\w.'’&@-]*(?:[^\S\n][\w.'’&@-]+){0,3}|[@+][\w-]+)(?:\*\*)?"
    rf"(?:\s?[\[(（]{_STAMP}[\])）])?(?:\*\*)?[:：](?!//)(?:\*\*)?\s*(?P<text>.*)"
)
_DECORATION = " \t#=*_-–—~[]()（）【】|•:：,"
_WEEKDAY = (
    r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?"
    r"|(?:星期|周|礼拜)[一二三四五六日天])"
)
_DATE_PREFIX = lazy(
    rf"\A(?:(?:session|conversation|chat|day|date)\b\s*#?\d*[\s:：,(（–—-]*)?(?:{_WEEKDAY}[\s,，]+)?", re.I
)
_DATE_SUFFIX = lazy(rf"[\s,，(（]+{_WEEKDAY}$", re.I)

_ASSISTANTS = frozenset(("assistant", "ai", "chatgpt", "bot", "助手", "gpt", "claude", "gemini"))
_USERS = frozenset(("user", "human", "用户", "me", "you", "我"))
_NAMELESS_USERS = frozenset(("user", "human", "用户"))
_SYSTEMS = frozenset(("system", "系统"))
# Words that stand before a colon in prose, letters and forms, and are nobody's name.
_LABELS = frozenset(
    """
    note notes nb subject re fwd fw from to cc bcc date time when where who what why how ps p.s. todo
    warning caution important tip tips hint example examples e.g. i.e. http https ftp file mailto summary
    title name age email e-mail phone tel address city country url link links source sources author
    version status result results total price cost ingredients method steps step goal goals definition
    see update edit tl;dr tldr attachments sent received location topic tags keywords description
    注意 备注 主题 标题 日期 时间 地点 例如 地址 电话 姓名 总结 说明
    """.split()
)


@dataclass(frozen=True, slots=True)
class _Header:
    """A line that may begin a message."""

    name: str
    text: str
    date: str | None
    clock: str | None
    offset: str | None

    @property
    def stamped(self) -> bool:
        return self.date is not None or self.clock is not None


@dataclass(slots=True)
class _Draft:
    """A message while its lines are still being gathered."""

    line: int
    name: str
    time: datetime | None
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip()


@dataclass(slots=True)
class _Dating:
    """The date that holds for the lines that follow, and the last clock time seen under it."""

    date: WrittenDate | None = None
    last: datetime | None = None


def load_transcript(text: str, reading: Reading) -> tuple[Loaded, ...]:
    """One conversation for each dated part, cut further where the times show a silence.

    A clock time without any date is dropped: the day is not known, and none is invented.
    """
    lines = text.split("\n")
    headers = _accepted(lines)
    if not headers:
        raise LoadError(reading.name, "holds no lines of the form `Name: text`")
    preamble, parts = _gather(lines, headers, reading)
    title = None
    if len(preamble) == 1:
        title = one_line(preamble[0].strip(_DECORATION), reading.name)
    elif preamble:
        parts[0].insert(0, _Draft(1, "System", None, preamble))
    return tuple(
        session
        for part in parts
        if (messages := [_message(draft, reading) for draft in part if draft.text])
        for session in reading.sessions(messages, format=FORMAT, title=title)
    )


def looks_like_transcript(text: str) -> bool:
    """Two speakers in turn, or one speaker twice, in most lines that are not indented or dates.

    Times or the usual role names make up for long messages, whose many lines carry no name.
    """
    lines = text.split("\n", 2000)[:2000]
    headers = _accepted(lines)
    names = [header.name for _, header in sorted(headers.items())]
    if len(names) < 2 or not _take_turns(names):
        return False
    body = sum(1 for line in lines if line.strip() and not line[0].isspace() and not _date_line(line))
    stamped = sum(header.stamped for header in headers.values())
    roles = sum(name.lower() in _ASSISTANTS | _USERS for name in names)
    if max(stamped, roles) * 5 >= len(names) * 4:
        return len(names) * 20 >= body
    # A page with headings is written, not spoken, unless nearly all else is names.
    headings = sum(line.startswith("#") and not _date_line(line) for line in lines)
    return len(names) * (1.25 if headings > 1 else 2) >= body


def _take_turns(names: Sequence[str]) -> bool:
    distinct = len(set(names))
    return distinct < len(names) if len(names) > 2 else distinct == 2 or names[0] == names[1]


def _accepted(lines: Sequence[str]) -> dict[int, _Header]:
    """The headers by their index: those with times where times are the rule, else the likely speakers."""
    found = {index: header for index, line in enumerate(lines) if (header := _header(line))}
    stamped = {index: header for index, header in found.items() if header.stamped}
    if stamped and len(stamped) * 2 >= len(found):
        names = {header.name for header in stamped.values()}
        return {index: header for index, header in found.items() if header.name in names}
    counts = Counter(header.name for header in found.values())
    return {
        index: header
        for index, header in found.items()
        if header.stamped or _is_speaker(header.name, counts[header.name])
    }


def _header(line: str) -> _Header | None:
    lead = _LEAD.match(line)
    named = _NAMED.match(line, lead.end() if lead else 0)
    if named is None or len(named["name"]) > _MAX_SPEAKER:
        return None
    stamp = lead or named
    clock = stamp["clock"] or stamp["only"]
    return _Header(named["name"].strip(), named["text"], stamp["date"], clock, stamp["offset"])


def _is_speaker(name: str, count: int) -> bool:
    """Whether an undated `name:` is a person speaking rather than a label or the start of a sentence."""
    words = name.split()
    if name.lower() in _LABELS or len(words) > 3:
        return False
    if count > 1 or name.lower() in _ASSISTANTS | _USERS | _SYSTEMS:
        return True
    if name.isascii():
        return all(word[0].isupper() or word[0].isdigit() for word in words)
    return len(name) <= 20 and not name[0].islower() and name[-1] not in "说道问是为答"


def _date_line(line: str) -> WrittenDate | None:
    """A line that only gives a date, such as `## 2024-03-05` or `=== 2024年3月5日 ===`."""
    if len(line) > 80:
        return None
    core = line.strip(_DECORATION)
    core = _DATE_SUFFIX.sub("", _DATE_PREFIX.sub("", core, count=1))
    return parse_written(core.strip(_DECORATION))


def _gather(
    lines: Sequence[str], headers: dict[int, _Header], reading: Reading
) -> tuple[list[str], list[list[_Draft]]]:
    preamble: list[str] = []
    parts: list[list[_Draft]] = [[]]
    dating = _Dating()
    for index, line in enumerate(lines):
        place = f"{reading.name}:{index + 1}"
        if header := headers.get(index):
            time = _time(header, dating, place, reading)
            parts[-1].append(_Draft(index + 1, header.name, time, [header.text]))
        elif date := _date_line(line):
            dating.date, dating.last = date, at(date, place, reading.timezone)
            if parts[-1]:
                parts.append([])
        elif parts[-1]:
            parts[-1][-1].lines.append(line.rstrip())
        elif line.strip():
            (preamble if len(parts) == 1 else parts[-2][-1].lines).append(line.rstrip())
    return preamble, [part for part in parts if part]


def _time(header: _Header, dating: _Dating, place: str, reading: Reading) -> datetime | None:
    if header.date:
        written = parse_written(header.date)
        if written is None:
            raise LoadError(place, f"the date {header.date} cannot be read; write it like 2024-03-05")
        moment = at(written, place, reading.timezone, header.clock)
        if header.offset:
            moment = parse_time(f"{moment:%Y-%m-%dT%H:%M:%S}{header.offset}", place, reading.timezone)
        dating.date, dating.last = written, moment
        return moment
    if dating.date is None:
        return None
    if header.clock:
        dating.last = _past_midnight(at(dating.date, place, reading.timezone, header.clock), dating)
    return dating.last


def _past_midnight(moment: datetime, dating: _Dating) -> datetime:
    """After 23:58 comes 00:03 of the next day: a clock that falls back by half a day has turned over."""
    if dating.date and dating.last and dating.last - moment > timedelta(hours=12):
        moment += timedelta(days=1)
        dating.date = WrittenDate(moment.year, moment.month, moment.day)
    return moment


def _message(draft: _Draft, reading: Reading) -> Message:
    return reading.message(dict(_fields(draft)), f"{reading.name}:{draft.line}")


def _fields(draft: _Draft) -> Iterator[tuple[str, Any]]:
    lowered = draft.name.lower()
    if lowered in _ASSISTANTS:
        yield "role", "assistant"
    else:
        yield "role", "system" if lowered in _SYSTEMS else "user"
    if lowered not in _NAMELESS_USERS | _SYSTEMS | {"assistant", "助手"}:
        yield "name", draft.name
    yield "content", draft.text
    if draft.time:
        yield "created_at", draft.time.isoformat()
