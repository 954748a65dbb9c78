"""Whatever runs and edits came before: a revert leaves a sound folder, and its own revert brings all back."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from memu_like.config import Settings
from memu_like.models import Entry
from memu_like.service import MemoryService, UserMemory

SENTENCES = (
    "I have a guinea pig named Oscar.",
    "I work as a botanist at the university.",
    "I moved to Lisbon in June 2022.",
    "I love painting sunsets.",
    "I play the violin in an orchestra.",
)
PLACES = (("work_life", "job"), ("relationships", "pets"), ("goals", "career"))

number = st.integers(0, 50)
steps = st.one_of(
    st.tuples(st.just("memorize"), number, number),
    st.tuples(st.just("reword"), number, number),
    st.tuples(st.just("move"), number, number),
    st.tuples(st.just("delete"), number, number),
    st.tuples(st.just("add"), number, number),
    st.tuples(st.just("edit file"), number, number),
    st.tuples(st.just("delete in file"), number, number),
    st.tuples(st.just("revert"), number, number),
)


async def do(user: UserMemory, step: tuple[str, int, int], turn: int) -> None:
    what, one, other = step
    if user.folder.exists():
        await user.sync(confirm=True)
    items = await user.items() if user.folder.exists() else []
    if what == "memorize" or not items:
        said = [SENTENCES[one % len(SENTENCES)], SENTENCES[other % len(SENTENCES)]]
        day = f"2023-05-{1 + turn:02}T10:00:00Z"
        await user.memorize([{"role": "user", "content": text, "created_at": day} for text in said])
        return
    item = items[one % len(items)]
    path = user.folder.root / "categories" / f"{item.topic}.md"
    topic, slot = PLACES[other % len(PLACES)]
    [standing] = [e.text for e in await entries(user) if e.id == item.id] or [item.text]
    match what:
        case "reword":
            await user.update_item(item.id, expected=standing, text=f"Said otherwise in {turn}")
        case "move":
            await user.update_item(item.id, expected=standing, topic=topic, slot=slot)
        case "delete":
            await user.delete_item(item.id, expected=standing)
        case "add":
            await user.add_item(f"Added in {turn}", topic=topic, slot=slot)
        case "edit file":
            mark = f" ^{item.id}"
            path.write_text(path.read_text("utf-8").replace(mark, f" (by hand in {turn}){mark}"), "utf-8")
        case "delete in file":
            lines = path.read_text("utf-8").splitlines(keepends=True)
            path.write_text("".join(line for line in lines if f"^{item.id}" not in line), "utf-8")
        case "revert":
            runs = sorted(step.run for step in await user.history() if step.run)
            await user.revert(runs[one % len(runs)])


async def entries(user: UserMemory) -> list[Entry]:
    return [one for slots in (await user.profile()).values() for found in slots.values() for one in found]


async def said(user: UserMemory) -> object:
    """All that memory says: what its files show, and its items without how often they were revised."""
    shown = {(one.topic, one.slot, one.id, one.text) for one in await entries(user)}
    return shown, {(item.id, item.text, item.topic, item.slot) for item in await user.items()}


@settings(
    max_examples=10,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(steps, min_size=1, max_size=7), number)
async def test_a_revert_is_sound_and_can_be_reverted(todo: list[tuple[str, int, int]], which: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        async with MemoryService(Settings(store=Path(place))) as service:
            user = service.user("caroline")
            for turn, step in enumerate(todo):
                await do(user, step, turn)
            await user.sync(confirm=True)
            before = await said(user)
            runs = sorted(step.run for step in await user.history() if step.run)
            report = await user.revert(runs[which % len(runs)])
            assert await user.doctor() == []
            assert (await user.sync()).edits == ()
            if report.run is not None:
                undone = await user.revert(report.run)
                assert undone.kept == ()
            assert await said(user) == before
            assert await user.doctor() == []
            assert (await user.sync()).edits == ()
