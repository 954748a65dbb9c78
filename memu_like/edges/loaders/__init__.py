"""Files of other programs, as bytes, to conversations and documents. No file is opened here.

Everything in a file is checked before anything of it is returned: a LoadError means that nothing of the
file was taken in, and says where in it the trouble is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, timedelta, tzinfo
from typing import Any

from ...errors import InvalidInput, LoadError
from ...models import Loaded, Modality
from .base import Reading, require_text
from .chatgpt import load_chatgpt
from .documents import load_html, load_markdown, load_pdf, load_text
from .jsonfile import JsonValue, looks_like_json, parse_json
from .locomo import load_locomo
from .messages import ROLES, parse_message
from .openai_messages import load_openai
from .sniffing import json_format, text_format
from .text import decode
from .transcript import load_transcript
from .whatsapp import load_whatsapp

__all__ = ["FORMATS", "ROLES", "load", "load_messages", "parse_message", "sniff"]

_FROM_JSON: Mapping[str, Callable[[Sequence[JsonValue], Reading], tuple[Loaded, ...]]] = {
    "openai": load_openai,
    "chatgpt": load_chatgpt,
    "locomo": load_locomo,
}
_FROM_LINES: Mapping[str, Callable[[str, Reading], tuple[Loaded, ...]]] = {
    "transcript": load_transcript,
    "whatsapp": load_whatsapp,
}
_FROM_DOCUMENT: Mapping[str, Callable[[str, bytes, Reading], Loaded]] = {
    "markdown": load_markdown,
    "text": load_text,
    "html": load_html,
}

FORMATS: tuple[str, ...] = (*_FROM_JSON, *_FROM_LINES, *_FROM_DOCUMENT, "pdf")
"""Every format by name: five of conversations, four of documents."""

_CONVERSATIONS = frozenset((*_FROM_JSON, *_FROM_LINES))
# A PDF may begin with a few bytes of something else (ISO 32000-1, note in annex H.3.4.1: within 1,024).
_PDF_MARK, _PDF_MARK_WITHIN = b"%PDF-", 1024


def load(
    data: bytes,
    name: str,
    *,
    format: str | None = None,
    modality: Modality | None = None,
    timezone: tzinfo = UTC,
    session_gap: timedelta,
    max_message_bytes: int,
) -> tuple[Loaded, ...]:
    """A file's conversations, one `Loaded` a session in the file's order, or its one document.

    `name` is what errors and `source` call the file. Without `format` it is told from the content, then
    from the name. Naive times are in `timezone`. A flat list of messages is cut where it is silent for
    longer than `session_gap`. Raises LoadError, InvalidInput (an unknown format, or one that contradicts
    `modality`), MissingExtra.
    """
    name = name or "input"
    reading = Reading(name, timezone, session_gap, max_message_bytes)
    if format is not None and format not in FORMATS:
        raise InvalidInput(f"there is no format {format!r}; the formats are {', '.join(FORMATS)}")
    if format is not None:
        _agree(format, modality, name)
    if format == "pdf" or (format is None and _is_pdf(data, name)):
        _agree("pdf", modality, name)
        return (load_pdf(data, reading),)
    text = _text(data, name)
    return require_text(_load_text(text, data, format, modality, reading), name)


def load_messages(
    messages: Sequence[Mapping[str, Any]],
    name: str = "messages",
    *,
    timezone: tzinfo = UTC,
    session_gap: timedelta,
    max_message_bytes: int,
    may_be_blank: bool = False,
) -> tuple[Loaded, ...]:
    """Messages handed over by a program, in the shape of the chat APIs; LoadError names the message.

    Where none of them says anything it is an error, unless they `may_be_blank`.
    """
    if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence):
        raise InvalidInput(f"messages must be a list of objects, not {type(messages).__name__}")
    if not messages:
        raise LoadError(name, "holds no messages")
    reading = Reading(name, timezone, session_gap, max_message_bytes)
    prefix = "message" if name == "messages" else f"{name}: message"
    parsed = [reading.message(raw, f"{prefix} {number}") for number, raw in enumerate(messages, 1)]
    sessions = reading.sessions(parsed, format="openai")
    return sessions if may_be_blank else require_text(sessions, name)


def sniff(data: bytes, name: str) -> str:
    """The format, told from the content and then from the name. LoadError where neither tells."""
    name = name or "input"
    if _is_pdf(data, name):
        return "pdf"
    text = _text(data, name)
    if looks_like_json(text, name):
        return json_format(parse_json(text, name), name, FORMATS)
    return text_format(text, name)


def _load_text(
    text: str, data: bytes, format: str | None, modality: Modality | None, reading: Reading
) -> tuple[Loaded, ...]:
    if format in _FROM_JSON or (format is None and looks_like_json(text, reading.name)):
        values = parse_json(text, reading.name)
        chosen = format or json_format(values, reading.name, FORMATS)
        _agree(chosen, modality, reading.name)
        return _FROM_JSON[chosen](values, reading)
    chosen = format or text_format(text, reading.name, modality)
    _agree(chosen, modality, reading.name)
    if chosen in _FROM_LINES:
        return _FROM_LINES[chosen](text, reading)
    return (_FROM_DOCUMENT[chosen](text, data, reading),)


def _text(data: bytes, name: str) -> str:
    text = decode(data, name)
    if not text.strip():
        raise LoadError(name, "is empty")
    return text


def _is_pdf(data: bytes, name: str) -> bool:
    named = name.lower().endswith(".pdf") and bool(data.strip())
    return named or _PDF_MARK in data[:_PDF_MARK_WITHIN]


def _agree(format: str, modality: Modality | None, name: str) -> None:
    found = Modality.CONVERSATION if format in _CONVERSATIONS else Modality.DOCUMENT
    if modality is not None and modality != found:
        raise LoadError(
            name, f"is read as {format}, which is a {found}, not a {modality}; name another --format"
        )
