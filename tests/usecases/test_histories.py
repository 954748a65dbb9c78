"""History, diff and blame: what the files tell alone, and what a repository adds."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from conversations import JUNE, MAY
from repositories import begin, commit, git

from memu_like.config import Settings
from memu_like.errors import GitError, InvalidInput, NotFound
from memu_like.models import Item
from memu_like.results import Past
from memu_like.service import MemoryService, UserMemory

DOCUMENT = "Caroline's notes\n\nI keep bees on the roof of the library.\n"


async def the(user: UserMemory, text: str) -> Item:
    [item] = await user.items(text=text)
    return item


def page(user: UserMemory, topic: str) -> Path:
    return user.folder.root / "categories" / f"{topic}.md"


def edit(user: UserMemory, topic: str, old: str, new: str) -> None:
    text = page(user, topic).read_text("utf-8")
    assert old in text
    page(user, topic).write_text(text.replace(old, new), "utf-8")


def told(steps: tuple[Past, ...]) -> list[tuple[str, list[str]]]:
    return [(step.kind, [str(change) for change in step.changes]) for step in steps]


@pytest.fixture
async def committed(store: Path) -> AsyncIterator[UserMemory]:
    """Caroline's two conversations, each memorized, and each in a commit of its run."""
    begin(store)
    async with MemoryService(Settings(store=store)) as service:
        await service.init()
        user = service.user("caroline")
        await user.memorize(MAY)
        await user.history()
        await user.memorize(JUNE)
        await user.history()
        yield user


# -- with no repository


async def test_history_needs_no_git(caroline: UserMemory) -> None:
    june, may = await caroline.history()
    assert [one.kind for one in (june, may)] == ["memorize", "memorize"]
    assert (may.commit, may.by, may.run) == (None, "machine", (await caroline.events())[0].id)
    assert "pets: + I have a guinea pig named Oscar and he loves carrots, from 2023-05-08 message 1" in [
        str(change) for change in may.changes
    ]


async def test_an_items_history_has_every_revision(caroline: UserMemory) -> None:
    item = await the(caroline, "botanist")
    await caroline.update_item(item.id, text="I run the seed bank.")
    await caroline.delete_item(item.id)
    assert told(await caroline.history(item.id)) == [
        ("edit", ["job: - I run the seed bank, by hand"]),
        ("edit", ["job: ~ I work as a botanist at the university -> I run the seed bank, by hand"]),
        ("memorize", ["job: + I work as a botanist at the university, from 2023-06-08 message 1"]),
    ]
    assert [step.reason for step in await caroline.history(item.id)][:2] == [
        "deleted by the user",
        "edited by the user",
    ]


async def test_what_was_said_again_is_a_step_of_the_item(caroline: UserMemory) -> None:
    item = await the(caroline, "Oscar")
    again, first = await caroline.history(item.id)
    assert (again.reason, again.changes) == ("corroborated", ())
    assert [change.op for change in first.changes] == ["add"]


async def test_the_history_of_a_topic_and_of_a_slot_is_theirs_alone(caroline: UserMemory) -> None:
    work = await caroline.history("work_life")
    assert work == await caroline.history("work_life/job")
    assert [change.topic for step in work for change in step.changes] == ["work_life"]
    item = await the(caroline, "botanist")
    await caroline.update_item(item.id, topic="goals", slot="career")
    assert told(await caroline.history("work_life"))[0] == (
        "edit",
        ["career: > I work as a botanist at the university, moved from work_life/job to career, by hand"],
    )


async def test_a_renamed_slot_is_followed_under_its_older_name(caroline: UserMemory) -> None:
    edit(caroline, "work_life", "## job", "## profession")
    await caroline.sync()
    found = await caroline.history("work_life/profession")
    assert found[0].reason == "work_life/job was renamed work_life/profession"
    assert found[-1].kind == "memorize"


async def test_a_limit_keeps_the_newest(caroline: UserMemory) -> None:
    assert await caroline.history(limit=1) == (await caroline.history())[:1]
    assert await caroline.history(limit=0) == ()
    with pytest.raises(InvalidInput, match="limit"):
        await caroline.history(limit=-1)


@pytest.mark.parametrize("what", ["nothing", "nothing/at_all", "zzzz9999", "", "../user", "a/b/c"])
async def test_what_there_is_not_has_no_history(caroline: UserMemory, what: str) -> None:
    with pytest.raises(NotFound):
        await caroline.history(what)


async def test_without_a_repository_points_say_how_to_begin_one(caroline: UserMemory) -> None:
    for work in (caroline.diff(), caroline.diff("HEAD"), caroline.at("HEAD")):
        with pytest.raises(GitError, match="memu-like init --git"):
            await work


async def test_blame_needs_no_git(caroline: UserMemory) -> None:
    lines = await caroline.blame("relationships")
    assert [line.line for line in lines] == list(range(1, len(lines) + 1))
    [oscar] = [line for line in lines if line.text.startswith("- ") and "Oscar" in line.text]
    item = await the(caroline, "Oscar")
    assert (oscar.item, oscar.run, oscar.commit, oscar.by) == (
        item.id,
        (await caroline.events())[0].id,
        None,
        "machine",
    )
    assert oscar.source == "2023-05-08 message 1"
    assert oscar.said == "user: I have a guinea pig named Oscar and he loves carrots."
    heading = next(line for line in lines if line.text == "## pets")
    assert (heading.item, heading.source, heading.said) == (None, "", "")


async def test_a_line_of_a_document_is_told_as_a_line(caroline: UserMemory) -> None:
    await caroline.memorize(DOCUMENT.encode(), modality="document", name="notes.txt")
    item = await the(caroline, "bees")
    [line] = [one for one in await caroline.blame(item.topic) if one.item == item.id]
    assert line.source.endswith(" line 3")
    assert line.said == "I keep bees on the roof of the library."


async def test_secrets_in_the_words_behind_a_line_are_masked(memory: MemoryService) -> None:
    user = memory.user("caroline")
    secret = "sk-proj-" + "a1B2c3D4e5" * 4
    await user.memorize(
        [
            {
                "role": "user",
                "content": f"I work as a botanist at the university. My key is {secret}",
                "created_at": "2023-06-08T13:58:00Z",
            }
        ]
    )
    item = await the(user, "botanist")
    assert secret not in str(await user.blame(item.topic))


@pytest.mark.parametrize("topic", ["nothing", "../user", "", "../../other/categories/x"])
async def test_blame_of_no_category_is_refused(caroline: UserMemory, topic: str) -> None:
    with pytest.raises(NotFound):
        await caroline.blame(topic)


# -- with one


async def test_a_run_has_the_commit_that_holds_it(committed: UserMemory) -> None:
    june, may = await committed.history()
    store = committed.folder.store
    log = git(store, "log", "--format=%H %an %b").split("\n\n")
    for step in (june, may):
        [line] = [one for one in log if step.run in one]
        assert line.startswith(step.commit or "none")
        assert step.by == "memu-like"


async def test_a_persons_own_commit_is_a_step(committed: UserMemory) -> None:
    edit(committed, "relationships", "Oscar and he", "Oscar, and he")
    made = commit(committed.folder.store, "a comma for Oscar")
    assert (await committed.history())[0] == (await committed.history("relationships"))[0]
    newest = (await committed.history())[0]
    assert (newest.kind, newest.by, newest.commit, newest.reason) == (
        "commit",
        "Pat",
        made,
        "a comma for Oscar",
    )
    assert "commit" not in [step.kind for step in await committed.history("work_life")]


async def test_diff_tells_what_is_not_committed_yet(committed: UserMemory) -> None:
    assert await committed.diff() == ()
    edit(committed, "relationships", "Oscar and he", "Oscar, and he")
    [change] = await committed.diff()
    assert (change.op, change.source) == ("change", "by hand")
    edit(committed, "work_life", "## job\n", "## job\n- Wants a raise\n")
    assert "job: + Wants a raise, by hand" in [str(one) for one in await committed.diff()]


async def test_diff_of_a_deleted_bullet_is_a_deletion(committed: UserMemory) -> None:
    lines = page(committed, "work_life").read_text("utf-8").splitlines(keepends=True)
    page(committed, "work_life").write_text("".join(x for x in lines if "botanist" not in x), "utf-8")
    assert [str(one) for one in await committed.diff()][-1] == (
        "job: - I work as a botanist at the university, by hand"
    )


async def test_diff_is_between_any_two_points(committed: UserMemory) -> None:
    june, may = await committed.history()
    assert june.commit is not None
    assert may.commit is not None
    there = await committed.diff(may.commit, june.commit)
    assert [str(one) for one in there] == [
        "job: + I work as a botanist at the university, from 2023-06-08 message 1"
    ]
    back = await committed.diff("HEAD", f"{june.commit}~1")
    assert [(one.op, one.text) for one in back] == [("remove", "I work as a botanist at the university.")]
    assert await committed.diff(may.commit, "HEAD") == there == await committed.diff(may.commit)


async def test_diff_with_a_branch_tells_a_what_if(committed: UserMemory) -> None:
    store = committed.folder.store
    git(store, "switch", "--quiet", "--create", "what-if")
    item = await the(committed, "botanist")
    await committed.update_item(item.id, text="I run the seed bank.")
    assert [one.text for one in await committed.diff("main", "what-if")] == ["I run the seed bank."]
    git(store, "switch", "--quiet", "main")
    assert await committed.diff() == ()
    assert [one.before for one in await committed.diff("main", "what-if")] == [
        "I work as a botanist at the university."
    ]


async def test_diff_from_before_the_user_is_all_there_is(committed: UserMemory) -> None:
    store = committed.folder.store
    first = git(store, "rev-list", "--max-parents=0", "HEAD")
    git(store, "checkout", "--quiet", "--orphan", "empty")
    empty = git(store, "commit-tree", "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "-m", "empty")
    git(store, "switch", "--quiet", "--force", "main")
    everything = await committed.diff(empty, "HEAD")
    assert {one.op for one in everything} == {"add"}
    assert first != empty
    assert len(everything) >= 3


@pytest.mark.parametrize("point", ["nothing", "--output=x", "1999-01-01"])
async def test_a_point_that_there_is_not_is_refused(committed: UserMemory, point: str) -> None:
    with pytest.raises(NotFound):
        await committed.diff(point)
    with pytest.raises(NotFound):
        await committed.at(point)


async def test_blame_has_commit_and_author(committed: UserMemory) -> None:
    may = (await committed.history())[-1]
    lines = await committed.blame("relationships")
    [oscar] = [line for line in lines if line.text.startswith("- ") and "Oscar" in line.text]
    assert (oscar.commit, oscar.by, oscar.run) == (may.commit, "memu-like", may.run)
    edit(committed, "relationships", "Oscar and he", "Oscar, and he")
    with page(committed, "relationships").open("a", encoding="utf-8") as file:
        file.write("\nAsk Ottilie.\n")
    lines = await committed.blame("relationships")
    [oscar] = [line for line in lines if line.text.startswith("- ") and "Oscar" in line.text]
    assert (oscar.commit, oscar.by, oscar.source, oscar.run) == (None, "uncommitted", "by hand", None)
    assert (lines[-1].text, lines[-1].by) == ("Ask Ottilie.", "uncommitted")


async def test_git_off_is_as_if_there_were_no_repository(committed: UserMemory) -> None:
    async with MemoryService(Settings(store=committed.folder.store, git="off")) as service:
        user = service.user("caroline")
        assert {step.commit for step in await user.history()} == {None}
        with pytest.raises(GitError):
            await user.diff()


async def test_a_store_below_the_top_of_its_repository_has_history_too(tmp_path: Path) -> None:
    store = begin(tmp_path / "work") / "data" / "store"
    store.mkdir(parents=True)
    async with MemoryService(Settings(store=store, git="off")) as service:
        await service.user("caroline").memorize(MAY)
        [event] = await service.user("caroline").events()
    made = commit(
        tmp_path / "work", f"by hand\n\nMemu-User: caroline\nMemu-Run: {event.id}\nMemu-Kind: memorize"
    )
    async with MemoryService(Settings(store=store)) as service:
        user = service.user("caroline")
        [step] = await user.history()
        assert (step.commit, step.by) == (made, "Pat")
        assert await user.diff() == ()
        assert (await user.blame("relationships"))[0].commit == made
        assert (await (await user.at("main")).items()) == await user.items()


async def test_history_stands_when_what_is_derived_is_gone(committed: UserMemory) -> None:
    before = await committed.history()
    shutil.rmtree(committed.folder.derived)
    async with MemoryService(Settings(store=committed.folder.store)) as service:
        assert await service.user("caroline").history() == before
