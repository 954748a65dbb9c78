"""Memobase's own client for JavaScript, as npm has it, run by node at a server process: each method."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGE = "@memobase/memobase@0.0.18"
SCRIPT = Path(__file__).parent / "node" / "each_method.cjs"
TOKEN = "secret"


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, installed; skips where there is no node, or no registry to be reached."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("there is no node with npm here")
    place = tmp_path_factory.mktemp("node")
    flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0", "--fetch-timeout=20000"]
    try:
        ran = subprocess.run(
            [npm, "install", "--prefix", str(place), *flags, PACKAGE],
            capture_output=True,
            text=True,
            timeout=120,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm could not install {PACKAGE} within two minutes")
    if ran.returncode:
        pytest.skip(f"npm could not install {PACKAGE}: {ran.stderr.strip().splitlines()[-1:]}")
    return place / "node_modules"


def test_each_method(server: str, modules: Path) -> None:
    ran = subprocess.run(
        ["node", str(SCRIPT), server, TOKEN],
        env={**os.environ, "NODE_PATH": str(modules)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "25 methods\n"
