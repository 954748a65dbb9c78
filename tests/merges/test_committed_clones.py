"""Clones whose service commits for itself: pull, and the next verb makes the folder one."""

from __future__ import annotations

from pathlib import Path

import pytest
from clones import USER, Clone, said

from memu_like.config import Settings
from memu_like.models import Status
from memu_like.service import MemoryService

FIRST = said(
    "I have a guinea pig named Oscar and he loves carrots.",
    "I moved to Lisbon in June 2022 with my sister Ottilie.",
)
SECOND = said("I play the cello in an orchestra every Tuesday.", month=6)
THIRD = said("My brother Anselm bakes bread in Porto.", month=7)


class Served(Clone):
    """A clone with a service that keeps it in git."""

    def service(self) -> MemoryService:
        return MemoryService(Settings(store=self.store, git="on"))

    def commit(self, message: str = "a change") -> None:
        assert self.git("status", "--porcelain") == "", message

    def log(self) -> list[str]:
        return self.git("log", "--format=%an: %s").splitlines()


@pytest.fixture(autouse=True)
def nobodys_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """The git that the service runs is nobody's in particular."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "melanie")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "melanie@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
async def two_clones(tmp_path: Path) -> tuple[Served, Served]:
    """Two that both know a first conversation."""
    one, two = Served(tmp_path / "one", "melanie"), Served(tmp_path / "two", "joanna")
    one.store.mkdir()
    one.git("init", "-q", "-b", "main")
    async with one.service() as service:
        await service.init(git=True)
    await one.memorize(FIRST)
    one.git("clone", "-q", str(one.store), str(two.store))
    async with two.service() as service:
        await service.init(git=True)
    return one, two


async def test_a_pull_and_the_next_verb(two_clones: tuple[Served, Served]) -> None:
    one, two = two_clones
    await one.memorize(SECOND)
    await one.memorize(THIRD)
    oscar = next(line for line in two.profile() if "Oscar" in line)
    two.edit(oscar, oscar.replace("carrots", "parsley"))
    await two.memorize(THIRD)
    two.pull(one)
    assert await two.sync() == ()
    one.pull(two)
    assert await one.sync() == ()
    assert one.contents() == two.contents()
    for clone in (one, two):
        profile = "\n".join(clone.profile())
        for words in ("parsley", "cello", "Anselm", "Lisbon"):
            assert profile.count(words) == 1, words
        assert await clone.doctor() == []
        items = await clone.ask(lambda user: user.items())
        active = {item.id for item in items if item.status is Status.ACTIVE}  # type: ignore[attr-defined]
        assert active == set(clone.ids())
    assert one.log() == two.log()


async def test_a_branch_to_try_and_drop(two_clones: tuple[Served, Served]) -> None:
    one, _ = two_clones
    before = one.contents()
    one.git("checkout", "-q", "-b", "what-if")
    await one.memorize(SECOND)
    async with one.service() as service:
        changes = await service.user(USER).diff("main", "what-if")
    assert any("cello" in change.text for change in changes)
    one.git("checkout", "-q", "main")
    assert await one.sync() == ()
    assert one.contents() == before
    one.git("branch", "-q", "-D", "what-if")
    assert await one.doctor() == []


async def test_a_branch_to_try_and_merge(two_clones: tuple[Served, Served]) -> None:
    one, _ = two_clones
    one.git("checkout", "-q", "-b", "what-if")
    await one.memorize(SECOND)
    one.git("checkout", "-q", "main")
    await one.memorize(THIRD)
    one.git("merge", "-q", "--no-edit", "what-if")
    assert await one.sync() == ()
    assert all(word in "\n".join(one.profile()) for word in ("Oscar", "cello", "Anselm"))
    assert await one.doctor() == []


async def test_a_clone_that_does_not_know_the_driver_says_so(
    two_clones: tuple[Served, Served], tmp_path: Path
) -> None:
    one, _ = two_clones
    third = Served(tmp_path / "third", "maria")
    one.git("clone", "-q", str(one.store), str(third.store))
    (finding,) = await third.doctor()
    assert "init --git" in finding
    async with third.service() as service:
        await service.init(git=True)
    assert await third.doctor() == []
