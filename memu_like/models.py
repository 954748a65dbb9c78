"""The values that the parts exchange: frozen, typed, with no behaviour beyond what they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

FORMAT_VERSION = 1


class ItemType(StrEnum):
    """The types that every store has; `item_types` in the settings adds others, which are plain strings."""

    PROFILE = "profile"
    EVENT = "event"
    KNOWLEDGE = "knowledge"
    BEHAVIOR = "behavior"
    SKILL = "skill"
    INSIGHT = "insight"


class Status(StrEnum):
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    RETRACTED = "retracted"


class Origin(StrEnum):
    EXTRACTED = "extracted"
    HUMAN = "human"
    IMPORT = "import"
    REFLECTION = "reflection"


class Modality(StrEnum):
    CONVERSATION = "conversation"
    DOCUMENT = "document"


class BlobType(StrEnum):
    """What Memobase calls the kinds of what an application hands over."""

    CHAT = "chat"
    DOC = "doc"
    SUMMARY = "summary"
    CODE = "code"
    TRANSCRIPT = "transcript"
    IMAGE = "image"


BufferState = Literal["idle", "processing", "done", "failed"]
BUFFER_STATES: tuple[BufferState, ...] = ("idle", "processing", "done", "failed")


@dataclass(frozen=True, slots=True)
class Blob:
    """What an application hands over in one piece, under an id of its own.

    `data` is, by type: chat {"messages": [{role, content, alias?, created_at?}]}, doc {"content"}, summary
    {"summary"}, code {"content", "language"?}, transcript {"transcripts": [{content, speaker?,
    start_timestamp_in_seconds, ...}]}, image {"url"} or {"base64"}. Without an id it gets a UUID4; without
    `created_at`, the time of its arrival. `fields` are the application's own.
    """

    type: BlobType | str
    data: Mapping[str, Any] = field(hash=False)
    id: str | None = None
    created_at: datetime | None = None
    fields: Mapping[str, Any] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class BlobMark:
    """Of which blob a document is: what stands in its meta file. `data` is all of the blob's but the text."""

    id: str
    type: BlobType
    created_at: datetime
    fields: Mapping[str, Any] | None = field(default=None, hash=False)
    data: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class BufferCount:
    """How many blobs of a type are in each state, and the tokens of those that are idle.

    `messages` are those that were added with no blob around them, which count as chat.
    """

    idle: int = 0
    processing: int = 0
    done: int = 0
    failed: int = 0
    tokens: int = 0
    messages: int = 0


Grain = Literal[
    "minute", "hour", "part", "day", "weekend", "week", "month", "season", "year", "decade", "span"
]


@dataclass(frozen=True, slots=True)
class Occurred:
    """When something happened: a half-open interval [start, end) with the grain the words had.

    "June 2023" is start 2023-06-01, end 2023-07-01, grain month; `text` is the wording it came from.
    """

    start: datetime
    end: datetime
    grain: Grain
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `raw` is what came in, kept as given; the other fields are read from it."""

    role: str
    content: str
    name: str | None = None
    created_at: datetime | None = None
    id: str | None = None
    caption: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def speaker(self) -> str:
        return self.name or self.role


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a loader makes of one conversation or document, before anything is stored.

    A conversation has `messages`; a document has `body` (its text) and `data` (the bytes as given).
    `suffix` names the file a document is kept in, such as ".md".
    """

    modality: Modality
    source: str
    format: str
    title: str | None = None
    created_at: datetime | None = None
    messages: tuple[Message, ...] = ()
    body: str = ""
    data: bytes = b""
    suffix: str = ".jsonl"
    blob: BlobMark | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where an item comes from: lines `first` to `last` of a resource, counted from 1, both included."""

    resource: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of turns on one topic: lines of its resource, counted from 1."""

    first: int
    last: int
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """The `.meta.json` beside a resource's file."""

    id: str
    modality: Modality
    file: str
    sha256: str
    created_at: datetime
    source: str
    format: str
    lines: int
    title: str | None = None
    caption: str | None = None
    speakers: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()
    stored_at: datetime | None = None
    text_file: str | None = None
    blob: BlobMark | None = None
    version: int = FORMAT_VERSION


@dataclass(frozen=True, slots=True)
class Item:
    """One self-contained statement: a line of `items/YYYY-MM.jsonl`. The highest `rev` of an id wins.

    `model` is the language model that worded it; None where the words stand in its source lines. One that is
    not `shown` is active and found, and the profile leaves it out.
    """

    id: str
    rev: int
    status: Status
    type: str
    text: str
    subject: str
    categories: tuple[str, ...]
    slot: str
    run: str
    created_at: datetime
    origin: Origin
    keywords: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    occurred: Occurred | None = None
    mentioned_at: datetime | None = None
    source: Source | None = None
    derived_from: tuple[str, ...] = ()
    corroborations: tuple[Source, ...] = ()
    supersedes: str | None = None
    reason: str | None = None
    weight: float = 0.5
    model: str | None = None
    shown: bool = True

    @property
    def topic(self) -> str:
        return self.categories[0] if self.categories else ""


BearingKind = Literal["corroborates", "refines", "corrects", "retracts"]


@dataclass(frozen=True, slots=True)
class Bearing:
    """How a draft bears on the known item `item` (its id)."""

    kind: BearingKind
    item: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What an extractor proposes: an item before it has an id and has been reconciled.

    `line` is the message's line in its resource, from 1; `last_line`, where it is not 0, ends a run of lines
    that begins there. `weight` in 0..1 says how much it tells. `model` as in Item.
    """

    text: str
    subject: str
    type: str
    line: int
    keywords: tuple[str, ...] = ()
    occurred: Occurred | None = None
    mentioned_at: datetime | None = None
    weight: float = 0.5
    topic: str = ""
    slot: str = ""
    last_line: int = 0
    tags: tuple[str, ...] = ()
    bearing: Bearing | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What language model calls took. `cost` is in the currency of `llm_prices`; None where none is set.

    `estimated` is True where an endpoint gave no count of tokens, and some were counted here.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    cost: float | None = None
    estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        costs = [one.cost for one in (self, other) if one.cost is not None]
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.seconds + other.seconds,
            sum(costs) if costs else None,
            self.estimated or other.estimated,
        )


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class ProfileDelta:
    """One change of the profile that a run made."""

    op: Literal["add", "update", "remove"]
    topic: str
    slot: str
    item: str
    text: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something a run looked at and did not keep, with the reason."""

    line: int
    reason: str
    item: str | None = None


@dataclass(frozen=True, slots=True)
class Reorganised:
    """A topic that a run reorganised, or tried to: `left_out` is what its file left out then, in tokens.

    `summary` is the sha256 of the summary line that a model wrote, "" where it wrote none: by it the line is
    known for the machine's own, whose words stand in the category file alone.
    """

    topic: str
    left_out: int = 0
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Renamed:
    """A heading or a category file that a person renamed: what would go to `old` goes to `new` from then on.

    Each is "topic" or "topic/slot".
    """

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Event:
    """What one run recorded: a line of `events/YYYY-MM.jsonl`, and the run's commit mark."""

    id: str
    kind: Literal["memorize", "edit", "forget", "import", "reorganise", "sync", "revert"]
    created_at: datetime
    time: datetime
    summary: str = ""
    title: str | None = None
    resources: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    profile_delta: tuple[ProfileDelta, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    reason: str | None = None
    suggested: tuple[str, ...] = ()
    model: str | None = None
    usage: Usage | None = None
    reorganised: tuple[Reorganised, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    deleted: bool = False
    updated_at: datetime | None = None
    rev: int = 1
    version: int = FORMAT_VERSION


@dataclass(frozen=True, slots=True)
class Recorded:
    """Events in the order in which they were recorded, each revision once, and the `cursor` behind them.

    `gap` says that some between the last cursor and this one cannot be told: read again what matters.
    """

    cursor: str
    events: tuple[Event, ...] = ()
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Slot:
    """A topic / sub_topic pair. `examples` (sentences) and `cues` (words and phrases) place drafts in it.

    `description` tells a model what belongs here, `update_description` how new facts change what stands here.
    """

    name: str
    description: str = ""
    examples: tuple[str, ...] = ()
    cues: tuple[str, ...] = ()
    update_description: str = ""


@dataclass(frozen=True, slots=True)
class Category:
    """A topic of the profile. `cues` are words and phrases that speak for the topic as a whole."""

    name: str
    description: str
    slots: tuple[Slot, ...] = ()
    cues: tuple[str, ...] = ()
    update_description: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One bullet of a category file: `line` counts from 1; `id` is None for a bullet without a block id."""

    text: str
    topic: str
    slot: str
    path: str
    line: int
    id: str | None = None
    pinned: bool = False

    @property
    def hash(self) -> str:
        """The sha256 of `text`, as hex: what a change may say it expects to stand there."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class ProfileQuery:
    """Which slots of the profile, and how many tokens of them; None does not limit.

    Slots of `prefer_topics` come first, in that order; of `only_topics` alone, where they are given.
    `max_subtopic_size` is slots of one topic at most, `topic_limits` the same by topic, `topk` of all. With
    `chats`, {"role", "content"} each, slots that bear on the last messages come first.
    """

    max_token_size: int | None = 1000
    prefer_topics: tuple[str, ...] = ()
    only_topics: tuple[str, ...] = ()
    max_subtopic_size: int | None = None
    topic_limits: Mapping[str, int] = field(default_factory=dict, hash=False)
    topk: int | None = None
    chats: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
