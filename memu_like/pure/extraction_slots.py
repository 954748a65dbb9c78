"""Where a model would put a statement in the profile: a configured slot, a new one, or a new topic."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from ..errors import InvalidInput
from .entering import entered_slot, entered_topic
from .extraction_call import ExtractionCall
from .patterns import lazy
from .secrets import has_secret

MOST_NEW_SLOTS = 3
MOST_NEW_TOPICS = 3
"""Of one call. Statements for further ones are placed among those there are."""
LONGEST_PLACE = 130

_BETWEEN = lazy(r"\s*(?:/|::|>|→)\s*")
_NAME = lazy(r"[^\W_][\w-]{0,39}")

Place = tuple[str, str]
NOWHERE: Place = ("", "")


class Places:
    """Reads the places that one reply names, and counts the new slots and topics among them."""

    def __init__(self, call: ExtractionCall) -> None:
        self._strict = call.settings.profile_strict
        self._propose = call.settings.propose_categories
        self._slots = {
            _folded(category.name): {_folded(slot.name): slot.name for slot in category.slots}
            for category in call.categories
        }
        names = [*(category.name for category in call.categories), *([] if self._strict else call.topics)]
        self._topics = {_folded(name): name for name in reversed(names)}
        self._topic_of = _unique(
            (slot, category.name)
            for category in call.categories
            for slot in self._slots[_folded(category.name)]
        )
        self._new_slots: set[Place] = set()
        self._new_topics: set[str] = set()

    def place(self, named: object) -> tuple[Place, Place]:
        """The place to use, and the one proposed; each NOWHERE where there is none."""
        if not isinstance(named, str) or len(named) > LONGEST_PLACE or has_secret(named):
            return NOWHERE, NOWHERE
        first, *rest = _BETWEEN.split(named.strip(), maxsplit=1)
        topic, slot = _folded(first), _folded(rest[0]) if rest else ""
        if not slot and topic not in self._topics and topic in self._topic_of:
            topic, slot = _folded(self._topic_of[topic]), topic
        if topic in self._topics:
            return self._under(self._topics[topic], slot), NOWHERE
        if self._strict or self._propose == "off":
            return NOWHERE, NOWHERE
        proposed = self._proposed(topic, slot)
        return proposed if self._propose == "on" else NOWHERE, proposed

    def _under(self, topic: str, slot: str) -> Place:
        """A slot of a topic that there is: a configured one, or a new one while there is room."""
        configured = self._slots.get(_folded(topic), {})
        if slot in configured:
            return topic, configured[slot]
        if self._strict:
            return NOWHERE
        if not slot:
            return NOWHERE if configured else (topic, "")
        place = topic, slot
        full = len(self._new_slots) >= MOST_NEW_SLOTS and place not in self._new_slots
        if full or not _is_slot(slot):
            return NOWHERE if configured else (topic, "")
        self._new_slots.add(place)
        return place

    def _proposed(self, topic: str, slot: str) -> Place:
        if topic not in self._new_topics:
            if len(self._new_topics) >= MOST_NEW_TOPICS or not _is_topic(topic):
                return NOWHERE
            self._new_topics.add(topic)
        return topic, slot if _is_slot(slot) else ""


@lru_cache(maxsize=1024)
def _folded(name: str) -> str:
    """Names are compared, and new ones made, in small letters with "_" for blanks."""
    return "_".join(name.strip().casefold().split())


def _is_topic(name: str) -> bool:
    try:
        return bool(_NAME.fullmatch(name)) and entered_topic(name, ()) == name
    except InvalidInput:  # such a name cannot be a file's: then it is no topic
        return False


def _is_slot(name: str) -> bool:
    try:
        return bool(_NAME.fullmatch(name)) and entered_slot(name) == name
    except InvalidInput:  # such a name cannot be a heading: then it is no slot
        return False


def _unique(pairs: Iterable[Place]) -> dict[str, str]:
    """Slot to topic, of the slots that are in one topic only."""
    found: dict[str, list[str]] = {}
    for slot, topic in pairs:
        found.setdefault(slot, []).append(topic)
    return {slot: topics[0] for slot, topics in found.items() if len(topics) == 1}
