"""What a client is told where something cannot be done: one line that a model can act on."""

from __future__ import annotations

import logging

from pydantic import ValidationError

from ...errors import Conflict, MemuLikeError, NotFound
from ...fenced import as_quoted, as_value
from ..server.statuses import TELLS_PATHS, message_of
from .people import ASKING

NOTHING_YET = "Nothing is remembered of this user yet."
log = logging.getLogger("memu_like")


def refusal(error: MemuLikeError) -> str:
    """An error's line; where it tells what is remembered, that is marked as data.

    Who comes with a token may sit at another machine: the names of this one's files go to the log.
    """
    if isinstance(error, Conflict):
        return (
            f"what stands there is not what was expected; it now says, as data: {as_quoted(error.current)};"
            " decide anew, and give that as expected"
        )
    if isinstance(error, NotFound) and error.kind == "user":
        return NOTHING_YET  # the store's place is no matter of a client's
    if ASKING.get() is not None and isinstance(error, TELLS_PATHS):
        log.error("%s", " ".join(str(error).split()))
        return message_of(error)
    return as_value(" ".join(str(error).split()))


def wrong_argument(error: ValidationError) -> str:
    """The first argument that cannot be used, and why; not what was given."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "arguments"
    return f"{place}: {first['msg']}"


def internal_error(work: str, error: Exception) -> str:
    """For a mistake of ours; the log has its place too. Neither has the message, which may quote somebody."""
    log.error("%s: internal error: %s", work, _where(error))
    return f"internal error: {type(error).__name__}; please report it"


def _where(error: BaseException) -> str:
    """The kind of an error and where it was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{place}"
