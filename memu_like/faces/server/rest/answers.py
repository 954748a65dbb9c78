"""What a route answers with: values as JSON, their ETags, and the preconditions that a client sets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import Header
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from ....models import Entry

JSON = "application/json"
ANY = "*"

Match = Annotated[
    str | None, Header(alias="If-Match", description="The ETag of what was read: else nothing is changed.")
]
NoneMatch = Annotated[
    str | None, Header(alias="If-None-Match", description="An ETag that is at hand; * asks that none exists.")
]


def shown(value: object, status: int = 200, *, etag: str | None = None) -> Response:
    """`value` as JSON: dataclasses by their field names, times in ISO 8601."""
    return Response(as_json(value), status, tagged(etag), JSON)


def as_json(value: object) -> str:
    """On one line. Where a text has half of a surrogate pair, which UTF-8 cannot say, all of it in ASCII."""
    text = json.dumps(value, ensure_ascii=False, default=_jsonable)
    return text if _is_utf8(text) else json.dumps(value, default=_jsonable)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def tagged(etag: str | None) -> dict[str, str]:
    return {} if etag is None else {"ETag": f'"{etag}"'}


def _jsonable(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        found = {field.name: getattr(value, field.name) for field in fields(value)}
        return {**found, "hash": value.hash} if isinstance(value, Entry) else found
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


# -- preconditions, as https://www.rfc-editor.org/rfc/rfc9110#section-13 has them


def tags_of(header: str) -> Sequence[str]:
    """The strong tags of a list. A weak one stands for no bytes in particular, and so matches none."""
    tags = [tag.strip() for tag in header.split(",")]
    return [tag[1:-1] for tag in tags if len(tag) > 1 and tag[0] == tag[-1] == '"']


def expected_of(header: str | None, current: str) -> str | None:
    """What a change may expect to stand there: None for anything. Raises HTTPException 412.

    Where none of the tags is `current` the change is refused at once; where one is, it is made by compare and
    swap, so that nothing is lost that comes in between.
    """
    if header is None or header.strip() == ANY:
        return None
    if current not in tags_of(header):
        raise HTTPException(412, "it has changed since it was read: read it again")
    return current


def is_known(header: str | None, current: str) -> bool:
    """Whether the client has what stands there: then 304 says so."""
    if header is None:
        return False
    return header.strip() == ANY or current in [
        tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")
    ]


def unchanged(etag: str) -> Response:
    return Response(status_code=304, headers=tagged(etag))
