"""The one table from our errors to HTTP statuses, and what of an error a client is told."""

from __future__ import annotations

from ... import errors

STATUSES: dict[type[errors.MemuLikeError], int] = {
    errors.InvalidUserId: 422,
    errors.InvalidInput: 400,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.MissingExtra: 501,
    errors.UserError: 400,
    errors.StoreBusy: 503,
    errors.StorageError: 500,
    errors.EmbedderError: 503,
    errors.GitError: 503,
    errors.RemoteUnavailable: 503,
    errors.RemoteError: 502,
    errors.ModelUnavailable: 503,
    errors.SpendCapReached: 503,
    errors.ModelError: 502,
    errors.MemuLikeError: 500,
}
TELLS_PATHS = (errors.StorageError, errors.GitError, errors.ConfigError, errors.PromptError)
"""Their messages name files of the server: they go to its log."""


class Unauthorised(Exception):
    """No token, or one that opens nothing."""

    status = 401

    def __str__(self) -> str:
        return "give a token that this server knows, as Authorization: Bearer TOKEN"


class Forbidden(Exception):
    """A token that opens something else."""

    status = 403

    def __str__(self) -> str:
        return "this token does not open that"


def status_of(error: errors.MemuLikeError) -> int:
    """The status of the nearest class that the table has."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def message_of(error: errors.MemuLikeError) -> str:
    """What a client is told: no path of the server."""
    if isinstance(error, errors.NotFound):
        return f"no {error.kind} {error.name[:200]!r}"
    if isinstance(error, TELLS_PATHS):
        return "the server cannot do this now; its log says why, and what was acknowledged before is safe"
    return str(error)
