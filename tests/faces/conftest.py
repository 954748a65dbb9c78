from __future__ import annotations

import io
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from command_running import MESSAGES, Ran, Run, shell

from memu_like.faces.cli import main


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and none of our variables."""
    monkeypatch.chdir(tmp_path)
    for key in [key for key in os.environ if key.startswith("MEMU_LIKE_")]:
        monkeypatch.delenv(key)
    for key in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(key, raising=False)
    return tmp_path


@pytest.fixture
def run(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in this process; `stdin` is what is piped in."""

    def go(*arguments: str, stdin: bytes | str = b"") -> Ran:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
        capsys.readouterr()
        code = main(arguments)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return go


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds the messages for user maya; made once, copied by `store`."""
    place = tmp_path_factory.mktemp("filled")
    chat = place / "chat.jsonl"
    chat.write_text("".join(json.dumps(message) + "\n" for message in MESSAGES), "utf-8")
    done = shell("memorize", str(chat), "-u", "maya", "-s", str(place / "memory_store"))
    assert done.returncode == 0, done.stderr
    return place / "memory_store"


@pytest.fixture
def store(here: Path, filled: Path) -> Path:
    shutil.copytree(filled, here / "memory_store")
    return here / "memory_store"
