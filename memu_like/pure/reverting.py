"""What a revert appends: for each item that the reverted runs left as it is, what stood before them.

Nothing is rewritten. An item that was changed again since stays, and is reported with the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..models import Dropped, Item, Origin, Status

REVERTS = "reverts "
"""How the reason of a revert's event begins; the ids of the runs follow."""


@dataclass(frozen=True, slots=True)
class Undone:
    """One item: `last` as the reverted runs left it, and `item`, the revision that takes it back."""

    last: Item
    item: Item


@dataclass(frozen=True, slots=True)
class Undoing:
    done: tuple[Undone, ...] = ()
    kept: tuple[Dropped, ...] = ()


def undo(
    revisions: Mapping[str, Sequence[Item]], runs: Collection[str], *, run: str, now: datetime
) -> Undoing:
    """Take back what `runs` made of the items whose `revisions` (all of each, in order) are given."""
    done: list[Undone] = []
    kept: list[Dropped] = []
    for item_id, of_item in revisions.items():
        last = of_item[-1]
        if last.run in runs:
            done.append(Undone(last, _before(of_item, runs, run, now)))
        elif any(one.run in runs for one in of_item):
            kept.append(Dropped(_line(last), changed_since(last), item_id))
    return Undoing(tuple(done), tuple(kept))


def changed_since(item: Item) -> str:
    by = "by a person" if item.origin is Origin.HUMAN else f"by run {item.run}"
    return f"changed since {by}"


def _line(item: Item) -> int:
    return item.source.first if item.source is not None else 0


def _before(of_item: Sequence[Item], runs: Collection[str], run: str, now: datetime) -> Item:
    last = of_item[-1]
    reverted = _was_reverted(sorted({one.run for one in of_item if one.run in runs}))
    before = next((one for one in reversed(of_item) if one.run not in runs), None)
    if before is None:
        return revised(last, replace(last, status=Status.RETRACTED), run, now, reverted)
    # The reason of one that was replaced names what took its place, and is read again.
    reason = reverted if before.status is Status.ACTIVE else before.reason
    return revised(last, before, run, now, reason)


def revised(last: Item, like: Item, run: str, now: datetime, reason: str | None) -> Item:
    """The next revision of an item, which reads as `like`."""
    return replace(like, rev=last.rev + 1, run=run, created_at=now, reason=reason)


def _was_reverted(runs: Sequence[str]) -> str:
    return f"run {runs[0]} was reverted" if len(runs) == 1 else f"runs {', '.join(runs)} were reverted"


def reason_of(runs: Iterable[str]) -> str:
    return f"{REVERTS}{' '.join(runs)}"


def reverted_by(reason: str | None) -> tuple[str, ...]:
    """The runs that the event with this reason reverted."""
    return tuple(reason[len(REVERTS) :].split()) if reason and reason.startswith(REVERTS) else ()
