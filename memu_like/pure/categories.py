"""The categories of a profile, read from TOML or from settings."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict, ValidationError

from ..config import CategorySettings
from ..errors import ConfigError
from ..models import Category, Slot

_UNUSABLE = frozenset('/\\:*?"<>|#^\n\r\t\0')
"""Characters that a file name or a heading of a category file cannot hold."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")
    categories: tuple[CategorySettings, ...]


def parse_categories(text: str) -> tuple[Category, ...]:
    """Categories from the text of a TOML file with `[[categories]]` and `[[categories.slots]]`.

    Raises ConfigError that names the place: TOML that does not parse, an unknown key, a name that is
    blank, used twice or not fit for a file name.
    """
    try:
        table = _Table.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"categories: not valid TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"categories: {place}: {first['msg']}") from error
    return categories_from_settings(table.categories)


def categories_from_settings(settings: Sequence[CategorySettings]) -> tuple[Category, ...]:
    """The same from validated settings. Raises ConfigError for none at all or for a bad name."""
    if not settings:
        raise ConfigError("categories: give at least one [[categories]] table")
    _check_names("category", (category.name for category in settings))
    return tuple(_category(category) for category in settings)


def with_additional(
    categories: Sequence[Category], additional: Sequence[CategorySettings]
) -> tuple[Category, ...]:
    """Categories with others beside them; one that is there already gets the slots that it lacks.

    Raises ConfigError as above.
    """
    if not additional:
        return tuple(categories)
    found = {category.name.casefold(): category for category in categories}
    for extra in categories_from_settings(additional):
        known = found.get(extra.name.casefold())
        found[extra.name.casefold()] = extra if known is None else _joined(known, extra)
    return tuple(found.values())


def _joined(known: Category, extra: Category) -> Category:
    """What is said of it later counts, where anything is."""
    slots = {slot.name.casefold(): slot for slot in known.slots}
    slots |= {slot.name.casefold(): slot for slot in extra.slots if _says_more(slot, slots)}
    return Category(
        known.name,
        extra.description or known.description,
        tuple(slots.values()),
        (*known.cues, *extra.cues),
        extra.update_description or known.update_description,
    )


def _says_more(slot: Slot, known: Mapping[str, Slot]) -> bool:
    """A bare name does not replace a slot that is described."""
    described = slot.description or slot.examples or slot.cues or slot.update_description
    return bool(described) or slot.name.casefold() not in known


def _category(settings: CategorySettings) -> Category:
    _check_names(f"slot of category {settings.name!r}", (slot.name for slot in settings.slots))
    slots = tuple(
        Slot(slot.name, slot.description, slot.examples, slot.cues, slot.update_description)
        for slot in settings.slots
    )
    return Category(settings.name, settings.description, slots, settings.cues, settings.update_description)


def _check_names(kind: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if not name.strip() or name != name.strip() or name.startswith(".") or _UNUSABLE & set(name):
            raise ConfigError(f"{kind} {name!r} cannot be used: use letters, digits, '_' or '-'")
        # Folded, because some file systems do not tell case apart.
        if name.casefold() in seen:
            raise ConfigError(f"{kind} {name!r} is given twice: rename or remove one")
        seen.add(name.casefold())
