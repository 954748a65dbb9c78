"""The difference of two states, as a person reads it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from memu_like.models import Item, Occurred, Origin, Source, Status
from memu_like.pure.changes import State, difference, source_of, state_of, touching
from memu_like.pure.rendering import bullet_text
from memu_like.results import Change

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SAID = datetime(2023, 8, 14, 10, tzinfo=UTC)
NAMES = frozenset({"caroline", "user"})
OSCAR = Item(
    id="oscar1",
    rev=1,
    status=Status.ACTIVE,
    type="profile",
    text="Has a guinea pig named Oscar",
    subject="caroline",
    categories=("relationships",),
    slot="pets",
    run="r1",
    created_at=NOW,
    origin=Origin.EXTRACTED,
    mentioned_at=SAID,
    source=Source("20230814-100000-aaaa", 12, 12),
)
PAINTS = replace(OSCAR, id="paint1", text="Paints", categories=("activities",), slot="arts")


def state(*items: Item, deleted: frozenset[str] = frozenset(), **files: str) -> State:
    return state_of({item.id: item for item in items}, files, NAMES, deleted)


def told(before: State, after: State, documents: frozenset[str] = frozenset()) -> list[str]:
    return [str(change) for change in difference(before, after, documents)]


def page(*bullets: str, slot: str = "pets", prose: str = "") -> str:
    head = "---\ntopic: relationships\n---\n# relationships\n\nA summary.\n"
    return f"{head}{prose}\n## {slot}\n" + "".join(f"- {bullet}\n" for bullet in bullets)


def bullet(item: Item) -> str:
    return f"{bullet_text(item, NAMES)} ^{item.id}"


def by_hand(item: Item, **values: object) -> Item:
    return replace(item, rev=item.rev + 1, origin=Origin.HUMAN, **values)  # type: ignore[arg-type]


def test_what_is_new_says_where_it_comes_from() -> None:
    assert told(state(), state(OSCAR)) == ["pets: + Has a guinea pig named Oscar, from 2023-08-14 message 12"]


def test_what_is_gone_says_where_it_came_from() -> None:
    gone = replace(OSCAR, rev=2, status=Status.RETRACTED)
    assert told(state(OSCAR), state(gone)) == [
        "pets: - Has a guinea pig named Oscar, from 2023-08-14 message 12"
    ]
    assert told(state(OSCAR), state()) == ["pets: - Has a guinea pig named Oscar, from 2023-08-14 message 12"]


def test_what_a_person_deleted_is_gone_by_hand() -> None:
    gone = by_hand(OSCAR, status=Status.RETRACTED)
    assert told(state(OSCAR), state(gone)) == ["pets: - Has a guinea pig named Oscar, by hand"]


def test_a_rewording_says_both() -> None:
    new = by_hand(OSCAR, text="Has two guinea pigs.")
    assert told(state(OSCAR), state(new)) == [
        "pets: ~ Has a guinea pig named Oscar -> Has two guinea pigs, by hand"
    ]


def test_what_took_the_place_of_another_is_a_rewording() -> None:
    old = replace(OSCAR, rev=2, status=Status.SUPERSEDED, reason="corrected by cavy22")
    middle = replace(
        OSCAR, id="cavy22", rev=2, text="B", status=Status.SUPERSEDED, reason="refined by cavy33"
    )
    new = replace(OSCAR, id="cavy33", text="Has a hamster", source=Source("20230914-100000-bbbb", 3, 3))
    changes = difference(state(OSCAR), state(old, middle, new))
    assert [str(one) for one in changes] == [
        "pets: ~ Has a guinea pig named Oscar -> Has a hamster, from 2023-08-14 message 3"
    ]
    assert changes[0].item == "cavy33"


def test_a_move_says_from_where() -> None:
    moved = by_hand(OSCAR, slot="animals")
    assert told(state(OSCAR), state(moved)) == [
        "animals: > Has a guinea pig named Oscar, moved from pets to animals, by hand"
    ]
    away = by_hand(OSCAR, categories=("interest",))
    assert told(state(OSCAR), state(away)) == [
        "pets: > Has a guinea pig named Oscar, moved from relationships/pets to pets, by hand"
    ]


def test_moved_and_reworded_is_two_changes() -> None:
    new = by_hand(OSCAR, slot="animals", text="Has a cavy")
    assert [one.op for one in difference(state(OSCAR), state(new))] == ["move", "change"]


def test_a_date_that_changed_is_shown_with_the_words() -> None:
    when = Occurred(SAID, datetime(2023, 8, 15, tzinfo=UTC), "day", "today")
    assert told(state(OSCAR), state(replace(OSCAR, rev=2, occurred=when))) == [
        "pets: ~ Has a guinea pig named Oscar (said 14 August 2023) -> "
        "Has a guinea pig named Oscar (14 August 2023), from 2023-08-14 message 12"
    ]


def test_what_left_the_file_for_want_of_room_is_no_change() -> None:
    assert told(state(OSCAR, relationships=page(bullet(OSCAR))), state(OSCAR)) == []
    assert told(state(OSCAR), state(OSCAR, relationships=page())) == []


def test_one_more_source_is_no_change() -> None:
    more = replace(OSCAR, rev=2, corroborations=(Source("20230914-100000-bbbb", 3, 3),), run="r2")
    assert told(state(OSCAR), state(more)) == []


def test_a_summary_is_no_change() -> None:
    text = page(bullet(OSCAR))
    assert told(state(relationships=text), state(relationships=text.replace("A summary.", "Another."))) == []


# -- what a person did in a file, before any sync


def test_a_bullet_that_was_edited_in_the_file_is_by_hand() -> None:
    edited = page(f"Has **two** cavies ^{OSCAR.id}")
    assert told(state(OSCAR, relationships=page(bullet(OSCAR))), state(OSCAR, relationships=edited)) == [
        "pets: ~ Has a guinea pig named Oscar -> Has **two** cavies, by hand"
    ]


def test_a_bullet_that_was_taken_out_of_the_file_is_gone_by_hand() -> None:
    after = state(OSCAR, relationships=page(), deleted=frozenset({OSCAR.id}))
    assert told(state(OSCAR), after) == ["pets: - Has a guinea pig named Oscar, by hand"]


def test_a_bullet_that_has_no_id_yet_is_new_by_hand() -> None:
    after = state(OSCAR, relationships=page(bullet(OSCAR), "Wants a dog"))
    [change] = difference(state(OSCAR), after)
    assert (str(change), change.item) == ("pets: + Wants a dog, by hand", "")


def test_a_bullet_that_was_moved_in_the_file_moved() -> None:
    after = state(OSCAR, relationships=page(bullet(OSCAR), slot="animals"))
    assert [one.op for one in difference(state(OSCAR), after)] == ["move"]


def test_prose_that_a_person_wrote_is_told() -> None:
    before, after = page(bullet(OSCAR)), page(bullet(OSCAR), prose="\nAsk at the shelter.\n")
    assert told(state(OSCAR, relationships=before), state(OSCAR, relationships=after)) == [
        "relationships: + Ask at the shelter, by hand"
    ]
    assert told(state(OSCAR, relationships=after), state(OSCAR, relationships=before)) == [
        "relationships: - Ask at the shelter, by hand"
    ]


# -- words


def test_somebody_else_is_named() -> None:
    hers = replace(OSCAR, subject="Melanie")
    assert told(state(), state(hers)) == [
        "pets: + Melanie: Has a guinea pig named Oscar, from 2023-08-14 message 12"
    ]


def test_sources_are_told_by_day_and_number() -> None:
    lines = Source("20230814-100000-aaaa", 3, 5)
    assert source_of(replace(OSCAR, source=lines)) == "2023-08-14 messages 3-5"
    assert source_of(replace(OSCAR, source=lines), {lines.resource}) == "2023-08-14 lines 3-5"
    assert source_of(replace(OSCAR, mentioned_at=None)) == "2023-08-14 message 12"
    assert source_of(replace(OSCAR, origin=Origin.HUMAN)) == "by hand"
    assert source_of(replace(OSCAR, source=None, derived_from=("a", "b"))) == "made of 2 others"
    assert source_of(replace(OSCAR, source=None)) == ""


def test_text_that_would_break_a_line_is_one_line() -> None:
    hostile = by_hand(OSCAR, text="a\nb\r\n## c\x00")
    [change] = difference(state(), state(hostile))
    assert str(change) == "pets: + a b ## c, by hand"


def test_changes_are_found_by_place_and_moves_by_both_ends() -> None:
    moved = Change("move", "interest", "animals", "x1234", "Oscar", "relationships/pets")
    within = Change("move", "interest", "animals", "x1234", "Oscar", "pets")
    added = Change("add", "interest", "pets", "y1234", "Otto")
    found = (moved, within, added)
    assert touching(found, "relationships") == (moved,)
    assert touching(found, "relationships", "pets") == (moved,)
    assert touching(found, "interest", "Pets") == (within, added)
    assert touching(found, "interest") == found


# -- properties


items = st.builds(
    replace,
    st.sampled_from([OSCAR, PAINTS, replace(OSCAR, id="third3", text="Third")]),
    text=st.sampled_from(["Has a dog", "Has a cat.", "- x ^abcd", "  ", "a\nb"]),
    slot=st.sampled_from(["pets", "arts"]),
    status=st.sampled_from(list(Status)),
    origin=st.sampled_from([Origin.EXTRACTED, Origin.HUMAN]),
)
states = st.lists(items, max_size=3).map(lambda found: state(*found))


@given(states)
def test_a_state_does_not_differ_from_itself(one: State) -> None:
    assert difference(one, one) == ()


@given(states, states)
def test_what_is_new_one_way_is_gone_the_other_way(before: State, after: State) -> None:
    there, back = difference(before, after), difference(after, before)
    added = {one.item for one in there if one.op == "add"}
    assert added <= {one.item for one in back if one.op in ("remove", "change", "move")}


@given(states, states)
def test_every_difference_is_told_on_one_line(before: State, after: State) -> None:
    for change in difference(before, after):
        assert "\n" not in str(change)
