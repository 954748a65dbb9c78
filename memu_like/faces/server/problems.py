"""A refusal in the shape of the face that was asked: Memobase's envelope, or a problem of RFC 9457 (ours)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import Scope as Connection
    from starlette.types import Send

MEMOBASE = "/api/"
PROBLEM = "application/problem+json"


def is_memobase(path: str) -> bool:
    return path.startswith(MEMOBASE)


def problem(status: int, detail: str, **more: Any) -> bytes:
    """https://www.rfc-editor.org/rfc/rfc9457 ; `more` are members of ours."""
    title = HTTPStatus(status).phrase
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return json.dumps(content).encode()


async def refuse(
    scope: Connection, send: Send, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> None:
    """Answer with an error where no route has been asked yet."""
    memobase = is_memobase(scope["path"])
    envelope = {"data": None, "errno": status, "errmsg": detail}
    body = json.dumps(envelope).encode() if memobase else problem(status, detail)
    told = {
        "content-type": "application/json" if memobase else PROBLEM,
        "content-length": str(len(body)),
        **(headers or {}),
    }
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
