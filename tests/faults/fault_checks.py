"""A second opinion on a folder: read with nothing but json and re, so that it shares no bug with the code."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

BLOCK_ID = re.compile(r"^\s*[-*] .* \^([a-z0-9]+)$", re.MULTILINE)
IN_FLIGHT = ("journal.json",)


def check_files(folder: Path) -> list[str]:
    """What is wrong with a folder at rest; empty where nothing is."""
    problems: list[str] = []
    items = [one for path in sorted(folder.glob("items/*.jsonl")) for one in _lines(path, problems)]
    events = [one for path in sorted(folder.glob("events/*.jsonl")) for one in _lines(path, problems)]
    for path in folder.glob("buffer*.jsonl"):
        _lines(path, problems)
    resources = _resources(folder, problems)
    problems += _item_problems(items, {event["id"] for event in events}, resources)
    problems += _event_problems(events, resources)
    problems += _category_problems(folder, {item["id"] for item in items})
    problems += [f"left behind: {path.relative_to(folder)}" for path in folder.rglob(".*.tmp")]
    problems += [f"left behind: {name}" for name in IN_FLIGHT if (folder / ".memu" / name).exists()]
    return problems


def stored_ids(folder: Path) -> Counter[str]:
    """How often each message id stands in resources and buffers."""
    found: Counter[str] = Counter()
    for path in [*folder.glob("resources/*/*/*.jsonl"), *folder.glob("buffer*.jsonl")]:
        found.update(json.loads(line)["id"] for line in path.read_bytes().splitlines() if line)
    return found


def _lines(path: Path, problems: list[str]) -> list[Any]:
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        problems.append(f"{path.name} has a torn tail")
    found = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        try:
            found += [json.loads(line)] if line else []
        except ValueError:
            problems.append(f"{path.name}:{number} does not parse")
    return found


def _resources(folder: Path, problems: list[str]) -> dict[str, int]:
    """Resource id -> how many lines it has."""
    found = {}
    for meta in folder.glob("resources/*/*/*.meta.json"):
        values = json.loads(meta.read_bytes())
        data = folder / values["file"]
        if not data.exists():
            problems.append(f"{values['file']} is not there")
            continue
        found[values["id"]] = len(_lines(data, problems)) if data.suffix == ".jsonl" else values["lines"]
    named = {path.name.partition(".")[0] for path in folder.glob("resources/*/*/*.meta.json")}
    for path in folder.glob("resources/*/*/*"):
        if path.name.partition(".")[0] not in named:
            problems.append(f"{path.name} has no meta file")
    return found


def _item_problems(items: list[Any], runs: set[str], resources: dict[str, int]) -> list[str]:
    problems = [f"item {item['id']} is of no run" for item in items if item["run"] not in runs]
    revisions = Counter((item["id"], item["rev"]) for item in items)
    problems += [f"item {one} twice" for one, count in revisions.items() if count > 1]
    latest = {item["id"]: item for item in sorted(items, key=lambda item: int(item["rev"]))}
    active = [item for item in latest.values() if item["status"] == "active"]
    texts = Counter((json.dumps(item.get("source"), sort_keys=True), item["text"]) for item in active)
    problems += [f"two active items say {one}" for one, count in texts.items() if count > 1]
    for item in active:
        source = item.get("source")
        if source and source["last"] > resources.get(source["resource"], 0):
            problems.append(f"item {item['id']} quotes what is not there")
    return problems


def _event_problems(events: list[Any], resources: dict[str, int]) -> list[str]:
    told = Counter(
        resource
        for event in events
        if event["kind"] == "memorize" and event.get("rev", 1) == 1
        for resource in event.get("resources", ())
    )
    problems = [f"{resource} has {count} events" for resource, count in told.items() if count > 1]
    return problems + [f"no event tells of {resource}" for resource in resources if resource not in told]


def _category_problems(folder: Path, items: set[str]) -> list[str]:
    problems = []
    ids: Counter[str] = Counter()
    for path in folder.glob("categories/*.md"):
        found = BLOCK_ID.findall(path.read_text("utf-8"))
        ids.update(found)
        problems += [f"{path.name} names ^{one}, which is no item" for one in found if one not in items]
    return problems + [
        f"^{one} stands {count} times in the profile" for one, count in ids.items() if count > 1
    ]
