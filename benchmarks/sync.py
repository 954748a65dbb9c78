"""What taking in edits by hand costs, in a folder of 10,000 entries: `make bench-sync`.

A sync of one edited file, a sync of nothing, what committing to git adds to a run's own time (two stores in
one process, in turn), and the CPU of a watch while nothing happens. Beside them the re-index of the same edit
by basic-memory and memsearch, where these are installed: each a command of its own that keeps its index in a
folder of its own, so their times hold the start of a process, and memu-like's command is timed the same way.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import perf_counter
from typing import Any

from common import save, show_machine, table

from memu_like.config import Settings
from memu_like.service import MemoryService, UserMemory

USER = "bench"
BATCH = 2_000
ROUNDS, PAIRS = 60, 80
MS_OF_SYNC, MS_OF_NOTHING, MS_OF_COMMIT, CPU_OF_WATCH = 50.0, 20.0, 5.0, 0.2
"""The bounds: milliseconds at the median, and seconds of CPU in a minute."""
UNBOUNDED = 10_000_000
"""Tokens of a category file: all entries stand in the files."""
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
SAYINGS = (
    "My {} sister is called {}.",
    "I work at {} as a {} engineer.",
    "I love the music of {} and {}.",
    "I was born in {} near {}.",
    "My goal is to run from {} to {} next year.",
    "I usually have {} with {} for breakfast.",
    "I learnt at school how {} makes {}.",
    "I play the {} in a club called {}.",
    "I think that {} is better than {}.",
    "Last summer I travelled from {} to {}.",
)

COMMAND = "from memu_like.faces.cli import main; main()"
WATCH = """
import asyncio, resource, sys
from memu_like.config import Settings
from memu_like.service import MemoryService
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
async def main():
    async with MemoryService(Settings(store=sys.argv[1]), watch=True):
        await asyncio.sleep(3)
        began = cpu()
        await asyncio.sleep(float(sys.argv[2]))
        print(cpu() - began)
asyncio.run(main())
"""


def name(number: int) -> str:
    """A word that stands nowhere else."""
    parts = []
    for _ in range(3):
        number, rest = divmod(number, len(SYLLABLES))
        parts.append(SYLLABLES[rest])
    return "".join(parts).capitalize()


def messages(first: int, count: int) -> list[dict[str, Any]]:
    """Statements about different things, so that none is the same as another."""
    return [
        {
            "role": "user",
            "id": f"m{number}",
            "content": SAYINGS[number % len(SAYINGS)].format(name(2 * number), name(2 * number + 1)),
            "created_at": f"2024-{1 + number // 1000 % 12:02d}-{1 + number // 36 % 28:02d}T10:00:00+00:00",
        }
        for number in range(first, first + count)
    ]


def settings(store: Path, **more: Any) -> Settings:
    return Settings(
        store=store, category_budget_tokens=UNBOUNDED, slot_budget_tokens=UNBOUNDED, reorganise=False, **more
    )


async def fill(user: UserMemory, entries: int) -> int:
    """Memorize until the files show so many entries; returns how many they show."""
    first = shown = 0
    while shown < entries:
        await user.memorize(messages(first, BATCH))
        first += BATCH
        shown = sum(len(slot) for slots in (await user.profile()).values() for slot in slots.values())
    return shown


async def timed(work: Callable[[], Awaitable[Any]]) -> float:
    """Milliseconds."""
    started = perf_counter()
    await work()
    return (perf_counter() - started) * 1000


def quantiles(times: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "p50": round(statistics.median(ordered), 2),
        "p95": round(ordered[int(len(ordered) * 0.95)], 2),
        "worst": round(ordered[-1], 2),
    }


def edit(path: Path, chance: random.Random, number: int) -> None:
    """A person rewords one entry and writes a new one."""
    lines = path.read_text("utf-8").splitlines()
    bullets = [at for at, line in enumerate(lines) if line.startswith("- ") and " ^" in line]
    at = chance.choice(bullets)
    text, _, block = lines[at].rpartition(" ^")
    lines[at] = f"{text}, and that is number {number} ^{block}"
    lines.insert(at + 1, f"- A new one is called {name(100_000 + number)}.")
    path.write_text("\n".join(lines) + "\n", "utf-8")


async def measure_sync(user: UserMemory, rounds: int) -> dict[str, dict[str, float]]:
    chance = random.Random(5)
    files = sorted((user.folder.root / "categories").glob("*.md"))
    await user.sync()
    edited, nothing = [], []
    for number in range(rounds):
        edit(files[number % len(files)], chance, number)
        report = None

        async def sync() -> None:
            nonlocal report
            report = await user.sync()

        edited.append(await timed(sync))
        assert report is not None
        assert len(report.edits) == 2, report.edits
        nothing.append(await timed(user.sync))
    return {"one edited file": quantiles(edited), "nothing changed": quantiles(nothing)}


async def measure_commit(scratch: Path, pairs: int) -> dict[str, dict[str, float]]:
    """The same runs in a store with git and in one without, in turn; the first few warm both up."""
    times: dict[str, list[float]] = {"on": [], "off": []}
    opened = {how: MemoryService(settings(scratch / how, git=how)) for how in times}
    await opened["on"].init(git=True)
    await opened["off"].init()
    for number in range(pairs + 5):
        for how in ("on", "off") if number % 2 else ("off", "on"):
            user = opened[how].user(USER)
            batch = messages(3 * number, 3)
            milliseconds = await timed(lambda user=user, batch=batch: user.memorize(batch))
            if number >= 5:
                times[how].append(milliseconds)
            await opened[how].committed()
    for service in opened.values():
        await service.close()
    log = await asyncio.to_thread(
        subprocess.run,
        ["git", "-C", str(scratch / "on"), "log", "--oneline"],
        capture_output=True,
        check=True,
    )
    assert len(log.stdout.splitlines()) > pairs, "the runs were not committed one by one"
    found = {f"git {how}": quantiles(values) for how, values in times.items()}
    differences = [on - off for on, off in zip(times["on"], times["off"], strict=True)]
    return {**found, "difference of pairs": quantiles(differences)}


def measure_watch(store: Path, seconds: float) -> float:
    done = subprocess.run(
        [sys.executable, "-c", WATCH, str(store), str(seconds)], capture_output=True, text=True, check=True
    )
    return round(float(done.stdout), 3)


# -- beside others

DIMENSIONS = 1536
MEMSEARCH = (
    *("memsearch", "index", ".", "--provider", "openai", "--model", "text-embedding-3-small"),
    *("--api-key", "none", "--base-url", "{server}", "--milvus-uri", "{home}/index.db"),
)
PEERS: dict[str, tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]] = {
    # name: (commands that index a folder for the first time, the command that takes an edit in)
    "memsearch": ((MEMSEARCH,), MEMSEARCH),
    "basic-memory": (
        (
            ("basic-memory", "project", "add", "bench", "."),
            ("basic-memory", "reindex", "--project", "bench"),
        ),
        ("basic-memory", "reindex", "--project", "bench"),
    ),
}


class Embeddings(BaseHTTPRequestHandler):
    """An endpoint that embeds at once: what a peer's embedding model would take is not in its time."""

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
        texts = [given] if isinstance(given, str) else given
        vectors = [[random.Random(str(text)).uniform(-1, 1)] + [0.01] * (DIMENSIONS - 1) for text in texts]
        data = [{"object": "embedding", "index": n, "embedding": v} for n, v in enumerate(vectors)]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        body = json.dumps({"object": "list", "data": data, "model": "none", "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tables are printed."""


@contextmanager
def embeddings() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Embeddings)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def measure_peer(peer: str, notes: Path, home: Path, rounds: int) -> dict[str, Any]:
    """Seconds of the command that takes in one edited file; why not, where it does not run."""
    program = shutil.which(peer)
    if program is None:
        return {"not measured": "not installed here"}
    first, again = PEERS[peer]
    environment = {**os.environ, "HOME": str(home), "HF_HUB_OFFLINE": "1"}

    def run(command: Sequence[str], server: str) -> float:
        filled = [part.format(server=server, home=home) for part in command[1:]]
        started = perf_counter()
        done = subprocess.run(
            [program, *filled], cwd=notes, env=environment, capture_output=True, text=True, timeout=900
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
            raise RuntimeError(f"{' '.join(command[:2])} ended with {done.returncode}: {said[-1]}")
        return perf_counter() - started

    chance, files = random.Random(5), sorted(notes.glob("*.md"))
    try:
        with embeddings() as server:
            indexing = sum(run(command, server) for command in first)
            seconds = []
            for number in range(rounds):
                edit(files[number % len(files)], chance, number)
                seconds.append(run(again, server))
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return {"not measured": str(error)}
    return {"first index": round(indexing, 2), "one edited file": round(statistics.median(seconds), 2)}


def measure_command(store: Path, rounds: int) -> float:
    """Seconds of `memu-like sync` as a process of its own, which the commands of others are beside."""
    chance, files = random.Random(6), sorted((store / USER / "categories").glob("*.md"))
    seconds = []
    for number in range(rounds):
        edit(files[number % len(files)], chance, 10_000 + number)
        started = perf_counter()
        subprocess.run(
            [sys.executable, "-c", COMMAND, "sync", "-s", str(store), "-u", USER],
            capture_output=True,
            check=True,
        )
        seconds.append(perf_counter() - started)
    return round(statistics.median(seconds), 2)


# -- all of it


async def measure(scratch: Path, given: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    store = scratch / "store"
    async with MemoryService(settings(store)) as service:
        user = service.user(USER)
        found["entries"] = await fill(user, given.entries)
        found["sync, ms"] = await measure_sync(user, given.rounds)
    found["commit, ms"] = await measure_commit(scratch / "commits", given.pairs)
    found["watch"] = {"seconds": given.watch, "CPU seconds": measure_watch(store, given.watch)}
    notes = scratch / "notes"
    shutil.copytree(store / USER / "categories", notes)
    found["commands, s"] = {"memu-like": {"one edited file": measure_command(store, 5)}}
    for peer in PEERS:
        copy, home = scratch / f"{peer}-notes", scratch / f"{peer}-home"
        shutil.copytree(notes, copy)
        home.mkdir()
        found["commands, s"][peer] = measure_peer(peer, copy, home, 5)
    return found


def rows(found: dict[str, Any]) -> list[list[Any]]:
    watch = found["watch"]
    share = watch["seconds"] / 60
    figures = [
        ("sync of one edited file, p50", found["sync, ms"]["one edited file"]["p50"], MS_OF_SYNC, "ms"),
        ("sync of nothing, p50", found["sync, ms"]["nothing changed"]["p50"], MS_OF_NOTHING, "ms"),
        (
            "what a commit adds to a run, p50",
            found["commit, ms"]["difference of pairs"]["p50"],
            MS_OF_COMMIT,
            "ms",
        ),
        (f"CPU of an idle watch, {watch['seconds']:g} s", watch["CPU seconds"], CPU_OF_WATCH * share, "s"),
    ]
    return [
        [what, f"{value:g} {unit}", f"{bound:g} {unit}", "held" if value <= bound else "MISSED"]
        for what, value, bound, unit in figures
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--watch", type=float, default=60.0, help="seconds that the watch is idle")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    show_machine()
    with tempfile.TemporaryDirectory() as scratch:
        found = asyncio.run(measure(Path(scratch), given))
    print(f"\n{found['entries']:,} entries\n")
    told = rows(found)
    table(["", "measured", "bound", ""], told)
    print()
    details = [[n, *v.values()] for kind in ("sync, ms", "commit, ms") for n, v in found[kind].items()]
    table(["ms", "p50", "p95", "worst"], details)
    print("\nas commands, with the start of a process; median of 5")
    for what, figures in found["commands, s"].items():
        print(f"  {what}: " + ", ".join(f"{key} {value}" for key, value in figures.items()))
    save(given.json, {"figures": [row[:4] for row in told], **found})
    return int(any(row[3] == "MISSED" for row in told))


if __name__ == "__main__":
    sys.exit(main())
