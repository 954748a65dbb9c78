"""What one extraction call asks of a language model: the prompt's variables and the reply's schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, Literal, get_args

from ..chat import OutputSchema
from ..config import NamedSettings, Settings
from ..models import BearingKind, Category, Item, Slot
from .fencing import Data, Value
from .rendering import entry_date, with_subject
from .turns import Turn, one_line, render_turns

PROMPT = "extract"
"""The name of the template."""
BEARINGS: tuple[str, ...] = get_args(BearingKind)
LONGEST_KNOWN = 300
"""Characters of a known statement that the prompt shows."""
_OUTPUT_LANGUAGE = {
    ("auto", "en"): "the language of the conversation",
    ("auto", "zh"): "对话所用的语言",
    ("en", "en"): "English",
    ("en", "zh"): "英文",
    ("zh", "en"): "Chinese",
    ("zh", "zh"): "中文",
}


@dataclass(frozen=True, slots=True)
class ExtractionCall:
    """One call: what it is shown, and what its reply is held to.

    `topics` are those the folder has beside `categories`; `known` gets the handles k1, k2, ... by position;
    `users` are the names under which the folder's user speaks; `model` is recorded in the drafts.
    """

    turns: tuple[Turn, ...]
    categories: tuple[Category, ...]
    settings: Settings
    language: Literal["en", "zh"] = "en"
    topics: tuple[str, ...] = ()
    known: tuple[Item, ...] = ()
    users: tuple[str, ...] = ()
    model: str = ""
    timezone: tzinfo = UTC


def extraction_variables(call: ExtractionCall) -> Mapping[str, Value]:
    """What the template `extract` gets: the owner's settings as text, what came in or is known as Data."""
    settings = call.settings
    # The shipped slots say by their names what they are for; the owner's say it as the owner wished.
    described = bool(settings.categories)
    users = {name.casefold(): name for name in call.users if name.casefold() != "user"}.values()
    known = [known_line(f"k{number}", item) for number, item in enumerate(call.known, start=1)]
    return {
        "slots": "\n".join(_category_line(category, described) for category in call.categories),
        "topics": Data(", ".join(call.topics), inline=True) if call.topics else None,
        "strict": settings.profile_strict,
        "propose": settings.propose_categories != "off" and not settings.profile_strict,
        "item_types": _named(settings.item_types),
        "event_tags": _named(settings.event_tags),
        "theme": " ".join(settings.event_theme.split()),
        "max_items": settings.max_items_per_call,
        "output_language": _OUTPUT_LANGUAGE[settings.language, call.language],
        "users": Data(", ".join(users), inline=True) if users else None,
        "known": Data("\n".join(known)) if known else None,
        "turns": Data(render_turns(call.turns, call.timezone)),
    }


def extraction_schema(call: ExtractionCall) -> OutputSchema:
    """The reply's JSON schema: small, for it may stand in the prompt; `read_extraction` checks the rest."""
    text = {"type": "string"}
    texts = {"type": "array", "items": text}
    item: dict[str, Any] = {
        "text": text,
        "slot": text,
        "lines": {"type": "array", "items": {"type": "integer"}},
        "when": text,
        "type": text,
        "subject": text,
        "keywords": texts,
        "tags": texts,
    }
    if call.known:
        item |= {"known": text, "bearing": {"enum": list(BEARINGS)}}
    items = {"type": "array", "items": _object(item, "text", "slot", "lines")}
    reply = {"items": items, "title": text, "summary": text, "tags": texts}
    return OutputSchema("extraction", _object(reply, "items", "title", "summary"))


def known_line(handle: str, item: Item) -> str:
    """A known item as the prompt shows it, for counting how many fit a budget."""
    text, subject = one_line(item.text, LONGEST_KNOWN), one_line(item.subject, 60)
    text = with_subject(text, subject, worded=item.model is not None)
    date = entry_date(item.occurred, item.mentioned_at)
    return f"{handle} {text} ({date})" if date else f"{handle} {text}"


def _object(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _category_line(category: Category, described: bool) -> str:
    note = _note(category.description if described else "", category.update_description)
    slots = [_slot(slot, described) for slot in category.slots]
    return f"{category.name}{note}: {', '.join(slots)}" if slots else f"{category.name}{note}"


def _slot(slot: Slot, described: bool) -> str:
    return slot.name + _note(slot.description if described else "", slot.update_description)


def _note(description: str, update: str) -> str:
    parts = [" ".join(description.split()), f"update: {' '.join(update.split())}" if update.strip() else ""]
    shown = "; ".join(part for part in parts if part)
    return f" ({shown})" if shown else ""


def _named(given: Iterable[NamedSettings]) -> str:
    return ", ".join(one.name + _note(one.description, "") for one in given)
