"""Placing drafts in the slots of the profile, with no model call.

A slot is described by prototypes (its description and example sentences, embedded by the caller) and by
words: cues that speak for it or for its whole category, and the words of its examples. A draft goes where
the blend is highest. With no vectors the words alone decide; a draft that nothing speaks for goes to a
default place by its type.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from ..errors import EmbedderError
from ..models import Category, Draft, ItemType, Slot
from .patterns import lazy
from .terms import stem

Floats = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Floats]
Place = tuple[str, str]

# The blend, found by a grid on the half of tests/data/slots.jsonl that is marked "tune". The dense part
# is the mean of the two nearest prototypes' cosines, so it has weight 1 and a scale of about 0.2 to 0.8.
SLOT_CUE_WEIGHT = 0.2
TOPIC_CUE_WEIGHT = 0.1
WORD_WEIGHT = 0.1
PHRASE_BONUS = 1.3
"""A phrase of two words or more is less ambiguous than a word."""
MOST_CUES = 1.5
"""Cues count up to this sum: a long sentence does not win by its length."""
LEAST_WITH_VECTORS = 0.4
LEAST_WITH_WORDS = 0.05
"""Scores below which nothing speaks for any slot, and the draft's type decides."""

_ROWS_AT_ONCE = 2048
FEW_TEXTS = 64
_LONGEST_PHRASE = 4
_COMMON = 0.2
"""A word whose inverse slot frequency (0 in all slots, 1 in one) is lower than this tells nothing."""

DEFAULT_PLACES: Mapping[str, Place] = {
    ItemType.PROFILE: ("personal_info", "other"),
    ItemType.EVENT: ("experiences", "events"),
    ItemType.KNOWLEDGE: ("knowledge", "facts"),
    ItemType.BEHAVIOR: ("habits", "routine"),
    ItemType.SKILL: ("knowledge", "skills"),
    ItemType.INSIGHT: ("knowledge", "lessons"),
}

_TOKEN = lazy(r"[\u3400-\u9fff]+|[^\W_\u3400-\u9fff]+")
_SPELLED_OUT = (("’", "'"), ("'m ", " am "), ("'ve ", " have "), ("n't", " not"), ("'d like", " would like"))


@dataclass(frozen=True, slots=True)
class SlotTable:
    """All slots, ready for scoring.

    `phrases` gives the row of a phrase (its stems, with blanks between) in the three weight matrices
    (phrases x slots); row 0 is all zeros. `beginnings` are the first two words of those of several words.
    `prototypes` (prototypes x dimensions, rows of length 1) is None with no embedder; `starts` is the first
    prototype row of each slot.
    """

    places: tuple[Place, ...]
    phrases: Mapping[str, int]
    beginnings: frozenset[tuple[str, str]]
    slot_cues: Floats
    topic_cues: Floats
    word_weights: Floats
    prototypes: Floats | None
    starts: NDArray[np.intp]


def _beginnings(phrases: Iterable[str]) -> Iterator[tuple[str, str]]:
    for phrase in phrases:
        first, *rest = phrase.split(" ", 2)
        if rest:
            yield first, rest[0]


def prototype_texts(categories: Sequence[Category]) -> tuple[str, ...]:
    """The texts to embed for `build_slot_table`, slot by slot: the description, then the examples."""
    return tuple(text for _, slot in _slots(categories) for text in _texts(slot))


def build_slot_table(categories: Sequence[Category], embed: Embed | Floats | None) -> SlotTable:
    """A table from categories and either a function that embeds texts, or the matrix of
    `prototype_texts(categories)` (texts x dimensions), or None for words alone."""
    slots = list(_slots(categories))
    starts = np.cumsum([0] + [len(_texts(slot)) for _, slot in slots])
    vectors = embed(prototype_texts(categories)) if callable(embed) else embed
    if vectors is not None and vectors.shape[0] != starts[-1]:
        raise EmbedderError(f"the embedder gave {vectors.shape[0]} vectors for {starts[-1]} texts")
    slot_cues = _cue_weights(slot.cues for _, slot in slots)
    topic_cues = _cue_weights(category.cues for category, _ in slots)
    words = _word_weights([_texts(slot) for _, slot in slots])
    phrases = {phrase: row for row, phrase in enumerate({"": {}, **slot_cues, **topic_cues, **words})}
    return SlotTable(
        places=tuple((category.name, slot.name) for category, slot in slots),
        phrases=phrases,
        beginnings=frozenset(_beginnings(phrases)),
        slot_cues=_matrix(slot_cues, phrases, len(slots)),
        topic_cues=_matrix(topic_cues, phrases, len(slots)),
        word_weights=_matrix(words, phrases, len(slots)),
        prototypes=None if vectors is None else _unit(vectors),
        starts=starts[:-1],
    )


def assign_slots(
    drafts: Sequence[Draft], draft_vectors: Floats | None, slot_table: SlotTable
) -> tuple[Draft, ...]:
    """The drafts with `topic` and `slot` set; a draft that has a topic keeps both.

    `draft_vectors` is drafts x dimensions, from the embedder that embedded the table, or None.
    Raises EmbedderError if the two do not fit each other.
    """
    kinds = [draft.type for draft in drafts]
    places = find_places([draft.text for draft in drafts], kinds, draft_vectors, slot_table)
    return tuple(
        draft if draft.topic else replace(draft, topic=topic, slot=slot)
        for draft, (topic, slot) in zip(drafts, places, strict=True)
    )


def find_places(
    texts: Sequence[str], kinds: Sequence[str], vectors: Floats | None, table: SlotTable
) -> list[Place]:
    """Where each text belongs; where no slot is spoken for, `kinds` (types of items) decide.

    `vectors` and errors as for `assign_slots`.
    """
    _check_vectors(texts, vectors, table)
    found: list[Place] = []
    for first in range(0, len(texts), _ROWS_AT_ONCE):
        part = slice(first, first + _ROWS_AT_ONCE)
        rows = None if vectors is None else vectors[part]
        found.extend(_places_of_part(texts[part], kinds[part], rows, table))
    return found


def _places_of_part(
    texts: Sequence[str], kinds: Sequence[str], vectors: Floats | None, table: SlotTable
) -> Iterator[Place]:
    scores = _word_scores(texts, table)
    dense = vectors is not None and table.prototypes is not None
    if vectors is not None and table.prototypes is not None:
        scores = scores + _dense_scores(_unit(vectors), table.prototypes, table.starts)
    least = LEAST_WITH_VECTORS if dense else LEAST_WITH_WORDS
    best = scores.argmax(axis=1)
    tells = scores[np.arange(len(texts)), best] >= least
    for kind, index, sure in zip(kinds, best.tolist(), tells.tolist(), strict=True):
        default = DEFAULT_PLACES.get(kind, DEFAULT_PLACES[ItemType.KNOWLEDGE])
        yield default if not sure and default in table.places else table.places[index]


def _check_vectors(texts: Sequence[str], vectors: Floats | None, table: SlotTable) -> None:
    if vectors is None or table.prototypes is None:
        return
    wanted = (len(texts), table.prototypes.shape[1])
    if vectors.shape != wanted:
        raise EmbedderError(f"vectors of shape {vectors.shape}, not {wanted}: embed all with one model")


def _dense_scores(vectors: Floats, prototypes: Floats, starts: NDArray[np.intp]) -> Floats:
    """Mean of the two highest cosines of each slot: drafts x slots."""
    # A product this small is over before a second thread has begun, on a machine with other work.
    few = len(vectors) <= FEW_TEXTS
    cosines = np.vecdot(prototypes[:, None], vectors[None]) if few else prototypes @ vectors.T
    counts = np.diff(np.append(starts, len(prototypes)))
    first = cosines[starts]
    second = np.full_like(first, -1.0)
    for place in range(1, int(counts.max())):
        slots = np.flatnonzero(counts > place)
        next_one = cosines[starts[slots] + place]
        second[slots] = np.maximum(second[slots], np.minimum(first[slots], next_one))
        first[slots] = np.maximum(first[slots], next_one)
    second = np.where(counts[:, None] > 1, second, first)
    return np.ascontiguousarray(((first + second) / 2).T, dtype=np.float32)


def _word_scores(texts: Sequence[str], table: SlotTable) -> Floats:
    """What cues and words give: texts x slots."""
    found = [[0, *_found_phrases(text, table)] for text in texts]
    starts = np.cumsum([0] + [len(rows) for rows in found])[:-1]
    rows = np.fromiter((row for rows in found for row in rows), dtype=np.intp)

    def total(weights: Floats) -> Floats:
        return np.asarray(np.add.reduceat(weights[rows], starts, axis=0), dtype=np.float32)

    return (
        SLOT_CUE_WEIGHT * np.minimum(total(table.slot_cues), MOST_CUES)
        + TOPIC_CUE_WEIGHT * np.minimum(total(table.topic_cues), MOST_CUES)
        + WORD_WEIGHT * total(table.word_weights)
    )


def _found_phrases(text: str, table: SlotTable) -> set[int]:
    """Row numbers of the phrases that occur in the text."""
    tokens, rows, spaced = _tokens(text), table.phrases, text.isascii()
    found: set[int] = set()
    for place, (token, following) in enumerate(zip_longest(tokens, tokens[1:])):
        if not spaced and _is_unspaced(token):
            grams = (token[i:j] for i in range(len(token)) for j in range(i + 1, i + _LONGEST_PHRASE + 1))
            found.update(rows[gram] for gram in grams if gram in rows)
            continue
        if token in rows:
            found.add(rows[token])
        if (token, following) in table.beginnings:
            longer = (" ".join(tokens[place : place + size]) for size in range(2, _LONGEST_PHRASE + 1))
            found.update(rows[phrase] for phrase in longer if phrase in rows)
    return found


def _tokens(text: str) -> list[str]:
    """Stems of spaced words in order; a run of Chinese characters is one token."""
    text = text.lower()
    for short, spelled in _SPELLED_OUT:
        text = text.replace(short, spelled)
    found = _TOKEN.findall(text)
    if text.isascii():
        return list(map(stem, found))
    return [token if _is_unspaced(token) else stem(token) for token in found]


def _is_unspaced(word: str) -> bool:
    return word >= "\u3400"


def _cue_weights(cues: Iterable[Iterable[str]]) -> dict[str, dict[int, float]]:
    """Phrase to slot number to weight; a cue that several slots share counts for less in each."""
    owners: dict[str, set[int]] = {}
    for number, of_slot in enumerate(cues):
        for cue in of_slot:
            phrase = " ".join(_tokens(cue))
            if phrase:
                owners.setdefault(phrase, set()).add(number)
    return {
        phrase: dict.fromkeys(sorted(slots), _bonus(phrase) / math.sqrt(len(slots)))
        for phrase, slots in owners.items()
    }


def _bonus(phrase: str) -> float:
    return PHRASE_BONUS if " " in phrase or (_is_unspaced(phrase) and len(phrase) > 2) else 1.0


def _word_weights(texts: Sequence[Sequence[str]]) -> dict[str, dict[int, float]]:
    """Word to slot number to inverse slot frequency; Chinese runs give their pairs."""
    words = [{word for text in of_slot for word in _words(text)} for of_slot in texts]
    frequency = Counter(word for of_slot in words for word in of_slot)
    weights: dict[str, dict[int, float]] = {}
    for word, count in sorted(frequency.items()):
        weight = 1.0 - math.log(count) / math.log(len(texts)) if len(texts) > 1 else 1.0
        if weight >= _COMMON:
            weights[word] = {number: weight for number, of_slot in enumerate(words) if word in of_slot}
    return weights


def _words(text: str) -> Iterator[str]:
    for token in _tokens(text):
        if _is_unspaced(token):
            yield from (token[i : i + 2] for i in range(len(token) - 1))
        else:
            yield token


def _matrix(weights: Mapping[str, Mapping[int, float]], rows: Mapping[str, int], slots: int) -> Floats:
    matrix = np.zeros((len(rows), slots), dtype=np.float32)
    for phrase, of_slot in weights.items():
        for number, weight in of_slot.items():
            matrix[rows[phrase], number] = weight
    return matrix


def _unit(vectors: Floats) -> Floats:
    """Rows scaled to length 1; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _slots(categories: Iterable[Category]) -> Iterator[tuple[Category, Slot]]:
    """Every slot with its category; a category with no slots has one named "general"."""
    for category in categories:
        for slot in category.slots or (Slot("general", category.description),):
            yield category, slot


def _texts(slot: Slot) -> tuple[str, ...]:
    return (slot.description or slot.name, *slot.examples)
