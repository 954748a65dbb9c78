"""The files are the truth: without `.memu/` and after a reindex, every search gives the same."""

from __future__ import annotations

import json
import random
import re
import shutil
from importlib import resources
from pathlib import Path

import pytest

from memu_like.config import Settings
from memu_like.errors import NotFound
from memu_like.service import MemoryService, UserMemory

SAMPLE = (resources.files("memu_like") / "data" / "sample" / "chat.jsonl").read_text(encoding="utf-8")
QUERIES = 200


def queries() -> list[str]:
    """Words of the sample, two to five of them, and a few that no sample has."""
    pick = random.Random(7)
    words = sorted(set(re.findall(r"\w{3,}", SAMPLE)))
    letters = "abcdefghijklmnopqrstuvwxyz 上周五游泳"
    made = [" ".join(pick.choices(words, k=pick.randint(2, 5))) for _ in range(QUERIES - 20)]
    return made + ["".join(pick.choices(letters, k=12)).strip() or "x" for _ in range(20)]


async def filled(user: UserMemory) -> None:
    """Several runs, with edits, deletions, a forgotten resource and messages that wait in between."""
    messages = [json.loads(line) for line in SAMPLE.splitlines() if line.strip()]
    third = len(messages) // 3
    await user.memorize(messages[:third])
    items = await user.items()
    for item in items[:6:2]:
        await user.update_item(item.id, text=f"{item.text} Or so it was.")
    await user.update_item(items[2].id, text="A second thought about the harbour.")
    await user.memorize(messages[third : 2 * third])
    for item in items[7:13:2]:
        await user.delete_item(item.id)
    await user.add_item("Keeps a diary about the harbour", topic="habits", slot="writing")
    await user.forget_resource((await user.resources())[1].id)
    await user.memorize(messages[2 * third : -4])
    await user.add(messages[-4:])


async def searched(user: UserMemory) -> list[list[tuple[str, int, str, tuple[str, ...]]]]:
    found = [await user.retrieve(query, top_k=10) for query in queries()]
    return [[(h.path, h.line, f"{h.score:.3f}", h.item_ids) for h in result.hits] for result in found]


async def scores(user: UserMemory) -> list[float]:
    return [hit.score for query in queries() for hit in (await user.retrieve(query, top_k=10)).hits]


@pytest.mark.parametrize("embedder", ["static", "none"])
async def test_deleting_what_is_derived_changes_no_search(tmp_path: Path, embedder: str) -> None:
    settings = Settings(store=tmp_path, embedder=embedder)
    async with MemoryService(settings) as service:
        user = service.user("mara")
        await filled(user)
        before, values = await searched(user), await scores(user)
        assert sum(map(len, before)) > 5 * QUERIES
        shutil.rmtree(tmp_path / "mara" / ".memu")
        stats = await user.reindex()
        assert stats.rows > 100
        after = await scores(user)
        assert await searched(user) == before
        assert after == pytest.approx(values, abs=1e-4)
        assert await user.doctor() == [] or {f.level for f in await user.doctor()} == {"note"}
    shutil.rmtree(tmp_path / "mara" / ".memu")
    async with MemoryService(settings) as service:
        assert await searched(service.user("mara")) == before, "before anything is saved, too"


async def test_reindex_reports_progress_and_saves(caroline: UserMemory, store: Path) -> None:
    told: list[tuple[str, int, int]] = []
    stats = await caroline.reindex(lambda what, done, total: told.append((what, done, total)))
    assert told == [("indexing", 1, 2), ("indexing", 2, 2)]
    assert stats.segments == 1
    assert len(list((store / "caroline" / ".memu" / "index").glob("*.seg"))) == 1


async def test_reindex_of_an_unknown_user_makes_nothing(tmp_path: Path) -> None:
    async with MemoryService(Settings(store=tmp_path / "store")) as service:
        with pytest.raises(NotFound):
            await service.user("nobody").reindex()
    assert not (tmp_path / "store").exists()
