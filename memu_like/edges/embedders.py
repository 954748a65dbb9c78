"""What an embedder is, and the making of the one that the settings name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..config import Settings


class Embedder(Protocol):
    """Turns texts into vectors of length one. Blocking: call it from a worker thread.

    `name` is the kind and the model, such as "static/potion-base-8M". `fingerprint` changes whenever vectors
    could: what is stored under one must not be compared with vectors of another. `cheap_words` says whether
    `word_vectors` costs microseconds a word, with no model run and no request.
    """

    @property
    def name(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def cheap_words(self) -> bool: ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit rows, shape (len(texts), dimension); a row of zeros for a text that says nothing.

        Raises EmbedderError where the model cannot be reached or answers nonsense.
        """
        ...

    def word_vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """One row a word, shape (len(words), dimension)."""
        ...


def make_embedder(settings: Settings) -> Embedder | None:
    """The embedder that `settings.embedder` names; None for "none".

    Raises MissingExtra, EmbedderError where shipped data is broken, ConfigError where a key is missing. No
    request is made and no large model is loaded before the first text.
    """
    if settings.embedder == "none":
        return None
    if settings.embedder == "static":
        from .static_model import StaticEmbedder

        return StaticEmbedder()
    if settings.embedder == "minilm":
        from .minilm import MiniLmEmbedder

        return MiniLmEmbedder()
    return _openai(settings)


def _openai(settings: Settings) -> Embedder:
    from .openai_embedder import OpenAiEmbedder
    from .tokens import make_counter

    return OpenAiEmbedder(
        make_counter("cl100k_base"),
        model=settings.embedder_model,
        base_url=settings.embedder_base_url,
        api_key=settings.embedder_api_key,
        dimensions=settings.embedder_dimensions,
    )
