"""What a person may enter by hand: texts, topics and slots, checked before anything is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

from ..errors import InvalidInput
from .markdown import heading_name
from .names import is_reserved
from .rendering import heading_text
from .secrets import mask_secrets

MAX_TEXT = 4000
"""Characters of an item's text: one statement, and a bullet in a list."""
MAX_NAME = 60
"""Characters of a topic or a slot: in UTF-8 and with `.md`, it still fits in a file name."""


def entered_text(name: str, value: object, *, mask: bool, limit: int = MAX_TEXT) -> str:
    """`value` without white space around it, its secrets masked. Raises InvalidInput."""
    if not isinstance(value, str):
        raise InvalidInput(f"{name} must be text, not {type(value).__name__}")
    text = value.strip()
    if not text:
        raise InvalidInput(f"{name} is empty")
    _check_characters(name, text)
    if len(text) > limit:
        raise InvalidInput(f"{name} has {len(text)} characters, and the limit is {limit}")
    return mask_secrets(text)[0] if mask else text


def entered_whole(name: str, value: object, *, limit: int) -> str:
    """A whole text file as it is, of `limit` characters at most. Raises InvalidInput."""
    if not isinstance(value, str):
        raise InvalidInput(f"{name} must be text, not {type(value).__name__}")
    if not value.strip():
        raise InvalidInput(f"{name} is empty: to take a whole file away, delete it")
    if len(value) > limit:
        raise InvalidInput(f"{name} has {len(value)} characters, and the limit is {limit}")
    _check_characters(name, value)
    return value


def entered_words(name: str, value: object, *, mask: bool) -> tuple[str, ...]:
    """A list of words or short phrases, each once."""
    if isinstance(value, str) or not isinstance(value, Collection):
        raise InvalidInput(f"{name} must be a list of texts")
    return tuple(dict.fromkeys(entered_text(name, word, mask=mask, limit=MAX_NAME) for word in value))


def entered_topic(value: object, known: Collection[str]) -> str:
    """A topic that is known, or whose name can be a file's on every system. Raises InvalidInput."""
    if isinstance(value, str) and value in known:
        return value
    name = entered_text("topic", value, mask=False, limit=MAX_NAME)
    same = next((one for one in known if one.casefold() == name.casefold()), None)
    if same is not None:
        return same
    if not _is_file_name(name):
        raise InvalidInput(f"topic {name!r} cannot be a file name: use small letters, digits, '_' and '-'")
    return name


def entered_slot(value: object) -> str:
    """A slot's name: one line that reads the same from its heading. Raises InvalidInput."""
    name = entered_text("slot", value, mask=False, limit=MAX_NAME)
    if heading_name(f"## {heading_text(name)}") != name:
        raise InvalidInput(f"slot {name!r} cannot be a heading: use letters, digits and single spaces")
    return name


def _check_characters(name: str, text: str) -> None:
    for char in text:
        category = unicodedata.category(char)
        if category == "Cs":
            raise InvalidInput(f"{name} holds half of a surrogate pair, which is no character")
        if category == "Cc" and char not in "\t\n\r":
            raise InvalidInput(f"{name} holds the control character {char!r}")


def _is_file_name(name: str) -> bool:
    """Letters of any script, in the one form that no file system turns into another."""
    kinds = [unicodedata.category(char)[0] for char in name]
    return (
        kinds[0] in "LN"
        and all(kind in "LMN" or char in "_-" for kind, char in zip(kinds, name, strict=True))
        and name == unicodedata.normalize("NFC", name) == name.lower()
        and not is_reserved(name)
    )
