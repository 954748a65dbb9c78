"""The app: its routers, what stands before them, and what an error becomes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from ... import __version__
from ...errors import MemuLikeError
from .access import Access
from .describing import describe
from .guard import AccessLog, Guard
from .limits import Limits, Shares, Sizes
from .memobase import router as memobase
from .memobase.envelope import failed, refused
from .memobase.queries import Repaired
from .metrics import Metrics, templates
from .pages import router as pages
from .problems import PROBLEM, is_memobase, problem
from .requests import routed
from .rest import of_ours
from .rest import router as rest
from .statuses import TELLS_PATHS, Forbidden, message_of, status_of

LOG = logging.getLogger("memu_like.server")


def build(access: Access, limits: Limits) -> FastAPI:
    """The app over what `access` opens."""
    metrics = Metrics()
    app = FastAPI(
        title="memu-like",
        version=__version__,
        summary="Long-term memory kept as plain files: under /v1, and behind Memobase's API under /api/v1.",
        middleware=[
            Middleware(AccessLog, metrics=metrics),
            Middleware(Sizes, limits=limits),
            Middleware(Guard, access=access),
            Middleware(Shares, limits=limits),
            Middleware(Repaired),
        ],
        dependencies=[Depends(routed)],
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.include_router(memobase)
    app.include_router(rest)
    app.include_router(pages)
    app.state.metrics, app.state.templates = metrics, templates(app)
    app.state.stopping = False  # streams end once it is set
    app.openapi = partial(describe, app)  # type: ignore[method-assign]
    app.add_exception_handler(MemuLikeError, _ours)
    app.add_exception_handler(Forbidden, _forbidden)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    return app


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, MemuLikeError)
    request.app.state.metrics.failed(error)
    status = status_of(error)
    if isinstance(error, TELLS_PATHS):
        LOG.error("%s: %s", type(error).__name__, error)
    if is_memobase(request.scope["path"]):
        return failed(status, message_of(error))
    return of_ours(error, request.headers)


async def _forbidden(request: Request, error: Exception) -> Response:
    return _refused(request, Forbidden.status, str(error))


async def _invalid(request: Request, error: Exception) -> Response:
    """The first thing that is wrong, and where: never the value, which may be what somebody said."""
    assert isinstance(error, RequestValidationError)
    await routed(request)  # a body that is no JSON is found before any dependency is asked
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return _refused(request, 422, f"{place}: {first['msg']}")


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _refused(request, error.status_code, str(error.detail), error.headers)


def _refused(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    if is_memobase(request.scope["path"]):
        return refused(status, detail, headers)
    return Response(problem(status, detail), status, headers, PROBLEM)
