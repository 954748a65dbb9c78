"""Blobs: what an application hands over in one piece, got and listed by its id, buffered or memorized."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from ..edges import buffer, insert_counts
from ..edges.blob_places import BlobOrder
from ..edges.loaders import parse_message
from ..errors import Conflict, InvalidInput, NotFound, StorageError
from ..models import Blob, BlobType, Message
from ..pure import blobs as marks
from .desk import Desk

BUFFERED = "~"
"""After every resource's id, for blobs of the same time."""


def insert(desk: Desk, blob: Blob, *, new_user: bool = True) -> str:
    """Buffer a blob durably; returns its id. Raises InvalidInput, and then nothing is written.

    Without `new_user`, raises NotFound where the user has no folder yet.
    """
    identity = str(uuid4()) if blob.id is None else marks.blob_id(blob.id)
    timeout = desk.settings.lock_timeout_seconds
    buffer.add(desk.folder, lines_of(desk, blob, identity), timeout, new_user=new_user)
    with suppress(StorageError):  # it is safe by now, whether it can be counted or not
        insert_counts.count(desk.folder.store, datetime.now(UTC).date())
    return identity


def is_known(desk: Desk, blob: Blob) -> bool:
    """Whether a blob of one's own id is there already. Raises Conflict where it says something else."""
    identity = marks.blob_id(blob.id)
    known = _find(desk, identity) if desk.folder.exists() else None
    if known is not None and known.data != marks.blob_of_lines(lines_of(desk, blob, identity)).data:
        raise Conflict(f"blob {identity}", f"a {known.type} blob of other contents")
    return known is not None


def lines_of(desk: Desk, blob: Blob, identity: str) -> list[marks.Raw]:
    """The lines as they will be read again. Raises InvalidInput."""
    at = blob.created_at
    if at is not None and at.tzinfo is None:
        at = at.replace(tzinfo=desk.tools.timezone)
    raws = marks.blob_lines(replace(blob, created_at=at), identity, datetime.now(UTC))
    return [dict(_checked(desk, raw, number).raw) for number, raw in enumerate(raws, start=1)]


def _checked(desk: Desk, raw: marks.Raw, number: int) -> Message:
    timezone, limit = desk.tools.timezone, desk.settings.max_message_bytes
    return parse_message(raw, f"message {number}", timezone=timezone, max_message_bytes=limit)


def blob(desk: Desk, blob_id: str) -> Blob:
    """As it was given. Raises NotFound."""
    found = _find(desk, blob_id)
    if found is None:
        raise NotFound("blob", blob_id)
    return found


def _find(desk: Desk, blob_id: str) -> Blob | None:
    lines = {mark.line: raw for _, mark, raw in buffered_lines(desk) if mark.id == blob_id}
    desk.blobs.refresh()
    for place in desk.blobs.of(blob_id):
        resource = desk.folder.resource(place.resource)
        if resource.blob is not None:
            return marks.blob_of_document(resource.blob, desk.folder.resource_text(resource).decode())
        for number, line in enumerate(desk.folder.read(resource.file).split(b"\n"), start=1):
            if number in place.lines:
                raw = json.loads(line)
                mark = marks.mark_of(raw)
                if mark is not None:
                    lines[mark.line] = raw
    return marks.blob_of_lines(list(lines.values())) if lines else None


def buffered_lines(desk: Desk) -> list[tuple[str, marks.LineMark, marks.Raw]]:
    """The lines of blobs in the buffer's files, oldest first, each with its file's name."""
    # The buffer first: where it is set aside meanwhile, it is found once more, and not missed.
    newest = buffer.read(desk.folder, buffer.BUFFER)
    aside = [(name, buffer.read(desk.folder, name)) for name in desk.folder.listing(buffer.ROTATED)]
    return [
        (name, mark, raw)
        for name, raws in (*aside, (buffer.BUFFER, newest))
        for raw in raws
        if (mark := marks.mark_of(raw)) is not None
    ]


def blobs(desk: Desk, type: BlobType | str, page: int = 0, page_size: int = 10) -> list[str]:
    """The ids of the blobs of a type, oldest first: the page `page`, from 0, of `page_size` each."""
    wanted = marks.blob_type(type)
    if page < 0 or page_size < 1:
        raise InvalidInput(f"page counts from 0 and page_size from 1, not {page} and {page_size}")
    buffered = buffered_lines(desk)  # first: what leaves the buffer meanwhile is found in its resource
    orders: dict[str, BlobOrder] = {}
    desk.blobs.refresh()
    for place in desk.blobs.all():
        if place.type is wanted:
            orders[place.id] = min(place.order, orders.get(place.id, place.order))
    for number, (_, mark, _) in enumerate(buffered):
        if mark.type is wanted and mark.created_at is not None:
            orders.setdefault(mark.id, (mark.created_at, BUFFERED, number))
    ordered = sorted(orders, key=orders.__getitem__)
    return ordered[page * page_size : (page + 1) * page_size]
