"""What one extraction call asks of a language model: the prompt's variables and the reply's schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Literal

from ..config import Settings
from ..models import Category, Item, OutputSchema
from .fencing import Value
from .turns import Turn

PROMPT = "extract"
"""The name of the template."""


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
    raise NotImplementedError


def extraction_schema(call: ExtractionCall) -> OutputSchema:
    """The reply's JSON schema: small, for it may stand in the prompt; `read_extraction` checks the rest."""
    raise NotImplementedError


def known_line(handle: str, item: Item) -> str:
    """A known item as the prompt shows it, for counting how many fit a budget."""
    raise NotImplementedError
