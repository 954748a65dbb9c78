"""In which resources the blobs of one folder stand. Told by the resources alone, and kept while they stand.

A resource is written once, so each is looked at once; a month's folder tells that some are new or gone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from time import time_ns

from ..errors import CorruptFile
from ..models import BlobType, Modality
from ..pure.blobs import MARK, mark_of
from .files import Stamp, stamp
from .folder import UserFolder

META = ".meta.json"
SETTLED_NS = 100_000_000
"""A file system tells times apart by some milliseconds."""
_HINT = f'"{MARK}"'.encode()


BlobOrder = tuple[datetime, str, int]
"""By time; of the same time, as they stand in the resources."""


@dataclass(frozen=True, slots=True)
class BlobPlace:
    """A blob in one resource: its lines there, from 1; none of a document, which is all one blob's."""

    id: str
    type: BlobType
    resource: str
    created_at: datetime
    lines: tuple[int, ...] = ()

    @property
    def order(self) -> BlobOrder:
        return self.created_at, self.resource, self.lines[0] if self.lines else 0


@dataclass(slots=True)
class BlobPlaces:
    """Not safe for several threads at once, as the desk that it belongs to."""

    folder: UserFolder
    _months: dict[str, int] = field(default_factory=dict)
    _seen: dict[str, tuple[Stamp, tuple[BlobPlace, ...]]] = field(default_factory=dict)
    _by_id: dict[str, dict[str, BlobPlace]] = field(default_factory=dict)

    def refresh(self) -> None:
        """Catch up with the files. Raises CorruptFile."""
        months = {name: _changed_at(self.folder, name) for name in self.folder.listing("resources/*/*")}
        for name in self._months.keys() - months.keys():
            del self._months[name]
            self._catch_up(name)
        for name, changed in months.items():
            if self._months.get(name) != changed:
                # One that is changing now may change again with no other time to show for it.
                self._months[name] = changed if time_ns() - changed > SETTLED_NS else 0
                self._catch_up(name)

    def _catch_up(self, month: str) -> None:
        """Look at the resources of one month ("resources/2023/05") that are new, rewritten or gone."""
        prefix = month.removeprefix("resources/").replace("/", "")
        names = self.folder.listing(f"{month}/*{META}")
        there = {f"{prefix}{name.rpartition('/')[2].removesuffix(META)}": name for name in names}
        for resource_id in [one for one in self._seen if one.startswith(prefix)]:
            if resource_id not in there:
                self._drop(resource_id)
        for resource_id, name in there.items():
            found = stamp(self.folder.path(name))
            known = self._seen.get(resource_id)
            if found is not None and (known is None or known[0] != found):
                if known is not None:
                    self._drop(resource_id)
                self._read(resource_id, found)

    def of(self, blob_id: str) -> tuple[BlobPlace, ...]:
        """Where a blob stands, in order of the resources' times; nothing where it is in none."""
        return tuple(sorted(self._by_id.get(blob_id, {}).values(), key=lambda place: place.resource))

    def all(self) -> Iterator[BlobPlace]:
        for _, places in self._seen.values():
            yield from places

    def _drop(self, resource_id: str) -> None:
        for place in self._seen.pop(resource_id)[1]:
            found = self._by_id[place.id]
            del found[resource_id]
            if not found:
                del self._by_id[place.id]

    def _read(self, resource_id: str, found: Stamp) -> None:
        resource = self.folder.resource(resource_id)
        if resource.modality is Modality.CONVERSATION:
            data = self.folder.read(resource.file)
            places = tuple(self._places(resource_id, resource.file, data, resource.created_at))
        elif resource.blob is not None:
            mark = resource.blob
            places = (BlobPlace(mark.id, mark.type, resource_id, mark.created_at),)
        else:
            places = ()
        self._seen[resource_id] = found, places
        for place in places:
            self._by_id.setdefault(place.id, {})[resource_id] = place

    def _places(self, resource_id: str, file: str, data: bytes, at: datetime) -> Iterator[BlobPlace]:
        if _HINT not in data:
            return
        found: dict[str, tuple[BlobType, datetime, list[int]]] = {}
        for number, line in enumerate(data.split(b"\n"), start=1):
            if _HINT in line:
                try:
                    mark = mark_of(json.loads(line))
                except ValueError as error:
                    raise CorruptFile(self.folder.path(file), number, f"not JSON: {error}") from error
                if mark is not None:
                    found.setdefault(mark.id, (mark.type, mark.created_at or at, []))[2].append(number)
        for blob_id, (kind, created, lines) in found.items():
            yield BlobPlace(blob_id, kind, resource_id, created, tuple(lines))


def _changed_at(folder: UserFolder, name: str) -> int:
    found = stamp(folder.path(name))
    return found[0] if found else 0
