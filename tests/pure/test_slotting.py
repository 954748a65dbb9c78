from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from memu_like.edges.static_model import StaticEmbedder
from memu_like.errors import ConfigError, EmbedderError
from memu_like.models import Category, Draft, ItemType, Slot
from memu_like.pure.categories import parse_categories
from memu_like.pure.slotting import DEFAULT_PLACES, SlotTable, assign_slots, build_slot_table, prototype_texts

ROOT = Path(__file__).parent.parent.parent
CATEGORIES = parse_categories((ROOT / "memu_like/data/categories.toml").read_text(encoding="utf-8"))
LABELLED = [
    json.loads(line)
    for line in (ROOT / "tests/data/slots.jsonl").read_text(encoding="utf-8").splitlines()
    if '"held_out"' in line
]


@pytest.fixture(scope="module")
def embedder() -> StaticEmbedder:
    return StaticEmbedder()


@pytest.fixture(scope="module")
def table(embedder: StaticEmbedder) -> SlotTable:
    return build_slot_table(CATEGORIES, embedder.embed)


@pytest.fixture(scope="module")
def words_only() -> SlotTable:
    return build_slot_table(CATEGORIES, None)


def draft(text: str, type: ItemType = ItemType.EVENT, topic: str = "", slot: str = "") -> Draft:
    return Draft(text, "maya", type, 1, topic=topic, slot=slot)


def accuracy(table: SlotTable, vectors: NDArray[np.float32] | None) -> tuple[float, float]:
    """Share of held-out sentences with the right topic, and with the right topic and slot."""
    placed = assign_slots([draft(case["text"]) for case in LABELLED], vectors, table)
    pairs = list(zip(LABELLED, placed, strict=True))
    topics = sum(case["topic"] == d.topic for case, d in pairs)
    slots = sum((case["topic"], case["slot"]) == (d.topic, d.slot) for case, d in pairs)
    return topics / len(pairs), slots / len(pairs)


def test_every_default_place_exists() -> None:
    places = {(category.name, slot.name) for category in CATEGORIES for slot in category.slots}
    assert set(DEFAULT_PLACES) == set(ItemType)
    assert set(DEFAULT_PLACES.values()) <= places


def test_the_defaults_are_ten_categories_whose_slots_have_examples_in_two_languages() -> None:
    assert [category.name for category in CATEGORIES] == [
        "personal_info",
        "relationships",
        "preferences",
        "activities",
        "goals",
        "experiences",
        "knowledge",
        "opinions",
        "habits",
        "work_life",
    ]
    for category in CATEGORIES:
        assert category.description
        for slot in category.slots:
            if slot.name == "other":
                continue
            chinese = [text for text in slot.examples if any("\u4e00" <= c <= "\u9fff" for c in text)]
            assert slot.description, slot.name
            assert len(slot.examples) - len(chinese) >= 4, slot.name
            assert len(chinese) >= 1, slot.name


def test_no_labelled_sentence_is_an_example() -> None:
    examples = set(prototype_texts(CATEGORIES))
    assert not examples & {case["text"] for case in LABELLED}


def test_sentences_not_seen_in_tuning_land_in_their_slots(table: SlotTable, embedder: StaticEmbedder) -> None:
    topic, slot = accuracy(table, embedder.embed([case["text"] for case in LABELLED]))
    assert topic >= 0.87
    assert slot >= 0.81


def test_words_alone_place_most_sentences(words_only: SlotTable) -> None:
    topic, slot = accuracy(words_only, None)
    assert topic >= 0.84
    assert slot >= 0.77


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("My sister Nadia came over.", ("relationships", "family")),
        ("I\u2019m allergic to cats.", ("personal_info", "health")),
        ("上周五我搬家了", ("personal_info", "location")),
    ],
)
def test_a_cue_decides_without_vectors(words_only: SlotTable, text: str, place: tuple[str, str]) -> None:
    placed = assign_slots([draft(text)], None, words_only)[0]
    assert (placed.topic, placed.slot) == place


@pytest.mark.parametrize(
    ("type", "place"),
    [
        (ItemType.EVENT, ("experiences", "events")),
        (ItemType.BEHAVIOR, ("habits", "routine")),
        (ItemType.KNOWLEDGE, ("knowledge", "facts")),
        (ItemType.PROFILE, ("personal_info", "other")),
    ],
)
def test_what_nothing_speaks_for_goes_by_its_type(
    table: SlotTable,
    words_only: SlotTable,
    embedder: StaticEmbedder,
    type: ItemType,
    place: tuple[str, str],
) -> None:
    blank = draft("qwer zxcv", type)
    by_words = assign_slots([blank], None, words_only)[0]
    by_vectors = assign_slots([blank], embedder.embed([blank.text]), table)[0]
    assert (by_words.topic, by_words.slot) == place
    assert (by_vectors.topic, by_vectors.slot) == place


def test_a_draft_that_has_a_place_keeps_it(words_only: SlotTable) -> None:
    given = draft("My dog barks.", topic="goals", slot="career")
    assert assign_slots([given], None, words_only) == (given,)


def test_a_draft_is_placed_alike_in_any_batch(table: SlotTable, embedder: StaticEmbedder) -> None:
    texts = [case["text"] for case in LABELLED] * 30
    together = assign_slots([draft(text) for text in texts], embedder.embed(texts), table)
    alone = [assign_slots([draft(t)], embedder.embed([t]), table)[0] for t in texts[: len(LABELLED)]]
    assert list(together[: len(LABELLED)]) == alone
    assert list(together[-len(LABELLED) :]) == alone


def test_own_categories_work_without_slots_and_examples() -> None:
    own = (Category("garden", "Plants and soil"), Category("boats", "Sailing", cues=("mast",)))
    table = build_slot_table(own, None)
    placed = assign_slots([draft("Good soil."), draft("The mast broke."), draft("zzz")], None, table)
    assert [d.topic for d in placed] == ["garden", "boats", "garden"]
    assert {d.slot for d in placed} == {"general"}


def test_one_slot_with_one_prototype_is_enough(embedder: StaticEmbedder) -> None:
    own = (Category("garden", "Plants", (Slot("soil"),)),)
    table = build_slot_table(own, embedder.embed)
    placed = assign_slots([draft("Roses")], embedder.embed(["Roses"]), table)[0]
    assert (placed.topic, placed.slot) == ("garden", "soil")


def test_no_drafts_give_no_drafts(table: SlotTable) -> None:
    assert assign_slots([], np.zeros((0, 256), dtype=np.float32), table) == ()


def test_vectors_of_another_model_are_refused(table: SlotTable) -> None:
    with pytest.raises(EmbedderError, match="embed all with one model"):
        assign_slots([draft("a")], np.zeros((1, 3), dtype=np.float32), table)
    with pytest.raises(EmbedderError, match="vectors for"):
        build_slot_table(CATEGORIES, np.zeros((3, 256), dtype=np.float32))


def test_ten_thousand_drafts_are_placed_fast(table: SlotTable) -> None:
    drafts = [draft(f"{LABELLED[i % len(LABELLED)]['text']} {i}") for i in range(10_000)]
    vectors = np.random.default_rng(0).normal(size=(10_000, 256)).astype(np.float32)
    started = time.perf_counter()
    assign_slots(drafts, vectors, table)
    # Takes about 0.3 s; the bound only catches work that stopped being vectorised.
    assert time.perf_counter() - started < 30


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[categories", "not valid TOML"),
        ("", "Field required"),
        ("categories = []", "at least one"),
        ("[[categories]]\nname = 'a'\nslotz = []", "categories.0.slotz"),
        ("[[categories]]\nname = '../a'", "cannot be used"),
        ("[[categories]]\nname = ' '", "cannot be used"),
        ("[[categories]]\nname = 'a'\n[[categories]]\nname = 'A'", "given twice"),
        ("[[categories]]\nname = 'a'\nslots = [{name = 'b'}, {name = 'b'}]", "slot of category 'a'"),
    ],
)
def test_unusable_categories_are_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse_categories(text)
    assert "\n" not in str(caught.value)
