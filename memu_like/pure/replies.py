"""Replies of a language model to values: a tolerant reader of JSON that adds nothing of its own.

What it forgives has one meaning only: code fences and prose around the JSON, trailing commas, single or
typographic quotes, Python's literals, comments, keys without quotes, line breaks in strings, a comma missing
after a closed bracket. All else is a ReplyError whose text can be shown to the model. JSON that ends early is
never completed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union, get_args, get_origin

from .lenient_json import BLANK, JSON, MAX_DEPTH, Found, Reader, ReplyError, shown, whole
from .patterns import lazy

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["JSON", "ReplyError", "Salvaged", "fit", "parse_reply", "salvage_reply"]

Model = TypeVar("Model", bound="BaseModel")

MAX_CHARACTERS = 500_000
MAX_STARTS = 200
"""Brackets in prose that lead to no JSON, after which the search for some is given up: it stays linear."""
MAX_VALUES = 2000

START = lazy(r"[{\[]")
FENCE = lazy(r"\n[ \t]*(?:```|~~~)[^\n]*\n(?=[ \t]*[{\[])")
SURROGATE_ESCAPE = lazy(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What was complete in a reply; `cut` is False where that is all of it."""

    value: JSON
    cut: bool


def parse_reply(text: str) -> JSON:
    """The JSON object or list in a reply. Raises ReplyError.

    Of several, objects on end (JSON lines) are a list; of those with prose between them the longest counts,
    objects before lists of plain values, the last of equals; but objects of the same keys that differ, none
    of them empty, are an error, as is JSON that is cut or broken where it is the longest. Of a key given
    twice the last value counts. Lone surrogates become U+FFFD. NaN and infinities are errors.
    """
    best = _best(text)
    if best.error:
        raise best.error
    return best.value


def salvage_reply(text: str) -> Salvaged:
    """As `parse_reply`, and of a reply that was cut, its complete part: the whole elements of the list in
    which it ends, and the whole members of the objects around that list. Raises ReplyError where the reply
    is wrong in another way, or holds no whole element."""
    best = _best(text)
    if best.error is None:
        return Salvaged(best.value, cut=False)
    if best.error.cut and _holds_elements(best.value):
        return Salvaged(best.value, cut=True)
    raise best.error


def fit(value: JSON, model: type[Model]) -> Model:
    """`value` as `model`. Raises ReplyError, which names up to three places and what is wrong there.

    A list is wrapped where an object with a single list field was asked for, and an object with a single
    list unwrapped where a list (a RootModel) was; a list of one object is that object, and an object within
    an object of one unknown field. An object with none of the fields is refused, whatever their defaults.
    """
    from pydantic import ValidationError

    reason = ""
    for shape in _shapes(value, model):
        try:
            return model.model_validate(shape)
        except ValidationError as error:
            reason = reason or _told(error.errors(include_url=False, include_input=False))
    raise ReplyError(reason)


# -- finding the JSON in a reply


def _best(text: str) -> Found:
    if len(text) > MAX_CHARACTERS:
        raise ReplyError(f"the reply has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read")
    text = whole(text)
    if not text.strip(BLANK):
        raise ReplyError("the reply is empty")
    strict = _strict(text.strip(BLANK))
    if isinstance(strict, str):
        strict = _strict(strict.strip(BLANK))  # JSON within a JSON string
    if isinstance(strict, dict | list):
        return Found(0, len(text), strict)
    found = _joined(text, _candidates(text))
    if not found:
        raise ReplyError("no JSON object found")
    return _chosen(found)


def _strict(text: str) -> JSON:
    """The usual case: exact JSON, read at the speed of C. None where it is not."""
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        return None
    if text.count("[") + text.count("{") > MAX_DEPTH and _too_deep(value):
        return None
    return _without_surrogates(value) if SURROGATE_ESCAPE.search(text) else value


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError(word)
    return number


def _too_deep(value: JSON) -> bool:
    level: list[JSON] = [value]
    for _ in range(MAX_DEPTH + 1):
        inner = [v for v in level if isinstance(v, dict | list)]
        if not inner:
            return False
        level = [part for v in inner for part in (v.values() if isinstance(v, dict) else v)]
    return True


def _without_surrogates(value: JSON) -> JSON:
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, list):
        return [_without_surrogates(one) for one in value]
    if isinstance(value, dict):
        return {whole(key): _without_surrogates(one) for key, one in value.items()}
    return value


def _candidates(text: str) -> list[Found]:
    """Everything between brackets that is JSON or was meant to be, in order, none within another."""
    found: list[Found] = []
    at = misses = 0
    while misses < MAX_STARTS and (start := START.search(text, at)):
        reader = Reader(text, start.start())
        one = reader.read()
        if one is None or (not one.value and not one.error and not _alone(text, one)):
            misses += 1
            at = start.end() if one is None else one.end
            continue
        if len(found) == MAX_VALUES:
            raise ReplyError(f"the reply holds more than {MAX_VALUES} JSON values; answer with a single one")
        found.append(one)
        at = one.end
        if one.error:
            # What stands within broken JSON is a fragment of it; a code fence after it begins anew.
            fence = FENCE.search(text, reader.at)
            if one.error.cut or not fence:
                break
            found[-1] = replace(one, end=fence.start())
            at = fence.end()
    return found


def _alone(text: str, one: Found) -> bool:
    """Whether nothing else stands on its lines: `[ ]` within prose is a box to tick, not an empty answer."""
    before = text[text.rfind("\n", 0, one.start) + 1 : one.start]
    end = text.find("\n", one.end)
    after = text[one.end : len(text) if end < 0 else end]
    return not before.strip(BLANK) and not after.strip(BLANK)


def _joined(text: str, found: list[Found]) -> list[Found]:
    """Objects with nothing between them become the list that they are the lines of."""
    groups: list[list[Found]] = []
    for one in found:
        if groups and not text[groups[-1][-1].end : one.start].strip(BLANK + ","):
            groups[-1].append(one)
        else:
            groups.append([one])
    return [group[0] if len(group) == 1 else _lines(group) for group in groups]


def _lines(group: list[Found]) -> Found:
    last = group[-1]
    complete: list[JSON] = [one.value for one in group if one.error is None]
    error = last.error
    if not error and not all(isinstance(value, dict) for value in complete):
        error = ReplyError("several JSON values stand one after the other; answer with a single one")
    return Found(group[0].start, last.end, complete, error)


def _chosen(found: list[Found]) -> Found:
    best = max(found, key=lambda one: one.rank)
    for one in found:
        if one is not best and not best.error and _rivals(one.value, best.value):
            reason = "the reply holds several JSON objects that differ; answer with a single one"
            return replace(best, error=ReplyError(reason))
    return best


def _rivals(one: JSON, best: JSON) -> bool:
    """Whether two objects answer the same question in other words; an empty one is an example."""
    if not isinstance(one, dict) or not isinstance(best, dict) or one.keys() != best.keys():
        return False
    return one != best and any(value not in (None, "", [], {}) for value in one.values())


def _holds_elements(value: JSON) -> bool:
    if isinstance(value, dict):
        return any(_holds_elements(one) for one in value.values())
    return isinstance(value, list) and bool(value)


# -- fitting a value to a model


def _shapes(value: JSON, model: type[BaseModel]) -> Iterator[JSON]:
    """`value` as it stands or as it was probably meant, the likeliest first."""
    from pydantic import RootModel

    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    known = fields.keys() | model.model_fields.keys()
    lists = [name for name, annotation in fields.items() if _is_list(annotation)]
    if issubclass(model, RootModel):
        if lists and isinstance(value, dict):
            inner = [one for one in value.values() if isinstance(one, list)]
            yield from inner if len(inner) == 1 else ()
            yield [value]
    elif isinstance(value, list):
        first = value[0] if len(value) == 1 else None
        if isinstance(first, dict) and first.keys() & set(lists or known):
            yield first
        elif len(lists) == 1:
            yield {lists[0]: value}
    elif isinstance(value, dict):
        if value and not value.keys() & known:
            (inside, *others) = value.values()
            if others or not isinstance(inside, dict) or not inside.keys() & known:
                raise ReplyError(f"none of the fields asked for is there: {', '.join(fields)}")
            value = inside
        alone = {name: [value[name]] for name in lists if isinstance(value.get(name), dict)}
        yield {**value, **alone}
    yield value


def _is_list(annotation: object) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_list(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return any(_is_list(one) for one in get_args(annotation))
    return (get_origin(annotation) or annotation) in (list, tuple, set, frozenset, Sequence)


def _told(errors: Sequence[Mapping[str, Any]]) -> str:
    told = [f"{shown('.'.join(map(str, e['loc'])), 60)}: {shown(e['msg'], 120)}" for e in errors[:3]]
    more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
    return "; ".join(one.removeprefix(": ") for one in told) + more
