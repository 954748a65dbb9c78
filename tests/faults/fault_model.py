"""What the processes of the fault tests do on the model path: a model of rules answers from the request."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fault_checks import check_files, stored_ids
from fault_jobs import USER, token
from fault_world import Death, FullDisk

from memu_like import MemoryService, UserMemory
from memu_like.chat import ChatReply, ChatRequest
from memu_like.edges.llm.scripted import ScriptedModel
from memu_like.errors import MemuLikeError

THINGS = {
    "boat": "activities/hobbies",
    "dog": "relationships/pets",
    "shop": "work_life/job",
    "street": "personal_info/residence",
    "band": "preferences/music",
    "club": "activities/sports",
}
BROKEN = "mumble"
"""A session with this word gets no usable reply before somebody mends the model."""
HOSTILE = [
    "../x",
    "../../outside",
    "20240101*",
    "202401*",
    "??????*",
    "202401[0-9]*",
    "../../../outside",
    "2024../../../../outside",
    "/etc/passwd",
    "20240101-100000-\x00",
    "20240101-100000-aaaaaaaa",
    "a" * 100_000,
    "",
    "..\\..\\outside",
]
"""Ids of resources that would be paths, or patterns, if anybody let them."""
_SAID = re.compile(r"^\[(\d+)\] .*My (\w+) is called (\w+)", re.MULTILINE)
_KNOWN = re.compile(r"^(k\d+) .*\b(\w+) is called (\w+)", re.MULTILINE)
Session = list[dict[str, str]]


def session(number: int, *, broken: bool = False) -> Session:
    """Two facts, which correct what earlier sessions said of the same things."""
    day = f"2024-{1 + number // 28:02d}-{1 + number % 28:02d}"
    names = list(THINGS)
    messages = []
    for part in (0, 1):
        thing = names[(number * 2 + part) % len(names)]
        text = f"My {thing} is called {token(number * 2 + part)} now."
        if broken and not part:
            text += f" {BROKEN}"
        created_at = f"{day}T10:0{part}:00+00:00"
        messages.append(
            {"role": "user", "content": text, "id": f"s{number}-{part}", "created_at": created_at}
        )
    return messages


def answer(request: ChatRequest, *, mended: bool) -> str:
    """Every fact that is said, as a correction of the known one of the same thing where there is one."""
    prompt = next(
        message.content for message in reversed(request.messages) if "Conversation:" in message.content
    )
    if BROKEN in prompt and not mended:
        return "no JSON at all"
    known = {thing: (handle, name) for handle, thing, name in _KNOWN.findall(prompt)}
    items = []
    for line, thing, name in _SAID.findall(prompt):
        item = {"text": f"The {thing} is called {name}.", "slot": THINGS[thing], "lines": [int(line)]}
        if thing in known and known[thing][1] != name:
            item |= {"known": known[thing][0], "bearing": "corrects"}
        items.append(item)
    return json.dumps({"items": items, "title": "Names", "summary": f"{len(items)} names are told."})


class RuleModel(ScriptedModel):
    """Answers by `answer`, after up to `slow` seconds. Asking and answering count as acts of `death`."""

    def __init__(self, *, mended: bool = False, death: Death | None = None, slow: float = 0.0) -> None:
        super().__init__(lambda request: answer(request, mended=mended))
        self._death, self._slow = death, slow

    async def chat(self, request: ChatRequest) -> ChatReply:
        if self._death:
            self._death.act()
        await asyncio.sleep(random.uniform(0, self._slow))
        return await super().chat(request)


def run(
    place: str | Path,
    work: Callable[[UserMemory], Awaitable[Any]],
    model: ScriptedModel | None,
    **settings: Any,
) -> Any:
    async def inside() -> Any:
        async with MemoryService(place, model=model, **settings) as service:
            return await work(service.user(USER))

    return asyncio.run(inside())


# -- work that is killed

Steps = list[list[Any]]


async def _step(user: UserMemory, kind: str, numbers: list[int], broken: list[int]) -> list[str]:
    """Returns the ids of the messages that the step took in."""
    messages = [one for number in numbers for one in session(number, broken=number in broken)]
    if kind == "add":
        await user.add(messages)
    elif kind == "memorize":
        await user.memorize(messages)
    elif kind == "dry run":
        await user.flush(dry_run=True)
    else:
        await user.flush(retry=kind == "retry")
    return [message["id"] for message in messages]


def model_steps(
    place: str, steps: Steps, broken: list[int], acks: str = "", mended: bool = False, **death: Any
) -> int:
    """Do the steps, each [kind, session numbers], noting in `acks` what was acknowledged; returns acts."""
    watched = Death(place, **death)
    handle = os.open(acks, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600) if acks else None
    watched.watch()

    async def work(user: UserMemory) -> None:
        for kind, *numbers in steps:
            ids = await _step(user, kind, numbers, broken)
            if handle is not None:
                os.write(handle, json.dumps(ids).encode() + b"\n")

    run(place, work, RuleModel(mended=mended, death=watched))
    return watched.acts


def model_refused(place: str, steps: Steps, broken: list[int], at: int, count: int) -> list[list[str]]:
    """Do the steps on a disk that refuses acts, each again until it is done; returns the refusals."""
    disk = FullDisk(place, at, count)
    disk.watch()
    errors: list[list[str]] = []

    async def work(user: UserMemory) -> None:
        for kind, *numbers in steps:
            for _ in range(count + 1):
                try:
                    await _step(user, kind, numbers, broken)
                    break
                except MemuLikeError as error:
                    errors.append([type(error).__name__, str(error)])

    run(place, work, RuleModel())
    return errors


def model_attempt(place: str) -> dict[str, Any]:
    """Memorize, flush and a dry run where nothing can be written."""
    model = RuleModel()
    errors: list[list[str]] = []
    shown: list[str] = []

    async def work(user: UserMemory) -> None:
        for call in (user.memorize(session(20)), user.flush(retry=True)):
            try:
                await call
            except MemuLikeError as error:
                errors.append([type(error).__name__, str(error)])
        shown.append(f"asked {len(model.requests)} times")
        report = await user.memorize(session(20), dry_run=True)
        shown.extend([*(one.op for one in report.operations), *report.degraded])

    run(place, work, model)
    return {"errors": errors, "shown": shown}


# -- looking at what is left


def model_recover(
    place: str,
    acknowledged: list[str],
    steps: Steps,
    broken: list[int],
    *,
    lost: bool = False,
    compared: bool = True,
) -> dict[str, Any]:
    """What a fresh process finds, once it has flushed, and once all was sent again with a mended model."""
    problems: list[str] = []

    async def flush(user: UserMemory) -> None:
        await user.flush()
        problems.extend(await _look(place, user, acknowledged, "after a flush", waiting=True))

    async def again(user: UserMemory) -> dict[str, Any]:
        for kind, *numbers in steps:
            if kind in ("add", "memorize"):
                await _step(user, kind, numbers, broken)
        await user.flush(retry=True)
        problems.extend(await _look(place, user, acknowledged, "at the end", waiting=False))
        return await contents(user)

    if acknowledged or Path(place, USER, "user.json").exists():
        run(place, flush, RuleModel())
    found = run(place, again, RuleModel(mended=True))
    if compared:
        problems += asyncio.run(_agrees(Path(place)))
    if lost:  # see `fault_kills.ORPHAN`
        problems = [one for one in problems if "no meta file" not in one]
    return {"problems": problems, **found}


async def contents(user: UserMemory) -> dict[str, Any]:
    """What memory holds, without ids of runs and times of writing."""
    items = await user.items(status="all")
    shown = await user.profile()
    return {
        "items": sorted(
            f"{one.id} {one.rev} {one.status} {one.topic}/{one.slot} {one.text}" for one in items
        ),
        "events": sorted(
            f"{event.time} {event.kind} {event.summary} {event.resources} {sorted(event.items)}"
            for event in await user.events()
        ),
        "profile": sorted(
            f"{topic}/{slot}: {entry.text} ^{entry.id}"
            for topic, slots in shown.items()
            for slot, entries in slots.items()
            for entry in entries
        ),
    }


async def _look(place: str, user: UserMemory, ids: list[str], when: str, *, waiting: bool) -> list[str]:
    folder = Path(place, USER)
    problems = check_files(folder)
    kept = json.loads((folder / ".memu/pending.json").read_bytes()) if _pending(folder) else []
    if waiting:
        of_kept = [f"no event tells of {one['resource']}" for one in kept]
        problems = [one for one in problems if one not in of_kept]
    elif kept:
        problems.append(f"still waiting: {kept}")
    counts = stored_ids(folder)
    problems += [f"{one} is lost" for one in ids if not counts[one]]
    problems += [f"{one} is there {count} times" for one, count in counts.items() if count > 1]
    problems += await _whole_runs(user)
    found = [str(one) for one in await user.doctor() if one.level != "note"]
    problems += [one for one in found if not (waiting and "waits for a language model" in one)]
    return [f"{when}: {one}" for one in problems]


def _pending(folder: Path) -> bool:
    return (folder / ".memu/pending.json").exists()


async def _whole_runs(user: UserMemory) -> list[str]:
    """Each session tells two facts: an event has both, and no fact stands there without its event."""
    events = [event for event in await user.events() if event.kind == "memorize"]
    lines = Counter(item.source.resource for item in await user.items(status="all") if item.source)
    problems = []
    for event in events:
        for resource in event.resources:
            if lines.pop(resource, 0) != 2:
                problems.append(f"the run on {resource} is not whole")
    return problems + [f"{resource} has items and no event" for resource in lines]


async def _agrees(place: Path) -> list[str]:
    """The index as it is, against one made anew from the files."""
    asked = [f"what is the {thing} called" for thing in THINGS]

    async def answers(store: Path, *, anew: bool) -> list[Any]:
        async with MemoryService(store) as service:
            user = service.user(USER)
            if anew:
                await user.reindex()
            found = [await user.retrieve(query) for query in asked]
        return [[(hit.place, hit.text) for hit in one.hits] for one in found]

    with tempfile.TemporaryDirectory() as other:
        copy = Path(shutil.copytree(place, Path(other, "store")))
        pairs = zip(asked, await answers(place, anew=False), await answers(copy, anew=True), strict=True)
        return [
            f"the index disagrees with a new one on {query!r}" for query, ours, new in pairs if ours != new
        ]


# -- processes at once


def model_worker(place: str, numbers: list[int], slow: float = 0.01, **settings: Any) -> dict[str, Any]:
    """Memorize sessions, two a call; returns the resources asked for, by their first name, and the errors."""
    model = RuleModel(slow=slow)
    errors: list[list[str]] = []

    async def work(user: UserMemory) -> None:
        for start in range(0, len(numbers), 2):
            chosen = [one for number in numbers[start : start + 2] for one in session(number)]
            try:
                await user.memorize(chosen)
            except MemuLikeError as error:
                errors.append([type(error).__name__, str(error)])

    run(place, work, model, **settings)
    asked = [_SAID.findall(request.messages[-1].content)[0][2] for request in model.requests]
    return {"asked": asked, "errors": errors}


def model_editor(place: str, numbers: list[int], seed: int, steps: int) -> dict[str, Any]:
    """With no model: add, flush, rewrite, delete, write, forget; returns what was forgotten, and errors."""
    chooser = random.Random(seed)
    forgotten: list[str] = []
    errors: list[list[str]] = []

    async def step(user: UserMemory, number: int) -> None:
        kind = ("add", "flush", "edit", "delete", "write", "forget")[number % 6]
        items = await user.items()
        if kind == "add":
            await user.add(session(numbers[number // 6]))
        elif kind == "flush":
            await user.flush()
        elif kind == "write":
            await user.add_item(f"Note {seed}-{number}.", topic="preferences", slot="food")
        elif kind == "edit" and items:
            item = chooser.choice(items)
            await user.update_item(item.id, text=f"{item.text} So it is.", expected=item.text)
        elif kind == "delete" and items:
            await user.delete_item(chooser.choice(items).id)
        elif kind == "forget":
            resource = chooser.choice(await user.resources())
            lines = await user.resource_lines(resource.id)
            await user.forget_resource(resource.id)
            forgotten.extend(json.loads(line)["id"] for line in lines)

    async def work(user: UserMemory) -> None:
        for number in range(steps):
            try:
                await step(user, number)
            except MemuLikeError as error:
                errors.append([type(error).__name__, str(error)])

    run(place, work, None)
    return {"forgotten": forgotten, "errors": errors}
