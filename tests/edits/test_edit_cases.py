"""Each case of this folder: a person edits a memory folder by hand, and the sync takes it in, and no more."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from edit_cases import FOLDER, Case, ExpectedEdit, Replaced, Round, case_files, filled, read_case
from edit_world import messages, remember, settings

from memu_like.errors import StorageError
from memu_like.models import Item, Status
from memu_like.pure.markdown import parse, render
from memu_like.results import Edit, SyncReport
from memu_like.service import MemoryService, UserMemory

LATER = {
    "role": "user",
    "content": "I adopted a tortoise named Tempo.",
    "created_at": "2023-10-01T10:00:00+00:00",
}
MOMENT = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MemoryService]:
    async with MemoryService(settings(tmp_path_factory.mktemp("edits"))) as built:
        yield built


CASES = [read_case(path) for path in case_files()]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_sync_takes_in_what_a_person_did(case: Case, service: MemoryService) -> None:
    user = await remember(service, case.name.replace("/", "-"), case.known)
    written = _categories(user)
    for path, data in case.before.items():
        assert written[path].decode() == data.decode(), f"{path} as the machine writes it"
    assert not any(await _found(user))
    ids: dict[str, str] = {}
    for one in case.rounds:
        await _play(user, one, ids)
    await _assert_rest(case, user, written)


async def _found(user: UserMemory) -> tuple[object, ...]:
    """All that a sync finds."""
    report = await user.sync()
    return report.edits, report.held, report.problems, report.degraded, report.run


# -- a round


async def _play(user: UserMemory, one: Round, ids: dict[str, str]) -> None:
    _leave(user, one, ids)
    left = _files(user)
    if one.error:
        await _assert_unreadable(user, one)
        assert _files(user) == left
        return
    known, errors = await _all_items(user), await _errors(user)
    report = await user.sync(confirm=one.confirm)
    _bind(user, one, ids)
    _assert_files(user, one, ids, left)
    _assert_report(one, report, ids)
    _assert_items(one, known, await _all_items(user), ids)
    assert not await _errors(user) - errors
    await _assert_nothing_left(user, report)


def _leave(user: UserMemory, one: Round, ids: dict[str, str]) -> None:
    """Write the files as an editor does."""
    for pattern in one.gone:
        _only(user, pattern).unlink()
    for change in one.replaced:
        _replace(_only(user, change.pattern), change)
    for name, data in one.files.items():
        path = user.folder.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(filled(data, ids))


async def _assert_unreadable(user: UserMemory, one: Round) -> None:
    """Nothing can be read before a person has mended it; each sync says where it is."""
    for _ in range(2):
        report = await user.sync(confirm=one.confirm)
        assert (report.edits, report.held, report.run) == ((), (), None)
        assert all(said in told for said, told in zip(one.problems, report.problems, strict=True))
    with pytest.raises(StorageError, match=re.escape(one.error)):
        await user.items()


def _only(user: UserMemory, pattern: str) -> Path:
    """The one file of that name; a pattern where the name has a hash in it."""
    if "*" not in pattern:
        return user.folder.root / pattern
    found = list(user.folder.root.glob(pattern))
    assert len(found) == 1, pattern
    return found[0]


def _replace(path: Path, change: Replaced) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if change.old in line)
    lines[at] = b"" if change.new is None else lines[at].replace(change.old, change.new)
    path.write_bytes(b"".join(lines))


def _bind(user: UserMemory, one: Round, ids: dict[str, str]) -> None:
    """What each NEW1 of the expected files stands for, found where it stands first."""
    for name, data in one.synced.items():
        found = user.folder.root / name
        pattern = re.escape(filled(data, ids))
        pattern = re.sub(rb"\bNOW\b", lambda _: MOMENT, pattern)
        new = sorted(set(re.findall(rb"\bNEW\d+\b", pattern)))
        for placeholder in new:
            pattern = pattern.replace(placeholder, b"(?P<%s>[a-z0-9]{4,12})" % placeholder, 1)
            pattern = re.sub(rb"(?<!\?P<)\b%s\b" % placeholder, b"(?P=%s)" % placeholder, pattern)
        match = re.fullmatch(pattern, found.read_bytes())
        if match is None:
            assert found.read_bytes().decode(errors="replace") == data.decode(errors="replace"), name
            pytest.fail(f"{name} is not what it should be")
        ids.update({key: value.decode() for key, value in match.groupdict().items()})


def _assert_files(user: UserMemory, one: Round, ids: dict[str, str], left: dict[str, bytes]) -> None:
    """No file of the profile, and no resource, differs from what the person left, but those that the case
    names."""
    now = _files(user)
    assert not left.keys() - now.keys()
    ours = ("items/", "events/")
    for name, data in now.items():
        if name not in one.synced and not name.startswith(ours):
            assert data == left.get(name), name


def _assert_report(one: Round, report: SyncReport, ids: dict[str, str]) -> None:
    assert one.edits is not None
    _assert_edits("edits", one.edits, report.edits, ids)
    _assert_edits("held", one.held, report.held, ids)
    assert len(report.problems) == len(one.problems), report.problems
    for said, problem in zip(one.problems, report.problems, strict=True):
        assert said in problem


def _assert_edits(
    what: str, wanted: Sequence[ExpectedEdit], found: Sequence[Edit], ids: dict[str, str]
) -> None:
    said = sorted(_of(ids.get(one.item, one.item), one) for one in wanted)
    got = sorted(_of(one.item, one) for one in found)
    assert got == said, what
    texts = {_of(one.item, one): one for one in found}
    for one in wanted:
        edit = texts[_of(ids.get(one.item, one.item), one)]
        assert one.text in (None, edit.text), edit
        assert one.before in (None, edit.before), edit


def _of(item: str, one: Any) -> tuple[str, str, int, str]:
    return one.path, str(one.kind), one.line, item


def _assert_items(one: Round, known: dict[str, Item], now: dict[str, Item], ids: dict[str, str]) -> None:
    told = {ids.get(wanted.id, wanted.id): wanted for wanted in one.items}
    for item_id, wanted in told.items():
        item = now[item_id]
        found = (item.status.value, item.origin.value, f"{item.topic}/{item.slot}", item.text)
        said = (wanted.status, wanted.origin, wanted.place, wanted.text.replace("\\n", "\n"))
        assert found == said, f"item {wanted.id}"
    others = {item_id: item for item_id, item in now.items() if item_id not in told}
    assert others == {item_id: item for item_id, item in known.items() if item_id not in told}


async def _assert_nothing_left(user: UserMemory, first: SyncReport) -> None:
    """A second sync finds nothing and writes nothing; what is held stays held."""
    before = _files(user)
    again = await user.sync()
    assert again.edits == ()
    assert again.run is None
    assert again.held == first.held
    assert set(again.problems) <= set(first.problems)
    assert _files(user) == before


# -- what holds after every case


async def _assert_rest(case: Case, user: UserMemory, written: dict[str, bytes]) -> None:
    for data in _categories(user).values():
        _assert_lossless(data)
    _assert_nowhere(user, case.nowhere)
    if not any("resources/" in said for one in case.rounds for said in one.problems):
        await _assert_found_again(user)
    written |= {
        f"{name} {at}": data for at, one in enumerate(case.rounds) for name, data in one.synced.items()
    }
    await _assert_kept(case, user, written)


def _assert_lossless(data: bytes) -> None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    assert render(parse(text)) == text


def _assert_nowhere(user: UserMemory, words: Sequence[str]) -> None:
    """What is kept out of items is in no file but the person's own, derived ones included."""
    for path in user.folder.root.rglob("*"):
        if path.is_file() and path.parent.name != "categories":
            assert not [word for word in words if word.encode() in path.read_bytes()], path.name


async def _assert_found_again(user: UserMemory) -> None:
    """An index built anew finds the same; what was taken back is found by neither."""
    items = await user.items(status="all")
    retracted = {item.id for item in items if item.status is Status.RETRACTED}
    queries = [item.text for item in items][:6]
    found = [await _search(user, query, retracted) for query in queries]
    await user.reindex()
    assert [await _search(user, query, retracted) for query in queries] == found


async def _search(user: UserMemory, query: str, retracted: set[str]) -> list[tuple[str, str, float]]:
    hits = (await user.retrieve(query[:500])).hits
    assert not [hit for hit in hits if hit.item_ids and retracted >= set(hit.item_ids)], query
    return [(hit.text, hit.place, round(hit.score, 3)) for hit in hits]


async def _assert_kept(case: Case, user: UserMemory, written: dict[str, bytes]) -> None:
    """The same source once more, and something new: nothing that was taken back is learnt again, and what
    a person wrote stands."""
    retracted = await user.items(status="retracted")
    known = {item.id for item in await user.items(status="active")}
    before = _categories(user)
    await user.memorize([*messages(case.known), LATER])
    now = _categories(user)
    assert before.keys() <= now.keys()
    for name, data in before.items():
        assert _persons_lines(data, written) == _persons_lines(now[name], written, of=data), name
    assert [item for item in await user.items(status="retracted") if item in retracted] == retracted
    again = await user.items(status="active")
    texts = {item.text for item in retracted}
    assert not [item for item in again if item.text in texts and item.id not in known]
    if case.later:
        learnt = next(item for item in again if item.text == LATER["content"])
        assert f"{learnt.topic}/{learnt.slot}" == case.later
    assert (await user.sync()).edits == ()


def _persons_lines(data: bytes, written: dict[str, bytes], of: bytes | None = None) -> list[bytes]:
    """The lines of `of` (or of `data`) that stand in `data`, in order, without what the machine may rewrite.

    That is the time, and a summary of its own. It shows equal words once, so these are left out too.
    """
    summaries = {found for text in written.values() for found in text.split(b"\n")[7:8]}
    wanted = re.split(rb"\r\n|\n|\r", data if of is None else of)
    words = [re.sub(rb"( \(said [^)]*\))? \^[a-z0-9]{4,12}$", b"", line) for line in wanted]
    single = [line for line, said in zip(wanted, words, strict=True) if words.count(said) == 1 or not said]
    kept = [line for line in single if line not in summaries and not line.startswith(b"updated_at: ")]
    left = iter(re.split(rb"\r\n|\n|\r", data))
    return [line for line in kept if line in left]


# -- helpers


def _files(user: UserMemory) -> dict[str, bytes]:
    root = user.folder.root
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".memu" not in path.parts
    }


def _categories(user: UserMemory) -> dict[str, bytes]:
    return {name: data for name, data in _files(user).items() if name.startswith("categories/")}


async def _all_items(user: UserMemory) -> dict[str, Item]:
    return {item.id: item for item in await user.items(status="all")}


async def _errors(user: UserMemory) -> set[str]:
    return {str(finding) for finding in await user.doctor() if finding.level == "error"}


# -- the corpus itself


def test_the_index_lists_every_case() -> None:
    lines = (FOLDER / "README.md").read_text("utf-8").splitlines()
    listed = [line for line in lines if line.startswith("- [")]
    assert listed == [f"- [{case.title}]({case.name}.md)" for case in CASES]


def test_there_are_more_than_a_hundred_cases_and_each_has_a_title_of_its_own() -> None:
    titles = [case.title for case in CASES]
    assert len(titles) > 100
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_says_in_words_what_the_person_did(case: Case) -> None:
    text = case.path.read_text("utf-8")
    story = text.split("\n## ", 1)[0].split("\n", 1)[1].strip()
    assert text.startswith("# ")
    assert len(story) > 10


def test_a_case_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "group" / "wrong.md"
    path.parent.mkdir()
    path.write_text("# Title\n\n## The edit\n\n```edit\n```\n")
    with pytest.raises(ValueError, match="group/wrong: block 'edit' under 'The edit': no such block"):
        read_case(path)
