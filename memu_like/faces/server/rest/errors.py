"""Our errors as problems of RFC 9457, with the statuses that HTTP has for them."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.responses import Response

from .... import errors
from ..problems import PROBLEM, problem
from ..statuses import message_of, status_of

STATUSES: dict[type[errors.MemuLikeError], int] = {
    errors.InvalidInput: 422,
    errors.ConfigError: 409,
    errors.GitError: 409,
    errors.Unmergeable: 409,
}
"""Where it differs from Memobase's: what is asked is right, and the store's state does not allow it."""
RETRY_SECONDS = 2
CONDITIONS = ("if-match", "if-none-match")


def of_ours(error: errors.MemuLikeError, headers: Mapping[str, str]) -> Response:
    """A conflict tells what stands there now; it is a failed precondition where the client has set one."""
    own = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), None)
    status = own or status_of(error)
    if isinstance(error, errors.Conflict):
        status = 412 if any(name in headers for name in CONDITIONS) else 409
        more = {"current": error.current, "hash": error.hash, "rev": error.rev}
        return Response(problem(status, message_of(error), **more), status, None, PROBLEM)
    told = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else None
    return Response(problem(status, message_of(error)), status, told, PROBLEM)
