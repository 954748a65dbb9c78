"""Text to index terms, for any script: stems where words are spaced, bigrams where they are not.

A run of Han, Kana, Hangul, Thai, Lao, Khmer or Burmese letters gives each letter and each pair of
neighbours (the common choice for text without spaces: Nie et al. 2000, "On the use of words and n-grams
for Chinese information retrieval"). Other words are lower-cased, stripped of accents and stemmed with the
Snowball stemmer of their script.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import Stemmer

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_CONTRACTION = r"['’](?:s|re|ve|ll|d|m)\b"
_NOT = re.compile(r"\b\w+n['’]t\b")
_TOKEN = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+(?:{_CONTRACTION})?")
# The same where all is ASCII and in lower case; the group leaves the contraction out.
_ASCII_TOKEN = re.compile(rf"([a-z0-9]+)(?:{_CONTRACTION})?")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_GREEK = re.compile(r"[\u0370-\u03ff]")

# A word of two letters without spaces is found as itself, two single letters, and two pairs across its
# borders that seldom match: together about one word.
LETTER_WEIGHT, PAIR_WEIGHT = 0.15, 0.5

# Words that say nothing about what a text is about; a query of stop words alone keeps them.
STOP_WORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being below between
    both but by can could did do does doing don down during each few for from further had has have
    having he her here hers him his how i if in into is it its itself just let me more most my no nor
    not now of off on once only or other our out over own s same she should so some such t than that the
    their them then there these they this those through to too under until up very was we were what when
    where which while who whom whose why will with would you your yours
    的 了 是 在 我 你 他 她 它 们 和 吗 呢 吧 啊 么 这 那 done herself himself myself ours ourselves
    theirs themselves yourself yourselves im ive id ill
    youre youve dont didnt doesnt isnt wasnt arent cant couldnt wouldnt thats hes shes theyre weve lets
    re ve ll d m much many according mention mentioned say said says tell told describe described""".split()
)


# Forms that the stemmer leaves apart from their base.
IRREGULAR = {
    form: base
    for base, _, forms in (
        entry.partition("=")
        for entry in """
    go=went,gone buy=bought get=got,gotten make=made take=took,taken see=saw,seen give=gave,given find=found
    meet=met win=won lose=lost teach=taught think=thought write=wrote,written begin=began,begun run=ran
    feel=felt leave=left keep=kept spend=spent build=built bring=brought choose=chose,chosen
    break=broke,broken become=became come=came drive=drove,driven eat=ate,eaten fall=fell,fallen
    grow=grew,grown hear=heard hold=held know=knew,known pay=paid ride=rode,ridden sell=sold send=sent
    sing=sang,sung speak=spoke,spoken swim=swam,swum wear=wore,worn draw=drew,drawn fly=flew,flown
    catch=caught fight=fought forget=forgot,forgotten hide=hid,hidden throw=threw,thrown child=children
    person=people wife=wives life=lives
    """.split()
    )
    for form in forms.split(",")
}


@lru_cache(maxsize=1)
def _stemmers() -> dict[str, Stemmer.Stemmer]:
    return {name: Stemmer.Stemmer(name) for name in ("english", "russian", "greek")}


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The term of one word of `words`: accents dropped, stemmed by its script."""
    if word.isascii():
        return str(_stemmers()["english"].stemWord(IRREGULAR.get(word, word)))
    if _CYRILLIC.search(word):
        return str(_stemmers()["russian"].stemWord(word))
    if _GREEK.search(word):
        return str(_stemmers()["greek"].stemWord(word))
    plain = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    return str(_stemmers()["english"].stemWord(plain)) if plain.isascii() and plain else plain or word


KEPT, LONGEST_KEPT = 2048, 400
"""How many texts' words are kept, and of how many characters at most: some megabytes in all."""


def words(text: str) -> Iterator[str]:
    """Lower-cased words without possessives and contractions ("don't" and its like say nothing: left out).

    A run of letters without spaces gives its letters and its pairs of letters.
    """
    lowered = text.lower()
    if "'" in lowered or "’" in lowered:
        lowered = _NOT.sub(" ", lowered)
    if lowered.isascii():
        yield from _ASCII_TOKEN.findall(lowered)
        return
    for token in _TOKEN.findall(lowered):
        if _IS_UNSPACED.match(token):
            yield from token
            yield from (token[i : i + 2] for i in range(len(token) - 1))
        else:
            yield token.replace("’", "'").partition("'")[0]


def term_weight(term: str) -> float:
    """How much of a word a term is: letters and pairs of a run without spaces are parts of words."""
    if not _IS_UNSPACED.match(term):
        return 1.0
    return LETTER_WEIGHT if len(term) == 1 else PAIR_WEIGHT


def terms(text: str) -> list[str]:
    """Index terms in order, stop words left out."""
    return [stem(word) for word in telling_words(text)]


def telling_words(text: str) -> tuple[str, ...]:
    """The words that `terms` are the stems of: stop words left out."""
    return _kept_words(text) if len(text) <= LONGEST_KEPT else _telling_words(text)


def _telling_words(text: str) -> tuple[str, ...]:
    return tuple([word for word in words(text) if word not in STOP_WORDS])


# A run looks at the same text several times: to index it, to find what is like it, to hold items to it.
_kept_words = lru_cache(maxsize=KEPT)(_telling_words)
