"""A place that the machine of test_people works at: a store with one user's folder, real files, real git."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import sleep
from typing import TypeVar

import invariants
from fault_jobs import USER
from fuzz_hands import bare
from invariants import Look, Memory

from memu_like import MemoryService, SyncReport
from memu_like.edges.llm.base import Model
from memu_like.errors import StorageError
from memu_like.service import UserMemory

T = TypeVar("T")
CATEGORY_BUDGET, SLOT_BUDGET = 420, 130
"""Tokens: small, so that files overflow within a few runs."""
MOST_TRIES = 100
RACE = re.compile(r"cannot lock ref|index\.lock")
DEEP_EVERY = 9
"""The checks that copy the folder are made at every so many steps, and at the end."""


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    """Git as a person runs it, under a name of their own."""
    environment = {
        **os.environ,
        "GIT_AUTHOR_NAME": "Wanda",
        "GIT_AUTHOR_EMAIL": "wanda@example.org",
        "GIT_COMMITTER_NAME": "Wanda",
        "GIT_COMMITTER_EMAIL": "wanda@example.org",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_EDITOR": "true",
    }
    for _ in range(MOST_TRIES):
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        # The service has committed at the same moment: git refuses, and a person does it again.
        if not done.returncode or not RACE.search(done.stderr):
            break
        sleep(0.05)
    if check and done.returncode:
        raise AssertionError(f"git {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


def service_at(store: Path, model: Model | None) -> MemoryService:
    return MemoryService(
        store, model=model, category_budget_tokens=CATEGORY_BUDGET, slot_budget_tokens=SLOT_BUDGET
    )


class Place:
    """One clone: its service, and what the test knows of it."""

    def __init__(self, store: Path, runner: asyncio.Runner, model: Model | None, memory: Memory) -> None:
        self.store, self.root = store, store / USER
        self.runner, self.model, self.memory = runner, model, memory
        self.bad: dict[str, bytes] = {}
        """Files that cannot be told now, with what they were before."""
        self.at_rest = True
        self.steps = 0
        self.open()

    def open(self) -> None:
        self.service = service_at(self.store, self.model)
        self.user: UserMemory = self.service.user(USER)

    def run(self, work: Awaitable[T]) -> T:
        async def inside() -> T:
            return await work

        return self.runner.run(inside())

    def close(self) -> None:
        self.run(self.service.close())

    def look(self) -> Look:
        return invariants.look(self.root)

    # -- steps of the machine

    def before(self) -> Look:
        """What the machine meets. Where it has no bases, it knows nothing of a file that is not there."""
        if not any(self.root.glob(".memu/bases/*.json")):
            there = {path.name for path in self.root.glob("categories/*.md")}
            self.memory.stood = {one: name for one, name in self.memory.stood.items() if name in there}
        return self.look()

    def machine(self, work: Callable[[], Awaitable[T]], *, runs: bool = False) -> T | None:
        """Have the service write, and hold what it did against what stood there. None where it refused.

        What a crash left in the buffer is cleared away by the next step that `runs`, and by no other.
        """
        before = self.before()
        try:
            answer = self.run(work())
        except StorageError:
            if not self.bad:
                raise
            self.wrote(before, complete=False)
            return None
        self.wrote(before, answer if isinstance(answer, SyncReport) else None, complete=self.at_rest or runs)
        return answer

    def wrote(self, before: Look, report: SyncReport | None = None, *, complete: bool = True) -> None:
        """`complete`: nothing may be left half done."""
        after, memory = self.look(), self.memory
        problems = invariants.a_person_wins(before, after, memory)
        problems += invariants.deletions_are_taken_in(before, after, memory, report)
        problems += invariants.what_is_gone_stays_gone(before, after, memory)
        invariants.learn_machine_lines(before, after, memory)
        self.at_rest = complete
        if complete:
            touched = [name for name, data in after.files.items() if before.files.get(name) != data]
            problems += invariants.within_budget(after, memory, CATEGORY_BUDGET, self._count, touched)
        waiting = {
            one: memory.stood[one]
            for one in invariants.taken_away(before, memory)
            if after.items[one]["status"] == "active"
        }
        untold = frozenset().union(*memory.unreadable.values())
        unseen = {one: name for one, name in memory.stood.items() if one in untold}
        memory.stood = {**unseen, **waiting, **after.standing()}
        assert not problems, "\n".join(problems)

    def _count(self, text: str) -> int:
        return self.run(self.service.tools()).counter().count(text)

    # -- steps of a person

    def lose_derived(self) -> None:
        """With it goes the journal of a run that was killed: `doctor` warns of lines it had not told of."""
        self.memory.orphans |= set(self.look().uncounted)
        shutil.rmtree(self.root / ".memu", ignore_errors=True)

    def merged(self, before: Look) -> None:
        """Git has brought what a clone's machine wrote. What it left out of a file nobody took away."""
        after = self.look()
        for name, data in after.files.items():
            assert b"<<<<<<<" not in data, f"a conflict in {name}"
        invariants.learn_machine_lines(before, after, self.memory)
        self.memory.stood = after.standing()

    def names(self) -> list[str]:
        """The files that can be told, in order."""
        found = sorted(path.name for path in self.root.glob("categories/*.md"))
        return [name for name in found if name not in self.bad]

    def path(self, name: str) -> Path:
        return self.root / "categories" / name

    def text(self, name: str) -> str:
        return self.path(name).read_bytes().decode()

    def spoil(self, name: str, data: bytes) -> None:
        """Save what cannot be told; `mend` brings back what stood there."""
        self.bad[name] = self.path(name).read_bytes()
        self.memory.unreadable[name] = frozenset(invariants.ids_in(self.text(name)))
        self.path(name).write_bytes(data)

    def mend(self, name: str) -> None:
        self.path(name).write_bytes(self.bad.pop(name))
        del self.memory.unreadable[name]

    def mend_all(self) -> None:
        for name in list(self.bad):
            self.mend(name)

    # -- what holds at all times

    def check(self, *, deep: bool = False) -> None:
        now = self.look()
        problems = invariants.parse_is_the_inverse(now)
        problems += invariants.all_or_nothing(self.root, now, self.memory, at_rest=self.at_rest)
        query = invariants.QUERIES[self.steps % len(invariants.QUERIES)]
        problems += self.run(invariants.reading_writes_nothing(self.root, self.user, query))
        assert not problems, "\n".join(problems)
        due = deep or self.steps % DEEP_EVERY == 0
        waits = any(self.root.glob("buffer*.jsonl")) or (self.root / ".memu" / "pending.json").exists()
        if due and self.at_rest and not self.bad and not waits:
            self.check_copy()

    def check_copy(self) -> None:
        """To index a copy anew takes in what a person did; so the folder itself takes it in before."""
        report = self.machine(self.user.sync)
        if report is None or report.held:  # what waits to be confirmed is known to `.memu/` alone
            return
        problems = self.run(invariants.files_are_the_truth(self.store, self.user))
        assert not problems, "\n".join(problems)

    def note_item_edit(self, line: str) -> None:
        self.memory.edited_items.add(bare(line))
