import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from memu_like.models import Item, ItemType, Occurred, Origin, Source, Status
from memu_like.pure.selecting import near_identical, score, select_entries

NEWEST = datetime(2023, 10, 22, tzinfo=UTC)
WORDS = "horse guitar painting river bakery lantern mountain violin harbour orchard meadow engine".split()


def item(item_id, text, *, slot="pets", days=0, **fields):
    values = {
        "rev": 1,
        "status": Status.ACTIVE,
        "type": ItemType.EVENT,
        "subject": "Caroline",
        "categories": ("interest",),
        "run": "r1",
        "created_at": NEWEST,
        "origin": Origin.EXTRACTED,
        "mentioned_at": NEWEST - timedelta(days=days),
    }
    return Item(id=item_id, text=text, slot=slot, **{**values, **fields})


def choose(items, slot_budget=100, category_budget=1000, **more):
    """Budgets count words here: a bullet costs its marker, its words and its id; a heading two."""
    return select_entries(
        items,
        slot_budget=slot_budget,
        category_budget=category_budget,
        count=lambda text: len(text.split()),
        text_of=lambda shown: shown.text,
        newest=NEWEST,
        **more,
    )


def shown(choice):
    return {slot.name: [found.id for found in slot.items] for slot in choice.slots}


def day(number):
    start = datetime(2023, 5, number, tzinfo=UTC)
    return Occurred(start, start + timedelta(days=1), "day", "")


def test_the_best_entries_come_first():
    items = [
        item("old1", "I rode a horse", days=900),
        item("new1", "I played the guitar", days=0),
        item("heavy1", "I climbed the mountain", days=900, weight=1.0),
        item("said3", "I keep an orchard", days=900, corroborations=(Source("r", 1, 1),) * 3),
        item("fact1", "I am a violin teacher", days=900, type=ItemType.PROFILE),
    ]
    assert shown(choose(items)) == {"pets": ["heavy1", "fact1", "said3", "new1", "old1"]}


def test_what_a_person_wrote_comes_first_and_is_shown_over_the_budget():
    items = [
        item("best", "I rode a horse", weight=1.0),
        item("hand", "a note of many words that is far over", weight=0.0, origin=Origin.HUMAN),
    ]
    choice = choose(items, slot_budget=4, category_budget=4)
    assert shown(choice) == {"pets": ["hand"]}
    assert choice.left_out == {"best"}


def test_what_does_not_fit_the_slot_is_left_out_and_smaller_entries_still_get_in():
    items = [
        item("long1", "one two three four five six", weight=0.9),
        item("short1", "seven eight", weight=0.8),
    ]
    choice = choose(items, slot_budget=6)
    assert shown(choice) == {"pets": ["short1"]}
    assert choice.left_out == {"long1"}
    assert choice.tokens == 6


def test_the_category_budget_goes_to_the_best_entries_of_all_slots_and_counts_headings():
    items = [
        item("pet1", "my horse", slot="pets", weight=0.9),
        item("art1", "my violin", slot="art", weight=0.8),
        item("pet2", "my parrot", slot="pets", weight=0.7),
    ]
    assert shown(choose(items, category_budget=10)) == {"pets": ["pet1", "pet2"]}
    assert shown(choose(items, category_budget=12)) == {"art": ["art1"], "pets": ["pet1"]}
    assert shown(choose(items, category_budget=12, reserved=2)) == {"pets": ["pet1", "pet2"]}


def test_slots_come_in_the_configured_order_and_others_after_them_by_name():
    items = [item(f"id{slot}", f"about {slot}", slot=slot) for slot in ("zoo", "art", "pets", "music")]
    assert list(shown(choose(items, slot_order=("pets", "zoo")))) == ["pets", "zoo", "art", "music"]


def test_the_same_said_twice_is_shown_once():
    twice = [
        item("aaaa1", "I love my old horse, Bella, very much indeed!", weight=0.9),
        item("aaaa2", "i love my old horse Bella very much", slot="family"),
    ]
    choice = choose(twice)
    assert shown(choice) == {"pets": ["aaaa1"]}
    assert choice.left_out == {"aaaa2"}


def test_another_subject_number_or_time_is_another_fact():
    first = item("aaaa1", "I ran five km with my friend Anna in the park on 3 May")
    assert near_identical(first, item("aaaa2", first.text))
    assert not near_identical(first, item("aaaa2", first.text, subject="Melanie"))
    assert not near_identical(first, item("aaaa2", first.text.replace("3", "4")))
    dated = item("aaaa1", "We went to the park", occurred=day(1))
    assert not near_identical(dated, item("aaaa2", dated.text, occurred=day(2)))
    assert near_identical(dated, item("aaaa2", dated.text))


def test_texts_without_spaces_are_compared_by_character():
    assert near_identical(item("a", "我上周五去了动物园看大象"), item("b", "我上周五去了动物园看大象。"))
    assert not near_identical(item("a", "我喜欢骑马"), item("b", "我讨厌下雨"))


def test_recency_is_relative_to_the_newest_and_needs_no_clock():
    newer, older, undated = item("a", "x"), item("b", "x", days=180), item("c", "x", mentioned_at=None)
    assert score(newer, NEWEST) > score(older, NEWEST) > score(undated, NEWEST)
    assert score(newer, None) == score(undated, None)


def test_no_items_give_no_slots():
    choice = choose([])
    assert (choice.slots, choice.left_out, choice.tokens) == ((), frozenset(), 0)


HUMAN_OR_NOT = {False: Origin.EXTRACTED, True: Origin.HUMAN}
drawn = st.lists(
    st.builds(
        lambda text, slot, days, weight, human: item(
            "", " ".join(text), slot=slot, days=days, weight=weight, origin=HUMAN_OR_NOT[human]
        ),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=6),
        st.sampled_from(["pets", "art", ""]),
        st.integers(0, 3),
        st.sampled_from([0.2, 0.5]),
        st.integers(0, 20).map(lambda n: n == 0),
    ),
    max_size=25,
)


@given(drawn, st.integers(0, 40), st.integers(0, 80), st.randoms(use_true_random=False))
def test_any_choice_is_complete_within_budget_and_independent_of_input_order(texts, slot, category, shuffler):
    items = [replace(text, id=f"id{at:02}") for at, text in enumerate(texts)]
    choice = choose(items, slot, category)
    shuffled = list(items)
    shuffler.shuffle(shuffled)
    assert choose(shuffled, slot, category) == choice
    chosen = [found for part in choice.slots for found in part.items]
    assert sorted([*(found.id for found in chosen), *choice.left_out]) == [found.id for found in items]
    assert all(found in chosen for found in items if found.origin is Origin.HUMAN)
    if not any(found.origin is Origin.HUMAN for found in chosen):
        assert choice.tokens <= max(0, category)


def test_a_thousand_items_are_counted_only_as_far_as_the_slot_can_take_them():
    pick = random.Random(7)
    items = [item(f"id{at:04}", " ".join(pick.sample(WORDS, 8)), weight=pick.random()) for at in range(1000)]
    counted = []
    select_entries(
        items,
        slot_budget=100,
        category_budget=1000,
        count=lambda text: counted.append(text) or len(text.split()),
        text_of=lambda found: found.text,
    )
    assert len(counted) < 60
