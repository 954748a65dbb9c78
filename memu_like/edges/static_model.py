"""The static embedder: potion-base-8M, a table of one vector per word piece, shipped with the package.

A text's vector is the mean of its pieces' vectors, brought to length one, as `model2vec` computes it. The
table is read through a memory map and never turned into floats as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import EmbedderError
from ..pure.wordpiece import UNKNOWN, WordPiece

DATA = Path(__file__).parent.parent / "data" / "potion-base-8M"
EMBEDDINGS_SHA256 = "e7f5cce85ad5cc7b3cb831084ff7047bb5d1c27fa4134d128849fe5cdef262ef"
"""Of `embeddings.npy`; the build script checks it, and a test. Loading does not read the whole file."""

MAX_TOKENS = 512
"""model2vec's default `max_length`; what comes later in a text does not bear on its vector."""
MAX_CHARACTERS = MAX_TOKENS * 6
"""model2vec cuts at `max_length` times the median length of a piece, which is 6 in this vocabulary."""

KEPT, LONGEST_KEPT = 4096, 400
"""How many texts' vectors are kept, and of how many characters at most: some five megabytes in all."""


class StaticEmbedder:
    """potion-base-8M in eight bits: 29,528 pieces, 256 dimensions. Safe to use from several threads.

    A piece's vector is its int8 row times its whole-number scale, so that the sum over at most 512 pieces
    stays below 2**24 and float32 holds it exactly: the same text gives the same bits in any batch.
    """

    name = "static/potion-base-8M"
    dimension = 256
    cheap_words = True

    def __init__(self, folder: Path = DATA) -> None:
        try:
            self._rows: NDArray[np.int8] = np.asarray(np.load(folder / "embeddings.npy", mmap_mode="r"))
            self._scales: NDArray[np.float32] = np.load(folder / "scales.npy").astype(np.float32)
        except (OSError, EOFError, ValueError) as error:
            raise _broken(folder, str(error)) from error
        vocabulary = read_vocabulary(folder)
        shape = (len(vocabulary), self.dimension)
        fits = self._rows.shape == shape and self._rows.dtype == np.int8 and self._scales.shape == shape[:1]
        if not fits or UNKNOWN not in vocabulary:
            raise _broken(folder, "its parts do not fit together")
        self._tokenizer = WordPiece(vocabulary)
        # A run embeds the same statements for several purposes.
        self._kept_row = lru_cache(maxsize=KEPT)(self._row)

    @property
    def fingerprint(self) -> str:
        return f"{self.name}/{self.dimension}/{EMBEDDINGS_SHA256[:12]}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit rows, shape (len(texts), 256); a text with no known piece gives a row of zeros."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[:] = self._kept_row(text) if len(text) <= LONGEST_KEPT else self._row(text)
        return normalise(vectors)

    def _row(self, text: str) -> NDArray[np.float32]:
        """A text's vector, of any length."""
        places = np.array(self.token_ids(text), dtype=np.intp)
        return np.asarray(self._scales[places] @ self._rows[places].astype(np.float32))

    def word_vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """As `embed`: a word costs about 5 microseconds."""
        return self.embed(words)

    def token_ids(self, text: str) -> list[int]:
        """The pieces that a text's vector is made of, unknown words (id 1, a row of zeros) among them."""
        return self._tokenizer.ids(text[:MAX_CHARACTERS], MAX_TOKENS)


def read_vocabulary(folder: Path = DATA) -> list[str]:
    """The word pieces, one a line: a piece's place is its row. Raises EmbedderError."""
    try:
        return (folder / "vocab.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, ValueError) as error:
        raise _broken(folder, str(error)) from error


def normalise(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring every row to length one, in place; rows of zeros stay."""
    lengths = np.sqrt(np.square(vectors, dtype=np.float64).sum(axis=1, keepdims=True))
    vectors /= np.maximum(lengths, np.finfo(np.float64).tiny)
    return vectors


def _broken(folder: Path, reason: str) -> EmbedderError:
    return EmbedderError(
        f"the built-in embedding model in {folder} cannot be read ({reason}): reinstall memu-like"
    )
