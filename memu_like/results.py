"""What the verbs return: frozen values, with no behaviour beyond what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from .models import NO_USAGE, Dropped, Occurred, ProfileDelta, Usage


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result.

    `path` is relative to the user's folder and `line` counts from 1. `score` has no fixed scale: it
    orders the hits of one query. `signals` is what each signal gave (empty unless asked for). `reason` is
    what the model that chose it said of it (method "llm"). `superseded` is True where every item behind it
    has been replaced by a later one: how things stood before.
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
    reason: str = ""
    superseded: bool = False

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Visit:
    """One step of a retrieval's path: what was done ("search", "open"), on what, and what came of it."""

    action: str
    target: str
    outcome: str


@dataclass(frozen=True, slots=True)
class RetrieveResult:
    """What `retrieve` found: one ranking (`hits`), the same by tier, and what was degraded, if anything.

    `path` is what it did, step by step; `sufficient` whether what was found was judged enough, None where
    nobody judged.
    """

    needs_retrieval: bool
    original_query: str
    rewritten_query: str
    categories: tuple[Hit, ...] = ()
    items: tuple[Hit, ...] = ()
    resources: tuple[Hit, ...] = ()
    hits: tuple[Hit, ...] = ()
    degraded: tuple[str, ...] = ()
    method: Literal["rag", "llm"] = "rag"
    path: tuple[Visit, ...] = ()
    sufficient: bool | None = None
    usage: Usage = NO_USAGE


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a run does, or with `dry_run` would do: an item that it adds or changes, or drops.

    `item` is the item's id ("" for what is dropped before it has one), `target` the id of the known item
    that it bears on, `before` what that one says where it is replaced.
    """

    op: Literal["add", "corroborate", "refine", "correct", "retract", "drop"]
    resource: str
    line: int
    text: str = ""
    topic: str = ""
    slot: str = ""
    item: str = ""
    target: str | None = None
    reason: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A run that is kept for later: its resource is safe, and no item of it has been stored yet."""

    resource: str
    attempts: int
    error: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MemorizeReport:
    """What a memorize call did, one figure a field; `resources` are the ids it stored or found again.

    `kept` are the runs that could not be made now (the model is down, its replies cannot be used):
    `flush(retry=True)` makes them. `operations` is filled by a dry run, which writes nothing.
    """

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
    kept: tuple[Kept, ...] = ()
    usage: Usage = NO_USAGE
    dry_run: bool = False
    operations: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True)
class Rearrangement:
    """One operation of a reorganisation on the entries `items` (ids) of `topic`.

    `text` is the new wording, the summary, or what a new slot is for; `slot` where the entries stand then.
    `refused` says why it was not done, "" where it was. `result` is the id of what a merge made.
    """

    op: Literal["merge", "rewrite", "move", "hide", "new_slot", "summary"]
    topic: str
    items: tuple[str, ...] = ()
    text: str = ""
    slot: str = ""
    result: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class ReorganiseReport:
    """What a reorganisation did, or with `dry_run` would do; `run` is its event, None where there is none."""

    user: str
    topics: tuple[str, ...] = ()
    operations: tuple[Rearrangement, ...] = ()
    refused: tuple[Rearrangement, ...] = ()
    run: str | None = None
    seconds: float = 0.0
    degraded: tuple[str, ...] = ()
    usage: Usage = NO_USAGE
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What `respond` answered. `citations` are the places it cites, checked to exist; `numbers` are theirs
    in the text, in the same order: where the text says "[3]", the hit beside 3 is meant.

    `context_tokens` is what the memory that the model was shown took of its budget; `degraded` says what
    could not be used, and which citations were taken out.
    """

    text: str
    citations: tuple[Hit, ...] = ()
    numbers: tuple[int, ...] = ()
    context_tokens: int = 0
    usage: Usage = NO_USAGE
    degraded: tuple[str, ...] = ()
    model: str = ""


EditKind = Literal[
    "changed",  # a bullet reads otherwise: it is a person's now, and does not change by itself
    "added",  # a bullet that has no id yet, or one that no item has
    "deleted",  # a bullet is gone: its item is retracted
    "moved",  # a bullet stands in another slot or file
    "restored",  # a bullet stands whose item was retracted or replaced
    "copied",  # a second bullet with the same id: it gets an id of its own
    "renamed",  # a heading or a file, with all that stands in it
    "category",  # a file that is new, gone, or described otherwise
    "summary",  # the summary line of a category
    "item",  # a line of items/*.jsonl
]


@dataclass(frozen=True, slots=True)
class Edit:
    """One change that a person made in the files. `path` is relative to the user's folder, `line` from 1.

    `before` and `text` are what a bullet, a summary or a name said and says; "" where there is none.
    """

    kind: EditKind
    path: str
    line: int = 0
    text: str = ""
    before: str = ""
    item: str = ""
    topic: str = ""
    slot: str = ""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync took in. `held` are deletions that wait for `confirm`, because so many came at once.

    `problems` are files that could not be read or told: nothing was concluded from them. `run` is the id of
    the event, None where nothing was written.
    """

    user: str
    edits: tuple[Edit, ...] = ()
    held: tuple[Edit, ...] = ()
    problems: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    run: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class CategoryText:
    """A category file as it stands. `hash` is the sha256 of its bytes, as hex: what a write must expect.

    After a change, `report` is of the sync that took it in.
    """

    topic: str
    text: str
    hash: str
    report: SyncReport | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of the repository that the store is in. `time` is the author's.

    `by` is "machine" where the service made it, for `user`'s `runs`.
    """

    id: str
    time: datetime
    author: str
    email: str
    subject: str
    by: Literal["machine", "person"] = "person"
    user: str | None = None
    runs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two states of a memory, in words a person reads.

    `before` is what stood there ("change", "remove"), or the slot it came from ("move"). `source` says
    where the item comes from: "2023-08-14 message 12", "by hand".
    """

    op: Literal["add", "remove", "change", "move"]
    topic: str
    slot: str
    item: str
    text: str = ""
    before: str = ""
    source: str = ""

    def __str__(self) -> str:
        """One line: "pets: + Has a guinea pig named Oscar, from 2023-08-14 message 12"."""
        place = self.slot or self.topic
        told = self.source and f", {'from ' if self.source[0].isdigit() else ''}{self.source}"
        text, before = (one.removesuffix(".") if told else one for one in (self.text, self.before))
        match self.op:
            case "add":
                return f"{place}: + {text}{told}"
            case "remove":
                return f"{place}: - {text}{told}"
            case "change":
                return f"{place}: ~ {before} -> {text}{told}"
            case "move":
                return f"{place}: > {text}, moved from {self.before} to {place}{told}"


@dataclass(frozen=True, slots=True)
class Past:
    """One step of a history: a run, or an edit that a person made, with what it changed.

    `commit` is None where no repository holds it (yet).
    """

    time: datetime
    run: str
    kind: str
    by: str
    changes: tuple[Change, ...] = ()
    reason: str = ""
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class BlameLine:
    """One line of a category file and who put it there; `source` as in Change, `said` the words behind it.

    `commit` is None for a line that is not committed yet, and where there is no repository.
    """

    line: int
    text: str
    by: str
    time: datetime | None = None
    commit: str | None = None
    run: str | None = None
    item: str | None = None
    source: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class RevertReport:
    """What a revert undid. `kept` are items that were changed again since, with the reason: they stay."""

    user: str
    reverted: tuple[str, ...]
    run: str | None
    changes: tuple[Change, ...] = ()
    kept: tuple[Dropped, ...] = ()
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A user, with what an application keeps about it. `updated_at` is when `data` was written last."""

    id: str
    data: Mapping[str, Any] = field(hash=False)
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class UserSummary:
    """A user in figures: `profiles` are the slots that its category files show, `events` what it lists."""

    record: UserRecord
    profiles: int
    events: int


@dataclass(frozen=True, slots=True)
class UserPage:
    """Some of the users that a listing found, of `count` in all; `degraded` says which could not be read."""

    users: tuple[UserSummary, ...]
    count: int
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProfileSlot:
    """One slot of the profile: `content` is its bullets, joined by "; ", and `items` the ids behind them.

    `id` is a UUID, as text: of the item where the slot has one, else of the slot. `update_hits` is how often
    what stands there was written: the revisions of its items, added up.
    """

    id: str
    topic: str
    sub_topic: str
    content: str
    created_at: datetime
    updated_at: datetime
    update_hits: int = 1
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TopicProposal:
    """What an application might speak of next: `continue` while the user has something to say.

    With `new_topic`, `prompt` has what to bring up, for the application's model, and `slot` is where it
    stands; both None where the profile has nothing that was not spoken of just now.
    """

    action: Literal["new_topic", "continue"]
    prompt: str | None = None
    slot: ProfileSlot | None = None


@dataclass(frozen=True, slots=True)
class Gist:
    """One statement of an event: its item. `id` is the item's UUID, `event` the event's.

    `similarity` is in 0 to 1, None where nothing was asked for.
    """

    id: str
    item: str
    event: str
    content: str
    created_at: datetime
    updated_at: datetime
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event as clients see it: `id` is a UUID, `event` our own id, `tip` the summary.

    `time` is when it was said, `created_at` when it was stored. `similarity` is in 0 to 1, None where nothing
    was asked for.
    """

    id: str
    event: str
    time: datetime
    tip: str
    profile_delta: tuple[ProfileDelta, ...]
    tags: tuple[str, ...]
    gists: tuple[Gist, ...]
    created_at: datetime
    updated_at: datetime
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class ImportProblem:
    """What could not be imported of a user, and why."""

    user: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import from another service did, or with `dry_run` would do.

    `users` are those that this call has done, `done_before` those that an interrupted one had. `known` are
    records that were there already; `waiting` those of `blobs` that the service had not read, which wait in
    the buffer. `failed` are users to be imported again, `refused` the first of the `refusals`: records that
    cannot be taken in. `notes` say what was imported otherwise than it stood.
    """

    source: str
    users: int = 0
    done_before: int = 0
    profiles: int = 0
    events: int = 0
    blobs: int = 0
    waiting: int = 0
    known: int = 0
    refusals: int = 0
    failed: tuple[ImportProblem, ...] = ()
    refused: tuple[ImportProblem, ...] = ()
    notes: tuple[ImportProblem, ...] = ()
    seconds: float = 0.0
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as JSON, a secret masked.

    `origin` is "default", "memory.toml", "config.yaml:3 (best_llm_model)", an environment variable's name, or
    "code".
    """

    name: str
    value: Any = field(hash=False)
    origin: str = "default"


@dataclass(frozen=True, slots=True)
class ConfigReport:
    """Every setting; `notes` tell what was given and is not used, and why."""

    settings: tuple[Setting, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DayUsage:
    """What a store took on one day (UTC): blobs that came in, and tokens of language models."""

    day: date
    inserts: int
    prompt_tokens: int
    completion_tokens: int
