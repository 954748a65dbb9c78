"""Blame: each line of a category file with its commit, its run, its item, and the words it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..edges.git.repository import Blamed, Repository
from ..errors import NotFound
from ..models import Entry, Item, Message, Modality, Origin, Source
from ..pure.changes import BY_HAND, reads_as, source_of
from ..pure.lines import trailing_ids
from ..pure.rendering import bullet_text, plain_line
from ..pure.secrets import mask_secrets
from ..results import BlameLine, Commit
from .categories import category_path, read_category
from .desk import Desk
from .fates import History, histories
from .history import MACHINE, PERSON
from .listing import file_entries
from .states import Documents

UNCOMMITTED = "uncommitted"
MAX_SAID = 10
"""Lines of a source that are quoted; a longer one shows its first."""


def blame(desk: Desk, topic: str) -> tuple[BlameLine, ...]:
    """Each line of a topic's file as it stands, in order. Raises NotFound, CorruptFile, GitError.

    With no repository, or for a line that is not committed yet, `commit` is None, and run, item and source
    are told all the same.
    """
    path = category_path(topic)
    text = read_category(desk, path) if path in desk.folder.category_files() else None
    if text is None:
        raise NotFound("category", topic, "`memu-like profile` lists them")
    repo = desk.tools.repository()
    git_path = f"{desk.folder.root.name}/{path}"
    blamed = _alone(text) if repo is None else _written(repo, git_path, text)
    commits = _commits(repo, blamed)
    entries = {entry.line: entry for entry in file_entries(desk, path, topic)}
    past = histories(desk)
    documents = Documents(desk.folder)
    lines = (_line(one, commits, repo is not None) for one in blamed)
    return tuple(_with_entry(desk, line, entries.get(line.line), past, documents) for line in lines)


def _alone(text: str) -> Sequence[Blamed]:
    lines = text.split("\n")
    kept = lines[:-1] if lines[-1] == "" else lines
    return [Blamed(number, line.removesuffix("\r")) for number, line in enumerate(kept, start=1)]


def _written(repo: Repository, path: str, text: str) -> list[Blamed]:
    """Each line with the commit that wrote its words: giving a person's bullet its id is not writing it."""
    blamed = repo.blame(path, text.encode())
    given = {one.commit for one in blamed if one.commit is not None and trailing_ids(one.text)[1]}
    before = {commit: _before(repo, commit, path) for commit in sorted(given)}
    return [_by_its_writer(one, *before.get(one.commit or "", (None, frozenset()))) for one in blamed]


def _by_its_writer(blamed: Blamed, before: Commit | None, lines: frozenset[str]) -> Blamed:
    if before is None or trailing_ids(blamed.text)[0] not in lines:
        return blamed
    return replace(blamed, commit=before.id, author=before.author, time=before.time)


def _before(repo: Repository, commit: str, path: str) -> tuple[Commit | None, frozenset[str]]:
    """The commit of a person that one of the machine's was made on, with what the file said then."""
    parents = repo.parents(commit) if repo.commit(commit).by == "machine" else []
    found = repo.commit(parents[0]) if parents else None
    if found is None or found.by != "person":
        return None, frozenset()
    data = repo.file_at(found.id, path) or b""
    return found, frozenset(data.decode("utf-8", "replace").splitlines())


def _commits(repo: Repository | None, blamed: Sequence[Blamed]) -> Mapping[str, Commit]:
    ids = {one.commit for one in blamed if one.commit is not None}
    return {} if repo is None else {one: repo.commit(one) for one in sorted(ids)}


def _line(blamed: Blamed, commits: Mapping[str, Commit], in_repository: bool) -> BlameLine:
    if blamed.commit is None:
        by = UNCOMMITTED if in_repository else MACHINE
        return BlameLine(blamed.line, blamed.text, by)
    commit = commits[blamed.commit]
    run = commit.runs[0] if len(commit.runs) == 1 else None
    return BlameLine(blamed.line, blamed.text, blamed.author, blamed.time, commit.id, run)


def _with_entry(
    desk: Desk, line: BlameLine, entry: Entry | None, past: Mapping[str, History], documents: Documents
) -> BlameLine:
    """What memory itself knows of a line that is an entry."""
    if entry is None:
        return line
    item = desk.item(entry.id) if entry.id else None
    if item is None or not reads_as(entry.text, item, desk.own_names()):
        by = line.by if line.by != MACHINE else PERSON
        return replace(line, by=by, item=entry.id, run=None, source=BY_HAND)
    worded = _worded(desk, item, past[item.id].revisions)
    by = line.by if line.by != MACHINE else (PERSON if item.origin is Origin.HUMAN else MACHINE)
    return replace(
        line,
        by=by,
        time=line.time or worded.created_at,
        run=worded.run,
        item=item.id,
        source=source_of(item, documents),
        said=_said(desk, item.source),
    )


def _worded(desk: Desk, item: Item, revisions: Sequence[Item]) -> Item:
    """The revision that gave the item the words that it has now."""
    found = item
    names = desk.own_names()
    for revision in reversed([one for one in revisions if one.rev <= item.rev]):
        if bullet_text(revision, names) != bullet_text(item, names):
            break
        found = revision
    return found


def _said(desk: Desk, source: Source | None) -> str:
    """What stands at a source, a message as "speaker: words"; "" where it was forgotten."""
    if source is None or not desk.folder.has_resource(source.resource):
        return ""
    resource = desk.folder.resource(source.resource)
    lines = desk.folder.resource_text(resource).split(b"\n")[source.first - 1 : source.last][:MAX_SAID]
    if resource.modality is Modality.DOCUMENT:
        said = "\n".join(line.decode("utf-8", "replace") for line in lines)
    else:
        place = resource.text_file or resource.file
        numbered = enumerate(lines, start=source.first)
        said = "\n".join(_message(desk.stored_message(line, f"{place}:{n}")) for n, line in numbered)
    return mask_secrets(said)[0] if desk.settings.mask_secrets else said


def _message(message: Message) -> str:
    return f"{message.speaker}: {plain_line(message.content)}"
