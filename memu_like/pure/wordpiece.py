"""BERT's tokenizer: text to the ids of word pieces, as `tokenizers` gives them for bert-base-uncased.

Normalizer, pre-tokenizer and WordPiece are those of Devlin et al. 2018 (`BertNormalizer` with lower case and
accents stripped, `BertPreTokenizer`, `WordPiece` with at most 100 characters a word). Differences are left
only where the Unicode version of the running Python knows a character that the older table does not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import chain, islice

MAX_CHARACTERS_PER_WORD = 100
UNKNOWN = "[UNK]"
SPECIAL_TOKENS = ("[PAD]", UNKNOWN, "[CLS]", "[SEP]", "[MASK]")

_CJK = (
    *((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF)),
    *((0x2A700, 0x2B81F), (0x2B920, 0x2CEAF), (0x2F800, 0x2FA1F)),
)
_SPECIAL = re.compile("(" + "|".join(map(re.escape, SPECIAL_TOKENS)) + ")")
# What `str.split` takes for white space and BERT for control characters, and the start of a special token.
_RARE = re.compile(r"[\x0b\x0c\x1c-\x1f\x85]|\[[PUCSM]")
# A word of printable ASCII falls into runs of letters and digits, and single signs.
_ASCII_PART = re.compile(r"[a-z0-9]+|[^a-z0-9]")
_CACHED_WORDS = 32_768
_CACHED_WORD_LENGTH = 32
_CACHED_CHARACTERS = 8_192


class _Table(dict[int, str]):
    """A table for `str.translate` that works out a character when it is first met, and stays bounded."""

    def __missing__(self, codepoint: int) -> str:
        if len(self) >= _CACHED_CHARACTERS:
            self.clear()
        self[codepoint] = replacement = self.replace(chr(codepoint))
        return replacement

    def replace(self, character: str) -> str:
        raise NotImplementedError


class _Cleaned(_Table):
    def replace(self, character: str) -> str:
        codepoint = ord(character)
        if character in "\t\n\r":
            return " "
        if codepoint == 0xFFFD or unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs"):
            return ""
        return f" {character} " if any(low <= codepoint <= high for low, high in _CJK) else character


class _Folded(_Table):
    def replace(self, character: str) -> str:
        category = unicodedata.category(character)
        if category == "Mn":
            return ""
        # In ASCII every printable sign is punctuation to BERT, $ + < = > ^ ` | ~ too.
        if category[0] == "P" or (character.isascii() and not character.isalnum() and character > " "):
            return f" {character} "
        return character.lower()


class WordPiece:
    """Splits text into the pieces of `vocabulary` (its position is a piece's id).

    Safe to use from several threads. What it remembers of earlier words is bounded (about 8 MB).
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._ids = {piece: index for index, piece in enumerate(vocabulary)}
        self._longest = max(map(len, vocabulary))
        self._unknown = (self._ids[UNKNOWN],)
        self._cleaned, self._folded = _Cleaned(), _Folded()
        self._words = _Words(self)

    def ids(self, text: str, limit: int) -> list[int]:
        """The ids of the first `limit` pieces; an unknown word is one `[UNK]`. No [CLS] or [SEP] is added."""
        if _RARE.search(text):
            parts = _SPECIAL.split(text)
            return list(islice(chain.from_iterable(map(self._rare_part, parts)), limit))
        ids = list(chain.from_iterable(map(self._words.__getitem__, text.split())))
        return ids if len(ids) <= limit else ids[:limit]

    def split(self, text: str) -> tuple[int, ...]:
        """The ids of any text without special tokens; the plain way that the cache stands in front of."""
        if text.isascii() and text.isprintable() and " " not in text:
            if text.isalnum():
                return self._pieces(text.lower())  # nothing to clean, to fold or to cut
            return tuple(chain.from_iterable(map(self._pieces, _ASCII_PART.findall(text.lower()))))
        decomposed = unicodedata.normalize("NFD", text.translate(self._cleaned))
        words = decomposed.translate(self._folded).split()
        return tuple(chain.from_iterable(map(self._pieces, words)))

    def _rare_part(self, part: str) -> tuple[int, ...]:
        return (self._ids[part],) if part in SPECIAL_TOKENS else self.split(part)

    def _pieces(self, word: str) -> tuple[int, ...]:
        known = self._ids.get(word)
        if known is not None:
            return (known,)
        if len(word) > MAX_CHARACTERS_PER_WORD:
            return self._unknown
        pieces: list[int] = []
        start = 0
        while start < len(word):
            for end in range(min(len(word), start + self._longest), start, -1):
                piece = self._ids.get(f"##{word[start:end]}" if start else word[start:end])
                if piece is not None:
                    break
            else:
                return self._unknown
            pieces.append(piece)
            start = end
        return tuple(pieces)


class _Words(dict[str, tuple[int, ...]]):
    """Ids by white-space-delimited word. `map(words.__getitem__, text.split())` runs at the speed of C."""

    def __init__(self, tokenizer: WordPiece) -> None:
        super().__init__()
        self._split = tokenizer.split

    def __missing__(self, word: str) -> tuple[int, ...]:
        ids = self._split(word)
        if len(word) <= _CACHED_WORD_LENGTH:
            if len(self) >= _CACHED_WORDS:
                self.clear()
            self[word] = ids
        return ids
