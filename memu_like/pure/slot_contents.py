"""A slot's content as one text: its entries, joined, and which of them a new content still holds."""

from __future__ import annotations

from collections.abc import Sequence

SEPARATOR = "; "


def kept_parts(content: str, texts: Sequence[str]) -> tuple[frozenset[int], list[str]]:
    """The numbers of the `texts` that stand in `content` as they are, and what else it says, in order.

    A text that holds the separator itself is found where all of its parts stand in a row. Each text is
    found once.
    """
    parts = [part.strip() for part in content.split(SEPARATOR)]
    kept: set[int] = set()
    fresh: list[str] = []
    at = 0
    while at < len(parts):
        found = _longest(parts, at, texts, kept)
        if found is None:
            fresh += [parts[at]] if parts[at] else []
            at += 1
        else:
            kept.add(found)
            at += len(texts[found].split(SEPARATOR))
    return frozenset(kept), fresh


def _longest(parts: Sequence[str], at: int, texts: Sequence[str], kept: set[int]) -> int | None:
    best: int | None = None
    size = 0
    for number, text in enumerate(texts):
        own = [part.strip() for part in text.split(SEPARATOR)]
        if number not in kept and len(own) > size and parts[at : at + len(own)] == own:
            best, size = number, len(own)
    return best
