"""Running the command line in a test: in this process, and in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent

MESSAGES: list[dict[str, Any]] = [
    {
        "role": "user",
        "name": "Maya",
        "content": "I adopted a guinea pig named Oscar last Friday.",
        "created_at": "2023-05-08T13:56:00Z",
        "id": "m1",
    },
    {
        "role": "assistant",
        "content": "How lovely! What does he like?",
        "created_at": "2023-05-08T13:57:00Z",
    },
    {
        "role": "user",
        "name": "Maya",
        "content": "My sister Rosa paints [red]horses[/red] and \x1b[31mfoxes\x1b[0m \u202ein oil.",
        "created_at": "2023-05-08T13:58:00Z",
        "id": "m2",
    },
    {
        "role": "user",
        "name": "Maya",
        "content": "I moved to a small flat in Lisbon with two friends, Ines and Tomás, who both "
        "work as nurses at the hospital by the river, and we share a garden.",
        "created_at": "2023-06-01T13:58:00Z",
        "id": "m3",
    },
]


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


def shell(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command line in a process of its own."""
    return subprocess.run(
        command_line(*arguments), capture_output=True, text=True, timeout=60, **with_environment(options)
    )


def command_line(*arguments: str) -> list[str]:
    return [
        sys.executable,
        "-c",
        "import sys; from memu_like.faces.cli import main; sys.exit(main())",
        *arguments,
    ]


def with_environment(options: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MEMU_LIKE_")}
    python_path = os.pathsep.join([str(ROOT), kept.get("PYTHONPATH", "")])
    return {**options, "env": {**kept, "PYTHONPATH": python_path, **options.get("env", {})}}
