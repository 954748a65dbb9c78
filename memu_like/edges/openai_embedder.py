"""Embeddings from any endpoint that speaks OpenAI's /embeddings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, EmbedderError
from .static_model import normalise
from .tokens import TokenCounter

if TYPE_CHECKING:
    import openai

DEFAULT_MODEL = "text-embedding-3-small"
DEFAULT_BASE_URL = "https://api.openai.com/v1"
MAX_TOKENS = 8_000
"""OpenAI's models take 8,192 a text; what comes later in a text is not embedded."""
BATCH_TEXTS = 128
BATCH_BYTES = 250_000
"""OpenAI takes 300,000 tokens a request, and a token is at least a byte."""

_HINTS = {
    401: "check embedder_api_key",
    403: "check embedder_api_key",
    404: "check embedder_model and embedder_base_url",
    429: "the endpoint's rate or quota is used up; try again later",
}


class OpenAiEmbedder:
    """One model at one endpoint. The key is never part of an error, a name or a fingerprint.

    `dimension` is known from the settings or from the first answer; asked for earlier, it costs a request.
    Requests that fail by rate limit, timeout or a server's fault are repeated by the client.
    """

    cheap_words = False

    def __init__(
        self,
        counter: TokenCounter,
        *,
        model: str | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        dimensions: int | None = None,
        timeout_seconds: float = 30.0,
        retries: int = 4,
    ) -> None:
        if api_key is None and base_url is None:
            raise ConfigError("the openai embedder needs embedder_api_key (or OPENAI_API_KEY) to be set")
        self._model = model or DEFAULT_MODEL
        self._base_url = (base_url or DEFAULT_BASE_URL).rstrip("/")
        # A local server asks for no key, and the client refuses to start without one.
        self._api_key = api_key or "none"
        self._dimensions = dimensions
        self._dimension = dimensions
        self._timeout_seconds, self._retries = timeout_seconds, retries
        self._counter = counter
        self._opened: openai.OpenAI | None = None

    @property
    def name(self) -> str:
        return f"openai/{self._model}"

    @property
    def fingerprint(self) -> str:
        endpoint = hashlib.sha256(self._base_url.encode()).hexdigest()[:12]
        return f"{self.name}/{self._dimensions or 'default'}/{endpoint}"

    @property
    def dimension(self) -> int:
        if self._dimension is None:
            self._request(["dimension"])
        assert self._dimension is not None
        return self._dimension

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit rows, shape (len(texts), dimension); an empty text is not sent and gives a row of zeros."""
        told = [(index, self._prepare(text)) for index, text in enumerate(texts) if text.strip()]
        answers = [(index, self._request(list(batch))) for index, batch in _batches(told)]
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for indexes, rows in answers:
            vectors[list(indexes)] = rows
        return normalise(vectors)

    def word_vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """As `embed`: a request for every 128 words."""
        return self.embed(words)

    def _prepare(self, text: str) -> str:
        # Lone surrogates cannot be sent.
        data = text.encode("utf-8", errors="replace")
        if len(data) <= MAX_TOKENS:
            return data.decode("utf-8")
        return self._counter.truncate(data.decode("utf-8"), MAX_TOKENS)

    def _request(self, texts: list[str]) -> NDArray[np.float32]:
        import openai

        # Only where it is set: endpoints whose models have one dimension refuse the parameter.
        extra = None if self._dimensions is None else {"dimensions": self._dimensions}
        try:
            answer = self._client().embeddings.create(
                model=self._model, input=texts, encoding_format="float", extra_body=extra
            )
        except openai.APIStatusError as error:
            raise self._failure(self._status(error)) from error
        except openai.APITimeoutError as error:
            raise self._failure(f"no answer within {self._timeout_seconds:g} s; try again later") from error
        except openai.APIConnectionError as error:
            raise self._failure("it cannot be reached; check embedder_base_url and the network") from error
        except (openai.APIError, ValueError, OverflowError) as error:
            raise self._failure(
                "the answer cannot be read as JSON with vectors; check embedder_base_url"
            ) from error
        return self._checked(answer, len(texts))

    def _checked(self, answer: object, count: int) -> NDArray[np.float32]:
        """The vectors in the order of the texts; EmbedderError where they are not what was asked for."""
        entries = getattr(answer, "data", None)
        if not isinstance(entries, list):
            raise self._failure("the answer holds no list of embeddings; check embedder_base_url")
        indexes = [entry.index for entry in entries if isinstance(getattr(entry, "index", None), int)]
        if len(entries) != count or sorted(indexes) != list(range(count)):
            raise self._failure(f"{count} texts were sent and {len(entries)} vectors came back, not one each")
        entries.sort(key=lambda entry: entry.index)
        try:
            # What is too large for float32 becomes infinite, and is refused as that.
            with np.errstate(over="ignore"):
                rows = np.array([entry.embedding for entry in entries], dtype=np.float32)
        except (ValueError, TypeError, OverflowError) as error:
            raise self._failure("the vectors are not lists of numbers of one length") from error
        if rows.ndim != 2 or not np.isfinite(rows).all():
            raise self._failure("a vector holds something other than finite numbers")
        return self._of_one_dimension(rows)

    def _of_one_dimension(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        width = int(rows.shape[1])
        if self._dimension is None and width:
            self._dimension = width
        if width != self._dimension:
            raise self._failure(
                f"vectors of dimension {width} came back, not {self._dimension}; check embedder_dimensions"
            )
        return rows

    def _status(self, error: openai.APIStatusError) -> str:
        hint = _HINTS.get(error.status_code)
        if hint is None:
            said = " ".join(str(error.message).replace(self._api_key, "***").split())
            hint = f"it says: {said[:200]}"
        return f"status {error.status_code}; {hint}"

    def _failure(self, reason: str) -> EmbedderError:
        return EmbedderError(f"embedding with {self._model} at {self._base_url} failed: {reason}")

    def _client(self) -> openai.OpenAI:
        import openai

        if self._opened is None:
            self._opened = openai.OpenAI(
                api_key=self._api_key,
                base_url=self._base_url,
                timeout=self._timeout_seconds,
                max_retries=self._retries,
            )
        return self._opened


def _batches(told: list[tuple[int, str]]) -> Iterator[tuple[tuple[int, ...], tuple[str, ...]]]:
    """Runs of at most BATCH_TEXTS texts and, beyond a first text, BATCH_BYTES bytes: indexes and texts."""
    batch: list[tuple[int, str]] = []
    size = 0
    for index, text in told:
        length = len(text.encode("utf-8"))
        if batch and (len(batch) == BATCH_TEXTS or size + length > BATCH_BYTES):
            yield _columns(batch)
            batch, size = [], 0
        batch.append((index, text))
        size += length
    if batch:
        yield _columns(batch)


def _columns(batch: list[tuple[int, str]]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    return tuple(index for index, _ in batch), tuple(text for _, text in batch)
