"""Records on disk to rows of a segment: the one way into the index, for a run, a recovery and a rebuild."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CorruptFile, LoadError
from ...models import Item, Message, Modality, Origin, Resource
from ...pure import records
from ...pure.blobs import mark_of
from ...pure.passages import Passage, chunks, message_passage, passage
from ..embedders import Embedder
from ..folder import Line, UserFolder
from ..loaders import parse_message
from .segment import (
    CHUNK,
    EVIDENCE,
    ITEM_ROW,
    MESSAGE,
    ItemRow,
    Row,
    Segment,
    SegmentBuilder,
    Session,
    day_of,
    key_of,
)

BUFFER_RESOURCE = ""
STORED_MESSAGE_BYTES = 2**40
KEPT, LONGEST_KEPT = 1024, 1024
"""How many stored messages are kept as they were read, and of how many bytes at most: a few megabytes."""
_SIGNS = {code: None for code in range(128) if not chr(code).isalnum()}


def message_key(raw: Mapping[str, Any], speaker: str, content: str) -> int:
    """What makes two messages the same: their id, time, speaker and words; of a blob, their place in it."""
    mark = mark_of(raw)
    if mark is not None:
        return key_of("blob", f"{mark.id}#{mark.line}", speaker, content)
    identity = raw.get("id") or raw.get("message_id") or raw.get("dia_id")
    time = raw.get("created_at") or raw.get("timestamp") or raw.get("create_time")
    return key_of(str(identity or ""), str(time or ""), speaker, content)


def text_key(subject: str, text: str) -> int:
    """Equal for texts that differ only in case, punctuation and spacing."""
    folded = text.casefold()
    if folded.isascii():
        return key_of(subject.casefold(), folded.translate(_SIGNS))
    return key_of(subject.casefold(), "".join(c for c in folded if c.isalnum()))


def read_resource(builder: SegmentBuilder, folder: UserFolder, resource: Resource) -> None:
    data = folder.resource_text(resource)
    start = len(builder.rows)
    if resource.modality is Modality.CONVERSATION:
        _message_rows(builder, folder, data, resource.file, resource.created_at, resource.speakers)
    else:
        _chunk_rows(builder, folder, data, resource)
    builder.sessions.append(
        Session(
            resource=resource.id,
            sha256=resource.sha256,
            title=resource.title or "",
            file=resource.file,
            modality=resource.modality.value,
            time=resource.created_at.isoformat(),
            start=start,
            rows=len(builder.rows) - start,
        )
    )


def buffer_rows(
    builder: SegmentBuilder, folder: UserFolder, data: bytes, file: str, start: int, said_at: datetime
) -> int:
    """Rows for the whole lines of a buffer from byte `start` on; returns the byte they end at."""
    first = len(builder.rows)
    end = _message_rows(builder, folder, data, file, said_at, (), start)
    builder.sessions.append(
        Session(
            BUFFER_RESOURCE,
            "",
            "",
            file,
            "conversation",
            said_at.isoformat(),
            first,
            len(builder.rows) - first,
        )
    )
    return end


def _message_rows(
    builder: SegmentBuilder,
    folder: UserFolder,
    data: bytes,
    file: str,
    said_at: datetime,
    names: Sequence[str],
    start: int = 0,
) -> int:
    number = data.count(b"\n", 0, start)
    speakers = frozenset(word for name in names for word in name.lower().split())
    session = len(builder.sessions)
    end = start
    for offset, line in records.lines_with_offsets(data, start):
        number += 1 + data.count(b"\n", end, offset)  # blank lines have no row, but they count
        end = offset + len(line) + 1
        message = read_message(line, folder.path(file), number, builder.timezone)
        found = message_passage(message, said_at, speakers)
        builder.rows.append(
            Row(
                passage=found,
                file=file,
                offset=offset,
                length=len(line),
                line=number,
                kind=MESSAGE,
                session=session,
                speaker=message.speaker,
                day=day_of(message.created_at or said_at),
                key=message_key(message.raw, message.speaker, message.content),
            )
        )
    return end


def read_message(line: bytes, path: Path, number: int, timezone: tzinfo) -> Message:
    """A stored message. Raises CorruptFile."""
    parse = _kept_message if len(line) <= LONGEST_KEPT else _message
    try:
        return parse(line, timezone)
    except (ValueError, RecursionError, LoadError) as error:
        raise CorruptFile(path, number, f"not a message: {error}") from error


def _message(line: bytes, timezone: tzinfo) -> Message:
    # The limit was held when it came in.
    return parse_message(
        json.loads(line), "the line", timezone=timezone, max_message_bytes=STORED_MESSAGE_BYTES
    )


# A run reads its messages twice: to take items from them, and to index them.
_kept_message = lru_cache(maxsize=KEPT)(_message)


def _chunk_rows(builder: SegmentBuilder, folder: UserFolder, data: bytes, resource: Resource) -> None:
    session = len(builder.sessions)
    file = resource.text_file or resource.file
    try:
        text = data.decode("utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8")
    except UnicodeDecodeError as error:
        raise CorruptFile(folder.path(file), None, f"not UTF-8 at byte {error.start}") from error
    for chunk in chunks(text):
        heading = chunk.heading or resource.title or ""
        found = passage(
            chunk.text if heading in chunk.text else f"{heading}\n{chunk.text}", said_at=resource.created_at
        )
        builder.rows.append(
            Row(
                passage=found,
                file=file,
                offset=chunk.offset,
                length=chunk.length,
                line=chunk.first,
                kind=CHUNK,
                session=session,
                speaker=None,
                day=day_of(resource.created_at),
                key=key_of(resource.id, str(chunk.first)),
            )
        )


def read_items(builder: SegmentBuilder, found: Iterable[tuple[Line, Item]]) -> None:
    """Item rows; an item whose words are not those of its source lines also gets a row of its own."""
    for line, item in found:
        row, kind = -1, _own_row(item)
        if kind is not None:
            row = len(builder.rows)
            said = passage(item.text, said_at=item.mentioned_at)
            builder.rows.append(_item_row(line, item, kind, said))
        builder.items.append(
            ItemRow(
                id=item.id,
                rev=item.rev,
                status=item.status,
                file=line.path,
                offset=line.offset,
                length=line.length,
                line=line.number,
                resource=item.source.resource if item.source else None,
                first=item.source.first if item.source else 0,
                last=item.source.last if item.source else 0,
                text_key=text_key(item.subject, item.text),
                slot=f"{item.topic}/{item.slot}",
                row=row,
                day=day_of(item.occurred.start if item.occurred else item.mentioned_at),
            )
        )


def _own_row(item: Item) -> int | None:
    """The kind of an item's own row; None where its source lines have all its words."""
    if item.source is None or item.origin is not Origin.EXTRACTED:
        return ITEM_ROW
    return EVIDENCE if item.model else None


def _item_row(line: Line, item: Item, kind: int, found: Passage) -> Row:
    return Row(
        passage=found,
        file=line.path,
        offset=line.offset,
        length=line.length,
        line=line.number,
        kind=kind,
        session=-1,
        speaker=item.subject,
        day=day_of(item.mentioned_at or item.created_at),
        key=key_of(item.id),
    )


def build(builder: SegmentBuilder, embedder: Embedder | None, words: Embedder | None) -> Segment:
    """Embed the rows with one model and their words with a cheap one, and invert the terms."""
    vectors = embed_rows([row.passage.text for row in builder.rows], embedder)
    return builder.build(vectors, lambda surfaces: embed_words(surfaces, words))


def embed_rows(texts: Sequence[str], embedder: Embedder | None) -> NDArray[np.float32]:
    """(n, d) vectors; d is 0 without an embedder."""
    if embedder is None:
        return np.zeros((len(texts), 0), dtype=np.float32)
    if not texts:
        return np.zeros((0, embedder.dimension), dtype=np.float32)
    return embedder.embed(texts)


def embed_words(words: Sequence[str], embedder: Embedder | None) -> NDArray[np.float32]:
    """(n, d) vectors of single words; d is 0 without a model for them."""
    if embedder is None:
        return np.zeros((len(words), 0), dtype=np.float32)
    if not words:
        return np.zeros((0, embedder.dimension), dtype=np.float32)
    return embedder.word_vectors(words)
