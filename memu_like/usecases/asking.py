"""Asking a model for a value: the reply is read, and where it cannot be used, asked for once more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from ..chat import ChatMessage, ChatReply, ChatRequest
from ..edges.llm.meter import Meter
from ..errors import UnusableReply
from ..pure.fencing import Data, neutral
from ..pure.languages import prompt_language
from ..pure.replies import ReplyError

T = TypeVar("T")

MAX_REPLY_SHOWN = 2000
MAX_REASON = 300
AGAIN = {
    "en": "That reply cannot be used: {reason}. Answer the task above again, in full, and with nothing else.",
    "zh": "上面的回复无法使用：{reason}。请完整地重新回答上面的任务，不要写别的内容。",
}
TOO_LONG = "it was longer than allowed and was cut off; say less, so that the whole answer fits"


async def ask(meter: Meter, request: ChatRequest, read: Callable[[str], T]) -> T:
    """What `read` makes of the reply. `read` raises `pure.replies.ReplyError` where it cannot be used.

    Then the model gets its reply (shortened) and the error and is asked once more; a second failure is
    UnusableReply. A reply that was cut at its length limit is told so. Other ModelErrors pass.
    """
    first = await meter.chat(request)
    try:
        return read(first.text)
    except ReplyError as error:
        reason = _reason(first, error)
    second = await meter.chat(replace(request, messages=(*request.messages, *_again(request, first, reason))))
    try:
        return read(second.text)
    except ReplyError as error:
        told = f"{meter.name(request.step)} gave no usable reply for step {request.step!r}, asked twice"
        raise UnusableReply(f"{told}: {_reason(second, error)}") from error


def _reason(reply: ChatReply, error: ReplyError) -> str:
    """One line for the model and for a person, never the reply at length."""
    line = " ".join(neutral(TOO_LONG if reply.cut or error.cut else str(error)).split())
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 3] + "..."


def _again(request: ChatRequest, reply: ChatReply, reason: str) -> tuple[ChatMessage, ChatMessage]:
    """The model's own words, and what was wrong with them: these may quote what the model was shown, so they
    are quoted in turn."""
    language = prompt_language("auto", [one.content for one in request.messages if one.role == "system"])
    told = AGAIN[language].format(reason=Data(reason, inline=True).fenced())
    return ChatMessage("assistant", _shortened(neutral(reply.text))), ChatMessage("user", told)


def _shortened(text: str) -> str:
    """Some endpoints refuse an empty message, and some two in a row of one role."""
    if len(text) <= MAX_REPLY_SHOWN:
        return text if text.strip() else "(nothing)"
    half = MAX_REPLY_SHOWN // 2
    return f"{text[:half]}\n[...]\n{text[-half:]}"
