"""Bytes to text, and the checks that any text from outside has to pass."""

from __future__ import annotations

import codecs
import math
from pathlib import PurePath
from typing import Any

from ...errors import LoadError

MAX_DEPTH = 64
"""How deep a message may be nested. Real ones stay under ten; Python's own limit is about a thousand."""

# Python refuses to print an integer of more than 4,300 digits, which is a little over 14,000 bits.
_MAX_INTEGER_BITS = 14_000


def decode(data: bytes, name: str) -> str:
    """UTF-8 with or without BOM, or UTF-16 with one; line ends become LF. LoadError says at which byte."""
    encoding, skip = "utf-8", 0
    if data.startswith(codecs.BOM_UTF8):
        skip = 3
    elif data.startswith(codecs.BOM_UTF16_LE):
        encoding, skip = "utf-16-le", 2
    elif data.startswith(codecs.BOM_UTF16_BE):
        encoding, skip = "utf-16-be", 2
    try:
        text = data[skip:].decode(encoding)
    except UnicodeDecodeError as error:
        reason = f"is not {encoding.upper()} text at byte {error.start + skip}; save it as UTF-8"
        raise LoadError(name, reason) from error
    nul = text.find("\0")
    if nul >= 0:
        raise LoadError(name, "holds a NUL character; it is not text", text.count("\n", 0, nul) + 1)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def check_text(text: str, place: str) -> int:
    """Refuse NUL characters and lone surrogates; the size in bytes of UTF-8."""
    if "\0" in text:
        raise LoadError(place, "holds a NUL character")
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError as error:
        raise LoadError(place, "holds a lone surrogate, which is not valid Unicode text") from error


def check_message(raw: dict[Any, Any], place: str, max_bytes: int) -> None:
    """Refuse what a line of JSON cannot hold, and what is larger than `max_bytes` or nested without end."""
    try:
        joined = "".join((*raw, *raw.values()))
    except TypeError:
        _check_nested(raw, place, max_bytes)
        return
    # Most messages hold text only, and this is several times faster than looking at each value.
    if len(joined) > max_bytes or check_text(joined, place) > max_bytes:
        raise _too_large(place, max_bytes)


def _too_large(place: str, max_bytes: int) -> LoadError:
    return LoadError(place, f"is larger than {max_bytes} bytes, the limit (max_message_bytes)")


def _check_nested(value: Any, place: str, max_bytes: int) -> None:
    size = 0
    stack: list[tuple[Any, int]] = [(value, 0)]
    while stack:
        node, depth = stack.pop()
        if isinstance(node, str):
            size += len(node) if len(node) > max_bytes else check_text(node, place)
        elif isinstance(node, dict):
            _check_keys(node, place)
            stack.extend((key, depth) for key in node)
            stack.extend((child, depth + 1) for child in node.values())
        elif isinstance(node, list | tuple):
            stack.extend((child, depth + 1) for child in node)
        else:
            _check_scalar(node, place)
        size += 1  # a container that holds itself has no end, but reaches the limit
        if size > max_bytes:
            raise _too_large(place, max_bytes)
        if depth > MAX_DEPTH:
            raise LoadError(place, f"is nested more than {MAX_DEPTH} levels deep")


def _check_keys(node: dict[Any, Any], place: str) -> None:
    for key in node:
        if not isinstance(key, str):
            raise LoadError(place, f"has a key of type {type(key).__name__}; keys must be text")


def _check_scalar(node: Any, place: str) -> None:
    if isinstance(node, float):
        if not math.isfinite(node):
            raise LoadError(place, f"holds {node}, which JSON has no number for")
    elif isinstance(node, int):
        if node.bit_length() > _MAX_INTEGER_BITS:
            raise LoadError(place, "holds a number of more than 4,000 digits")
    elif node is not None:
        raise LoadError(place, f"holds a value of type {type(node).__name__}, which JSON cannot hold")


def one_line(text: str, place: str, limit: int = 200) -> str | None:
    """A title or a name: checked, on one line, at most `limit` characters; None where nothing is left."""
    check_text(text, place)
    flat = " ".join(text.split())
    return (flat if len(flat) <= limit else flat[: limit - 1] + "…") or None


def stem(name: str) -> str | None:
    """The title that a file's name gives."""
    return PurePath(name).stem or None
