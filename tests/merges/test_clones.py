"""Two clones that grew apart, and branches: merged with no conflict, no double and no loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from clones import Clone, said

from memu_like.models import Status

FIRST = said(
    "I have a guinea pig named Oscar and he loves carrots.",
    "I moved to Lisbon in June 2022 with my sister Ottilie.",
)
SECOND = said(
    "I play the cello in an orchestra every Tuesday.", "I work as a botanist at the university.", month=6
)
THIRD = said(
    "My brother Anselm bakes bread in Porto.", "I am afraid of deep water since I was a child.", month=7
)


def texts(lines: list[str]) -> list[str]:
    return [line.partition(" ^")[0] for line in lines]


async def exchange(one: Clone, two: Clone) -> None:
    """Each gets what the other has; both end at the same commit and the same bytes."""
    one.pull(two)
    await one.mend()
    two.pull(one)
    await two.mend()
    one.pull(two)
    assert one.contents() == two.contents()


async def assert_sound(clone: Clone) -> None:
    assert await clone.doctor() == []
    counts = Counter(texts(clone.profile()))
    assert [text for text, count in counts.items() if count > 1] == []
    assert len(clone.ids()) == len(set(clone.ids()))
    assert (await clone.mend()).run is None
    assert await clone.sync() == ()
    items = await clone.ask(lambda user: user.items())
    standing = set(clone.ids())
    assert {item.id for item in items if item.status is Status.ACTIVE} == standing  # type: ignore[attr-defined]


async def test_conversations_of_both_clones_are_remembered_in_both(
    one: Clone, cloned: Callable[[Clone], Clone]
) -> None:
    await one.memorize(FIRST)
    two = cloned(one)
    await one.memorize(SECOND)
    await two.memorize(THIRD)
    before = {*texts(one.profile()), *texts(two.profile())}
    await exchange(one, two)
    assert set(texts(one.profile())) == before
    for clone in (one, two):
        await assert_sound(clone)
    assert one.contents() == two.contents()


async def test_edits_by_hand_on_both_sides_of_a_merge_stand(
    one: Clone, cloned: Callable[[Clone], Clone]
) -> None:
    await one.memorize(FIRST)
    two = cloned(one)
    oscar = next(line for line in one.profile() if "Oscar" in line)
    lisbon = next(line for line in one.profile() if "Lisbon" in line)
    path = one.edit(lisbon, lisbon.replace("Lisbon", "Lisboa"))
    path.write_text(path.read_text() + "\nA note of Melanie's.\n")
    assert await one.sync() == ("changed",)
    await one.memorize(SECOND)
    two.edit(oscar + "\n", oscar.replace("carrots", "carrots and hay") + "\n- Likes rainy mornings.\n")
    assert set(await two.sync()) == {"changed", "added"}
    await two.memorize(THIRD)
    await exchange(one, two)
    profile = "\n".join(one.profile())
    for words in ("Lisboa", "carrots and hay", "rainy mornings", "cello", "Anselm"):
        assert profile.count(words) == 1, words
    assert "Lisbon " not in profile
    assert any(b"A note of Melanie's." in data for data in one.contents().values())
    for clone in (one, two):
        await assert_sound(clone)


async def test_two_wordings_of_one_bullet_are_both_kept_and_settle(
    one: Clone, cloned: Callable[[Clone], Clone]
) -> None:
    await one.memorize(FIRST)
    two = cloned(one)
    oscar = next(line for line in one.profile() if "Oscar" in line)
    one.edit(oscar, oscar.replace("carrots", "parsley"))
    await one.sync()
    two.edit(oscar, oscar.replace("carrots", "fresh dandelions"))
    await two.sync()
    one.pull(two)
    await one.mend()
    assert await one.sync() == ("added",)
    two.pull(one)
    await two.mend()
    assert await two.sync() == ()
    assert one.contents() == two.contents()
    profile = "\n".join(one.profile())
    assert profile.count("parsley") == profile.count("fresh dandelions") == 1
    await assert_sound(one)


async def test_a_deletion_stands_where_the_other_side_left_the_bullet_alone(
    one: Clone, cloned: Callable[[Clone], Clone]
) -> None:
    await one.memorize(FIRST)
    two = cloned(one)
    oscar = next(line for line in one.profile() if "Oscar" in line)
    one.edit(oscar + "\n", "")
    assert await one.sync() == ("deleted",)
    await two.memorize(SECOND)
    await exchange(one, two)
    assert "Oscar" not in "\n".join(one.profile())
    for clone in (one, two):
        await assert_sound(clone)


async def test_a_deletion_that_was_committed_before_any_sync_stands(
    one: Clone, cloned: Callable[[Clone], Clone]
) -> None:
    await one.memorize(FIRST)
    two = cloned(one)
    oscar = next(line for line in one.profile() if "Oscar" in line)
    one.edit(oscar + "\n", "")
    one.commit("by hand")
    await two.memorize(SECOND)
    two.pull(one)
    await two.mend()
    assert await two.sync() == ("deleted",)
    assert "Oscar" not in "\n".join(two.profile())
    await assert_sound(two)


async def test_an_edit_stands_where_the_other_side_deleted_the_bullet(
    one: Clone, cloned: Callable[[Clone], Clone]
) -> None:
    await one.memorize(FIRST)
    two = cloned(one)
    oscar = next(line for line in one.profile() if "Oscar" in line)
    one.edit(oscar + "\n", "")
    await one.sync()
    two.edit(oscar, oscar.replace("carrots", "parsley"))
    await two.sync()
    await exchange(one, two)
    assert "\n".join(one.profile()).count("parsley") == 1
    for clone in (one, two):
        await assert_sound(clone)


async def test_the_same_conversation_in_both_clones_counts_once(
    one: Clone, cloned: Callable[[Clone], Clone]
) -> None:
    await one.memorize(FIRST)
    two = cloned(one)
    await one.memorize(SECOND)
    await one.memorize(THIRD)
    await two.memorize(THIRD)
    await two.memorize(SECOND)
    before = set(texts(one.profile()))
    await exchange(one, two)
    assert set(texts(one.profile())) == before
    events = await one.ask(lambda user: user.events())
    told = Counter(r for event in events for r in event.resources if event.kind == "memorize")  # type: ignore[attr-defined]
    assert set(told.values()) == {1}
    for clone in (one, two):
        await assert_sound(clone)


async def test_the_same_words_from_two_conversations_are_one_item_with_two_sources(
    one: Clone, cloned: Callable[[Clone], Clone]
) -> None:
    await one.memorize(FIRST)
    two = cloned(one)
    await one.memorize(said("My cat Ada sleeps on the piano all day.", month=6))
    await two.memorize(said("My cat Ada sleeps on the piano all day!", month=6, day=9))
    await exchange(one, two)
    items = await one.ask(lambda user: user.items())
    ada = [i for i in items if "Ada" in i.text and i.status is Status.ACTIVE]  # type: ignore[attr-defined]
    assert len(ada) == 1
    assert len(ada[0].corroborations) == 1
    for clone in (one, two):
        await assert_sound(clone)


async def test_both_clones_may_merge_for_themselves(one: Clone, cloned: Callable[[Clone], Clone]) -> None:
    await one.memorize(FIRST)
    two = cloned(one)
    oscar = next(line for line in one.profile() if "Oscar" in line)
    one.edit(oscar, oscar.replace("carrots", "parsley"))
    await one.sync()
    await one.memorize(SECOND)
    two.edit(oscar, oscar.replace("carrots", "fresh dandelions"))
    await two.sync()
    await two.memorize(THIRD)
    for clone, other in ((one, two), (two, one)):
        clone.git("branch", "before")
        clone.git("fetch", "-q", str(other.store), "before" if clone is two else "main")
        clone.git("merge", "-q", "--no-edit", "FETCH_HEAD")
        await clone.mend()
        await clone.sync()
    assert sorted(one.profile()) == sorted(two.profile())
    await exchange(one, two)
    for clone in (one, two):
        await clone.sync()
        await assert_sound(clone)


async def test_a_rebase_is_a_merge_too(one: Clone, cloned: Callable[[Clone], Clone]) -> None:
    await one.memorize(FIRST)
    two = cloned(one)
    await one.memorize(SECOND)
    oscar = next(line for line in two.profile() if "Oscar" in line)
    two.edit(oscar, oscar.replace("carrots", "parsley"))
    await two.sync()
    await two.memorize(THIRD)
    two.git("pull", "-q", "--rebase", str(one.store), "HEAD")
    await two.mend()
    profile = "\n".join(two.profile())
    assert all(word in profile for word in ("parsley", "cello", "Anselm"))
    await assert_sound(two)


# -- branches


async def test_a_branch_is_a_what_if_that_can_be_dropped(one: Clone) -> None:
    await one.memorize(FIRST)
    before = one.contents()
    one.git("checkout", "-q", "-b", "what-if")
    await one.memorize(SECOND)
    assert any("cello" in line for line in one.profile())
    assert "cello" in one.git("diff", "main", "--", "*.md")
    one.git("checkout", "-q", "main")
    assert (await one.mend()).run is None
    assert await one.sync() == ()
    assert one.contents() == before
    await assert_sound(one)


async def test_a_branch_is_a_what_if_that_can_be_merged(one: Clone) -> None:
    await one.memorize(FIRST)
    one.git("checkout", "-q", "-b", "what-if")
    await one.memorize(SECOND)
    one.git("checkout", "-q", "main")
    await one.mend()
    await one.memorize(THIRD)
    one.git("merge", "-q", "--no-edit", "what-if")
    await one.mend()
    profile = "\n".join(one.profile())
    assert all(word in profile for word in ("Oscar", "cello", "Anselm"))
    await assert_sound(one)


async def test_another_branch_and_back_is_no_edit(one: Clone) -> None:
    await one.memorize(FIRST)
    one.git("checkout", "-q", "-b", "other")
    oscar = next(line for line in one.profile() if "Oscar" in line)
    one.edit(oscar + "\n", "")
    await one.sync()
    await one.memorize(SECOND)
    for branch in ("main", "other", "main"):
        one.git("checkout", "-q", branch)
        before = one.contents()
        assert (await one.mend()).run is None
        assert await one.sync() == ()
        assert one.contents() == before
        assert one.git("status", "--porcelain") == ""
