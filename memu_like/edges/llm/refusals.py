"""What it means that a call gave no reply: whether it passes, which part of the request is refused."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import openai

MAX_SAID = 2_000
"""Characters of an endpoint's words that are looked at."""
LONGEST_PAUSE = 120.0
"""Seconds that a Retry-After is waited for; an endpoint that asks for more is given up."""

_PASSING = frozenset([408, 409, 425, 429])
_OF_A_PART = frozenset([400, 404, 405, 415, 422, 500, 501])
"""Statuses with which endpoints refuse a parameter: llama.cpp says 500 for tools, OpenRouter 404."""
_NOT_PASSING_CODES = frozenset(["insufficient_quota", "billing_hard_limit_reached"])
_KEYS = ("error", "message", "detail", "msg", "loc", "code", "param", "type", "metadata", "raw")
"""Where an error's words stand. Others hold what was sent, which is the user's."""
_NAMES = frozenset(["loc", "code", "param", "type"])
"""Of these, what is for programs: it tells what was meant, and is shown only where there is nothing else."""

_FORMAT = re.compile(
    r"response[_ ]?format|json[_ ]?(?:schema|object|mode)|structured[_ ]?output|guided|grammar|text\.format"
)
_CONCERNS = (
    ("stream_options", re.compile(r"stream[_ ]?options|include_usage")),
    ("response_format", _FORMAT),
    ("temperature", re.compile(r"temperature")),
    ("max_completion_tokens", re.compile(r"max_completion_tokens")),
    ("max_tokens", re.compile(r"max_tokens")),
)
_TOOLS = re.compile(r"\btools?\b|tool[_ ](?:choice|use|call)|function[_ ]?call")
_NOT_TAKEN = re.compile(
    r"not (?:support|permit|allow|enabl|available|implement)|n't support|unsupported|unavailable|requires?\b"
    r"|unknown|unrecogni[sz]ed|unexpected|extra|forbidden|disabled|no endpoints"
)
_TOO_LONG = re.compile(
    r"context[_ ](?:length|window|size)|maximum context|too many (?:input )?tokens"
    r"|(?:prompt|input) is too long|reduce the length"
)
_NO_MODEL = re.compile(
    r"model_not_found|(?:invalid|unknown|no such|unsupported) model"
    r"|model\b.{0,80}(?:not found|not exist|is not available|is invalid)"
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that gave no reply.

    `status` is HTTP's; where it is None no whole answer came, and `reason` says why. `said` are the
    endpoint's own words, in which a key may stand: they are masked before they are shown. `names` is what
    it says beside them for programs.
    """

    status: int | None = None
    reason: str = ""
    said: str = ""
    names: str = ""
    code: str = ""
    param: str = ""
    retry_after: float | None = None

    @property
    def text(self) -> str:
        return f"{self.param} {self.code} {self.said} {self.names}".lower()

    @property
    def passes(self) -> bool:
        """Whether the same request may do better later."""
        if self.code in _NOT_PASSING_CODES or (self.retry_after or 0) > LONGEST_PAUSE:
            return False
        if self.status is None:
            return True
        return self.status in _PASSING or (self.status >= 500 and self.status != 501)

    @property
    def too_long(self) -> bool:
        if self.status == 413:
            return True
        return self.status in (400, 422, 500) and bool(_TOO_LONG.search(self.text))

    @property
    def no_model(self) -> bool:
        return self.status in (400, 422) and bool(_NO_MODEL.search(self.text))


def refused_part(body: Mapping[str, Any], failure: Failure) -> str | None:
    """The part of the request, one of PARTS, that the endpoint does not take; None for any other fault."""
    if failure.status not in _OF_A_PART or failure.too_long:
        return None
    if failure.param in body and failure.param not in ("model", "messages"):
        return _part(body, failure.param, failure)
    for name, pattern in _CONCERNS:
        if name in body and pattern.search(failure.text):
            return _part(body, name, failure)
    if "tools" in body and _TOOLS.search(failure.text):
        return _part(body, "tools", failure)
    return None


def _part(body: Mapping[str, Any], name: str, failure: Failure) -> str | None:
    if name == "response_format":
        wanted = body[name]
        # A schema that strict mode cannot have may do well without it.
        strict = wanted["type"] == "json_schema" and wanted["json_schema"]["strict"]
        return "strict" if strict and "invalid schema" in failure.text else str(wanted["type"])
    if name == "tools":
        # "Invalid" is a fault in one tool, and no word on tools as such.
        return name if _NOT_TAKEN.search(failure.text) else None
    return name if name in dict(_CONCERNS) else None


def failure_of(error: openai.APIStatusError) -> Failure:
    headers = error.response.headers
    return failure_said(error.status_code, error.body, _retry_after(headers))


def failure_said(status: int, body: object, retry_after: float | None = None) -> Failure:
    """From the body of an error, as JSON or as text."""
    inner = body.get("error", body) if isinstance(body, Mapping) else body
    fields = inner if isinstance(inner, Mapping) else {}
    code, param = (fields.get(name) for name in ("code", "param"))
    said = " ".join(_words(body, names=False))
    names = " ".join(_words(body, names=True))
    return Failure(
        status=status,
        said=(said or names)[:MAX_SAID],
        names=names[:MAX_SAID],
        code=code[:100] if isinstance(code, str) else "",
        param=param[:100] if isinstance(param, str) else "",
        retry_after=retry_after,
    )


def _words(value: object, *, names: bool, within: bool = False, depth: int = 0) -> list[str]:
    """The texts of an error's body: those under a key of `_NAMES`, or all others."""
    if isinstance(value, str):
        return [value[:MAX_SAID]] if within == names else []
    deeper = partial(_words, names=names, depth=depth + 1)
    if depth < 6 and isinstance(value, Mapping):
        keys = [key for key in _KEYS if key in value]
        return [word for key in keys for word in deeper(value[key], within=within or key in _NAMES)]
    if depth < 6 and isinstance(value, list):
        return [word for part in value[:8] for word in deeper(part, within=within)]
    return []


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; the header gives seconds or a date (RFC 9110, 10.2.3), or milliseconds as OpenAI does."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        return max(0.0, seconds) if seconds == seconds else None  # not for NaN
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
