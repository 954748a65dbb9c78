"""What is kept or counted ahead says the same as looking again."""

from __future__ import annotations

from collections import Counter

import pytest

from memu_like.models import Status
from memu_like.service import UserMemory
from memu_like.usecases.desk import Desk


async def at_the_desk(user: UserMemory) -> Desk:
    room = await user._shop.room(user.folder)
    return await room.read(lambda desk: desk)


@pytest.fixture
async def moved(caroline: UserMemory) -> UserMemory:
    """With an item that has left its topic, one that was deleted, and several revisions."""
    first, second, third, *_ = await caroline.items()
    await caroline.update_item(first.id, topic="goals", slot="plans")
    await caroline.update_item(first.id, text="Plans to see the harbour.")
    await caroline.delete_item(second.id)
    await caroline.update_item(third.id, text="Keeps a diary about the harbour.")
    return caroline


async def test_lines_of_topics_are_as_long_as_their_active_items(moved: UserMemory) -> None:
    desk = await at_the_desk(moved)
    topics = {place.slot.partition("/")[0] for place in desk.view().all_items()}
    assert len(topics) > 2
    for topic in topics:
        active = [place for place in desk.view().all_items({topic}) if place.status is Status.ACTIVE]
        found = desk.view().line_bytes([topic])[topic]
        assert {place.id: place.length for place in active}.items() <= found.items()
    of_all = desk.view().line_bytes(sorted(topics))
    every = {place.id: place for place in desk.view().all_items() if place.status is Status.ACTIVE}
    assert Counter(i for lines in of_all.values() for i in lines) == Counter(every.keys())
    assert all(every[i].slot.startswith(f"{topic}/") for topic, lines in of_all.items() for i in lines)


async def test_frequencies_are_those_of_the_rows_asked_again_or_not(caroline: UserMemory) -> None:
    view = (await at_the_desk(caroline)).view()
    words = sorted({term for segment in view.segments for term in segment.terms})
    half = view.frequencies(words[::2])
    found = view.frequencies([*words, "nosuchword"])
    assert view.all_alive
    assert half.items() <= found.items()
    assert found == {word: len(view.postings(word)[0]) for word in words}


async def test_a_file_that_is_kept_is_read_again_once_it_changes(caroline: UserMemory) -> None:
    desk = await at_the_desk(caroline)
    path = "categories/goals.md"
    reads: list[bytes] = []

    def read(data: bytes) -> int:
        reads.append(data)
        return len(data)

    assert desk.kept(path, read) is None
    for text in ("- one\n", "- another\n"):
        desk.folder.write(path, text.encode())
        assert desk.kept(path, read) == desk.kept(path, read) == len(text)
    assert reads == [b"- one\n", b"- another\n"]
    desk.folder.remove(path)
    assert desk.kept(path, read) is None
