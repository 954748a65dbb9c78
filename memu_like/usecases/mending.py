"""Mending a folder after git has changed its files: a merge, a pull, another branch.

The files as they are now are the truth. What `.memu/` kept of those that stood there before is thrown away
and made again from the events and the items, so that what git did is not taken for a person's edits. What two
copies of the folder both changed or learnt is settled, as one run. Done again, it finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from ..edges import journal
from ..errors import StorageError
from ..models import Event, Item, Origin, ProfileDelta, Status
from ..pure.markdown import parse, unescape
from ..pure.merging import bullets_of, slot_key, standing_summary
from ..pure.pages import said
from ..pure.rendering import bullet_text, entry_date
from ..pure.settling import MERGED, Settled, Standing, World, last_of, settle
from ..pure.summarising import is_summary_of
from ..pure.tidying import Wordings, tidy
from .bases import Base, base_topics, remove_base, write_base
from .categories import category_path, current_base, read_category, render_categories, with_unwritten
from .desk import Desk
from .renames import RENAMES
from .runs import commit, new_run_id
from .seen_lines import SEEN


@dataclass(frozen=True, slots=True)
class Mended:
    """What a mending did: `run` is its event, None where nothing was in dispute.

    `items` are the ids that were revised; `problems` are files that nothing was concluded from.
    """

    run: str | None = None
    items: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def mend(desk: Desk, now: datetime) -> Mended:
    """Make the folder one again. The caller holds its lock, and has settled what a killed writer left.

    Raises CorruptFile where a file of items or events does not parse, as with a conflict in it.
    """
    _forget_what_was_seen(desk)
    desk.index.refresh()
    texts, problems = _texts(desk)
    world = _world(desk, texts)
    run = new_run_id(now)
    settled = settle(world, run, now)
    texts = _tidied(desk, world, settled, texts)
    stale = _rebuild_bases(desk, world, settled, texts)
    changed = {**stale, **settled.items}
    with desk.still():
        rendered = render_categories(desk, list(changed.values()))
    touched = [planned for planned in rendered.planned if planned.after != planned.before]
    if not (settled.items or settled.events or touched):
        return Mended(problems=(*problems, *rendered.problems))
    event = Event(
        run,
        "sync",
        now,
        now,
        items=tuple(settled.items),
        profile_delta=rendered.delta,
        dropped=tuple(settled.dropped),
        reason=MERGED,
    )
    begun = not journal.found(desk.folder)  # one that stands keeps a run that is still to be done
    if begun:
        journal.begin(desk.folder)
    commit(desk, settled.items.values(), (*settled.events, event))
    rendered.write(desk)
    desk.index.refresh()
    desk.index.persist()
    if begun:
        journal.end(desk.folder)
    return Mended(run, tuple(settled.items), (*problems, *rendered.problems))


# -- what is there


def _forget_what_was_seen(desk: Desk) -> None:
    """All that was written down of the files as they were before; the bases are made again below."""
    desk.folder.remove_folder(SEEN)
    if desk.folder.path(RENAMES).exists():
        desk.folder.remove(RENAMES, durable="none")


def _texts(desk: Desk) -> tuple[dict[str, str], list[str]]:
    """The category files that can be read and told, by topic; and what is wrong with the others."""
    texts: dict[str, str] = {}
    problems: list[str] = []
    for path in desk.folder.category_files():
        try:
            text = read_category(desk, path) or ""
        except StorageError as error:
            problems.append(str(error))
            continue
        problem = parse(text).problem
        if problem is None:
            texts[Path(path).stem] = text
        else:
            problems.append(f"{path}:{problem.line}: {problem.reason}")
    return texts, problems


def _world(desk: Desk, texts: Mapping[str, str]) -> World:
    """Every revision of every item whose run counts, and the bullets as they stand."""
    events = desk.folder.all_events()
    histories: dict[str, list[Item]] = {}
    for name in desk.folder.item_files():
        for _, item in desk.folder.items(name):
            if item.run in events:
                histories.setdefault(item.id, []).append(item)
    standing: dict[str, Standing] = {}
    for topic, text in texts.items():
        for section in parse(text, histories.keys()).sections:
            for bullet in section.bullets:
                if bullet.id is not None:
                    standing.setdefault(bullet.id, Standing(topic, section.slot, bullet.text))
    return World(histories, events, standing, partial(_reads_as, desk), slot_key)


def _reads_as(desk: Desk, text: str, item: Item) -> bool:
    """Whether a bullet says what the item does: as it is written, or as a sync took a person's words in."""
    if text == bullet_text(item, desk.own_names()):
        return True
    date = entry_date(item.occurred, item.mentioned_at)
    words = said(text, desk.settings.mask_secrets)
    return item.origin is Origin.HUMAN and item.text in (words, words.removesuffix(f"({date})").rstrip())


def _tidied(desk: Desk, world: World, settled: Settled, texts: Mapping[str, str]) -> dict[str, str]:
    """The texts without the wordings of the machine's that were decided against."""
    found = dict(texts)
    for topic in {world.standing[i].topic for i in settled.disputed if i in world.standing}:
        disputed = [i for i in settled.disputed if i in world.standing and world.standing[i].topic == topic]
        wordings = [_wordings(world, settled.items[item_id]) for item_id in disputed]
        path, text = category_path(topic), tidy(texts[topic], world.histories.keys(), wordings)
        changes = {path: (texts[topic].encode(), text.encode())}
        # Where somebody saves it meanwhile, both wordings stay, and the next sync takes the other in.
        if text != texts[topic] and not desk.folder.replace_unchanged(changes):
            found[topic] = text
    return found


def _wordings(world: World, item: Item) -> Wordings:
    machines = [one for one in world.histories[item.id] if not world.by_person(one)]
    return Wordings(
        item.id,
        lambda text: item.status is Status.ACTIVE and world.reads_as(text, item),
        lambda text: not world.reads_as(text, item) and any(world.reads_as(text, one) for one in machines),
    )


# -- bases


def _rebuild_bases(desk: Desk, world: World, settled: Settled, texts: Mapping[str, str]) -> dict[str, Item]:
    """The bases as the events and the items tell them. Returns the items whose bullets should go.

    A bullet that reads as one copy's revision of an item that is in dispute is the machine's to rewrite.
    One that stays for another which says the same comes in, if it does not stand yet.
    """
    topics = {*base_topics(desk), *texts}
    for topic in topics:
        remove_base(desk, topic)
    arriving = {keeper for keeper in settled.same.values() if keeper not in world.standing}
    stale: dict[str, Item] = {}
    for topic in sorted(topics):
        text = texts.get(topic)
        if text is None and desk.folder.path(category_path(topic)).exists():
            continue  # it cannot be told: nothing is known of it until it can
        if text is None:
            base = _gone_base(world, topic)
        else:
            base = with_unwritten(desk, topic, text, current_base(desk, topic, text))
        bullets = {i: said for i, said in base.bullets.items() if i not in arriving}
        bullets |= _disputed(world, settled, bullets_of(text or "", world.histories.keys()))
        if text is not None and not base.summary:
            base = replace(base, summary=_machine_summary(world, topic, text))
        if text is not None or bullets:
            write_base(desk, topic, replace(base, bullets=bullets))
        stale |= _stale(world, settled, bullets)
    for keeper in arriving - settled.items.keys():
        stale[keeper] = last_of(world.histories[keeper])
    return stale


def _gone_base(world: World, topic: str) -> Base:
    """Of a category file that is not there: what it showed of what is still active, for a sync to miss."""
    shown: dict[str, str] = {}
    for delta in _deltas(world, topic):
        if delta.op == "remove":
            shown.pop(delta.item, None)
        else:
            shown[delta.item] = delta.text
    kept = {i: text for i, text in shown.items() if _is_active_in(world, i, topic)}
    return Base(kept)


def _deltas(world: World, topic: str) -> list[ProfileDelta]:
    events = sorted(world.events.values(), key=lambda event: (event.created_at, event.id))
    return [delta for event in events for delta in event.profile_delta if delta.topic == topic]


def _is_active_in(world: World, item_id: str, topic: str) -> bool:
    if item_id not in world.histories:
        return False
    item = last_of(world.histories[item_id])
    return item.status is Status.ACTIVE and item.topic == topic


def _disputed(world: World, settled: Settled, standing: Mapping[str, str]) -> dict[str, str]:
    return {
        item_id: text
        for item_id, text in standing.items()
        if item_id in settled.disputed
        and any(world.reads_as(text, revision) for revision in world.histories[item_id])
    }


def _machine_summary(world: World, topic: str, text: str) -> str:
    """The summary that stands, where it was made of entries of this topic, in whichever copy that was."""
    line = unescape(standing_summary(text))
    texts = (item.text for revisions in world.histories.values() for item in revisions if item.topic == topic)
    return line if line and is_summary_of(line, texts) else ""


def _stale(world: World, settled: Settled, bullets: Mapping[str, str]) -> dict[str, Item]:
    """Items that are taken back and whose bullets still stand as the machine wrote them."""
    found = {}
    for item_id, text in bullets.items():
        place = world.standing.get(item_id)
        if place is None or place.text != text or item_id not in world.histories:
            continue
        item = settled.items.get(item_id) or last_of(world.histories[item_id])
        if item.status is not Status.ACTIVE:
            found[item_id] = item
    return found


__all__ = ("Mended", "mend")
