"""The eight invariants of the design as checks on a folder, each a list of what is wrong.

What a step did is told from the files before and after it. They are read here with json and re alone, so
that a check shares no bug with what it checks; where memory is asked (search, profile), it is asked the way
its user asks.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fault_checks import stored_ids
from fuzz_hands import bare, front_length, id_of, lines_of

from memu_like import MemoryService, SyncReport
from memu_like.pure.markdown import parse, render
from memu_like.service import UserMemory

QUERIES = ("who is Ines?", "Jakub and the harbour", "a dog called", "allergic", "cellar neighbour blue")
OWN_ID = re.compile(r"\^[a-z0-9]{8}")
DELETED = ("deleted by the user", "deleted in its file by the user")


@dataclass(frozen=True)
class Look:
    """A folder as it stands: category files, the last counted revision of each item, events by id."""

    files: Mapping[str, bytes]
    items: Mapping[str, dict[str, Any]]
    events: Mapping[str, dict[str, Any]]
    uncounted: tuple[str, ...] = ()
    """Items of runs that have no event."""

    def texts(self) -> Iterator[tuple[str, str]]:
        """The files that are text."""
        for name, data in self.files.items():
            try:
                yield name, data.decode()
            except UnicodeDecodeError:
                continue

    def standing(self) -> dict[str, str]:
        """Item id -> the file that it stands in."""
        return {one: name for name, text in self.texts() for one in ids_in(text)}


@dataclass
class Memory:
    """What the test knows beside the files: who wrote which line, and what a person took away."""

    machine: set[str] = field(default_factory=set)
    """Lines, without ids, that the machine wrote."""
    homes: set[tuple[str, str]] = field(default_factory=set)
    """The same with the file that it wrote them into."""
    acknowledged: list[str] = field(default_factory=list)
    stood: dict[str, str] = field(default_factory=dict)
    """Item id -> the file that it stood in when the machine last looked."""
    gone: dict[str, str] = field(default_factory=dict)
    """Item id -> text of what a person took away and a sync took in."""
    unreadable: dict[str, frozenset[str]] = field(default_factory=dict)
    """Files that cannot be told now -> the ids that stood there before."""
    orphans: set[str] = field(default_factory=set)
    """Items of a run that was killed before its event, and whose journal is lost."""
    edited_items: set[str] = field(default_factory=set)
    """Items whose line in `items/` a person edited: their bullets follow."""


def look(root: Path) -> Look:
    files = {path.name: path.read_bytes() for path in sorted(root.glob("categories/*.md"))}
    events = {event["id"]: event for event in _records(root, "events")}
    items: dict[str, dict[str, Any]] = {}
    uncounted = []
    for item in _records(root, "items"):
        if item["run"] not in events:
            uncounted.append(item["id"])
        elif item["id"] not in items or item["rev"] >= items[item["id"]]["rev"]:
            items[item["id"]] = item
    return Look(files, items, events, tuple(uncounted))


def _records(root: Path, kind: str) -> Iterator[dict[str, Any]]:
    for path in sorted(root.glob(f"{kind}/*.jsonl")):
        for line in path.read_bytes().split(b"\n"):
            try:
                yield json.loads(line)
            except ValueError:  # a torn tail, which the next writer cuts: it counts for nothing
                continue


def ids_in(text: str) -> Iterator[str]:
    """The ids of bullets, outside of code."""
    fenced = False
    for line in lines_of(text):
        fenced ^= line.startswith(("```", "~~~"))
        words = line.split()
        if not fenced and words and words[0] in ("-", "*", "+"):
            yield from (word[1:] for word in words if len(word) > 4 and word.startswith("^"))
        elif not fenced and words and line.startswith(" ") and OWN_ID.fullmatch(words[-1]):
            yield words[-1][1:]  # at the end of a bullet of several lines


# -- 1: the files are the truth


async def files_are_the_truth(store: Path, user: UserMemory) -> list[str]:
    """A copy without `.memu/`, indexed anew, answers as the folder does."""
    with tempfile.TemporaryDirectory() as other:
        copy = Path(other, "store")
        shutil.copytree(store, copy, ignore=shutil.ignore_patterns(".memu", ".git"))
        settings = user._service.settings.model_copy(update={"store": copy, "git": "off"})
        async with MemoryService(settings) as fresh:
            theirs = fresh.user(user.user_id)
            await theirs.reindex()
            kept = {(item.id, item.text) for item in await user.items()}
            lost = kept ^ {(item.id, item.text) for item in await theirs.items()}
            if lost:
                return [f"(1) without .memu/ other items are active: {sorted(lost)}"]
            problems = [
                f"(1) a new index answers {query!r} with {new}, the folder with {old}"
                for query in QUERIES
                if (old := await _answers(user, query)) != (new := await _answers(theirs, query))
            ]
            ours, again = await user.profile(), await theirs.profile()
    if ours != again:
        here, there = (
            {str(e) for slots in p.values() for es in slots.values() for e in es} for p in (ours, again)
        )
        problems.append(f"(1) without .memu/ the profile lacks {here - there}, and has {there - here}")
    return problems


async def _answers(user: UserMemory, query: str) -> list[tuple[str, str]]:
    found = await user.retrieve(query, top_k=8)
    return [(hit.place, f"{hit.score:.3f}") for hit in found.hits]


# -- 2: parse is the inverse of render


def parse_is_the_inverse(now: Look) -> list[str]:
    return [f"(2) {name} is not byte-stable" for name, text in now.texts() if render(parse(text)) != text]


# -- 3 and 4: a person wins, and no update is lost


def a_person_wins(before: Look, after: Look, memory: Memory) -> list[str]:
    """Every line that the machine did not write stands where it stood: same bytes, same order, same file."""
    followed = {bare(str(memory_line)) for memory_line in memory.edited_items}
    problems = []
    for name, text in before.texts():
        wanted = [line for line in people_lines(text, memory.machine) if line not in followed]
        if name not in after.files:
            problems += [f"(3) {name} is gone, with a person's {line!r}" for line in wanted[:1]]
            continue
        standing = [bare(line) for line in lines_of(after.files[name].decode("utf-8", "replace"))]
        lost = first_lost(wanted, standing)
        problems += [] if lost is None else [f"(3) {name} has lost a person's line: {lost!r}"]
    for name, data in before.files.items():
        if name in memory.unreadable and after.files.get(name) != data:
            problems.append(f"(3) {name} could not be told, and was written")
    return problems


def people_lines(text: str, machine: set[str]) -> list[str]:
    """The lines that are not the machine's, bare of item ids, without front matter and blank lines."""
    lines = lines_of(text)
    found = (bare(line) for line in lines[front_length(lines) :])
    return [line for line in found if line.strip() and line not in machine]


def first_lost(wanted: Sequence[str], standing: Iterable[str]) -> str | None:
    """The first that does not stand in order."""
    rest = iter(standing)
    return next((line for line in wanted if all(other != line for other in rest)), None)


def learn_machine_lines(before: Look, after: Look, memory: Memory) -> None:
    """What is new after a step of the machine, other than an id at the end of a person's line, is its own."""
    for name, text in after.texts():
        old = before.files.get(name, b"").decode("utf-8", "replace")
        known = {bare(line) for line in lines_of(old)}
        new = {line for line in map(bare, lines_of(text)) if line not in known}
        memory.machine |= new
        memory.homes |= {(name, line) for line in new}


def taken_away(before: Look, memory: Memory) -> dict[str, str]:
    """The items that a person's edits have taken out of all files, with their texts."""
    standing = set(before.standing()).union(*memory.unreadable.values())
    return {
        one: before.items[one]["text"]
        for one in memory.stood
        if one not in standing and one in before.items and before.items[one]["status"] == "active"
    }


def deletions_are_taken_in(before: Look, after: Look, memory: Memory, report: SyncReport | None) -> list[str]:
    """(3) What a person took away is retracted, and (5) nothing else is, nor what could not be read."""
    away = taken_away(before, memory)
    new = {
        one
        for one, item in after.items.items()
        if item["status"] == "retracted"
        and item.get("reason") in DELETED
        and before.items.get(one, {}).get("status") == "active"
    }
    problems = [
        f"(5) ^{one} was retracted, and nobody had taken it away: {after.items[one]['text']!r}"
        for one in sorted(new - away.keys())
    ]
    held = {edit.item for edit in report.held} if report else set()
    problems += [f"(5) ^{one} is held, and was retracted" for one in sorted(held & new)]
    if report and not report.problems:
        left = [one for one in away if one not in held and after.items[one]["status"] == "active"]
        problems += [f"(3) ^{one} was taken away, and is active: {away[one]!r}" for one in left]
    if report and not report.held:
        memory.gone |= {one: away[one] for one in new & away.keys()}
    return problems


def what_is_gone_stays_gone(before: Look, after: Look, memory: Memory) -> list[str]:
    """A deleted entry comes back by a person's hand alone; nor is it learnt again from its source."""
    standing, problems = before.standing(), []
    memory.gone = {one: text for one, text in memory.gone.items() if one not in standing}
    now = after.standing()
    # A copy that a person has made of it, or what they made it from, is another entry, which they have not
    # deleted; so only what this step has learnt counts.
    known = {one for one, item in before.items.items() if item["status"] == "active"}
    places = {
        (json.dumps(item.get("source"), sort_keys=True), item["text"]): one
        for one, item in after.items.items()
        if item["status"] == "active" and item.get("source") and not is_persons(item) and one not in known
    }
    for one in memory.gone:
        item = after.items.get(one)
        if one in now:
            problems.append(f"(3) ^{one} was deleted by a person, and stands again")
        if item is None:
            continue
        if item["status"] == "active":
            problems.append(f"(3) ^{one} was deleted by a person, and is active again")
        same = places.get((json.dumps(item.get("source"), sort_keys=True), item["text"]))
        if same:
            problems.append(f"(3) ^{one} was deleted by a person, and learnt again as ^{same}")
    return problems


def is_persons(item: Mapping[str, Any]) -> bool:
    """Whether it is as it is by a person's hand in a file: copied, added, moved, edited."""
    return str(item.get("reason") or "").endswith("by the user")


# -- 6: all or nothing


def all_or_nothing(root: Path, now: Look, memory: Memory, *, at_rest: bool) -> list[str]:
    """Every acknowledged message is there once; nothing counts that no event tells of, nor does it twice."""
    counts = stored_ids(root)
    problems = [f"(6) {one} is lost" for one in memory.acknowledged if not counts[one]]
    if not at_rest:
        return problems
    problems += [f"(6) {one} is there {count} times" for one, count in counts.items() if count > 1]
    problems += [f"(6) ^{one} is of no run" for one in now.uncounted if one not in memory.orphans]
    told = Counter(
        resource
        for event in now.events.values()
        if event["kind"] == "memorize"
        for resource in event.get("resources", ())
    )
    problems += [f"(6) {resource} has {count} events" for resource, count in told.items() if count > 1]
    # What a person has copied, or put elsewhere, stands on the same source, as they wished.
    own = (item for item in now.items.values() if not is_persons(item))
    active = [item for item in own if item["status"] == "active" and item.get("source")]
    said = Counter((json.dumps(item["source"], sort_keys=True), item["text"]) for item in active)
    return problems + [f"(6) {count} active items say {one}" for one, count in said.items() if count > 1]


# -- 7: reading writes nothing that matters


def stamps(root: Path) -> dict[str, tuple[int, str]]:
    """Every file outside `.memu/`: its time and its hash."""
    return {
        str(path.relative_to(root)): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".memu" not in path.parts
    }


async def reading_writes_nothing(root: Path, user: UserMemory, query: str) -> list[str]:
    before = stamps(root)
    await user.retrieve(query, top_k=5)
    await user.items()
    if all(_is_text(path) for path in root.glob("categories/*.md")):
        await user.profile()
        await user.context(max_tokens=200, query=query)
    changed = before.items() ^ stamps(root).items()
    return [f"(7) reading wrote {name}" for name in sorted({name for name, _ in changed})]


def _is_text(path: Path) -> bool:
    try:
        path.read_bytes().decode()
    except UnicodeDecodeError:
        return False
    return True


# -- 8: bounded


def within_budget(
    now: Look, memory: Memory, budget: int, count: Callable[[str], int], touched: Iterable[str]
) -> list[str]:
    """What the machine has put into each file that it wrote keeps to the budget; a person's comes on top.

    What a person has copied or carried into a file is theirs there.
    """
    problems = []
    for name, text in now.texts():
        if name in touched:
            own = {line: None for line in lines_of(text) if _is_machines(name, line, now, memory)}
            tokens = count("".join(own))
            if tokens > budget:
                problems.append(f"(8) the machine's lines of {name} take {tokens} of {budget} tokens")
    return problems


def _is_machines(name: str, line: str, now: Look, memory: Memory) -> bool:
    item = now.items.get(id_of(line) or "")
    return (name, bare(line)) in memory.homes and not (item and item["origin"] == "human")
