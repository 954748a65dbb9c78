"""A folder as a zip archive: written so that equal folders give equal bytes, read as hostile input."""

from __future__ import annotations

import io
import os
import re
import secrets
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import InvalidInput
from ..pure.names import is_reserved
from . import files

EPOCH = (1980, 1, 1, 0, 0, 0)
MAX_RATIO = 250
"""How many times its size a large archive may unpack to: text packs to a tenth, a bomb to a thousandth."""
RATIO_FROM_BYTES = 16 * 1024 * 1024
MAX_ENTRIES = 1_000_000
_PART = r"[^\x00-\x1f/\\:*?\"<>|]{1,200}"
_LAYOUT = re.compile(
    rf"user\.json|buffer(?:-[0-9]{{1,12}})?\.jsonl|(?:items|events)/[0-9]{{1,4}}-[0-9]{{2}}\.jsonl"
    rf"|categories(?:/{_PART}){{1,4}}|resources/[0-9]{{1,5}}/[0-9]{{1,2}}/{_PART}"
)


def in_layout(name: str) -> bool:
    """Whether a relative path is one that a memory folder keeps, and safe on every system."""
    return _LAYOUT.fullmatch(name) is not None and all(
        part[0] not in ". " and part[-1] not in ". " and not is_reserved(part) for part in name.split("/")
    )


def write(root: Path, names: Sequence[str], target: Path) -> int:
    """Pack files below `root` into `target`, atomically; returns how many. A torn last line is left out."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}{files.TEMPORARY_SUFFIX}")
    with files.explained("write", target):
        try:
            with temporary.open("xb") as file:
                with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                    for name in sorted(names):
                        archive.writestr(_entry(name), files.read_bytes(root, root / name))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        files.sync_folder(target.parent)
    return len(names)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # the same bytes on every system: Unix, with the mode below
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    return entry


def read(data: bytes, max_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Each file of an archive, once all names and sizes have been found safe. Raises InvalidInput."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _check(entries, len(data), max_bytes)
            for entry in entries:
                yield entry.filename, _contents(archive, entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise InvalidInput(f"the archive cannot be read: {error}") from error


def _check(entries: Sequence[zipfile.ZipInfo], packed: int, max_bytes: int) -> None:
    if len(entries) > MAX_ENTRIES:
        raise InvalidInput(f"the archive has {len(entries)} files, and the limit is {MAX_ENTRIES}")
    total = sum(entry.file_size for entry in entries)
    if total > max_bytes:
        raise InvalidInput(f"the archive unpacks to {total} bytes, and the limit is {max_bytes}")
    if total > RATIO_FROM_BYTES and total > MAX_RATIO * packed:
        raise InvalidInput(f"the archive unpacks to {total // packed} times its size: it is not one of ours")
    seen: set[str] = set()
    for entry in entries:
        _check_entry(entry, seen)


def _check_entry(entry: zipfile.ZipInfo, seen: set[str]) -> None:
    name = entry.orig_filename
    if name != entry.filename or not in_layout(name):
        raise InvalidInput(f"the archive holds {name[:80]!r}, which is no file of a memory folder")
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        raise InvalidInput(f"the archive holds {name!r}, which is a link or a device")
    if entry.flag_bits & 1:
        raise InvalidInput(f"the archive's {name!r} is encrypted")
    folded = unicodedata.normalize("NFC", name).casefold()
    if folded in seen:
        raise InvalidInput(f"the archive holds {name!r} twice, capitals aside")
    seen.add(folded)


def _contents(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """At most as many bytes as the archive says, for it may lie."""
    with archive.open(entry) as file:
        found = file.read(entry.file_size + 1)
    if len(found) != entry.file_size:
        raise InvalidInput(f"the archive's {entry.filename!r} is not of the size that it says")
    return found
