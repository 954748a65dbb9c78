"""Headings and files that a person renamed: what would go under the old name goes under the new one.

The events tell of them; `.memu/renames.json` has them at hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..errors import CorruptFile
from ..models import Draft, Renamed
from ..pure.markdown import parse
from ..pure.merging import slot_key
from .categories import category_path, read_category
from .desk import Desk

RENAMES = ".memu/renames.json"
LONGEST_CHAIN = 16


def follow_renames(desk: Desk, drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts, each where its topic and slot are now."""
    names = _names(desk)
    return [_followed(desk, names, draft) for draft in drafts] if names else list(drafts)


def learn_renames(desk: Desk, renamed: Sequence[Renamed] = ()) -> None:
    """Keep what a sync has found, once its event is on disk; where the list is lost, what the events tell."""
    if renamed or not desk.folder.path(RENAMES).exists():
        names = {**_names(desk), **{one.old: one.new for one in renamed}}
        desk.folder.write(RENAMES, json.dumps(names, ensure_ascii=False).encode(), durable="none")


def _followed(desk: Desk, names: Mapping[str, str], draft: Draft) -> Draft:
    topic, slot = draft.topic, draft.slot
    for _ in range(LONGEST_CHAIN):
        new = names.get(f"{topic}/{slot}", "")
        if new and not _stands(desk, topic, slot):
            topic, _, slot = new.partition("/")
        elif topic in names and not _stands(desk, topic):
            topic = names[topic]
        else:
            break
    return replace(draft, topic=topic, slot=slot)


def _stands(desk: Desk, topic: str, slot: str = "") -> bool:
    """Whether the old name is there again: then it means what it says."""
    text = read_category(desk, category_path(topic))
    if text is None or not slot:
        return text is not None
    return any(section.slot.casefold() == slot_key(slot) for section in parse(text).sections)


def _names(desk: Desk) -> dict[str, str]:
    data = desk.folder.read_or_none(RENAMES)
    if data is None:
        return _told(desk)
    try:
        return {str(old): str(new) for old, new in json.loads(data).items()}
    except (ValueError, AttributeError) as error:
        raise CorruptFile(desk.folder.path(RENAMES), None, f"not a list of names: {error}") from error


def _told(desk: Desk) -> dict[str, str]:
    """From the events, of which few tell of a rename."""
    if not any(b'"renamed":[' in desk.folder.read(name) for name in desk.folder.event_files()):
        return {}
    events = sorted(desk.folder.all_events().values(), key=lambda event: (event.created_at, event.id))
    return {one.old: one.new for event in events for one in event.renamed}
