"""Vectors that were paid for, kept by content and model, so that a reindex never pays twice.

One append-only file per fingerprint. After a header of 32 bytes (magic, dimension as uint32, four zero bytes,
BLAKE2b-16 of the fingerprint) come records of one size: BLAKE2b-16 of the text's UTF-8, the vector in
float16, CRC-32 of both; all little-endian. A record that is torn or whose sum is wrong counts as missing.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from ..errors import EmbedderError, StorageError, StoreBusy
from .embedders import Embedder
from .static_model import normalise

_MAGIC = b"memuvec1"
_HEADER = struct.Struct("<8sI4x16s")
_READ_RECORDS = 1_024
_LOCK_SECONDS = 60.0
_BATCH = 1_024

Vector = NDArray[np.float16]


class VectorCache:
    """The vectors of one fingerprint in one folder. For one thread at a time; several processes may write.

    Memory holds eight bytes a stored text, not the vectors. Raises StorageError where the disk refuses.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._digest = blake2b(fingerprint.encode(), digest_size=16).digest()
        self._path = folder / f"{self._digest.hex()}.vectors"
        # The first eight bytes of every record's key, in the order of the file.
        self._keys: NDArray[np.uint64] = np.zeros(0, dtype=np.uint64)
        self._dimension = 0

    def get_many(self, texts: Sequence[str]) -> list[Vector | None]:
        """For each text its vector, shape (dimension,), or None where none is stored."""
        try:
            with self._path.open("rb") as file:
                self._refresh(file)
                keys = [_key(text) for text in texts]
                places = self._places(keys)
                return [self._read(file, key, place) for key, place in zip(keys, places, strict=True)]
        except FileNotFoundError:
            return [None] * len(texts)
        except OSError as error:
            raise StorageError.from_os("read", self._path, error) from error

    def put_many(self, texts: Sequence[str], vectors: NDArray[np.float16]) -> None:
        """Append the rows of `vectors`, shape (len(texts), dimension). Written, not synced, on return."""
        if len(texts) == 0:
            return
        records = b"".join(_record(_key(text), vector) for text, vector in zip(texts, vectors, strict=True))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with (
                FileLock(self._path.with_suffix(".lock"), timeout=_LOCK_SECONDS),
                self._path.open("a+b") as file,
            ):
                self._mend(file, int(vectors.shape[1]))
                file.write(records)
        except Timeout as error:
            raise StoreBusy(self._path, _LOCK_SECONDS) from error
        except OSError as error:
            raise StorageError.from_os("write", self._path, error) from error

    def _mend(self, file: BinaryIO, dimension: int) -> None:
        """Cut a torn tail off, and start anew where the header is not one of ours."""
        file.seek(0)
        stored = self._header(file)
        if stored is None:
            file.truncate(0)
            file.write(_HEADER.pack(_MAGIC, dimension, self._digest))
            self._dimension = 0
        elif stored != dimension:
            raise EmbedderError(
                f"the model gives vectors of dimension {dimension} and {self._path} holds {stored}: delete it"
            )
        else:
            size = file.seek(0, 2)
            file.truncate(size - (size - _HEADER.size) % _record_size(dimension))

    def _header(self, file: BinaryIO) -> int | None:
        """The dimension that the header gives; None where the file is empty, torn or not ours."""
        data = file.read(_HEADER.size)
        if len(data) < _HEADER.size:
            return None
        magic, dimension, digest = _HEADER.unpack(data)
        return int(dimension) if magic == _MAGIC and digest == self._digest and dimension else None

    def _refresh(self, file: BinaryIO) -> None:
        """Learn the records that were appended since the last look, by this process or another."""
        dimension = self._header(file) or 0
        width = _record_size(dimension)
        stored = (file.seek(0, 2) - _HEADER.size) // width if dimension else 0
        if dimension != self._dimension or stored < len(self._keys):
            self._keys, self._dimension = self._keys[:0], dimension
        file.seek(_HEADER.size + len(self._keys) * width)
        learnt = [self._keys]
        for start in range(len(self._keys), stored, _READ_RECORDS):
            block = file.read(min(_READ_RECORDS, stored - start) * width)
            records = np.frombuffer(block, dtype=np.dtype([("key", "<u8"), ("rest", f"V{width - 8}")]))
            learnt.append(records["key"].astype(np.uint64))
        self._keys = np.concatenate(learnt)

    def _places(self, keys: Sequence[bytes]) -> list[int]:
        """The number of the last record that may hold each key, or -1."""
        wanted = np.frombuffer(b"".join(key[:8] for key in keys), dtype="<u8")
        (matching,) = np.nonzero(np.isin(self._keys, wanted))
        last: dict[int, int] = dict(zip(self._keys[matching].tolist(), matching.tolist(), strict=True))
        return [last.get(key, -1) for key in wanted.tolist()]

    def _read(self, file: BinaryIO, key: bytes, place: int) -> Vector | None:
        if place < 0:
            return None
        width = _record_size(self._dimension)
        file.seek(_HEADER.size + place * width)
        record = file.read(width)
        if record[:16] != key or zlib.crc32(record[:-4]) != int.from_bytes(record[-4:], "little"):
            return None
        return np.frombuffer(record[16:-4], dtype="<f2").astype(np.float16)


class CachedEmbedder:
    """An embedder whose vectors of documents go through a cache. For one thread at a time.

    Vectors are rounded to float16 and brought back to length one whether they were stored or not, so that a
    text has the same vector at the first indexing and at every later one. It is for what gets indexed:
    queries go to the embedder itself, because reading writes nothing.
    """

    def __init__(self, inner: Embedder, folder: Path) -> None:
        self._inner = inner
        self._cache = VectorCache(folder, inner.fingerprint)

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def dimension(self) -> int:
        return self._inner.dimension

    @property
    def fingerprint(self) -> str:
        return self._inner.fingerprint

    @property
    def cheap_words(self) -> bool:
        return self._inner.cheap_words

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit rows, shape (len(texts), dimension); only texts that are not stored yet reach the model."""
        batches = [self._batch(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]
        if not batches:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return normalise(np.concatenate(batches).astype(np.float32))

    def word_vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        return self._inner.word_vectors(words)

    def _batch(self, texts: Sequence[str]) -> Vector:
        found = dict(zip(texts, self._cache.get_many(texts), strict=True))
        missing = [text for text, vector in found.items() if vector is None]
        if missing:
            vectors = self._inner.embed(missing).astype(np.float16)
            # Stored batch by batch: what an interrupted run has paid for is kept.
            self._cache.put_many(missing, vectors)
            found.update(zip(missing, vectors, strict=True))
        rows: list[Any] = [found[text] for text in texts]
        return np.stack(rows)


def cached(embedder: Embedder | None, folder: Path) -> Embedder | None:
    """`embedder` with a cache in `folder` where a vector costs more than reading it back; else itself."""
    return embedder if embedder is None or embedder.cheap_words else CachedEmbedder(embedder, folder)


def _key(text: str) -> bytes:
    return blake2b(text.encode("utf-8", errors="surrogatepass"), digest_size=16).digest()


def _record_size(dimension: int) -> int:
    return 16 + 2 * dimension + 4


def _record(key: bytes, vector: Vector) -> bytes:
    content = key + vector.astype("<f2").tobytes()
    return content + zlib.crc32(content).to_bytes(4, "little")
