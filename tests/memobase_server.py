"""A real local server that answers as Memobase does, from a project in memory, with faults where wanted.

    with memobase_server() as server:
        server.users["ana"] = Person(profiles=[profile("p1", "Plays go", "interest", "games")])
        server.faults["/users/profile/ana"] = [Fault(500), Fault(200, b'{"cut')]

Faults of a path are given in turn, before what the path answers. It keeps what it was asked.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "secret"
API = "/api/v1"
Body = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """With `cut`, the connection ends before all that was announced has been written."""

    status: int = 500
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass
class Person:
    """A user of the project. `blobs` are by type and id, `idle` the ids of those that wait there."""

    data: Any = None
    profiles: list[Any] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    blobs: dict[str, dict[str, Body]] = field(default_factory=dict)
    idle: list[str] = field(default_factory=list)


@dataclass
class MemobaseServer:
    url: str = ""
    users: dict[str, Person] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    pause: float = 0.0
    most_events: int = 1_000_000

    def answer(self, path: str, query: Mapping[str, str]) -> Body | None:
        """The data at a path; None for one that is not there."""
        match [unquote(part) for part in path.strip("/").split("/")]:
            case ["project", "users"]:
                start = int(query["offset"])
                ids = list(self.users)[start : start + int(query["limit"])]
                listed = [{"id": one, "additional_fields": self.users[one].data} for one in ids]
                return {"users": listed, "count": len(self.users)}
            case ["users", "profile", one]:
                return {"profiles": self.users[one].profiles}
            case ["users", "event", one]:
                return {"events": self.users[one].events[::-1][: int(query["topk"])]}
            case ["users", "blobs", one, kind]:
                page, size = int(query["page"]), int(query["page_size"])
                return {"ids": list(self.users[one].blobs.get(kind, ()))[page * size : (page + 1) * size]}
            case ["users", "buffer", "capacity", one, kind]:
                mine = self.users[one].blobs.get(kind, {})
                waits = query["status"] == "idle"
                return {"ids": [each for each in self.users[one].idle if waits and each in mine]}
            case ["blobs", one, blob_id]:
                found = [of[blob_id] for of in self.users[one].blobs.values() if blob_id in of]
                return found[0] if found else None
            case ["users", one]:
                return {"data": self.users[one].data, "id": None} if one in self.users else None
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # a head and a body that leave apart wait for each other

    @property
    def project(self) -> MemobaseServer:
        return self.server.project  # type: ignore[attr-defined,no-any-return]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path = parts.path.removeprefix(API)
        self.project.asked.append(path)
        time.sleep(self.project.pause)
        faults = self.project.faults.get(path)
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._send(Fault(401, b'{"data": null, "errno": 401, "errmsg": "Unauthorized"}'))
        elif faults:
            self._send(faults.pop(0))
        else:
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self._tell(path, query)

    def _tell(self, path: str, query: Mapping[str, str]) -> None:
        if int(query.get("topk", "0")) > self.project.most_events:
            return self._send(Fault(422, b'{"detail": "topk"}'))
        try:
            found = self.project.answer(path, query)
        except KeyError:
            found = None
        told = {"data": found, "errno": 0, "errmsg": ""}
        if found is None:
            told = {"data": None, "errno": 404, "errmsg": "not found"}
        self._send(Fault(200, json.dumps(told).encode()))

    def _send(self, fault: Fault) -> None:
        self.send_response(fault.status)
        for name, value in fault.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(fault.body) + 100 * fault.cut))
        self.end_headers()
        self.wfile.write(fault.body)
        self.close_connection = self.close_connection or fault.cut

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is what some tests are about."""


@contextmanager
def memobase_server() -> Iterator[MemobaseServer]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.project = project = MemobaseServer()  # type: ignore[attr-defined]
    project.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield project
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# -- what a project holds


def profile(
    identity: str,
    content: object,
    topic: object,
    sub_topic: object,
    created_at: object = "2024-03-01T10:00:00Z",
    updated_at: object = "2024-05-02T11:00:00Z",
) -> Body:
    return {
        "id": identity,
        "content": content,
        "attributes": {"topic": topic, "sub_topic": sub_topic},
        "created_at": created_at,
        "updated_at": updated_at,
    }


def event(
    identity: str,
    tip: object = None,
    delta: object = (),
    tags: Mapping[str, str] | None = None,
    created_at: object = "2024-03-01T10:00:00Z",
    updated_at: object = None,
) -> Body:
    changes = [
        {"content": text, "attributes": {"topic": topic, "sub_topic": sub_topic}}
        for text, topic, sub_topic in delta  # type: ignore[attr-defined]
    ]
    told = [{"tag": name, "value": value} for name, value in (tags or {}).items()]
    return {
        "id": identity,
        "event_data": {"event_tip": tip, "profile_delta": changes, "event_tags": told},
        "created_at": created_at,
        "updated_at": updated_at or created_at,
    }


def chat(*texts: str, created_at: object = "2024-03-01T09:00:00Z") -> Body:
    messages = [{"role": "user", "content": text, "alias": "Ana"} for text in texts]
    return {
        "blob_type": "chat",
        "blob_data": {"messages": messages},
        "fields": {"app": "test"},
        "created_at": created_at,
        "updated_at": created_at,
    }


def document(text: str, created_at: object = "2024-03-02T09:00:00Z") -> Body:
    return {
        "blob_type": "doc",
        "blob_data": {"content": text},
        "fields": None,
        "created_at": created_at,
        "updated_at": created_at,
    }
