"""WhatsApp's text export, as Android and iOS write it.

Whether 05/03 is in March or in May the file does not say. It is decided for the whole file: by a number
above 12, else by which reading runs forward in time, else day first, as most of the world writes it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from ...errors import LoadError
from ...models import Loaded, Message
from ...pure.patterns import lazy
from .base import Reading
from .times import WrittenDate, at

FORMAT = "whatsapp"

Order = Literal["day", "month"]

# Direction marks that the export sprinkles before names and attachments.
_MARKS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
_STRIP_MARKS = str.maketrans("", "", _MARKS)
_HALF = r"(?:[AaPp]\.?\s?[Mm]\.?|上午|下午|凌晨|早上|中午|晚上)"
_HEAD = lazy(
    r"(?P<open>\[)?(?P<first>\d{1,4})(?P<separator>[/.-])\s?(?P<second>\d{1,2})(?P=separator)\s?"
    r"(?P<third>\d{4}|\d{1,2})\.?(?P<comma>[,،])?\s+"
    rf"(?P<clock>(?:{_HALF}\s?)?\d{{1,2}}[:.]\d{{2}}(?:[:.]\d{{2}})?(?:\s?{_HALF})?)"
    r"(?(open)\]\s?|\s[-–]\s)(?P<rest>.*)"
)
_SPOKEN = lazy(r"(?P<name>[^:：\"“”«»]{1,80}?)[:：](?:\s(?P<text>.*)|$)")
# The first line of nearly every export. Only as a whole: a person may speak of encryption too.
_ENCRYPTED = lazy(
    r"Messages (?:and calls|to this)[^\n]{0,80}end-to-end encrypt|消息和通话[^\n]{0,20}端[到对]端加密"
)
# A placeholder is the whole line, or its end behind a direction mark where a caption came with it.
_MEDIA = lazy(
    r"(?:^|(?<=\u200e))(?:"
    r"<(?:attached|附件)[:：][^<>\n]{0,200}>"
    r"|<[^<>\n]{0,40}(?:omitted|省略|omitido|omis|ausgeschlossen|omesso)[^<>\n]{0,20}>"
    r"|(?:image|video|audio|sticker|gif|document|contact card)(?: message)? omitted"
    r"|(?:图片|图像|影片|视频|音频|语音|贴图|文件|文档|GIF) ?(?:已|被)?(?:省略|忽略)"
    r"|\S[^\n]{0,120} \((?:file attached|文件附件)\)"
    r")$",
    re.IGNORECASE,
)
_DOTTED = lazy(r"(?<=\d)\.(?=\d)")
_EDITED = lazy(r"\s*<(?:This message was edited|此消息已编辑)>$")


@dataclass(slots=True)
class _Draft:
    line: int
    head: re.Match[str]
    name: str
    lines: list[str] = field(default_factory=list)


def looks_like_whatsapp(text: str) -> bool:
    """Whether the first line that says anything is stamped as only WhatsApp stamps it."""
    head = _head(text.lstrip().split("\n", 1)[0])
    if head is None:
        return False
    year_first = len(head["first"]) == 4
    slashed = head["separator"] == "/" and not head["open"]
    return not year_first or bool(head["comma"]) or slashed or bool(re.search(_HALF, head["clock"]))


def load_whatsapp(text: str, reading: Reading) -> tuple[Loaded, ...]:
    """The spoken messages, cut into sessions by their times; the app's own notices are left out."""
    heads, drafts = _gather(text.split("\n"))
    if not heads:
        raise LoadError(reading.name, "holds no lines of the form `31/12/2023, 22:15 - Name: text`")
    order = _order(heads, reading.name)
    messages = [message for draft in drafts if (message := _message(draft, order, reading))]
    if not messages:
        raise LoadError(reading.name, "holds no message of a person, only the app's notices")
    return reading.sessions(messages, format=FORMAT)


def _head(line: str) -> re.Match[str] | None:
    head = _HEAD.match(line.lstrip(_MARKS + " "))
    # Four digits are a year, at one end of the date; one or two are not, at both ends.
    if head is None or len(head["first"]) == 3 or (len(head["first"]) <= 2 and len(head["third"]) == 1):
        return None
    return head


def _gather(lines: Sequence[str]) -> tuple[list[tuple[int, re.Match[str]]], list[_Draft]]:
    """Every stamped line with its number, and the drafts of those that a person wrote."""
    heads: list[tuple[int, re.Match[str]]] = []
    drafts: list[_Draft] = []
    open_draft: _Draft | None = None
    for number, line in enumerate(lines, 1):
        head = _head(line)
        if head is None:
            if open_draft is not None:
                open_draft.lines.append(line.translate(_STRIP_MARKS).rstrip())
            continue
        heads.append((number, head))
        open_draft = _open(number, head)
        if open_draft is not None:
            drafts.append(open_draft)
    return heads, drafts


def _open(number: int, head: re.Match[str]) -> _Draft | None:
    """The draft that a stamped line begins; None for a notice of the app."""
    spoken = _SPOKEN.match(head["rest"])
    if spoken is None:
        return None
    name = spoken["name"].translate(_STRIP_MARKS).strip().removeprefix("~").strip()
    written = (spoken["text"] or "").rstrip()
    text = _MEDIA.sub("[media]", _EDITED.sub("", written)).translate(_STRIP_MARKS).strip()
    # iOS puts a name before its notices too, and a mark: "Trip: \u200eAda added Bo".
    notice = written.startswith("\u200e") and text.startswith((f"{name} ", "You "))
    if not name or notice or _ENCRYPTED.match(text):
        return None
    return _Draft(number, head, name, [text])


def _order(heads: Sequence[tuple[int, re.Match[str]]], name: str) -> Order:
    pairs = [(number, int(h["first"]), int(h["second"])) for number, h in heads if len(h["first"]) <= 2]
    day_first = next((number for number, first, _ in pairs if first > 12), None)
    month_first = next((number for number, _, second in pairs if second > 12), None)
    if day_first is not None and month_first is not None:
        reason = f"the date can only be month first, and the one in line {day_first} only day first"
        raise LoadError(name, reason, month_first)
    if day_first is not None or month_first is not None:
        return "day" if month_first is None else "month"
    by_day, by_month = _steps_back(heads, "day"), _steps_back(heads, "month")
    return "month" if by_month < by_day else "day"


def _steps_back(heads: Sequence[tuple[int, re.Match[str]]], order: Order) -> int:
    dates = [(d.year, d.month, d.day) for d in (_date(head, order) for _, head in heads)]
    return sum(later < earlier for earlier, later in pairwise(dates))


def _date(head: re.Match[str], order: Order) -> WrittenDate:
    first, second, third = int(head["first"]), int(head["second"]), int(head["third"])
    if len(head["first"]) > 2:
        return WrittenDate(first, second, third)
    year = third + 2000 if len(head["third"]) == 2 else third
    return WrittenDate(year, second, first) if order == "day" else WrittenDate(year, first, second)


def _message(draft: _Draft, order: Order, reading: Reading) -> Message | None:
    text = _EDITED.sub("", "\n".join(draft.lines).strip())
    if not text:
        return None
    place = f"{reading.name}:{draft.line}"
    clock = _DOTTED.sub(":", draft.head["clock"])
    time = at(_date(draft.head, order), place, reading.timezone, clock)
    raw = {"role": "user", "name": draft.name, "content": text, "created_at": time.isoformat()}
    return reading.message(raw, place)
