"""A person's editor saves a category file every 50 ms while 200 runs write it: no save of either is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from editor import own_lines
from fault_jobs import USER, message, token

from memu_like import MemoryService
from memu_like.service import UserMemory

RUNS = 200
SECONDS = 0.05
FILE = "relationships.md"
EDITOR = Path(__file__).parent / "editor.py"


def said(number: int) -> dict[str, str]:
    """About a sister, so that all are placed in one slot, and no two are alike."""
    return message(number) | {"content": f"My {token(number + 4000)} sister is called {token(number)}."}


class Editor:
    def __init__(self, path: Path, log: Path, how: str) -> None:
        self._log = log
        self._process = subprocess.Popen(
            [sys.executable, str(EDITOR), str(path), str(log), how, str(SECONDS)], stdin=subprocess.PIPE
        )

    def end(self) -> list[list[str]]:
        """Its own lines at each save."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait() == 0
        return [json.loads(line) for line in self._log.read_text().splitlines()]


async def _edit_while_running(tmp_path: Path, user: UserMemory, how: str) -> list[list[str]]:
    await user.memorize([said(RUNS)])
    editor = Editor(user.folder.root / "categories" / FILE, tmp_path / "saves", how)
    for number in range(RUNS):
        await user.memorize([said(number)])
    saves = editor.end()
    await user.sync()
    return saves


async def _not_active(user: UserMemory) -> list[int]:
    """The numbers of messages that no active item tells of, or more than one."""
    texts = [item.text for item in await user.items()]
    return [number for number in range(RUNS) if sum(token(number) in text for text in texts) != 1]


async def _not_found(user: UserMemory) -> list[int]:
    """The numbers of items that the profile does not show and a search does not find."""
    shown = (user.folder.root / "categories" / FILE).read_text()
    hidden = [number for number in range(RUNS) if token(number) not in shown]
    found = {number: await user.retrieve(token(number), top_k=5) for number in hidden}
    return [n for n, result in found.items() if not any(token(n) in hit.text for hit in result.hits)]


@pytest.mark.parametrize("how", ["in place", "rename"])
async def test_no_save_is_lost(tmp_path: Path, how: str) -> None:
    async with MemoryService(tmp_path / "store") as service:
        user = service.user(USER)
        saves = await _edit_while_running(tmp_path, user, how)
        standing = own_lines((user.folder.root / "categories" / FILE).read_text())
        assert standing == saves[-1]
        outdated, hidden = await _not_active(user), await _not_found(user)
    assert len(saves) >= 20
    # What was written between the editor's read and its save is in neither of them deleted.
    assert (outdated, hidden) == ([], [])
    print(f"\n{how}: {len(saves)} saves, {RUNS} runs")
