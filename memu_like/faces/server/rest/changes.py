"""Server-sent events: what is recorded of a user, as it is, by this process or another.

The events' files are the queue; a stream keeps no more than how far it has told: a reader that is slow, or
was away and comes back with Last-Event-ID, goes on where it stopped. The form is that of
https://html.spec.whatwg.org/#server-sent-events
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse

from ....errors import MemuLikeError, NotFound
from ....models import Event, Recorded
from ..requests import User
from ..statuses import message_of
from .answers import as_json

router = APIRouter(tags=["changes"])
POLL_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
"""A line that says nothing, so that a gone reader is noticed and nothing between cuts the connection."""
RETRY = "retry: 2000\n\n"
Cursor = Annotated[str | None, Header(alias="Last-Event-ID", description="The id of the last change read.")]


@router.get(
    "/users/{user_id}/changes",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def changes(
    request: Request,
    user: User,
    last: Cursor = None,
    after: Annotated[str | None, Query(max_length=64 * 1024, description="The same, in the address.")] = None,
) -> Response:
    """A stream of what runs, edits and syncs record: `event` is the kind, `data` the event.

    Without an id it begins now. `gap` says that something cannot be told: read again what matters.
    """
    begun = await user.recorded(last if last is not None else after)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    stream = _stream(user, begun, lambda: request.app.state.stopping)
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _stream(user: User, found: Recorded, stopping: Callable[[], bool]) -> AsyncGenerator[str, None]:
    """Ends when the server does: its reader comes back with its last id."""
    clock = asyncio.get_running_loop().time
    yield RETRY + _told(found)
    heard = clock()
    while not stopping():
        if not found.events:
            await asyncio.sleep(POLL_SECONDS)
        try:
            found = await user.recorded(found.cursor)
        except MemuLikeError as error:
            yield _message("forgotten" if isinstance(error, NotFound) else "error", message_of(error))
            return
        if found.events or found.gap:
            heard = clock()
            yield _told(found)
        elif clock() - heard >= HEARTBEAT_SECONDS:
            heard = clock()
            yield ": still here\n\n"


def _told(found: Recorded) -> str:
    """The cursor stands with the last one alone: who is cut off in between hears these again."""
    parts = [_event(event) for event in found.events]
    if found.gap:
        parts.append(_message("gap", "something cannot be told: read again what matters"))
    return "".join([*parts, f"id: {found.cursor}\n\n"])


def _event(event: Event) -> str:
    return f"event: {event.kind}\ndata: {as_json(event)}\n\n"


def _message(kind: str, text: str) -> str:
    return f"event: {kind}\ndata: {json.dumps({'message': text})}\n\n"
