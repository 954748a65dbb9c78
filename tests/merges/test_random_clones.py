"""Two clones under random runs, edits, pulls: nothing is lost, nothing doubled, and both end alike."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest
from clones import Clone, said

from memu_like.models import Status

STEPS = 10
KINDS = ["rabbit", "parrot", "hedgehog", "tortoise", "goldfish", "pony"]
SYLLABLES = ["ba", "co", "du", "fe", "gi", "ka", "lo", "mu", "ne", "po", "ra", "si", "ta", "vo", "zu"]


@dataclass
class Play:
    """What was done, by the name that each statement has for itself."""

    random: Random
    clones: tuple[Clone, Clone]
    told: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    edited: set[str] = field(default_factory=set)
    said: list[list[dict[str, object]]] = field(default_factory=list)

    def name(self) -> str:
        found = "".join(self.random.choice(SYLLABLES) for _ in range(4)).capitalize()
        self.told.add(found)
        return found

    async def step(self, clone: Clone) -> None:
        kind = self.random.choice(
            [
                "memorize",
                "memorize",
                "again",
                "edit",
                "delete",
                "add",
                "move",
                "rename",
                "prose",
                "sync",
                "pull",
            ]
        )
        await getattr(self, f"_{kind}")(clone)

    async def _memorize(self, clone: Clone) -> None:
        day = self.random.randrange(1, 28)
        animals = [(self.random.choice(KINDS), self.name()) for _ in range(2)]
        self.said.append(said(*(f"I have a {kind} named {name} at home." for kind, name in animals), day=day))
        await clone.memorize(self.said[-1])

    async def _again(self, clone: Clone) -> None:
        if self.said:
            await clone.memorize(self.random.choice(self.said))

    async def _edit(self, clone: Clone) -> None:
        line = self._line(clone)
        if line is not None:
            self.edited.add(line)
            words = f"Has {self.random.randrange(2, 99)} friends like {line}."
            clone.edit(self._text(clone, line), f"- {words}")
            await self._kept(clone)

    async def _delete(self, clone: Clone) -> None:
        line = self._line(clone)
        if line is not None:
            self.deleted.add(line)
            clone.edit(next(one for one in clone.profile() if line in one) + "\n", "")
            await self._kept(clone)

    async def _add(self, clone: Clone) -> None:
        line = self._line(clone)
        if line is not None:
            whole = next(one for one in clone.profile() if line in one)
            clone.edit(whole, f"{whole}\n- Dreams of {self.name()}.")
            await self._kept(clone)

    async def _move(self, clone: Clone) -> None:
        line = self._line(clone)
        if line is not None:
            self.edited.add(line)
            whole = next(one for one in clone.profile() if line in one)
            path = clone.edit(whole + "\n", "")
            path.write_text(path.read_text().rstrip("\n") + f"\n\n## {self.random.choice(KINDS)}\n{whole}\n")
            await self._kept(clone)

    async def _rename(self, clone: Clone) -> None:
        for path in sorted((clone.root / "categories").glob("*.md")):
            headings = [line for line in path.read_text().splitlines() if line.startswith("## ")]
            if headings:
                old = self.random.choice(headings)
                path.write_text(
                    path.read_text().replace(old, f"## {self.random.choice(SYLLABLES)} {old[3:]}")
                )
                await self._kept(clone)
                return

    async def _prose(self, clone: Clone) -> None:
        for path in sorted((clone.root / "categories").glob("*.md")):
            path.write_text(path.read_text().rstrip("\n") + f"\n\nA note on {self.name()}.\n")
            await self._kept(clone)
            return

    async def _kept(self, clone: Clone) -> None:
        """Taken in at once, or committed as it is."""
        if self.random.random() < 0.5:
            await clone.sync()
        else:
            clone.commit("by hand")

    async def _sync(self, clone: Clone) -> None:
        await clone.sync()

    async def _pull(self, clone: Clone) -> None:
        other = next(one for one in self.clones if one is not clone)
        clone.pull(other)
        await clone.mend()
        await clone.sync()

    def _line(self, clone: Clone) -> str | None:
        """The name of an entry that stands once."""
        names = [name for name in sorted(self.told) if sum(name in line for line in clone.profile()) == 1]
        return self.random.choice(names) if names else None

    def _text(self, clone: Clone, name: str) -> str:
        return next(line for line in clone.profile() if name in line).partition(" ^")[0]


async def play(seed: int, one: Clone, cloned: Callable[[Clone], Clone]) -> Play:
    random = Random(seed)
    await one.memorize(said("I have a rabbit named Alpha at home.", "I have a pony named Omega at home."))
    made = Play(random, (one, cloned(one)), told={"Alpha", "Omega"})
    for _ in range(STEPS):
        await made.step(random.choice(made.clones))
    one, two = made.clones
    for clone in made.clones:
        await clone.sync()
    for clone, other in ((one, two), (two, one), (one, two), (two, one)):
        clone.pull(other)
        await clone.mend()
        await clone.sync()
    one.pull(two)
    return made


async def assert_sound(made: Play) -> None:
    one, two = made.clones
    assert one.contents() == two.contents()
    texts = (data.decode() for path, data in one.contents().items() if path.endswith(".md"))
    lines = [line for text in texts for line in text.splitlines()]
    whole = "\n".join(line for line in lines if line.startswith(("- ", "A note on ")))
    for clone in made.clones:
        assert await clone.doctor() == []
        assert (await clone.mend()).run is None
        assert await clone.sync() == ()
    assert [
        text for text, n in Counter(line.partition(" ^")[0] for line in one.profile()).items() if n > 1
    ] == []
    assert len(one.ids()) == len(set(one.ids()))
    items = await one.ask(lambda user: user.items())
    assert {i.id for i in items if i.status is Status.ACTIVE} == set(one.ids())  # type: ignore[attr-defined]
    for name in made.told - made.deleted:
        assert name in whole, f"{name} is lost"
        assert name in made.edited or whole.count(name) == 1, f"{name} is doubled"
    for name in made.deleted - made.edited:
        assert name not in whole, f"{name} is back"


@pytest.mark.parametrize("seed", range(4))
async def test_two_clones_grow_apart_and_together(
    seed: int, one: Clone, cloned: Callable[[Clone], Clone]
) -> None:
    await assert_sound(await play(seed, one, cloned))


def main(first: int, last: int) -> None:
    """For more: `python tests/merges/test_random_clones.py`."""
    import tempfile
    from pathlib import Path

    from clones import register

    from memu_like.edges.store import init_store

    for seed in range(first, last):
        with tempfile.TemporaryDirectory() as folder:
            one = Clone(Path(folder) / "one", "melanie")
            init_store(one.store)
            one.git("init", "-q", "-b", "main")
            register(one.store)
            one.commit("init")

            def make(origin: Clone, folder: str = folder) -> Clone:
                clone = Clone(Path(folder) / "two", "joanna")
                origin.git("clone", "-q", str(origin.store), str(clone.store))
                register(clone.store)
                return clone

            made = asyncio.run(play(seed, one, make))
            asyncio.run(assert_sound(made))
