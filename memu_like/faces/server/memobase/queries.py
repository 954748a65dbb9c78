"""Query strings as Memobase's clients write them, made such as any parser reads.

They paste texts and JSON into the address as they are. What their HTTP library leaves alone then is `&`,
which splits a value, and `+`, which would be read as a blank.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/api/v1/"
JSON_TEXTS = frozenset(["chats_str", "topic_limits_json"])
TEXTS = frozenset(
    ["query", "search", "customize_context_prompt", "tags", "tag_values", "prefer_topics", "only_topics"]
)
_NAME = re.compile(r"[a-z][a-z_]*=")


class Repaired:
    """ASGI: the same request with a query string that is well formed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["query_string"] and scope["path"].startswith(PREFIX):
            scope = {**scope, "query_string": repaired(scope["query_string"])}
        await self._app(scope, receive, send)


def repaired(query: bytes) -> bytes:
    """The query string with each name and value encoded as a form is.

    A text goes on over an `&` up to what begins another parameter; JSON, up to where it is whole.
    """
    return urlencode(pairs(query.decode("latin-1")), errors="surrogatepass").encode("ascii")


def pairs(query: str) -> list[tuple[str, str]]:
    parts = query.split("&")
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(parts):
        name, _, value = parts[at].partition("=")
        at += 1
        if name in JSON_TEXTS:
            value, at = _whole_json(value, parts, at)
        elif name in TEXTS:
            while at < len(parts) and parts[at] and not _NAME.match(parts[at]):
                value, at = f"{value}&{parts[at]}", at + 1
        if name:
            found.append((decoded(name), decoded(value)))
    return found


def _whole_json(value: str, parts: list[str], at: int) -> tuple[str, int]:
    """As many parts as make JSON; the value as it was, where none do."""
    whole, end = value, at
    while not _is_json(decoded(whole)):
        if end == len(parts):
            return value, at
        whole, end = f"{whole}&{parts[end]}", end + 1
    return whole, end


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def decoded(value: str) -> str:
    """A value that writes its blanks as %20 means + by +."""
    if "%20" not in value:
        value = value.replace("+", " ")
    return unquote(value, errors="replace")
