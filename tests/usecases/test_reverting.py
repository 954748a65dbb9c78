"""Reverting a run or a commit: what stood before comes back, what was changed since stays."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from conversations import JUNE, MAY
from repositories import begin, commit, git

from memu_like.config import Settings
from memu_like.errors import InvalidInput, NotFound
from memu_like.models import Event, Item, Origin, Status
from memu_like.service import MemoryService, UserMemory

CORRECTION = [
    {
        "role": "user",
        "content": "I have a hamster named Oscar.",
        "created_at": "2023-07-08T13:58:00+00:00",
    }
]


async def the(user: UserMemory, text: str, status: str = "active") -> Item:
    [item] = await user.items(text=text, status=status)
    return item


def page(user: UserMemory, topic: str) -> Path:
    return user.folder.root / "categories" / f"{topic}.md"


def text_of(user: UserMemory, topic: str) -> str:
    return page(user, topic).read_text("utf-8")


def edit(user: UserMemory, topic: str, old: str, new: str) -> None:
    assert old in text_of(user, topic)
    page(user, topic).write_text(text_of(user, topic).replace(old, new), "utf-8")


async def run_of(user: UserMemory, kind: str) -> Event:
    return (await user.events(kind=kind))[-1]


async def sound(user: UserMemory) -> None:
    assert [one for one in await user.doctor() if one.level != "note"] == []


async def profile(user: UserMemory) -> dict[str, dict[str, list[str]]]:
    return {
        topic: {slot: [entry.text for entry in entries] for slot, entries in slots.items() if entries}
        for topic, slots in (await user.profile()).items()
        if any(slots.values())
    }


# -- a run


async def test_a_reverted_run_takes_its_items_along(caroline: UserMemory) -> None:
    june = await run_of(caroline, "memorize")
    report = await caroline.revert(june.id)
    assert (report.reverted, report.kept, report.degraded) == ((june.id,), (), ())
    assert [str(one) for one in report.changes] == [
        "job: - I work as a botanist at the university, from 2023-06-08 message 1"
    ]
    gone = await the(caroline, "botanist", status="retracted")
    assert (gone.rev, gone.run, gone.reason) == (2, report.run, f"run {june.id} was reverted")
    assert "botanist" not in text_of(caroline, "work_life")
    assert "botanist" not in (await caroline.context())
    found = await caroline.retrieve("botanist")
    assert all(gone.id not in hit.item_ids for hit in found.hits)
    await sound(caroline)


async def test_a_revert_is_a_run_and_rewrites_nothing(caroline: UserMemory) -> None:
    before = {path: path.read_bytes() for path in caroline.folder.root.glob("[ie]*/*.jsonl")}
    june = await run_of(caroline, "memorize")
    report = await caroline.revert(june.id)
    for path, data in before.items():
        assert path.read_bytes().startswith(data)
    event = await run_of(caroline, "revert")
    assert (event.id, event.reason) == (report.run, f"reverts {june.id}")
    assert [delta.op for delta in event.profile_delta] == ["remove"]


async def test_one_more_source_that_is_reverted_is_one_less(caroline: UserMemory) -> None:
    item = await the(caroline, "Oscar")
    assert len(item.corroborations) == 1
    await caroline.revert((await run_of(caroline, "memorize")).id)
    back = await the(caroline, "Oscar")
    assert (back.corroborations, back.status, back.rev) == ((), Status.ACTIVE, item.rev + 1)
    assert "Oscar" in text_of(caroline, "relationships")


async def test_the_event_of_a_reverted_run_is_told_no_more(caroline: UserMemory) -> None:
    june = await run_of(caroline, "memorize")
    report = await caroline.revert(june.id)
    with pytest.raises(NotFound):
        await caroline.event(june.id)
    assert [step.run for step in await caroline.history()][:2] == [report.run, june.id]
    await caroline.revert(report.run or "")
    assert (await caroline.event(june.id)).summary == june.summary


async def test_what_was_reverted_is_not_learnt_again_from_the_same_source(caroline: UserMemory) -> None:
    await caroline.revert((await run_of(caroline, "memorize")).id)
    await caroline.memorize(JUNE)
    await caroline.memorize([*JUNE, {**JUNE[0], "content": "Hello there."}])
    assert await caroline.items(text="botanist") == []
    await sound(caroline)


async def test_reverting_a_revert_brings_all_back(caroline: UserMemory) -> None:
    before = await profile(caroline)
    item = await the(caroline, "botanist")
    report = await caroline.revert((await run_of(caroline, "memorize")).id)
    assert await profile(caroline) != before
    again = await caroline.revert(report.run or "")
    assert [one.op for one in again.changes] == ["add"]
    assert await profile(caroline) == before
    back = await the(caroline, "botanist")
    assert (back.text, back.origin, back.rev) == (item.text, item.origin, item.rev + 2)
    assert (await caroline.retrieve("who is a botanist?")).hits[0].item_ids == (item.id,)
    await sound(caroline)


async def test_what_a_person_changed_since_stays(caroline: UserMemory) -> None:
    item = await the(caroline, "botanist")
    await caroline.update_item(item.id, text="I run the seed bank.")
    report = await caroline.revert((await run_of(caroline, "memorize")).id)
    [kept] = report.kept
    assert (kept.item, kept.reason) == (item.id, "changed since by a person")
    assert "I run the seed bank." in text_of(caroline, "work_life")
    await sound(caroline)


async def test_what_a_person_changed_in_the_file_and_nobody_has_seen_yet_stays(caroline: UserMemory) -> None:
    edit(caroline, "work_life", "botanist", "BOTANIST")
    report = await caroline.revert((await run_of(caroline, "memorize")).id)
    assert [one.reason for one in report.kept] == ["changed since by a person"]
    assert "BOTANIST" in text_of(caroline, "work_life")
    await sound(caroline)


async def test_what_a_later_run_changed_stays(caroline: UserMemory) -> None:
    may, june = await caroline.events(kind="memorize")
    report = await caroline.revert(may.id)
    assert [one.reason for one in report.kept] == [f"changed since by run {june.id}"]
    assert (await the(caroline, "Oscar")).status is Status.ACTIVE
    assert await caroline.items(text="Lisbon") == []


async def test_prose_of_a_person_stays_where_it_is(caroline: UserMemory) -> None:
    edit(caroline, "work_life", "## job\n", "## job\nAsk about the greenhouse.\n\n")
    await caroline.revert((await run_of(caroline, "memorize")).id)
    assert "Ask about the greenhouse." in text_of(caroline, "work_life")
    assert "botanist" not in text_of(caroline, "work_life").replace("Ask", "")


async def test_a_dry_run_writes_nothing(caroline: UserMemory) -> None:
    root = caroline.folder.root
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and ".memu" not in path.parts]
    before = {path: path.read_bytes() for path in files}
    report = await caroline.revert((await run_of(caroline, "memorize")).id, dry_run=True)
    assert (report.run, [one.op for one in report.changes]) == (None, ["remove"])
    assert {path: path.read_bytes() for path in files} == before


async def test_a_run_that_is_reverted_twice_is_reverted_once(caroline: UserMemory) -> None:
    june = await run_of(caroline, "memorize")
    await caroline.revert(june.id)
    again = await caroline.revert(june.id)
    assert (again.run, again.changes) == (None, ())
    assert len(again.kept) == 2


# -- edits


async def test_an_edit_is_reverted_with_its_origin(caroline: UserMemory) -> None:
    item = await the(caroline, "botanist")
    bullets = text_of(caroline, "work_life")
    await caroline.update_item(item.id, text="I run the seed bank.")
    report = await caroline.revert((await run_of(caroline, "edit")).id)
    back = await caroline.item(item.id)
    assert (back.text, back.origin) == (item.text, Origin.EXTRACTED)
    assert [one.op for one in report.changes] == ["change"]
    assert [x for x in bullets.split("\n") if x.startswith("- ")] == [
        x for x in text_of(caroline, "work_life").split("\n") if x.startswith("- ")
    ]
    await sound(caroline)


async def test_a_deletion_by_hand_is_reverted(caroline: UserMemory) -> None:
    item = await the(caroline, "botanist")
    lines = text_of(caroline, "work_life").splitlines(keepends=True)
    page(caroline, "work_life").write_text("".join(x for x in lines if "^" + item.id not in x), "utf-8")
    await caroline.sync()
    assert (await caroline.item(item.id)).status is Status.RETRACTED
    await caroline.revert((await run_of(caroline, "sync")).id)
    assert (await caroline.item(item.id)).status is Status.ACTIVE
    assert f"^{item.id}" in text_of(caroline, "work_life")
    await sound(caroline)
    assert (await caroline.sync()).edits == ()


async def test_a_new_bullet_is_reverted_and_leaves_the_file(caroline: UserMemory) -> None:
    edit(caroline, "work_life", "## job\n", "## job\n- Wants a raise.\n")
    await caroline.sync()
    assert "Wants a raise. ^" in text_of(caroline, "work_life")
    await caroline.revert((await run_of(caroline, "sync")).id)
    assert "raise" not in text_of(caroline, "work_life")
    assert (await the(caroline, "raise", "retracted")).status is Status.RETRACTED
    await sound(caroline)
    assert (await caroline.sync()).edits == ()


@pytest.mark.parametrize(("topic", "slot"), [("goals", "career"), ("work_life", "employer")])
async def test_a_move_is_reverted(caroline: UserMemory, topic: str, slot: str) -> None:
    item = await the(caroline, "botanist")
    before = await profile(caroline)
    await caroline.update_item(item.id, topic=topic, slot=slot)
    report = await caroline.revert((await run_of(caroline, "edit")).id)
    assert "move" in [one.op for one in report.changes]
    assert await profile(caroline) == before
    await sound(caroline)
    assert (await caroline.sync()).edits == ()


async def test_a_renamed_heading_is_reverted_and_later_facts_follow(caroline: UserMemory) -> None:
    edit(caroline, "work_life", "## job", "## profession")
    await caroline.sync()
    item = await the(caroline, "botanist")
    assert item.slot == "profession"
    await caroline.revert((await run_of(caroline, "sync")).id)
    assert (await the(caroline, "botanist")).slot == "job"
    [renamed] = (await run_of(caroline, "revert")).renamed
    assert (renamed.old, renamed.new) == ("work_life/profession", "work_life/job")
    await sound(caroline)


async def test_what_a_run_replaced_is_active_again(memory: MemoryService) -> None:
    user = memory.user("caroline")
    await user.memorize(MAY)
    old = await the(user, "Oscar")
    item = await user.add_item("Has a hamster", topic="relationships", slot="pets")
    await user.revert(item.run)
    assert (await user.item(item.id)).status is Status.RETRACTED
    assert (await user.item(old.id)).status is Status.ACTIVE


async def test_a_forget_cannot_be_reverted(caroline: UserMemory) -> None:
    resource = (await caroline.resources())[0]
    await caroline.forget_resource(resource.id)
    [event] = await caroline.events(kind="forget")
    with pytest.raises(InvalidInput, match="erased"):
        await caroline.revert(event.id)


@pytest.mark.parametrize("what", ["nothing", "", "--output=x", "20230101000000-deadbeef", "HEAD"])
async def test_what_there_is_not_cannot_be_reverted(caroline: UserMemory, what: str) -> None:
    with pytest.raises(NotFound, match="memu-like history"):
        await caroline.revert(what)


async def test_a_killed_revert_is_finished_or_undone(caroline: UserMemory, tmp_path: Path) -> None:
    """The event line is the commit: with it the files follow, without it nothing of the revert counts."""
    june = await run_of(caroline, "memorize")
    before = tmp_path / "before"
    shutil.copytree(caroline.folder.root, before)
    journal = {
        path.relative_to(before).as_posix(): path.stat().st_size
        for path in [*before.glob("items/*.jsonl"), *before.glob("events/*.jsonl")]
    }
    report = await caroline.revert(june.id)
    after = caroline.folder.root
    for with_event in (False, True):
        store = tmp_path / f"killed-{with_event}"
        shutil.copytree(before, store / "caroline")
        kinds = ["items", "events"] if with_event else ["items"]
        for kind in kinds:
            shutil.rmtree(store / "caroline" / kind)
            shutil.copytree(after / kind, store / "caroline" / kind)
        text = '{"sizes": {' + ", ".join(f'"{k}": {v}' for k, v in journal.items()) + '}, "resources": []}'
        (store / "caroline/.memu/journal.json").write_text(text, "utf-8")
        async with MemoryService(Settings(store=store)) as service:
            user = service.user("caroline")
            await user.repair()
            shown = "botanist" in (store / "caroline/categories/work_life.md").read_text("utf-8")
            assert shown is not with_event
            assert bool(await user.items(text="botanist")) is not with_event
            assert report.run is not None
            await sound(user)


# -- commits


@pytest.fixture
async def committed(store: Path) -> AsyncIterator[UserMemory]:
    begin(store)
    async with MemoryService(Settings(store=store)) as service:
        await service.init()
        user = service.user("caroline")
        await user.memorize(MAY)
        await user.history()
        await user.memorize(JUNE)
        await user.history()
        yield user


async def test_a_commit_of_runs_is_reverted_by_its_runs(committed: UserMemory) -> None:
    june = await run_of(committed, "memorize")
    report = await committed.revert("HEAD")
    assert report.reverted == (june.id,)
    assert await committed.items(text="botanist") == []
    revert = (await committed.history())[0]
    assert (revert.kind, revert.commit) == ("revert", git(committed.folder.store, "rev-parse", "HEAD"))
    await committed.revert("HEAD")
    assert [item.text for item in await committed.items(text="botanist")] == [
        "I work as a botanist at the university."
    ]


async def test_a_date_names_no_commit_to_revert(committed: UserMemory) -> None:
    with pytest.raises(NotFound):
        await committed.revert("2099-01-01")


async def test_a_persons_commit_is_reverted_bullet_by_bullet(committed: UserMemory) -> None:
    before = await profile(committed)
    edit(committed, "relationships", "Oscar and he loves carrots", "Oscar, who loves hay")
    edit(committed, "work_life", "## job\n", "## job\n- Wants a raise.\n")
    lines = text_of(committed, "work_life").splitlines(keepends=True)
    page(committed, "work_life").write_text("".join(x for x in lines if "botanist" not in x), "utf-8")
    made = commit(committed.folder.store, "my edits")
    await committed.sync()
    assert await profile(committed) != before
    report = await committed.revert(made)
    assert sorted(one.op for one in report.changes) == ["add", "change", "remove"]
    assert (report.reverted, report.kept) == ((made,), ())
    assert await profile(committed) == before
    await sound(committed)
    assert (await committed.sync()).edits == ()


async def test_of_a_persons_commit_what_was_changed_since_stays(committed: UserMemory) -> None:
    edit(committed, "relationships", "Oscar and he loves carrots", "Oscar, who loves hay")
    made = commit(committed.folder.store, "my edits")
    edit(committed, "relationships", "who loves hay", "who loves parsley")
    report = await committed.revert(made)
    assert report.changes == ()
    [kept] = report.kept
    assert kept.reason.startswith("changed since by a person: pets: ~ ")
    assert "who loves parsley" in text_of(committed, "relationships")


async def test_a_commit_that_the_service_made_of_edits_is_reverted(committed: UserMemory) -> None:
    before = await profile(committed)
    edit(committed, "relationships", "Oscar and he loves carrots", "Oscar, who loves hay")
    await committed.sync()
    steps = await committed.history("relationships")
    [theirs] = [step for step in steps if step.kind == "commit"]
    assert theirs.by == "Pat"
    assert [step.by for step in steps if step.kind == "sync"] == ["Pat"]
    await committed.revert(theirs.commit or "")
    assert await profile(committed) == before
    await sound(committed)


async def test_a_merge_is_not_reverted_as_one(committed: UserMemory) -> None:
    store = committed.folder.store
    git(store, "switch", "--quiet", "--create", "side")
    commit(store, "side")
    git(store, "switch", "--quiet", "main")
    commit(store, "main")
    git(store, "merge", "--quiet", "--no-edit", "side")
    with pytest.raises(InvalidInput, match="merge"):
        await committed.revert("HEAD")


async def test_a_commit_of_another_user_is_refused(committed: UserMemory) -> None:
    async with MemoryService(Settings(store=committed.folder.store)) as service:
        await service.user("melanie").memorize(MAY)
    with pytest.raises(NotFound, match="melanie"):
        await committed.revert("HEAD")


async def test_a_revert_needs_nothing_that_is_derived(caroline: UserMemory) -> None:
    item = await the(caroline, "botanist")
    lines = text_of(caroline, "work_life").splitlines(keepends=True)
    page(caroline, "work_life").write_text("".join(x for x in lines if "^" + item.id not in x), "utf-8")
    await caroline.sync()
    deletion = await run_of(caroline, "sync")
    shutil.rmtree(caroline.folder.derived)
    async with MemoryService(Settings(store=caroline.folder.store)) as service:
        user = service.user("caroline")
        report = await user.revert(deletion.id)
        assert f"^{item.id}" in text_of(user, "work_life")
        before = await profile(user)
    shutil.rmtree(caroline.folder.derived)
    async with MemoryService(Settings(store=caroline.folder.store)) as service:
        user = service.user("caroline")
        assert (await user.sync()).edits == ()
        assert await profile(user) == before
        await user.revert(report.run or "")
        assert "botanist" not in text_of(user, "work_life")
        assert (await user.sync()).edits == ()
        await sound(user)
