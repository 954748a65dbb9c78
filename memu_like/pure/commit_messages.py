"""The messages of commits: a subject that a person reads, and trailers that history is told from.

They name who, which run and how much, and nothing of what was said: a message outlives what is forgotten.
User ids and names of topics come from outside: what could begin a line or a trailer of its own is written
as a JSON string, which `read_value` reads back.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..models import Event, Item, Modality, Status
from .markdown import parse

USER, RUN, KIND = "Memu-User", "Memu-Run", "Memu-Kind"
ITEMS, RESOURCES, CATEGORIES = "Memu-Items", "Memu-Resources", "Memu-Categories"
PERSON = "person"
"""The kind of a commit that holds what a person wrote."""
STORED, CARRIED_ON, INIT = "store", "catch-up", "init"
"""Commits with no run of their own: resources that wait for one, what a crash left, a store's first."""
MAX_SUBJECT = 100
MAX_USER = 40
MAX_FILES = 3
MAX_TOPICS = 20

_PLAIN = re.compile(r"[\w@.+%~-][\w@.+%~ -]*(?<! )")
_DONE: Mapping[str, str] = {"forget": "forget", "edit": "edit", "sync": "take in edits of"}


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine did, to be told in a message. `removed` counts files, `stored` resources."""

    user: str
    events: tuple[Event, ...] = ()
    items: tuple[Item, ...] = ()
    topics: tuple[str, ...] = ()
    stored: Mapping[Modality, int] = field(default_factory=dict)
    removed: int = 0
    erased: bool = False
    carried_on: bool = False


def machine_message(done: Machine) -> str:
    """Such as "memorize caroline: 10 items from 1 conversation, 1 corrected"."""
    kinds = tuple(dict.fromkeys(event.kind for event in done.events))
    new = sum(item.rev == 1 and item.status is Status.ACTIVE for item in done.items)
    trailers = [(USER, value(done.user))]
    trailers += [(RUN, value(run)) for run in dict.fromkeys(event.id for event in done.events)]
    trailers += [(KIND, kind) for kind in kinds or (_runless_kind(done),)]
    if done.carried_on and kinds:
        trailers.append((KIND, CARRIED_ON))
    trailers.append((ITEMS, str(new)))
    trailers.append((RESOURCES, str(sum(done.stored.values()))))
    if done.topics:
        trailers.append((CATEGORIES, ", ".join(value(topic) for topic in done.topics[:MAX_TOPICS])))
    return _message(f"{_verb(done, kinds)} {shown_user(done.user)}{_facts(done, new)}", trailers)


def _runless_kind(done: Machine) -> str:
    if done.erased:
        return "forget"
    if done.carried_on:
        return CARRIED_ON
    return STORED if done.stored else "edit"


def _verb(done: Machine, kinds: Sequence[str]) -> str:
    if done.carried_on:
        return "catch up"
    if not kinds:
        return _runless_kind(done)
    return _DONE.get(kinds[0], kinds[0])


def _facts(done: Machine, new: int) -> str:
    if done.erased:
        return ""
    read = len({name for event in done.events for name in event.resources})
    sources = ", ".join(_count(number, kind.value) for kind, number in done.stored.items())
    sources = sources or (_count(read, "source") if read else "")
    counts = Counter(_bearing(item) for item in done.items)
    told = _count(new, "item") if new or any(event.kind == "memorize" for event in done.events) else ""
    facts = [f"{told} from {sources}" if told and sources else told or sources]
    facts += [f"{counts[name]} {name}" for name in ("corrected", "confirmed", "retracted") if counts[name]]
    facts += [f"{_count(done.removed, 'file')} removed"] if done.removed else []
    said = ", ".join(fact for fact in facts if fact)
    return f": {said}" if said else ""


def _bearing(item: Item) -> str:
    if item.status is Status.RETRACTED:
        return "retracted"
    if item.status is Status.SUPERSEDED:
        return "corrected"
    return "confirmed" if item.rev > 1 and item.corroborations else ""


# -- a person's edits


@dataclass(frozen=True, slots=True)
class FileEdit:
    """One file as it was committed last, and as a person left it; None: not there."""

    path: str
    before: bytes | None
    after: bytes | None


def person_message(user: str, edits: Sequence[FileEdit]) -> str:
    """Such as "edit caroline: pets.md (2 changed, 1 new)"."""
    shown = [_edit_words(edit) for edit in edits[:MAX_FILES]]
    more = f", {_count(len(edits) - MAX_FILES, 'more file')}" if len(edits) > MAX_FILES else ""
    subject = f"edit {shown_user(user)}: {', '.join(shown)}{more}"
    return _message(subject, [(USER, value(user)), (KIND, PERSON)])


def _edit_words(edit: FileEdit) -> str:
    name = _one_line(edit.path.rpartition("/")[2])[:MAX_USER]
    if edit.after is None:
        return f"{name} (removed)"
    if not edit.path.endswith(".md"):
        return name
    before, after = _bullets(edit.before), _bullets(edit.after)
    changed = sum(key in before and before[key] != text for key, text in after.items())
    counts = (
        (changed, "changed"),
        (sum(key not in before for key in after), "new"),
        (sum(key not in after for key in before), "deleted"),
    )
    told = ", ".join(f"{count} {word}" for count, word in counts if count)
    return f"{name} ({told})" if told else name


def _bullets(data: bytes | None) -> dict[str, str]:
    """Text by id; bullets that have none by their words, for they are new or gone."""
    document = parse((data or b"").decode("utf-8", "replace"))
    return {bullet.id or f"\n{bullet.text}": bullet.text for bullet in document.bullets}


def init_message(files: int) -> str:
    return _message(f"init: {_count(files, 'file')} of this store", [(KIND, INIT)])


# -- values


def value(text: str) -> str:
    """What comes from outside as the value of a trailer: always one line."""
    return text if _PLAIN.fullmatch(text) and text.isascii() else json.dumps(text)


def read_value(shown: str) -> str:
    """What `value` was given. Text that is no such value is given back as it is."""
    if not shown.startswith('"'):
        return shown
    try:
        found = json.loads(shown)
    except (ValueError, RecursionError):
        return shown
    return found if isinstance(found, str) else shown


def shown_user(user: str) -> str:
    """In a subject: short, on one line, with no blank in it that could pass for the subject's own words."""
    plain = value(user)
    return plain if len(plain) <= MAX_USER else plain[: MAX_USER - 3] + "..."


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _message(subject: str, trailers: Iterable[tuple[str, str]]) -> str:
    line = _one_line(subject)
    line = line if len(line) <= MAX_SUBJECT else line[: MAX_SUBJECT - 3] + "..."
    return f"{line}\n\n" + "".join(f"{name}: {text}\n" for name, text in trailers)
