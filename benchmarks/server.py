"""The server alone, under load and killed under it, and its memory: `make bench-server`.

The server is `memu-like serve` in a process of its own, with fsync on, no model and its default settings; its
clients are in this process, on the same machine. Parts:

- alone: one client, one request after the other. Inserts go to ten users, whose buffers are flushed in the
  background meanwhile; contexts and searches are of three users with 1,000 items each.
- load: 200 writers on 1,000 users, each sending its next message when the one before is acknowledged, and
  four readers. Half of all goes to 50 of the users, so that their buffers are flushed again and again. The
  server is killed (SIGKILL) five times and started again at once. In the end it is told to stop, all is
  flushed, and the files are read: what was acknowledged must be there once, what was not, once at most.
- memory: users come one after the other, each with a message and a context.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from common import save, show_machine, table
from http_load import Client, Server, envelope, user_path
from server_load import Load, load, sentence
from speed import messages, queries

PARTS = ("alone", "load", "memory")
ITEMS, OLD = 1000, 3
"""Items of each of so many users that are read."""
INSERTS, READS, WARM = 400, 200, 10
INSERT_FLOOR, CONTEXT_FLOOR = 5.0, 10.0
TOUCHED = (100, 1_000, 5_000, 10_000)
CLIENTS = 16
GROWTH_FLOOR = 1.25
"""The memory of the server at all users against that at the first tenth: bounded caches fill meanwhile."""
Times = dict[str, list[float]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--parts", default=",".join(PARTS), help="some of them, with commas between")
    parser.add_argument("--seconds", type=float, default=60, help="of load")
    parser.add_argument("--writers", type=int, default=200)
    parser.add_argument("--users", type=int, default=1000, help="that are written to under load")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--touched", type=int, default=TOUCHED[-1], help="users, for the memory")
    parser.add_argument("--json", type=Path, help="where to write the results")
    given = parser.parse_args()
    given.parts = [part for part in PARTS if part in given.parts.split(",")]
    if not given.parts:
        parser.error(f"the parts are {', '.join(PARTS)}")
    return given


# -- one client alone


async def alone(server: Server) -> Times:
    times: Times = {}
    async with Client(server.port) as client:
        await _prepare(client)
        await _measure_inserts(client, times)
        await _measure_reads(client, times)
    return times


async def _prepare(client: Client) -> None:
    """Users with ITEMS items or some more, and ten to insert for."""
    for number in range(OLD):
        await client.post("/api/v1/users", {"id": f"old{number}"})
        for batch in messages(round(ITEMS * 1.4), seed=number):
            await client.post(f"/v1/users/old{number}/memorize", {"messages": batch})
    for number in range(10):
        await client.post("/api/v1/users", {"id": f"new{number}"})


async def _measure_inserts(client: Client, times: Times) -> None:
    async def insert(number: int) -> None:
        blob = {"blob_type": "chat", "blob_data": {"messages": [_said(number)]}}
        envelope(await client.post(user_path("blobs/insert", f"new{number % 10}"), blob))

    async def add(number: int) -> None:
        await client.post(f"/v1/users/new{number % 10}/messages", {"messages": [_said(number)]})

    async def context(_: int) -> None:
        envelope(await client.get(user_path("users/context", "new0")))

    await _repeat(times, "insert (Memobase)", INSERTS, insert)
    await _repeat(times, "add (/v1)", INSERTS, add)
    for number in range(READS // 2):
        await insert(number * 10)
        await _repeat(times, "context right after an insert", 1, context)


def _said(number: int) -> dict[str, str]:
    return {"role": "user", "content": sentence(f"n{number}", number)}


async def _measure_reads(client: Client, times: Times) -> None:
    asked = queries()

    def chats(number: int) -> str:
        return f'[{{"role": "user", "content": "{asked[number]}"}}]'

    async def at(name: str, path: str, query: Callable[[int], dict[str, object]]) -> None:
        async def read(number: int) -> None:
            envelope(await client.get(user_path(path, f"old{number % OLD}"), **query(number)))

        await _repeat(times, name, READS, read)

    async def retrieve(number: int) -> None:
        await client.post(f"/v1/users/old{number % OLD}/retrieve", {"query": asked[number]})

    await at("context", "users/context", lambda _: {"max_token_size": 1000})
    await at("context about chats", "users/context", lambda n: {"chats_str": chats(n)})
    await at("profile", "users/profile", lambda _: {})
    await at("profile about chats", "users/profile", lambda n: {"chats_str": chats(n)})
    await at("event search", "users/event/search", lambda n: {"query": asked[n]})
    await at("event gist search", "users/event_gist/search", lambda n: {"query": asked[n]})
    await _repeat(times, "retrieve (/v1)", READS, retrieve)


async def _repeat(times: Times, name: str, count: int, work: Callable[[int], Awaitable[None]]) -> None:
    if name not in times:
        for number in range(min(WARM, count)):
            await work(number)
    for number in range(count):
        started = perf_counter()
        await work(number)
        times.setdefault(name, []).append(perf_counter() - started)


def percentile(times: list[float], share: float) -> float:
    """In ms."""
    ordered = sorted(times)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 2)


FLOORS = {"insert (Memobase)": INSERT_FLOOR, "add (/v1)": INSERT_FLOOR, "context": CONTEXT_FLOOR}
ALONE = ["one client alone", "n", "p50, ms", "p99, ms", "p50 at most", ""]


def alone_rows(times: Times) -> list[list[Any]]:
    rows = []
    for name, found in times.items():
        middle, floor = percentile(found, 0.5), FLOORS.get(name)
        verdict = "" if floor is None else _verdict(middle <= floor)
        rows.append([name, len(found), middle, percentile(found, 0.99), floor or "", verdict])
    return rows


def _verdict(held: bool) -> str:
    return "held" if held else "MISSED"


# -- memory


async def touch(server: Server, count: int) -> list[list[Any]]:
    rows = []
    numbers = iter(range(count))
    done = 0
    for stage in sorted({min(one, count) for one in (*TOUCHED, count)}):
        started = perf_counter()
        await asyncio.gather(*(_touch_some(server.port, numbers, stage) for _ in range(CLIENTS)))
        rate = round((stage - done) / (perf_counter() - started))
        rows.append([f"{stage:,}", _rounded(server.rss()), server.open_files(), rate])
        done = stage
    return rows


async def _touch_some(port: int, numbers: Any, until: int) -> None:
    async with Client(port) as client:
        while True:
            number = next(numbers, None)
            if number is None:
                return
            name = f"user-{number}"
            envelope(await client.post("/api/v1/users", {"id": name}))
            blob = {"blob_type": "chat", "blob_data": {"messages": [_said(number)]}}
            envelope(await client.post(user_path("blobs/insert", name), blob))
            envelope(await client.get(user_path("users/context", name)))
            if number >= until - CLIENTS:
                return


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)


MEMORY = ["users touched", "RSS of the server, MB", "open files", "users/s"]


# -- all


def main() -> int:
    given = arguments()
    show_machine()
    began = perf_counter()
    result: dict[str, Any] = {}
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        for part in given.parts:
            place = Path(scratch) / part
            place.mkdir()
            with Server(place / "store", place / "log") as server:
                print()
                PART[part](server, given, result, missed)
    result["seconds"] = round(perf_counter() - began, 1)
    print(f"\n{result['seconds']} s" + "".join(f"\nMISSED: {one}" for one in missed))
    save(given.json, {**result, "missed": missed})
    return 1 if missed else 0


def _run_alone(server: Server, given: argparse.Namespace, result: dict[str, Any], missed: list[str]) -> None:
    rows = alone_rows(asyncio.run(alone(server)))
    table(ALONE, rows)
    result["alone"] = [dict(zip(ALONE[:-1], row[:-1], strict=True)) for row in rows]
    missed += [f"{row[0]}: p50 {row[2]} ms" for row in rows if row[-1] == "MISSED"]


def _run_load(server: Server, given: argparse.Namespace, result: dict[str, Any], missed: list[str]) -> None:
    found = asyncio.run(load(Load(server, given.writers, given.users, given.seconds, given.kills)))
    before = {row["one client alone"]: row for row in result.get("alone", ())}
    rows = []
    for name, times in found.times.items():
        one = before.get(name, {})
        rows.append(
            [
                name,
                len(times),
                percentile(times, 0.5),
                percentile(times, 0.99),
                one.get("p50, ms", ""),
                one.get("p99, ms", ""),
            ]
        )
    table(LOADED, rows)
    print()
    table(["what came of it", ""], list(found.figures.items()))
    result["load"] = [dict(zip(LOADED, row, strict=True)) for row in rows]
    result["kills"] = found.figures
    missed += found.problems


LOADED = ["under load", "n", "p50, ms", "p99, ms", "alone p50", "alone p99"]


def _run_memory(server: Server, given: argparse.Namespace, result: dict[str, Any], missed: list[str]) -> None:
    rows = asyncio.run(touch(server, given.touched))
    table(MEMORY, rows)
    result["memory"] = [dict(zip(MEMORY, row, strict=True)) for row in rows]
    if rows[-1][1] is not None and len(rows) > 2:
        growth = rows[-1][1] / rows[1][1]
        print(f"RSS at {rows[-1][0]} users is {growth:.2f} of that at {rows[1][0]}: ", end="")
        print(_verdict(growth <= GROWTH_FLOOR))
        if growth > GROWTH_FLOOR:
            missed.append(f"memory grows with the users: {growth:.2f}")


PART = {"alone": _run_alone, "load": _run_load, "memory": _run_memory}


if __name__ == "__main__":
    sys.exit(main())
