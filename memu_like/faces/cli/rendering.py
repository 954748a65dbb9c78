"""Values as a person reads them. Remembered text goes through `remembered`; every word of it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from ...models import Entry, Event, Item, Occurred, Resource, Source, Usage
from ...results import Hit, MemorizeReport, Operation, Rearrangement, ReorganiseReport, RetrieveResult
from .output import joined, one_line, remembered

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Profile = Mapping[str, Mapping[str, Sequence[Entry]]]
EVENT_TEXT = 160
"""Characters of an event's summary in lists; `events show` has it whole."""


def day(when: datetime | None) -> str:
    return when.date().isoformat() if when else ""


def grid(*columns: str, last_folds: bool = True) -> Table:
    """A table that keeps to 80 columns: the last column folds, the others stay on their lines."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, column in enumerate(columns, start=1):
        wide = last_folds and number == len(columns)
        table.add_column(column, no_wrap=not wide, overflow="fold", ratio=1 if wide else None)
    return table


def facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Names and values, one a line; what is empty is left out."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for name, value in pairs:
        if value not in ("", None, (), [], {}):
            table.add_row(name, remembered(_shown(value)))
    return table


def _shown(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Occurred):
        return occurred(value)
    if isinstance(value, Source):
        lines = str(value.first) if value.first == value.last else f"{value.first}-{value.last}"
        return f"{value.resource} line {lines}"
    if isinstance(value, Usage):
        return taken(value)
    if isinstance(value, Mapping):
        divider = "; " if any(isinstance(one, Usage) for one in value.values()) else ", "
        return divider.join(f"{name} {_shown(one)}" for name, one in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(_shown(one) for one in value)
    if hasattr(value, "__dataclass_fields__"):
        return " ".join(f"{field.name}={getattr(value, field.name)}" for field in fields(value))  # type: ignore[arg-type]
    return str(value)


def taken(usage: Usage) -> str:
    """ "3 calls, 5,400 + 800 tokens, 12.5 s, cost 0.0123": tokens of prompts and of replies."""
    about = "about " if usage.estimated else ""
    tokens = f"{about}{usage.prompt_tokens:,} + {usage.completion_tokens:,} tokens"
    cost = "" if usage.cost is None else f", cost {usage.cost:.4g}"
    return f"{usage.calls} calls, {tokens}, {usage.seconds:.1f} s{cost}"


def occurred(value: Occurred) -> str:
    """ "2023-06-01 to 2023-07-01 (month): in June"; the end is excluded."""
    same = value.grain in ("minute", "hour", "part", "day")
    span = day(value.start) if same else f"{day(value.start)} to {day(value.end)}"
    return f"{span} ({value.grain}): {value.text}"


# -- search


def print_result(out: Console, result: RetrieveResult, explain: bool = False) -> None:
    """The hits, what was degraded, and with `explain` the path that led there."""
    if not result.needs_retrieval:
        decided = (
            "Nothing to look up, by the model." if result.usage.calls else "Small talk: nothing to look up."
        )
        out.print(decided)
    elif not result.hits:
        out.print("Nothing found.")
    for number, hit in enumerate(result.hits, start=1):
        out.print(hit_card(number, hit), soft_wrap=False)
    if explain:
        out.print(path_table(result))
    for problem in result.degraded:
        out.print(Text.assemble(("note: ", "yellow"), remembered(problem)))


def path_table(result: RetrieveResult) -> RenderableType:
    """What was done step by step, and what the model calls took."""
    table = grid("step", "what came of it", "on")
    for visit in result.path:
        table.add_row(remembered(visit.action, "cyan"), remembered(visit.outcome), remembered(visit.target))
    table.columns[1].no_wrap = False
    used = [remembered(f"{result.method}: {taken(result.usage)}", "dim")] if result.usage.calls else []
    return Group("", table, *used)


def hit_card(number: int, hit: Hit) -> RenderableType:
    """Head (rank, score, date, speaker, title), text, place; a model's reason; signals where asked for."""
    head = Text.assemble((f"{number}. ", "bold"), (f"{hit.score:.3f}", "cyan"))
    head.append(f"  {day(hit.date) or 'undated'}")
    for text, style in ((hit.speaker, "bold"), (hit.title, "dim")):
        if text:
            head.append("  ").append(remembered(text, style))
    place = [hit.place, *hit.item_ids[:3]]
    if hit.category:
        place.append(f"{hit.category}/{hit.slot}" if hit.slot else hit.category)
    if hit.superseded:
        place.append("superseded")
    lines: list[RenderableType] = [head, Padding(remembered(hit.text), (0, 0, 0, 3))]
    lines.append(Padding(joined(place, "dim"), (0, 0, 0, 3)))
    if hit.reason:
        lines.append(Padding(remembered(hit.reason, "italic"), (0, 0, 0, 3)))
    if hit.signals:
        given = (f"{name} {value:.3f}" for name, value in hit.signals.items() if value)
        lines.append(Padding(joined(given, "magenta"), (0, 0, 0, 3)))
    return Group(*lines)


# -- profile


def profile_tree(user: str, profile: Profile) -> Tree:
    tree = Tree(remembered(user, "bold"), guide_style="dim")
    for topic, slots in profile.items():
        branch = tree.add(remembered(topic, "bold cyan"))
        for slot, entries in slots.items():
            leaf = branch.add(remembered(slot or "(no heading)", "cyan")) if entries else branch
            for entry in entries:
                leaf.add(entry_text(entry))
    return tree


def entry_text(entry: Entry) -> Text:
    text = remembered(entry.text)
    if entry.pinned:
        text.append("  pinned", "yellow")
    if entry.id:
        text.append(f"  ^{one_line(entry.id)}", "dim")
    return text


def profile_table(profile: Profile) -> Table:
    table = grid("category", "entries", "slots")
    for topic, slots in profile.items():
        count = sum(len(entries) for entries in slots.values())
        shown = ", ".join(f"{slot or '-'} {len(entries)}" for slot, entries in slots.items() if entries)
        table.add_row(remembered(topic, "cyan"), str(count), remembered(shown))
    return table


def timeline(events: Sequence[Event]) -> Tree:
    """Events by the month they are about, oldest first."""
    tree = Tree(Text("timeline", style="bold"), guide_style="dim")
    months: dict[str, Tree] = {}
    for event in events:
        month = day(event.time)[:7]
        branch = months.get(month)
        if branch is None:
            branch = months[month] = tree.add(Text(month, style="bold cyan"))
        branch.add(Text.assemble((day(event.time)[8:], "cyan"), "  ", _brief(event)))
    return tree


def _brief(event: Event) -> Text:
    text = one_line(event.title or event.summary or event.kind)
    return Text(text if len(text) <= EVENT_TEXT else text[: EVENT_TEXT - 1] + "…", overflow="fold")


# -- records


def items_table(items: Sequence[Item]) -> Table:
    table = grid("id", "date", "slot", "text")
    table.columns[2].no_wrap = False
    for item in items:
        style = "" if item.status == "active" else "dim"
        when = day(item.occurred.start if item.occurred else item.mentioned_at or item.created_at)
        text = remembered(item.text, style)
        if item.status != "active":
            text.append(f"  ({item.status})", "yellow")
        table.add_row(remembered(item.id), when, remembered(f"{item.topic}/{item.slot}", "cyan"), text)
    return table


def events_table(events: Sequence[Event]) -> Table:
    table = grid("id", "date", "kind", "items", "summary")
    for event in events:
        text = _brief(event)
        if event.suggested:
            text.append(f"  (suggests {one_line(', '.join(event.suggested))})", "yellow")
        table.add_row(remembered(event.id), day(event.time), event.kind, str(len(event.items)), text)
    return table


def resources_table(resources: Sequence[Resource]) -> Table:
    table = grid("id", "date", "kind", "lines", "title")
    for one in resources:
        title = remembered(one.title or one.source)
        table.add_row(remembered(one.id), day(one.created_at), one.modality, str(one.lines), title)
    return table


def record_facts(record: DataclassInstance) -> Table:
    """Every field that says something."""
    return facts((field.name, getattr(record, field.name)) for field in fields(record))


def report_line(report: MemorizeReport) -> Text:
    """One line a call: what came in and what became of it."""
    parts = [
        f"{report.messages} messages",
        f"{report.items_added} new items",
        f"{report.corroborated} corroborated",
    ]
    if report.superseded:
        parts.append(f"{report.superseded} superseded")
    if report.duplicates:
        parts.append(f"{report.duplicates} known already")
    parts.append(f"{len(report.categories)} categories touched")
    if report.kept:
        parts.append(f"{len(report.kept)} runs kept for later")
    if report.usage.calls:
        tokens = report.usage.prompt_tokens + report.usage.completion_tokens
        parts.append(f"{report.usage.calls} model calls, {tokens:,} tokens")
    done = "would be: " if report.dry_run else ""
    figures = f": {done}{', '.join(parts)} ({report.seconds:.2f} s)"
    return Text.assemble(remembered(report.user, "bold"), figures)


_SIGNS = {"add": "+", "corroborate": "=", "refine": "~", "correct": "~", "retract": "~", "drop": "-"}


def operation_line(operation: Operation) -> Text:
    """One line an operation: what becomes of which words, and from where they come."""
    place = f"{operation.topic}/{operation.slot}" if operation.topic else ""
    about = f"{operation.op} {operation.target}" if operation.target else operation.op
    told = f"(was: {operation.before})" if operation.before else operation.reason
    parts = [_SIGNS[operation.op], about, place, operation.text, told]
    where = f"{operation.resource}:{operation.line}"
    return joined([part for part in (*parts, f"({where})") if part])


def rearrangement_line(one: Rearrangement) -> Text:
    """One line an operation of a reorganisation, in words."""
    entries = ", ".join(one.items)
    told = {
        "merge": f"merge {entries} into {one.result or 'one'}, in {one.slot}: {one.text}",
        "rewrite": f"reword {entries}, in {one.slot}: {one.text}",
        "move": f"move {entries} to {one.slot}",
        "hide": f"leave out {entries}",
        "new_slot": f"new slot {one.slot}: {one.text}",
        "summary": f"summary: {one.text}",
    }[one.op]
    line = remembered(f"{one.topic}: {told}")
    return line.append(f"  (refused: {one.refused})", "yellow") if one.refused else line


def reorganise_line(report: ReorganiseReport) -> Text:
    """One line a call: what was looked at and what became of it."""
    parts = [
        f"{len(report.topics)} topics",
        f"{len(report.operations)} operations",
        f"{len(report.refused)} refused",
    ]
    if report.usage.calls:
        tokens = report.usage.prompt_tokens + report.usage.completion_tokens
        parts.append(f"{report.usage.calls} model calls, {tokens:,} tokens")
    done = "would be: " if report.dry_run else ""
    return Text.assemble(
        remembered(report.user, "bold"), f": {done}{', '.join(parts)} ({report.seconds:.2f} s)"
    )
