"""Speed and size at 1,000, 10,000 and 100,000 messages, with no model and with fsync on: `make bench-speed`.

Each size is memorized into a fresh folder, 2,000 messages a call; then each question is retrieved in this
process, the folder is opened and asked in new ones, and its index is rebuilt. The text is generated: the
words of the shipped sample, drawn by their frequency, in sentences with dates, names and numbers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from time import perf_counter
from typing import Any

from common import save, show_machine, table

from memu_like.config import Settings
from memu_like.service import MemoryService

BATCH = 2_000
QUERIES = 200
OPENINGS = [
    "I went to",
    "We talked about",
    "My sister likes",
    "Last week I saw",
    "I usually have",
    "Tomorrow is",
]

ASK = """
import asyncio, json, sys, time
began = time.perf_counter()
from memu_like.config import Settings
from memu_like.service import MemoryService
async def main():
    async with MemoryService(Settings(store=sys.argv[1])) as memory:
        result = await memory.user("bench").retrieve(sys.argv[2])
        first = time.perf_counter() - began
        status = open("/proc/self/status").read() if sys.platform == "linux" else ""
        rss = [int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")]
        print(json.dumps({"first": first, "hits": len(result.hits), "rss": rss[0] if rss else None}))
asyncio.run(main())
"""


def words() -> tuple[list[str], list[int]]:
    """Words of the sample with a Zipf-like tail, so that the vocabulary grows as that of talk does."""
    text = (resources.files("memu_like") / "data" / "sample" / "chat.jsonl").read_text("utf-8")
    counts: dict[str, int] = {}
    for word in re.findall(r"[a-zA-Z]{2,}", text):
        counts[word] = counts.get(word, 0) + 1
    tail = {f"{a}{b}": 1 for a in list(counts)[:120] for b in ("ville", "son", "berg", "ia", "ton", "wood")}
    counts |= tail
    return list(counts), list(counts.values())


def messages(count: int, seed: int = 7) -> Iterator[list[dict[str, Any]]]:
    """`count` messages of two people in sessions of about 20, an hour to three days apart, in batches."""
    chance = random.Random(seed)
    vocabulary, weights = words()
    now = datetime(2015, 1, 1, 9, tzinfo=UTC)
    batch: list[dict[str, Any]] = []
    for number in range(count):
        gap = timedelta(hours=chance.randint(7, 14)) if number % 20 == 0 else timedelta(seconds=40)
        now += gap
        body = " ".join(chance.choices(vocabulary, weights, k=chance.randint(6, 24)))
        text = f"{chance.choice(OPENINGS)} {body}{chance.choice(['.', '.', '.', '?', '!'])}"
        if number % 11 == 0:
            text += f" It was on {now:%d %B}."
        speaker = "Ada" if number % 2 else "Bo"
        batch.append(
            {
                "id": f"m{number}",
                "role": "user",
                "name": speaker,
                "content": text,
                "created_at": now.isoformat(),
            }
        )
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def queries() -> list[str]:
    chance = random.Random(3)
    vocabulary, weights = words()
    forms = ["When did Ada {}?", "What does Bo say about {}?", "{}", "Where is {} in March?"]
    return [
        chance.choice(forms).format(" ".join(chance.choices(vocabulary, weights, k=chance.randint(2, 6))))
        for _ in range(QUERIES)
    ]


async def timed(work: Callable[[], Any]) -> float:
    started = perf_counter()
    await work()
    return perf_counter() - started


async def measure(store: Path, count: int) -> dict[str, Any]:
    result: dict[str, Any] = {"messages": count}
    async with MemoryService(Settings(store=store)) as memory:
        user = memory.user("bench")
        await memory.user("warm").memorize("Ada: I like tea.\nBo: I like rain.\n", format="transcript")
        seconds = 0.0
        for batch in messages(count):
            seconds += await timed(lambda batch=batch: user.memorize(batch))
        result["memorize, turns/s"] = round(count / seconds)
        asked = queries()
        for query in asked[:10]:
            await user.retrieve(query)
        times = sorted([await timed(lambda query=query: user.retrieve(query)) for query in asked])
        result["retrieve p50, ms"] = round(statistics.median(times) * 1000, 2)
        result["retrieve p95, ms"] = round(times[int(len(times) * 0.95)] * 1000, 2)
        stats = await user.stats()
        result["items"] = stats.items["active"]
        added = [
            await timed(lambda n=n: user.add({"role": "user", "content": f"note {n}"})) for n in range(30)
        ]
        result["add p50, ms"] = round(statistics.median(added) * 1000, 2)
        await user.flush()
    first = [ask(store, query) for query in queries()[:5]]
    result["open + first query, s"] = round(statistics.median(f["first"] for f in first), 3)
    result["RSS of a reader, MB"] = round(max(f["rss"] or 0 for f in first))
    async with MemoryService(Settings(store=store)) as memory:
        result["reindex, s"] = round(await timed(memory.user("bench").reindex), 2)
    result["peak RSS of all this, MB"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return result


def ask(store: Path, query: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(store), query], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def import_seconds() -> float:
    code = "import time; t = time.perf_counter(); import memu_like; print(time.perf_counter() - t)"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(7)
    ]
    return statistics.median(float(run.stdout) for run in runs)


def plot(results: list[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(11, 3.2))
    sizes = [r["messages"] for r in results]
    panels = ["retrieve p50, ms", "open + first query, s", "RSS of a reader, MB"]
    for axis, name in zip(axes, panels, strict=True):
        axis.plot(sizes, [r[name] for r in results], marker="o")
        axis.set_xscale("log")
        axis.set_ylim(bottom=0)
        axis.set_title(name)
        axis.set_xlabel("messages")
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    print(f"drawn: {path}")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="an .svg or .png file; needs matplotlib")
    options = parser.parse_args()
    show_machine()
    results = []
    for size in options.sizes.split(","):
        with tempfile.TemporaryDirectory() as store:
            results.append(await measure(Path(store), int(size)))
            print(json.dumps(results[-1]), flush=True)
    imported = round(import_seconds(), 3)
    names = [name for name in results[0] if name != "messages"]
    table(["", *(f"{r['messages']:,}" for r in results)], [[n, *(r[n] for r in results)] for n in names])
    print(f"import memu_like: {imported} s")
    save(options.json, {"results": results, "import_seconds": imported})
    if options.plot:
        plot(results, options.plot)


if __name__ == "__main__":
    asyncio.run(main())
