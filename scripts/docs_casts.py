"""The pictures in docs/editing.md: real commands on a real folder, in a pseudo-terminal, drawn as SVG.

    python scripts/docs_casts.py [DIRECTORY]        default: docs/casts

Ids, commits and the time are what differs from one run to the next: they are replaced by fixed ones, so that
a test can hold the pictures to what the commands print.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parent.parent
COLUMNS = 88
SECONDS = 30.0
"""That any one step may take."""
CHAT = (
    ("2023-05-08T13:56:00Z", "I adopted a guinea pig named Oscar last Friday."),
    ("2023-05-08T13:57:00Z", "My grandmother Ilse sends me a letter every Christmas."),
)
FILE = "memory_store/maya/categories/relationships.md"
REWORDED = f"sed -i '/^- /s/last Friday/who loves hay/' {FILE}"
ADDED = f"echo '- Sings alto in a choir.' >> {FILE}"
IDS = ("k3f9q2ma", "p2m8aa4c", "w7d5hx2n", "t9c4rb6e", "h2v8ny3q", "b6s1zj7u")
COMMITS = ("5a1c9e2", "b07d3f8", "e94c610", "2f8b7d5", "7c30ea4", "d156b9f")
RUNS = ("20231022095501-1f0c9a3e", "20231022100214-7b52d08c41", "20231022100931-c4e81f6a95")
DAY, CLOCK = "2023-10-22", "10:02:14"


@dataclass(slots=True)
class Cast:
    """A picture: what was typed and what came of it, with colours."""

    name: str
    title: str
    lines: list[Text] = field(default_factory=list)

    def typed(self, command: str) -> None:
        self.lines.append(Text.assemble(("$ ", "bold green"), (command, "bold")))

    def said(self, comment: str) -> None:
        self.lines.append(Text(f"# {comment}", style="italic bright_black"))

    def printed(self, output: str) -> None:
        self.lines += Text.from_ansi(output.replace("\r\n", "\n").rstrip("\n")).split("\n", allow_blank=True)

    def svg(self) -> str:
        console = Console(
            record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, legacy_windows=False
        )
        for line in self.lines:
            console.print(line, soft_wrap=False)
        # Nothing is fetched from elsewhere to show it.
        code_format = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.S)
        return console.export_svg(title=self.title, code_format=code_format, unique_id=self.name)


# -- the folder and the terminal


@contextmanager
def world() -> Iterator[tuple[Path, Mapping[str, str]]]:
    """An empty folder, and an environment in which `memu-like` is this one and nothing else is set."""
    with tempfile.TemporaryDirectory() as place:
        here = Path(place)
        tools, home, work = here / "bin", here / "home", here / "work"
        for folder in (tools, home, work):
            folder.mkdir()
        program = tools / "memu-like"
        program.write_text(
            f"#!/bin/sh\nexec {sys.executable} -c "
            "'import sys; from memu_like.faces.cli import main; sys.exit(main())' \"$@\"\n"
        )
        program.chmod(0o755)
        (home / ".gitconfig").write_text("[user]\n\tname = Maya\n\temail = maya@example.org\n")
        lines = [{"role": "user", "name": "Maya", "content": text, "created_at": when} for when, text in CHAT]
        (work / "chat.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        yield (
            work,
            {
                "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(home),
                "PYTHONPATH": str(ROOT),
                "TERM": "xterm-256color",
                "COLUMNS": str(COLUMNS),
                "LANG": "C.UTF-8",
                "TZ": "UTC",
            },
        )


class Terminal:
    """A command in a pseudo-terminal; what it prints is read as it comes."""

    def __init__(self, command: str, here: Path, environment: Mapping[str, str]) -> None:
        self._reading, writing = pty.openpty()
        fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            ["sh", "-c", command],
            cwd=here,
            env=dict(environment),
            stdin=writing,
            stdout=writing,
            stderr=writing,
            start_new_session=True,
        )
        os.close(writing)

    def read(self, until: Callable[[str], bool]) -> str:
        """What is printed until `until` says so, or to the end."""
        found, ends = b"", time.monotonic() + SECONDS
        while not until(found.decode("utf-8", "replace")):
            left = ends - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"nothing more came after {found!r}")
            if select.select([self._reading], [], [], left)[0]:
                try:
                    piece = os.read(self._reading, 65536)
                except OSError:  # Linux says so where no writer is left
                    break
                if not piece:
                    break
                found += piece
        return found.decode("utf-8", "replace")

    def end(self) -> str:
        rest = self.read(lambda _: False)
        self.process.wait(SECONDS)
        os.close(self._reading)
        return rest


def run(command: str, here: Path, environment: Mapping[str, str]) -> str:
    terminal = Terminal(command, here, environment)
    output = terminal.end()
    if terminal.process.returncode:
        raise SystemExit(f"{command}: {output}")
    return output


# -- what differs between runs


class Steady:
    """Replaces what differs by what is fixed, of the same length: ids, commits and runs in their order."""

    def __init__(self, here: Path) -> None:
        self._store = here / "memory_store"

    def __call__(self, text: str) -> str:
        for found, fixed in self._pairs():
            text = text.replace(found, fixed)
        text = re.sub(r"(?<!\d)20(?:2[4-9]|[3-9]\d)-\d\d-\d\d", DAY, text)
        # To the millisecond where a file is written: in their place stand blanks, or rows would shift.
        text = re.sub(r"(?<=:\d\d)\.\d{3}Z", "Z    ", text)
        text = re.sub(r"(?<!\d)\d\d:\d\d:\d\d(?!\d)", CLOCK, text)
        return re.sub(rf"(?<={DAY} )\d\d:\d\d(?!:)", CLOCK[:5], text)

    def _pairs(self) -> Iterator[tuple[str, str]]:
        events = self._records("events")
        yield from zip(dict.fromkeys(event["id"] for event in events), RUNS, strict=False)
        yield from zip(dict.fromkeys(item["id"] for item in self._records("items")), IDS, strict=False)
        log = ["git", "-C", str(self._store), "log", "--reverse", "--format=%H"]
        commits = subprocess.run(log, capture_output=True, text=True, check=True).stdout.split()
        yield from zip((commit[:7] for commit in commits), COMMITS, strict=False)

    def _records(self, kind: str) -> list[dict[str, str]]:
        files = sorted((self._store / "maya" / kind).glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


# -- the scenes


def casts() -> list[Cast]:
    """All pictures, in the order of their story."""
    with world() as (here, environment):
        steady = Steady(here)

        def shell(cast: Cast | None, command: str) -> None:
            output = steady(run(command, here, environment))
            if cast is not None:
                cast.typed(command)
                if output.strip():
                    cast.printed(output)

        shell(None, "memu-like init --git && memu-like memorize chat.jsonl --user maya")
        editing = Cast("editing", "a person edits, memory takes it in")
        for command in (f"tail -n 7 {FILE}", REWORDED, ADDED, "memu-like sync", f"tail -n 3 {FILE}"):
            shell(editing, command)
        history = Cast("history", "who wrote which line, and what has changed")
        for command in ("memu-like blame relationships", "memu-like diff HEAD~2"):
            shell(history, command)
        return [editing, history, _watching(here, environment, steady)]


def _watching(here: Path, environment: Mapping[str, str], steady: Steady) -> Cast:
    cast = Cast("watching", "memory follows an editor")
    cast.typed("memu-like watch")
    terminal = Terminal("exec memu-like watch", here, environment)
    cast.printed(
        terminal.read(lambda text: text.endswith("\n"))
        .replace(str(here.resolve()), "~")
        .replace(str(here), "~")
    )
    time.sleep(1.5)  # the look at what was there before is over
    for said, command in (
        (
            "in the editor: a bullet is added under pets, and saved",
            f"echo '- Oscar has a brother, Felix.' >> {FILE}",
        ),
        ("a word is changed", f"sed -i '/^- /s/a letter/a card/' {FILE}"),
        ("a bullet is taken out", f"sed -i '/alto in a choir/d' {FILE}"),
    ):
        cast.said(said)
        subprocess.run(["sh", "-c", command], cwd=here, check=True)
        first = terminal.read(lambda text: text.endswith("\n"))
        time.sleep(0.3)
        cast.printed(steady(first))
    os.killpg(terminal.process.pid, signal.SIGINT)
    cast.said("Ctrl-C")
    rest = terminal.end().replace("^C", "").strip()
    if rest:
        cast.printed(steady(rest))
    return cast


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for cast in casts():
        target = directory / f"{cast.name}.svg"
        target.write_text(cast.svg(), "utf-8")
        print(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "casts")
