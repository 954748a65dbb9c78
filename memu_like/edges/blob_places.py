"""In which resources the blobs of one folder stand. Told by the resources alone, and kept while they stand.

A resource is written once, so each is looked at once; that some are new or gone is told by their names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from ..errors import CorruptFile
from ..models import BlobType, Modality
from ..pure import records
from ..pure.blobs import MARK, mark_of
from .folder import UserFolder

_HINT = f'"{MARK}"'.encode()


@dataclass(frozen=True, slots=True)
class BlobPlace:
    """A blob in one resource: its lines there, from 1; none of a document, which is all one blob's."""

    id: str
    type: BlobType
    resource: str
    created_at: datetime
    lines: tuple[int, ...] = ()


@dataclass(slots=True)
class BlobPlaces:
    """Not safe for several threads at once, as the desk that it belongs to."""

    folder: UserFolder
    _seen: dict[str, tuple[BlobPlace, ...]] = field(default_factory=dict)
    _by_id: dict[str, dict[str, BlobPlace]] = field(default_factory=dict)

    def refresh(self) -> None:
        """Catch up with the files. Raises CorruptFile."""
        there = self.folder.resource_ids()
        for resource_id in self._seen.keys() - set(there):
            self._drop(resource_id)
        for resource_id in there:
            if resource_id not in self._seen:
                self._read(resource_id)

    def of(self, blob_id: str) -> tuple[BlobPlace, ...]:
        """Where a blob stands, in order of the resources' times; nothing where it is in none."""
        return tuple(sorted(self._by_id.get(blob_id, {}).values(), key=lambda place: place.resource))

    def in_resource(self, resource_id: str) -> tuple[BlobPlace, ...]:
        return self._seen.get(resource_id, ())

    def all(self) -> Iterator[BlobPlace]:
        for places in self._seen.values():
            yield from places

    def _drop(self, resource_id: str) -> None:
        for place in self._seen.pop(resource_id):
            found = self._by_id[place.id]
            del found[resource_id]
            if not found:
                del self._by_id[place.id]

    def _read(self, resource_id: str) -> None:
        resource = self.folder.resource(resource_id)
        if resource.modality is Modality.CONVERSATION:
            data = self.folder.read(resource.file)
            places = tuple(self._places(resource_id, resource.file, data, resource.created_at))
        elif resource.blob is not None:
            mark = resource.blob
            places = (BlobPlace(mark.id, mark.type, resource_id, mark.created_at),)
        else:
            places = ()
        self._seen[resource_id] = places
        for place in places:
            self._by_id.setdefault(place.id, {})[resource_id] = place

    def _places(self, resource_id: str, file: str, data: bytes, at: datetime) -> Iterator[BlobPlace]:
        if _HINT not in data:
            return
        found: dict[str, tuple[BlobType, datetime, list[int]]] = {}
        for number, (_, line) in enumerate(records.lines_with_offsets(data), start=1):
            if _HINT in line:
                try:
                    mark = mark_of(json.loads(line))
                except ValueError as error:
                    raise CorruptFile(self.folder.path(file), number, f"not JSON: {error}") from error
                if mark is not None:
                    found.setdefault(mark.id, (mark.type, mark.created_at or at, []))[2].append(number)
        for blob_id, (kind, created, lines) in found.items():
            yield BlobPlace(blob_id, kind, resource_id, created, tuple(lines))
