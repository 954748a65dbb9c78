"""Export and import: a folder as an archive and back, and archives that must not come in."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from pathlib import Path

import pytest

from memu_like.config import Settings
from memu_like.errors import InvalidInput, LoadError, NotFound
from memu_like.service import MemoryService, UserMemory


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".memu" not in path.parts
    }


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


async def test_an_export_comes_back_byte_for_byte(
    caroline: UserMemory, memory: MemoryService, store: Path, tmp_path: Path
) -> None:
    await caroline.add({"role": "user", "content": "I started to learn the oboe."})
    (store / "caroline" / "categories" / "garden.md").write_text("- Grows beans\n")
    target = tmp_path / "out.zip"
    count = await caroline.export(target)
    before = files_of(store / "caroline")
    assert count == len(before)
    other = memory.user("Bea Smith")
    assert await other.import_archive(target) == count
    after = files_of(other.folder.root)
    assert json.loads(after.pop("user.json"))["user_id"] == "Bea Smith"
    before.pop("user.json")
    assert after == before
    assert await other.items() == await caroline.items()
    assert (await other.retrieve("oboe")).hits[0].tier == "buffer"
    assert [finding.level for finding in await other.doctor()] == ["note"]
    assert [name for name in names_in(store) if name.startswith(".")] == []


async def test_the_same_user_comes_back_whole_after_a_forget(
    caroline: UserMemory, store: Path, tmp_path: Path
) -> None:
    await caroline.export(tmp_path / "out.zip")
    before = files_of(store / "caroline")
    await caroline.forget()
    await caroline.import_archive(tmp_path / "out.zip")
    assert files_of(store / "caroline") == before
    assert (await caroline.memorize([{"role": "user", "content": "I like tea."}])).items_added == 1


async def test_two_exports_of_the_same_folder_are_the_same_bytes(
    caroline: UserMemory, tmp_path: Path
) -> None:
    await caroline.export(tmp_path / "one.zip")
    await caroline.export(tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


async def test_nothing_derived_hidden_or_linked_is_exported(
    caroline: UserMemory, store: Path, tmp_path: Path
) -> None:
    folder = store / "caroline"
    (folder / "categories" / ".secret.md").write_text("x")
    (folder / "categories" / ".x.md.1234.tmp").write_text("x")
    (folder / "notes.txt").write_text("x")
    (tmp_path / "outside.md").write_text("outside")
    (folder / "categories" / "link.md").symlink_to(tmp_path / "outside.md")
    await caroline.export(tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = archive.namelist()
    assert names == sorted(names)
    assert not [
        name for name in names if "memu" in name or "secret" in name or "tmp" in name or "link" in name
    ]
    assert "notes.txt" not in names


async def test_an_export_overwrites_nothing(caroline: UserMemory, store: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.zip"
    target.write_bytes(b"precious")
    for bad in (target, tmp_path, tmp_path / "no" / "where.zip", store / "caroline" / "categories" / "x.zip"):
        with pytest.raises(InvalidInput):
            await caroline.export(bad)
    assert target.read_bytes() == b"precious"
    assert names_in(tmp_path) == ["out.zip", "store"]


async def test_an_unknown_user_cannot_be_exported(memory: MemoryService, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await memory.user("nobody").export(tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


async def test_a_user_who_exists_is_not_imported_over(
    caroline: UserMemory, store: Path, tmp_path: Path
) -> None:
    await caroline.export(tmp_path / "out.zip")
    before = files_of(store)
    with pytest.raises(InvalidInput, match="exists already"):
        await caroline.import_archive(tmp_path / "out.zip")
    assert files_of(store) == before


USER = b'{"version": 1, "user_id": "x", "created_at": "2023-05-08T13:56:00Z", "data": {}}'


def packed(*entries: tuple[str, bytes], mode: int = 0o100644, user: bytes | None = USER) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [*([("user.json", user)] if user is not None else []), *entries]:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (mode if name != "user.json" else 0o100644) << 16
            archive.writestr(info, data)
    return out.getvalue()


UNSAFE = [
    "../evil.txt",
    "/etc/evil",
    "categories/../../evil.md",
    "categories/..\\evil.md",
    "categories\\evil.md",
    "C:/evil.md",
    "categories/C:evil.md",
    "categories/con.md",
    "categories/.hidden.md",
    "categories/evil.md.",
    "categories/a\nb.md",
    ".memu/index/manifest.json",
    ".git/hooks/post-checkout",
    "notes.txt",
    "items/x.jsonl",
    "items/2023-05.jsonl/x",
    "resources/2023/05/06/07",
    "User.json",
]


@pytest.mark.parametrize("name", UNSAFE)
async def test_a_name_that_is_no_memory_file_refuses_the_archive(
    memory: MemoryService, store: Path, tmp_path: Path, name: str
) -> None:
    await refused(memory, store, tmp_path, packed((name, b"x")), "no file of a memory folder")


async def refused(memory: MemoryService, store: Path, tmp_path: Path, data: bytes, message: str) -> None:
    """The archive is refused with this message, and nothing of it is anywhere."""
    path = tmp_path / "in.zip"
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match=message):
        await memory.user("bea").import_archive(path)
    assert set(names_in(tmp_path)) - {store.name} == {"in.zip"}
    assert names_in(store) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cannot be read"),
        (b"PK\x03\x04 not a zip", "cannot be read"),
        (packed(user=None), "no user.json"),
        (packed(("categories/a.md", b"x"), user=None), "no user.json"),
        (packed(user=b"{"), "user.json cannot be read"),
        (packed(user=b"[]"), "user.json cannot be read"),
        (packed(user=b'{"version": 99}'), "format 99"),
        (packed(user=b'{"version": "1"}'), "format '1'"),
        (packed(("categories/a.md", b"x"), ("categories/A.md", b"y")), "twice"),
        (packed(("categories/a.md", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777), "link"),
        (packed(("items/2023-05.jsonl", b'{"id": 3}\n')), "2023-05.jsonl:1"),
        (packed(("events/2023-05.jsonl", b"nonsense\n")), "2023-05.jsonl:1"),
        (packed(("resources/2023/05/08-135600-aaaaaaaa.meta.json", b"{}")), "damaged file"),
        (packed(("categories/a.md", b"0" * 50_000_000)), "times its size"),
    ],
)
async def test_a_bad_archive_is_refused_whole(
    memory: MemoryService, store: Path, tmp_path: Path, data: bytes, message: str
) -> None:
    await refused(memory, store, tmp_path, data, message)


async def test_an_archive_with_a_flipped_byte_is_refused_or_the_same(
    caroline: UserMemory, memory: MemoryService, store: Path, tmp_path: Path
) -> None:
    await caroline.export(tmp_path / "out.zip")
    good = (tmp_path / "out.zip").read_bytes()
    bad = tmp_path / "bad.zip"
    for number, at in enumerate(range(10, len(good), len(good) // 40)):
        bad.write_bytes(good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :])
        user = memory.user(f"user{number}")
        try:
            await user.import_archive(bad)
        except InvalidInput:
            assert not user.folder.root.exists()
        else:
            assert await user.items() == await caroline.items()
            await user.forget()
    bad.write_bytes(good[: len(good) // 2])
    with pytest.raises(InvalidInput):
        await memory.user("bea").import_archive(bad)
    assert names_in(store) == ["caroline"]


async def test_an_archive_that_unpacks_to_too_much_is_refused(store: Path, tmp_path: Path) -> None:
    (tmp_path / "in.zip").write_bytes(packed(("categories/a.md", bytes(range(256)) * 40)))
    async with MemoryService(Settings(store=store, max_file_bytes=2000)) as service:
        with pytest.raises(InvalidInput, match="limit is 8000"):
            await service.user("bea").import_archive(tmp_path / "in.zip")
        with pytest.raises(LoadError, match="no such file"):
            await service.user("bea").import_archive(tmp_path / "nothing.zip")
