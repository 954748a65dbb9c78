"""The static embedder: potion-base-8M, a table of one vector per word piece, shipped with the package.

A text's vector is the mean of its pieces' vectors, brought to length one, as `model2vec` computes it. The
table is read through a memory map and never turned into floats as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
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
AT_ONCE = 32
"""Texts whose pieces are looked up together: of the longest texts, 16 megabytes."""


class StaticEmbedder:
    """potion-base-8M in eight bits: 29,528 pieces, 256 dimensions. Safe to use from several threads.

    A piece's vector is its int8 row times its whole-number scale, so that the sum over at most 512 pieces
    stays below 2**24 and float32 holds it exactly: the same text gives the same bits in any batch.
    """

    name = "static/potion-base-8M"
    dimension = 256
    cheap_words = True

    def __init__(self, folder: Path = DATA) -> None:
        self._rows, self._scales, self._tokenizer = _model(folder)
        # A run embeds the same statements for several purposes, and the same words again and again.
        self._kept: dict[str, NDArray[np.float32]] = {}

    @property
    def fingerprint(self) -> str:
        return f"{self.name}/{self.dimension}/{EMBEDDINGS_SHA256[:12]}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit rows, shape (len(texts), 256); a text with no known piece gives a row of zeros."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), AT_ONCE):
            self._fill(vectors[start : start + AT_ONCE], texts[start : start + AT_ONCE])
        return vectors

    def _fill(self, vectors: NDArray[np.float32], texts: Sequence[str]) -> None:
        # Looked up once: another thread may empty what is kept.
        found = {text: vector for text in texts if (vector := self._kept.get(text)) is not None}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        if missing:
            found.update(zip(missing, normalise(self._sums(missing)), strict=True))
        for text in missing:
            self._keep(text, found[text])
        for row, text in zip(vectors, texts, strict=True):
            row[:] = found[text]

    def _keep(self, text: str, vector: NDArray[np.float32]) -> None:
        if len(text) <= LONGEST_KEPT:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[text] = vector.copy()  # not the whole batch that it is a row of

    def _sums(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """For each text, of any length, the sum of its pieces' vectors."""
        pieces = [self.token_ids(text) for text in texts]
        places = np.fromiter(chain.from_iterable(pieces), dtype=np.intp)
        rows, scales = self._rows[places].astype(np.float32), self._scales[places]
        sums = np.empty((len(texts), self.dimension), dtype=np.float32)
        start = 0
        for total, ids in zip(sums, pieces, strict=True):
            end = start + len(ids)
            np.matmul(scales[start:end], rows[start:end], out=total)
            start = end
        return sums

    def word_vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """As `embed`: a word costs about 5 microseconds."""
        return self.embed(words)

    def token_ids(self, text: str) -> list[int]:
        """The pieces that a text's vector is made of, unknown words (id 1, a row of zeros) among them."""
        return self._tokenizer.ids(text[:MAX_CHARACTERS], MAX_TOKENS)


@lru_cache(maxsize=1)
def _model(folder: Path) -> tuple[NDArray[np.int8], NDArray[np.float32], WordPiece]:
    """The table, its scales and its tokenizer; one for all services of a process. Raises EmbedderError."""
    try:
        rows: NDArray[np.int8] = np.asarray(np.load(folder / "embeddings.npy", mmap_mode="r"))
        scales: NDArray[np.float32] = np.load(folder / "scales.npy").astype(np.float32)
    except (OSError, EOFError, ValueError) as error:
        raise _broken(folder, str(error)) from error
    vocabulary = read_vocabulary(folder)
    shape = (len(vocabulary), StaticEmbedder.dimension)
    fits = rows.shape == shape and rows.dtype == np.int8 and scales.shape == shape[:1]
    if not fits or UNKNOWN not in vocabulary:
        raise _broken(folder, "its parts do not fit together")
    return rows, scales, WordPiece(vocabulary)


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
