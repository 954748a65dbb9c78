"""Packing a context: sections of lines under one budget of tokens that counts the whole text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Count = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line stands in its section: under which sub-heading ("": none), and in which order there."""

    heading: str
    order: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Section:
    """Lines in order of worth under a heading. `share` is the part of the budget that it may count on.

    `places` are empty, or one a line: which lines are taken goes by worth, how they stand by their places.
    Sub-headings come in the order of their first line.
    """

    heading: str
    lines: tuple[str, ...]
    share: float
    places: tuple[Place, ...] = ()


def pack(title: str, sections: Sequence[Section], max_tokens: int, count: Count) -> str:
    """The text: title, then each section with as many of its lines as fit; "" where not even the title fits.

    Each section first gets its share of the budget; what one leaves over goes to the others in their
    order. The result has at most `max_tokens` tokens, counted over the whole text.
    """
    taken = choose(title, sections, max_tokens, count)
    return "" if taken is None else render(title, sections, taken)


def choose(
    title: str, sections: Sequence[Section], max_tokens: int, count: Count, *, shares_only: bool = False
) -> list[int] | None:
    """How many lines of each section fit, as `pack` packs them; None where not even the title does.

    With `shares_only`, what a section leaves over stays free.
    """
    costs = [_costs(section, count) for section in sections]
    heads = [count(f"\n## {section.heading}\n") if section.lines else 0 for section in sections]
    left = max_tokens - count(title + "\n")
    if left < 0:
        return None
    taken = [0] * len(sections)
    for number, section in enumerate(sections):
        allowed = min(left, int(max_tokens * section.share))
        taken[number], used = _fit(costs[number], 0, heads[number], allowed)
        left -= used
    for number in range(0 if shares_only else len(sections)):
        head = 0 if taken[number] else heads[number]
        taken[number], used = _fit(costs[number], taken[number], head, left)
        left -= used
    # Tokens of joined lines can be one or two more than the sum of theirs: drop the least until it fits.
    while count(render(title, sections, taken)) > max_tokens:
        if not any(taken):
            return None
        last = max((n for n in range(len(taken)) if taken[n]), key=lambda n: (sections[n].share < 1, n))
        taken[last] -= 1
    return taken


def _costs(section: Section, count: Count) -> list[int]:
    """Tokens of each line, a sub-heading's with the first line under it."""
    costs = [count(line + "\n") for line in section.lines]
    seen = {""}
    for number, place in enumerate(section.places):
        if place.heading not in seen:
            seen.add(place.heading)
            costs[number] += count(f"### {place.heading}\n")
    return costs


def _fit(costs: Sequence[int], start: int, head: int, allowed: int) -> tuple[int, int]:
    """How many lines from the first fit, those before `start` being paid, and what the new ones cost."""
    used, number = head, start
    while number < len(costs) and used + costs[number] <= allowed:
        used += costs[number]
        number += 1
    return (number, used) if number > start else (start, 0)


def render(title: str, sections: Sequence[Section], taken: Sequence[int]) -> str:
    """The title, and of each section as many lines as `taken` says."""
    parts = [title]
    for section, number in zip(sections, taken, strict=True):
        if number:
            parts += ["", f"## {section.heading}", *_placed(section, number)]
    return "\n".join(parts) + "\n"


def _placed(section: Section, taken: int) -> Sequence[str]:
    """The first `taken` lines as they stand."""
    if not section.places:
        return section.lines[:taken]
    by_heading: dict[str, list[int]] = {"": []}
    for number, place in enumerate(section.places[:taken]):
        by_heading.setdefault(place.heading, []).append(number)
    lines: list[str] = []
    for heading, numbers in by_heading.items():
        lines += [f"### {heading}"] if heading else []
        lines += [section.lines[n] for n in sorted(numbers, key=lambda n: section.places[n].order)]
    return lines
