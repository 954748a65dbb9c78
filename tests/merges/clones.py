"""Real clones of a store: each with a service of its own, and git between them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from memu_like.config import Settings
from memu_like.edges.git import merging
from memu_like.edges.git.repository import Repository
from memu_like.pure.markdown import parse
from memu_like.service import MemoryService, UserMemory
from memu_like.usecases.mending import Mended, mend

ROOT = Path(__file__).parent.parent.parent
USER = "caroline"


@dataclass(frozen=True)
class Clone:
    """One working copy. `git` settings of the service are off: commits here are made by hand."""

    store: Path
    name: str

    @property
    def root(self) -> Path:
        return self.store / USER

    def git(self, *arguments: str, ok: bool = True) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.store,
            env=environment(self.name),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not ok, done.stdout + done.stderr
        return done.stdout + done.stderr

    def commit(self, message: str = "a change") -> None:
        self.git("add", ".")
        if self.git("status", "--porcelain"):
            self.git("commit", "-qm", message)

    def pull(self, other: Clone) -> None:
        """Merge what the other has committed: no conflict, no marker."""
        self.git("pull", "-q", "--no-rebase", "--no-edit", str(other.store), "HEAD")
        for path in self.files():
            assert b"<<<<<<<" not in path.read_bytes(), path

    async def memorize(self, messages: list[dict[str, object]]) -> None:
        async with self.service() as service:
            await service.user(USER).memorize(messages)
        self.commit("memorize")

    async def mend(self) -> Mended:
        """As the sync does once git has moved the folder."""
        async with self.service() as service:
            user = service.user(USER)
            found = await user._shop.write(user.folder, _mend)
        self.commit("mend")
        return found

    async def sync(self) -> tuple[str, ...]:
        """The kinds of the edits that were taken in."""
        async with self.service() as service:
            report = await service.user(USER).sync()
            assert report.problems == ()
            assert report.held == ()
        self.commit("sync")
        return tuple(edit.kind for edit in report.edits)

    async def doctor(self) -> list[str]:
        async with self.service() as service:
            return [str(finding) for finding in await service.user(USER).doctor()]

    async def ask(self, question: Callable[[UserMemory], object]) -> object:
        async with self.service() as service:
            return await question(service.user(USER))  # type: ignore[misc]

    def service(self) -> MemoryService:
        """With room in the profile for all that a test tells."""
        room = {"slot_budget_tokens": 4_000, "category_budget_tokens": 8_000}
        return MemoryService(Settings(store=self.store, git="off", **room))

    def files(self) -> list[Path]:
        inside = (path for path in self.root.rglob("*") if path.is_file())
        return sorted(path for path in inside if ".memu" not in path.parts)

    def contents(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.store)): path.read_bytes() for path in self.files()}

    def profile(self) -> list[str]:
        """Every bullet of every category file."""
        lines = (
            line
            for path in sorted((self.root / "categories").glob("*.md"))
            for line in path.read_text().splitlines()
        )
        return [line for line in lines if line.lstrip().startswith("- ")]

    def edit(self, before: str, after: str) -> Path:
        """Replace a text in the one category file that has it."""
        for path in sorted((self.root / "categories").glob("*.md")):
            text = path.read_text()
            if before in text:
                path.write_text(text.replace(before, after, 1))
                return path
        raise AssertionError(f"no category file says {before!r}")

    def ids(self) -> list[str]:
        found = []
        for path in (self.root / "categories").glob("*.md"):
            found += [bullet.id for bullet in parse(path.read_text()).bullets if bullet.id]
        return found


def environment(name: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    who = {f"GIT_{role}_NAME": name for role in ("AUTHOR", "COMMITTER")}
    mail = {f"GIT_{role}_EMAIL": f"{name}@example.org" for role in ("AUTHOR", "COMMITTER")}
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    return {**kept, **who, **mail, **quiet, "PYTHONPATH": str(ROOT)}


def _mend(desk):  # type: ignore[no-untyped-def]
    with desk.folder.lock():
        return mend(desk, datetime.now(UTC).replace(microsecond=0))


def register(store: Path) -> None:
    repository = Repository.find(store)
    assert repository is not None
    merging.register(repository)


def said(*contents: str, day: int = 8, month: int = 5) -> list[dict[str, Any]]:
    return [
        {
            "role": "user",
            "content": content,
            "created_at": f"2023-{month:02d}-{day:02d}T13:{minute:02d}:00+00:00",
        }
        for minute, content in enumerate(contents)
    ]
