"""Put the category file that the demo writes into README.md, where a comment names it."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path

from memu_like.config import Settings
from memu_like.service import MemoryService

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "memu_like" / "data" / "sample"
SHOWN = re.compile(r"(<!-- file: (\S+) -->\n```markdown\n).*?(^```$)", re.M | re.S)


async def demo_folder(store: Path) -> Path:
    async with MemoryService(Settings(store=store)) as memory:
        for name in ("chat.jsonl", "notes.md"):
            await memory.user("maya").memorize((SAMPLE / name).read_bytes(), name=name)
    return store / "maya"


def main() -> None:
    readme = ROOT / "README.md"
    with tempfile.TemporaryDirectory() as store:
        folder = asyncio.run(demo_folder(Path(store)))
        text = SHOWN.sub(
            lambda m: m[1] + (folder / m[2]).read_text("utf-8") + m[3], readme.read_text("utf-8")
        )
    readme.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
