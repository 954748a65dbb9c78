"""What a reasoning model thinks aloud, in `<think>` blocks, is no part of its answer.

A structured answer, one that begins with a brace or a bracket, is left as it is: the words in it can quote
such a tag, and cutting there would let remembered text choose where an answer begins.
"""

from __future__ import annotations

import re

_TAG = re.compile(r"</?think>", re.IGNORECASE)
_STRUCTURED = re.compile(r"\s*[{\[]")
_OPEN, _CLOSE = "<think>", "</think>"
_LONGEST = len(_CLOSE)
_PART = 4096


def without_thinking(text: str) -> str:
    """The answer, without white space before it.

    A block that leads and is never closed is thinking to the end. A closing tag with no opening one ends
    thinking that began with the reply, as where a chat template has written the opening tag.
    """
    kept: list[str] = []
    start, thinking, told = 0, False, False
    for tag in _TAG.finditer(text):
        if not told and not thinking and _is_structured(text, start):
            break
        if tag[0][1] == "/":
            kept, told = (kept, told) if thinking else ([], False)
            start, thinking = tag.end(), False
        elif not thinking:
            kept.append(text[start : tag.start()])
            told = told or bool(kept[-1].strip())
            start, thinking = tag.start(), True
    if thinking and not told:
        return ""
    return ("".join(kept) + text[start:]).lstrip()


def begins_inside(text: str) -> bool:
    """Whether a reply begins with thinking whose opening tag is missing."""
    tag = _TAG.search(text)
    return tag is not None and tag[0][1] == "/" and not _is_structured(text, 0)


def _is_structured(text: str, start: int) -> bool:
    return _STRUCTURED.match(text, start) is not None


class ThinkingFilter:
    """The same for a text that comes in pieces: `feed` gives what can be shown by now, `finish` the rest.

    With `begins_inside` a text is taken to begin with thinking whose opening tag is missing; all of it is
    held back until the closing one. Without, such thinking has been given before its end is seen.
    """

    def __init__(self, begins_inside: bool = False) -> None:
        self._mode = "thinking" if begins_inside else "start"
        self._begins_inside = begins_inside
        self._buffer = ""
        self._held: list[str] = []
        self._tag = ""
        self._given = False
        self._steps = {
            "start": self._start,
            "structured": self._structured,
            "thinking": self._thinking,
            "answer": self._answer,
        }

    def feed(self, piece: str) -> str:
        # In parts, for what follows a tag is copied: thousands of tags in one piece would take seconds.
        parts = range(0, len(piece), _PART)
        return "".join(self._feed(piece[start : start + _PART]) for start in parts)

    def _feed(self, piece: str) -> str:
        self._buffer += piece
        out: list[str] = []
        before = None
        while before != (self._mode, self._buffer):
            before = self._mode, self._buffer
            out.append(self._steps[self._mode]())
            self._given = self._given or bool(out[-1])
        return "".join(out)

    def finish(self) -> str:
        rest = self._buffer
        if self._mode == "thinking":
            rest = "".join(self._held) + rest
            if self._begins_inside:
                return without_thinking(rest)
            return self._tag + rest if self._given else ""
        return rest.lstrip() if self._mode == "start" else rest

    def _start(self) -> str:
        self._buffer = self._buffer.lstrip()
        head = self._buffer[:_LONGEST].lower()
        if head.startswith(_OPEN):
            self._begin_thinking(0, len(_OPEN))
        elif head == _CLOSE:
            self._buffer = self._buffer[_LONGEST:]
        elif head[:1] in ("{", "["):
            self._mode = "structured"
        elif head and not _OPEN.startswith(head) and not _CLOSE.startswith(head):
            self._mode = "answer"
        return ""

    def _structured(self) -> str:
        out, self._buffer = self._buffer, ""
        return out

    def _begin_thinking(self, start: int, end: int) -> None:
        self._tag, self._buffer = self._buffer[start:end], self._buffer[end:]
        self._mode, self._held = "thinking", []

    def _thinking(self) -> str:
        end = self._buffer.lower().find(_CLOSE)
        if end >= 0:
            self._buffer, self._held = self._buffer[end + _LONGEST :], []
            self._mode, self._begins_inside = "answer" if self._given else "start", False
        elif self._given or self._begins_inside:
            # It may prove to be no thinking at all, so it is kept, but looked through only once.
            self._held.append(self._buffer[:-_LONGEST])
            self._buffer = self._buffer[-_LONGEST:]
        else:
            self._buffer = self._buffer[-_LONGEST:]
        return ""

    def _answer(self) -> str:
        tag = _TAG.search(self._buffer)
        if tag is None:
            safe = len(self._buffer) - _partial_tag(self._buffer)
            out, self._buffer = self._buffer[:safe], self._buffer[safe:]
            return out
        before = self._buffer[: tag.start()]
        if tag[0][1] == "/":
            self._buffer = self._buffer[tag.end() :]
            return ""
        self._begin_thinking(*tag.span())
        return before


def _partial_tag(text: str) -> int:
    """How many characters at the end could be the beginning of a tag."""
    end = text[-_LONGEST:].lower()
    for length in range(min(len(end), _LONGEST - 1), 0, -1):
        if _OPEN.startswith(end[-length:]) or _CLOSE.startswith(end[-length:]):
            return length
    return 0
