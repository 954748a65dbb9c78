"""The cache of vectors: nothing is paid for twice, and no damage to the file gives a wrong vector."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from memu_like.edges.embedders import Embedder
from memu_like.edges.static_model import StaticEmbedder
from memu_like.edges.vector_cache import CachedEmbedder, VectorCache, cached
from memu_like.errors import EmbedderError, StorageError


class PaidEmbedder(StaticEmbedder):
    """The static model, posing as one that costs: it notes what it was asked for."""

    name = "paid/one"
    cheap_words = False

    def __init__(self) -> None:
        super().__init__()
        self.paid: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.paid.extend(texts)
        return super().embed(texts)


def rows(count: int, dimension: int = 4) -> NDArray[np.float16]:
    return np.random.default_rng(count).normal(size=(count, dimension)).astype(np.float16)


def stored(cache: VectorCache, texts: Sequence[str]) -> list[list[float] | None]:
    return [None if vector is None else vector.tolist() for vector in cache.get_many(texts)]


def the_file(folder: Path) -> Path:
    (path,) = folder.glob("*.vectors")
    return path


def test_what_was_put_is_got_by_this_and_by_another_cache(tmp_path: Path) -> None:
    vectors = rows(3)
    cache = VectorCache(tmp_path / "new" / "folder", "model/1")
    assert stored(cache, ["a", "b"]) == [None, None]
    cache.put_many(["a", "b", "\ud800"], vectors)
    for reader in (cache, VectorCache(tmp_path / "new" / "folder", "model/1")):
        assert stored(reader, ["b", "x", "a", "\ud800", "b"]) == [
            vectors[1].tolist(),
            None,
            *vectors[[0, 2, 1]].tolist(),
        ]
    assert stored(cache, []) == []


def test_another_model_has_another_file(tmp_path: Path) -> None:
    VectorCache(tmp_path, "model/1").put_many(["a"], rows(1))
    assert stored(VectorCache(tmp_path, "model/2"), ["a"]) == [None]


def test_what_another_writer_appends_is_seen(tmp_path: Path) -> None:
    first, second = VectorCache(tmp_path, "m"), VectorCache(tmp_path, "m")
    vectors = rows(40)
    for number in range(40):
        (first, second)[number % 2].put_many([str(number)], vectors[number : number + 1])
        assert stored(first, [str(number), "0"]) == vectors[[number, 0]].tolist()


def test_the_later_vector_of_a_text_counts(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path, "m")
    cache.put_many(["a"], rows(1))
    cache.put_many(["a", "b"], rows(2))
    assert stored(cache, ["a"]) == rows(2)[:1].tolist()


def test_a_file_cut_at_any_byte_gives_what_is_whole_and_takes_more(tmp_path: Path) -> None:
    vectors = rows(3)
    VectorCache(tmp_path, "m").put_many(["a", "b", "c"], vectors)
    path = the_file(tmp_path)
    data = path.read_bytes()
    record = (len(data) - 32) // 3
    for length in range(len(data) + 1):
        path.write_bytes(data[:length])
        cache = VectorCache(tmp_path, "m")
        whole = max(0, length - 32) // record
        expected = [vectors[place].tolist() if place < whole else None for place in range(3)]
        assert stored(cache, ["a", "b", "c"]) == expected
        cache.put_many(["d"], vectors[:1])
        expected.append(vectors[0].tolist())
        assert stored(cache, ["a", "b", "c", "d"]) == expected
        assert stored(VectorCache(tmp_path, "m"), ["a", "b", "c", "d"]) == expected


def test_no_flipped_byte_gives_a_wrong_vector(tmp_path: Path) -> None:
    vectors = rows(2)
    VectorCache(tmp_path, "m").put_many(["a", "b"], vectors)
    path = the_file(tmp_path)
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :])
        for found, right in zip(
            stored(VectorCache(tmp_path, "m"), ["a", "b"]), vectors.tolist(), strict=True
        ):
            assert found is None or found == right


def test_a_cache_survives_the_loss_of_its_file(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path, "m")
    cache.put_many(["a"], rows(1))
    assert stored(cache, ["a"]) != [None]
    the_file(tmp_path).unlink()
    assert stored(cache, ["a"]) == [None]
    cache.put_many(["b"], rows(1, dimension=6))
    assert stored(cache, ["a", "b"]) == [None, *rows(1, dimension=6).tolist()]


def test_another_dimension_is_refused(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path, "m")
    cache.put_many(["a"], rows(1))
    with pytest.raises(EmbedderError, match=r"dimension 5 and .* holds 4"):
        cache.put_many(["b"], rows(1, dimension=5))


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    vectors = rows(64)

    def write(start: int) -> None:
        cache = VectorCache(tmp_path, "m")
        for number in range(start, start + 8):
            cache.put_many([str(number)], vectors[number : number + 1])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(0, 64, 8)))
    assert stored(VectorCache(tmp_path, "m"), [str(number) for number in range(64)]) == vectors.tolist()


def test_a_disk_that_refuses_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        VectorCache(tmp_path / "file" / "folder", "m").put_many(["a"], rows(1))
    (tmp_path / "folder").mkdir()
    cache = VectorCache(tmp_path / "folder", "m")
    cache.put_many(["a"], rows(1))
    path = the_file(tmp_path / "folder")
    path.unlink()
    path.mkdir()
    with pytest.raises(StorageError, match="cannot read"):
        cache.get_many(["a"])


def test_a_text_is_paid_for_once_and_its_vector_stays_the_same(tmp_path: Path) -> None:
    texts = ["horses", "a guinea pig", "", "horses", *(f"turn {number}" for number in range(1_200))]
    inner = PaidEmbedder()
    first = CachedEmbedder(inner, tmp_path).embed(texts)
    assert sorted(inner.paid) == sorted(set(texts))
    again = CachedEmbedder(inner, tmp_path)
    assert again.embed(texts[::-1])[::-1].tobytes() == first.tobytes()
    assert len(inner.paid) == len(set(texts))
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), [1, 1, 0, *[1] * 1_201], atol=1e-6)
    np.testing.assert_allclose(first, inner.embed(texts), atol=1e-3)
    assert again.embed([]).shape == (0, 256)


def test_only_what_costs_is_cached(tmp_path: Path) -> None:
    cheap: Embedder = StaticEmbedder()
    assert cached(cheap, tmp_path) is cheap
    assert cached(None, tmp_path) is None
    paid = cached(PaidEmbedder(), tmp_path)
    assert isinstance(paid, CachedEmbedder)
    assert (paid.name, paid.dimension, paid.cheap_words) == ("paid/one", 256, False)
    assert paid.fingerprint == PaidEmbedder().fingerprint
    assert paid.word_vectors(["horse"]).shape == (1, 256)
    assert not list(tmp_path.iterdir())
