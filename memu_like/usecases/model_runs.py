"""Memorize through a language model: the same steps as `memorize`, with a model's reply for the extractor's.

What comes in is safe in resources first, under the folder's lock. Then each resource has its run: the model
is asked with no lock held, and what it says is decided on and applied under the lock, against the folder as
it stands by then. A run that cannot be made waits, and its messages are found by search all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import TypeVar

from ..chat import ChatRequest
from ..edges import journal, pending
from ..edges.llm.meter import Meter
from ..errors import ModelError, ModelUnavailable, SpendCapReached, StoreBusy
from ..models import Draft, Item, Loaded, Message, Modality, Resource
from ..pure.extraction_call import PROMPT, ExtractionCall, extraction_schema, extraction_variables, known_line
from ..pure.extraction_reply import ModelExtraction, join, read_extraction
from ..pure.languages import prompt_language
from ..pure.turns import Turn, split_turns
from ..results import Kept, MemorizeReport
from . import runs
from .asking import ask
from .categories import extra_topics
from .desk import Desk, Progress, Room, steady
from .intake import Intake, Said, Staged, said_in
from .memorize import is_unread, look_in, previewed, report, settle, stored, take_in, waiting_runs
from .recalling import recall
from .reorganising import needs_reorganising, reorganise
from .runs import Extracted, Run, Totals
from .taking_edits import take_edits, told

T = TypeVar("T")
UNSAVED_ROWS = 128
"""Rows and items that a new process may have to read from the files, some 20 ms of work: so many runs of a
few turns each need no save of their own."""
MAX_OUTPUT_TOKENS = 8_000
"""Of one extraction reply: a hundred items of seventy tokens fit."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What one call works off: what it took in, and the ids of the resources that wait for a run."""

    intake: Intake
    resources: tuple[str, ...]
    started: float
    degraded: tuple[str, ...]


async def memorize_with_model(
    room: Room, loaded: Sequence[Loaded], progress: Progress | None = None, *, retry: bool = False
) -> MemorizeReport:
    """Store `loaded` and what is buffered, then make the runs that wait; with `retry`, failed ones too."""
    queue = await room.write(partial(_enqueue, loaded=loaded, retry=retry))
    totals = Totals(degraded=list(queue.degraded))
    finish = partial(_finish, queue=queue, totals=totals)
    async with AsyncExitStack() as held:
        if queue.resources:
            try:
                await held.enter_async_context(room.running())
            except StoreBusy as error:
                totals.degraded.append(f"kept for later: {error}")
            else:
                await _work_off(room, queue, totals, progress)
        done, overgrown = await room.write(finish)
        if overgrown:
            await _reorganise(room, overgrown, totals)
            done, _ = await room.write(finish)
    return done


async def _reorganise(room: Room, topics: Sequence[str], totals: Totals) -> None:
    """One more call for each category that has outgrown its file by these runs; a failure changes nothing."""
    done = await reorganise(room, room.meter(), topics)
    totals.degraded += done.degraded
    totals.usage += done.usage


async def preview_with_model(room: Room, loaded: Sequence[Loaded]) -> MemorizeReport:
    """The operations that memorizing would do, with nothing written but what the model's calls cost."""
    started = perf_counter()
    taken = await room.write(_unlocked(lambda desk: look_in(desk, loaded, desk.tools.now())))
    extracted = []
    degraded: list[str] = []
    for staged in taken.waiting:
        prepared = await room.write(_unlocked(partial(_prepared, staged=staged)))
        meter = room.meter()
        extracted.append(await _extract(room, meter, prepared))
        degraded += meter.degraded

    def decide(desk: Desk) -> MemorizeReport:
        decided = runs.decide(desk, extracted, desk.tools.now())
        totals = previewed(decided)
        totals.degraded += degraded
        return report(desk, taken.intake, totals, (), perf_counter() - started, decided)

    return await room.write(_unlocked(decide))


def _unlocked(work: Callable[[Desk], T]) -> Callable[[Desk], T]:
    """Read beside writers: a lock would make the folder of a new user."""
    return lambda desk: steady(desk, lambda: work(desk))


def _enqueue(desk: Desk, loaded: Sequence[Loaded], retry: bool) -> Queue:
    started = perf_counter()
    with desk.folder.lock(timeout=desk.settings.lock_timeout_seconds):
        now = desk.tools.now()
        taken = take_in(desk, loaded, now, wait=True)
        ready = tuple(one.resource for one in waiting_runs(desk) if retry or not one.attempts)
    return Queue(taken.intake, ready, started, taken.degraded)


async def _work_off(room: Room, queue: Queue, totals: Totals, progress: Progress | None) -> None:
    """A run for each resource, in order: later ones are told what earlier ones brought."""
    for number, resource_id in enumerate(queue.resources, start=1):
        if not await _run_on(room, resource_id, queue.intake, totals):
            return
        if progress:
            progress("memorizing", number, len(queue.resources))


async def _run_on(room: Room, resource_id: str, intake: Intake, totals: Totals) -> bool:
    """The run on one resource, unless it waits no more; False where the next one would fail alike."""
    prepared = await room.write(partial(_prepare, resource_id=resource_id, intake=intake))
    if prepared is None:
        return True
    meter = room.meter()
    try:
        extracted = await _extract(room, meter, prepared)
    except ModelError as error:
        await room.write(partial(_keep, resource_id=resource_id, error=error))
        totals.degraded.append(f"kept for later: {error}")
        totals.usage += meter.usage  # no event tells of it, and it is paid for
        return not isinstance(error, ModelUnavailable | SpendCapReached)
    finally:
        totals.degraded += meter.degraded
    await room.write(partial(_apply, extracted=extracted, totals=totals))
    return True


@contextmanager
def _waiting(desk: Desk, resource_id: str) -> Iterator[bool]:
    """Hold the folder; False where the run is made meanwhile, or the resource or the user was forgotten."""
    if not desk.folder.exists():
        yield False  # a lock would bring the folder back
        return
    with desk.folder.lock(timeout=desk.settings.lock_timeout_seconds):
        if journal.found(desk.folder):
            settle(desk)
        yield is_unread(desk, resource_id)


# -- one run


@dataclass(frozen=True, slots=True)
class Prepared:
    """A resource, read once: what it says, and the calls that it takes."""

    resource: Resource
    said: tuple[Said, ...]
    calls: tuple[ExtractionCall, ...]


def _prepare(desk: Desk, resource_id: str, intake: Intake) -> Prepared | None:
    """None where there is nothing to do any more."""
    # Under the lock: a forget rewrites the files that this reads.
    with _waiting(desk, resource_id) as waiting:
        if not waiting:
            return None
        fresh = (one for one in intake.staged if one.resource.id == resource_id)
        staged = next(fresh, None) or stored(desk, [resource_id])[0]
        with desk.still(later=[resource_id]):
            return _prepared(desk, staged)


async def _extract(room: Room, meter: Meter, prepared: Prepared) -> Extracted:
    """What the model takes from one resource, in as many calls as its length asks for."""
    parts = [await _ask(room, meter, call) for call in prepared.calls]
    found = join(parts)
    drafts = found.drafts
    if prepared.resource.modality is not Modality.CONVERSATION:
        drafts = tuple(_to_the_chunks_end(draft, prepared.said) for draft in drafts)
    return Extracted(
        prepared.resource,
        drafts,
        found.dropped,
        title=found.title or None,
        summary=found.summary or None,
        tags=found.tags,
        suggested=tuple(dict.fromkeys(one.name for one in found.proposed)),
        model=meter.name("extract"),
        usage=meter.usage,
    )


async def _ask(room: Room, meter: Meter, call: ExtractionCall) -> ModelExtraction:
    variables = extraction_variables(call)
    request = ChatRequest(
        "extract",
        room.tools.prompts.render(PROMPT, call.language, variables),
        schema=extraction_schema(call),
        max_output_tokens=MAX_OUTPUT_TOKENS,
    )
    return await ask(meter, request, partial(read_extraction, call=call))


def _prepared(desk: Desk, staged: Staged) -> Prepared:
    """The calls that a resource takes, each with what memory knows about its turns."""
    settings = desk.settings
    said = said_in(desk, staged)
    turns = [Turn(one.first, one.message, one.at) for one in said]
    groups = split_turns(turns, settings.extract_tokens, desk.tools.counter().count)
    model = desk.tools.model
    call = ExtractionCall(
        turns=(),
        categories=desk.tools.categories,
        settings=settings,
        language=prompt_language(settings.language, [one.message.content for one in said]),
        topics=extra_topics(desk),
        users=_own_speakers(desk, said),
        model=model.name("extract") if model else "",
        timezone=desk.tools.timezone,
    )
    calls = (
        replace(call, turns=group, known=_known(desk, [turn.message for turn in group], staged))
        for group in groups
    )
    return Prepared(staged.resource, said, tuple(calls))


def _own_speakers(desk: Desk, said: Sequence[Said]) -> tuple[str, ...]:
    """The names under which the folder's user speaks here. An id that nobody speaks under is not sent."""
    own = {name.casefold() for name in desk.own_names()}
    speakers = dict.fromkeys(one.message.speaker for one in said)
    return tuple(name for name in speakers if name.casefold() in own)


def _known(desk: Desk, messages: Sequence[Message], staged: Staged) -> tuple[Item, ...]:
    return recall(
        desk,
        [message.content for message in messages if message.content.strip()],
        desk.settings.known_tokens,
        partial(known_line, "k99"),
        leave_out=staged.resource.id,
    )


def _to_the_chunks_end(draft: Draft, said: Sequence[Said]) -> Draft:
    """A document is shown by chunks, under the lines on which they begin."""
    last = max(draft.line, draft.last_line)
    ends = [one.last for one in said if one.first == last]
    return replace(draft, last_line=max([last, *ends]))


def _apply(desk: Desk, extracted: Extracted, totals: Totals) -> None:
    """Decide and write, against the folder as it stands now."""
    resource_id = extracted.resource.id
    with _waiting(desk, resource_id) as waiting:
        if not waiting:
            return
        # A person may have edited while the model thought.
        totals.degraded += told(take_edits(desk))
        now = desk.tools.now()
        journal.begin(desk.folder)
        decided: list[Run] = runs.decide(desk, [extracted], now)
        runs.apply(desk, decided, now, totals)
        pending.remove(desk.folder, [resource_id])
        journal.end(desk.folder)


def _keep(desk: Desk, resource_id: str, error: ModelError) -> None:
    """The run waits. A model that is down is no attempt: the next flush asks again by itself."""
    with _waiting(desk, resource_id) as waiting:
        if not waiting:
            return
        now: datetime = desk.tools.now()
        pending.add(desk.folder, [resource_id], now)
        for one in pending.read(desk.folder):
            if one.resource == resource_id:
                tried = not isinstance(error, ModelUnavailable | SpendCapReached)
                pending.fail(desk.folder, Kept(resource_id, one.attempts + tried, str(error), now))


def _finish(desk: Desk, queue: Queue, totals: Totals) -> tuple[MemorizeReport, list[str]]:
    """What was done, and the topics that have outgrown their files. Saves the index, once for all runs."""
    if desk.index.is_due(UNSAVED_ROWS) and desk.folder.exists():  # a lock would bring the folder back
        with desk.folder.lock(timeout=desk.settings.lock_timeout_seconds):
            desk.index.refresh()
            desk.index.persist()
    look = _unlocked(partial(needs_reorganising, topics=sorted(totals.categories)))
    overgrown = look(desk) if totals.categories else []
    return report(desk, queue.intake, totals, waiting_runs(desk), perf_counter() - queue.started), overgrown
