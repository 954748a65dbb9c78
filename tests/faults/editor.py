"""A person's editor, as a process of its own: it saves one file every so often, and logs what it saved.

`python editor.py FILE LOG HOW SECONDS`. HOW is how it saves, "in place" (truncate and write) or "rename"
(write beside, and rename), and with ", stale" it reloads what stands there before every tenth edit only, as
editors without auto-reload do; else before each. It edits its own bullets: one that counts, and new ones.
It ends when its standard input does. The log holds one JSON list of its own lines for each save.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from pathlib import Path

OWN = "quoll"
OWNED = (f"## {OWN}", f"- The {OWN}")
"""How the editor's own lines begin; the machine's summary line may quote them."""


def own_lines(text: str) -> list[str]:
    """The editor's lines, without the ids that they were given."""
    return [line.partition(" ^")[0] for line in text.splitlines() if line.startswith(OWNED)]


def edited(text: str, number: int) -> str:
    lines = text.splitlines(keepends=True)
    counts = [at for at, line in enumerate(lines) if line.startswith(f"- The {OWN} counts")]
    if not counts:
        return f"{text.rstrip()}\n\n## {OWN}\n- The {OWN} counts {number}.\n"
    line = lines[counts[0]]
    tail = line[line.index(".") + 1 :]
    lines[counts[0]] = f"- The {OWN} counts {number}.{tail}"
    if number % 10 == 0:
        lines.insert(counts[0] + 1, f"- The {OWN} notes {number}.\n")
    return "".join(lines)


def save(path: Path, text: str, how: str) -> None:
    if how.startswith("rename"):
        beside = path.with_name(f".{path.name}.swp")
        beside.write_text(text)
        beside.replace(path)
    else:
        with path.open("w") as file:
            file.write(text)


def main(path: Path, log: Path, how: str, seconds: float) -> None:
    number, text = 0, ""
    with log.open("w", buffering=1) as told:
        while True:
            if not text or "stale" not in how or number % 10 == 9:
                text = path.read_text()
            number += 1
            text = edited(text, number)
            save(path, text, how)
            told.write(json.dumps(own_lines(text)) + "\n")
            ready, _, _ = select.select([sys.stdin], [], [], seconds)
            if ready and not os.read(0, 1):
                return
            time.sleep(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], float(sys.argv[4]))
