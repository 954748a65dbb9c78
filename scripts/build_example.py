"""Build the example folder that stands in memory_store/: `python scripts/build_example.py [STORE]`.

tests/test_example.py builds it again and compares, so run this when the format or the extraction changes.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

from memu_like import MemoryService, Settings

ROOT = Path(__file__).parent.parent
CHAT = ROOT / "tests" / "data" / "example_chat.jsonl"
USER = "iris"


async def build(store: Path) -> Path:
    """Memorize the example chat into a fresh folder of `store`, and return the folder."""
    folder = store / USER
    if folder.exists():
        shutil.rmtree(folder)
    async with MemoryService(Settings(store=store)) as memory:
        await memory.init()
        await memory.user(USER).memorize(CHAT)
    return folder


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "memory_store"
    built = asyncio.run(build(target))
    shutil.rmtree(built / ".memu")
    print(f"built {built}")
