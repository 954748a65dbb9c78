"""Retrieval by reading: a model is shown the table of contents and opens what it needs, with no embeddings.

It asks by tool calls, or by JSON steps where the endpoint takes no tools. It reads only; its budget is steps
and the tokens that it is shown; what it cites counts only if it was shown to it. Where it cannot be asked,
the search that needs no model answers, and that is said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ..chat import ChatMessage, ChatReply, ChatRequest, ToolCall
from ..errors import ModelError, ToolsRefused
from ..pure.fencing import Data, neutral
from ..pure.navigation import (
    FINISH,
    MAX_RANGE,
    STEP_SCHEMA,
    TOOLS,
    Action,
    Cited,
    Finish,
    Refused,
    handles_in,
    read_call,
    read_step,
)
from ..results import RetrieveResult, Visit
from .desk import Desk, Room
from .retrieval import BY_RULE, Request, judgement, no_need, rewriting, search_memory
from .retrieve import Found, layered
from .showing import Showing, Shown, refused
from .steps import BY_MODEL, Trail, decide, start

PROMPT = "navigate"
MAX_OUTPUT_TOKENS, MAX_STEP_TOKENS = 2_048, 1_024
"""Of a reply: it may think, and cite much. As JSON less: what runs away there is mostly a small model."""
MAX_CALLS = 6
"""Tools that one reply may call."""
MAX_REFUSALS = 3
"""Replies in a row that ask for nothing there is, after which it is not asked on."""
MAX_ECHO = 2_000
"""Characters of a reply that the model is reminded of."""
LEAST_LEFT = 60
"""Tokens: with fewer left to show, it is time to finish."""
LAST = "[LAST STEP: finish now with what you have]"
BY_SEARCH = "found by search, the model could not read on"
MAX_NAMED = 10
MAX_NAME = 64
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class _Turn:
    """One reply and what it got: an answer for each of `calls`, or one where it called no tool."""

    text: str
    calls: tuple[ToolCall, ...]
    answers: tuple[str, ...]


@dataclass(slots=True)
class _Walk:
    """One retrieval by reading, under way. `refusals`: its last replies that asked for nothing there is."""

    trail: Trail
    query: str
    contents: Shown
    showing: Showing
    by_tools: bool = True
    refusals: int = 0
    turns: list[_Turn] = field(default_factory=list)


async def navigate(room: Room, request: Request) -> RetrieveResult:
    """Raises ConfigError where no model is configured. A model that fails is a note in the result."""
    trail = await start(room, request)
    decision = await decide(trail)
    if not decision.needed:
        return _closed(trail, no_need(request, BY_MODEL if trail.visits else BY_RULE))
    trail.visits += rewriting(request, decision.query)
    budget = room.tools.settings.navigate_tokens
    showing = Showing(budget, budget)
    contents = await room.read(showing.contents)
    trail.visits.append(contents.visit)
    if not contents.text:
        return _closed(trail, RetrieveResult(True, request.query, decision.query, sufficient=False))
    walk = _Walk(trail, decision.query, contents, showing)
    try:
        finish = None if trail.down else await _read_on(walk)
    except ModelError as error:
        trail.degraded.append(f"{BY_SEARCH}: {error}")
        return await _by_search(trail)
    return await _result(walk, finish)


async def _read_on(walk: _Walk) -> Finish | None:
    """Ask, show, and ask again, until it finishes or the budget is used up. Raises ModelError."""
    steps = walk.trail.room.tools.settings.navigate_steps
    for step in range(1, steps + 1):
        last = step == steps or walk.showing.left < LEAST_LEFT
        reply = await _ask(walk, f"[{steps - step + 1} steps, {walk.showing.left} tokens left]", last)
        calls, actions = _actions(walk, reply, last)
        ending = next((action for action in actions if isinstance(action, Finish)), None)
        if ending is not None or last:
            return ending
        shown = await walk.trail.room.read(partial(_look, walk.showing, actions))
        walk.trail.visits += [one.visit for one in shown]
        walk.turns.append(_Turn(reply.text[:MAX_ECHO], calls, tuple(map(_told, shown))))
        walk.refusals = walk.refusals + 1 if all(isinstance(one, Refused) for one in actions) else 0
        if walk.refusals == MAX_REFUSALS:
            return None
        # Who answers in words where tools are offered is asked for JSON, which an endpoint can hold it to.
        walk.by_tools = walk.by_tools and (bool(calls) or not walk.refusals)
    return None


def _look(showing: Showing, actions: Sequence[Action | Refused], desk: Desk) -> list[Shown]:
    return [refused(one) if isinstance(one, Refused) else showing.open(desk, one) for one in actions]


def _told(shown: Shown) -> str:
    """A view as the model is told it: what stands in the files is fenced, whoever wrote it."""
    return "\n".join(filter(None, [Data(shown.text).fenced() if shown.text else "", neutral(shown.note)]))


# -- asking


async def _ask(walk: _Walk, state: str, last: bool) -> ChatReply:
    """The model's next step; where the endpoint takes no tools, as JSON from then on."""
    if walk.by_tools:
        try:
            return await walk.trail.meter.chat(_request(walk, state, last))
        except ToolsRefused:
            walk.by_tools = False
    return await walk.trail.meter.chat(_request(walk, state, last))


def _request(walk: _Walk, state: str, last: bool) -> ChatRequest:
    messages = [*_prompt(walk), *(message for turn in walk.turns for message in _told_turn(walk, turn))]
    note = f"{state}\n{LAST}" if last else state
    messages[-1] = replace(messages[-1], content=f"{messages[-1].content}\n{note}")
    return ChatRequest(
        "navigate",
        tuple(messages),
        schema=None if walk.by_tools else STEP_SCHEMA,
        tools=((FINISH,) if last else TOOLS) if walk.by_tools else (),
        max_output_tokens=MAX_OUTPUT_TOKENS if walk.by_tools else MAX_STEP_TOKENS,
    )


def _prompt(walk: _Walk) -> tuple[ChatMessage, ...]:
    tools = walk.trail.room.tools
    variables = {
        "query": Data(walk.query),
        "history": Data(walk.trail.history) if walk.trail.history else None,
        "contents": Data(walk.contents.text),
        "note": walk.contents.note,
        "tools": walk.by_tools,
        "today": f"{tools.now():%Y-%m-%d}",
    }
    return tools.prompts.render(PROMPT, walk.trail.language, variables)


def _told_turn(walk: _Walk, turn: _Turn) -> list[ChatMessage]:
    """A turn as messages: by tools, or, where none are taken (any more), as text."""
    if turn.calls and walk.by_tools:
        told = [
            ChatMessage("tool", answer, tool_call_id=call.id)
            for call, answer in zip(turn.calls, turn.answers, strict=True)
        ]
        return [ChatMessage("assistant", turn.text, tool_calls=turn.calls), *told]
    asked = turn.text or "\n".join(f"{call.name} {call.arguments}" for call in turn.calls) or "-"
    return [ChatMessage("assistant", asked), ChatMessage("user", "\n".join(turn.answers))]


# -- what it asks for


def _actions(
    walk: _Walk, reply: ChatReply, last: bool
) -> tuple[tuple[ToolCall, ...], list[Action | Refused]]:
    """Its tool calls, made fit to be sent back, and what each asks for."""
    if not reply.tool_calls:
        return (), [_checked(walk, _from_text(walk, reply.text, last), last)]
    taken = reply.tool_calls[:MAX_CALLS]
    calls = tuple(_sendable(call, f"call_{len(walk.turns)}_{n}") for n, call in enumerate(taken))
    return calls, [_checked(walk, read_call(call.name, call.arguments), last) for call in taken]


def _from_text(walk: _Walk, text: str, last: bool) -> Action | Refused:
    """A step written as JSON; at the end, or asked twice, also an answer in words that names handles."""
    action = read_step(text)
    if not isinstance(action, Refused):
        return action
    if last or walk.refusals:
        named = {handle: line for handle, line in handles_in(text).items() if handle in walk.showing.found}
        if named:
            return Finish(None, tuple(Cited(handle, line) for handle, line in named.items()))
    return action


def _checked(walk: _Walk, action: Action | Refused, last: bool) -> Action | Refused:
    """Before the end, citations of which none was shown are given back."""
    if not isinstance(action, Finish) or not action.hits or last or walk.refusals:
        return action
    if any(handle in walk.showing.found for cited in action.hits for handle in _expanded(cited.handle)):
        return action
    return Refused("finish", "none of these handles was shown; cite what you opened, or give no hits")


def _sendable(call: ToolCall, number: str) -> ToolCall:
    """A call as an endpoint takes it back: with an id, a possible name, and JSON arguments."""
    try:
        whole = isinstance(json.loads(call.arguments), dict) and len(call.arguments) <= MAX_ECHO
    except ValueError:
        whole = False
    name = _NOT_A_NAME.sub("_", call.name)[:MAX_NAME] or "unknown"
    return ToolCall(number, name, call.arguments if whole else "{}")


# -- what comes of it


async def _result(walk: _Walk, finish: Finish | None) -> RetrieveResult:
    trail, top_k = walk.trail, walk.trail.request.top_k
    cited, unknown = _cited(walk, finish)
    if unknown:
        names = ", ".join(unknown[:MAX_NAMED]) + (", ..." if len(unknown) > MAX_NAMED else "")
        trail.degraded.append(f"citations of what was never shown were left out: {names}")
    if finish is None or (unknown and not cited):
        cited = _opened_last(walk.showing)
        if not cited:
            trail.degraded.append(f"{BY_SEARCH}: the model opened nothing within its budget")
            return await _by_search(trail)
        trail.degraded.append("the model did not finish within its budget: these are what it opened last")
    found = [_scored(one, rank) for rank, one in enumerate(cited[:top_k], start=1)]
    result = await trail.room.read(lambda desk: layered(desk, desk.view(), trail.request.query, found))
    trail.visits.append(_finish_visit(finish, len(found)))
    trail.degraded += walk.showing.problems
    enough = finish.enough if finish else None
    return _closed(trail, replace(result, rewritten_query=walk.query, sufficient=enough))


def _finish_visit(finish: Finish | None, cited: int) -> Visit:
    if finish is None:
        return Visit("finish", f"{cited} opened last", "the budget is used up")
    enough = "not said" if finish.enough is None else judgement(finish.enough, BY_MODEL)
    missing = f"; missing: {finish.missing}" if finish.missing else ""
    return Visit("finish", f"{cited} cited", enough + missing)


def _cited(walk: _Walk, finish: Finish | None) -> tuple[list[Found], list[str]]:
    """What was cited and had been shown, each place once, with its reason; and what had not been."""
    cited: dict[str, Found] = {}
    unknown: dict[str, None] = {}
    for one in finish.hits if finish else ():
        known = [handle for handle in _expanded(one.handle) if handle in walk.showing.found]
        if not known:
            unknown[one.handle or "(nothing)"] = None
        for handle in known:
            found = walk.showing.found[handle]
            cited.setdefault(found.hit.place, replace(found, hit=replace(found.hit, reason=one.reason)))
    return list(cited.values()), list(unknown)


def _expanded(handle: str) -> list[str]:
    """ "r3:12-14" is three lines of r3."""
    head, _, last = handle.partition("-")
    resource, _, first = head.partition(":")
    if not (last.isdecimal() and first.isdecimal()):
        return [handle]
    return [f"{resource}:{n}" for n in range(int(first), min(int(last), int(first) + MAX_RANGE) + 1)]


def _opened_last(showing: Showing) -> list[Found]:
    """What was opened, the last view first, each in its order."""
    handles = dict.fromkeys(handle for view in reversed(showing.views) for handle in view if handle)
    return [showing.found[handle] for handle in handles]


def _scored(found: Found, rank: int) -> Found:
    """The model's order is the ranking: a score that says no more than the rank."""
    return replace(found, hit=replace(found.hit, score=round(1 / rank, 4)))


async def _by_search(trail: Trail) -> RetrieveResult:
    result = await trail.room.read(lambda desk: search_memory(desk, trail.request))
    return replace(
        result,
        path=(*trail.visits, *result.path),
        degraded=(*trail.degraded, *result.degraded),
        usage=trail.meter.usage,
    )


def _closed(trail: Trail, result: RetrieveResult) -> RetrieveResult:
    return replace(
        result,
        method="llm",
        path=tuple(trail.visits) or result.path,
        degraded=(*result.degraded, *trail.degraded),
        usage=trail.meter.usage,
    )
