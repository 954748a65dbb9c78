"""What was written, as commits: a person's edits as theirs, the machine's runs on top, never mixed.

Contents are the bytes that were recorded when they were written. Files are read only to tell what somebody
else has done since, and what a process left that was killed before it committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ..edges.git.committing import Draft, Tip, commit
from ..edges.git.repository import Repository
from ..edges.recording import EVERYTHING
from .catching_up import left_behind
from .composing import Composer, Job, Noticed, Standing, path_of


@dataclass(frozen=True, slots=True)
class Done:
    """The commits that were made, oldest first, and what a person should know."""

    commits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def commit_jobs(repository: Repository, jobs: Sequence[Job], author: str) -> Done:
    """Commit what the jobs wrote, in order. Raises GitError; what was committed by then is no longer new."""
    machine = split_author(author)
    made = _look(repository, jobs, [job for job in jobs if job.needs_a_look], machine)
    noticed = Noticed()
    made += commit(repository, partial(_compose, jobs, machine, noticed))
    made += _look(repository, jobs, [job for job in jobs if job.folder.root in noticed.left], machine)
    return Done(tuple(made), tuple(noticed.notes))


def _look(
    repository: Repository, jobs: Sequence[Job], at: Sequence[Job], machine: tuple[str, str]
) -> list[str]:
    """Commit what others left in the folders of these jobs, slice by slice."""
    made: list[str] = []
    while at and (more := commit(repository, partial(left_behind, jobs, at, machine))):
        made += more
    return made


def split_author(author: str) -> tuple[str, str]:
    """ "name <address>" as its two parts."""
    name, _, address = author.partition("<")
    return name.strip(), address.rpartition(">")[0].strip()


def _compose(jobs: Sequence[Job], machine: tuple[str, str], noticed: Noticed, tip: Tip) -> Sequence[Draft]:
    standing = Standing(tip)
    standing.load(path_of(tip, job, path) for job in jobs for path in job.touched() if path != EVERYTHING)
    drafts: list[Draft] = []
    for job in jobs:
        composer = Composer(job, tip, standing, machine, noticed)
        for part in job.written.parts:
            drafts += composer.person(part) if part.by == "person" else composer.machine(part)
    return drafts
