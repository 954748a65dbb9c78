"""The manifest of an index: which segments there are, and how far each file of the folder is covered."""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import CorruptFile
from .. import files
from ..files import Stamp
from ..folder import UserFolder

INDEX_VERSION = 5
MANIFEST = ".memu/index/manifest.json"


@dataclass(frozen=True, slots=True)
class Signature:
    """The folder from outside: (size, mtime) of each JSONL file, mtime of each month of resources."""

    files: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    folders: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """`covered` says up to which byte each JSONL file is in the segments, `lines` which line comes next,
    and `marks` what stood just before."""

    fingerprint: str
    segments: tuple[str, ...] = ()
    covered: Mapping[str, int] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    marks: Mapping[str, int] = field(default_factory=dict)
    signature: Signature = field(default_factory=Signature)

    def render(self) -> bytes:
        values = {
            "version": INDEX_VERSION,
            "fingerprint": self.fingerprint,
            "segments": self.segments,
            "covered": dict(self.covered),
            "lines": dict(self.lines),
            "marks": dict(self.marks),
            "files": {name: list(stamp) for name, stamp in self.signature.files.items()},
            "folders": dict(self.signature.folders),
        }
        body = json.dumps(values).encode()
        return b"%s\n%08x\n" % (body, zlib.crc32(body))


def parse(data: bytes, path: Path) -> Manifest | None:
    """None where another version wrote it: the index is derived, so it is simply built again."""
    try:
        body, _, checksum = data.rstrip(b"\n").rpartition(b"\n")
        values = json.loads(body or data)
        if values["version"] != INDEX_VERSION:
            return None
        if int(checksum, 16) != zlib.crc32(body):
            raise ValueError("its checksum is wrong")
        return Manifest(
            fingerprint=values["fingerprint"],
            segments=tuple(values["segments"]),
            covered=values["covered"],
            lines=values["lines"],
            marks=values["marks"],
            signature=Signature(
                {name: (size, mtime) for name, (size, mtime) in values["files"].items()}, values["folders"]
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFile(path, None, f"{type(error).__name__}: {error}") from error


def look(folder: UserFolder) -> Signature:
    """The folder's signature: one stat for each JSONL file and each month of resources."""
    now = time.time_ns()
    found_files: dict[str, tuple[int, int]] = {}
    for kind in ("items", "events"):
        for entry in _entries(folder.path(kind)):
            if entry.name.endswith(".jsonl"):
                status = entry.stat()
                found_files[f"{kind}/{entry.name}"] = (status.st_size, status.st_mtime_ns)
    found_folders: dict[str, int] = {}
    for year in _entries(folder.path("resources")):
        for month in _entries(year):
            found_folders[f"{year.name}/{month.name}"] = _settled(month.stat().st_mtime_ns, now)
    return Signature(found_files, found_folders)


def buffers(folder: UserFolder) -> dict[str, Stamp]:
    """The stamp of each buffer file that is there."""
    names = sorted(name for name in files.names(str(folder.root)) if name.startswith("buffer"))
    found = {name: files.stamp(folder.path(name)) for name in names if name.endswith(".jsonl")}
    return {name: known for name, known in found.items() if known is not None}


def _settled(changed_at: int, now: int) -> int:
    """The time of a change; one that no other look can equal where the folder may change in it again."""
    return changed_at if files.is_past(changed_at, now) else -now


def _entries(path: os.PathLike[str]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
