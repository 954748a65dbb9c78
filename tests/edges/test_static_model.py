"""The shipped static model: whole, equal to model2vec, exact in any batch, clear when it is broken."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.config import Settings
from memu_like.edges.embedders import make_embedder
from memu_like.edges.static_model import DATA, EMBEDDINGS_SHA256, MAX_TOKENS, StaticEmbedder
from memu_like.errors import EmbedderError

TEXTS = [
    "What pets does she have?",
    "Ngoc said: “I've moved to Zürich — it's £1,200/month!” 🙂",
    "天津的朋友上周五来看我,我们一起吃了火锅。",
    "Ο Οδυσσέας γύρισε στην Ιθάκη. ΌΣΟ ΖΩ",
    "Привет, как дела? Ёжик",
    "안녕하세요 여러분, 오늘은 날씨가 좋네요",
    "नमस्ते दुनिया, आज मौसम अच्छा है",
    "مرحبا بالعالم، كيف حالك؟",
    "şişli İstanbul ILIK ığdır",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis qwxzqwxz",
    "x = {'a': 1 << 3, \"b\": [~2 ^ 4]}  # $5 <tag> `code` | pipe",
    "line one\nline two\r\n\tline three\x00\x0b\x0c\x1c\x85\u200bend",
    "a [UNK] b [MASK] c [PAD][CLS]d [SEP",
    "é e\u0301 ﬁ Ⅷ ① ½ ｆｕｌｌ　ｗｉｄｔｈ",
    "word" * 30,
    "many words " * 600,
]


@pytest.fixture(scope="module")
def embedder() -> StaticEmbedder:
    return StaticEmbedder()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """model2vec with the shipped weights as floats: its tokenizer is built from the shipped vocabulary."""
    model2vec = pytest.importorskip("model2vec")
    tokenizers = pytest.importorskip("tokenizers")
    vocabulary = (DATA / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]
    model = tokenizers.models.WordPiece(
        {piece: index for index, piece in enumerate(vocabulary)},
        unk_token="[UNK]",
        max_input_chars_per_word=100,
    )
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(vocabulary[:5])
    rows = np.load(DATA / "embeddings.npy").astype(np.float32) * np.load(DATA / "scales.npy")[:, None]
    return model2vec.StaticModel(rows, tokenizer, normalize=True)


def load_script(name: str) -> Any:
    path = Path(__file__).parents[2] / "scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def reference_ids(reference: Any, text: str) -> list[int]:
    ids: list[int] = reference.tokenize([text[: MAX_TOKENS * reference.median_token_length]])[0]
    return ids


def known_ids(embedder: StaticEmbedder, text: str) -> list[int]:
    return [token for token in embedder.token_ids(text) if token != 1]


def test_shipped_files_are_the_ones_that_were_recorded() -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for name in ("embeddings.npy", "scales.npy", "vocab.txt"):
        digest = hashlib.sha256((DATA / name).read_bytes()).hexdigest()
        assert f"| `{name}` | `{digest}` |" in readme
    assert hashlib.sha256((DATA / "embeddings.npy").read_bytes()).hexdigest() == EMBEDDINGS_SHA256
    assert "MIT" in (DATA / "LICENSE").read_text(encoding="utf-8")


def test_settings_make_the_static_embedder_by_default_and_none_for_none() -> None:
    made = make_embedder(Settings())
    assert made is not None
    assert made.name == "static/potion-base-8M"
    assert made.fingerprint == f"static/potion-base-8M/256/{EMBEDDINGS_SHA256[:12]}"
    assert made.cheap_words
    assert make_embedder(Settings(embedder="none")) is None


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_and_vectors_equal_model2vec(embedder: StaticEmbedder, reference: Any, text: str) -> None:
    assert known_ids(embedder, text) == reference_ids(reference, text)
    expected = reference.encode([text])[0]
    np.testing.assert_allclose(embedder.embed([text])[0], expected, atol=2e-6)


def stable_characters() -> st.SearchStrategy[str]:
    """Characters whose category has not changed since Unicode 3.2: younger ones depend on the library."""
    import unicodedata

    old = unicodedata.ucd_3_2_0
    stable = [
        chr(code)
        for code in range(0x30000)
        if old.category(chr(code)) not in ("Cn", "Cs")
        and old.category(chr(code)) == unicodedata.category(chr(code))
    ]
    plain = st.sampled_from("abcdefgAEIOUÀéß .,!?'-_[]\n\t0123456789的猫")
    return plain | st.sampled_from(stable)


@given(text=st.text(stable_characters(), max_size=200))
def test_pieces_equal_model2vec_on_any_text(embedder: StaticEmbedder, reference: Any, text: str) -> None:
    assert known_ids(embedder, text) == reference_ids(reference, text)


def test_a_text_has_the_same_bits_alone_and_in_any_batch(embedder: StaticEmbedder) -> None:
    together = embedder.embed(TEXTS * 3)
    for row, text in zip(together, TEXTS * 3, strict=True):
        assert row.tobytes() == embedder.embed([text])[0].tobytes()
    assert embedder.word_vectors(["horse"]).tobytes() == embedder.embed(["horse"]).tobytes()


def test_rows_have_length_one_or_are_zero(embedder: StaticEmbedder) -> None:
    vectors = embedder.embed(["horses", "", " \n", "\x00", "[UNK]", "\ud800", "q" * 101])
    assert vectors.shape == (7, 256)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 0, 0, 0, 0, 0, 0], atol=1e-6)
    assert embedder.embed([]).shape == (0, 256)


def test_meaning_is_near(embedder: StaticEmbedder) -> None:
    query, near, far = embedder.embed(["her pets", "She has a guinea pig and a cat", "The tax form is due"])
    assert query @ near > query @ far + 0.1


def test_memory_of_words_stays_bounded(embedder: StaticEmbedder) -> None:
    expected = embedder.embed(["a steady horse"])
    embedder.embed([" ".join(f"w{number}x{chunk}" for number in range(400)) for chunk in range(90)])
    assert len(embedder._tokenizer._words) <= 32_768
    assert embedder.embed(["a steady horse"]).tobytes() == expected.tobytes()


def test_threads_get_the_same_vectors(embedder: StaticEmbedder) -> None:
    expected = embedder.embed(TEXTS).tobytes()
    with ThreadPoolExecutor(8) as pool:
        assert {vectors.tobytes() for vectors in pool.map(embedder.embed, [TEXTS] * 32)} == {expected}


@pytest.mark.parametrize("name", ["embeddings.npy", "scales.npy", "vocab.txt"])
@pytest.mark.parametrize("damage", ["missing", "empty", "short", "other"])
def test_broken_data_says_to_reinstall(tmp_path: Path, name: str, damage: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(DATA, folder)
    data = (folder / name).read_bytes()
    (folder / name).unlink()
    if damage != "missing":
        (folder / name).write_bytes(
            {"empty": b"", "short": data[: len(data) // 2], "other": b"\xff" * 99}[damage]
        )
    with pytest.raises(EmbedderError, match="reinstall memu-like"):
        StaticEmbedder(folder)


def test_quantising_keeps_the_direction_of_every_row() -> None:
    """The build script on a small made-up source: what it writes points where the source points."""
    build = load_script("build_static_model")
    rows = np.random.default_rng(7).normal(size=(50, 256)).astype("<f4") * np.geomspace(0.05, 5, 50)[:, None]
    rows = rows.astype("<f4")
    header = json.dumps({"embeddings": {"dtype": "F32", "shape": [50, 256], "data_offsets": [0, 51200]}})
    source = struct.pack("<Q", len(header)) + header.encode() + rows.tobytes()
    assert (build.weights(source) == rows).all()
    quantised, scales = build.quantise(rows, unknown=1)
    assert not quantised[1].any()
    back = quantised.astype(np.float64) * scales[:, None]
    assert np.abs(back).max() <= 32_767
    cosine = (back * rows).sum(axis=1)[2:] / (np.linalg.norm(back, axis=1) * np.linalg.norm(rows, axis=1))[2:]
    assert cosine.min() > 0.9995
