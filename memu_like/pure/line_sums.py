"""A checksum of each line of a file that is appended to: which of them were changed since is told by it.

As bytes: the look of the file, what the lines take, and the CRC-32 of all of them; then one of each line.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

_HEAD = struct.Struct("<4qQI")
_SUM = struct.Struct("<I")
Look = tuple[int, int, int, int]
NO_LOOK: Look = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class LineSums:
    """`size` is what the lines take, in bytes; `look` is `NO_LOOK` where how the file looked says nothing."""

    look: Look
    size: int
    total: int
    sums: bytes

    @property
    def count(self) -> int:
        """How many lines."""
        return len(self.sums) // _SUM.size


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """`text` is None for a line that was taken out from before `number`, which counts from 1."""

    number: int
    text: bytes | None


def read_sums(data: bytes) -> LineSums | None:
    """None for what is no such file: then nothing is known."""
    sums = data[_HEAD.size :]
    if len(data) < _HEAD.size or len(sums) % _SUM.size:
        return None
    *look, size, total = _HEAD.unpack_from(data)
    return LineSums((look[0], look[1], look[2], look[3]), size, total, sums)


def render_sums(found: LineSums) -> bytes:
    return _HEAD.pack(*found.look, found.size, found.total) + found.sums


def stands(before: LineSums, data: bytes) -> bool:
    """Whether the lines that stood there before stand there still; others may follow."""
    return len(data) >= before.size and zlib.crc32(memoryview(data)[: before.size]) == before.total


def sums_of(data: bytes, look: Look, before: LineSums | None = None) -> LineSums:
    """The sums of the whole lines of `data`. `before` are those of its beginning, which `stands`."""
    start = before.size if before else 0
    return replace(extended(before, data[start : data.rfind(b"\n") + 1]), look=look)


def extended(before: LineSums | None, fresh: bytes) -> LineSums:
    """The sums once whole lines were appended; how the file looks by then is not known."""
    known = before or LineSums(NO_LOOK, 0, 0, b"")
    lines = fresh.split(b"\n")[:-1]
    added = struct.pack(f"<{len(lines)}I", *map(zlib.crc32, lines))
    return LineSums(NO_LOOK, known.size + len(fresh), zlib.crc32(fresh, known.total), known.sums + added)


def changed_lines(before: LineSums, data: bytes) -> Iterator[ChangedLine]:
    """What differs among the lines that were there before; those after them were appended."""
    lines = data.split(b"\n")[:-1]
    old, new = _numbers(before.sums), [zlib.crc32(line) for line in lines]
    matched = SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    for op, start, end, first, last in matched:
        if op == "equal" or (op == "insert" and start == len(old)):
            continue
        replaced = range(first, min(last, first + end - start)) if end > start else range(first, last)
        for number in replaced:
            yield ChangedLine(number + 1, lines[number])
        for _ in range(end - start - len(replaced)):
            yield ChangedLine(first + 1, None)


def _numbers(sums: bytes) -> Sequence[int]:
    return struct.unpack(f"<{len(sums) // _SUM.size}I", sums)
