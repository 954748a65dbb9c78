"""The buffer: what waits in it, from its lines to conversations and documents, and in which state blobs are.

All of it is told by the files, so that a restart changes no state: idle stands in the buffer, processing in a
buffer that was set aside or in a resource that no run has read, failed in one whose run was tried and kept.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from time import time
from typing import Any

from ..edges import buffer, journal, pending
from ..edges.blob_places import BlobOrder
from ..edges.files import stamp
from ..edges.folder import UserFolder
from ..edges.loaders import load_messages
from ..edges.store import folder_names, users_of
from ..errors import InvalidInput, StorageError
from ..models import BUFFER_STATES, BlobType, BufferCount, BufferState, Loaded, Modality
from ..pure import blobs as marks
from .blobs import buffered_lines
from .desk import Desk, Tools
from .flushing import Waits

MAX_DONE = 1000
"""So many blobs that are done are told at most, the latest."""
_TALK = (BlobType.CHAT, BlobType.IMAGE)
_FORMATS = {
    BlobType.DOC: ("markdown", ".md"),
    BlobType.SUMMARY: ("text", ".txt"),
    BlobType.CODE: ("text", ".txt"),
}

FOLDERS_AT_ONCE = 256
COUNTED_AT_ONCE = 4096
"""Characters of a long message that are counted in one go."""

Raw = dict[str, Any]

_log = logging.getLogger("memu_like.flush")


# -- what is in it


def buffered(desk: Desk, names: Sequence[str]) -> list[Loaded]:
    """Each buffer file's conversations and documents: from its bytes alone, so that doing it again gives
    the same. Raises CorruptFile."""
    return [one for name in names for one in loaded_from(desk, buffer.read(desk.folder, name))]


def loaded_from(desk: Desk, raws: Sequence[Raw]) -> list[Loaded]:
    """The conversations and documents that lines of the buffer make."""
    groups = groupby(_once(raws), _part)
    return [one for _, group in groups for one in _load(desk, list(group))]


def _part(raw: Raw) -> tuple[str, ...]:
    """What one conversation is made of: chats and images that follow each other, or one transcript."""
    mark = marks.mark_of(raw)
    return () if mark is None or mark.type in _TALK else (mark.type, mark.id)


def _load(desk: Desk, raws: list[Raw]) -> Sequence[Loaded]:
    mark = marks.mark_of(raws[0])
    if mark is not None and mark.type in _FORMATS and all(isinstance(r.get("content"), str) for r in raws):
        return [_document(desk, raw, mark) for raw in raws]
    return load_messages(
        raws,
        "buffer",
        timezone=desk.tools.timezone,
        session_gap=desk.tools.session_gap,
        max_message_bytes=desk.settings.max_message_bytes,
        may_be_blank=True,
    )


def _document(desk: Desk, raw: Raw, mark: marks.LineMark) -> Loaded:
    format, suffix = _FORMATS[mark.type]
    text = str(raw["content"])
    blob = marks.document_mark(mark, desk.tools.now())
    return Loaded(
        Modality.DOCUMENT,
        "buffer",
        format,
        created_at=blob.created_at,
        body=text,
        data=text.encode(),
        suffix=suffix,
        blob=blob,
    )


def _once(messages: Sequence[Raw]) -> list[Raw]:
    """A client that sends again sends the same id and words: those count once."""
    kept: dict[object, Raw] = {}
    for number, raw in enumerate(messages):
        mark = marks.mark_of(raw)
        if mark is not None:
            kept.setdefault((mark.id, mark.line, repr(raw.get("content"))), raw)
            continue
        identity = raw.get("id") or raw.get("message_id")
        plain = {name: value for name, value in raw.items() if name != "created_at"}
        kept.setdefault((str(identity), repr(plain)) if identity else number, raw)
    return list(kept.values())


# -- what is due


def users_waiting(store: Path) -> Iterator[list[str]]:
    """The users in whose folders something waits, a few folders of the store at a time."""
    for names in folder_names(store, FOLDERS_AT_ONCE):
        waiting = [name for name in names if buffer.is_waiting(store / name)]
        users, problems = users_of(store, waiting) if waiting else ([], [])
        for problem in problems:
            _log.warning("%s", problem)
        yield users


def look(folders: Sequence[UserFolder], tools: Tools) -> dict[str, Waits]:
    """What waits in each folder, from its files alone; one in which nothing does is left out."""
    found = {folder.user_id: _look(folder, tools) for folder in folders if folder.exists()}
    return {user_id: waits for user_id, waits in found.items() if waits is not None}


def _look(folder: UserFolder, tools: Tools) -> Waits | None:
    buffered = stamp(folder.path(buffer.BUFFER))
    idle = time() - buffered[0] / 1e9 if buffered and buffered[1] else None
    cut_short = bool(folder.listing(buffer.ROTATED)) or journal.found(folder)
    try:
        kept = [one for one in pending.read(folder) if one.attempts < tools.settings.flush_retries]
        over = idle is not None and _is_over(folder, tools)
    except StorageError:
        return Waits(idle, over=True)  # the flush mends it, or tells what is wrong
    if idle is None and not cut_short and not kept:
        return None
    now = tools.now()
    return Waits(
        idle=idle,
        over=over,
        interrupted=cut_short and not folder.is_locked(),
        tries=min((one.attempts for one in kept), default=None),
        since_try=min(((now - one.at).total_seconds() for one in kept), default=0.0),
    )


def _is_over(folder: UserFolder, tools: Tools) -> bool:
    """Whether the buffer has more tokens than it is to hold; no more of it is counted than tells that."""
    limit = tools.settings.max_chat_blob_buffer_token_size
    if folder.path(buffer.BUFFER).stat().st_size <= limit:
        return False  # a token has at least one byte
    tokens = 0
    for raw in buffer.read(folder, buffer.BUFFER):
        for part in _parts(raw):
            tokens += tools.counter().count(part)
            if tokens > limit:
                return True
    return False


def _parts(raw: Raw) -> Iterator[str]:
    content = raw.get("content", raw.get("text"))
    if isinstance(content, str):
        for start in range(0, len(content), COUNTED_AT_ONCE):
            yield content[start : start + COUNTED_AT_ONCE]


# -- states


def ids_in(desk: Desk, type: BlobType | str, status: str, *, failed: bool = False) -> list[str]:
    """The ids of the blobs of a type that are in a state, in the order they came; of done ones the latest.

    `failed`: the last flush could not be made, so that what it had set aside has failed.
    """
    wanted = marks.blob_type(type)
    if status not in BUFFER_STATES:
        raise InvalidInput(f"there is no state {status[:40]!r}; the states are {', '.join(BUFFER_STATES)}")
    # What is idle is told by the buffer alone, and asked for often.
    states = (_buffer_states if status == "idle" else _states)(desk, failed)
    return list(dict.fromkeys(one for one, kind, state in states if (kind, state) == (wanted, status)))


def counts(desk: Desk, *, failed: bool = False) -> dict[BlobType, BufferCount]:
    """How many blobs of each type are in each state, and what is idle in tokens; `failed` as above."""
    found = Counter((kind, state) for _, kind, state in _states(desk, failed))
    tokens: Counter[BlobType] = Counter()
    messages = 0
    count = desk.tools.counter().count
    for raw in buffer.read(desk.folder, buffer.BUFFER):
        mark = marks.mark_of(raw)
        messages += mark is None
        tokens[mark.type if mark else BlobType.CHAT] += tokens_of(raw, count)
    return {
        kind: BufferCount(
            idle=found[kind, "idle"],
            processing=found[kind, "processing"],
            done=found[kind, "done"],
            failed=found[kind, "failed"],
            tokens=tokens[kind],
            messages=messages if kind is BlobType.CHAT else 0,
        )
        for kind in BlobType
    }


def tokens_of(raw: Raw, count: Callable[[str], int]) -> int:
    content = raw.get("content", raw.get("text"))
    return count(content) if isinstance(content, str) else 0


def _states(desk: Desk, failed: bool) -> Iterator[tuple[str, BlobType, BufferState]]:
    """Each blob once, in the state of that part of it that is furthest from done."""
    told: set[str] = set()
    for blob_id, kind, state in _buffer_states(desk, failed):
        if blob_id not in told:
            told.add(blob_id)
            yield blob_id, kind, state
    desk.blobs.refresh()
    read = {r for e in desk.folder.all_events().values() if e.kind != "forget" for r in e.resources}
    tried = {one.resource for one in pending.read(desk.folder) if one.attempts or one.error}
    done: dict[str, tuple[BlobOrder, BlobType]] = {}
    for place in desk.blobs.all():
        if place.id in told:
            continue
        if place.resource in read:
            done.setdefault(place.id, (place.order, place.type))
        else:
            told.add(place.id)
            yield place.id, place.type, "failed" if place.resource in tried else "processing"
    latest = sorted((order, blob_id, kind) for blob_id, (order, kind) in done.items() if blob_id not in told)
    for _, blob_id, kind in latest[-MAX_DONE:]:
        yield blob_id, kind, "done"


def _buffer_states(desk: Desk, failed: bool) -> Iterator[tuple[str, BlobType, BufferState]]:
    """Of what is buffered, once for each line."""
    for name, mark, _ in buffered_lines(desk):
        aside: BufferState = "failed" if failed else "processing"
        yield mark.id, mark.type, "idle" if name == buffer.BUFFER else aside
