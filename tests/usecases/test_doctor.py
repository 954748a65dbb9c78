"""Doctor: a sound folder gives nothing, each fault is named with its place, and repair mends what it can."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from memu_like.config import Settings
from memu_like.errors import NotFound
from memu_like.models import Resource
from memu_like.service import MemoryService, UserMemory

ITEMS = "items/2023-06.jsonl"
EVENTS = "events/2023-06.jsonl"
WORK = "categories/work_life.md"


async def found(user: UserMemory) -> list[tuple[str, str, int | None]]:
    return [(finding.level, finding.path, finding.line) for finding in await user.doctor()]


def edit(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(caroline: UserMemory) -> Path:
    return caroline.folder.root


async def test_a_sound_folder_gives_nothing(caroline: UserMemory, folder: Path) -> None:
    assert await caroline.doctor() == []
    shutil.rmtree(folder / ".memu")
    assert await caroline.doctor() == []
    assert await caroline.repair() == []


async def test_doctor_writes_nothing(caroline: UserMemory, folder: Path) -> None:
    edit(folder / WORK, lambda text: text + "<<<<<<< ours\n")
    (folder / "buffer.jsonl").write_bytes(b'{"role": "user", "content": "x"}\n{"torn')
    before = snapshot(folder)
    assert await caroline.doctor()
    assert snapshot(folder) == before


async def test_messages_that_wait_are_a_note(caroline: UserMemory) -> None:
    await caroline.add([{"role": "user", "content": "x"}, {"role": "user", "content": "y"}])
    [finding] = await caroline.doctor()
    assert (finding.level, finding.path) == ("note", "buffer.jsonl")
    assert "2 messages" in finding.message
    assert "flush" in str(finding)


async def test_an_unknown_user_is_not_found(memory: MemoryService) -> None:
    with pytest.raises(NotFound):
        await memory.user("nobody").doctor()
    with pytest.raises(NotFound):
        await memory.user("nobody").repair()


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 1, "user_id": "melanie"}', '{"version": 99}'])
async def test_a_broken_user_file_is_an_error(caroline: UserMemory, folder: Path, text: str) -> None:
    (folder / "user.json").write_text(text)
    assert ("error", "user.json", None) in await found(caroline)


@pytest.mark.parametrize("name", [ITEMS, EVENTS])
async def test_a_line_that_does_not_parse_is_an_error(caroline: UserMemory, folder: Path, name: str) -> None:
    edit(folder / name, lambda text: "\nnonsense\n" + text)
    assert ("error", name, 2) in await found(caroline)
    assert ("error", name, 2) in [(f.level, f.path, f.line) for f in await caroline.repair()]
    assert "nonsense" in (folder / name).read_text()


@pytest.mark.parametrize("name", [ITEMS, EVENTS, "buffer.jsonl"])
async def test_a_torn_last_line_is_cut_by_repair(caroline: UserMemory, folder: Path, name: str) -> None:
    before = (folder / name).read_bytes() if (folder / name).exists() else b""
    (folder / name).write_bytes(before + b'{"id": "torn')
    assert ("warning", name, before.count(b"\n") + 1) in await found(caroline)
    assert await caroline.repair() == []
    assert (folder / name).read_bytes() == before


@pytest.mark.parametrize("name", [ITEMS, EVENTS])
async def test_a_last_line_that_lost_its_newline_gets_it_back(
    caroline: UserMemory, folder: Path, name: str
) -> None:
    before = (folder / name).read_bytes()
    (folder / name).write_bytes(before[:-1])
    assert ("warning", name, before.count(b"\n")) in await found(caroline)
    assert await caroline.repair() == []
    assert (folder / name).read_bytes() == before


async def test_the_next_run_does_not_write_into_an_open_last_line(caroline: UserMemory, folder: Path) -> None:
    before = (folder / ITEMS).read_bytes()
    (folder / ITEMS).write_bytes(before[:-1])
    message = {"role": "user", "content": "I play the oboe.", "created_at": "2023-06-09T10:00:00Z"}
    await caroline.memorize([message])
    assert (folder / ITEMS).read_bytes().startswith(before)
    assert len(await caroline.items()) == 4
    assert await caroline.doctor() == []


async def test_an_item_whose_run_never_finished_is_told(caroline: UserMemory, folder: Path) -> None:
    line = json.loads((folder / ITEMS).read_text().splitlines()[0])
    edit(folder / ITEMS, lambda text: text + json.dumps({**line, "id": "aaaa1111", "run": "none"}) + "\n")
    assert [level for level, path, _ in await found(caroline) if path == ITEMS] == ["warning"]


async def test_a_revision_that_stands_twice_is_told(caroline: UserMemory, folder: Path) -> None:
    edit(folder / ITEMS, lambda text: text + text.splitlines(keepends=True)[0])
    assert ("warning", ITEMS, 2) in await found(caroline)


async def test_a_source_that_is_not_there_is_an_error(caroline: UserMemory, folder: Path) -> None:
    edit(folder / ITEMS, lambda text: text.replace('"first":1,"last":1', '"first":1,"last":9'))
    assert ("error", ITEMS, 1) in await found(caroline)
    edit(folder / ITEMS, lambda text: text.replace('"last":9', '"last":1').replace("20230608", "20230609"))
    assert ("error", ITEMS, 1) in await found(caroline)
    edit(folder / ITEMS, lambda text: text.replace('"run"', '"derived_from":["zzzz9999"],"run"'))
    assert ("warning", ITEMS, 1) in await found(caroline)


async def june(user: UserMemory) -> Resource:
    return (await user.resources())[1]


async def test_a_resource_that_was_changed_by_hand_is_told(caroline: UserMemory, folder: Path) -> None:
    resource = await june(caroline)
    edit(folder / resource.file, lambda text: text.replace("botanist", "gardener"))
    assert ("warning", resource.file, None) in await found(caroline)


async def test_a_resource_without_its_file_or_its_meta_is_told(caroline: UserMemory, folder: Path) -> None:
    resource = await june(caroline)
    meta = folder / resource.file.replace(".jsonl", ".meta.json")
    data = (folder / resource.file).read_bytes()
    (folder / resource.file).unlink()
    assert ("error", resource.file, None) in await found(caroline)
    (folder / resource.file).write_bytes(data)
    kept = meta.read_bytes()
    meta.unlink()
    assert ("warning", resource.file, None) in await found(caroline)
    meta.write_bytes(b"{}")
    assert ("error", meta.relative_to(folder).as_posix(), None) in await found(caroline)
    meta.write_bytes(kept)
    assert await caroline.doctor() == []


async def test_a_resource_that_no_run_has_read_is_read_by_repair(caroline: UserMemory, folder: Path) -> None:
    resource = await june(caroline)
    shutil.rmtree(folder / "events")
    shutil.rmtree(folder / "items")
    shutil.rmtree(folder / "categories")
    assert ("warning", resource.file, None) in await found(caroline)
    assert await caroline.repair() == []
    assert len(await caroline.items(text="botanist")) == 1


async def test_category_files_are_checked(caroline: UserMemory, folder: Path) -> None:
    before = (folder / WORK).read_text()
    number = before.count("\n") + 1
    edit(folder / WORK, lambda text: text + "- Something ^zzzz9999\n")
    assert ("warning", WORK, number) in await found(caroline)
    [item] = await caroline.items(text="botanist")
    (folder / WORK).write_text(before + f"- A copy ^{item.id}\n")
    assert ("warning", WORK, number) in await found(caroline)
    (folder / WORK).write_text(before + "<<<<<<< ours\nx\n=======\ny\n>>>>>>> theirs\n")
    assert ("error", WORK, number) in await found(caroline)
    (folder / WORK).write_bytes(b"\xff")
    assert ("error", WORK, None) in await found(caroline)


async def test_names_that_differ_in_capitals_alone_are_told(caroline: UserMemory, folder: Path) -> None:
    (folder / "categories" / "Work_Life.md").write_text("x")
    if len(list((folder / "categories").glob("*ork_*ife.md"))) < 2:
        pytest.skip("this file system does not tell case apart")
    assert any(level == "warning" and path.lower() == WORK for level, path, _ in await found(caroline))


async def test_leftovers_of_a_killed_writer_are_told_and_swept(caroline: UserMemory, folder: Path) -> None:
    (folder / ".user.json.12345678.tmp").write_text("x")
    (folder / ".memu" / ".journal.json.12345678.tmp").write_text("x")
    (folder / ".memu" / "seen" / ".2023-05.sums.12345678.tmp").write_text("x")
    (folder / ".memu" / "bases" / ".work_life.json.12345678.tmp").write_text("x")
    assert [level for level, *_ in await found(caroline)] == ["warning"] * 4
    await caroline.flush()
    assert await caroline.doctor() == []
    (folder / "categories" / ".x.md.12345678.tmp").write_text("x")
    (folder / ".memu" / "journal.json").write_text('{"sizes": {}}')
    assert len(await found(caroline)) == 2
    assert await caroline.repair() == []


async def test_a_link_that_leads_out_is_an_error(caroline: UserMemory, folder: Path, tmp_path: Path) -> None:
    (folder / "categories" / "out.md").symlink_to(tmp_path / "x.md")
    assert ("error", "categories/out.md", None) in await found(caroline)


async def test_an_index_that_disagrees_with_the_files_is_told_and_mended(
    caroline: UserMemory, folder: Path
) -> None:
    path = folder / "items" / "2023-05.jsonl"
    status = path.stat()
    path.write_bytes(b"".join(reversed(path.read_bytes().splitlines(keepends=True))))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert {level for level, path, _ in await found(caroline) if "manifest" in path} == {"error"}
    assert await caroline.repair() == []
    assert len(await caroline.items()) == 3
    for path in (folder / ".memu" / "index").glob("*.seg"):
        path.write_bytes(path.read_bytes()[:100])
    async with MemoryService(Settings(store=folder.parent)) as other:
        assert [level for level, *_ in await found(other.user("caroline"))] == ["warning"]
    assert await caroline.repair() == []


async def test_an_index_of_another_embedder_is_a_note(caroline: UserMemory, folder: Path) -> None:
    async with MemoryService(Settings(store=folder.parent, embedder="none")) as other:
        user = other.user("caroline")
        assert [level for level, *_ in await found(user)] == ["note"]
        await user.reindex()
        assert await user.doctor() == []
