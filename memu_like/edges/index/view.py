"""A view over segments: the columns that ranking needs, end to end, and look-ups by id and by line.

Products of a matrix and a vector are `vecdot` here: it stays on one thread, and a second one makes a
search of some milliseconds slower, not faster, on a machine with other work.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models import Status
from ...pure.ranking import idf
from .item_places import ItemPlace, place_of
from .merging import latest_revisions
from .segment import COARSE_DIMENSIONS, EVIDENCE, ITEM, STATUSES, Segment, Session, key_of, plainness

# What the leading dimensions miss of a cosine, and how many words are looked at for each one asked for, so
# that the true nearest are among them.
COARSE_ERROR = 0.3
COARSE_SURPLUS = 4
BLOCK_ROWS = 128
SET_ASIDE = "buffer-"
MAX_PLACES_KEPT = MAX_TERMS_KEPT = 4096
# More than the lines of any resource: a session's number times this plus a line orders all lines.
LINES = 2**32


@dataclass(frozen=True, slots=True)
class Evidence:
    """Pairs: row `items[i]` is an item that speaks for row `sources[i]`. `sources` rise."""

    items: NDArray[np.int64]
    sources: NDArray[np.int64]


class View:
    """Rows of all segments under one numbering, in order of segments; immutable."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = [segment for segment in segments if len(segment.rows) or len(segment.items)]
        self.starts = np.cumsum([0, *(len(segment.rows) for segment in self.segments)])
        self.size = int(self.starts[-1])
        self.near: dict[str, dict[str, float]] = {}
        self._places: dict[str, ItemPlace | None] = {}
        self._sizes: dict[str, int] = {}

    # -- columns (n)

    def _column(self, name: str) -> NDArray[Any]:
        parts = [segment.rows[name] for segment in self.segments]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)

    @cached_property
    def day(self) -> NDArray[np.int32]:
        return self._column("day").astype(np.int32)

    @cached_property
    def flags(self) -> NDArray[np.uint8]:
        return self._column("flags").astype(np.uint8)

    @cached_property
    def kind(self) -> NDArray[np.uint8]:
        return self._column("kind").astype(np.uint8)

    @cached_property
    def lengths(self) -> NDArray[np.float32]:
        """Terms in each row."""
        return self._column("size").astype(np.float32)

    @cached_property
    def names(self) -> NDArray[np.float32]:
        """Names in each row, speakers' apart."""
        return self._column("names").astype(np.float32)

    @cached_property
    def first_day(self) -> NDArray[np.int32]:
        """First day of what the row speaks of; after `last_day` where it names no date."""
        return self._column("first_day").astype(np.int32)

    @cached_property
    def last_day(self) -> NDArray[np.int32]:
        return self._column("last_day").astype(np.int32)

    @cached_property
    def rarity(self) -> NDArray[np.float32]:
        """Mean idf of each row's terms, over all segments: small talk is made of frequent words."""
        totals: dict[str, int] = {}
        sizes = [np.diff(segment.indptr) for segment in self.segments]
        if len(self.segments) > 1 or self.ranked_size < self.size:
            for number, segment in enumerate(self.segments):
                for term, count in zip(segment.terms, self._live_counts(number).tolist(), strict=True):
                    totals[term] = totals.get(term, 0) + count
        parts = []
        for segment, size in zip(self.segments, sizes, strict=True):
            found = np.array([totals[t] for t in segment.terms]) if totals else size
            weights = np.repeat(idf(found, self.ranked_size), size) * segment.counts
            sums = np.bincount(segment.postings, weights, minlength=len(segment.rows))
            parts.append(sums / np.maximum(segment.rows["size"], 1))
        return np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, dtype=np.float32)

    def _live_counts(self, number: int) -> NDArray[np.int64]:
        """In how many ranked rows each term of a segment stands."""
        segment, start = self.segments[number], self.starts[number]
        live = self.ranked[start : start + len(segment.rows)][segment.postings]
        return np.diff(np.concatenate([[0], np.cumsum(live)])[segment.indptr])

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        return self._column("key").astype(np.uint64)

    @cached_property
    def lines(self) -> NDArray[np.int32]:
        return self._column("line").astype(np.int32)

    @cached_property
    def speakers(self) -> list[str]:
        return list(dict.fromkeys(name for segment in self.segments for name in segment.speakers))

    @cached_property
    def speaker(self) -> NDArray[np.int32]:
        """Number of the row's speaker in `speakers`; -1 where it has none."""
        numbers = {name: number for number, name in enumerate(self.speakers)}
        parts = [
            np.array([numbers[name] for name in segment.speakers] + [-1], dtype=np.int32)[
                segment.rows["speaker"]
            ]
            for segment in self.segments
        ]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)

    @cached_property
    def session(self) -> NDArray[np.int32]:
        """A number for each session, rising with the rows; a standalone row is a session of its own.

        Rows in a line that are not ranked share one: they are looked at, and never chosen.
        """
        parts, base = [], 0
        for segment, start in zip(self.segments, self.starts, strict=False):
            column = segment.rows["session"].astype(np.int64)
            alone = (column < 0) & self.ranked[start : start + len(column)]
            number = (
                np.cumsum(np.r_[True, (column[1:] != column[:-1]) | alone[1:] | alone[:-1]]) - 1
                if len(column)
                else column
            )
            parts.append((number + base).astype(np.int32))
            base += int(number[-1]) + 1 if len(number) else 0
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)

    @cached_property
    def block(self) -> NDArray[np.int32]:
        """Sessions cut at BLOCK_ROWS rows, rising with the rows: what is chosen or left as one."""
        session = self.session
        if not self.size:
            return session
        first = np.r_[True, session[1:] != session[:-1]]
        starts = np.maximum.accumulate(np.where(first, np.arange(self.size), 0))
        within = np.arange(self.size) - starts
        return (np.cumsum(first | (within % BLOCK_ROWS == 0)) - 1).astype(np.int32)

    @cached_property
    def block_starts(self) -> NDArray[np.int64]:
        """First row of each block, and at the end the number of rows."""
        return np.asarray(np.r_[np.flatnonzero(np.r_[True, self.block[1:] != self.block[:-1]]), self.size])

    @cached_property
    def alive(self) -> NDArray[np.bool_]:
        """False for an item's row that a later revision or a retraction has put out of use.

        False too for a message of a buffer that a flush has set aside, once it stands in a resource: a flush
        that was killed before it removed the buffer leaves it in both.
        """
        alive = np.ones(self.size, dtype=np.bool_)
        _, rows, in_use = self._own_rows
        alive[rows[~in_use]] = False
        for segment, start in zip(self.segments, self.starts, strict=False):
            if segment.sessions and segment.sessions[0].file.startswith(SET_ASIDE):
                alive[start : start + len(segment.rows)] = ~np.isin(segment.rows["key"], self._stored_keys)
        return alive

    @cached_property
    def _own_rows(self) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.bool_]]:
        """The item revisions that have a row of their own, that row, and whether it is in use: the last
        revision of an item that nobody has taken back."""
        tables = [segment.items for segment in self.segments]
        if not any((table["row"] >= 0).any() for table in tables):
            return np.zeros(0, dtype=ITEM), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
        starts = np.repeat(self.starts[:-1], [len(table) for table in tables])
        table = np.concatenate(tables)
        in_use = latest_revisions(table) & (table["status"] != STATUSES.index(Status.RETRACTED))
        own = table["row"] >= 0
        return table[own], table["row"][own] + starts[own], in_use[own]

    @cached_property
    def evidence(self) -> Evidence:
        """Which rows speak for which: an item that a model has worded, for the lines that it comes from."""
        items, rows, in_use = self._own_rows
        items, rows = items[in_use], rows[in_use]
        worded = self.kind[rows] == EVIDENCE
        items, rows = items[worded], rows[worded]
        first, last = self._rows_of(items["resource"], items["first"], items["last"])
        counts = np.maximum(last - first + 1, 0)
        items_of = np.repeat(rows, counts)
        within = np.arange(len(items_of)) - np.repeat(np.cumsum(counts) - counts, counts)
        sources = np.repeat(first, counts) + within
        order = np.argsort(sources, kind="stable")
        return Evidence(items_of[order], sources[order])

    def _rows_of(
        self, resources: NDArray[np.uint64], first: NDArray[np.int32], last: NDArray[np.int32]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The first and the last row that hold lines `first` to `last` of a resource; 0 and -1 for none."""
        keys = np.concatenate([np.zeros(0, dtype=np.uint64), *(s.session_keys for s in self.segments)])
        none = np.zeros(len(resources), dtype=np.int64)
        bases = np.cumsum([0, *(len(s.sessions) for s in self.segments)])
        numbers = np.concatenate(
            [
                np.zeros(0, dtype=np.int64),
                *(
                    np.where(s.rows["session"] >= 0, s.rows["session"] + base, -1)
                    for s, base in zip(self.segments, bases, strict=False)
                ),
            ]
        )
        held = np.flatnonzero(numbers >= 0)
        if not len(held) or not len(resources):
            return none, none - 1
        places = numbers[held] * LINES + self._column("line")[held]
        order = np.argsort(keys, kind="stable")
        found = order[np.minimum(keys[order].searchsorted(resources), len(keys) - 1)]
        known = keys[found] == resources
        # A chunk holds the lines from its own to the next chunk's.
        begin, end = (places.searchsorted(found * LINES + line, side="right") - 1 for line in (first, last))
        inside = known & (end >= 0) & (numbers[held[np.maximum(end, 0)]] == found)
        begin = np.where(numbers[held[np.maximum(begin, 0)]] == found, begin, begin + 1)
        return np.where(inside, held[begin], 0), np.where(inside, held[end], -1)

    @cached_property
    def ranked(self) -> NDArray[np.bool_]:
        """Rows that can be a hit: those in use, but for items that speak for rows of their source."""
        ranked = self.alive.copy()
        ranked[self.evidence.items] = False
        return ranked

    @cached_property
    def _stored_keys(self) -> NDArray[np.uint64]:
        """The keys of the rows that come from resources."""
        stored = [s.rows["key"] for s in self.segments if s.sessions and s.sessions[0].resource]
        return np.concatenate(stored) if stored else np.zeros(0, dtype=np.uint64)

    # -- search

    def postings(self, term: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows that hold `term` and how often."""
        rows, counts = [], []
        for segment, start in zip(self.segments, self.starts, strict=False):
            part, count = segment.term(term)
            if len(part):
                rows.append(part.astype(np.int64) + start)
                counts.append(count)
        if not rows:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        found, times = np.concatenate(rows), np.concatenate(counts).astype(np.float32)
        if self.all_alive:
            return found, times
        live = self.alive[found]
        return found[live], times[live]

    def rows_with(self, term: str) -> NDArray[np.int64]:
        """Rows that hold `term`."""
        rows = [
            segment.term(term)[0].astype(np.int64) + start
            for segment, start in zip(self.segments, self.starts, strict=False)
            if term in segment.term_ids
        ]
        found = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
        return found if self.all_alive else found[self.alive[found]]

    def frequencies(self, terms: Collection[str]) -> dict[str, int]:
        """In how many rows each of `terms` stands, those out of use included; those that stand in none are
        left out. Kept, for what is recalled and what is then said of it are in the same words."""
        if len(self._sizes) >= MAX_TERMS_KEPT:
            self._sizes.clear()
        fresh = [term for term in terms if term not in self._sizes]
        found = dict.fromkeys(fresh, 0)
        for segment in self.segments if fresh else ():
            numbers = {term: segment.term_ids[term] for term in fresh if term in segment.term_ids}
            places = np.fromiter(numbers.values(), dtype=np.intp)
            sizes = segment.indptr[places + 1] - segment.indptr[places]
            for term, size in zip(numbers, sizes.tolist(), strict=True):
                found[term] += size
        self._sizes |= found
        return {term: size for term in terms if (size := self._sizes[term])}

    @cached_property
    def live_size(self) -> int:
        """Rows in use."""
        return int(self.alive.sum())

    @cached_property
    def all_alive(self) -> bool:
        return self.live_size == self.size

    @cached_property
    def ranked_size(self) -> int:
        """Ranked rows: what statistics are over, so that they are those of a freshly built index, and the
        same whether or not items speak for the rows."""
        return int(self.ranked.sum())

    def ranked_among(self, rows: NDArray[np.int64]) -> int:
        """How many of `rows`, which are in use, are ranked."""
        return int(np.count_nonzero(self.ranked[rows])) if len(self.evidence.items) else len(rows)

    @cached_property
    def mean_length(self) -> float:
        """Mean number of terms of the ranked rows; 1 where there are none."""
        return float(self.lengths[self.ranked].mean()) if self.ranked_size else 1.0

    @cached_property
    def _coarse(self) -> list[NDArray[np.float32]]:
        return [_coarse(segment) for segment in self.segments]

    def coarse_cosines(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """About the cosine of every row with `vector`, from the leading dimensions."""
        if not self.size or not len(vector):
            return np.zeros(self.size, dtype=np.float32)
        head = vector[:COARSE_DIMENSIONS]
        return np.concatenate([np.vecdot(part, head) for part in self._coarse])

    def cosines(self, vector: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Cosine of `vector` with each of `rows`, which rise."""
        if not len(vector) or not len(rows):
            return np.zeros(len(rows), dtype=np.float32)
        parts = []
        cuts = np.searchsorted(rows, self.starts)
        for number, segment in enumerate(self.segments):
            local = rows[cuts[number] : cuts[number + 1]] - self.starts[number]
            if len(local):
                rows_here = segment.vectors[local].astype(np.float32)
                parts.append(np.vecdot(rows_here, vector) * segment.scales[local])
        return np.concatenate(parts)

    @cached_property
    def _words(self) -> list[NDArray[np.float32]]:
        return [
            segment.word_heads.astype(np.float32) * segment.word_scales[:, None] for segment in self.segments
        ]

    def near_words(self, vector: NDArray[np.float32], cosine: float, count: int) -> dict[str, str]:
        """Term and word of the memory's words that may be among the `count` at `cosine` or nearer."""
        found: dict[str, tuple[float, str]] = {}
        head = vector[:COARSE_DIMENSIONS]
        for segment, words in zip(self.segments, self._words, strict=True):
            if not words.size:
                continue
            about = np.vecdot(words, head)
            near = np.flatnonzero(about >= cosine - COARSE_ERROR)
            # Few of the first are words that another segment has a plainer one for, so this cut drops none.
            order = np.argsort(-about[near], kind="stable")[: 2 * COARSE_SURPLUS * count]
            for number in near[order].tolist():
                term, word = segment.terms[number], segment.surfaces[number]
                if word == self._plainest(term):
                    found[term] = float(about[number]), word
        nearest = sorted(found, key=lambda term: (-found[term][0], term))
        return {term: found[term][1] for term in nearest[: COARSE_SURPLUS * count]}

    def _plainest(self, term: str) -> str:
        """A term's word over all segments: the one it would have if they were one."""
        if len(self.segments) == 1:
            return self.segments[0].surfaces[self.segments[0].term_ids[term]]
        places = ((segment, segment.term_ids.get(term)) for segment in self.segments)
        return min((s.surfaces[number] for s, number in places if number is not None), key=plainness)

    # -- look-ups

    def locate(self, row: int) -> tuple[Segment, int]:
        number = int(self.starts.searchsorted(row, side="right")) - 1
        return self.segments[number], row - int(self.starts[number])

    def session_of(self, row: int) -> Session | None:
        segment, local = self.locate(row)
        number = int(segment.rows["session"][local])
        return segment.sessions[number] if number >= 0 else None

    def sessions(self) -> Iterator[Session]:
        for segment in self.segments:
            yield from segment.sessions

    def item(self, item_id: str) -> ItemPlace | None:
        """The last revision of an item; None where there is no such item."""
        if item_id not in self._places:
            if len(self._places) >= MAX_PLACES_KEPT:
                self._places.clear()
            self._places[item_id] = self._look_up(item_id)
        return self._places[item_id]

    def _look_up(self, item_id: str) -> ItemPlace | None:
        best: ItemPlace | None = None
        key = item_id.encode()
        for segment in self.segments:
            for number in segment.items_with_id(key):
                place = place_of(segment, number)
                if best is None or place.rev >= best.rev:
                    best = place
        return best

    def active_slots(self, item_ids: Collection[str]) -> dict[str, str]:
        """Of many items at once the slots ("topic/slot") of those that are active."""
        keys = np.array([item_id.encode() for item_id in item_ids], dtype=ITEM["id"])
        latest: dict[bytes, tuple[int, int, str]] = {}
        for segment in self.segments:
            rows = segment.items[segment.items_with_ids(keys)][["id", "rev", "status", "slot"]]
            for item_id, rev, status, slot in rows.tolist():
                if item_id not in latest or rev >= latest[item_id][0]:
                    latest[item_id] = rev, status, segment.slots[slot]
        return {
            item_id.decode(): slot
            for item_id, (_, status, slot) in latest.items()
            if STATUSES[status] is Status.ACTIVE
        }

    def oldest(self, item_id: str) -> ItemPlace | None:
        """The first revision of an item that the index still knows."""
        key = item_id.encode()
        places = (place_of(segment, n) for segment in self.segments for n in segment.items_with_id(key))
        return min(places, key=lambda place: place.rev, default=None)

    def items_at(self, resource: str, line: int) -> list[ItemPlace]:
        """The items whose source lines hold `line` of `resource`, each in its last revision.

        What holds now comes first, then by place: the order does not depend on how segments were merged.
        """
        ids: dict[str, None] = {}
        key = key_of(resource)
        for segment in self.segments:
            for item_id in segment.items_on(key, line):
                ids[item_id.decode()] = None
        places = [place for item_id in ids if (place := self.item(item_id)) is not None]
        return sorted(places, key=lambda p: (p.status is not Status.ACTIVE, p.file, p.offset))

    def items_of(self, resource: str) -> list[ItemPlace]:
        """Every item with a source in `resource`, each in its last revision."""
        key = key_of(resource)
        ids = {s.items["id"][n].decode(): None for s in self.segments for n in s.items_of(key)}
        return [place for item_id in ids if (place := self.item(item_id)) is not None]

    def items_with_text(self, text_key: int) -> list[ItemPlace]:
        """The items whose words are the same but for case, punctuation and spacing."""
        ids = {s.items["id"][n].decode(): None for s in self.segments for n in s.items_with_text(text_key)}
        return [place for item_id in ids if (place := self.item(item_id)) is not None]

    def all_items(self, topics: Collection[str] | None = None) -> Iterator[ItemPlace]:
        """The last revision of every item, by segment; of `topics` only, where they are given."""
        latest: dict[bytes, tuple[int, Segment, int]] = {}
        for segment in self.segments:
            columns = segment.items["id"].tolist(), segment.items["rev"].tolist()
            for number, (item_id, rev) in enumerate(zip(*columns, strict=True)):
                before = latest.get(item_id)
                if before is None or rev >= before[0]:
                    latest[item_id] = rev, segment, number
        wanted = {
            (id(segment), number)
            for segment in self.segments
            for number, slot in enumerate(segment.slots)
            if topics is None or slot.partition("/")[0] in topics
        }
        slots = {id(segment): segment.items["slot"].tolist() for segment in self.segments}
        for _, segment, number in latest.values():
            if (id(segment), slots[id(segment)][number]) in wanted:
                yield place_of(segment, number)

    def line_bytes(self, topics: Collection[str]) -> dict[str, dict[str, int]]:
        """Topic -> item id -> length of its line, of the active items of `topics`, and of some that have left
        them since: cheaper than `all_items`, for it looks at these topics only."""
        latest: dict[bytes, tuple[int, int, int, str]] = {}
        for segment in self.segments:
            there = [slot.partition("/")[0] for slot in segment.slots]
            wanted = np.array([topic in topics for topic in there], dtype=np.bool_)
            rows = segment.items[wanted[segment.items["slot"]]] if wanted.any() else segment.items[:0]
            for item_id, *values, slot in rows[["id", "rev", "status", "length", "slot"]].tolist():
                if item_id not in latest or values[0] >= latest[item_id][0]:
                    latest[item_id] = (*values, there[slot])
        found: dict[str, dict[str, int]] = {topic: {} for topic in topics}
        for item_id, (_, status, length, topic) in latest.items():
            if STATUSES[status] is Status.ACTIVE:
                found[topic][item_id.decode()] = length
        return found


def _coarse(segment: Segment) -> NDArray[np.float32]:
    part: NDArray[np.float32] = segment.vectors[:, :COARSE_DIMENSIONS].astype(np.float32)
    part *= segment.scales[:, None]
    return part
