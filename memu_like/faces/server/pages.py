"""What tells of the server itself: its routes, as a document and as a page, and its figures."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from .metrics import CONTENT_TYPE
from .requests import Authorised, Memory

router = APIRouter(tags=["server"])
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{font-size:.95em}dt{margin-top:.6rem}dd{margin-left:1.5rem;color:#444}b{display:inline-block;width:4.5rem}"
)


@router.get("/openapi.json", include_in_schema=False)
async def document(request: Request, scope: Authorised) -> Response:
    """The OpenAPI document: https://spec.openapis.org/oas/v3.1.0"""
    return JSONResponse(request.app.openapi())


@router.get("/docs", include_in_schema=False)
async def page(request: Request, scope: Authorised) -> Response:
    """The routes as a page that loads nothing from elsewhere."""
    return HTMLResponse(_page(request.app.openapi()), headers=SECURITY)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request, memory: Memory) -> Response:
    """Figures for Prometheus. They are of the whole project, and of no user."""
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE)


def _page(document: dict[str, Any]) -> str:
    """One list of routes for each tag, with what they are for and what they take."""
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation.get("tags", [""])[0], []).append(_route(path, method, operation))
    info = document["info"]
    parts = [f"<h2>{escape(tag)}</h2><dl>{''.join(routes)}</dl>" for tag, routes in groups.items()]
    title = f"{info['title']} {info['version']}"
    head = f"<!doctype html><meta charset=utf-8><title>{escape(title)}</title><style>{STYLE}</style>"
    told = f"<h1>{escape(title)}</h1><p>{escape(info['summary'])}"
    more = "The document: <a href=openapi.json>openapi.json</a>."
    return "\n".join([head, told, more, *parts])


def _route(path: str, method: str, operation: dict[str, Any]) -> str:
    told = operation.get("description") or operation.get("summary", "")
    queries = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
    takes = f" Query: {', '.join(f'<code>{escape(name)}</code>' for name in queries)}." if queries else ""
    route = f"<dt><b>{method.upper()}</b> <code>{escape(path)}</code></dt>"
    return f"{route}<dd>{escape(told)}{takes}</dd>"
