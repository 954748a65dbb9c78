"""A segment: an immutable part of the index, built in memory from records and kept in one file.

Rows are what search looks at: a message, a chunk of a document, or an item whose words stand in no source
line of its own. Items are a second table: where each revision stands, and which lines it came from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...models import Status
from ...pure.passages import Passage
from . import container

ROW = np.dtype(
    [
        ("file", "<i4"),
        ("offset", "<i8"),
        ("length", "<i4"),
        ("line", "<i4"),
        ("kind", "u1"),
        ("flags", "u1"),
        ("session", "<i4"),
        ("speaker", "<i4"),
        ("day", "<i4"),
        ("size", "<u2"),
        ("names", "u1"),
        ("first_day", "<i4"),
        ("last_day", "<i4"),
        ("key", "<u8"),
    ]
)
ITEM = np.dtype(
    [
        ("id", "S16"),
        ("rev", "<u2"),
        ("status", "u1"),
        ("file", "<i4"),
        ("offset", "<i8"),
        ("length", "<i4"),
        ("line", "<i4"),
        ("resource", "<u8"),
        ("first", "<i4"),
        ("last", "<i4"),
        ("text", "<u8"),
        ("slot", "<i4"),
        ("row", "<i4"),
        ("day", "<i4"),
    ]
)
FEW_ITEMS = 4096
"""Up to so many items in a segment, look-ups are by dictionary: twenty times faster, about a megabyte."""
MESSAGE, CHUNK, ITEM_ROW, EVIDENCE = 0, 1, 2, 3
"""Kinds of rows. EVIDENCE is an item worded by a model: what it says counts for its source lines."""
OWN_ROWS = (ITEM_ROW, EVIDENCE)
"""Kinds of rows that are an item themselves."""
STATUSES = (Status.ACTIVE, Status.SUPERSEDED, Status.RETRACTED)
INT8_MAX = 127
# The static model's dimensions come from a principal component analysis, so the first ones carry most of
# a cosine: enough to choose candidates, which are then scored on all of them.
COARSE_DIMENSIONS = 64

EmbedWords = Callable[[Sequence[str]], NDArray[np.float32]]


def key_of(*parts: str | None) -> int:
    """A 64-bit key of some texts, for joins and for finding what came in before."""
    data = "\x1f".join(part or "" for part in parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def day_of(when: datetime | None) -> int:
    """Proleptic ordinal of the day; 0 where no time is known."""
    return when.toordinal() if when else 0


@dataclass(frozen=True, slots=True)
class Row:
    """What one rankable text gives to the index. `session` numbers the segment's sessions."""

    passage: Passage
    file: str
    offset: int
    length: int
    line: int
    kind: int
    session: int
    speaker: str | None
    day: int
    key: int


@dataclass(frozen=True, slots=True)
class ItemRow:
    """Where an item's revision stands and what it hangs on; `row` is its own row in this segment, or -1."""

    id: str
    rev: int
    status: Status
    file: str
    offset: int
    length: int
    line: int
    resource: str | None
    first: int
    last: int
    text_key: int
    slot: str
    row: int
    day: int


@dataclass(frozen=True, slots=True)
class Session:
    """One resource as the index knows it: its rows are `start` to `start + rows` of the segment."""

    resource: str
    sha256: str
    title: str
    file: str
    modality: str
    time: str
    start: int
    rows: int


@dataclass(frozen=True)
class Segment:
    """Arrays: rows (n), items (m), vectors (n, d) int8 with scales (n), and postings by term.

    `word_heads` (t, up to 64) with `word_scales` (t) are the leading dimensions of each term's word vector.

    `postings` are row numbers and `counts` the term's occurrences in each, for term t at
    `indptr[t]:indptr[t + 1]`.
    """

    rows: NDArray[Any]
    items: NDArray[Any]
    vectors: NDArray[np.int8]
    scales: NDArray[np.float32]
    word_heads: NDArray[np.int8]
    word_scales: NDArray[np.float32]
    indptr: NDArray[np.int64]
    postings: NDArray[np.int32]
    counts: NDArray[np.uint8]
    terms: list[str]
    surfaces: list[str]
    files: list[str]
    speakers: list[str]
    slots: list[str]
    sessions: list[Session]
    name: str = ""

    @cached_property
    def term_ids(self) -> dict[str, int]:
        return {term: number for number, term in enumerate(self.terms)}

    def term(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Rows that hold `term` and how often; empty where none does."""
        number = self.term_ids.get(term)
        if number is None:
            return self.postings[:0], self.counts[:0]
        part = slice(int(self.indptr[number]), int(self.indptr[number + 1]))
        return self.postings[part], self.counts[part]

    @cached_property
    def session_keys(self) -> NDArray[np.uint64]:
        """The key of each session's resource, as `items` have it."""
        return np.array([key_of(session.resource) for session in self.sessions], dtype=np.uint64)

    @cached_property
    def _by_id(self) -> _Sorted:
        return _sorted(self.items["id"])

    @cached_property
    def _by_resource(self) -> _Sorted:
        return _sorted(self.items["resource"])

    @cached_property
    def _by_text(self) -> _Sorted:
        return _sorted(self.items["text"])

    @cached_property
    def _few_by_id(self) -> dict[bytes, list[int]]:
        found: dict[bytes, list[int]] = {}
        for number, item_id in enumerate(self.items["id"].tolist()):
            found.setdefault(item_id, []).append(number)
        return found

    @cached_property
    def _few_by_text(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for number, text_key in enumerate(self.items["text"].tolist()):
            found.setdefault(text_key, []).append(number)
        return found

    @cached_property
    def _few_sources(self) -> dict[int, list[tuple[int, int, bytes]]]:
        found: dict[int, list[tuple[int, int, bytes]]] = {}
        columns = (self.items[name].tolist() for name in ("resource", "first", "last", "id"))
        for resource, *source in zip(*columns, strict=True):
            found.setdefault(resource, []).append((source[0], source[1], source[2]))
        return found

    def items_with_id(self, item_id: bytes) -> Sequence[int]:
        """Rows of `items` with this id, in order."""
        if len(self.items) <= FEW_ITEMS:
            return self._few_by_id.get(item_id, ())
        found = _equal(self._by_id, np.array(item_id, dtype=self.items["id"].dtype))
        return cast(list[int], found.tolist())

    def items_with_ids(self, item_ids: NDArray[np.bytes_]) -> NDArray[np.int64]:
        """Rows of `items` with one of these ids."""
        values, order = self._by_id
        first, end = values.searchsorted(item_ids, "left"), values.searchsorted(item_ids, "right")
        counts = end - first
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        found: NDArray[np.int64] = order[np.repeat(first, counts) + within]
        return found

    def items_on(self, resource_key: int, line: int) -> Sequence[bytes]:
        """Ids of the items whose source lines hold `line` of a resource, in order."""
        if len(self.items) <= FEW_ITEMS:
            sources = self._few_sources.get(resource_key, ())
            return [item_id for first, last, item_id in sources if first <= line <= last]
        found = self.items[self.items_of(resource_key)]
        ids = found["id"][(found["first"] <= line) & (line <= found["last"])]
        return cast(list[bytes], ids.tolist())

    def items_of(self, resource_key: int) -> NDArray[np.int64]:
        return _equal(self._by_resource, np.uint64(resource_key))

    def items_with_text(self, text_key: int) -> Sequence[int]:
        if len(self.items) <= FEW_ITEMS:
            return self._few_by_text.get(text_key, ())
        return cast(list[int], _equal(self._by_text, np.uint64(text_key)).tolist())

    def save(self, root: Path, path: Path) -> Segment:
        arrays = {
            "rows": self.rows,
            "items": self.items,
            "vectors": self.vectors,
            "scales": self.scales,
            "word_heads": self.word_heads,
            "word_scales": self.word_scales,
            "indptr": self.indptr,
            "postings": self.postings,
            "counts": self.counts,
            "terms": _packed(self.terms),
            "surfaces": _packed(self.surfaces),
        }
        sessions = [[getattr(s, name) for name in SESSION_FIELDS] for s in self.sessions]
        extra = {"files": self.files, "speakers": self.speakers, "slots": self.slots, "sessions": sessions}
        container.save(root, path, arrays, extra)
        return replace(self, name=path.name)

    @classmethod
    def load(cls, root: Path, path: Path) -> Segment:
        arrays, extra = container.load(root, path)
        return cls(
            terms=_unpacked(arrays.pop("terms")),
            surfaces=_unpacked(arrays.pop("surfaces")),
            **arrays,
            files=extra["files"],
            speakers=extra["speakers"],
            slots=extra["slots"],
            sessions=[Session(*values) for values in extra["sessions"]],
            name=path.name,
        )


def _packed(words: Sequence[str]) -> NDArray[np.uint8]:
    """Words hold no white space, so a newline tells them apart."""
    return np.frombuffer("\n".join(words).encode(), dtype=np.uint8)


def _unpacked(data: NDArray[np.uint8]) -> list[str]:
    text = data.tobytes().decode()
    return text.split("\n") if text else []


SESSION_FIELDS = tuple(Session.__dataclass_fields__)


_Sorted = tuple[NDArray[Any], NDArray[np.int64]]


def _sorted(column: NDArray[Any]) -> _Sorted:
    """The column in order, and where each value stood."""
    order = np.argsort(column, kind="stable")
    return column[order], order


def _equal(column: _Sorted, value: Any) -> NDArray[np.int64]:
    values, order = column
    return order[values.searchsorted(value, "left") : values.searchsorted(value, "right")]


class Names:
    """Numbers names in order of first use."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __call__(self, name: str | None) -> int:
        return -1 if name is None else self.numbers.setdefault(name, len(self.numbers))

    def names(self) -> list[str]:
        return list(self.numbers)


def quantise(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Rows (n, d) to int8 with a scale each: row ~ int8 * scale."""
    largest = np.abs(vectors).max(axis=1, initial=0.0)
    scales = (largest / INT8_MAX).astype(np.float32)
    safe = np.where(scales > 0, scales, 1).astype(np.float32)
    return np.rint(vectors / safe[:, None]).astype(np.int8), scales


@dataclass(slots=True)
class SegmentBuilder:
    """Collects rows and items; `build` makes the segment."""

    rows: list[Row] = field(default_factory=list)
    items: list[ItemRow] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    timezone: tzinfo = UTC
    """What times without an offset are read in."""

    def build(self, vectors: NDArray[np.float32], embed_words: EmbedWords) -> Segment:
        """`vectors` has a row for each of `self.rows`, of any dimension; `embed_words` gives unit rows."""
        files, speakers, slots = Names(), Names(), Names()
        rows = np.array([_row_values(row, files, speakers) for row in self.rows], dtype=ROW)
        items = np.array([_item_values(item, files, slots) for item in self.items], dtype=ITEM)
        int8, scales = quantise(vectors)
        indptr, postings, counts, terms = _invert([row.passage.terms for row in self.rows])
        by_term = _surfaces(self.rows)
        surfaces = [by_term[term] for term in terms]
        word_heads, word_scales = quantise(embed_words(surfaces)[:, :COARSE_DIMENSIONS])
        return Segment(
            rows,
            items,
            int8,
            scales,
            word_heads,
            word_scales,
            indptr,
            postings,
            counts,
            terms,
            surfaces,
            files.names(),
            speakers.names(),
            slots.names(),
            list(self.sessions),
        )


def _row_values(row: Row, files: Names, speakers: Names) -> tuple[int, ...]:
    """In the order of ROW; what does not fit its column is cut to the column's largest."""
    found = row.passage
    place = (files(row.file), row.offset, row.length, row.line)
    who = (row.kind, found.flags, row.session, speakers(row.speaker), row.day)
    what = (min(len(found.terms), 65535), min(found.names, 255), found.first_day, found.last_day)
    return (*place, *who, *what, row.key)


def _item_values(item: ItemRow, files: Names, slots: Names) -> tuple[object, ...]:
    """In the order of ITEM."""
    what = (item.id.encode(), item.rev, STATUSES.index(item.status))
    place = (files(item.file), item.offset, item.length, item.line)
    source = (key_of(item.resource) if item.resource else 0, item.first, item.last)
    return (*what, *place, *source, item.text_key, slots(item.slot), item.row, item.day)


def _surfaces(rows: Sequence[Row]) -> dict[str, str]:
    """For each term the plainest word that it comes from: what its vector is made of."""
    found: dict[str, str] = {}
    for row in rows:
        for term, word in zip(row.passage.terms, row.passage.surfaces, strict=True):
            if word != found.get(term):
                found[term] = min(found.get(term, word), word, key=plainness)
    return found


def plainness(word: str) -> tuple[int, str]:
    """Least for the shortest word. Not the commonest: the choice must not depend on how rows are grouped."""
    return len(word), word


def _invert(
    documents: Sequence[Sequence[str]],
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.uint8], list[str]]:
    """Postings of documents given as lists of terms: (indptr, row numbers, counts, terms)."""
    numbers = Names()
    sizes = np.array([len(document) for document in documents], dtype=np.int64)
    flat = np.array([numbers(term) for document in documents for term in document], dtype=np.int64)
    owners = np.repeat(np.arange(len(documents), dtype=np.int64), sizes)
    pairs, counts = np.unique(flat * max(len(documents), 1) + owners, return_counts=True)
    terms = numbers.names()
    by_term = pairs // max(len(documents), 1)
    indptr = np.zeros(len(terms) + 1, dtype=np.int64)
    np.cumsum(np.bincount(by_term, minlength=len(terms)), out=indptr[1:])
    rows = (pairs % max(len(documents), 1)).astype(np.int32)
    return indptr, rows, np.minimum(counts, 255).astype(np.uint8), terms
