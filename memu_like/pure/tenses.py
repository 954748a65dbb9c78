"""Which way a date without a year or a week points: by the tense, plans and habits around it, in English."""

from __future__ import annotations

import re
from typing import Literal

from .patterns import lazy

Tense = Literal["past", "future"] | None

#: Past forms that are no present form too ("read", "put" and "cut" are), so each tells the tense.
_IRREGULAR = (
    "was were had went did got came saw made took met bought gave told found said left felt ran won lost ate "
    "began sat stood slept kept spent brought thought taught caught fought broke spoke woke wrote rode drove "
    "flew grew knew threw drew swam sang rang drank sank fell held heard paid sold sent lent built meant "
    "wore tore swore chose froze stole forgot hid fed bred shot slid stuck struck swung hung dug shook "
    "became understood dreamt learnt burnt been"
).replace(" ", "|")
#: What ends in "ed" and is no past form.
_NOT_PAST = (
    "need|feed|speed|indeed|exceed|succeed|breed|seed|weed|bed|red|tired|married|wed|hundred|thrilled|worried"
)
_CUE = lazy(
    # Arranged in the past, to happen later: "booked", "signed up for".
    r"\b(?P<plan>(?:(?:am|is|are|was|were|been|got)\s+)?(?:booked|reserved|invited\s+to)|signed\s+up|"
    r"(?:registered|enrolled|entered)\s+for|(?:got|bought|have)\s+(?:\w+\s+){0,2}tickets?)\b"
    r"|\b(?P<future>(?:will|won['’]?t|shall|going\s+to|should|could)(?:\s+(?:be|have|get)\s+\w+)?|gonna|"
    r"plan(?:s|ned|ning)?|can['’]?t\s+wait|look(?:ing)?\s+forward|upcoming|coming|next|hop(?:e|es|ing)\s+to|about\s+to|"
    r"soon|tomorrow|tonight|excited|scheduled|supposed|due|deadline|until|(?:am|are|is)\s+[a-z]{2,}ing|"
    r"can(?:['’]?t|not)?|see\s+you|remind\s+me|fl(?:y|ies)\s+to|i(?:\s+am|['’]m)\s+(?:free|busy|off|away)|"
    r"(?:want|need)s?\s+to|let['’]?s|(?:have|has)\s+(?:to|an?|my|our)|moving|"
    r"(?:start|begin|open|close|end|leave|depart|arrive|launche|expire|premiere)s)\b"
    r"|(?P<contracted>['’](?:ll\b(?:\s+(?:be|have|get)\s+\w+)?|(?:m|re|s)\s+(?:\w+ly\s+)?[a-z]{2,}ing\b))"
    rf"|\b(?P<past>{_IRREGULAR}|didn['’]?t|since|ago|just|(?!{_NOT_PAST})[a-z]{{2,}}ed)\b",
    re.IGNORECASE,
)
#: Between a cue and the date: they stand in different clauses.
_CLAUSE_END = lazy(r"[,;:—–()]|\s(?:but|so|because|although|though|while|whereas)\s", re.IGNORECASE)
#: "signed up on Friday": the date is that of the arranging.
_DIRECTLY = lazy(r"\s*(?:(?:it|them|this|that)\s+)?(?:(?:last|this|on|in|back)\b\s*)*", re.IGNORECASE)
#: "is on Friday", "by Friday": ahead.
_AHEAD = lazy(r"(?:\b(?:is|are)|['’](?:s|re))\s+(?:only\s+|now\s+)?on\s+(?:the\s+)?$|\bby\s+$", re.IGNORECASE)
#: Nouns of what lies ahead, where no verb says otherwise.
_PLAN = lazy(
    r"\b(?:tickets?|flights?|appointments?|deadline|interview|exam|wedding|booking|reservation)\b",
    re.IGNORECASE,
)
#: "every year in May" comes again; "every day in May" may be one month, so there the tense decides too.
_EVERY = lazy(
    r"\b(?:every|each)\s+(?:(?:single|other|second|third|few)\s+)?(?:\w{3,6}day|year|time|spring|summer|autumn|fall|winter)s?\b"
    r"[^.!?;:,\n]{0,40}$"
    r"|\b(?:every|each|most|any|(?:once|twice|times)\s+an?\s+(?:week|month|year))(?:\s+(?:single|other|second|third|on|in)){0,3}\s+$",
    re.IGNORECASE,
)
_USUALLY = lazy(
    r"\b(?:usually|normally|typically|always|often|(?:every|each)\s+(?:single\s+)?(?:day|night|morning|evening|week|weekend|month))"
    r"\b(?:[^.!?;:,\n]{0,40}|[^.!?\n]{0,80}\beven\s+)$",
    re.IGNORECASE,
)
_PLURAL = lazy(
    r"s\b|\s+(?:morning|afternoon|evening|night|lunchtime)s\b"
    r"|(?:\s+and\s+\w+day)?\s+(?:every|each)\s+(?:single\s+|other\s+)?(?:week|month|year)\b",
    re.IGNORECASE,
)
_SENTENCE_END = lazy(r"[.!?\n](?:\s|$)")
#: How many characters away a cue may stand.
_REACH = 120
_HABIT_REACH = 90


def tense_around(text: str, start: int, end: int) -> Tense:
    """The tense cue nearest to text[start:end] in its sentence; those in the same clause go before others."""
    best: tuple[tuple[bool, int], Tense] = ((True, 1 << 30), None)
    first, last = _sentence(text, start, end)
    for cue in _CUE.finditer(text, first, last):
        if cue.start() < end and cue.end() > start:
            continue
        before = cue.end() <= start
        between = (cue.end(), start) if before else (end, cue.start())
        distance = (between[1] - between[0]) * (1 if before else 2)
        crosses = bool(_CLAUSE_END.search(text, max(0, between[0] - 1), min(len(text), between[1] + 1)))
        if (crosses, distance) < best[0]:
            best = (crosses, distance), _tense_of(text, cue, start)
    if best[1] is None or best[0][0]:
        return "future" if _AHEAD.search(text, first, start) else best[1]
    return best[1]


def is_planned(text: str, start: int, end: int) -> bool:
    """Whether the sentence around text[start:end] names something arranged: an appointment, a flight."""
    return bool(_PLAN.search(text, *_sentence(text, start, end)))


def is_habit(text: str, start: int, end: int) -> bool:
    """Whether the words around text[start:end] make it something that comes again: "Sunday mornings"."""
    if _PLURAL.match(text, end):
        return True
    reach = max(0, start - _HABIT_REACH)
    if _EVERY.search(text, reach, start):
        return True
    return bool(_USUALLY.search(text, reach, start)) and tense_around(text, start, end) != "past"


def _tense_of(text: str, cue: re.Match[str], start: int) -> Tense:
    if cue["past"]:
        return "past"
    if cue["plan"] and _DIRECTLY.fullmatch(text, cue.end(), max(start, cue.end())):
        return "past"
    return "future"


def _sentence(text: str, start: int, end: int) -> tuple[int, int]:
    """The sentence around the date, as far as a cue in it would be taken to belong to the date."""
    first = max(0, start - _REACH)
    for mark in _SENTENCE_END.finditer(text, first, start):
        first = mark.end()
    following = _SENTENCE_END.search(text, end, end + _REACH)
    return first, following.start() if following else min(len(text), end + _REACH)
