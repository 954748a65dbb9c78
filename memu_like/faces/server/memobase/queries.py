"""Query strings as Memobase's clients write them, made such as any parser reads.

They paste texts and JSON into the address as they are. What their HTTP library leaves alone then is `&`,
which splits a value, and `+`, which would be read as a blank; and `#` ends the address: what follows is lost.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/api/v1/"
CHATS = "chats_str"
JSON_TEXTS = frozenset([CHATS, "topic_limits_json", "topic_limits"])
TEXTS = frozenset(
    ["query", "search", "customize_context_prompt", "tags", "tag_values", "prefer_topics", "only_topics"]
)
_NAME = re.compile(r"[a-z][a-z_]*=")
LONGEST_ESCAPE = 6
_JSON = json.JSONDecoder()


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
    left, at = set(JSON_TEXTS), 0  # each is looked for once: it takes the whole of the rest
    while at < len(parts):
        name, _, value = parts[at].partition("=")
        at += 1
        if name in left:
            left.remove(name)
            text, at = _whole_json(value, parts, at, cut=name == CHATS)
        else:
            text, at = _whole_text(value, parts, at) if name in TEXTS else (decoded(value), at)
        if name:
            found.append((decoded(name), text))
    return found


def _whole_text(value: str, parts: list[str], at: int) -> tuple[str, int]:
    end = at
    while end < len(parts) and parts[end] and not _NAME.match(parts[end]):
        end += 1
    return decoded("&".join([value, *parts[at:end]])), end


def _whole_json(value: str, parts: list[str], at: int, *, cut: bool) -> tuple[str, int]:
    """As many parts as make JSON; the value as it was, where none do.

    With `cut`, a message that ends within its text ends there: what follows a `#` is never sent.
    """
    spelled = "%20" in value
    texts = [decoded(part, spelled) for part in (value, *parts[at:])]
    whole = "&".join(texts)
    try:
        _, end = _JSON.raw_decode(whole, len(whole) - len(whole.lstrip()))
    except (ValueError, RecursionError):
        closed = _closed(whole) if cut else None
        return (texts[0], at) if closed is None else (closed, len(parts))
    used, length = 0, len(texts[0])
    while length < end:
        used += 1
        length += 1 + len(texts[used])
    return (texts[0], at) if whole[end:length].strip() else (whole[:length], at + used)


def _closed(text: str) -> str | None:
    """Messages that were cut within the text of the last one, perhaps within an escape of it, as JSON."""
    for length in range(len(text), max(len(text) - LONGEST_ESCAPE, 0), -1):
        closed = text[:length] + '"}]'
        with suppress(ValueError, RecursionError):
            json.loads(closed)
            return closed
    return None


def decoded(value: str, spelled: bool | None = None) -> str:
    """A value that writes its blanks as %20 (`spelled`; None: look) means + by +."""
    if not ("%20" in value if spelled is None else spelled):
        value = value.replace("+", " ")
    return unquote(value, errors="replace")
