"""Which format a file is in, told from what it holds and only then from its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...errors import LoadError
from ...models import Modality
from .jsonfile import JsonValue
from .locomo import is_locomo
from .messages import NAME_KEYS
from .transcript import looks_like_transcript
from .whatsapp import looks_like_whatsapp

_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).){0,2000}-->\s*)?<(?:!doctype html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_HTML_SUFFIXES = (".html", ".htm", ".xhtml")
_MARKDOWN_SUFFIXES = (".md", ".markdown", ".mdown")
_MESSAGE_KEYS = frozenset(("role", "content", "text", *NAME_KEYS))


def json_format(values: Sequence[JsonValue], name: str, formats: Sequence[str]) -> str:
    """The format of parsed JSON, told from its first element; what is empty is an empty conversation."""
    first = values[0].value if values else []
    if isinstance(first, dict) and isinstance(first.get("mapping"), dict):
        return "chatgpt"
    if is_locomo(first):
        return "locomo"
    if isinstance(first, list) or _holds_messages(first) or name.lower().endswith((".jsonl", ".ndjson")):
        return "openai"
    raise LoadError(
        name, f"is JSON of no format that is known here; name it with --format, one of {', '.join(formats)}"
    )


def _holds_messages(value: Any) -> bool:
    return isinstance(value, dict) and ("messages" in value or not _MESSAGE_KEYS.isdisjoint(value))


def text_format(text: str, name: str, modality: Modality | None = None) -> str:
    """The format of text that is not JSON. A wanted modality decides between a transcript and a document."""
    lowered = name.lower()
    if _HTML.match(text) or lowered.endswith(_HTML_SUFFIXES):
        return "html"
    if modality is not Modality.DOCUMENT:
        if looks_like_whatsapp(text):
            return "whatsapp"
        if modality is Modality.CONVERSATION or looks_like_transcript(text):
            return "transcript"
    return "markdown" if lowered.endswith(_MARKDOWN_SUFFIXES) else "text"
