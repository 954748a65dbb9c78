"""Named numpy arrays and a JSON header in one file that is memory-mapped when read.

Layout: 8 bytes magic; 4 bytes length and 4 bytes CRC-32 of the header, little-endian; the header (JSON: for
each array its dtype, shape, offset and CRC-32; and what the caller adds); then each array at a multiple of
64 bytes. The checksums are verified at opening: a damaged file is noticed before anything is found by it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CorruptFile, StorageError
from .. import files

MAGIC = b"MEMUIDX1"
ALIGNMENT = 64


def save(root: Path, path: Path, arrays: Mapping[str, NDArray[Any]], extra: Mapping[str, Any]) -> None:
    """Write atomically. `extra` must be JSON."""
    places: dict[str, list[Any]] = {}
    offset = 0
    for name, array in arrays.items():
        kind = array.dtype.descr if array.dtype.names else array.dtype.str
        places[name] = [kind, list(array.shape), offset, zlib.crc32(array.tobytes())]
        offset += -(-array.nbytes // ALIGNMENT) * ALIGNMENT
    header = json.dumps({"arrays": places, "extra": extra}, ensure_ascii=False).encode()
    header += b" " * (-(16 + len(header)) % ALIGNMENT)
    parts = [MAGIC, len(header).to_bytes(4, "little"), zlib.crc32(header).to_bytes(4, "little"), header]
    for array in arrays.values():
        data = np.ascontiguousarray(array).tobytes()
        parts += [data, b"\0" * (-len(data) % ALIGNMENT)]
    # Checked by its sums when it is read, and made again from the files where they are wrong.
    files.write_atomic(root, path, b"".join(parts), durable="none")


def load(root: Path, path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays that are read-only views of the file, and the caller's header. Raises CorruptFile."""
    files.guard(root, path)
    try:
        mapped = _mapped(path)
        if bytes(mapped[:8]) != MAGIC:
            raise ValueError("it is not an index file")
        size = 16 + int.from_bytes(bytes(mapped[8:12]), "little")
        written = bytes(mapped[16:size])
        if zlib.crc32(written) != int.from_bytes(bytes(mapped[12:16]), "little"):
            raise ValueError("the checksum of its header is wrong")
        header = json.loads(written)
        arrays = {name: _view(mapped, size, *place) for name, place in header["arrays"].items()}
        extra: dict[str, Any] = header["extra"]
    except FileNotFoundError as error:
        raise CorruptFile(path, None, "it is not there") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFile(path, None, str(error)) from error
    return arrays, extra


def _mapped(path: Path) -> NDArray[np.uint8]:
    try:
        return np.memmap(path, dtype=np.uint8, mode="r")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError.from_os("read", path, error) from error


def _view(
    mapped: NDArray[np.uint8], base: int, dtype: Any, shape: list[int], offset: int, checksum: int
) -> NDArray[Any]:
    kind = np.dtype(dtype if isinstance(dtype, str) else [tuple(part) for part in dtype])
    count = kind.itemsize * int(np.prod(shape, dtype=np.int64))
    part = mapped[base + offset : base + offset + count]
    if part.nbytes != count:
        raise ValueError("it is cut short")
    if zlib.crc32(part.data) != checksum:
        raise ValueError("a checksum is wrong")
    view: NDArray[Any] = part.view(np.ndarray).view(kind).reshape(shape)
    return view
