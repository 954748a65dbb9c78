"""The revisions that carry out a reorganisation: every source of what is merged stands behind the new item.

Nothing is deleted: what is merged or reworded stays in `items/` as it was, and what is hidden stays active.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ..models import Item, Occurred, Origin, Source, Status
from ..results import Rearrangement

MAX_KEYWORDS = 16
MERGED_INTO = "merged into "
"""How the reason of an item begins that was merged; the id of what it was merged into follows."""


@dataclass(frozen=True, slots=True)
class Revisions:
    """What a reorganisation appends: revisions, those that moved to another slot, the operations done."""

    items: tuple[Item, ...] = ()
    moved: frozenset[str] = frozenset()
    operations: tuple[Rearrangement, ...] = ()


def revisions(
    operations: Iterable[Rearrangement],
    items: Mapping[str, Item],
    *,
    run: str,
    now: datetime,
    model: str,
    fresh_id: Callable[[str], str],
) -> Revisions:
    """The revisions that carry out `operations` on `items` (by id). `fresh_id` gives a new text its id."""
    made: list[Item] = []
    moved: set[str] = set()
    done: list[Rearrangement] = []
    for operation in operations:
        parts = [_revised(items[item_id], run, now) for item_id in operation.items]
        if operation.op == "merge":
            merged = _merged(operation, parts, run, now, model, fresh_id(operation.text))
            reason = f"{MERGED_INTO}{merged.id}"
            made += [merged, *(replace(p, status=Status.SUPERSEDED, reason=reason) for p in parts)]
            operation = replace(operation, result=merged.id)
        else:
            made += [_changed(operation, part, model) for part in parts]
            moved |= {p.id for p in parts if operation.op != "hide" and p.slot != operation.slot}
        done.append(operation)
    return Revisions(tuple(made), frozenset(moved), tuple(done))


def _revised(item: Item, run: str, now: datetime) -> Item:
    return replace(item, rev=item.rev + 1, run=run, created_at=now)


def _changed(operation: Rearrangement, item: Item, model: str) -> Item:
    if operation.op == "hide":
        return replace(item, shown=False, reason="left out of the profile")
    if operation.op == "move":
        return replace(item, slot=operation.slot, reason="moved to another slot")
    text = operation.text.casefold()
    return replace(
        item,
        text=operation.text,
        slot=operation.slot,
        keywords=tuple(word for word in item.keywords if word.casefold() in text),
        model=model,
        reason="reworded",
    )


def _merged(
    operation: Rearrangement, parts: Sequence[Item], run: str, now: datetime, model: str, item_id: str
) -> Item:
    """One item with every source of its parts: the earliest part's is its own, the others stand beside it."""
    in_time = sorted(parts, key=_said)
    best = max(parts, key=lambda part: part.weight)
    found = [s for part in in_time for s in (part.source, *part.corroborations) if s is not None]
    sources: list[Source] = list(dict.fromkeys(found))
    first = next((part.source for part in in_time if part.source is not None), None)
    own = first or (sources[0] if sources else None)
    text = operation.text.casefold()
    keywords = dict.fromkeys(word for part in parts for word in part.keywords if word.casefold() in text)
    return Item(
        id=item_id,
        rev=1,
        status=Status.ACTIVE,
        type=best.type,
        text=operation.text,
        subject=parts[0].subject,
        categories=parts[0].categories,
        slot=operation.slot,
        run=run,
        created_at=now,
        origin=Origin.REFLECTION,
        keywords=tuple(keywords)[:MAX_KEYWORDS],
        tags=tuple(dict.fromkeys(tag for part in parts for tag in part.tags)),
        occurred=_hull([part.occurred for part in parts]),
        mentioned_at=in_time[-1].mentioned_at,
        source=own,
        derived_from=tuple(part.id for part in parts),
        corroborations=tuple(source for source in sources if source != own),
        supersedes=parts[0].id,
        reason=f"merged from {len(parts)} entries",
        weight=best.weight,
        model=model,
    )


def _said(item: Item) -> tuple[datetime, str]:
    when = item.mentioned_at or item.created_at
    return when if when.tzinfo else when.replace(tzinfo=UTC), item.id


def _hull(times: Sequence[Occurred | None]) -> Occurred | None:
    """The time that all have in common, else from first start to last end; None where one has none."""
    known = [time for time in times if time is not None]
    if not known or len(known) < len(times):
        return None
    if len({(time.start, time.end) for time in known}) == 1:
        return known[0]
    texts = dict.fromkeys(time.text for time in known)
    return Occurred(min(t.start for t in known), max(t.end for t in known), "span", "; ".join(texts))


def merged_into(item: Item) -> str:
    """The id of the item that this one was merged into, "" where it was not."""
    if item.status is not Status.SUPERSEDED or not (item.reason or "").startswith(MERGED_INTO):
        return ""
    return (item.reason or "").removeprefix(MERGED_INTO)
