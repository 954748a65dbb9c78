"""Category files as texts: a program edits them as a person does, under the hash of what it has read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from ....errors import InvalidInput
from ....results import BlameLine, CategoryText, SyncReport
from ..requests import User
from .answers import ANY, Match, NoneMatch, expected_of, is_known, shown, tagged, unchanged
from .bodies import Rename

router = APIRouter(tags=["categories"])
MARKDOWN = "text/markdown; charset=utf-8"
Markdown = Annotated[
    bytes, Body(media_type="text/markdown", description="The whole file.", max_length=4 * 1024 * 1024)
]


@router.get("/users/{user_id}/categories", response_model=list[CategoryText])
async def list_categories(user: User) -> Response:
    """The topics that have a file, each with its text and the hash that is its ETag."""
    return shown([await user.category(topic) for topic in await user.profile()])


@router.get(
    "/users/{user_id}/categories/{topic}",
    response_class=Response,
    responses={200: {"content": {"text/markdown": {}}}},
)
async def get_category(user: User, topic: str, none_match: NoneMatch = None) -> Response:
    """The file as it stands."""
    found = await user.category(topic)
    if is_known(none_match, found.hash):
        return unchanged(found.hash)
    return Response(found.text.encode("utf-8", "surrogateescape"), 200, tagged(found.hash), MARKDOWN)


@router.put("/users/{user_id}/categories/{topic}", response_model=CategoryText)
async def put_category(
    user: User,
    topic: str,
    text: Markdown,
    match: Match = None,
    none_match: NoneMatch = None,
    confirm: Annotated[bool, Query(description="Retract entries even where many are gone at once.")] = False,
) -> Response:
    """Replace the file whose ETag If-Match names, or make a new one with If-None-Match: *."""
    if none_match is not None and none_match.strip() == ANY and match is None:
        expected = None
    else:
        expected = await _read_by(user, topic, match)
    try:
        written = text.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput("the body is not UTF-8") from error
    found = await user.write_category(topic, written, expected=expected, confirm=confirm)
    return shown(found, 201 if expected is None else 200, etag=found.hash)


@router.post("/users/{user_id}/categories/{topic}/rename", response_model=CategoryText)
async def rename_category(user: User, topic: str, body: Rename, match: Match = None) -> Response:
    """Give the file another name; what is learnt later follows."""
    found = await user.rename_category(topic, body.topic, expected=await _read_by(user, topic, match))
    return shown(found, etag=found.hash)


@router.delete("/users/{user_id}/categories/{topic}", response_model=SyncReport)
async def delete_category(user: User, topic: str, match: Match = None) -> Response:
    """Delete the file, and retract its entries."""
    return shown(await user.delete_category(topic, expected=await _read_by(user, topic, match)))


@router.get("/users/{user_id}/categories/{topic}/blame", response_model=list[BlameLine])
async def blame(user: User, topic: str) -> Response:
    """Who put each line there: commit, run, item, source, and the words behind it."""
    return shown(await user.blame(topic))


async def _read_by(user: User, topic: str, match: str | None) -> str:
    """The hash of what the client has read. Raises HTTPException 428 where it does not say."""
    if match is None:
        raise HTTPException(428, "say what you have read: If-Match with its ETag, or * for whatever it is")
    current = (await user.category(topic)).hash
    expected_of(match, current)
    return current
