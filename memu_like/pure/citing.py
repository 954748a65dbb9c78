"""Citations: the numbers in square brackets with which a reply points at the lines it was shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass

from .patterns import lazy

# At most three digits: "[2023]" is a year. Code is left as it is, "row[1]" there cites nothing.
_PART = r"\d{1,3}(?:\s?[-–]\s?\d{1,3})?"
_MARK = lazy(
    r"(?P<code>```.*?(?:```|\Z)|`[^`\n]*`)|"
    rf"(?P<gap>[ \t]?)[\[【]\s?(?P<numbers>{_PART}(?:\s?[,;，、]\s?{_PART})*)\s?[\]】]",
    re.DOTALL,
)
_NUMBER = lazy(r"(\d+)(?:\s?[-–]\s?(\d+))?")


@dataclass(frozen=True, slots=True)
class Cited:
    """A reply's text with the citations that stand; `numbers` and `invented` in order of first appearance."""

    text: str
    numbers: tuple[int, ...] = ()
    invented: tuple[int, ...] = ()


def check_citations(text: str, known: Container[int]) -> Cited:
    """Take citations of anything but `known` out of the text: "[3]", "[1, 4]", "[2-4]"."""
    found: dict[int, None] = {}

    def keep(numbers: Iterable[int]) -> list[int]:
        found.update(dict.fromkeys(numbers))
        return [number for number in numbers if number in known]

    checked = _rewritten(text, keep)
    return Cited(
        checked,
        tuple(number for number in found if number in known),
        tuple(number for number in found if number not in known),
    )


def without_citations(text: str) -> str:
    """The text alone, for where the numbers point at nothing any more."""
    return _rewritten(text, lambda numbers: [])


def _rewritten(text: str, keep: Callable[[list[int]], list[int]]) -> str:
    def replaced(mark: re.Match[str]) -> str:
        if mark["code"]:
            return mark[0]
        given = list(_numbers(mark["numbers"]))
        kept = keep(given)
        if kept == given:
            return mark[0]
        return f"{mark['gap']}[{', '.join(map(str, kept))}]" if kept else ""

    return _MARK.sub(replaced, text).strip()


def _numbers(written: str) -> Iterator[int]:
    for part in _NUMBER.finditer(written):
        first, last = int(part[1]), int(part[2] or part[1])
        yield from range(first, last + 1) if first <= last else (first, last)
