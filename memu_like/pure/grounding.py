"""Whether a new wording says what its texts say: their names, numbers and most of their words, nothing else.

A check of words, not of meaning: it cannot prove that a wording is right, but one that loses a name or a
number, leaves most words out, or brings in new ones is told apart for certain.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .terms import STOP_WORDS, stem, term_weight, terms

KEPT_SHARE = 0.5
"""Of each text, at least this share of its content words stands in the new wording."""
NEW_SHARE = 0.5
"""Of the new wording, at most this share of the content words is new: synonyms, and what joins the parts."""

_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[^\W\d_](?:[^\W_]|['’-](?=[^\W_]))*")
_SENTENCE_END = re.compile(r"(?:[.!?:;…\"“(]|[。！？：；，])\s*$")
_CONTRACTED = frozenset("s re ve ll d m t".split())
_COUNTED = {
    word: str(number)
    for number, word in enumerate(
        "two three four five six seven eight nine ten eleven twelve".split(), start=2
    )
}


@dataclass(frozen=True, slots=True)
class Wording:
    """A text as the check sees it. `names` are surely such; `openings` begin a sentence and may be."""

    stems: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]
    openings: frozenset[str]
    words: frozenset[str]


@lru_cache(maxsize=4096)
def wording(text: str) -> Wording:
    words = [(found.group(), found.start()) for found in _WORD.finditer(text)]
    plain = frozenset(_plain(word) for word, _ in words)
    openings = _openings(text, words)
    first = frozenset(openings.values()) - STOP_WORDS
    names = _names(words, openings)
    return Wording(frozenset(terms(text)), _numbers(text, plain), names, first - names, plain)


def kept_share(text: str, new: str) -> float:
    """The share of the content words of `text` that `new` has too; 1 where it has none."""
    old, now = wording(text).stems, wording(new).stems
    total = sum(map(term_weight, old))
    return sum(map(term_weight, old & now)) / total if total else 1.0


def lost(texts: Sequence[str], new: str, told_elsewhere: Iterable[str] = ()) -> str:
    """Why `new` cannot stand for all of `texts`; "" where it can.

    Names that are `told_elsewhere` (whom it is about) may be left out.
    """
    now = wording(new)
    spared = {_plain(found.group()) for text in told_elsewhere for found in _WORD.finditer(text)}
    for text in texts:
        old = wording(text)
        if old.numbers - now.numbers:
            return "it loses a number"
        openings = {word for word in old.openings - spared if stem(word) not in now.stems}
        if (old.names - spared) - now.words or openings - now.words:
            return "it loses a name, or the word that an entry begins with"
        if kept_share(text, new) < KEPT_SHARE:
            return "it loses most of what an entry says"
    return ""


def invented(texts: Sequence[str], new: str) -> str:
    """Why `new` says more than `texts` do; "" where it does not."""
    now = wording(new)
    found = [wording(text) for text in texts]
    if now.numbers - frozenset().union(*(one.numbers for one in found)):
        return "it has a number that no entry has"
    if now.names - frozenset().union(*(one.words for one in found)):
        return "it has a name that no entry has"
    stems = frozenset().union(*(one.stems for one in found))
    total = sum(map(term_weight, now.stems))
    if sum(map(term_weight, now.stems - stems)) > NEW_SHARE * total:
        return "most of its words stand in no entry"
    return ""


def _numbers(text: str, words: frozenset[str]) -> frozenset[str]:
    """Numbers without leading zeros, small ones in words too: "2" is "two", "07" is "7"."""
    digits = {found.lstrip("0") or "0" for found in _NUMBER.findall(text)}
    return frozenset(digits | {_COUNTED[word] for word in words & _COUNTED.keys()})


def _names(words: Sequence[tuple[str, int]], openings: Collection[int]) -> frozenset[str]:
    """Words that are capitalised though no sentence begins with them, or within (LGBTQ, iPhone)."""
    return frozenset(
        _plain(word)
        for word, start in words
        if _plain(word) not in STOP_WORDS
        and (any(char.isupper() for char in word[1:]) or (word[0].isupper() and start not in openings))
    )


def _openings(text: str, words: Sequence[tuple[str, int]]) -> dict[int, str]:
    """Where each sentence begins, with its first word where that is capitalised: it may be a name or not."""
    return {
        start: _plain(word)
        for at, (word, start) in enumerate(words)
        if word[0].isupper() and (at == 0 or _SENTENCE_END.search(text[max(0, start - 4) : start]))
    }


def _plain(word: str) -> str:
    """Case folded, without a possessive or a contraction."""
    head, mark, tail = word.casefold().replace("’", "'").partition("'")
    return head if mark and tail in _CONTRACTED else head + mark + tail
