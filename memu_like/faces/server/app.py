"""The app: its routers, what stands before them, and what an error becomes."""

from __future__ import annotations

import logging

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from ... import __version__
from ...errors import MemuLikeError
from .access import Access
from .guard import AccessLog, Guard
from .memobase import router
from .memobase.envelope import failed, refused
from .memobase.queries import Repaired
from .requests import routed
from .statuses import TELLS_PATHS, Forbidden, message_of, status_of

LOG = logging.getLogger("memu_like.server")


def build(access: Access) -> FastAPI:
    """The app over what `access` opens."""
    app = FastAPI(
        title="memu-like",
        version=__version__,
        summary="Long-term memory kept as plain files, behind Memobase's API.",
        middleware=[Middleware(AccessLog), Middleware(Guard, access=access), Middleware(Repaired)],
        dependencies=[Depends(routed)],
        redirect_slashes=False,
    )
    app.include_router(router)
    app.add_exception_handler(MemuLikeError, _ours)
    app.add_exception_handler(Forbidden, _forbidden)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    return app


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, MemuLikeError)
    status = status_of(error)
    if isinstance(error, TELLS_PATHS):
        LOG.error("%s: %s", type(error).__name__, error)
    return failed(status, message_of(error))


async def _forbidden(request: Request, error: Exception) -> Response:
    return refused(Forbidden.status, str(error))


async def _invalid(request: Request, error: Exception) -> Response:
    """The first thing that is wrong, and where: never the value, which may be what somebody said."""
    assert isinstance(error, RequestValidationError)
    await routed(request)  # a body that is no JSON is found before any dependency is asked
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return refused(422, f"{place}: {first['msg']}")


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refused(error.status_code, str(error.detail), error.headers)
