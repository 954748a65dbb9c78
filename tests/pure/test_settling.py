"""What two copies of a folder both changed, or both learnt, is settled alike in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from memu_like.models import Event, Item, ItemType, Origin, Source, Status
from memu_like.pure.merging import slot_key
from memu_like.pure.settling import (
    MERGED,
    Settled,
    Standing,
    World,
    disputed,
    last_of,
    mark,
    settle,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = Item(
    id="osca",
    rev=1,
    status=Status.ACTIVE,
    type=ItemType.PROFILE,
    text="I have a guinea pig named Oscar.",
    subject="Caroline",
    categories=("relationships",),
    slot="pets",
    run="run0",
    created_at=NOW,
    origin=Origin.EXTRACTED,
    source=Source("20230508-135600-aaaaaaaa", 1, 1),
)
HERE, THERE = Source("20230608-135600-bbbbbbbb", 1, 1), Source("20230708-135600-cccccccc", 2, 2)
KINDS = {"machine": "memorize", "person": "sync", "deciding": "sync"}


def later(item: Item, who: str, days: int = 1, **changes: object) -> Item:
    """The next revision, made by a run of `who`."""
    made = {"rev": item.rev + 1, "run": f"{who}{days}", "created_at": NOW + timedelta(days=days)}
    return replace(item, **{**made, **changes})  # type: ignore[arg-type]


def world(revisions: Sequence[Item], events: Sequence[Event] = (), **standing: Standing) -> World:
    histories: dict[str, list[Item]] = {}
    for item in revisions:
        histories.setdefault(item.id, []).append(item)
    told = {event.id: event for event in events}
    for item in revisions:
        who = item.run.rstrip("0123456789")
        told.setdefault(item.run, Event(item.run, KINDS.get(who, "memorize"), NOW, NOW))  # type: ignore[arg-type]
    return World(histories, told, standing, lambda text, item: text == item.text, slot_key)


def settled(*revisions: Item, **standing: Standing) -> Settled:
    """The settling, which is the same with the two copies' lines the other way round, and is done once."""
    found = settle(world(revisions, **standing), "mend", NOW)
    first, others = revisions[0], revisions[1:]
    cut = next((n for n, item in enumerate(others) if n and item.rev <= others[n - 1].rev), len(others))
    swapped = settle(world([first, *others[cut:], *others[:cut]], **standing), "mend", NOW)
    assert {i: mark(item) for i, item in swapped.items.items()} == {
        i: mark(item) for i, item in found.items.items()
    }
    again = [*revisions, *found.items.values()]
    event = Event("mend", "sync", NOW, NOW, dropped=tuple(found.dropped), reason=MERGED)
    assert settle(world(again, [event], **standing), "next", NOW) == Settled()
    return found


def test_one_copy_alone_needs_no_settling() -> None:
    assert settled(FIRST, later(FIRST, "machine", corroborations=(HERE,))) == Settled()


def test_the_same_revision_by_two_runs_needs_none() -> None:
    twin = replace(FIRST, run="run9", created_at=NOW + timedelta(days=3))
    assert settled(FIRST, twin) == Settled()
    assert disputed({"osca": [FIRST, twin]}, []) == []


def test_what_both_copies_took_in_from_one_bullet_is_one_revision() -> None:
    mine = replace(FIRST, source=None, origin=Origin.HUMAN, mentioned_at=NOW)
    gone = later(mine, "person", status=Status.RETRACTED, reason="deleted")
    twin = replace(mine, run="person9", mentioned_at=NOW + timedelta(days=2))
    assert settle(world([mine, gone, twin]), "mend", NOW) == Settled()


def test_corroborations_of_both_copies_are_kept_and_count_once() -> None:
    found = settled(
        FIRST,
        later(FIRST, "machine", corroborations=(HERE,)),
        later(FIRST, "machine", 2, corroborations=(THERE, replace(HERE, last=2))),
    )
    made = found.items["osca"]
    assert (made.rev, made.status, made.run) == (3, Status.ACTIVE, "mend")
    assert {source.resource for source in made.corroborations} == {HERE.resource, THERE.resource}
    assert len(made.corroborations) == 2


def test_a_longer_chain_does_not_hide_what_the_shorter_brought() -> None:
    once = later(FIRST, "machine", corroborations=(THERE,))
    found = settled(
        FIRST,
        later(FIRST, "person", text="Has a guinea pig named Oscar.", origin=Origin.HUMAN),
        once,
        later(once, "machine", 3, weight=0.9),
    )
    made = found.items["osca"]
    assert made.rev == 4
    assert (made.text, made.origin) == ("Has a guinea pig named Oscar.", Origin.HUMAN)
    assert (made.corroborations, made.weight) == ((THERE,), 0.9)


def test_superseded_in_one_copy_and_corroborated_in_the_other_is_superseded_with_the_source() -> None:
    gone = later(FIRST, "machine", status=Status.SUPERSEDED, reason="corrected by newwww")
    made = settled(FIRST, gone, later(FIRST, "machine", 2, corroborations=(HERE,))).items["osca"]
    assert (made.status, made.reason) == (Status.SUPERSEDED, "corrected by newwww")
    assert made.corroborations == (HERE,)


@pytest.mark.parametrize("who", ["machine", "person"])
def test_a_persons_edit_stands_over_a_deletion(who: str) -> None:
    gone = later(FIRST, who, 5, status=Status.RETRACTED, reason="deleted")
    edit = later(FIRST, "person", text="Has two guinea pigs.", origin=Origin.HUMAN, reason="edited")
    made = settled(FIRST, gone, edit).items["osca"]
    assert (made.status, made.text, made.reason) == (Status.ACTIVE, "Has two guinea pigs.", "edited")


def test_a_persons_deletion_stands_over_the_machines_rewording() -> None:
    gone = later(FIRST, "person", status=Status.RETRACTED, reason="deleted")
    worded = later(FIRST, "machine", 5, text="Caroline has a guinea pig.", model="small")
    made = settled(FIRST, gone, worded).items["osca"]
    assert made.status is Status.RETRACTED


def test_a_deletion_stands_over_a_move() -> None:
    gone = later(FIRST, "person", status=Status.RETRACTED, reason="deleted")
    moved = later(FIRST, "person", 5, slot="animals", origin=Origin.HUMAN)
    assert settled(FIRST, gone, moved).items["osca"].status is Status.RETRACTED


def test_a_persons_wording_stands_over_the_machines_later_one() -> None:
    worded = later(FIRST, "machine", 5, text="Caroline has a guinea pig.", model="small")
    edit = later(FIRST, "person", text="Has two guinea pigs.", origin=Origin.HUMAN)
    assert settled(FIRST, worded, edit).items["osca"].text == "Has two guinea pigs."


def test_of_two_persons_wordings_the_one_that_stands_in_the_file_is_taken_else_the_later() -> None:
    one = later(FIRST, "person", 2, text="Has two guinea pigs.", origin=Origin.HUMAN)
    other = later(FIRST, "person", 3, text="Has three guinea pigs.", origin=Origin.HUMAN)
    assert settled(FIRST, one, other).items["osca"].text == "Has three guinea pigs."
    standing = Standing("relationships", "Pets", "Has two guinea pigs.")
    assert settled(FIRST, one, other, osca=standing).items["osca"].text == "Has two guinea pigs."


def test_moved_in_one_copy_and_reworded_in_the_other_is_both() -> None:
    moved = later(FIRST, "person", slot="animals", origin=Origin.HUMAN)
    worded = later(FIRST, "person", 2, text="Has two guinea pigs.", origin=Origin.HUMAN)
    made = settled(FIRST, moved, worded).items["osca"]
    assert (made.slot, made.text) == ("animals", "Has two guinea pigs.")


def test_a_third_copy_that_comes_later_is_settled_with_what_was_decided() -> None:
    one = later(FIRST, "machine", corroborations=(HERE,))
    other = later(FIRST, "machine", 2, corroborations=(THERE,))
    first = settle(world([FIRST, one, other]), "deciding7", NOW)
    event = Event("deciding7", "sync", NOW, NOW, dropped=tuple(first.dropped), reason=MERGED)
    third = later(FIRST, "person", 4, text="Has two guinea pigs.", origin=Origin.HUMAN)
    revisions = [FIRST, one, other, first.items["osca"], third]
    assert disputed({"osca": revisions}, [event]) == ["osca"]
    made = settle(world(revisions, [event]), "mend", NOW).items["osca"]
    assert (made.rev, made.text) == (4, "Has two guinea pigs.")
    assert set(made.corroborations) == {HERE, THERE}


def test_two_copies_that_decide_for_themselves_decide_alike() -> None:
    one = later(FIRST, "machine", corroborations=(HERE,))
    other = later(FIRST, "person", 2, text="Has two guinea pigs.", origin=Origin.HUMAN)
    here = settle(world([FIRST, one, other]), "deciding1", NOW)
    there = settle(world([FIRST, other, one]), "deciding2", NOW + timedelta(days=1))
    events = [
        Event(run, "sync", NOW, NOW, dropped=tuple(found.dropped), reason=MERGED)
        for run, found in (("deciding1", here), ("deciding2", there))
    ]
    lines = [FIRST, one, other, here.items["osca"], there.items["osca"]]
    assert settle(world(lines, events), "mend", NOW) == Settled()


def test_revisions_in_any_order_with_none_twice_are_one_copys() -> None:
    second = later(FIRST, "machine", corroborations=(HERE,))
    assert settle(world([second, FIRST]), "mend", NOW) == Settled()
    assert last_of([second, FIRST]) == second


# -- what both learnt


def learnt(resource: str, run: str, text: str = FIRST.text, **changes: object) -> Item:
    made = {"id": changes.pop("id", f"{run}id"), "run": run, "text": text, "source": Source(resource, 1, 1)}
    return replace(FIRST, **{**made, **changes})  # type: ignore[arg-type]


def test_near_identical_texts_of_one_line_that_two_runs_read_are_one_item() -> None:
    events = [
        Event(run, "memorize", NOW + timedelta(days=n), NOW, resources=("r",)) for n, run in enumerate("ab")
    ]
    one = learnt("r", "a", "Caroline has a small brown guinea pig named Oscar.", id="aaaa")
    other = learnt("r", "b", "Caroline has a small guinea pig named Oscar.", id="bbbb")
    found = settle(world([one, other], events), "mend", NOW)
    assert found.same == {"bbbb": "aaaa"}
    assert found.items.keys() == {"bbbb"}
    assert (found.items["bbbb"].status, found.items["bbbb"].reason) == (Status.SUPERSEDED, "merged into aaaa")
    assert [(event.id, event.deleted, event.rev) for event in found.events] == [("b", True, 2)]


def test_the_same_words_of_two_conversations_are_one_item_on_both_sources() -> None:
    one, other = learnt("r", "a", id="bbbb", corroborations=(THERE,)), learnt("s", "b", id="aaaa")
    found = settle(world([one, other]), "mend", NOW)
    assert found.same == {"aaaa": "bbbb"}
    assert found.items["bbbb"].corroborations == (THERE, Source("s", 1, 1))


def test_what_a_person_wrote_stays_over_what_was_extracted() -> None:
    one = learnt("r", "a", id="aaaa", corroborations=(THERE,))
    mine = learnt("s", "b", id="zzzz", origin=Origin.HUMAN, source=None)
    assert settle(world([one, mine]), "mend", NOW).same == {"aaaa": "zzzz"}


def test_what_a_person_wrote_in_two_places_are_two_entries() -> None:
    one = learnt("r", "a", id="aaaa")
    mine = learnt("s", "b", id="zzzz", origin=Origin.HUMAN, source=None)
    here = Standing("relationships", "pets", FIRST.text)
    assert settle(world([one, mine], aaaa=here, zzzz=here), "mend", NOW).same == {}
    assert settle(world([one, replace(mine, slot="animals")]), "mend", NOW).same == {}


def test_the_same_words_of_two_days_are_two_events() -> None:
    one = learnt("r", "a", "I went running.", type=ItemType.EVENT, mentioned_at=NOW)
    other = replace(learnt("s", "b", "I went running.", type=ItemType.EVENT), mentioned_at=NOW - timedelta(3))
    assert settle(world([one, other]), "mend", NOW).same == {}


def test_another_subject_is_another_fact() -> None:
    one, other = learnt("r", "a"), learnt("s", "b", subject="Melanie")
    assert settle(world([one, other]), "mend", NOW).same == {}
