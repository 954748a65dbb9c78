"""Writers and readers at a server that is killed under them, and what is in its store afterwards."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from http_load import Client, Refused, Server, envelope, user_path

READERS = 4
READ_PAUSE_SECONDS = 0.02
RETRY_PAUSE_SECONDS = 0.25
BUSY_USERS = 50
"""Half of all that is said is said by so many of the users."""
FLUSHES_AT_ONCE = 8
TRY_AGAIN = (429, 503)
_MARK = re.compile(rb"\bmark(\d+-\d+-\d+)\b")

WORDS = """tea river garden sister guitar Lisbon painting Tuesday bakery mountain bicycle camera dog novel
train winter kitchen friend museum piano harbour market lemon coat festival island letter meadow""".split()


def sentence(mark: str, seed: str | int) -> str:
    """Some 25 words, as a person may say them, with `mark` among them."""
    chance = random.Random(seed)
    one, two, three, four = chance.sample(WORDS, 4)
    return (
        f"I {chance.choice(['like', 'bought', 'painted', 'saw'])} the {one} near the {two} with my {three},"
        f" and {mark} is what we called it when {four} came up on day {chance.randint(1, 28)} of the journey."
    )


@dataclass(frozen=True)
class Load:
    server: Server
    writers: int
    users: int
    seconds: float
    kills: int


@dataclass
class Found:
    """What came of a load. `sent` are marks by user: whether each was acknowledged."""

    times: dict[str, list[float]] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    sent: dict[str, dict[bytes, bool]] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)

    @property
    def acknowledged(self) -> int:
        return sum(sum(marks.values()) for marks in self.sent.values())


async def load(how: Load) -> Found:
    found = Found()
    names = [f"user-{number}" for number in range(how.users)]
    started = perf_counter()
    await _each(how.server.port, names, lambda client, name: client.post("/api/v1/users", {"id": name}))
    found.figures["users made a second"] = round(how.users / (perf_counter() - started))
    over = asyncio.Event()
    work = [_write(how.server.port, number, names, found, over) for number in range(how.writers)]
    work += [_read(how.server.port, number, names, found, over) for number in range(READERS)]
    started = perf_counter()
    await asyncio.gather(_kill(how, found, over), *work)
    seconds = perf_counter() - started
    found.figures["acknowledged"] = found.acknowledged
    found.figures["acknowledged a second"] = round(found.acknowledged / seconds)
    found.figures["tries with no acknowledgement"] = sum(map(len, found.sent.values())) - found.acknowledged
    await _settle(how, found)
    check(how, found)
    return found


# -- the kills


async def _kill(how: Load, found: Found, over: asyncio.Event) -> None:
    """Kill and start again, at even distances; the end of all of it sets `over`."""
    peak, pause, downtimes = 0.0, how.seconds / (how.kills + 1), []
    for number in range(how.kills + 1):
        await asyncio.sleep(pause)
        peak = max(peak, how.server.rss() or 0)
        if number < how.kills:
            started = perf_counter()
            await asyncio.to_thread(_restart, how.server)
            downtimes.append(round(perf_counter() - started, 2))
    over.set()
    found.figures["kill -9"] = how.kills
    found.figures["from a kill to the next address, s"] = max(downtimes, default=0)
    found.figures["RSS at most, MB"] = round(peak)
    found.figures["open files"] = how.server.open_files()


def _restart(server: Server) -> None:
    server.kill()
    server.start()


# -- writers and readers


async def _write(port: int, number: int, names: list[str], found: Found, over: asyncio.Event) -> None:
    """One message after the other, each until it is acknowledged."""
    chance = random.Random(number)
    send = _insert if number % 2 else _add
    async with Client(port) as client:
        count = 0
        while not over.is_set():
            name = chance.choice(names[:BUSY_USERS] if chance.random() < 0.5 else names)
            await send(client, name, f"{number}-{count}", found, over)
            count += 1


async def _insert(client: Client, name: str, key: str, found: Found, over: asyncio.Event) -> None:
    """By Memobase's route, which has no key of the client's: each try says something else."""
    for attempt in range(10_000):
        mark = f"mark{key}-{attempt}"
        found.sent.setdefault(name, {})[mark.encode()] = False
        content = {"role": "user", "content": sentence(mark, key)}
        blob = {"blob_type": "chat", "blob_data": {"messages": [content]}}

        async def send(blob: dict[str, Any] = blob) -> None:
            envelope(await client.post(user_path("blobs/insert", name), blob))

        if await _tried(found, "insert (Memobase)", send):
            found.sent[name][mark.encode()] = True
            return
        if over.is_set():
            return


async def _add(client: Client, name: str, key: str, found: Found, over: asyncio.Event) -> None:
    """By the route of ours, with the message's own id and time: each try says the same, and counts once."""
    mark = f"mark{key}-0"
    found.sent.setdefault(name, {})[mark.encode()] = False
    now = datetime.now(UTC).isoformat()
    message = {"id": mark, "created_at": now, "role": "user", "content": sentence(mark, key)}

    async def send() -> None:
        await client.post(f"/v1/users/{name}/messages", {"messages": [message]})

    while not await _tried(found, "add (/v1)", send):
        if over.is_set():
            return
    found.sent[name][mark.encode()] = True


async def _read(port: int, number: int, names: list[str], found: Found, over: asyncio.Event) -> None:
    chance = random.Random(-number)
    async with Client(port) as client:
        while not over.is_set():
            name, word = chance.choice(names[:BUSY_USERS]), chance.choice(WORDS)

            async def context(name: str = name) -> None:
                envelope(await client.get(user_path("users/context", name), max_token_size=1000))

            async def search(name: str = name, word: str = word) -> None:
                envelope(await client.get(user_path("users/event/search", name), query=f"the {word}"))

            await _tried(found, *(("context", context), ("event search", search))[chance.randrange(2)])
            await asyncio.sleep(READ_PAUSE_SECONDS)


async def _tried(found: Found, name: str, send: Callable[[], Any]) -> bool:
    """Send, and note how long it took; False where there is no success, and a short wait behind it."""
    started = perf_counter()
    try:
        await send()
    except ConnectionError:
        found.refusals["connection"] += 1
    except Refused as error:
        found.refusals[str(error.status)] += 1
        if error.status not in TRY_AGAIN:
            found.problems.append(f"{name}: {error}")
    else:
        found.times.setdefault(name, []).append(perf_counter() - started)
        return True
    await asyncio.sleep(RETRY_PAUSE_SECONDS)
    return False


# -- afterwards


async def _settle(how: Load, found: Found) -> None:
    """Stop as an operator stops it, start again, and have all that is buffered read."""
    started = perf_counter()
    code = await asyncio.to_thread(how.server.stop)
    found.figures["SIGTERM to the end, s"] = round(perf_counter() - started, 2)
    if code:
        found.problems.append(f"told to stop, the server ends with code {code}")
    how.server.start()
    started = perf_counter()
    findings: list[str] = []

    async def flush(client: Client, name: str) -> None:
        report = await client.post(f"/v1/users/{name}/flush", {})
        if report["kept"]:
            findings.append(f"{name}: {report['kept']}")

    async def doctor(client: Client, name: str) -> None:
        for finding in await client.get(f"/v1/users/{name}/doctor"):
            findings.append(f"{name}: {finding}")

    names = sorted(found.sent)
    await _each(how.server.port, names, flush)
    found.figures["all flushed in, s"] = round(perf_counter() - started, 1)
    await _each(how.server.port, names, doctor)
    found.problems += findings
    await asyncio.to_thread(how.server.stop)
    found.problems += [f"log: {line}" for line in how.server.errors]


async def _each(port: int, names: list[str], work: Callable[[Client, str], Any]) -> None:
    """`work` for each name, so many at once."""
    rest = iter(names)

    async def some() -> None:
        async with Client(port) as client:
            for name in rest:
                await work(client, name)

    await asyncio.gather(*(some() for _ in range(FLUSHES_AT_ONCE)))


def check(how: Load, found: Found) -> None:
    """Every mark that was acknowledged is once in its user's resources, every other one once at most."""
    lost, doubled = [], []
    for name, marks in found.sent.items():
        folder = how.server.store / name
        counts = _marks(folder / "resources")
        lost += [f"{name} {mark.decode()}" for mark, known in marks.items() if known and not counts[mark]]
        doubled += [f"{name} {mark.decode()}" for mark in marks if counts[mark] > 1]
        doubled += [f"{name} {mark!r} is nobody's" for mark in counts if mark not in marks]
        if list(folder.glob("buffer*")):
            found.problems.append(f"{name}: something is buffered yet")
    found.figures["failed requests"] = ", ".join(f"{n} {kind}" for kind, n in found.refusals.items()) or 0
    found.figures["lost"], found.figures["doubled"] = len(lost), len(doubled)
    found.problems += [f"lost: {one}" for one in lost[:5]] + [f"doubled: {one}" for one in doubled[:5]]


def _marks(folder: Path) -> Counter[bytes]:
    """How often each mark stands in the content of a message."""
    counts: Counter[bytes] = Counter()
    for path in folder.rglob("*.jsonl"):
        for line in path.read_bytes().splitlines():
            said = json.loads(line)["content"].encode()
            counts.update(b"mark" + one for one in _MARK.findall(said))
    return counts
