"""Merging segments into one: the rows and items that still count, under one numbering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .segment import Names, Segment, Session, key_of, plainness


def merge(segments: Sequence[Segment], forgotten: frozenset[str] = frozenset()) -> Segment:
    """One segment of several, in order, without the sessions in `forgotten` and what hangs on them.

    Of each item only the last revision is kept, and a standalone row only with its last revision.
    """
    kept_items = _live_items(segments, forgotten)
    keeps = [_live_rows(s, live, forgotten) for s, live in zip(segments, kept_items, strict=True)]
    numbering = [np.cumsum(keep) - 1 for keep in keeps]
    bases = np.cumsum([0, *(int(keep.sum()) for keep in keeps)])
    files, speakers, slots = Names(), Names(), Names()
    sessions: list[Session] = []
    rows, items = [], []
    for segment, keep, live, number, base in zip(segments, keeps, kept_items, numbering, bases, strict=False):
        session_map = _move_sessions(segment, forgotten, number, int(base), sessions)
        part = segment.rows[keep].copy()
        part["file"] = _remap(part["file"], segment.files, files)
        part["speaker"] = _remap(part["speaker"], segment.speakers, speakers)
        part["session"] = np.where(part["session"] >= 0, session_map[part["session"]], -1)
        rows.append(part)
        chosen = segment.items[live].copy()
        chosen["file"] = _remap(chosen["file"], segment.files, files)
        chosen["slot"] = _remap(chosen["slot"], segment.slots, slots)
        if len(number):
            chosen["row"] = np.where(chosen["row"] >= 0, number[chosen["row"]] + base, -1)
        items.append(chosen)
    indptr, postings, counts, terms = _merge_postings(segments, keeps, numbering, bases)
    home = _homes(segments)
    from_where = [home[term] for term in terms]
    return Segment(
        np.concatenate(rows),
        np.concatenate(items),
        np.concatenate([s.vectors[keep] for s, keep in zip(segments, keeps, strict=True)]),
        np.concatenate([s.scales[keep] for s, keep in zip(segments, keeps, strict=True)]),
        _gathered([s.word_heads[n] for s, n in from_where], segments[0].word_heads),
        _gathered([s.word_scales[n] for s, n in from_where], segments[0].word_scales),
        indptr,
        postings,
        counts,
        terms,
        [s.surfaces[n] for s, n in from_where],
        files.names(),
        speakers.names(),
        slots.names(),
        sessions,
    )


def _homes(segments: Sequence[Segment]) -> dict[str, tuple[Segment, int]]:
    """Where the plainest word of each term stands."""
    home: dict[str, tuple[Segment, int]] = {}
    for segment in segments:
        for number, (term, word) in enumerate(zip(segment.terms, segment.surfaces, strict=True)):
            known = home.get(term)
            if known is None or plainness(word) < plainness(known[0].surfaces[known[1]]):
                home[term] = segment, number
    return home


def _gathered(parts: Sequence[Any], like: NDArray[Any]) -> NDArray[Any]:
    return np.array(parts, dtype=like.dtype).reshape(len(parts), *like.shape[1:])


def _live_items(segments: Sequence[Segment], forgotten: frozenset[str]) -> list[NDArray[np.bool_]]:
    """Per segment, the item rows that are the last revision of their id and hang on no forgotten resource."""
    lengths = [len(segment.items) for segment in segments]
    table = np.concatenate([segment.items for segment in segments])
    live = latest_revisions(table)
    if forgotten:
        keys = np.array([key_of(resource) for resource in forgotten], dtype=np.uint64)
        live &= ~np.isin(table["resource"], keys)
    return np.split(live, np.cumsum(lengths)[:-1])


def latest_revisions(table: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows of an item table hold the highest revision of their id; of equals, the last."""
    live = np.zeros(len(table), dtype=np.bool_)
    if len(table):
        order = np.lexsort((np.arange(len(table)), table["rev"], table["id"]))
        ids = table["id"][order]
        live[order[np.append(ids[1:] != ids[:-1], True)]] = True
    return live


def _live_rows(segment: Segment, live: NDArray[np.bool_], forgotten: frozenset[str]) -> NDArray[np.bool_]:
    keep = np.ones(len(segment.rows), dtype=np.bool_)
    gone = [n for n, session in enumerate(segment.sessions) if session.resource in forgotten]
    if gone:
        keep &= ~np.isin(segment.rows["session"], gone)
    dead = segment.items["row"][~live]
    keep[dead[dead >= 0]] = False
    return keep


def _move_sessions(
    segment: Segment,
    forgotten: frozenset[str],
    number: NDArray[np.int64],
    base: int,
    sessions: list[Session],
) -> NDArray[np.int32]:
    """Append the kept sessions to `sessions`; returns old number -> new number, -1 for the others."""
    mapping = np.full(len(segment.sessions) + 1, -1, dtype=np.int32)
    for old, session in enumerate(segment.sessions):
        if session.resource not in forgotten:
            start = int(number[session.start]) + base if session.rows else base
            mapping[old] = len(sessions)
            sessions.append(replace(session, start=start))
    return mapping


def _remap(column: NDArray[Any], names: list[str], into: Names) -> NDArray[np.int32]:
    mapping = np.array([into(name) for name in names] + [-1], dtype=np.int32)
    return np.asarray(mapping[column], dtype=np.int32)


def _merge_postings(
    segments: Sequence[Segment],
    keeps: Sequence[NDArray[np.bool_]],
    numbering: Sequence[NDArray[np.int64]],
    bases: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.uint8], list[str]]:
    vocabulary = Names()
    by_term, rows, counts = [], [], []
    for segment, keep, number, base in zip(segments, keeps, numbering, bases, strict=False):
        mapping = np.array([vocabulary(term) for term in segment.terms], dtype=np.int64)
        owners = np.repeat(mapping, np.diff(segment.indptr))
        alive = keep[segment.postings]
        by_term.append(owners[alive])
        rows.append((number[segment.postings[alive]] + base).astype(np.int32))
        counts.append(segment.counts[alive])
    flat = np.concatenate(by_term)
    order = np.argsort(flat, kind="stable")
    terms = vocabulary.names()
    indptr = np.zeros(len(terms) + 1, dtype=np.int64)
    np.cumsum(np.bincount(flat, minlength=len(terms)), out=indptr[1:])
    return indptr, np.concatenate(rows)[order], np.concatenate(counts)[order], terms
