"""Respond: an answer out of memory by a language model, with the places it comes from.

The model is shown numbered lines and cites by number; what it cites is checked afterwards. What has been
streamed cannot be taken back: the pieces are as the model wrote them, the Reply's text is the checked one.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Container, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict

from ..chat import ChatMessage, ChatReply, ChatRequest
from ..edges import buffer
from ..edges.llm.meter import Meter
from ..errors import InvalidInput, NotFound, StorageError, UnusableReply
from ..models import Entry, Usage
from ..pure import records
from ..pure.citing import check_citations, without_citations
from ..pure.dated_text import with_dates
from ..pure.fencing import Data, Value, without_fences
from ..pure.history import Turn, recent
from ..pure.languages import prompt_language
from ..pure.packing import Section, choose, render
from ..pure.rendering import plain_line
from ..pure.secrets import mask_secrets
from ..results import Hit, Reply, RetrieveResult
from .desk import Desk, Room, Tools
from .finding import find
from .listing import profile
from .memorize import add
from .retrieval import read_request

PROMPT = "reply"
MAX_QUERY, MAX_STYLE, MAX_METADATA = 32_000, 2_000, 8_000
"""Characters."""
HITS, RECENT_MESSAGES = 40, 12
# What bears on the question comes first; the profile says who is asking, the buffer what was just said.
_FOUND, _PROFILE, _RECENT = ("What bears on the question", 0.6), ("Profile", 0.25), ("Said last", 1.0)
"""Headings, and the shares of the budget that they may count on."""
_TITLE = "# Memory"
LONGEST_NUMBER = 999
MAX_LINE = 600
_LANGUAGE = re.compile(r"[^\W_][\w -]{0,39}")
_CHINESE = re.compile(r"zh\b|chinese|中文|汉语|漢語", re.IGNORECASE)


class How(TypedDict, total=False):
    """How a question is to be answered: the options of `respond`.

    style, role: how the answer is to read, and as whom the model speaks. language: of the answer, a name or
    a code. metadata: what the application knows of the moment, as JSON. conversation_history: the messages
    so far, oldest first, {"role", "content"}. max_tokens: of the memory that the model is shown. method: of
    the retrieval, "rag" or "llm". add: buffer the question and the answer.
    """

    style: str | None
    role: str | None
    language: str | None
    metadata: Mapping[str, Any] | None
    conversation_history: Sequence[Mapping[str, Any]]
    max_tokens: int
    method: Literal["rag", "llm"] | None
    add: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """A question with its options; see How."""

    query: str
    style: str | None = None
    role: str | None = None
    language: str | None = None
    metadata: Mapping[str, Any] | None = field(default=None, hash=False)
    conversation_history: Sequence[Mapping[str, Any]] = ()
    max_tokens: int = 1000
    method: Literal["rag", "llm"] | None = None
    add: bool = False


async def respond(room: Room, ask: Ask) -> Reply:
    """Answer, asking once more where the model says nothing. Raises ModelError, and then nothing is added."""
    meter, ready = await _prepare(room, ask)
    reply = await meter.chat(ready.request)
    if not reply.text.strip():
        reply = await meter.chat(ready.request)
    return await _finish(room, ask, ready, reply, meter)


async def respond_stream(room: Room, ask: Ask) -> AsyncGenerator[str | Reply, None]:
    """The answer's pieces as the model writes them, and at the end the Reply.

    Where the reader stops before the end, or the model fails, nothing is added.
    """
    meter, ready = await _prepare(room, ask)
    whole: ChatReply | None = None
    async with aclosing(meter.stream(ready.request)) as pieces:  # type: ignore[type-var]  # it is a generator
        async for piece in pieces:
            if isinstance(piece, ChatReply):
                whole = piece
            else:
                yield piece
    if whole is None:
        raise UnusableReply("the model's answer ended before its end; ask again")
    yield await _finish(room, ask, ready, whole, meter)


# -- before the model

NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class Shown:
    """The memory that the model is shown, as one text; `hits` are its numbered lines, from 1."""

    text: str
    hits: tuple[Hit, ...] = ()
    tokens: int = 0
    degraded: tuple[str, ...] = ()
    usage: Usage = NOTHING
    """Of the retrieval."""


@dataclass(frozen=True, slots=True)
class _Ready:
    request: ChatRequest
    shown: Shown


async def _prepare(room: Room, ask: Ask) -> tuple[Meter, _Ready]:
    _check(ask)
    request = read_request(
        room.tools.settings,
        ask.query,
        method=ask.method,
        top_k=HITS,
        conversation_history=ask.conversation_history,
    )
    meter = room.meter()
    try:
        found = await find(room, request)
        shown = await room.read(lambda desk: remembered(desk, found, ask.max_tokens))
    except NotFound:
        if not ask.add:  # who adds is starting this memory
            raise
        shown = Shown("")
    messages = await asyncio.to_thread(_prompt, room.tools, ask, request.history, shown)
    return meter, _Ready(ChatRequest("reply", messages), shown)


def _check(ask: Ask) -> None:
    if not isinstance(ask.query, str) or not ask.query.strip():
        raise InvalidInput("the query is empty: say what to answer")
    if ask.max_tokens < 1:
        raise InvalidInput(f"max_tokens must be at least 1, not {ask.max_tokens}")
    if ask.language is not None and not _LANGUAGE.fullmatch(ask.language):
        raise InvalidInput(f"language {ask.language[:40]!r} is none; give a name or a code such as zh")
    for name, text, limit in (
        ("query", ask.query, MAX_QUERY),
        ("style", ask.style or "", MAX_STYLE),
        ("role", ask.role or "", MAX_STYLE),
        ("metadata", _metadata(ask.metadata) or "", MAX_METADATA),
    ):
        if len(text) > limit:
            raise InvalidInput(f"the {name} has {len(text)} characters; the limit is {limit}")


def _prompt_language(ask: Ask, configured: Literal["auto", "en", "zh"]) -> str:
    """Of the template: that of the answer where one was asked for, else the setting or the question's."""
    if ask.language is not None:
        return "zh" if _CHINESE.match(ask.language) else "en"
    return prompt_language(configured, [ask.query])


def _prompt(tools: Tools, ask: Ask, history: Sequence[Turn], shown: Shown) -> tuple[ChatMessage, ...]:
    now = tools.now().astimezone(tools.timezone)
    counter = tools.counter()
    variables: Mapping[str, Value] = {
        "today": f"{now:%A, %Y-%m-%d %H:%M}",
        "memory": Data(shown.text) if shown.hits else None,
        "query": Data(ask.query),
        "history": _optional(recent(history, counter.truncate, counter.count)),
        "metadata": _optional(_metadata(ask.metadata)),
        "style": _optional(ask.style, inline=True),
        "role": _optional(ask.role, inline=True),
        "language": ask.language,
    }
    return tools.prompts.render(PROMPT, _prompt_language(ask, tools.settings.language), variables)


def _optional(text: str | None, inline: bool = False) -> Data | None:
    return Data(text.strip(), inline) if text and text.strip() else None


def _metadata(metadata: Mapping[str, Any] | None) -> str | None:
    return json.dumps(metadata, ensure_ascii=False, default=str) if metadata else None


# -- the memory that is shown


def remembered(desk: Desk, result: RetrieveResult, max_tokens: int) -> Shown:
    """Numbered lines of what bears on the question, the profile and what was said last, within the budget."""
    count = desk.tools.counter().count
    first = choose(_TITLE, [_section(_FOUND, result.hits)], max_tokens, count, shares_only=True) or [0]
    told = {item for hit in result.hits[: first[0]] for item in hit.item_ids}
    parts = (
        (_FOUND, result.hits),
        (_PROFILE, tuple(_entries(desk, told))),
        (_RECENT, tuple(_recent(desk, {hit.place for hit in result.hits}))),
    )
    taken = choose(_TITLE, [_section(kind, hits) for kind, hits in parts], max_tokens, count)
    if taken is None or not any(taken):
        note = (f"no memory fits into {max_tokens} tokens",) if any(hits for _, hits in parts) else ()
        return Shown("", degraded=(*result.degraded, *note), usage=result.usage)
    hits = tuple(hit for (_, found), fits in zip(parts, taken, strict=True) for hit in found[:fits])
    lines = iter(_line(number, hit) for number, hit in enumerate(hits, start=1))
    numbered = [
        Section(kind[0], tuple(next(lines) for _ in range(fits)), kind[1])
        for (kind, _), fits in zip(parts, taken, strict=True)
    ]
    text = render(_TITLE, numbered, taken).strip()
    return Shown(text, hits, count(text), result.degraded, result.usage)


def _section(kind: tuple[str, float], hits: Sequence[Hit]) -> Section:
    """For counting what fits: with the longest of numbers."""
    return Section(kind[0], tuple(_line(LONGEST_NUMBER, hit) for hit in hits), kind[1])


def _line(number: int, hit: Hit) -> str:
    """ "[3] 2023-05-08 Caroline: I adopted him yesterday (2023-05-07).": when it was said, when it was."""
    when = f" {hit.date:%Y-%m-%d}" if hit.date else ""
    who = f" {plain_line(hit.speaker)[:80]}:" if hit.speaker else f" {hit.title}:" if hit.category else ""
    before = " (before; it has changed since)" if hit.superseded else ""
    text = plain_line(hit.text)
    text = with_dates(text if len(text) <= MAX_LINE else text[: MAX_LINE - 1] + "…", hit.date, hit.occurred)
    return f"[{number}]{when}{who} {text}{before}"


def _entries(desk: Desk, told: Container[str]) -> Iterable[Hit]:
    """The profile's entries, without the items that are `told` already, one of each slot in turn: a small
    budget still shows the whole person."""
    slots = [entries for topic in profile(desk).values() for entries in topic.values()]
    for place in range(max(map(len, slots), default=0)):
        for entries in slots:
            if place < len(entries) and entries[place].id not in told:
                yield _entry_hit(desk, entries[place])


def _entry_hit(desk: Desk, entry: Entry) -> Hit:
    return Hit(
        tier="category",
        score=0.0,
        text=_masked(desk, entry.text),
        date=None,
        title=f"{entry.topic}/{entry.slot}",
        path=entry.path,
        line=entry.line,
        item_ids=(entry.id,) if entry.id else (),
        category=entry.topic,
        slot=entry.slot,
    )


def _recent(desk: Desk, shown: set[str]) -> Iterable[Hit]:
    """The last messages of the buffer, newest first, without what stands among the hits."""
    data = desk.folder.read_or_none(buffer.BUFFER) or b""
    lines = list(enumerate(records.lines_with_offsets(data), start=1))[-RECENT_MESSAGES:]
    for number, (_, line) in reversed(lines):
        place = f"{buffer.BUFFER}:{number}"
        if place not in shown:
            message = desk.stored_message(line, place)
            yield Hit(
                tier="buffer",
                score=0.0,
                text=_masked(desk, message.content),
                date=message.created_at,
                title="",
                path=buffer.BUFFER,
                line=number,
                speaker=message.speaker,
                message_ids=(message.id,) if message.id else (),
            )


def _masked(desk: Desk, text: str) -> str:
    return mask_secrets(text)[0] if desk.settings.mask_secrets else text


# -- after the model


async def _finish(room: Room, ask: Ask, ready: _Ready, reply: ChatReply, meter: Meter) -> Reply:
    text = without_fences(reply.text, "\n".join(one.content for one in ready.request.messages))
    if not text:
        raise UnusableReply("the model answered with nothing; ask again, or set another llm_model_reply")
    hits = dict(enumerate(ready.shown.hits, start=1))
    moved = await room.read(lambda desk: _moved(desk, _cited(text, hits))) if hits else {}
    cited = check_citations(text, hits.keys() - moved.keys())
    notes = [*ready.shown.degraded]
    if invented := [number for number in cited.invented if number not in moved]:
        notes.append(f"citations of nothing that was shown were taken out: {_listed(invented)}")
    notes += [f"[{number}] was taken out: {place} has changed meanwhile" for number, place in moved.items()]
    notes += meter.degraded
    if reply.cut:
        notes.append("the reply was cut at its length limit")
    if ask.add:
        await room.write_beside(lambda desk: add(desk, _turn(ask, cited.text)))
    return Reply(
        text=cited.text,
        citations=tuple(hits[number] for number in cited.numbers),
        numbers=cited.numbers,
        context_tokens=ready.shown.tokens,
        usage=ready.shown.usage + meter.usage,
        degraded=tuple(notes),
        model=reply.model or meter.name("reply"),
    )


def _cited(text: str, hits: Mapping[int, Hit]) -> dict[int, Hit]:
    return {number: hits[number] for number in check_citations(text, hits.keys()).numbers}


def _moved(desk: Desk, cited: Mapping[int, Hit]) -> dict[int, str]:
    """The cited places that are not there any more: the model took its time, and the files are alive."""
    return {number: hit.place for number, hit in cited.items() if not _stands(desk, hit)}


def _stands(desk: Desk, hit: Hit) -> bool:
    try:
        data = desk.folder.read_or_none(hit.path)
    except StorageError:
        return False
    return data is not None and hit.line <= data.count(b"\n") + (not data.endswith(b"\n"))


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(f"[{number}]" for number in list(numbers)[:20])


def _turn(ask: Ask, text: str) -> list[dict[str, str]]:
    """Both as messages; what an assistant says never counts as the user's facts."""
    now = datetime.now(UTC).isoformat()
    return [
        {"role": "user", "content": ask.query, "created_at": now},
        {"role": "assistant", "content": without_citations(text) or text, "created_at": now},
    ]
