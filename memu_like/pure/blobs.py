"""Blobs and the lines that they stand in: each message of a blob carries, under "blob", whose it is.

The first line of a blob also says what the blob is. A document's blob is one line while it is buffered, and
then the mark in its meta file. What was given comes out again as it was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ..errors import InvalidInput
from ..models import Blob, BlobMark, BlobType

MARK = "blob"
MAX_ID = 200
TEXT_KEYS = {BlobType.DOC: "content", BlobType.SUMMARY: "summary", BlobType.CODE: "content"}
"""The blobs that are documents, and which of their data is the text."""
_MAX_SECONDS = 10.0 * 366 * 24 * 3600
_LISTS = {BlobType.CHAT: "messages", BlobType.TRANSCRIPT: "transcripts"}

Raw = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LineMark:
    """What a line says of its blob. `added` are the keys of the line that were not given."""

    id: str
    line: int
    type: BlobType = BlobType.CHAT
    created_at: datetime | None = None
    fields: Mapping[str, Any] | None = field(default=None, hash=False)
    data: Mapping[str, Any] = field(default_factory=dict, hash=False)
    added: tuple[str, ...] = ()


def blob_type(value: object) -> BlobType:
    """Raises InvalidInput."""
    try:
        return BlobType(value)  # type: ignore[arg-type]  # it checks the value itself
    except ValueError as error:
        raise InvalidInput(
            f"there is no blob type {str(value)[:40]!r}; the types are {', '.join(BlobType)}"
        ) from error


def blob_id(value: object) -> str:
    """An id that a caller brings along. Raises InvalidInput."""
    if isinstance(value, str) and 0 < len(value) <= MAX_ID and value.isprintable() and value.strip():
        return value
    raise InvalidInput(f"a blob's id is 1 to {MAX_ID} printable characters, such as a UUID")


def blob_lines(blob: Blob, identity: str, now: datetime) -> list[Raw]:
    """The messages that a blob becomes, dated and marked. Raises InvalidInput for data of another shape."""
    kind = blob_type(blob.type)
    _check_object("data", blob.data)
    if blob.fields is not None:
        _check_object("fields", blob.fields)
    at = blob.created_at or now
    messages, rest = _messages(kind, blob.data)
    return [_marked(raw, identity, n, kind, at, blob.fields, rest) for n, raw in enumerate(messages, start=1)]


def _messages(kind: BlobType, data: Mapping[str, Any]) -> tuple[list[Raw], Mapping[str, Any]]:
    """The messages, and what of the data is in none of them."""
    if kind in _LISTS:
        name = _LISTS[kind]
        given = data.get(name)
        if not isinstance(given, Sequence) or isinstance(given, str) or not given:
            raise InvalidInput(f"the data of a {kind} blob is {{{name!r}: [...]}} with at least one of them")
        found = [_object_in(name, number, one) for number, one in enumerate(given, start=1)]
    elif kind is BlobType.IMAGE:
        if not any(isinstance(data.get(key), str) and data[key] for key in ("url", "base64")):
            raise InvalidInput("the data of an image blob has a url or base64")
        return [{"content": [{"type": "image", "image": dict(data)}]}], {}
    else:
        name = TEXT_KEYS[kind]
        text = data.get(name)
        if not isinstance(text, str) or not text.strip():
            raise InvalidInput(f"the data of a {kind} blob has its text under {name!r}")
        found = [{"content": text}]
    return found, {key: value for key, value in data.items() if key != name}


def _object_in(name: str, number: int, one: object) -> Raw:
    if not isinstance(one, Mapping):
        raise InvalidInput(f"{name} {number} must be an object, not {type(one).__name__}")
    if MARK in one:
        raise InvalidInput(f"{name} {number} has the key {MARK!r}, which is kept for the blob's own id")
    return dict(one)


def _check_object(name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"a blob's {name} must be an object, not {type(value).__name__}")


def _marked(
    raw: Raw,
    identity: str,
    number: int,
    kind: BlobType,
    at: datetime,
    fields: Mapping[str, Any] | None,
    rest: Mapping[str, Any],
) -> Raw:
    added = _added(raw, kind, at)
    mark: Raw = {"id": identity, "line": number}
    if kind is not BlobType.CHAT:
        mark["type"] = kind.value
    if number == 1:
        mark["created_at"] = at.isoformat()
        mark |= {"fields": dict(fields)} if fields is not None else {}
        mark |= {"data": dict(rest)} if rest else {}
    if added and kind in _LISTS:
        mark["added"] = sorted(added)
    return {**added, **raw, MARK: mark} if "role" in added else {**raw, **added, MARK: mark}


def _added(raw: Raw, kind: BlobType, at: datetime) -> Raw:
    """What a message must have and was not given."""
    added: Raw = {}
    if kind is not BlobType.CHAT and "role" not in raw:
        added["role"] = "user"
    if raw.get("created_at") in (None, ""):
        added["created_at"] = (at + _offset(raw, kind)).isoformat()
    return added


def _offset(raw: Raw, kind: BlobType) -> timedelta:
    """How far into its transcript something was said."""
    seconds = raw.get("start_timestamp_in_seconds") if kind is BlobType.TRANSCRIPT else None
    if isinstance(seconds, int | float) and 0 <= seconds <= _MAX_SECONDS:
        return timedelta(seconds=seconds)
    return timedelta()


# -- and back


def mark_of(raw: Mapping[str, Any]) -> LineMark | None:
    """What a line says of its blob; None where it says nothing that can be read, as in any other message."""
    found = raw.get(MARK)
    if not isinstance(found, dict):
        return None
    identity, number, kind = found.get("id"), found.get("line"), found.get("type", BlobType.CHAT)
    if not isinstance(identity, str) or not isinstance(number, int) or kind not in list(BlobType):
        return None
    fields, data, added = found.get("fields"), found.get("data"), found.get("added")
    return LineMark(
        id=identity,
        line=number,
        type=BlobType(kind),
        created_at=_time(found.get("created_at")),
        fields=fields if isinstance(fields, dict) else None,
        data=data if isinstance(data, dict) else {},
        added=tuple(str(key) for key in added) if isinstance(added, list) else (),
    )


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def document_mark(mark: LineMark, arrived: datetime) -> BlobMark:
    return BlobMark(mark.id, mark.type, mark.created_at or arrived, mark.fields, mark.data)


def blob_of_lines(raws: Sequence[Mapping[str, Any]]) -> Blob:
    """The blob whose lines these are, in whatever order."""
    marked = sorted(((mark, raw) for raw in raws if (mark := mark_of(raw))), key=lambda pair: pair[0].line)
    first = marked[0][0]
    given = [_given(mark, raw) for mark, raw in marked]
    if first.type in _LISTS:
        data: Raw = {_LISTS[first.type]: given}
    elif first.type is BlobType.IMAGE:
        data = _image(marked[0][1])
    else:
        data = {TEXT_KEYS[first.type]: marked[0][1].get("content", "")}
    return Blob(first.type, {**data, **first.data}, first.id, first.created_at, first.fields)


def _given(mark: LineMark, raw: Mapping[str, Any]) -> Raw:
    return {key: value for key, value in raw.items() if key != MARK and key not in mark.added}


def _image(raw: Mapping[str, Any]) -> Raw:
    content = raw.get("content")
    part = content[0] if isinstance(content, list) and content else None
    found = part.get("image") if isinstance(part, dict) else None
    return found if isinstance(found, dict) else {}


def blob_of_document(mark: BlobMark, text: str) -> Blob:
    data = {TEXT_KEYS.get(mark.type, "content"): text, **mark.data}
    return Blob(mark.type, data, mark.id, mark.created_at, mark.fields)
