"""Bases: what the machine last wrote into each category file, kept in `.memu/bases/`, to tell edits by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..edges.folder import content_hash
from ..errors import CorruptFile
from ..pure.markdown import parse
from ..pure.merging import bullets_of
from .desk import Desk

PUT_KEPT = 256
"""Bullets of which it is kept when the machine put them in or took them out: some minutes of a busy file."""


@dataclass(frozen=True, slots=True)
class Base:
    """What the machine last wrote into a category file, kept in `.memu/bases/`."""

    bullets: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    description: str = ""
    summarised: tuple[str, ...] = ()
    """The entries that stood there when a model wrote the summary; empty for one made of fragments."""
    written: str = ""
    """The fingerprint of a text of the file that holds no edit which a sync has not taken in; "" for none."""
    told: tuple[str, ...] = ()
    """The summary and the description that the last sync saw there."""
    put: Mapping[str, str] = field(default_factory=dict)
    """When the machine put a bullet in or took it out, as `updated_at` said then: the latest ones."""
    theirs: Mapping[str, str] = field(default_factory=dict)
    """The bullets that a person's words stand in, as the last sync saw them."""
    held: tuple[str, ...] = ()
    """Entries that are gone from the file and wait for a sync that is confirmed."""


def put_after(known: Base, before: bytes | None, text: str) -> Mapping[str, str]:
    """When each bullet that this write puts in or takes out was: a buffer that is older has not seen it."""
    when = parse(text).get("updated_at")
    if before is None or not when or before == text.encode():
        return known.put
    old, new = bullets_of(before.decode(), known.bullets), bullets_of(text, known.bullets)
    fresh = dict.fromkeys(old.keys() ^ new.keys(), when)
    kept = {item_id: at for item_id, at in known.put.items() if item_id not in fresh}
    return dict([*kept.items(), *fresh.items()][-PUT_KEPT:])


def is_synced(base: Base, data: bytes) -> bool:
    """Whether a category file that reads `data` holds no edit that a sync would have to take in."""
    return bool(base.written) and base.written == content_hash(data)


def was_synced(base: Base, before: bytes | None) -> bool:
    """Of a file that was not there: whether none was expected."""
    return not base.bullets if before is None else is_synced(base, before)


def read_base(desk: Desk, topic: str) -> Base:
    """Empty where nothing was written yet, or where the derived folder was deleted."""
    try:
        return desk.kept(base_path(topic), _base) or Base()
    except (ValueError, TypeError, AttributeError) as error:
        raise CorruptFile(desk.folder.path(base_path(topic)), None, str(error)) from error


def _base(data: bytes) -> Base:
    values = json.loads(data)
    for name in ("summarised", "told", "held"):
        values[name] = tuple(values.get(name, ()))
    return Base(**values)


def write_base(desk: Desk, topic: str, base: Base) -> None:
    desk.folder.write(base_path(topic), base_bytes(base))


def has_base(desk: Desk, topic: str) -> bool:
    return desk.folder.path(base_path(topic)).exists()


def remove_base(desk: Desk, topic: str) -> None:
    """Of a category file that a person deleted, once its entries are retracted."""
    desk.folder.remove(base_path(topic))


def base_bytes(base: Base) -> bytes:
    values: dict[str, object] = {
        "bullets": dict(base.bullets),
        "summary": base.summary,
        "description": base.description,
    }
    if base.summarised:
        values["summarised"] = list(base.summarised)
    if base.written:
        values["written"] = base.written
    if base.told:
        values["told"] = list(base.told)
    if base.theirs:
        values["theirs"] = dict(base.theirs)
    if base.put:
        values["put"] = dict(base.put)
    if base.held:
        values["held"] = list(base.held)
    return json.dumps(values, ensure_ascii=False).encode()


def base_topics(desk: Desk) -> list[str]:
    """The topics that the machine has written and keeps a base of."""
    return [Path(path).stem for path in desk.folder.listing(base_path("*"))]


def base_path(topic: str) -> str:
    return f".memu/bases/{topic}.json"
