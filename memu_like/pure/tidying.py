"""A category file after a merge that kept two wordings of a bullet, once it is settled which is meant."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from .markdown import Bullet, Document, parse, with_ids


@dataclass(frozen=True, slots=True)
class Wordings:
    """An item's bullet: `is_meant` tells the wording that was decided on, `is_machines` another of ours."""

    id: str
    is_meant: Callable[[str], bool]
    is_machines: Callable[[str], bool]


def tidy(text: str, known: Collection[str], settled: Collection[Wordings]) -> str:
    """The text without wordings of the machine's that were decided against.

    Where one of them has the id, the bullet below that says what is meant gets it. A person's wording stays
    whatever was decided. Only bullets of one line are touched.
    """
    dropped: set[int] = set()
    given: dict[int, str] = {}
    document = parse(text, known)
    for wordings in settled:
        holder = next((b for b in document.bullets if b.id == wordings.id and _is_plain(b)), None)
        if holder is not None:
            _decide(document, holder, wordings, dropped, given)
    if not dropped:
        return text
    kept = [line for line in _with(document, given) if line[0] not in dropped]
    return document.bom + "".join(line for _, line in kept)


def _decide(
    document: Document, holder: Bullet, wordings: Wordings, dropped: set[int], given: dict[int, str]
) -> None:
    others = [one for one in _bare(document) if one.lines[0].number not in {*dropped, *given}]
    if wordings.is_meant(holder.text):
        dropped |= {one.lines[0].number for one in others if wordings.is_machines(one.text)}
        return
    meant = next((one for one in others if wordings.is_meant(one.text)), None)
    if meant is not None and wordings.is_machines(holder.text):
        dropped.add(holder.lines[0].number)
        given[meant.lines[0].number] = wordings.id


def _bare(document: Document) -> Iterator[Bullet]:
    return (bullet for bullet in document.bullets if bullet.id is None and _is_plain(bullet))


def _is_plain(bullet: Bullet) -> bool:
    return len(bullet.lines) == 1 and not bullet.nested and not bullet.nested_ids


def _with(document: Document, given: dict[int, str]) -> Iterator[tuple[int, str]]:
    """The lines by their numbers, with the ids that were given."""
    fresh = parse(with_ids(document, given))
    for line in fresh.lines:
        yield line.number, line.text + line.end
