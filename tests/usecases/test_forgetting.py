"""Forgetting: no word of a resource is left anywhere, what others say stays, and a kill changes nothing."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conversations import JUNE, MAY

from memu_like.config import Settings
from memu_like.edges.store import stored_user_id
from memu_like.errors import CorruptFile, InvalidUserId, NotFound, StorageError
from memu_like.models import Origin, Status
from memu_like.service import MemoryService, UserMemory

WORDS = ("Lisbon", "Ottilie", "moved", "lisbon", "ottilie")


def left(store: Path, *words: str) -> list[str]:
    """Files, index and bases included, that hold one of the words."""
    return [
        path.name
        for path in store.rglob("*")
        if path.is_file() and any(word.encode() in path.read_bytes() for word in words)
    ]


async def test_no_word_of_a_forgotten_resource_is_left(caroline: UserMemory, store: Path) -> None:
    may, _ = await caroline.resources()
    assert left(store, *WORDS)
    forgotten = await caroline.forget_resource(may.id)
    assert (forgotten.resource, forgotten.items, forgotten.events, forgotten.kept) == (may.id, 1, 1, ())
    assert left(store, *WORDS, "How nice") == []
    assert await caroline.items(text="Lisbon", status="all") == []
    assert all("Lisbon" not in hit.text for hit in (await caroline.retrieve("Lisbon")).hits)
    assert [resource.id for resource in await caroline.resources()] != [may.id]
    assert not (store / "caroline" / "resources" / "2023" / "05").exists()
    assert await caroline.doctor() == []


async def test_what_another_resource_says_too_stays_in_its_words(caroline: UserMemory, store: Path) -> None:
    may, june = await caroline.resources()
    [item] = await caroline.items(text="guinea")
    assert item.source is not None
    assert item.source.resource == may.id
    await caroline.forget_resource(may.id)
    [now] = await caroline.items(text="guinea")
    assert (now.id, now.text, now.corroborations) == (item.id, JUNE[1]["content"], ())
    assert now.source is not None
    assert (now.source.resource, now.source.first) == (june.id, 2)
    assert now.rev == item.rev + 1
    assert [revision.rev for revision in await caroline.item_history(item.id)] == [now.rev]
    assert left(store, "Oscar and he") == []
    [entry] = (await caroline.profile())["relationships"]["pets"]
    assert entry.text.startswith(JUNE[1]["content"])
    assert not entry.pinned


async def test_a_corroboration_is_forgotten_and_the_item_stays(caroline: UserMemory, store: Path) -> None:
    _, june = await caroline.resources()
    [item] = await caroline.items(text="guinea")
    await caroline.forget_resource(june.id)
    [now] = await caroline.items(text="guinea")
    assert (now.text, now.source, now.corroborations) == (item.text, item.source, ())
    assert left(store, "botanist", "Oscar, and") == []
    assert await caroline.doctor() == []


async def test_the_event_of_the_forget_holds_the_id_alone(caroline: UserMemory, store: Path) -> None:
    may, _ = await caroline.resources()
    [event] = await caroline.events(resource=may.id)
    await caroline.forget_resource(may.id)
    [forget] = await caroline.events(kind="forget")
    assert (forget.resources, forget.summary, forget.items) == ((may.id,), "", ())
    [hidden] = [one for one in await caroline.events(include_deleted=True) if one.id == event.id]
    assert (hidden.time, hidden.deleted, hidden.summary, hidden.items) == (event.time, True, "", ())


async def test_what_a_person_wrote_stays_and_is_reported(caroline: UserMemory, store: Path) -> None:
    may, _ = await caroline.resources()
    [item] = await caroline.items(text="Lisbon")
    await caroline.update_item(item.id, text="Lives by the river")
    [pet] = await caroline.items(text="guinea")
    path = store / "caroline" / "categories" / "relationships.md"
    [entry] = (await caroline.profile())["relationships"]["pets"]
    path.write_text(
        path.read_text().replace(f"- {entry.text}", "- Keeps a small animal") + "\nMy own words.\n"
    )
    forgotten = await caroline.forget_resource(may.id)
    assert set(forgotten.kept) == {item.id, pet.id}
    assert left(store, *WORDS, "Oscar and he") == []
    assert f"- Keeps a small animal ^{pet.id}" in path.read_text()
    assert "My own words." in path.read_text()
    kept = await caroline.item(pet.id)
    assert (kept.text, kept.source, kept.origin) == ("Keeps a small animal", None, Origin.HUMAN)
    assert (await caroline.item(item.id)).text == "Lives by the river"
    assert await caroline.doctor() == []


async def test_a_quote_that_a_person_only_moved_or_retracted_is_erased(
    caroline: UserMemory, store: Path
) -> None:
    may, _ = await caroline.resources()
    [item] = await caroline.items(text="Lisbon")
    await caroline.update_item(item.id, slot="history")
    [pet] = await caroline.items(text="guinea")
    await caroline.delete_item(pet.id)
    forgotten = await caroline.forget_resource(may.id)
    assert forgotten.items == 2
    assert forgotten.kept == ()
    assert left(store, *WORDS, "Oscar and he") == []


async def test_copies_and_moved_bullets_are_erased_too(caroline: UserMemory, store: Path) -> None:
    may, _ = await caroline.resources()
    [entry] = (await caroline.profile())["personal_info"]["location"]
    folder = store / "caroline" / "categories"
    source = folder / "personal_info.md"
    bullet = f"- {entry.text} ^{entry.id}\n"
    source.write_text(source.read_text() + f"\n## again\n{bullet}")
    (folder / "elsewhere.md").write_text(f"# elsewhere\n\nKeep this.\n\n{bullet}")
    await caroline.forget_resource(may.id)
    assert left(store, *WORDS) == []
    assert "Keep this." in (folder / "elsewhere.md").read_text()


async def test_forgetting_works_without_the_derived_folder(caroline: UserMemory, store: Path) -> None:
    may, _ = await caroline.resources()
    shutil.rmtree(store / "caroline" / ".memu")
    await caroline.forget_resource(may.id)
    assert left(store, *WORDS) == []


async def test_vectors_that_were_kept_to_save_their_cost_go_too(caroline: UserMemory, store: Path) -> None:
    kept = store / "caroline" / ".memu" / "vectors"
    kept.mkdir()
    (kept / "x.vectors").write_bytes(b"x")
    may, _ = await caroline.resources()
    await caroline.forget_resource(may.id)
    assert not kept.exists()


async def test_a_resource_can_be_forgotten_twice_but_an_unknown_one_cannot(caroline: UserMemory) -> None:
    may, _ = await caroline.resources()
    await caroline.forget_resource(may.id)
    assert (await caroline.forget_resource(may.id)).items == 0
    assert len(await caroline.events(kind="forget")) == 1
    for name in ("20230508-135600-aaaaaaaa", "../../etc", "", "\udc80"):
        with pytest.raises(NotFound):
            await caroline.forget_resource(name)


async def test_what_was_forgotten_can_come_in_again(caroline: UserMemory) -> None:
    may, _ = await caroline.resources()
    await caroline.forget_resource(may.id)
    report = await caroline.memorize(MAY)
    assert report.resources == (may.id,)
    assert len(await caroline.items(text="Lisbon")) == 1
    assert (await caroline.flush()).runs == ()
    await caroline.forget_resource(may.id)
    assert await caroline.items(text="Lisbon", status="all") == []


async def test_buffered_messages_outlive_a_forget(caroline: UserMemory) -> None:
    await caroline.add({"role": "user", "content": "I started to learn the oboe."})
    may, _ = await caroline.resources()
    await caroline.forget_resource(may.id)
    assert (await caroline.stats()).buffered == 1
    assert (await caroline.retrieve("oboe")).hits[0].tier == "buffer"


async def test_what_was_derived_from_forgotten_items_alone_goes_too(
    caroline: UserMemory, store: Path
) -> None:
    may, june = await caroline.resources()
    [moved] = await caroline.items(text="Lisbon")
    [work] = await caroline.items(text="botanist")
    path = store / "caroline" / "items" / "2023-06.jsonl"
    line = json.loads(path.read_bytes().splitlines()[0])
    for name, roots in (
        ("aaaa1111", [moved.id]),
        ("aaaa2222", [moved.id, work.id]),
        ("aaaa3333", ["aaaa1111"]),
    ):
        insight = {**line, "id": name, "type": "insight", "text": f"Insight {name}", "derived_from": roots}
        insight |= {"source": None, "origin": "reflection"}
        with path.open("a") as file:
            file.write(json.dumps(insight) + "\n")
    assert len(await caroline.items(type="insight")) == 3
    forgotten = await caroline.forget_resource(may.id)
    assert forgotten.items == 3
    [left_over] = await caroline.items(type="insight", status="all")
    assert (left_over.id, left_over.derived_from, left_over.status) == ("aaaa2222", (work.id,), Status.ACTIVE)
    assert june.id in [resource.id for resource in await caroline.resources()]


async def test_other_lines_keep_their_bytes(caroline: UserMemory, store: Path) -> None:
    path = store / "caroline" / "items" / "2023-06.jsonl"
    path.write_bytes(path.read_bytes() + b"\n\n")
    before = path.read_bytes()
    may, _ = await caroline.resources()
    await caroline.forget_resource(may.id)
    assert path.read_bytes() == before


async def test_a_file_that_cannot_be_merged_stops_the_forget_before_it_begins(
    caroline: UserMemory, store: Path
) -> None:
    may, _ = await caroline.resources()
    path = store / "caroline" / "categories" / "personal_info.md"
    path.write_text(path.read_text() + "<<<<<<< ours\nx\n=======\ny\n>>>>>>> theirs\n")
    with pytest.raises(StorageError, match="personal_info"):
        await caroline.forget_resource(may.id)
    assert len(await caroline.resources()) == 2
    assert len(await caroline.items(text="Lisbon")) == 1


async def test_another_process_finds_nothing_of_it_either(caroline: UserMemory, store: Path) -> None:
    async with MemoryService(Settings(store=store)) as other:
        theirs = other.user("caroline")
        assert (await theirs.retrieve("Lisbon")).hits
        may, _ = await caroline.resources()
        await caroline.forget_resource(may.id)
        assert all("Lisbon" not in hit.text for hit in (await theirs.retrieve("Lisbon")).hits)
        assert len((await theirs.retrieve("botanist")).hits) > 0


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from memu_like.config import Settings
from memu_like.service import MemoryService

store, resource, at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.truncate", "os.mkdir"}
done = 0

def count(event, arguments):
    global done
    writes = event == "open" and isinstance(arguments[1], str) and arguments[1][0] in "wxa"
    if (event in CHANGES or writes) and str(arguments[0]).startswith(str(store)):
        done += 1
        if done == at:
            os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with MemoryService(Settings(store=store, embedder="none")) as service:
        user = service.user("caroline")
        sys.addaudithook(count)
        if resource == "user":
            await user.forget()
        else:
            await user.forget_resource(resource)

asyncio.run(main())
"""


def killed(store: Path, resource: str, at: int) -> bool:
    """Whether the call was killed before the `at`-th change that it makes on disk."""
    code = subprocess.run([sys.executable, "-c", KILLED, store, resource, str(at)], check=False).returncode
    assert code in (0, -9)
    return code == -9


@pytest.mark.skipif(os.name == "nt", reason="a kill that leaves no time to clean up")
def test_a_forget_that_is_killed_is_finished_by_the_next_write(tmp_path: Path) -> None:
    store, copy = tmp_path / "store", tmp_path / "copy"

    async def fill() -> str:
        async with MemoryService(Settings(store=store, embedder="none")) as service:
            user = service.user("caroline")
            await user.memorize(MAY)
            await user.memorize(JUNE)
            return (await user.resources())[0].id

    async def carry_on() -> int:
        async with MemoryService(Settings(store=copy, embedder="none")) as service:
            user = service.user("caroline")
            await user.add({"role": "user", "content": "I started to learn the oboe."})
            await user.retrieve("what about Lisbon?")
            await user.flush()
            assert await user.doctor() == []
            assert len(await user.items(text="oboe")) == 1
            assert len(await user.items(text="botanist")) == 1
            assert len(await user.items(text="guinea")) == 1
            return len(await user.items(text="Lisbon", status="all"))

    resource = asyncio.run(fill())
    finished = 0
    for at in (1, 2, 5, 9, 14, 19, 24, 29, 34, 39, 60):
        shutil.copytree(store, copy)
        was_killed = killed(copy, resource, at)
        found = asyncio.run(carry_on())
        assert found == 0 or at <= 4, "once the journal names it, the forget is finished"
        if not found:
            assert left(copy, *WORDS) == []
        shutil.rmtree(copy)
        finished += 1
        if not was_killed:
            break
    assert finished > 5


# -- a whole user


async def test_a_forgotten_user_leaves_nothing(
    caroline: UserMemory, memory: MemoryService, store: Path
) -> None:
    await memory.user("bea").memorize(JUNE)
    await caroline.add(MAY)
    await caroline.forget()
    assert not (store / "caroline").exists()
    assert await memory.users() == ["bea"]
    with pytest.raises(NotFound):
        await caroline.items()
    with pytest.raises(NotFound):
        await caroline.forget()
    await caroline.memorize(JUNE)
    assert len(await caroline.items()) == 2


async def test_a_user_whose_files_are_broken_can_be_forgotten(caroline: UserMemory, store: Path) -> None:
    (store / "caroline" / "items" / "2023-05.jsonl").write_bytes(b"\xff{")
    (store / "caroline" / "user.json").write_bytes(b"{")
    await caroline.forget()
    assert not (store / "caroline").exists()


async def test_a_folder_of_somebody_else_is_not_forgotten(caroline: UserMemory, store: Path) -> None:
    path = store / "caroline" / "user.json"
    path.write_text(path.read_text().replace('"caroline"', '"melanie"'))
    with pytest.raises(InvalidUserId):
        await caroline.forget()
    assert (store / "caroline" / "items").is_dir()


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
async def test_links_are_removed_and_not_followed(caroline: UserMemory, store: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.txt").write_text("x")
    (store / "caroline" / "resources" / "link").symlink_to(outside)
    (store / "caroline" / "link").symlink_to(outside)
    await caroline.forget()
    assert (outside / "precious.txt").exists()
    assert not (store / "caroline").exists()


@pytest.mark.skipif(os.name == "nt", reason="a kill that leaves no time to clean up")
def test_a_user_half_forgotten_is_forgotten_by_the_next_call(tmp_path: Path) -> None:
    async def fill() -> None:
        async with MemoryService(Settings(store=tmp_path, embedder="none")) as service:
            await service.user("caroline").memorize(MAY)

    async def again() -> None:
        async with MemoryService(Settings(store=tmp_path, embedder="none")) as service:
            if await service.users():
                await service.user("caroline").forget()
            assert await service.users() == []

    for at in (2, 7, 20):
        asyncio.run(fill())
        killed(tmp_path, "user", at)
        asyncio.run(again())
        assert left(tmp_path, *WORDS) == []


async def test_adding_while_the_user_is_forgotten_keeps_what_it_acknowledges(
    caroline: UserMemory, memory: MemoryService, store: Path
) -> None:
    message = {"role": "user", "content": "I started to learn the oboe."}
    for _ in range(10):
        await caroline.memorize(MAY)
        added, forgotten = await asyncio.gather(
            caroline.add(message), memory.user("caroline").forget(), return_exceptions=True
        )
        assert forgotten is None
        if added == 1 and (store / "caroline").exists():
            assert await memory.users() == ["caroline"]
        elif added != 1:
            assert isinstance(added, StorageError)


def test_the_id_of_a_folder_is_read_from_its_user_json(tmp_path: Path) -> None:
    path = tmp_path / "user.json"
    path.write_text('{"user_id": "caroline"}')
    assert stored_user_id(tmp_path) == "caroline"
    for broken in ("", "[]", "{}", '{"user_id": 3}', "null", "\x00"):
        path.write_text(broken)
        with pytest.raises(CorruptFile):
            stored_user_id(tmp_path)


async def test_words_that_a_killed_forget_left_go_though_its_journal_is_gone(
    caroline: UserMemory, store: Path
) -> None:
    may, _ = await caroline.resources()
    path = store / "caroline" / may.file
    words = path.read_bytes()
    await caroline.forget_resource(may.id)
    path.parent.mkdir(parents=True)
    path.write_bytes(words)  # as where the process was killed once the meta file was gone
    shutil.rmtree(store / "caroline" / ".memu")
    async with MemoryService(store) as service:
        await service.user("caroline").flush()
    assert left(store, *WORDS) == []
