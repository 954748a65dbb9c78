"""Every benchmark that `make` names starts: what it imports of the package is where it looks for it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMED = sorted(set(re.findall(r"benchmarks/(\w+)\.py", (ROOT / "Makefile").read_text("utf-8"))))


def test_make_names_some() -> None:
    assert len(NAMED) > 5


@pytest.mark.parametrize("name", NAMED)
def test_a_benchmark_says_what_it_takes(name: str) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "--json" in done.stdout
