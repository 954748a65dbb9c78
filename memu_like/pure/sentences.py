"""Sentences and words of a message, found without a model, for Latin and CJK writing alike."""

from __future__ import annotations

import re
from functools import lru_cache

from .patterns import lazy

#: A full stop after one of these, or after a single capital, ends no sentence.
_ABBREVIATION = lazy(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|vs|etc|jr|sr|no|inc|ltd|approx|e\.g|i\.e|a\.m|p\.m|u\.s|u\.k|ph\.d)|\b[A-Z])$",
    re.IGNORECASE,
)
_MARK = lazy(r"[.!?…]+[\"'”’)\]]*(?=\s|$)|[。！？!?；…]+[”」』）’\"]*|\n+")
_CODE = lazy(r"```.*?(?:```|\Z)", re.DOTALL)
_WORD = lazy(r"[^\W_]+(?:['’\-][^\W_]+)*")
_CONTRACTION = lazy(r"(?:n['’]t|['’](?:s|ve|ll|re|d|m))$")
CJK = lazy("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")

STOP_WORDS = frozenset(
    """a about above after again all almost already also although always am an and any anyone anything are
    around as ask at away back be became because been before being best better bit both but by came can
    can't cannot come could couldn't day days did didn't do does doesn't doing don't done down each even ever
    every everyone everything far feel feeling felt few find first for found from full gave get gets getting
    give glad go goes going gone gonna good got great had half happened happy has have haven't having he
    he's her here here's hers hey hi him himself his hope how i i'd i'll i'm i've if in into is isn't it it's
    its itself i'll just keep kind kinda know last least let let's like little long look looking lot lots
    love loved made make makes making many may maybe me mean might mine more most much must my myself
    need never new next nice no not nothing now of off oh ok okay on once one only onto or other our
    ours out over own
    people pretty probably put quite rather really right said same saw say saying see seem seems she she's
    should since so some someone something soon still stuff such super sure take taken taking talk tell than
    thanks that that's the their theirs them then there there's these they they're thing things think this
    those though thought through time to today together too took tried try trying two until up us use used
    usually very want wanted was wasn't way we we'd we'll we're we've well went were weren't what what's
    when where which while who whole whom whose why will wish with within without won't work would wouldn't
    wow yeah year years yep yes yesterday yet you you'd you'll you're you've your yours""".split()
)
KEPT, LONGEST_KEPT = 256, 400
"""How many texts' content words are kept, and of how many characters at most."""

_CHINESE_FUNCTION = frozenset("的了是在我你他她它们这那有和就都也很不吗呢吧啊把被给跟与又还会要去来到个说最")


def split_sentences(text: str) -> tuple[tuple[int, int], ...]:
    """The sentences of `text` as (start, end) offsets, white space trimmed; code blocks are left out."""
    spans: list[tuple[int, int]] = []
    start = 0
    for block in _CODE.finditer(text) if "```" in text else ():
        spans += _split(text, start, block.start())
        start = block.end()
    return tuple(spans + _split(text, start, len(text)))


def _split(text: str, start: int, end: int) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for mark in _MARK.finditer(text, start, end):
        if mark[0] == "." and _ABBREVIATION.search(text, max(start, mark.start() - 8), mark.start()):
            continue
        _append_trimmed(text, start, mark.end(), spans)
        start = mark.end()
    _append_trimmed(text, start, end, spans)
    return spans


def _append_trimmed(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))


def words_of(text: str) -> list[str]:
    """The words as written; a run of CJK characters is one word (see `bigrams`)."""
    return _WORD.findall(text)


def bigrams(run: str) -> list[str]:
    """Overlapping pairs of a CJK run that hold no function character; a run of one is itself."""
    if len(run) < 2:
        return [run] if run not in _CHINESE_FUNCTION else []
    pairs = (run[index : index + 2] for index in range(len(run) - 1))
    return [pair for pair in pairs if _CHINESE_FUNCTION.isdisjoint(pair)]


def has_digit(text: str) -> bool:
    return not text.isalpha() and any(map(str.isdigit, text))


def content_words(text: str) -> list[str]:
    """Lower-case words that carry meaning, in order, once each; CJK as bigrams."""
    return list(_kept_content(text) if len(text) <= LONGEST_KEPT else _content_words(text))


def _content_words(text: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for word in _WORD.findall(text.lower()):
        if not word.isascii() and (runs := CJK.findall(word)):
            found.update(dict.fromkeys(pair for run in runs for pair in bigrams(run)))
            continue
        stem = _CONTRACTION.sub("", word)
        if len(stem) > 2 and word not in STOP_WORDS and stem not in STOP_WORDS:
            found[stem] = None
    return tuple(found)


# A statement is weighed and has its keywords taken: its words are asked for twice.
_kept_content = lru_cache(maxsize=KEPT)(_content_words)
