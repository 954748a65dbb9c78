"""Three-way merges of sequences: whose order stands, and lines of which both sides changed some."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def merged_order(base: Sequence[T], ours: Sequence[T], theirs: Sequence[T]) -> list[T]:
    """All elements of `ours` and `theirs`, none twice: who moved what stood before decides, else `ours`.

    What only one side has stands behind what it stood behind there; of both in one place, ours first.
    """
    common = set(base) & set(ours) & set(theirs)
    before, first, second = ([x for x in side if x in common] for side in (base, ours, theirs))
    if first == before != second:
        ours, theirs = theirs, ours
    standing, shared = set(ours), set(theirs)
    following: dict[T | None, list[T]] = {None: []}
    anchor: T | None = None
    for one in theirs:
        if one in standing:
            anchor = one
        else:
            following.setdefault(anchor, []).append(one)
    out: list[T] = []
    waiting = following[None]
    for one in ours:
        if one in shared:
            out += waiting
            waiting = following.get(one, [])
        out.append(one)
    return out + waiting


def merged_lines(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> tuple[list[str], bool]:
    """The lines with the changes of both sides, and whether no two changes met.

    Where two met, ours stand before those of theirs that ours lack: nothing is left out.
    """
    out: list[str] = []
    clean = True
    at = [0, 0, 0]
    for b, o, t, size in _shared_runs(base, ours, theirs):
        chunk, apart = _chunk(base[at[0] : b], ours[at[1] : o], theirs[at[2] : t])
        out += [*chunk, *base[b : b + size]]
        clean = clean and apart
        at = [b + size, o + size, t + size]
    return out, clean


def _chunk(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> tuple[list[str], bool]:
    if list(theirs) in (list(base), list(ours)):
        return list(ours), True
    if list(ours) == list(base):
        return list(theirs), True
    standing = set(ours)
    return [*ours, *(line for line in theirs if line not in standing)], False


def _shared_runs(
    base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]
) -> list[tuple[int, int, int, int]]:
    """Runs of base that stand in both sides, as (start in base, in ours, in theirs, length), in order.

    The last is empty, at the end of all three.
    """
    in_ours, in_theirs = (_places(base, side) for side in (ours, theirs))
    runs: list[tuple[int, int, int, int]] = []
    for at in range(len(base)):
        if at not in in_ours or at not in in_theirs:
            continue
        o, t = in_ours[at], in_theirs[at]
        if runs and runs[-1][0] + runs[-1][3] == at and _goes_on(runs[-1], o, t):
            runs[-1] = (*runs[-1][:3], runs[-1][3] + 1)
        else:
            runs.append((at, o, t, 1))
    return [*runs, (len(base), len(ours), len(theirs), 0)]


def _goes_on(run: tuple[int, int, int, int], ours: int, theirs: int) -> bool:
    return (run[1] + run[3], run[2] + run[3]) == (ours, theirs)


def _places(base: Sequence[str], side: Sequence[str]) -> dict[int, int]:
    """Where each line of base stands in a side, for those that do; the order is the same in both."""
    blocks = SequenceMatcher(None, base, side, autojunk=False).get_matching_blocks()
    return {block.a + n: block.b + n for block in blocks for n in range(block.size)}
