"""The OpenAPI document: what FastAPI knows of the routes, and what stands before and behind them.

The token, the statuses that a route can answer with, and the shape of a refusal in either face are none of a
route's signature; `tests/faces/server/test_schemathesis.py` holds what is said here to what is answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from .guard import OPEN
from .problems import PROBLEM, is_memobase

if TYPE_CHECKING:
    from fastapi import FastAPI

Json = dict[str, Any]
METHODS = frozenset(["get", "put", "post", "patch", "delete"])
ANY_ROUTE = (400, 408, 413, 414, 431, 503)
"""What the limits, and what checks an address, answer with."""
BEHIND_A_TOKEN = (401, 403, 422, 429)
OF_A_USER = (404, 409)
ASK_A_MODEL = ("/memorize", "/flush", "/retrieve", "/context")
NAME = r"^[^\u0000-\u001f\u007f/\\]+$"
"""No part of a path holds a control character of ASCII, or reads as a path itself."""
MAX_NAME = 1024
ENVELOPE: Json = {
    "type": "object",
    "title": "Envelope",
    "description": "errno is 0, or else the status that tells what went wrong; then data is null.",
    "required": ["data", "errno", "errmsg"],
    "properties": {"data": {}, "errno": {"type": "integer"}, "errmsg": {"type": "string"}},
}
REFUSAL: Json = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. A conflict also has what stands there now: current, hash, rev.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "current": {"type": ["string", "null"]},
        "hash": {"type": ["string", "null"]},
        "rev": {"type": ["integer", "null"]},
    },
}


def describe(app: FastAPI) -> Json:
    """The document of an app, made once."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    document = type(app).openapi(app)
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):  # ours have another shape
        schemas.pop(name, None)
    schemas |= {"Envelope": ENVELOPE, "Problem": REFUSAL}
    document["components"]["responses"] = responses = {}
    bearer = {"type": "http", "scheme": "bearer", "description": "Where the server has a token."}
    document["components"]["securitySchemes"] = {"token": bearer}
    document["security"] = [{"token": []}]
    for path, operations in document["paths"].items():
        for method in METHODS & operations.keys():
            for name, response in _complete(path, method, operations[method]):
                responses[name] = response
    return document


def _complete(path: str, method: str, operation: Json) -> Iterator[tuple[str, Json]]:
    """Yields the responses that it refers to, by name."""
    if path in OPEN:
        operation["security"] = []
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" and parameter["schema"].get("type") == "string":
            parameter["schema"] = {"maxLength": MAX_NAME, **parameter["schema"], "pattern": NAME}
    responses = operation["responses"]
    responses.pop("422", None)
    if is_memobase(path):
        responses["200"] = _response(200, "application/json", "Envelope")
    conditions = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"}
    responses |= dict(_successes(path, method, conditions, responses))
    media_type, kind = ("application/json", "Envelope") if is_memobase(path) else (PROBLEM, "Problem")
    for status in sorted(_refusals(path, conditions)):
        name = f"{kind}{status}"
        responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
        yield name, _response(status, media_type, kind)


def _successes(
    path: str, method: str, conditions: set[str], responses: Mapping[str, Any]
) -> Iterator[tuple[str, Json]]:
    if method == "get" and "If-None-Match" in conditions:
        yield "304", {"description": "What the client has."}
    if method == "put" and "If-None-Match" in conditions:
        yield "201", {**responses["200"], "description": "Made."}


def _refusals(path: str, conditions: set[str]) -> Iterator[int]:
    yield from ANY_ROUTE
    if path not in OPEN:
        yield from BEHIND_A_TOKEN
    if is_memobase(path) or "{user_id}" not in path:
        return  # Memobase's face tells the rest by errno
    yield from OF_A_USER
    if "If-Match" in conditions:
        yield 412
    if "If-Match" in conditions and "/categories/" in path:
        yield 428
    if path.endswith(ASK_A_MODEL):
        yield from (501, 502)


def _response(status: int, media_type: str, schema: str) -> Json:
    content = {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": HTTPStatus(status).phrase, "content": content}
