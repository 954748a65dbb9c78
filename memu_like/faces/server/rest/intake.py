"""What comes in: messages that are buffered, what is memorized at once, and the flush of the buffer."""

from __future__ import annotations

import binascii
from base64 import b64decode

from fastapi import APIRouter
from fastapi.responses import Response

from ....errors import InvalidInput
from ....results import MemorizeReport
from ..requests import User
from .answers import shown
from .bodies import Flush, Messages, Source

router = APIRouter(tags=["intake"])


@router.post("/users/{user_id}/messages", status_code=201)
async def add_messages(user: User, body: Messages) -> Response:
    """Buffer messages. They are on disk, and found by search, when this answers.

    A message that is sent again with the same `id` and `created_at` counts once: so a request that was not
    answered can be repeated.
    """
    return shown({"added": await user.add(body.messages)}, 201)


@router.post("/users/{user_id}/memorize", response_model=MemorizeReport)
async def memorize(user: User, body: Source) -> Response:
    """Store messages, a text or a file, and run on it and on what is buffered."""
    report = await user.memorize(
        _source(body),
        modality=body.modality,
        format=body.format,
        name=body.name or ("text" if body.text is not None else None),
        model=body.model,
        dry_run=body.dry_run,
    )
    return shown(report)


def _source(body: Source) -> bytes | list[dict[str, object]]:
    """Bytes and never a text, which may read as the path of a file of this machine."""
    sources = [one for one in (body.messages, body.text, body.data) if one is not None]
    if len(sources) != 1:
        raise InvalidInput("give one of messages, text and data")
    if body.messages is not None:
        return body.messages
    if body.text is not None:
        return body.text.encode("utf-8", "surrogatepass")
    try:
        return b64decode(body.data or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("data is not base64") from error


@router.post("/users/{user_id}/flush", response_model=MemorizeReport)
async def flush(user: User, body: Flush | None = None) -> Response:
    """Run on what is buffered, and on what an interrupted run left."""
    how = body or Flush()
    return shown(await user.flush(model=how.model, dry_run=how.dry_run, retry=how.retry))
