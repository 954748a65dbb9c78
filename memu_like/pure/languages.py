"""The language that a model is spoken to in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from .patterns import lazy

Language = Literal["en", "zh"]

# A text is Chinese where it has at least one ideograph for this many Latin letters: names and product
# names stay Latin in Chinese, and an ideograph is about a word.
LETTERS_PER_IDEOGRAPH = 4
_IDEOGRAPH = lazy(r"[\u3400-\u9fff]")
_KANA_OR_HANGUL = lazy(r"[\u3040-\u30ff\uac00-\ud7af]")
_LETTER = lazy(r"[A-Za-z]")


def prompt_language(configured: Literal["auto", "en", "zh"], texts: Iterable[str]) -> Language:
    """The configured language; for "auto" that of the texts, where what is not Chinese is English."""
    if configured != "auto":
        return configured
    ideographs = letters = 0
    for text in texts:
        if _KANA_OR_HANGUL.search(text):
            continue
        ideographs += len(_IDEOGRAPH.findall(text))
        letters += len(_LETTER.findall(text))
    return "zh" if ideographs and ideographs * LETTERS_PER_IDEOGRAPH >= letters else "en"
