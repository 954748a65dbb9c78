"""`memu-like demo --people`: a person and the service at one memory, in git, as one story.

All that is printed comes from the real thing, in stores of its own that are gone afterwards. No time of today
and no commit's id is printed, so that the story reads the same wherever it is told.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ...results import BlameLine, Change, Edit
from ...service import MemoryService, UserMemory
from .app import Call
from .output import plain

USER = "maya"
TOPIC = "relationships"
SIGNS = {"add": "+", "remove": "-", "change": "~", "move": ">"}
FIRST = (
    ("2024-03-02T10:00:00+00:00", "My sister Ottilie lives in Porto."),
    ("2024-03-02T10:01:00+00:00", "My guinea pig Oscar loves carrots."),
    ("2024-03-02T10:02:00+00:00", "My cousin Tomas lives in Riga."),
)
SECOND = (*FIRST, ("2024-03-02T10:03:00+00:00", "My brother Anselm lives in Ghent."))
"""The same conversation, which has gone on."""
HERE = (("2024-05-01T09:00:00+00:00", "My aunt Wanda lives in Bergen."),)
THERE = (("2024-05-02T09:00:00+00:00", "My dog Rufus sleeps under the kitchen table."),)
Said = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the story: what was done, as a command or in words, and what came of it."""

    title: str
    done: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Story:
    parts: tuple[Part, ...] = field(default=())


async def people(call: Call) -> None:
    """Tell the story. Raises GitError where git is not installed."""
    scratch = Path(tempfile.mkdtemp(prefix="memu-like-"))
    try:
        parts = [*await _one_folder(scratch / "here"), *await _two_clones(scratch)]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    story = Story(tuple(parts))
    call.show(story, lambda out: _print(out, story))


async def _one_folder(store: Path) -> list[Part]:
    async with MemoryService(store, git="on") as service:
        await service.init(git=True)
        _person(store, "Maya")
        user = service.user(USER)
        parts = [Part("A conversation is memorized", _memorize(FIRST), await _told(user, FIRST))]
        await service.committed()
        begun = _head(store)
        parts.append(Part("A person edits the file, in any editor", f"vi {TOPIC}.md", _edit(user)))
        taken = (await user.sync()).edits
        parts.append(Part("What they did is taken in", "memu-like sync", _edits(taken)))
        parts.append(
            Part(
                "The same comes again and goes on: the edits stand",
                _memorize(SECOND),
                await _told(user, SECOND),
            )
        )
        await service.committed()
        parts.append(
            Part("Who wrote which line", f"memu-like blame {TOPIC}", _blame(await user.blame(TOPIC)))
        )
        changes = await user.diff(begun)
        parts.append(Part("What changed since the first run", "memu-like diff FIRST", _changes(changes)))
        last = next(step for step in await user.history() if step.kind == "memorize")
        reverted = await user.revert(last.run)
        parts.append(Part("The last run is taken back", "memu-like revert RUN", _changes(reverted.changes)))
    return parts


async def _two_clones(scratch: Path) -> list[Part]:
    """A clone learns one thing and its owner corrects another, while the first learns a third: they meet."""
    here, there = scratch / "here", scratch / "there"
    _git(scratch, "clone", "--quiet", str(here), str(there))
    parts = []
    async with MemoryService(there, git="on") as service:
        await service.init(git=True)
        _person(there, "Ines")
        user = service.user(USER)
        parts.append(Part("A clone memorizes something else", _memorize(THERE), await _told(user, THERE)))
        path = user.folder.root / "categories" / f"{TOPIC}.md"
        path.write_text(path.read_text("utf-8").replace("loves carrots", "loves carrots and hay"), "utf-8")
        parts.append(
            Part("and Ines corrects a line there", "memu-like sync", _edits((await user.sync()).edits))
        )
    async with MemoryService(here, git="on") as service:
        user = service.user(USER)
        parts.append(Part("The first learns a third thing", _memorize(HERE), await _told(user, HERE)))
        await service.committed()
        _git(here, "pull", "--quiet", "--no-rebase", "--no-edit", str(there), "HEAD")
        await user.sync()
        parts.append(Part("Both meet: no conflict, nothing lost", "git pull ../there", _bullets(user)))
        findings = [str(finding) for finding in await user.doctor() if finding.level != "note"]
        parts.append(Part("and nothing is wrong", "memu-like doctor", tuple(findings or ["nothing found"])))
    return parts


def _git(folder: Path, *arguments: str) -> str:
    """Git as a person runs it, whatever their own settings are."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)  # noqa: S603
    return done.stdout


def _person(store: Path, name: str) -> None:
    """Whose edits are committed, in this repository alone."""
    _git(store, "config", "user.name", name)
    _git(store, "config", "user.email", f"{name.lower()}@example.org")


def _head(store: Path) -> str:
    return _git(store, "rev-parse", "HEAD").strip()


def _memorize(said: Said) -> str:
    return f"memu-like memorize chat-{said[0][0][:10]}.jsonl"


async def _told(user: UserMemory, said: Said) -> tuple[str, ...]:
    """Memorize, and show what the category says then."""
    await user.memorize([{"role": "user", "content": text, "created_at": at} for at, text in said])
    return _bullets(user)


def _bullets(user: UserMemory) -> tuple[str, ...]:
    """The category's headings and bullets as they stand."""
    text = user.folder.read(f"categories/{TOPIC}.md").decode()
    return tuple(line for line in text.splitlines() if line.startswith(("## ", "- ")))


def _edit(user: UserMemory) -> tuple[str, ...]:
    """Reword one bullet, delete one, and write one; shown as a diff."""
    path = user.folder.root / "categories" / f"{TOPIC}.md"
    shown, kept = [], []
    for line in path.read_text("utf-8").splitlines():
        if "Ottilie" in line and line.startswith("- "):
            new = line.replace("Porto", "*Lisbon* now")
            shown += [f"-{line}", f"+{new}"]
            kept.append(new)
        elif "Tomas" in line and line.startswith("- "):
            shown.append(f"-{line}")
        else:
            kept.append(line)
    shown.append("+- Oscar is not to be woken before nine.")
    path.write_text("\n".join([*kept, "- Oscar is not to be woken before nine."]) + "\n", "utf-8")
    return tuple(shown)


def _edits(edits: Sequence[Edit]) -> tuple[str, ...]:
    return tuple(f"{edit.kind}: {edit.text or edit.before}" for edit in edits)


def _changes(changes: Sequence[Change]) -> tuple[str, ...]:
    return tuple(
        f"{SIGNS[one.op]} {one.slot}: {one.text or one.before}" + (f" ({one.source})" if one.source else "")
        for one in changes
    )


def _blame(lines: Sequence[BlameLine]) -> tuple[str, ...]:
    shown = (line for line in lines if line.text.startswith("- "))
    return tuple(f"{line.by}, {line.source or 'by hand'}: {line.text}" for line in shown)


def _print(out: Console, story: Story) -> None:
    for number, part in enumerate(story.parts, start=1):
        out.print(Text.assemble(f"{number}. " if number == 1 else f"\n{number}. ", (part.title, "bold")))
        out.print(Text(f"   $ {part.done}", style="dim"))
        for line in part.lines:
            out.print(Padding(Text(plain(line), overflow="fold"), (0, 0, 0, 3)))


__all__ = ["people"]
