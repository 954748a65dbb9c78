"""Which slots of a profile a client gets: filtered, in order of worth, limited, under a budget of tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..errors import InvalidInput
from ..models import ProfileQuery
from ..results import ProfileSlot
from .client_names import name_key

BEARS = 0.3
"""The least similarity (0 to 1) at which a slot bears on what is talked about."""


def check_query(query: ProfileQuery) -> None:
    """Raises InvalidInput for a limit that is none."""
    limits = {
        "max_token_size": query.max_token_size,
        "max_subtopic_size": query.max_subtopic_size,
        "topk": query.topk,
        **{f"topic_limits[{topic!r}]": limit for topic, limit in query.topic_limits.items()},
    }
    for name, value in limits.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise InvalidInput(f"{name} must be a whole number from 0 on, not {value!r}")


def slot_line(slot: ProfileSlot) -> str:
    """A slot as text: what it counts as in a budget."""
    return f"- {slot.topic}/{slot.sub_topic}: {slot.content}"


def choose_slots(
    slots: Sequence[ProfileSlot],
    query: ProfileQuery,
    count: Callable[[str], int],
    bearing: Mapping[str, float] | None = None,
) -> list[ProfileSlot]:
    """The slots that `query` takes, best first: all their lines together keep to `max_token_size`.

    `bearing` is how near slots (their ids) are to what is talked about, 0 to 1, the best first. Where any
    bears on it, only those and the preferred topics are taken. Else the last written come first. A slot that
    does not fit is left out whole, and smaller ones after it may fit.
    """
    limited = _limited(_ordered(_wanted(slots, query), query, bearing or {}), query)
    return limited if query.max_token_size is None else _fitting(limited, query.max_token_size, count)


def _wanted(slots: Sequence[ProfileSlot], query: ProfileQuery) -> list[ProfileSlot]:
    only = {name_key(topic) for topic in query.only_topics}
    return [slot for slot in slots if not only or name_key(slot.topic) in only]


def _ordered(
    slots: Sequence[ProfileSlot], query: ProfileQuery, bearing: Mapping[str, float]
) -> list[ProfileSlot]:
    preferred = {name_key(topic): n for n, topic in reversed(list(enumerate(query.prefer_topics)))}
    rank = {slot.id: preferred.get(name_key(slot.topic), len(preferred)) for slot in slots}
    order = [slot for slot, similarity in bearing.items() if similarity >= BEARS]
    bears = {slot: place for place, slot in enumerate(order)}
    if bears:
        slots = [slot for slot in slots if slot.id in bears or rank[slot.id] < len(preferred)]
    found = sorted(slots, key=lambda slot: (slot.topic, slot.sub_topic))
    found.sort(key=lambda slot: slot.updated_at, reverse=True)
    found.sort(key=lambda slot: (rank[slot.id], bears.get(slot.id, len(bears))))
    return found


def _limited(slots: Sequence[ProfileSlot], query: ProfileQuery) -> list[ProfileSlot]:
    limits = {name_key(topic): limit for topic, limit in query.topic_limits.items()}
    taken: dict[str, int] = {}
    found = []
    for slot in slots:
        key = name_key(slot.topic)
        limit = limits.get(key, query.max_subtopic_size)
        if limit is None or taken.get(key, 0) < limit:
            taken[key] = taken.get(key, 0) + 1
            found.append(slot)
    return found[: query.topk]


def _fitting(slots: Sequence[ProfileSlot], budget: int, count: Callable[[str], int]) -> list[ProfileSlot]:
    """Counted over the lines as they stand together: a sum of counts may be off by some tokens."""
    found: list[ProfileSlot] = []
    left = budget
    for slot in slots:
        cost = count(slot_line(slot) + "\n")
        if cost <= left:
            found.append(slot)
            left -= cost
    while found and count("\n".join(map(slot_line, found))) > budget:
        found.pop()
    return found
