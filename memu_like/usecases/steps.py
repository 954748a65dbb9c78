"""Steps of a retrieval that a language model does. Each may fail: then a rule does it, and that is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from ..chat import ChatRequest, OutputSchema
from ..edges.llm.meter import Meter
from ..errors import ModelError, ModelUnavailable, SpendCapReached
from ..pure.fencing import Data, Value
from ..pure.history import recent
from ..pure.languages import prompt_language
from ..pure.query_steps import Decision, decision_schema, read_decision
from ..pure.small_talk import is_small_talk
from ..results import Visit
from .asking import ask
from .desk import Desk, Room
from .retrieval import BY_RULE, Request

T = TypeVar("T")
BY_MODEL = "by the model"
MAX_OUTPUT_TOKENS = 1_024
"""Enough for a model that thinks before its short answer; one that runs away is stopped soon."""


@dataclass(slots=True)
class Trail:
    """One retrieval with a model: what it is asked with, and what has come of it so far."""

    room: Room
    request: Request
    meter: Meter
    language: str
    history: str
    visits: list[Visit] = field(default_factory=list)
    degraded: list[str] = field(default_factory=list)
    down: bool = False
    """The model cannot be asked any more: further steps are not tried."""

    async def ask(
        self,
        what: str,
        prompt: str,
        variables: Mapping[str, Value],
        schema: OutputSchema,
        read: Callable[[str], T],
    ) -> T | None:
        """What `read` makes of the model's answer; None where it could not be had, which is said."""
        if self.down:
            return None
        messages = self.room.tools.prompts.render(prompt, self.language, variables)
        chat = ChatRequest("judge", messages, schema=schema, max_output_tokens=MAX_OUTPUT_TOKENS)
        try:
            return await ask(self.meter, chat, read)
        except ModelError as error:
            self.degraded.append(f"{what}, {BY_RULE}: {error}")
            self.down = isinstance(error, ModelUnavailable | SpendCapReached)
            return None


async def start(room: Room, request: Request) -> Trail:
    """Raises ConfigError where no model is configured, NotFound where the user has no folder."""
    meter = room.meter()
    language = prompt_language(room.tools.settings.language, [request.query])
    history = await room.read(lambda desk: shown_history(desk, request))
    return Trail(room, request, meter, language, history)


def shown_history(desk: Desk, request: Request) -> str:
    if not request.history:
        return ""
    counter = desk.tools.counter()
    return recent(request.history, counter.truncate, counter.count)


async def decide(trail: Trail) -> Decision:
    """Whether memory is needed, and the query to search for: one call for both, none where neither is on."""
    request = trail.request
    small_talk = is_small_talk(request.query)
    rewrite = request.rewrite and bool(request.history)
    # Small talk with nothing before it needs no model; after a question, a "yes" may ask for something.
    if (small_talk and not (request.decide and request.history)) or not (request.decide or rewrite):
        return Decision(not small_talk, request.query)
    found = await trail.ask(
        "decided and rewritten" if rewrite else "decided",
        "decide",
        {
            "query": Data(request.query),
            "history": Data(trail.history),
            "decide": request.decide,
            "rewrite": rewrite,
        },
        decision_schema(request.decide, rewrite),
        lambda reply: read_decision(reply, request.query, request.decide, rewrite),
    )
    if found is None:
        return Decision(not small_talk, request.query)
    if request.decide:
        outcome = "memory is needed" if found.needed else "nothing to look up"
        trail.visits.append(Visit("decide", request.query, f"{outcome}, {BY_MODEL}"))
    return found
