"""`init --git`: a repository for a store, wherever it lies, and a first commit of what is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from committed_stores import category, log, opened, said, status
from conversations import JUNE, MAY
from repositories import ALONE, begin, git

from memu_like.errors import ConfigError
from memu_like.service import MemoryService


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own git settings are none of the tests'."""
    for name, setting in ALONE.items():
        monkeypatch.setenv(name, setting)


async def test_init_makes_a_repository_with_what_is_there(tmp_path: Path) -> None:
    store = tmp_path / "store"
    async with opened(store) as service:
        await service.user("caroline").memorize(MAY)
        await service.user("caroline").add(said("I am only buffered."))
        await service.init(git=True)
        names = set(git(store, "ls-tree", "-r", "--name-only", "HEAD").splitlines())
        assert {".gitignore", ".gitattributes", "caroline/user.json", "caroline/items/2023-05.jsonl"} <= names
        assert not [name for name in names if ".memu" in name or "buffer" in name]
        assert status(store) == ""
        assert log(store) == [f"init: {len(names)} files of this store"]
        await service.user("caroline").memorize(JUNE)
        await service.committed()
    assert log(store)[0].startswith("memorize caroline")
    assert status(store) == ""


async def test_init_in_a_repository_with_a_history_adds_what_is_not_in_it(tmp_path: Path) -> None:
    store = begin(tmp_path / "store")
    async with opened(store, git="off") as service:
        await service.user("caroline").memorize(MAY)
    (store / "notes.md").write_text("mine\n")
    git(store, "add", "notes.md", "caroline/user.json")
    git(store, "commit", "--quiet", "--message", "mine")
    async with opened(store) as service:
        await service.init(git=True)
        assert log(store)[1] == "mine"
        assert "caroline/user.json" not in git(store, "show", "--name-only", "--format=")
        assert status(store) == ""


async def test_init_done_again_changes_nothing(tmp_path: Path) -> None:
    store = begin(tmp_path / "project") / "store"
    seen = []
    for _ in range(2):
        async with opened(store) as service:
            await service.init(git=True)
        head = git(store, "rev-parse", "HEAD")
        seen.append(
            (head, (tmp_path / "project/.git/config").read_bytes(), (store / "memory.toml").read_bytes())
        )
    assert seen[0] == seen[1]
    assert git(store, "config", "merge.memu-like.driver") != ""


async def test_init_below_a_repository_says_so_in_the_settings_and_keeps_their_bytes(tmp_path: Path) -> None:
    top = begin(tmp_path / "project")
    store = top / "store"
    store.mkdir()
    written = b"# mine\r\n[llm_prices.small]\r\ninput = 1\r\noutput = 2\r\n"
    (store / "memory.toml").write_bytes(written)
    async with MemoryService(store, embedder="none") as service:
        await service.init(git=True)
    assert (store / "memory.toml").read_bytes() == b'git = "on"\r\n' + written
    async with MemoryService(store, embedder="none") as service:
        assert service.settings.git == "on"
        await service.user("caroline").memorize(MAY)
        assert await service.committed() == ()
    assert log(store)[0].startswith("memorize caroline")
    assert not (store / ".git").exists()
    assert status(top) == ""


async def test_settings_with_a_key_are_not_committed(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (store / "memory.toml").write_text('llm_api_key = "secret"\n')
    async with MemoryService(store, embedder="none") as service:
        await service.init(git=True)
    assert "memory.toml" not in git(store, "ls-files")


async def test_an_edit_that_is_not_taken_in_yet_is_no_part_of_a_later_init(tmp_path: Path) -> None:
    async with opened(tmp_path / "store") as service:
        await service.user("caroline").memorize(MAY)
        await service.init(git=True)
        path = category(service.store)
        path.write_bytes(path.read_bytes() + b"- Sings in a choir.\n")
        await service.init(git=True)
        assert status(service.store) == f"M {path.relative_to(service.store)}"


@pytest.mark.parametrize("where", ["argument", "file"])
async def test_init_where_a_setting_says_that_git_is_off_is_refused(tmp_path: Path, where: str) -> None:
    store = begin(tmp_path / "project") / "store"
    store.mkdir()
    settings = {"git": "off"} if where == "argument" else {}
    if where == "file":
        (store / "memory.toml").write_text('git = "off"\n')
    async with MemoryService(store, embedder="none", **settings) as service:
        with pytest.raises(ConfigError, match="git"):
            await service.init(git=True)
    assert git(store, "rev-list", "--all") == ""
