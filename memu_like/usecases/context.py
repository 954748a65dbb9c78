"""Context: what an application puts into its prompt, under a budget that counts the whole text.

With a query: what bears on it, under the day that it was said, then the profile and the last events; no
statement stands there twice. The best hits stand as they were said, further ones as their items where those
are shorter, so that more of them fit; relative dates are written out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Unpack

from ..errors import InvalidInput
from ..models import Entry, Item
from ..pure.dated_text import iso
from ..pure.keeping import keeping
from ..pure.packing import Place, Section, choose, pack
from ..pure.reconciling import successor_id
from ..pure.rendering import plain_line, with_subject
from ..pure.sentences import split_sentences
from ..results import Hit
from .context_options import (
    DATA_NOTE,
    How,
    buffered_lines,
    context_with,
    is_plain,
    with_kept_dates,
)
from .desk import Desk
from .event_listing import listed, masked
from .profiles import shown_slots
from .retrieve import retrieve

# Of a context with a query, most bears on it; without one, the profile. Memobase gives the profile
# 0.6 of a context by default, and its users expect that.
PROFILE_SHARE = 0.6
HITS_SHARE_WITH_QUERY, PROFILE_SHARE_WITH_QUERY = 0.8, 0.15
# So many hits are looked at, and one more for so many tokens beyond what those take.
HITS, TOKENS_A_HIT, MAX_HITS = 40, 25, 400
# Hits that stand as they were said. Anything from 3 to 8 answers about as much.
AS_SAID = 5
# A line of fewer words may be half of an answer: the question before it stands with it.
SHORT_ANSWER = 12
RECENT_EVENTS = 40
MAX_LINE = 600


@dataclass(frozen=True, slots=True)
class _Line:
    """A line about what bears on the query, with the items that it tells and the bare words that it has."""

    text: str
    place: Place
    items: frozenset[str]
    words: str
    said: str
    """The hit's own text."""


def context(
    desk: Desk, max_tokens: int, query: str | None, in_prompt: Iterable[str] = (), **how: Unpack[How]
) -> str:
    """Profile, recent events and, for a query, the best hits: at most `max_tokens`. Raises InvalidInput.

    Messages whose text is in the prompt anyway are left out. With any of Memobase's options, see
    `context_options`.
    """
    if max_tokens < 1:
        raise InvalidInput(f"max_tokens must be at least 1, not {max_tokens}")
    asked = query if query and query.strip() else None
    if not is_plain(how):
        return context_with(desk, max_tokens, asked, how, frozenset(in_prompt))
    there = frozenset(in_prompt)
    title = f"# Memory of {plain_line(desk.folder.user_id)}\n{DATA_NOTE}"
    count = desk.tools.counter().count

    def fitting(*sections: Section) -> list[int]:
        """How many lines of each fit its share."""
        return choose(title, sections, max_tokens, count, shares_only=True) or [0] * len(sections)

    relevant = _relevant(desk, asked, max_tokens, there) if asked else []
    share = PROFILE_SHARE_WITH_QUERY if asked else PROFILE_SHARE
    first = fitting(_hits_section(relevant))[0]
    relevant, known = _without_doubles(desk, relevant, first, share)
    hits = _hits_section(relevant)
    taken = fitting(hits, known)
    told = [*(line.words for line in relevant[: taken[0]]), *known.lines[: taken[1]]]
    recent = _recent(desk, told, there.union(line.said for line in relevant[: taken[0]]))
    return pack(title, [hits, known, Section("Recent", tuple(recent), 1.0)], max_tokens, count)


def _without_doubles(
    desk: Desk, lines: Sequence[_Line], first: int, share: float
) -> tuple[list[_Line], Section]:
    """Hits and profile. Of an item in both, the `first` hits, which fit, keep theirs, the profile others."""
    told = frozenset(item for line in lines[:first] for item in line.items)
    entries = [entry for entry in _entries(desk) if entry.id not in told]
    left = {entry.id for entry in entries}
    kept = [line for n, line in enumerate(lines) if n < first or not line.items & left]
    profiled = tuple(f"- {e.topic}/{e.slot}: {masked(desk, _folded(e.text))}" for e in entries)
    return kept, Section("Profile", profiled, share)


def _hits_section(lines: Sequence[_Line]) -> Section:
    texts, places = tuple(line.text for line in lines), tuple(line.place for line in lines)
    return Section("Relevant", texts, HITS_SHARE_WITH_QUERY, places)


# -- what bears on the query


def _relevant(desk: Desk, query: str, max_tokens: int, there: frozenset[str]) -> list[_Line]:
    """A line a hit, best first, without hits that tell nothing beyond what the lines before them tell."""
    wanted = min(MAX_HITS, max(HITS, max_tokens // TOKENS_A_HIT))
    result = retrieve(desk, query, wanted)
    items = {hit.item_ids[0]: hit for hit in result.items}
    hits = [hit for hit in result.hits if hit.text not in there]
    best = {hit.place for hit in hits[:AS_SAID]}
    lines: list[_Line] = []
    told: set[str] = set()
    for rank, hit in enumerate(hits):
        behind = [items[item_id] for item_id in hit.item_ids]
        new = [item for item in behind if item.item_ids[0] not in told]
        text = _said(desk, hit, best) if rank < AS_SAID or not behind else _shorter(desk, hit, behind, new)
        if text:
            day = f"{hit.date:%Y-%m-%d}" if hit.date else ""
            words = "\n".join([_folded(hit.text), *(item.text for item in behind)])
            place = Place(day, (hit.path, hit.line))
            lines.append(_Line(f"- {text}", place, frozenset(hit.item_ids), words, hit.text))
            told.update(hit.item_ids)
    return lines


def _shorter(desk: Desk, hit: Hit, behind: Sequence[Hit], new: Sequence[Hit]) -> str:
    """The items of a hit where they are shorter than what was said; "" where all of them were told before."""
    if not new:
        return ""
    said = _said(desk, hit, frozenset())
    told = " ".join(_statements(desk, new))
    return told if len(told) < len(said) or len(new) < len(behind) else said


def _statements(desk: Desk, items: Iterable[Hit]) -> Iterable[str]:
    """Each behind whom it is about, where neither it nor the one before says so."""
    before = ""
    for item in items:
        text = with_kept_dates(masked(desk, _folded(item.text)), item.date, item.occurred)
        about = plain_line(item.speaker or "")
        said = text if about == before else with_subject(text, about, worded=False)
        before = about
        yield f"{said}{_past(desk, item)}"


def _said(desk: Desk, hit: Hit, best: Iterable[str]) -> str:
    text = with_kept_dates(_folded(hit.text), hit.date)
    said = f"{plain_line(hit.speaker)}: {text}" if hit.speaker else text
    return f"{_question_before(desk, hit, best)}{said}{_past(desk, hit)}"


def _question_before(desk: Desk, hit: Hit, best: Iterable[str]) -> str:
    """The question that a short line answers, with who asked it; "" where it stands among the best."""
    before = f"{hit.path}:{hit.line - 1}"
    if hit.tier != "resource" or hit.speaker is None or len(hit.text.split()) >= SHORT_ANSWER:
        return ""
    lines = desk.folder.read(hit.path).split(b"\n")
    if hit.line < 2 or before in best or not lines[hit.line - 2].strip():
        return ""
    message = desk.stored_message(lines[hit.line - 2], before)
    text = _folded(masked(desk, message.content))
    spans = split_sentences(text)
    question = text[slice(*spans[-1])] if spans else ""
    return f"{plain_line(message.speaker)}: {question} " if question.endswith(("?", "？")) else ""


def _past(desk: Desk, hit: Hit) -> str:
    """ " (until 2023-08-01)" of what has been replaced by something said or done then, " (before)" else."""
    if not hit.superseded:
        return ""
    items = (desk.item(item_id) for item_id in hit.item_ids)
    days = [day for item in items if item and (day := _replaced_on(desk, item))]
    return f" (until {max(days)})" if days else " (before)"


def _replaced_on(desk: Desk, item: Item) -> str:
    successor = successor_id(item)
    newer = desk.item(successor) if successor else None
    if newer is None:
        return ""
    if newer.occurred is not None:
        return iso(newer.occurred)
    return f"{newer.mentioned_at:%Y-%m-%d}" if newer.mentioned_at else ""


# -- profile and events


def _entries(desk: Desk) -> Iterable[Entry]:
    """One entry of each slot in turn, so that a small budget still shows the whole person."""
    found = [slot.entries for slot in shown_slots(desk)]
    for place in range(max(map(len, found), default=0)):
        yield from (entries[place] for entries in found if place < len(entries))


def _recent(desk: Desk, told: Sequence[str], there: frozenset[str]) -> Iterable[str]:
    """What is buffered and not there in these texts, then the last events, newest first each.

    Sentences that are told above are left out of the events.
    """
    yield from buffered_lines(desk, there)
    above = "\n".join(told)
    known = (one.event for one in listed(desk))
    with_summary = (e for e in known if e.summary and e.kind != "reorganise" and not e.deleted)
    for event in islice(with_summary, RECENT_EVENTS):
        summary = masked(desk, _folded(event.summary))
        sentences = [summary[start:end] for start, end in split_sentences(summary)]
        new = [sentence for sentence in sentences if sentence not in above]
        if new:
            text = summary if len(new) == len(sentences) else " ".join(new)
            yield f"- [{event.time:%Y-%m-%d}] {text}"


@keeping
def _folded(text: str) -> str:
    folded = plain_line(" ".join(text.split()))
    return folded if len(folded) <= MAX_LINE else folded[: MAX_LINE - 1] + "…"
