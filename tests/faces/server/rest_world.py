"""A store with two users behind the app, asked in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI

from memu_like import MemoryService
from memu_like.faces.server import make_app
from memu_like.faces.server.limits import Limits
from memu_like.faces.server.tokens import make_access, read_tokens

PROJECT, BOB = "the-project's-token", "bob's-own-token"
SECRET = "marmalade"


@asynccontextmanager
async def world(store: Path, *tokens: str, limits: Limits | None = None) -> AsyncIterator[FastAPI]:
    """The app over a new store; `tokens` are lines of a file of tokens."""
    grants = ()
    if tokens:
        file = store.parent / "tokens"
        file.write_text("\n".join(tokens))
        grants = read_tokens(file=file)
    async with MemoryService(store, embedder="none") as service:
        yield make_app(service, make_access(service, grants), limits)


def client(app: FastAPI, token: str | None = None) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://memory", headers=headers)


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """(method, template of the path) of everything that the app answers, shown in its document or not."""
    from fastapi.routing import iter_route_contexts

    for route in iter_route_contexts(app.routes):
        methods = getattr(route, "methods", None)
        assert methods, f"{route.path} is no plain route: what stands behind it needs tests of its own"
        for method in sorted(methods):
            yield method, route.path


def contents(folder: Path) -> dict[str, bytes]:
    """Relative path -> bytes of every file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
