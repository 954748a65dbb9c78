"""The turns of a conversation as a language model reads them: numbered lines under their day."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from ..models import Message

PERSON_ROLES = frozenset({"user", "human"})
LONGEST_NAME = 60
LONGEST_CAPTION = 300
LONGEST_METADATA = 200
"""Characters of what stands beside a message; the message itself is always shown whole."""
BREAKS = 3
"""Line ends around a heading and after a line."""
LONGEST_CHARACTER = 4
"""Bytes, in UTF-8."""
SHORTEST_PIECE = 40
"""Characters below which a message is not cut further, however long the names before it are."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A message, or a piece of one, with its line in the resource (from 1). `said_at` None: nobody knows."""

    line: int
    message: Message
    said_at: datetime | None

    @property
    def by_person(self) -> bool:
        """Said by a person, not by an assistant, a system or a tool."""
        return self.message.role in PERSON_ROLES


def render_turns(turns: Sequence[Turn], timezone: tzinfo) -> str:
    """`[line] Speaker: text`, a line each, under a heading with the day (in `timezone`) where it changes.

    Further lines of a message are indented, so that no message can show a line that looks like another's.
    """
    return "\n".join(line for group in _lines(turns, timezone) for line in group)


def split_turns(
    turns: Sequence[Turn], budget_tokens: int, count: Callable[[str], int], timezone: tzinfo = UTC
) -> list[tuple[Turn, ...]]:
    """The turns in order, in groups of at most `budget_tokens` as `count` counts their rendered lines.

    A message that is longer alone is cut into pieces that keep its line; nothing is left out. `count` counts
    no more than a text's bytes.
    """
    shown = (f"{_heading(turn, timezone)}{_line(turn)}" for turn in turns)
    most = sum(BREAKS + len(text) * (1 if text.isascii() else LONGEST_CHARACTER) for text in shown)
    if 0 < most <= budget_tokens:
        return [tuple(turns)]
    groups: list[list[Turn]] = []
    left = 0
    for turn in turns:
        for piece in _pieces(turn, budget_tokens, count, timezone):
            heading = f"\n{_heading(piece, timezone)}\n"
            text = count(f"{_line(piece)}\n")
            changed = not groups or _heading_day(groups[-1][-1], timezone) != _heading_day(piece, timezone)
            cost = text + (count(heading) if changed else 0)
            if not groups or cost > left:
                groups.append([])
                left, cost = budget_tokens, text + count(heading)
            groups[-1].append(piece)
            left -= cost
    return [tuple(group) for group in groups]


def _lines(turns: Sequence[Turn], timezone: tzinfo) -> Iterator[list[str]]:
    day = ""
    for turn in turns:
        today = _heading_day(turn, timezone)
        yield [*([_heading(turn, timezone)] if today != day else []), _line(turn)]
        day = today


def _local(turn: Turn, timezone: tzinfo) -> datetime | None:
    if turn.said_at is None:
        return None
    try:
        return turn.said_at.astimezone(timezone)
    except OverflowError:  # within a day of the first or the last year that there is
        return turn.said_at


def _heading_day(turn: Turn, timezone: tzinfo) -> str:
    moment = _local(turn, timezone)
    return moment.date().isoformat() if moment else "?"


def _heading(turn: Turn, timezone: tzinfo) -> str:
    moment = _local(turn, timezone)
    return f"== {moment:%Y-%m-%d %H:%M}" if moment else "== ?"


def _line(turn: Turn) -> str:
    message = turn.message
    said = [line.strip() for line in message.content.splitlines() if line.strip()]
    beside = [part for part in (_image(message), _metadata(message)) if part]
    first, rest = (said[0], said[1:]) if said else ("", [])
    head = f"[{turn.line}] {_speaker(message)}: {first}".rstrip()
    return " ".join(["\n  ".join([head, *rest]), *beside])


def _speaker(message: Message) -> str:
    """The name, with the alias and, where it is not a plain user, the role: "Ada (assistant)"."""
    notes = [] if message.role in PERSON_ROLES or not message.name else [message.role]
    alias = message.raw.get("alias")
    if isinstance(alias, str) and alias.strip() and alias != message.name:
        notes.insert(0, one_line(alias, LONGEST_NAME))
    name = one_line(message.speaker, LONGEST_NAME)
    return f"{name} ({', '.join(notes)})" if notes else name


def _image(message: Message) -> str:
    caption = one_line(message.caption or "", LONGEST_CAPTION)
    return f"[image: {caption}]" if caption and caption not in message.content else ""


def _metadata(message: Message) -> str:
    given = message.raw.get("metadata")
    if not given:
        return ""
    try:
        shown = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    except (TypeError, ValueError):  # not JSON, so it came from code and not from a file
        shown = str(given)
    return f"[metadata: {one_line(shown, LONGEST_METADATA)}]"


def one_line(text: str, limit: int) -> str:
    """White space folded, and no longer than `limit` characters."""
    return " ".join(text[: 4 * limit].split())[:limit]


def _pieces(turn: Turn, budget: int, count: Callable[[str], int], timezone: tzinfo) -> Iterator[Turn]:
    """The turn itself where it fits, else its halves; what stands beside it goes with the first piece."""
    content = turn.message.content
    size = count(f"\n{_heading(turn, timezone)}\n{_line(turn)}\n")
    if size <= budget or len(content) <= SHORTEST_PIECE:
        yield turn
        return
    parts = -(-size // budget)
    position = 0
    for number in range(1, parts + 1):
        end = len(content) if number == parts else _gap(content, position, len(content) * number // parts)
        if end > position:
            yield from _pieces(_piece(turn, position, end), budget, count, timezone)
        position = end


def _piece(turn: Turn, start: int, end: int) -> Turn:
    message = replace(turn.message, content=turn.message.content[start:end])
    return replace(turn, message=message if start == 0 else replace(message, caption=None, raw={}))


def _gap(text: str, start: int, end: int) -> int:
    """The end of the last word before `end`, if one ends in the later half of text[start:end]."""
    for at in range(end, start + (end - start) // 2, -1):
        if text[at - 1].isspace():
            return at
    return end
