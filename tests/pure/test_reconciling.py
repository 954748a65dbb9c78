"""What becomes of a draft beside what is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from memu_like.models import Draft, Item, ItemType, Occurred, Source, Status
from memu_like.pure.reconciling import Reconciled, item_id, reconcile

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SAID = datetime(2025, 6, 1, tzinfo=UTC)


class Memory:
    """All that was learnt; everything is a candidate for a double."""

    def __init__(self, *items: Item) -> None:
        self.items = {item.id: item for item in items}

    def by_id(self, item_id: str, /) -> Item | None:
        return self.items.get(item_id)

    def alike(self, item: Item, /) -> Iterable[Item]:
        return list(self.items.values())

    def learn(self, item: Item, /) -> None:
        self.items[item.id] = item


def draft(
    text: str, line: int = 1, kind: ItemType = ItemType.PROFILE, occurred: Occurred | None = None
) -> Draft:
    return Draft(text, "Iris", kind, line, occurred=occurred, mentioned_at=SAID, topic="t", slot="s")


def run(memory: Memory, *drafts: Draft, resource: str = "r1") -> Reconciled:
    return reconcile(drafts, memory, resource=resource, run="run", now=NOW)


def test_what_is_new_is_added_with_its_source() -> None:
    (change,) = run(Memory(), draft("I like tea.", 3)).changes
    assert (change.op, change.item.source) == ("add", Source("r1", 3, 3))


def test_the_same_words_elsewhere_are_one_more_source() -> None:
    memory = Memory()
    first = run(memory, draft("I like green tea.")).changes[0].item
    (change,) = run(memory, draft("I like green tea!", 7), resource="r2").changes
    assert (change.op, change.item.id, change.item.rev) == ("corroborate", first.id, 2)
    assert change.item.corroborations == (Source("r2", 7, 7),)


def test_twice_in_one_run_is_one_item() -> None:
    (change,) = run(Memory(), draft("I like green tea.", 1), draft("I like green tea", 2)).changes
    assert (change.op, change.item.rev) == ("add", 1)
    assert change.item.corroborations == (Source("r1", 2, 2),)


def test_the_same_line_again_changes_nothing() -> None:
    memory = Memory()
    run(memory, draft("I like tea."))
    again = run(memory, draft("I like tea."))
    assert again.changes == ()
    assert [one.reason for one in again.dropped] == ["known from this line"]


def test_what_was_retracted_is_not_learnt_again() -> None:
    memory = Memory()
    item = run(memory, draft("I like tea.")).changes[0].item
    memory.learn(replace(item, status=Status.RETRACTED, rev=2))
    for resource in ("r1", "r2"):
        again = run(memory, draft("I like tea."), resource=resource)
        assert again.changes == ()
        assert [one.reason for one in again.dropped] == ["retracted before"]


def test_one_can_go_running_twice() -> None:
    memory = Memory()
    run(memory, draft("I went running.", kind=ItemType.EVENT))
    later = replace(draft("I went running.", 2, ItemType.EVENT), mentioned_at=SAID.replace(month=7))
    assert [change.op for change in run(memory, later).changes] == ["add"]


@given(st.lists(st.tuples(st.text(max_size=12), st.integers(1, 5)), max_size=12))
def test_nothing_is_lost_without_a_reason_and_a_second_run_adds_nothing(pairs: list[tuple[str, int]]) -> None:
    memory = Memory()
    drafts = [draft(text, line) for text, line in pairs]
    decided = run(memory, *drafts)
    sources = sum(1 + len(change.item.corroborations) for change in decided.changes)
    assert sources + len(decided.dropped) == len(drafts)
    assert not [change for change in run(memory, *drafts).changes if change.op == "add"]


def test_ids_are_the_same_in_every_clone_and_fit_a_block_id() -> None:
    assert item_id("r", 1, "x") == item_id("r", 1, "x") != item_id("r", 2, "x")
    assert item_id("r", 1, "x").isalnum()
    assert len(item_id("r", 1, "x", salt=3)) == 8
