"""What becomes of a draft that bears on a known item: corroborated, refined, corrected, taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.models import (
    Bearing,
    BearingKind,
    Draft,
    Dropped,
    Item,
    Occurred,
    Origin,
    Source,
    Status,
)
from memu_like.pure.reconciling import Known, Reconciled, operations, reconcile, successor_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SAID = datetime(2025, 6, 1, tzinfo=UTC)
REPLACING: tuple[BearingKind, ...] = ("refines", "corrects", "retracts")


class Memory(Known):
    """All that was learnt, last revisions by id; everything is a candidate for a double."""

    def __init__(self, pinned: Iterable[str] = ()) -> None:
        self.items: dict[str, Item] = {}
        self._pinned = set(pinned)

    def by_id(self, item_id: str, /) -> Item | None:
        return self.items.get(item_id)

    def alike(self, item: Item, /) -> Iterable[Item]:
        return list(self.items.values())

    def learn(self, item: Item, /) -> None:
        self.items[item.id] = item

    def pinned(self, item: Item, /) -> bool:
        return item.id in self._pinned


def draft(
    text: str,
    kind: BearingKind | None = None,
    target: str = "",
    *,
    line: int = 1,
    days: int = 0,
    subject: str = "Iris",
    slot: str = "s",
    model: str | None = "scripted",
) -> Draft:
    return Draft(
        text,
        subject,
        "profile",
        line,
        mentioned_at=SAID + timedelta(days=days),
        topic="t",
        slot=slot,
        bearing=Bearing(kind, target) if kind else None,
        model=model,
    )


def run(memory: Memory, *drafts: Draft, resource: str = "r2", name: str = "run2") -> Reconciled:
    return reconcile(drafts, memory, resource=resource, run=name, now=NOW)


def learnt(memory: Memory, text: str = "Iris lives in Porto.", **given: object) -> Item:
    """An item that an earlier run added."""
    found = run(memory, draft(text, **given), resource="r1", name="run1")  # type: ignore[arg-type]
    return found.changes[0].item


def test_the_same_again_is_one_more_source() -> None:
    memory = Memory()
    known = learnt(memory)
    (change,) = run(memory, draft("Her home is Porto, says Iris.", "corroborates", known.id, line=4)).changes
    assert (change.op, change.item.id, change.item.rev) == ("corroborate", known.id, 2)
    assert change.item.text == known.text
    assert change.item.corroborations == (Source("r2", 4, 4),)


def test_a_refinement_takes_the_place_and_the_sources() -> None:
    memory = Memory()
    known = learnt(memory)
    run(memory, draft("Porto is home.", "corroborates", known.id, line=2), resource="r1", name="run1b")
    decided = run(memory, draft("Iris lives in Porto, by the river.", "refines", known.id, line=7))
    new, old = decided.changes
    assert (new.op, new.target, new.item.supersedes, new.item.reason) == (
        "refine",
        known.id,
        known.id,
        "refines",
    )
    assert new.item.source == Source("r2", 7, 7)
    assert new.item.corroborations == (Source("r1", 1, 1), Source("r1", 2, 2))
    assert (old.op, old.item.status, old.item.rev) == ("supersede", Status.SUPERSEDED, 3)
    assert old.item.reason == f"refined by {new.item.id}"
    assert successor_id(old.item) == new.item.id


@pytest.mark.parametrize(
    ("kind", "op", "done"), [("corrects", "correct", "corrected"), ("retracts", "retract", "retracted")]
)
def test_a_correction_supersedes_and_keeps_its_own_sources_only(
    kind: BearingKind, op: str, done: str
) -> None:
    memory = Memory()
    known = learnt(memory)
    new, old = run(memory, draft("Iris moved to Lisbon.", kind, known.id, days=9)).changes
    assert (new.op, new.item.reason, new.item.corroborations) == (op, kind, ())
    assert (old.item.status, old.item.reason) == (Status.SUPERSEDED, f"{done} by {new.item.id}")
    assert old.item.text == known.text


@pytest.mark.parametrize("kind", REPLACING)
def test_a_pin_holds_and_what_is_new_stands_beside(kind: BearingKind) -> None:
    memory = Memory()
    known = learnt(memory)
    memory._pinned.add(known.id)
    decided = run(memory, draft("Iris moved to Lisbon.", kind, known.id, line=3, days=9))
    assert [change.op for change in decided.changes] == ["add"]
    assert decided.dropped == (Dropped(3, "pinned by a person: added beside", known.id),)
    assert memory.items[known.id] == known


def test_what_a_person_wrote_is_never_superseded() -> None:
    memory = Memory()
    known = replace(learnt(memory), origin=Origin.HUMAN)
    memory.learn(known)
    run(memory, draft("Iris moved to Lisbon.", "corrects", known.id, days=9))
    assert memory.items[known.id] == known


def test_a_later_correction_of_what_was_replaced_follows_to_its_successor() -> None:
    memory = Memory()
    known = learnt(memory)
    first = run(memory, draft("Iris moved to Lisbon.", "corrects", known.id, days=1)).changes[0].item
    later = run(
        memory, draft("Iris moved to Faro.", "corrects", known.id, days=2), resource="r3", name="run3"
    )
    new, old = later.changes
    assert (new.item.supersedes, old.item.id) == (first.id, first.id)
    assert memory.items[first.id].status is Status.SUPERSEDED


def test_two_corrections_of_one_run_follow_each_other_and_keep_every_revision() -> None:
    memory = Memory()
    known = learnt(memory)
    decided = run(
        memory,
        draft("Iris moved to Lisbon.", "corrects", known.id, line=1, days=1),
        draft("Iris moved to Faro.", "corrects", known.id, line=9, days=1),
    )
    assert [(change.op, change.item.rev) for change in decided.changes] == [
        ("correct", 1),
        ("supersede", 2),
        ("correct", 1),
        ("supersede", 2),
    ]
    active = [item.text for item in memory.items.values() if item.status is Status.ACTIVE]
    assert active == ["Iris moved to Faro."]


def test_two_halves_of_a_known_statement_both_stay() -> None:
    memory = Memory()
    known = learnt(memory, "Iris has two dogs.")
    decided = run(
        memory,
        draft("Iris has two dogs, of which Rex is a poodle.", "refines", known.id, line=1),
        draft("Iris has two dogs, of which Luna is a beagle.", "refines", known.id, line=2),
    )
    active = [item.text for item in memory.items.values() if item.status is Status.ACTIVE]
    assert active == [
        "Iris has two dogs, of which Rex is a poodle.",
        "Iris has two dogs, of which Luna is a beagle.",
    ]
    assert decided.dropped == (Dropped(2, "its target was replaced before: added as new", known.id),)


def test_a_correction_in_another_slot_does_not_replace_the_successor() -> None:
    memory = Memory()
    known = learnt(memory, "Iris lives in Porto with Ana.")
    run(
        memory,
        draft("Iris lives in Lisbon.", "corrects", known.id, line=1, slot="location"),
        draft("Iris and Ana have parted.", "corrects", known.id, line=2, slot="partner"),
    )
    active = [item.text for item in memory.items.values() if item.status is Status.ACTIVE]
    assert active == ["Iris lives in Lisbon.", "Iris and Ana have parted."]


def test_what_corroborates_a_refined_statement_corroborates_the_refined_one() -> None:
    memory = Memory()
    known = learnt(memory)
    new = run(memory, draft("Iris lives in Porto, by the river.", "refines", known.id)).changes[0].item
    decided = run(memory, draft("Porto is home to Iris.", "corroborates", known.id, line=8), resource="r3")
    assert [change.item.id for change in decided.changes] == [new.id]
    assert Source("r3", 8, 8) in memory.items[new.id].corroborations


def test_what_corroborates_a_corrected_statement_is_new() -> None:
    memory = Memory()
    known = learnt(memory)
    run(memory, draft("Iris moved to Lisbon.", "corrects", known.id, days=1))
    decided = run(
        memory, draft("Home is Porto for Iris.", "corroborates", known.id, line=8, days=2), resource="r3"
    )
    assert [change.op for change in decided.changes] == ["add"]
    assert decided.dropped[0].reason == "its target was replaced before: added as new"


@pytest.mark.parametrize("kind", ["corrects", "retracts"])
def test_old_news_that_comes_in_late_is_history_at_once(kind: BearingKind) -> None:
    memory = Memory()
    known = learnt(memory, days=100)
    (change,) = run(memory, draft("Iris lives in Braga.", kind, known.id, days=1)).changes
    assert (change.op, change.item.status) == ("add", Status.SUPERSEDED)
    assert change.item.reason == f"said before {known.id}"
    assert memory.items[known.id] == known


def test_old_detail_that_comes_in_late_stands_beside() -> None:
    memory = Memory()
    known = learnt(memory, days=100)
    decided = run(memory, draft("Iris lives in Porto, by the river.", "refines", known.id, days=1))
    assert [(c.op, c.item.status) for c in decided.changes] == [("add", Status.ACTIVE)]
    assert decided.dropped == (Dropped(1, "said before its target: added beside", known.id),)


@pytest.mark.parametrize("kind", [*REPLACING, "corroborates"])
def test_somebody_elses_fact_bears_on_nothing(kind: BearingKind) -> None:
    memory = Memory()
    known = learnt(memory)
    decided = run(memory, draft("Ana lives in Lisbon.", kind, known.id, subject="Ana", days=3))
    assert [change.op for change in decided.changes] == ["add"]
    assert decided.dropped == (Dropped(1, "its target is about somebody else: added as new", known.id),)
    assert memory.items[known.id] == known


@pytest.mark.parametrize("kind", [*REPLACING, "corroborates"])
def test_a_wrong_handle_puts_no_unrelated_statement_aside(kind: BearingKind) -> None:
    memory = Memory()
    known = learnt(memory)
    news = replace(draft("Iris adopted a grey cat.", kind, known.id, line=2), topic="relationships")
    decided = run(memory, news)
    assert [(change.op, change.item.text) for change in decided.changes] == [("add", news.text)]
    assert decided.dropped == (Dropped(2, "its target is about something else: added as new", known.id),)


def test_news_of_one_matter_may_stand_under_another_topic() -> None:
    memory = Memory()
    known = learnt(memory)
    news = replace(draft("Iris left Porto for good.", "corrects", known.id), topic="experiences")
    assert [change.op for change in run(memory, news).changes] == ["correct", "supersede"]


@pytest.mark.parametrize(
    "text", ["Iris feeds Moss raw fish.", "Iris adopted a grey cat.", "Iris has two cats, both adopted."]
)
def test_a_refinement_that_leaves_out_what_was_known_stands_beside_it(text: str) -> None:
    memory = Memory()
    known = learnt(memory, "Iris adopted a second cat, Moss.")
    decided = run(memory, draft(text, "refines", known.id))
    assert [(change.op, change.item.text) for change in decided.changes] == [("add", text)]
    assert decided.dropped == (Dropped(1, "leaves out what its target says: added beside", known.id),)


@pytest.mark.parametrize("text", ["Iris lives in Porto with Ana.", "Since 2019 Iris lives in Porto."])
def test_what_says_more_than_it_corroborates_is_learnt(text: str) -> None:
    memory = Memory()
    known = learnt(memory)
    decided = run(memory, draft(text, "corroborates", known.id))
    assert [(change.op, change.item.text) for change in decided.changes] == [("add", text)]
    assert decided.dropped == (Dropped(1, "says more than its target: added as new", known.id),)


def test_a_target_that_nobody_knows_makes_it_new() -> None:
    decided = run(Memory(), draft("Iris moved to Lisbon.", "corrects", "nonesuch"))
    assert [change.op for change in decided.changes] == ["add"]
    assert decided.dropped == (Dropped(1, "its target is not known: added as new", "nonesuch"),)


@pytest.mark.parametrize("kind", [*REPLACING, "corroborates", None])
def test_what_a_person_retracted_is_not_learnt_again_in_other_words(kind: BearingKind | None) -> None:
    memory = Memory()
    quoted = learnt(memory, "I love horses.", model=None)
    other = learnt(memory, "Iris rides on Sundays.", line=2)
    memory.learn(replace(quoted, status=Status.RETRACTED, rev=2))
    decided = run(memory, draft("Iris loves horses.", kind, other.id, line=5, days=3))
    assert decided.changes == ()
    assert decided.dropped == (Dropped(5, "retracted before", quoted.id),)


def test_the_denial_of_what_was_retracted_is_another_statement() -> None:
    memory = Memory()
    quoted = learnt(memory, "I love horses.", model=None)
    memory.learn(replace(quoted, status=Status.RETRACTED, rev=2))
    decided = run(memory, draft("Iris does not love horses.", line=5))
    assert [change.op for change in decided.changes] == ["add"]


@pytest.mark.parametrize("kind", ["corroborates", "refines"])
def test_what_bears_out_a_retracted_statement_is_dropped(kind: BearingKind) -> None:
    memory = Memory()
    known = learnt(memory)
    memory.learn(replace(known, status=Status.RETRACTED, rev=2))
    decided = run(memory, draft("Home is by the river there.", kind, known.id, line=5))
    assert decided.changes == ()
    assert decided.dropped == (Dropped(5, "retracted before", known.id),)


def test_what_corrects_a_retracted_statement_is_new() -> None:
    memory = Memory()
    known = learnt(memory)
    memory.learn(replace(known, status=Status.RETRACTED, rev=2))
    decided = run(memory, draft("Iris moved to Faro.", "corrects", known.id, line=5))
    assert [change.op for change in decided.changes] == ["add"]
    assert decided.dropped == (Dropped(5, "its target is retracted: added as new", known.id),)


def test_a_retraction_in_the_words_of_its_target_is_dropped() -> None:
    memory = Memory()
    known = learnt(memory)
    decided = run(memory, draft("Iris lives in Porto", "retracts", known.id, days=3))
    assert decided.changes == ()
    assert decided.dropped == (Dropped(1, "takes back what it says", known.id),)


@pytest.mark.parametrize("kind", ["refines", "corrects"])
def test_the_same_words_only_corroborate(kind: BearingKind) -> None:
    memory = Memory()
    known = learnt(memory)
    (change,) = run(memory, draft("Iris lives in Porto!", kind, known.id, days=3)).changes
    assert (change.op, change.item.id) == ("corroborate", known.id)


def test_a_statement_that_is_known_takes_the_place_of_the_one_it_corrects() -> None:
    memory = Memory()
    lisbon = learnt(memory, "Iris lives in Lisbon.", line=1)
    porto = learnt(memory, "Iris lives in Porto.", line=2)
    decided = run(memory, draft("Iris lives in Lisbon.", "corrects", porto.id, days=3))
    assert [(change.op, change.item.id) for change in decided.changes] == [
        ("correct", lisbon.id),
        ("supersede", porto.id),
    ]
    assert memory.items[lisbon.id].corroborations == (Source("r2", 1, 1),)
    assert memory.items[porto.id].reason == f"corrected by {lisbon.id}"
    assert memory.items[lisbon.id].supersedes == porto.id


def test_another_name_in_nearly_the_same_words_is_another_statement() -> None:
    memory = Memory()
    learnt(memory, "Iris lives with her two cats in a small old flat in Porto.")
    text = "Iris lives with her two cats in a small old flat in Lisbon."
    assert [change.op for change in run(memory, draft(text)).changes] == ["add"]


def test_a_superseded_statement_said_anew_is_learnt_anew() -> None:
    memory = Memory()
    known = learnt(memory)
    second = run(memory, draft("Iris moved to Lisbon.", "corrects", known.id, days=1)).changes[0].item
    back = run(
        memory, draft("Iris lives in Porto.", "corrects", second.id, days=9), resource="r3", name="run3"
    )
    assert [change.op for change in back.changes] == ["correct", "supersede"]
    assert memory.items[back.changes[0].item.id].status is Status.ACTIVE
    assert memory.items[known.id].status is Status.SUPERSEDED


def test_a_second_run_over_the_same_lines_changes_nothing() -> None:
    memory = Memory()
    known = learnt(memory)
    drafts = [draft("Iris moved to Lisbon.", "corrects", known.id, days=1), draft("Iris has a cat.", line=2)]
    run(memory, *drafts)
    again = run(memory, *drafts, name="run3")
    assert again.changes == ()
    assert {one.reason for one in again.dropped} == {"known from this line"}


def test_one_line_in_other_words_is_no_further_source() -> None:
    memory = Memory()
    known = learnt(memory)
    decided = run(memory, draft("Porto is home.", "corroborates", known.id), resource="r1")
    assert decided.changes == ()
    assert decided.dropped == (Dropped(1, "known from this line", known.id),)


def test_lines_tags_and_model_come_with_the_draft() -> None:
    given = replace(draft("Iris has a cat.", line=3), last_line=5, tags=("pets",))
    item = run(Memory(), given).changes[0].item
    assert (item.source, item.tags, item.model) == (Source("r2", 3, 5), ("pets",), "scripted")


def test_operations_show_each_draft_once_and_every_drop() -> None:
    memory = Memory()
    known = learnt(memory)
    decided = run(
        memory,
        draft("Iris moved to Lisbon.", "corrects", known.id, line=2, days=1),
        draft("Ana has a cat.", "refines", known.id, line=3, days=1, subject="Ana"),
    )
    shown = operations(decided, "r2", [Dropped(9, "fiction")])
    assert [(one.op, one.line, one.target) for one in shown] == [
        ("correct", 2, known.id),
        ("add", 3, None),
        ("drop", 9, None),
        ("drop", 3, known.id),
    ]
    assert (shown[0].text, shown[0].before) == ("Iris moved to Lisbon.", known.text)
    assert (shown[0].topic, shown[0].slot, shown[0].resource) == ("t", "s", "r2")


def test_the_event_of_another_time_is_no_double_of_what_it_corrects() -> None:
    memory = Memory()
    known = learnt(memory, "The wedding of Iris is next Saturday.")
    when = Occurred(SAID, SAID + timedelta(days=1), "day", "next Saturday")
    given = replace(
        draft("The wedding of Iris is next Saturday.", "corrects", known.id, days=9), occurred=when
    )
    memory.learn(
        replace(known, occurred=replace(when, start=SAID - timedelta(days=7), end=SAID), type="event")
    )
    decided = run(memory, replace(given, type="event"))
    assert [change.op for change in decided.changes] == ["correct", "supersede"]


PLACES = ["Porto", "Lisbon", "Faro", "Braga"]
STEPS = st.lists(
    st.tuples(
        st.sampled_from([None, *REPLACING, "corroborates"]),
        st.integers(0, 9),
        st.sampled_from(PLACES),
        st.integers(0, 5),
        st.integers(0, 1),
        st.booleans(),
    ),
    max_size=14,
)


@given(STEPS, st.sets(st.integers(0, 9), max_size=3))
def test_every_statement_has_one_live_end_and_no_source_is_lost(
    steps: list[tuple[BearingKind | None, int, str, int, int, bool]], pins: set[int]
) -> None:
    memory = Memory()
    ever_active: set[str] = set()
    given_sources: set[Source] = set()
    told: list[str] = []
    for number, (kind, target, place, days, slot, same_run) in enumerate(steps, start=1):
        named = told[target % len(told)] if told else "nonesuch"
        one = draft(
            f"Iris lives in {place} {number % 3}.", kind, named, line=number, days=days, slot=str(slot)
        )
        decided = run(memory, one, name="run2" if same_run else f"run-{number}")
        assert not [c for c in decided.changes if c.op == "supersede" and c.item.id in memory._pinned]
        held = [source for change in decided.changes for source in change.item.corroborations]
        held += [change.item.source for change in decided.changes if change.item.source]
        assert Source("r2", number, number) in held or decided.dropped
        if Source("r2", number, number) in held:
            given_sources.add(Source("r2", number, number))
        for change in decided.changes:
            if change.item.id not in told:
                told.append(change.item.id)
            if change.item.status is Status.ACTIVE:
                ever_active.add(change.item.id)
            if len(told) in pins:
                memory._pinned.add(change.item.id)
    for item_id in ever_active:
        seen = [item_id]
        while memory.items[seen[-1]].status is Status.SUPERSEDED:
            following = successor_id(memory.items[seen[-1]])
            assert following is not None
            assert following not in seen
            seen.append(following)
        assert memory.items[seen[-1]].status is Status.ACTIVE
    kept = {item.source for item in memory.items.values()}
    kept |= {source for item in memory.items.values() for source in item.corroborations}
    assert given_sources <= kept
