"""Whole category files for programs: read with a hash, replaced, renamed and deleted only under it.

What a program writes is what a person would save: the sync that follows at once takes it in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from ..edges import buffer
from ..edges.folder import content_hash
from ..errors import Conflict, InvalidInput, NotFound
from ..pure.entering import entered_topic, entered_whole
from ..pure.markdown import parse
from ..results import CategoryText, SyncReport
from .categories import category_path, extra_topics, read_category
from .desk import Desk
from .editing import writing
from .taking_edits import Taken, take_edits

MAX_CHARACTERS = 1_000_000
"""Of a category file that a program writes: some hundred times the budget of one."""
GONE = ""
"""What a file that is not there says."""


def category(desk: Desk, topic: str) -> CategoryText:
    """A category file as it stands. Raises NotFound, and CorruptFile where it is not UTF-8."""
    return _standing(desk, _existing(desk, topic))


def write_category(
    desk: Desk, topic: str, text: str, *, expected: str | None, confirm: bool = False
) -> CategoryText:
    """Replace a category file, or with `expected` None make a new one.

    Raises Conflict where the file is not the one that was read, or is there already; InvalidInput for a text
    or a topic that cannot be a file. Returns what stands there after the sync, ids of new bullets included.
    """
    checked = _checked_text(text)
    if expected is None and not desk.folder.exists():
        _begin_folder(desk, topic, checked)
    with writing(desk, take=False):
        name = entered_topic(topic, _known_topics(desk))
        _check_parses(category_path(name), checked)
        before = _expect(desk, name, expected)
        _replace(desk, name, before, checked.encode())
        report = _sync(desk, confirm=confirm)
        return _with(_standing(desk, name), report)


def _begin_folder(desk: Desk, topic: str, text: str) -> None:
    """A file may be the first thing that is known of a user; one that is refused leaves no folder."""
    name = entered_topic(topic, [category.name for category in desk.tools.categories])
    _check_parses(category_path(name), text)
    with desk.folder.lock(buffer.LOCK, desk.settings.lock_timeout_seconds):
        desk.folder.create()


def delete_category(desk: Desk, topic: str, *, expected: str) -> SyncReport:
    """Delete a category file with all its entries. Raises NotFound, Conflict."""
    with _changing(desk, topic, expected) as (name, held):
        desk.folder.remove(category_path(name))
        # It is meant. But what was held back before it is not.
        return _sync(desk, confirm=not held)


def rename_category(desk: Desk, topic: str, new: str, *, expected: str) -> CategoryText:
    """Give a category another name; its entries, and facts to come, follow. Raises NotFound, Conflict."""
    with _changing(desk, topic, expected) as (name, _):
        target = entered_topic(new, _known_topics(desk))
        if desk.folder.read_or_none(category_path(target)) is not None:
            raise InvalidInput(f"category {target!r} is there already: give another name, or merge the two")
        desk.folder.rename(category_path(name), category_path(target))
        report = _sync(desk, confirm=False)
        return _with(_standing(desk, target), report)


# -- reading


def _known_topics(desk: Desk) -> list[str]:
    return [*(category.name for category in desk.tools.categories), *extra_topics(desk)]


def _existing(desk: Desk, topic: str) -> str:
    """A topic that has a file: a name from outside becomes no path. Raises NotFound."""
    names = [Path(path).stem for path in desk.folder.category_files()]
    if topic not in names:
        raise NotFound("category", topic, f"there are {', '.join(names) or 'none yet'}")
    return topic


def _standing(desk: Desk, topic: str) -> CategoryText:
    text = read_category(desk, category_path(topic))
    if text is None:
        raise NotFound("category", topic)
    return CategoryText(topic, text, content_hash(text.encode()))


def _with(found: CategoryText, report: SyncReport) -> CategoryText:
    return CategoryText(found.topic, found.text, found.hash, report)


# -- writing


def _checked_text(text: object) -> str:
    return entered_whole("text", text, limit=MAX_CHARACTERS)


def _check_parses(path: str, text: str) -> None:
    problem = parse(text).problem
    if problem is not None:
        raise InvalidInput(f"{path}:{problem.line}: {problem.reason}; nothing was written")


@contextmanager
def _changing(desk: Desk, topic: str, expected: str) -> Iterator[tuple[str, bool]]:
    """Hold the folder, the file as expected and every edit so far taken in; and whether any is held back."""
    with writing(desk, take=False):
        name = _existing(desk, topic)
        _expect(desk, name, expected)
        yield name, bool(take_edits(desk).held)


def _expect(desk: Desk, topic: str, expected: str | None) -> bytes | None:
    """The file's bytes, which `expected` is the hash of. Raises Conflict."""
    path = category_path(topic)
    data = desk.folder.read_or_none(path)
    if (None if data is None else content_hash(data)) != expected:
        raise Conflict(path, GONE if data is None else data.decode("utf-8", "replace"))
    return data


def _replace(desk: Desk, topic: str, before: bytes | None, after: bytes) -> None:
    path = category_path(topic)
    if desk.folder.replace_unchanged({path: (before, after)}):  # saved this very moment
        raise Conflict(path, (desk.folder.read_or_none(path) or b"").decode("utf-8", "replace"))


def _sync(desk: Desk, *, confirm: bool) -> SyncReport:
    started = perf_counter()
    taken: Taken = take_edits(desk, confirm=confirm)
    return SyncReport(
        user=desk.folder.user_id,
        edits=taken.edits,
        held=taken.held,
        problems=taken.problems,
        run=taken.run,
        seconds=round(perf_counter() - started, 4),
    )
