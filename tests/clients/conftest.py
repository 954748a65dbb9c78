"""`memu-like serve` as a process of its own, for clients that others have written."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
COMMAND = "import sys; from memu_like.faces.cli import main; sys.exit(main())"
TOKEN = "secret"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server over an empty store; its token is TOKEN."""
    store = tmp_path_factory.mktemp("served") / "store"
    log = store.parent / "log"
    arguments = [sys.executable, "-c", COMMAND, "serve", "--port", "0", "--store", str(store)]
    with log.open("wb") as errors:
        process = subprocess.Popen([*arguments, "--token", TOKEN], cwd=ROOT, stdout=errors, stderr=errors)
        try:
            yield _address(process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(30)
    assert code == 0, log.read_text("utf-8")
    assert "Traceback" not in log.read_text("utf-8")


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """What the server says, once it listens."""
    while process.poll() is None:
        found = re.search(r"at (http://\S+?);", log.read_text("utf-8"))
        if found:
            return found[1]
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(log.read_text("utf-8"))
