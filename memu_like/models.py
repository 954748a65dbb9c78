"""The values that the parts exchange: frozen, typed, with no behaviour beyond what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

FORMAT_VERSION = 1


class ItemType(StrEnum):
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
    version: int = FORMAT_VERSION


@dataclass(frozen=True, slots=True)
class Item:
    """One self-contained statement: a line of `items/YYYY-MM.jsonl`. The highest `rev` of an id wins."""

    id: str
    rev: int
    status: Status
    type: ItemType
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

    @property
    def topic(self) -> str:
        return self.categories[0] if self.categories else ""


@dataclass(frozen=True, slots=True)
class Draft:
    """What an extractor proposes: an item before it has an id and has been reconciled.

    `line` is the message's line in its resource, from 1. `weight` in 0..1 says how much it tells.
    """

    text: str
    subject: str
    type: ItemType
    line: int
    keywords: tuple[str, ...] = ()
    occurred: Occurred | None = None
    mentioned_at: datetime | None = None
    weight: float = 0.5
    topic: str = ""
    slot: str = ""


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
class Event:
    """What one run recorded: a line of `events/YYYY-MM.jsonl`, and the run's commit mark."""

    id: str
    kind: Literal["memorize", "edit", "forget", "import"]
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
    deleted: bool = False
    rev: int = 1
    version: int = FORMAT_VERSION


@dataclass(frozen=True, slots=True)
class Slot:
    """A topic / sub_topic pair. `examples` (sentences) and `cues` (words and phrases) place drafts in it."""

    name: str
    description: str = ""
    examples: tuple[str, ...] = ()
    cues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Category:
    """A topic of the profile. `cues` are words and phrases that speak for the topic as a whole."""

    name: str
    description: str
    slots: tuple[Slot, ...] = ()
    cues: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result.

    `path` is relative to the user's folder and `line` counts from 1. `score` has no fixed scale: it
    orders the hits of one query. `signals` is what each signal gave (empty unless asked for).
    """

    tier: Literal["category", "item", "resource", "buffer"]
    score: float
    text: str
    date: datetime | None
    title: str
    path: str
    line: int
    speaker: str | None = None
    resource_id: str | None = None
    item_ids: tuple[str, ...] = ()
    category: str | None = None
    slot: str | None = None
    message_ids: tuple[str, ...] = ()
    occurred: Occurred | None = None
    signals: Mapping[str, float] = field(default_factory=dict, hash=False)

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class RetrieveResult:
    """What `retrieve` found: one ranking (`hits`), the same by tier, and what was degraded, if anything."""

    needs_retrieval: bool
    original_query: str
    rewritten_query: str
    categories: tuple[Hit, ...] = ()
    items: tuple[Hit, ...] = ()
    resources: tuple[Hit, ...] = ()
    hits: tuple[Hit, ...] = ()
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MemorizeReport:
    """What a memorize call did, one figure a field; `resources` are the ids it stored or found again."""

    user: str
    resources: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    messages: int = 0
    items_added: int = 0
    corroborated: int = 0
    superseded: int = 0
    duplicates: int = 0
    categories: tuple[str, ...] = ()
    seconds: float = 0.0
    degraded: tuple[str, ...] = ()
