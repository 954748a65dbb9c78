"""Memory items with no model: people's own sentences, chosen for what they tell.

A draft's text is always a contiguous piece of its message, as written: one sentence, or two where the
second leans on the first by a pronoun. Nothing is reworded, and sentences with secrets are left out.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..models import Draft, Dropped, ItemType, Message, Occurred
from . import small_talk
from .dates import find_dates
from .fiction import Play, fiction_in, is_fiction
from .patterns import lazy
from .quoted_orders import gives_orders, orders_in
from .secrets import find_secrets
from .sentences import content_words, has_digit, split_sentences, words_of
from .small_talk import is_small_talk

__all__ = [
    "Extraction",
    "extract",
    "is_small_talk",
    "keywords_of",
    "occurred_in",
    "statement_type",
    "statement_weight",
]

#: Below this weight a sentence tells too little to be an item.
MINIMUM_WEIGHT = 0.42
#: What speaking of oneself adds to a sentence's weight, and what being a statement of its own adds to a
#: model's: so that on LoCoMo both weigh the same on average (0.54).
OWN, STATED = 0.22, 0.06
#: Topics of what a person is or has, whatever the tense.
STANDING_TOPICS = frozenset({"personal_info", "relationships", "preferences", "opinions", "goals"})
#: An item of two sentences is no longer than this, in characters.
LONGEST_PAIR = 320
#: A longer sentence is a pasted text or a list, not a statement.
LONGEST_SENTENCE = 700
#: In a longer message (a pasted article, a log) only first-person sentences are the person's own.
LONG_MESSAGE = 1500
KEYWORDS = 8

_FIRST_PERSON = lazy(
    r"\b(?:I|[Ii]['’](?:m|ve|d|ll)|i|[Mm]e|[Mm]y|[Mm]ine|[Mm]yself|[Ww]e|[Ww]e['’](?:re|ve|d|ll)|[Oo]ur|[Oo]urs|[Uu]s)\b"
    r"|[我俺咱私僕]|\b(?:ich|meine?|je|nous|yo|nosotros|я|мой|моя|мы)\b|저는|제가|나는|우리"
)
#: Short statements of what a person is or has, which weigh more than their few words.
_STANDING = lazy(
    r"\bi(?:\sam|['’]m)\s(?:an?\s(?!bit\b|little\b|lot\b|fan\b|huge\b|big\b)|from\b|\d|allerg|vegan|vegetarian|"
    r"married|single|divorced|engaged|based|originally)|\b(?:my\s(?:\w+\s)?(?:name|birthday|wife|husband|son|daughter|"
    r"mother|father|mom|dad|sister|brother|dog|cat|job|boss|favou?rite)\b|i\s(?:live|work|grew\sup|was\sborn|own|speak|"
    r"play|study|prefer|hate|(?:really\s|also\s|absolutely\s)?(?:love|like|enjoy|adore)\s"
    r"(?!it\b|that\b|this\b|how\b|the\b|your?\b|to\b|when\b|what\b|being\b|seeing\b)\w)\w*)"
    r"|我(?:是|叫|住|姓|有|不吃|属|喜欢|爱)|过敏",
    re.IGNORECASE,
)
#: Sentences that leave the "I" out: "Just got a dog."
_UNSPOKEN_I = lazy(
    r"(?:been|just\s(?:got|had|went|took|made|met|found|bought|won|lost|came|saw|\w{2,}ed)|still|planning|"
    r"gonna|got|gotta|love|loved|had|went|started|working|finally|never|excited\sto|hoping|"
    r"thinking|trying|currently|recently|took|made|met|decided|bought|joined|visited|signed|finished|tried|moved|"
    r"applied|wanted|felt|learned|learning|reading|heading|took|turned|ran|won|lost|found|always)\s(?!you)",
    re.IGNORECASE,
)
_SECOND_PERSON = lazy(r"\byou(?:['’]\w+|r|rs|rself)?\b|[你您]", re.IGNORECASE)
#: "You sound like my sister" tells of the other, for all its "my".
_YOU_ARE = lazy(r"you(?:['’]re)?\s", re.IGNORECASE)
_SUBJECT = lazy(r"\b(?:I|i|we|We)\b")
#: A few words after "my" that name a thing and say nothing of it: "my book list."
_FRAGMENT = lazy(r"(?:and\s|also\s|then\s)?(?:my|our)(?:\s[\w'’-]+){1,4}\W*", re.IGNORECASE)
_VERB = lazy(
    r"\d|\w{2,}(?:ed|s|['’]\w+|ing|ght)\b|\b(?:am|is|are|was|has|be|can|could|may|might|must|shall|should|will|would|have|had|do|did|"
    r"love|like|hate|want|need|live|work|play|speak|know|think|feel|went|got|came|made|met|gave|told|found|said|left|"
    r"felt|ran|won|lost|began|broke|died|fell|grew|knew|put|sat|sold|took|were|wore|hurt|cut|run|go|come|call|get|make|"
    r"eat|too|sick|ill|dead|gone|back)\b",
    re.IGNORECASE,
)
_ASKS = lazy(r"[?？][\"'”’)\]]*$|[吗嗎呢][。.!！]?$")
_TAG_QUESTION = lazy(
    r"\s?[,;–—-]+\s?(?=(?:and\s|but\s|so\s)?(?:how|what|have|has|do|does|did|are|is|any|who|where|when|why|you|can|"
    r"could|would|want|wanna|right|isn['’]t|don['’]t)\b[^,;]{0,120}\?)",
    re.IGNORECASE,
)
_LEANS = lazy(
    r"(?:(?:and|but|so|also|plus|then)\s)?(?:it|it['’]s|its|they|they['’]\w+|she|she['’]\w+|he|he['’]\w+|her|his|their|this|"
    r"that|that['’]s|these|those|there|both|one|named|called|since\sthen|afterwards?)\b|[它他她这那]",
    re.IGNORECASE,
)
#: Somebody of whom something is told: "Kent has ...".
_NAMED_SUBJECT = lazy(
    r"(?!(?:The|That|This|There|It|He|She|What|Who|Here|One|All|Everyone|Everything|Nothing|Something|Life|Today|"
    r"\w+ing|\w+s)\b)[A-Z]\w+\s(?:is(?!\s(?:an?\s(?:great|good|nice|big)|so|such|really)\b)|was|has|had|wants|lives|works|moved|got|will)\s"
)
_HABIT = lazy(
    r"\b(?:usually|(?:i|we)\salways|often|normally|typically|regularly|habit|routine|daily|weekly|tend\sto|every\s(?:single\s)?"
    r"(?:day|morning|night|evening|week|weekend|month|year|summer|winter|\w+day|time)|each\s(?:day|morning|week|night)|"
    r"on\s\w+days|(?:mon|tues|wednes|thurs|fri|satur|sun)day(?:s|\s(?:morning|afternoon|evening|night)s)|(?:once|twice|times)\sa\s(?:day|week|month|year)|rarely|never\s(?:eat|drink|miss|skip))\b"
    r"|每(?:天|周|个|年|晚|早|次|星期|月)|经常|經常|总是|通常|平时|习惯",
    re.IGNORECASE,
)
_SKILL = lazy(
    r"\bi\s(?:can\s(?:speak|play|cook|swim|drive|dance|sing|code|program|ride|juggle|knit|sew|bake|ski|surf|draw|"
    r"paint)|know\show|(?:have\s)?been\slearning|speak|play\sthe|(?:have\s|am\s)?learn(?:ed|t|ing)\s(?:how\s)?to)\b|\bi['’](?:m|ve\sbeen)\slearning|\b(?:good|great|fluent|skilled|"
    r"experienced|certified)\s(?:at|in|with)\b|\b(?:taught\smyself|speak\sfluent)\b|我会(?!去|来|在)|擅长|学会|精通",
    re.IGNORECASE,
)
_PROFILE = lazy(
    r"\bi(?:\sam|['’]m)\s(?:an?\b|from|\d|allerg|vegan|vegetarian|married|single|divorced|engaged|based|into|originally|"
    r"called|in\smy)|\b(?:my\sname|i\slive|i\swork|i\sgrew|i\swas\sborn|born\sin|allergic|my\sfavou?rite|i\s(?:really\s|"
    r"also\s|absolutely\s|just\s)?(?:love|like|enjoy|prefer|hate|dislike|adore|own|believe|want|have|need)|my\s\w+(?:\s\w+)?"
    r"\s(?:is|are|lives?|works?|has|have)|i['’]ve\sgot|we\shave)\b"
    r"|我(?:是|叫|住|姓|喜欢|讨厌|爱|有|不吃|对|的)|过敏",
    re.IGNORECASE,
)
_PAST = lazy(
    r"\b(?:was|were|had|went|did|got|came|saw|made|took|met|bought|gave|told|found|left|felt|ran|won|lost|ate|began|"
    r"joined|(?!need|feed|speed|indeed|excited|interested|tired)[a-z]{2,}ed)\b|[了过過]",
    re.IGNORECASE,
)
#: "is married", "are retired", "a dog named Rex": participles of what lasts.
_STATE = lazy(r"\b(?:is|are|['’]s)\s(?:\w+\s)?\w+ed\b|\b(?:named|called)\b", re.IGNORECASE)
_HEDGE = lazy(
    r"\b(?:maybe|perhaps|i\sguess|not\ssure|kinda|sort\sof|i\sthink\sso|whatever)\b|可能|也许|大概",
    re.IGNORECASE,
)
_FEELING_ONLY = lazy(
    r"\b(?:amazing|awesome|great|cool|fun|nice|wonderful|incredible|beautiful|special|inspiring|important|worth|"
    r"rewarding|helpful|powerful|crazy|hard|tough|true|agree|totally|definitely|truly)\b",
    re.IGNORECASE,
)
_PICTURE = frozenset(
    {"photo", "photography", "picture", "image", "close", "group", "standing", "holding", "sitting"}
)
_PERSON_ROLES = frozenset({"user", "human"})
#: Which reason names a message that gave nothing, when its sentences had several.
_REASONS = (
    "secret",
    "quoted orders",
    "fiction",
    "request",
    "question",
    "duplicate",
    "reaction",
    "about the other",
    "greeting",
)
#: Named even where the rest of the message gave something.
_REPORTED = frozenset({"secret", "quoted orders"})


@dataclass(frozen=True, slots=True)
class Extraction:
    """What one run took from messages, and one reason for each message (or secret, or order) that it left."""

    drafts: tuple[Draft, ...]
    dropped: tuple[Dropped, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A sentence of a message: where it stands, and why it is not kept ("" when it is)."""

    start: int
    end: int
    reason: str
    weight: float
    occurred: Occurred | None


def extract(
    messages: Sequence[Message], said_at: Sequence[datetime | None], *, mask: bool = True
) -> Extraction:
    """Drafts from the messages of people (role "user", with or without a name), in their order.

    `said_at[i]` is when `messages[i]` was said (None: its relative dates stay unresolved). Lines count
    from 1. With `mask`, a sentence that holds a secret gives no draft. A role-play that a speaker starts
    lasts over messages (see `fiction`), so the messages are those of one session. Raises nothing on any text.
    """
    drafts: list[Draft] = []
    dropped: list[Dropped] = []
    seen: set[tuple[str, str]] = set()
    plays: dict[str, Play | None] = {}
    for line, (message, said) in enumerate(zip(messages, said_at, strict=True), start=1):
        if message.role not in _PERSON_ROLES:
            continue
        candidates, plays[message.speaker] = _candidates(
            message.content, said, mask, plays.get(message.speaker)
        )
        kept: list[Draft] = []
        repeated = False
        for draft in _drafts(message, said, line, candidates):
            key = (draft.subject, " ".join(draft.text.lower().split()))
            if key in seen:
                repeated = True
            else:
                seen.add(key)
                kept.append(draft)
        drafts += kept
        reasons = {candidate.reason for candidate in candidates} | ({"duplicate"} if repeated else set())
        if not kept or reasons & _REPORTED:
            dropped.append(Dropped(line, next((name for name in _REASONS if name in reasons), "no content")))
    return Extraction(tuple(drafts), tuple(dropped))


def _drafts(
    message: Message, said: datetime | None, line: int, candidates: Sequence[_Candidate]
) -> Iterator[Draft]:
    text = message.content
    for first, last in _pairs(text, candidates):
        quoted = text[first.start : last.end]
        occurred = _more_specific(first.occurred, last.occurred)
        yield Draft(
            text=quoted,
            subject=message.speaker,
            type=_type(quoted, occurred),
            line=line,
            keywords=keywords_of(quoted, message.caption or ""),
            occurred=occurred,
            mentioned_at=said,
            weight=_standing_alone(quoted, max(first.weight, last.weight)),
        )


def _pairs(text: str, candidates: Sequence[_Candidate]) -> Iterator[tuple[_Candidate, _Candidate]]:
    """Each kept sentence, joined with the next where that one leans on it by a pronoun."""
    index = 0
    while index < len(candidates):
        first = last = candidates[index]
        following = candidates[index + 1] if index + 1 < len(candidates) else None
        index += 1
        if first.reason:
            continue
        if following and _leans(text, first, following):
            last = following
            index += 1
        yield first, last


def _leans(text: str, first: _Candidate, following: _Candidate) -> bool:
    if following.reason not in {"", "reaction", "no content"} or following.end - first.start > LONGEST_PAIR:
        return False
    return bool(_LEANS.match(text, following.start)) and "\n\n" not in text[first.end : following.start]


def _candidates(
    text: str, said: datetime | None, mask: bool, play: Play | None
) -> tuple[list[_Candidate], Play | None]:
    """The sentences of a message, judged, and the role-play that goes on after it."""
    secrets = find_secrets(text) if mask else []
    orders = orders_in(text)
    own_only = len(text) > LONG_MESSAGE
    sentences = split_sentences(text)
    fiction, play = fiction_in(text, sentences, play)
    found: list[_Candidate] = []
    for (start, end), invented in zip(sentences, fiction, strict=True):
        before = bisect_left(secrets, (end,))
        if before and secrets[before - 1][1] > start:
            found.append(_Candidate(start, end, "secret", 0.0, None))
        elif any(first < end and start < last for first, last in orders):
            found.append(_Candidate(start, end, "quoted orders", 0.0, None))
        elif invented:
            found.append(_Candidate(start, end, "fiction", 0.0, None))
        else:
            found.append(_judge(text, start, end, said, own_only))
    return found, play


def _judge(text: str, start: int, end: int, said: datetime | None, own_only: bool) -> _Candidate:
    sentence = text[start:end]
    if _ASKS.search(sentence):
        tag = _TAG_QUESTION.search(sentence)
        if tag is None or not _FIRST_PERSON.search(sentence, 0, tag.start()):
            return _Candidate(start, end, "question", 0.0, None)
        end = start + tag.start()
    if small_talk.is_greeting(text[start:end]):
        return _Candidate(start, end, "greeting", 0.0, None)
    start += small_talk.opening_length(text[start:end])
    sentence = text[start:end]
    reason = _why_not(sentence, own_only)
    if reason:
        return _Candidate(start, end, reason, 0.0, None)
    occurred = occurred_in(sentence, said)
    goes_on = text[:start].rstrip().endswith((",", ":"))
    weight = _weight(sentence, occurred, goes_on)
    return _Candidate(start, end, "" if weight >= MINIMUM_WEIGHT else "no content", weight, occurred)


def _why_not(sentence: str, own_only: bool) -> str:
    if len(sentence) > LONGEST_SENTENCE or sentence.startswith(">"):
        return "no content"
    mine = _is_own(sentence)
    if is_fiction(sentence):
        return "fiction"
    if small_talk.is_command(sentence) or gives_orders(sentence):
        return "request"
    if small_talk.is_reaction(sentence):
        return "reaction"
    if _is_about_the_other(sentence, mine) and not small_talk.asks_to_remember(sentence):
        return "about the other"
    if _FRAGMENT.fullmatch(sentence) and not _VERB.search(sentence):
        return "no content"
    return "no content" if own_only and not mine else ""


def _is_about_the_other(sentence: str, mine: bool) -> bool:
    if mine:
        return bool(_YOU_ARE.match(sentence)) and not _SUBJECT.search(sentence)
    return bool(_SECOND_PERSON.search(sentence))


def _is_own(sentence: str) -> bool:
    return bool(_FIRST_PERSON.search(sentence) or _UNSPOKEN_I.match(sentence))


def _weight(sentence: str, occurred: Occurred | None, goes_on: bool) -> float:
    """How much a sentence tells, 0 to 1: who, what, when, how many; the shares were set by reading output.

    `goes_on`: words stand before it in its sentence, so that a capital at its beginning is a name's.
    """
    words = words_of(sentence)
    named = words if goes_on else words[1:]
    content = content_words(sentence)
    if occurred is not None and _is_only_a_date(sentence, occurred):
        return 0.0
    own = _is_own(sentence)
    weight = 0.1 + 0.05 * min(len(content), 7)
    weight += OWN if own else 0.0
    weight += 0.12 if occurred is not None else 0.0
    weight += 0.1 if has_digit(sentence) else 0.0
    weight += 0.1 if any(word[0].isupper() and not word.startswith("I") for word in named) else 0.0
    weight += 0.05 if not own and _NAMED_SUBJECT.match(sentence) else 0.0
    weight += 0.1 if _STANDING.search(sentence) else 0.0
    weight += 0.15 if small_talk.asks_to_remember(sentence) else 0.0
    weight -= 0.08 if _HEDGE.search(sentence) else 0.0
    weight -= 0.08 if _SECOND_PERSON.search(sentence) else 0.0
    weight -= 0.05 if len(content) < 5 and _FEELING_ONLY.search(sentence) else 0.0
    return round(max(0.0, min(1.0, weight)), 3) if content else 0.0


def statement_weight(text: str, occurred: Occurred | None) -> float:
    """The weight of a statement in the third person, on the scale of people's own sentences."""
    stated = 0.0 if _is_own(text) else STATED
    return round(max(MINIMUM_WEIGHT, min(1.0, _weight(text, occurred, goes_on=False) + stated)), 3)


def _is_only_a_date(sentence: str, occurred: Occurred) -> bool:
    """ "On 18 August." answers a question that does not stand in it."""
    rest = sentence.replace(occurred.text, " ")
    telling = _is_own(rest) or has_digit(rest)
    return not telling and not content_words(rest)


def _standing_alone(quoted: str, weight: float) -> float:
    """Less for a text that begins with a pronoun: it is worth finding, and reads badly as a bullet."""
    return round(max(0.0, weight - 0.1), 3) if _LEANS.match(quoted) else weight


def occurred_in(sentence: str, said: datetime | None) -> Occurred | None:
    """The shortest of the times that a text names, as said at `said`."""
    best: Occurred | None = None
    for found in find_dates(sentence, said) if said is not None else ():
        best = _more_specific(best, found)
    return best


def _more_specific(first: Occurred | None, second: Occurred | None) -> Occurred | None:
    """The shorter interval; the first of two that are equally long."""
    if first is None or second is None:
        return first or second
    return second if second.end - second.start < first.end - first.start else first


def _type(text: str, occurred: Occurred | None) -> ItemType:
    if not _is_own(text) and occurred is None and not small_talk.asks_to_remember(text):
        return ItemType.KNOWLEDGE
    if _HABIT.search(text):
        return ItemType.BEHAVIOR
    if occurred is not None:
        return ItemType.EVENT
    if _SKILL.search(text):
        return ItemType.SKILL
    if _PROFILE.search(text):
        return ItemType.PROFILE
    return ItemType.EVENT if _PAST.search(text) else ItemType.PROFILE


def statement_type(text: str, occurred: Occurred | None, topic: str, slot: str) -> ItemType:
    """The type of a statement in the third person, by its words, its time and its place in the profile."""
    if _HABIT.search(text) or topic == "habits":
        return ItemType.BEHAVIOR
    if occurred is not None or topic == "experiences":
        return ItemType.EVENT
    if slot == "skills" or _SKILL.search(text):
        return ItemType.SKILL
    if topic == "knowledge":
        return ItemType.KNOWLEDGE
    happened = topic not in STANDING_TOPICS and _PAST.search(_STATE.sub(" ", text))
    return ItemType.EVENT if happened else ItemType.PROFILE


def keywords_of(text: str, caption: str) -> tuple[str, ...]:
    """Up to eight content words: names and numbers first, then the rest; a picture's words fill up."""
    content = content_words(text)
    named = {word.lower().removesuffix("'s") for word in words_of(text)[1:] if word[0].isupper()}
    ranked = sorted(content, key=lambda word: not (word in named or word[0].isdigit()))
    if len(ranked) < KEYWORDS and caption:
        ranked += [word for word in content_words(caption) if word not in content and word not in _PICTURE]
    return tuple(ranked[:KEYWORDS])
