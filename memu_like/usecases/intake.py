"""From what a loader read to resources on disk: named, dated, and without what memory already holds."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from ..edges import buffer
from ..edges.folder import content_hash, resource_stem
from ..edges.index.reading import message_key
from ..edges.index.view import View
from ..models import Draft, Loaded, Message, Modality, Resource
from ..pure import records
from ..pure.extracting import Extraction, extract
from ..pure.passages import chunks
from .desk import Desk

HASH_LETTERS = 8


@dataclass(frozen=True, slots=True)
class Staged:
    """A resource ready to be written; `text` is what was read from a document that is not text itself.

    `messages` are those of a conversation, where they have been read already.
    """

    resource: Resource
    data: bytes
    text: str | None
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Intake:
    """`resources` are the ids of all that was handed in, stored now or found again."""

    staged: tuple[Staged, ...]
    resources: tuple[str, ...]
    messages: int
    duplicates: int


def stage(desk: Desk, loaded: Sequence[Loaded], now: datetime) -> Intake:
    """Decide what is new. Messages that are stored already (same id, time, speaker, words) are left out."""
    by_hash = {session.sha256: session.resource for session in desk.view().sessions() if session.resource}
    # Not the buffer's: what waits there is what is being staged, and must not count as known for that.
    stored = View(desk.index.segments).keys
    # What was added and is memorized again with it comes in once, as if one call had followed the other.
    known = _Known(stored, several=len(loaded) > 1)
    staged: dict[str, Staged] = {}
    ids: list[str] = []
    messages = duplicates = 0
    for one in loaded:
        found = _known_document(desk, one) if one.blob else by_hash.get(content_hash(_content(one)))
        fresh = one if found else known.without(one)
        duplicates += len(one.messages) if found else len(one.messages) - len(fresh.messages)
        if found:
            ids.append(found)
        elif fresh.messages or fresh.modality is not Modality.CONVERSATION:
            made = _stage_one(fresh, now)
            while one.blob and (made.resource.id in staged or desk.folder.has_resource(made.resource.id)):
                # Another blob of the same words and second: each can be deleted without the other.
                later = (fresh.created_at or now) + timedelta(seconds=1)
                fresh = replace(fresh, created_at=later)
                made = _stage_one(fresh, now)
            staged[made.resource.id] = made
            ids.append(made.resource.id)
            messages += len(fresh.messages)
    return Intake(tuple(staged.values()), tuple(dict.fromkeys(ids)), messages, duplicates)


def _known_document(desk: Desk, one: Loaded) -> str | None:
    """The resource that a document's blob is stored in."""
    desk.blobs.refresh()
    places = desk.blobs.of(one.blob.id) if one.blob else ()
    return places[0].resource if places else None


def _content(one: Loaded) -> bytes:
    if one.modality is Modality.CONVERSATION:
        return buffer.render([message.raw for message in one.messages])
    return one.data


class _Known:
    """The messages that are stored, and those that the same call has staged before."""

    def __init__(self, stored: NDArray[np.uint64], *, several: bool) -> None:
        self._stored, self._several = stored, several
        self._staged: Counter[int] = Counter()

    def without(self, one: Loaded) -> Loaded:
        """Drop the messages that are known, as often as they are known: two equal ones may be two."""
        if one.modality is not Modality.CONVERSATION or not (len(self._stored) or self._several):
            return one
        keys = {id(message): _key(message) for message in one.messages if message.id or message.created_at}
        counts = self._counts(set(keys.values()))
        kept = []
        for message in one.messages:
            key = keys.get(id(message), 0)
            if key and counts[key] > 0:
                counts[key] -= 1
            else:
                kept.append(message)
        self._staged.update(keys[id(message)] for message in kept if id(message) in keys)
        return replace(one, messages=tuple(kept))

    def _counts(self, keys: set[int]) -> Counter[int]:
        counts = Counter({key: self._staged[key] for key in keys & self._staged.keys()})
        if keys and len(self._stored):
            wanted = np.array(list(keys), dtype=np.uint64)
            counts.update(self._stored[np.isin(self._stored, wanted)].tolist())
        return counts


def _key(message: Message) -> int:
    return message_key(dict(message.raw), message.speaker, message.content)


def _stage_one(one: Loaded, now: datetime) -> Staged:
    data = _content(one)
    sha256 = content_hash(data)
    times = [message.created_at for message in one.messages if message.created_at]
    created = one.created_at or min(times, default=None) or now
    tail = base64.b32encode(bytes.fromhex(sha256))[:HASH_LETTERS].decode().lower()
    identity = f"{created.astimezone(UTC):%Y%m%d-%H%M%S}-{tail}"
    if created.year < 1000:
        identity = identity.zfill(len(identity) + 1)
    stem = resource_stem(identity)
    conversation = one.modality is Modality.CONVERSATION
    text = None if conversation or data == one.body.encode() else one.body
    resource = Resource(
        id=identity,
        modality=one.modality,
        file=stem + (".jsonl" if conversation else one.suffix),
        sha256=sha256,
        created_at=created,
        source=one.source,
        format=one.format,
        lines=len(one.messages) if conversation else one.body.count("\n") + 1,
        title=one.title,
        speakers=tuple(dict.fromkeys(message.speaker for message in one.messages)),
        stored_at=now.replace(microsecond=0),
        text_file=None if text is None else f"{stem}.text.md",
        blob=one.blob,
    )
    return Staged(resource, data, text, one.messages)


@dataclass(frozen=True, slots=True)
class Said:
    """A message, or a chunk of a document as what its owner wrote, and the lines of the resource it is."""

    message: Message
    first: int
    last: int
    at: datetime


def said_in(desk: Desk, one: Staged) -> tuple[Said, ...]:
    """A resource as what was said in it, in order."""
    resource = one.resource
    if resource.modality is Modality.CONVERSATION:
        messages = enumerate(_messages(desk, one), start=1)
        return tuple(Said(m, line, line, m.created_at or resource.created_at) for line, m in messages)
    at = resource.created_at
    return tuple(
        Said(Message(role="user", content=chunk.text, created_at=at), chunk.begins, chunk.last, at)
        for chunk in chunks(_body(desk, one))
    )


def quotes_in(desk: Desk, one: Staged) -> Extraction:
    """What the extractor that needs no model takes from a resource."""
    said = said_in(desk, one)
    found = extract([s.message for s in said], [s.at for s in said], mask=desk.settings.mask_secrets)
    if one.resource.modality is Modality.CONVERSATION:
        return found
    return Extraction(
        tuple(_at_its_line(draft, said[draft.line - 1]) for draft in found.drafts),
        tuple(replace(dropped, line=said[dropped.line - 1].first) for dropped in found.dropped),
    )


def _at_its_line(draft: Draft, chunk: Said) -> Draft:
    """The extractor counts chunks; a source is told in lines of the document."""
    start = chunk.message.content.find(draft.text)
    line = chunk.first + chunk.message.content.count("\n", 0, max(start, 0))
    return replace(draft, line=line, last_line=line + draft.text.count("\n"))


def _body(desk: Desk, one: Staged) -> str:
    if one.text is not None:
        return one.text
    text_file = one.resource.text_file  # of one that is stored: a new one has its text
    return (desk.folder.read(text_file) if text_file else one.data).decode("utf-8-sig")


def _messages(desk: Desk, one: Staged) -> tuple[Message, ...]:
    return one.messages or tuple(
        desk.stored_message(line, f"{one.resource.file}:{number}")
        for number, (_, line) in enumerate(records.lines_with_offsets(one.data), start=1)
    )
