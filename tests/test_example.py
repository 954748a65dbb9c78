"""The example folder in memory_store/ is what the code makes of its chat today."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from memu_like import MemoryService, Settings

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "memory_store" / "iris"
# What differs from one build to the next: when it was made, and the random part of a run's id.
MOMENT = re.compile(r'"(?:created_at|stored_at)": ?"[^"]*"|"run":"[^"]*"|^updated_at: .*$', re.MULTILINE)


def builder() -> ModuleType:
    place = ROOT / "scripts" / "build_example.py"
    spec = importlib.util.spec_from_file_location("build_example", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def texts(folder: Path) -> dict[str, str]:
    """Path -> text of each file that is not derived, without what changes from build to build."""
    found = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and ".memu" not in relative.parts:
            text = path.read_text("utf-8")
            if relative.parts[0] == "events":
                text = re.sub(r'"id":"\d{14}-[0-9a-f]{8,10}"', '"id":"run"', text)
            found[relative.as_posix()] = text if relative.suffix == ".txt" else MOMENT.sub("", text)
    return found


async def test_the_example_folder_is_what_its_chat_gives(tmp_path: Path) -> None:
    built = await builder().build(tmp_path)
    assert texts(built) == texts(EXAMPLE), "run scripts/build_example.py"


async def test_the_example_answers(tmp_path: Path) -> None:
    built = await builder().build(tmp_path)
    assert json.loads((built / "user.json").read_text())["user_id"] == "iris"
    async with MemoryService(Settings(store=tmp_path)) as memory:
        result = await memory.user("iris").retrieve("What is the name of her tortoise?", top_k=3)
    assert "Tempo" in result.hits[0].text
    assert result.hits[0].message_ids == ("e8",)


@pytest.mark.parametrize("name", ["categories", "events", "items", "resources"])
def test_the_example_shows_each_layer(name: str) -> None:
    assert any((EXAMPLE / name).rglob("*.*"))
