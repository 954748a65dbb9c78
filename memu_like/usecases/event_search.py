"""Events as clients know them: listed, searched by meaning and words, by tag, and by when they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, TypedDict

from ..models import EventRecord, Gist
from .desk import Desk


class Span(TypedDict, total=False):
    """When events were: the options of every search.

    time_range_in_days: from so many days ago on, None for all. since, until: times or ISO texts, which
    replace it. by: which time counts: when it "happened", was "said", was "stored", or "any" of them.
    """

    time_range_in_days: int | None
    since: datetime | str | None
    until: datetime | str | None
    by: Literal["any", "happened", "said", "stored"]


def event_records(
    desk: Desk, topk: int | None, max_token_size: int | None, need_summary: bool, span: Span
) -> list[EventRecord]:
    """The last events, newest first."""
    raise NotImplementedError


def search_events(
    desk: Desk, query: str, topk: int, similarity_threshold: float, span: Span
) -> list[EventRecord]:
    """The events that are nearest to `query`, best first."""
    raise NotImplementedError


def search_gists(desk: Desk, query: str, topk: int, similarity_threshold: float, span: Span) -> list[Gist]:
    """The statements that are nearest to `query`, best first."""
    raise NotImplementedError


def events_by_tags(
    desk: Desk, tags: Sequence[str], tag_values: Mapping[str, str], topk: int, span: Span
) -> list[EventRecord]:
    """The last events that have all of the tags, newest first."""
    raise NotImplementedError
