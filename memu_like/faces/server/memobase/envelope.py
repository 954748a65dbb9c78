"""The envelope {data, errno, errmsg} that every answer comes in.

Memobase's clients raise their ServerError on an errno in an answer of status 200, and catch that one alone:
so what they have to tell apart, such as a user that is not there, comes so. What no right client sends, and
what is wrong with the server itself, has its own status.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi.responses import JSONResponse, Response

OUTCOMES = frozenset([404, 409, 501, 502])
"""The errors that come with status 200, as with Memobase."""


class Answer(JSONResponse):
    """JSON in UTF-8; where a text has half of a surrogate pair, all of it in ASCII."""

    def render(self, content: Any) -> bytes:
        try:
            return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        except UnicodeEncodeError:
            return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def answer(data: Mapping[str, Any] | list[Any] | None = None) -> Response:
    return Answer({"data": data, "errno": 0, "errmsg": ""})


def failed(status: int, message: str) -> Response:
    """An error of ours."""
    return refused(status, message, http=200 if status in OUTCOMES else status)


def refused(
    status: int, message: str, headers: Mapping[str, str] | None = None, http: int | None = None
) -> Response:
    content = {"data": None, "errno": status, "errmsg": message}
    return Answer(content, status_code=http or status, headers=dict(headers or {}))
