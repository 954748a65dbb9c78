"""Counting tokens with tiktoken, with no network: the encodings' merge ranks are shipped with the package."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import struct
import tempfile
import threading
import zlib
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    import tiktoken

DATA = Path(__file__).parent.parent / "data" / "encodings"
SHIPPED = ("cl100k_base", "o200k_base")

_SOURCE = "https://openaipublic.blob.core.windows.net/encodings/"
"""Part of the name under which tiktoken caches a file; nothing is ever fetched from it."""
SOURCE_SHA256 = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "p50k_base": "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
    "r50k_base": "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
}
"""Of the `.tiktoken` files, as tiktoken itself (tiktoken_ext/openai_public.py) expects them."""

# How an encoding cuts text before it merges bytes. A part of its definition, as tiktoken gives it.
_R50K_PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
_CL100K_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
_O200K_SMALL = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_O200K_LARGE = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_O200K_SUFFIX = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_O200K_PATTERN = "|".join(
    (
        rf"[^\r\n\p{{L}}\p{{N}}]?{_O200K_LARGE}*{_O200K_SMALL}+{_O200K_SUFFIX}",
        rf"[^\r\n\p{{L}}\p{{N}}]?{_O200K_LARGE}+{_O200K_SMALL}*{_O200K_SUFFIX}",
        r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    )
)
_PATTERNS = {
    "cl100k_base": _CL100K_PATTERN,
    "o200k_base": _O200K_PATTERN,
    "p50k_base": _R50K_PATTERN,
    "r50k_base": _R50K_PATTERN,
}
# Encodings that differ only in special tokens, which are ordinary text here.
_SAME_AS = {"gpt2": "r50k_base", "p50k_edit": "p50k_base", "o200k_harmony": "o200k_base"}

LONGEST_RUN = 1_024
"""Characters of one kind in a row that are encoded as one.

Longer runs (no prose has them) are cut: tiktoken before 0.14 takes time quadratic in a run's length, and on
a million spaces o200k_base overflows the stack. A cut can change the count by about one token.
"""
_SIGNS = r"!-/:-@\[-`{-~\u2000-\u206f\u3000-\u303f\uff00-\uff20"
_RUN = re.compile(
    "|".join(f"(?<!{kind}){kind}{{{LONGEST_RUN + 1},}}" for kind in (r"\s", f"[{_SIGNS}]", rf"[^\s{_SIGNS}]"))
)
_LONGEST_TOKEN = 128
"""Bytes; the longest token of the shipped encodings (spaces)."""

_loading = threading.Lock()

KEPT, LONGEST_KEPT = 8192, 400
"""How many texts' counts are kept, and of how many characters at most: some three megabytes in all."""
KEPT_LONG, LONGEST_LONG = 512, 4096
"""The same of longer ones, such as a whole slot or a section of a context: some two megabytes."""


class TokenCounter:
    """Counts tokens as the encoding `name` does; special tokens in a text count as the text they are.

    The encoding (about 0.15 s, 40 MB for cl100k_base) is loaded when it is first needed and shared by the
    whole process. Safe to use from several threads.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path
        # A category's lines are counted at each run that touches it, a profile's at each context.
        self._kept_count = functools.lru_cache(maxsize=KEPT)(self._count)
        self._kept_long_count = functools.lru_cache(maxsize=KEPT_LONG)(self._count)

    def count(self, text: str) -> int:
        if len(text) <= LONGEST_KEPT:
            return self._kept_count(text)
        return self._kept_long_count(text) if len(text) <= LONGEST_LONG else self._count(text)

    def _count(self, text: str) -> int:
        return sum(len(self._encoding.encode_ordinary(part)) for part in _parts(text))

    def truncate(self, text: str, max_tokens: int) -> str:
        """The longest start of `text` made of its first tokens that counts at most `max_tokens`.

        Never ends within a character.
        """
        if max_tokens <= 0:
            return ""
        head = text[: (max_tokens + 1) * _LONGEST_TOKEN]
        tokens = [token for part in _parts(head) for token in self._encoding.encode_ordinary(part)]
        if len(tokens) <= max_tokens:
            return head
        for kept in range(max_tokens, 0, -1):
            start = self._encoding.decode_bytes(tokens[:kept]).decode("utf-8", errors="ignore")
            # The end of a text can be cut in other pieces than its middle, so what is left is counted.
            if self.count(start) <= max_tokens:
                return text[: len(start)]
        return ""

    @property
    def _encoding(self) -> tiktoken.Encoding:
        with _loading:
            return _load(_SAME_AS.get(self.name, self.name), self._path)


def make_counter(encoding_name: str) -> TokenCounter:
    """A counter for an encoding that is shipped or in tiktoken's own cache. Never uses the network.

    Raises ConfigError, with the names that can be used, for any other.
    """
    found = _available()
    base = _SAME_AS.get(encoding_name, encoding_name)
    if base not in found:
        known = ", ".join(sorted([*found, *(name for name, same in _SAME_AS.items() if same in found)]))
        raise ConfigError(f"encoding {encoding_name!r} is not on this machine; it has: {known}")
    return TokenCounter(encoding_name, found[base])


def _available() -> dict[str, Path]:
    found = {name: DATA / f"{name}.bin" for name in SHIPPED}
    cache = _tiktoken_cache()
    for name in SOURCE_SHA256.keys() - found.keys():
        key = hashlib.sha1(f"{_SOURCE}{name}.tiktoken".encode(), usedforsecurity=False).hexdigest()
        if cache is not None and (cache / key).is_file():
            found[name] = cache / key
    return found


def _tiktoken_cache() -> Path | None:
    """Where tiktoken keeps its files, by its own rule; None where its cache is switched off."""
    for variable in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if variable in os.environ:
            return Path(os.environ[variable]) if os.environ[variable] else None
    return Path(tempfile.gettempdir()) / "data-gym-cache"


@functools.lru_cache(maxsize=2)
def _load(name: str, path: Path) -> tiktoken.Encoding:
    import tiktoken

    try:
        data = path.read_bytes()
        ranks = unpack_ranks(data) if path.suffix == ".bin" else _tiktoken_ranks(data, SOURCE_SHA256[name])
    except (OSError, ValueError, zlib.error, struct.error) as error:
        remedy = "reinstall memu-like" if path.suffix == ".bin" else "remove it or choose another encoding"
        raise ConfigError(f"the encoding file {path} cannot be read ({error}): {remedy}") from error
    return tiktoken.Encoding(name, pat_str=_PATTERNS[name], mergeable_ranks=ranks, special_tokens={})


def pack_ranks(tokens: list[bytes]) -> bytes:
    """The shipped form: zlib over the number of tokens (uint32), their lengths (uint8), and their bytes.

    A token's rank is its position. `unpack_ranks` is the inverse.
    """
    head = struct.pack("<I", len(tokens)) + bytes(map(len, tokens))
    return zlib.compress(head + b"".join(tokens), level=9)


def unpack_ranks(data: bytes) -> dict[bytes, int]:
    plain = zlib.decompress(data)
    (count,) = struct.unpack_from("<I", plain)
    lengths = plain[4 : 4 + count]
    # One unpack of a hundred thousand fields is three times as fast as as many slices.
    tokens = struct.Struct("".join(map("%ds".__mod__, lengths))).unpack(plain[4 + count :])
    return dict(zip(tokens, range(count), strict=True))


def _tiktoken_ranks(data: bytes, sha256: str) -> dict[bytes, int]:
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError("its sha256 is not the one tiktoken expects")
    lines = (line.split() for line in data.splitlines())
    return {b64decode(token): int(rank) for token, rank in lines}


def _parts(text: str) -> Iterator[str]:
    """The text itself, or cut within runs of more than LONGEST_RUN characters of one kind."""
    start = 0
    if len(text) > LONGEST_RUN:
        for run in _RUN.finditer(text):
            for cut in range(run.start() + LONGEST_RUN, run.end(), LONGEST_RUN):
                yield text[start:cut]
                start = cut
    yield text[start:]
