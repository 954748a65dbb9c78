"""What the processes of the fault tests do; each function is called in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from fault_checks import check_files, stored_ids
from fault_world import Death

from memu_like import MemoryService
from memu_like.chat import ChatRequest
from memu_like.edges.llm.scripted import ScriptedModel
from memu_like.errors import MemuLikeError

USER = "mara"
PLACES = ("harbour", "mountain hut", "library", "night market", "lighthouse", "orchard", "station", "museum")
FRIENDS = ("Ines", "Jakub", "Leila", "Tomas", "Wanda", "Yusuf")
DOINGS = (
    "I moved to a flat near the {place} with {friend} and my dog {token}.",
    "My sister {friend} works at the {place}, and her boat is called {token}.",
    "I love swimming behind the {place}; {friend} taught me the {token} stroke.",
    "Last Friday {friend} and I cooked {token} stew at the {place}.",
    "I am allergic to {token} nuts, so {friend} never serves them in the {place}.",
    "My goal is to finish the {token} course at the {place} with {friend} by June.",
)

Message = dict[str, str]


def token(number: int) -> str:
    """A word that stands in one message only, made of letters so that no tokenizer cuts it."""
    letters = "".join("bdfgklmnprtvz"[int(digit)] + "aeiou"[int(digit) % 5] for digit in f"{number:04d}")
    return f"zy{letters}"


def message(number: int, prefix: str = "m") -> Message:
    chooser = random.Random(number)
    text = DOINGS[number % len(DOINGS)].format(
        place=chooser.choice(PLACES), friend=chooser.choice(FRIENDS), token=token(number)
    )
    day, hour = 1 + number // 24 % 28, number % 24
    return {
        "role": "user",
        "content": text,
        "id": f"{prefix}{number}",
        "created_at": f"2024-{1 + number // 672 % 12:02d}-{day:02d}T{hour:02d}:05:00+00:00",
    }


def warm_up() -> None:
    """Fill what the modules cache for the whole process, so that forks need not."""
    with tempfile.TemporaryDirectory() as place:
        run_steps(place, [["memorize", 0, 6], ["add", 6, 2], ["flush"]], str(Path(place, "acks")))
        asyncio.run(_found(place, [1]))


def _run(place: str, work: Callable[[Any], Coroutine[Any, Any, Any]], **settings: Any) -> Any:
    async def inside() -> Any:
        async with MemoryService(place, **settings) as service:
            return await work(service)

    return asyncio.run(inside())


# -- work that is killed


def run_steps(place: str, steps: list[list[Any]], acks: str, **death: Any) -> int:
    """Do the steps, noting each in the file `acks` once it was acknowledged; returns the acts on the disk.

    A step is ["add", first, count], ["memorize", first, count], ["flush"], ["sync"], ["edit"] or ["forget"].
    """
    handle = os.open(acks, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    watched = Death(place, **death)
    watched.watch()

    async def work(service: MemoryService) -> None:
        user = service.user(USER)
        for kind, *range_ in steps:
            batch = [message(n) for n in range(range_[0], sum(range_))] if range_ else []
            done: dict[str, Any] = {"step": kind, "ids": [one["id"] for one in batch]}
            if kind == "add":
                await user.add(batch)
            elif kind == "memorize":
                await user.memorize(batch)
            elif kind == "flush":
                await user.flush()
            elif kind == "sync":
                await user.sync()
            elif kind == "edit":
                item = (await user.items())[0]
                done["item"] = (await user.update_item(item.id, text=f"{item.text} So it is.")).id
            else:
                resource = (await user.resources())[0]
                lines = await user.resource_lines(resource.id)
                await user.forget_resource(resource.id)
                done["forgotten"] = [json.loads(line)["id"] for line in lines]
            os.write(handle, json.dumps(done).encode() + b"\n")

    _run(place, work)
    return watched.acts


# -- a reorganisation that is killed

PETS = (
    "I have a guinea pig named Oscar who loves carrots.",
    "My guinea pig Oscar, a quiet pet, is afraid of owls.",
    "My cat Pip hates the vacuum cleaner.",
    "My dog Rufus sleeps under the kitchen table.",
    "My sister Ottilie lives in Porto.",
)
OSCAR = "I have a quiet pet guinea pig, Oscar, who loves carrots and is afraid of owls."
TOPIC = "relationships"


def _order(request: ChatRequest) -> str:
    """Merge what is said of Oscar, move the cat, leave out the sister."""
    lines = [line.split(" | ") for line in request.messages[1].content.splitlines() if " | " in line]
    of = {name: [line[0] for line in lines if name in line[-1]] for name in ("Oscar", "Pip", "Ottilie")}
    operations = [
        {"op": "new_slot", "entries": [], "slot": "cats", "text": "her cats"},
        {"op": "merge", "entries": of["Oscar"], "text": OSCAR, "slot": "pets"},
        {"op": "move", "entries": of["Pip"], "text": "", "slot": "cats"},
        {"op": "hide", "entries": of["Ottilie"], "text": "", "slot": ""},
    ]
    return json.dumps({"operations": operations, "summary": "Oscar, Pip and Rufus."})


def memorize_pets(place: str) -> None:
    async def work(service: MemoryService) -> None:
        for text in PETS:
            await service.user(USER).memorize([{"role": "user", "content": text}])

    _run(place, work)


def reorganise(place: str, **death: Any) -> int:
    """Returns the acts on the disk."""
    watched = Death(place, **death)
    watched.watch()

    async def work(service: MemoryService) -> None:
        await service.user(USER).reorganise([TOPIC])

    _run(place, work, model=ScriptedModel(_order))
    return watched.acts


def reorganised(place: str) -> dict[str, Any]:
    """What stands in the folder once its next writer has been there, and what is wrong with it."""

    async def work(service: MemoryService) -> dict[str, Any]:
        user = service.user(USER)
        await user.flush()
        items = {item.id: item for item in await user.items(status="all")}
        shown = {entry.id: slot for slot, found in (await user.profile())[TOPIC].items() for entry in found}
        return {
            "problems": check_files(Path(place, USER)) + [str(finding) for finding in await user.doctor()],
            "texts": sorted(
                f"{one.status} {one.shown} {one.rev} {one.slot}: {one.text}" for one in items.values()
            ),
            "profile": sorted(f"{slot}: {items[one].text}" for one, slot in shown.items() if one),
        }

    return dict(_run(place, work))


# -- looking at what is left


def recover(
    place: str, acknowledged: list[str], forgotten: list[str], resend: list[list[Any]], queries: int = 0
) -> list[str]:
    """Open the folder in this new process as its user would, and say what is wrong with it."""
    ids = [one for one in acknowledged if one not in forgotten]
    return asyncio.run(_recover(place, ids, resend, queries))


async def _recover(place: str, ids: list[str], resend: list[list[Any]], queries: int) -> list[str]:
    problems: list[str] = []
    async with MemoryService(place) as service:
        user = service.user(USER)
        if ids:
            problems += await _search(user, ids, "before any write")
        await user.flush()
        problems += await _look(Path(place), user, ids, "after a flush")
        if queries:
            problems += await _agrees(Path(place), queries)
        for kind, first, count in resend:
            batch = [message(n) for n in range(first, first + count)]
            await (user.add(batch) if kind == "add" else user.memorize(batch))
            ids = list(dict.fromkeys([*ids, *(one["id"] for one in batch)]))
        if resend:
            await user.flush()
            problems += await _look(Path(place), user, ids, "after all was sent again")
    return problems


async def _look(place: Path, user: Any, ids: list[str], when: str) -> list[str]:
    folder = place / USER
    problems = check_files(folder)
    counts = stored_ids(folder)
    problems += [f"{one} is lost" for one in ids if not counts[one]]
    problems += [f"{one} is there {count} times" for one, count in counts.items() if count > 1]
    problems += [f"doctor: {one}" for one in await user.doctor() if one.level != "note"]
    problems += await _search(user, ids, "")
    return [f"{when}: {problem}" for problem in problems]


async def _search(user: Any, ids: list[str], when: str) -> list[str]:
    chosen = ids if len(ids) <= 8 else random.Random(len(ids)).sample(ids, 8)
    problems = []
    for one in chosen:
        found = await user.retrieve(f"what about {token(int(one[1:]))}", top_k=20)
        times = sum(one in hit.message_ids for hit in found.hits)
        if times != 1:
            problems.append(f"{when} search finds {one} {times} times")
    return problems


async def _found(place: str, numbers: list[int]) -> list[bool]:
    async with MemoryService(place) as service:
        results = [await service.user(USER).retrieve(token(n)) for n in numbers]
    return [bool(result.hits) for result in results]


async def _agrees(place: Path, queries: int) -> list[str]:
    """The index that the crash left and a run caught up, against one made anew from the files."""
    asked = [f"{friend} and the {spot}" for friend in FRIENDS for spot in PLACES][:queries]
    with tempfile.TemporaryDirectory() as other:
        copy = Path(other, "store")
        shutil.copytree(place, copy)
        async with MemoryService(copy) as fresh:
            await fresh.user(USER).reindex()
        answers = [await _answers(where, asked) for where in (place, copy)]
    return [
        f"the index disagrees with a new one on {query!r}"
        for query, ours, theirs in zip(asked, *answers, strict=True)
        if ours != theirs
    ]


async def _answers(place: Path, asked: list[str]) -> list[list[tuple[str, str]]]:
    async with MemoryService(place) as service:
        results = [await service.user(USER).retrieve(query) for query in asked]
    return [[(hit.place, f"{hit.score:.3f}") for hit in result.hits] for result in results]


# -- many processes


def add_many(place: str, prefix: str, count: int, flush_every: int) -> list[str]:
    """Add messages one by one, running on them now and then; returns the acknowledged ids."""
    acknowledged: list[str] = []

    async def work(service: MemoryService) -> None:
        user = service.user(USER)
        for number in range(count):
            one = message(number, prefix)
            await user.add([one])
            acknowledged.append(one["id"])
            if flush_every and number % flush_every == flush_every - 1:
                await user.flush()

    _run(place, work)
    return acknowledged


def memorize_one(place: str, first: int, count: int) -> list[str]:
    """Memorize one conversation; returns the resources."""

    async def work(service: MemoryService) -> list[str]:
        report = await service.user(USER).memorize([message(n) for n in range(first, first + count)])
        return list(report.resources)

    found: list[str] = _run(place, work)
    return found


def hold_lock(place: str, ready: str) -> None:
    """Take the folder's lock, say so, and keep it until killed."""
    from memu_like.edges.folder import UserFolder

    folder = UserFolder(Path(place), USER)
    with folder.lock():
        Path(ready).write_text("held")
        while True:
            os.read(os.pipe()[0], 1)


# -- what an operation says when it cannot


def attempt(
    place: str,
    operations: list[list[Any]],
    user_id: int | None = None,
    limit: int | None = None,
    **settings: Any,
) -> list[Any]:
    """Try operations one after the other; of each what it returned, or the error's class and line.

    `user_id`: as this user of the system; `limit`: with files of at most so many bytes.
    """
    if limit is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    if user_id is not None:
        os.setgid(user_id)
        os.setuid(user_id)
    answers: list[Any] = []

    async def work(service: MemoryService) -> None:
        user = service.user(USER)
        for kind, *values in operations:
            try:
                answers.append(await _operation(user, kind, values))
            except MemuLikeError as error:
                answers.append([type(error).__name__, str(error), error.exit_code])

    _run(place, work, **settings)
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return answers


async def _operation(user: Any, kind: str, values: list[Any]) -> Any:
    if kind == "add":
        return await user.add([message(n) for n in range(*values)])
    if kind == "flush":
        return (await user.flush()).messages
    if kind == "memorize":
        return (await user.memorize([message(n) for n in range(*values)])).messages
    if kind == "search":
        found = await user.retrieve(token(values[0]))
        return [one for hit in found.hits for one in hit.message_ids]
    if kind == "profile":
        return len(await user.profile())
    return [str(one) for one in await user.doctor() if one.level != "note"]
