"""Every route of the app, whichever there are: no token, a wrong one, another user's, and hostile ids."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from rest_world import BOB, PROJECT, SECRET, client, contents, routes, world

from memu_like import MemoryService
from memu_like.faces.server import make_app
from memu_like.faces.server.access import Scope, TokenAccess

TOKENS = (PROJECT, f"{BOB} bob")
OPEN = {("GET", "/api/v1/healthcheck"), ("HEAD", "/api/v1/healthcheck"), ("GET", "/v1/health")}
TELL_OF_THE_SERVER = {"/openapi.json", "/docs"}
"""They need a token, and say the same whatever it opens."""
CAROLINE = [{"role": "user", "content": f"I spread {SECRET} on my toast every morning."}]
NAMES = {"user_id": "caroline", "uid": "caroline", "topic": "preferences"}


def filled(path: str, **names: str) -> str:
    return re.sub(
        r"{(\w+)[^}]*}", lambda found: names.get(found[1], "0b8ac44a-1c0b-4b8e-9f6e-2a3b4c5d6e7f"), path
    )


async def test_no_route_but_health_answers_without_a_token(tmp_path: Path) -> None:
    async with world(tmp_path / "store", *TOKENS) as app, client(app) as nobody:
        assert len(list(routes(app))) > 50
        for method, path in routes(app):
            found = await nobody.request(method, filled(path, **NAMES), json={})
            assert (found.status_code != 401) == ((method, path) in OPEN), (method, path, found.status_code)
        assert (await nobody.get("/v1/health")).json() == {"status": "ok"}


@pytest.mark.parametrize(
    "header",
    ["Bearer wrong", "Bearer", "Bearer ", f"Basic {PROJECT}", f"bearer {PROJECT}x", PROJECT, "Bearer \u0434"],
)
async def test_no_route_answers_a_wrong_token(header: str, tmp_path: Path) -> None:
    async with world(tmp_path / "store", *TOKENS) as app, client(app) as other:
        other.headers["Authorization"] = header
        for method, path in routes(app):
            if (method, path) not in OPEN:
                found = await other.request(method, filled(path, **NAMES), json={})
                assert found.status_code == 401, (method, path)


async def test_a_hash_of_a_token_opens_nothing(tmp_path: Path) -> None:
    from memu_like.faces.server.tokens import digest_of

    hashed = f"sha256:{digest_of(PROJECT).hex()}"
    async with world(tmp_path / "store", hashed) as app:
        async with client(app, PROJECT) as owner:
            assert (await owner.get("/v1/users")).status_code == 200
        async with client(app, hashed) as thief:
            assert (await thief.get("/v1/users")).status_code == 401


async def test_a_token_of_one_user_reads_and_writes_nothing_of_another(tmp_path: Path) -> None:
    store = tmp_path / "store"
    async with world(store, *TOKENS) as app:
        async with client(app, PROJECT) as owner:
            assert (
                await owner.post("/v1/users/caroline/messages", json={"messages": CAROLINE})
            ).status_code == 201
            assert (await owner.post("/v1/users/caroline/flush")).status_code == 200
        before = contents(store)
        async with client(app, BOB) as bob:
            for method, path in routes(app):
                if (method, path) in OPEN or path in TELL_OF_THE_SERVER:
                    continue
                found = await bob.request(method, filled(path, **NAMES), json={"id": "caroline"})
                assert found.status_code == 403, (method, path, found.text)
                assert SECRET not in found.text
        after = contents(store)
    assert _without_locks(after) == _without_locks(before)


async def test_a_token_of_one_project_reads_and_writes_nothing_of_another(tmp_path: Path) -> None:
    """One app over two stores, as an application may make it; `serve` has one store, and one project."""
    stores = [tmp_path / "one", tmp_path / "two"]
    async with MemoryService(stores[0], embedder="none") as one, MemoryService(stores[1]) as two:
        app = make_app(one, TokenAccess({PROJECT: Scope(one), "the-other's": Scope(two)}))
        async with client(app, PROJECT) as owner:
            await owner.post("/v1/users/caroline/messages", json={"messages": CAROLINE})
            await owner.post("/v1/users/caroline/flush")
            item = (await owner.get("/v1/users/caroline/items")).json()[0]
            assert SECRET in item["text"]
        ids = NAMES | dict.fromkeys(["item_id", "profile_id", "blob_id"], item["id"])
        before = contents(stores[0])
        async with client(app, "the-other's") as other:
            assert (await other.get("/v1/users/caroline/changes")).status_code == 404
            for method, path in routes(app):
                if path.endswith("/changes"):
                    continue  # once the other store has a Caroline of its own, this has no end
                found = await other.request(method, filled(path, **ids), json={"id": "caroline"})
                assert found.status_code < 500, (method, path, found.text)
                assert SECRET not in found.text, (method, path)
        assert _without_locks(contents(stores[0])) == _without_locks(before)


def _without_locks(found: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in found.items() if "lock" not in name}


async def test_what_is_mounted_does_not_go_unnoticed(tmp_path: Path) -> None:
    async with world(tmp_path / "store") as app:
        app.mount("/more", app)
        with pytest.raises(AssertionError, match="/more is no plain route"):
            list(routes(app))


async def test_what_is_no_request_of_http_is_refused_token_or_not(tmp_path: Path) -> None:
    async with world(tmp_path / "store", *TOKENS) as app:
        sent: list[dict[str, object]] = []

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": "/v1/health", "headers": [], "query_string": b""}
        await app(scope, send, send)  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1008}]


async def test_a_token_of_one_user_serves_that_user(tmp_path: Path) -> None:
    async with world(tmp_path / "store", *TOKENS) as app, client(app, BOB) as bob:
        assert (await bob.post("/v1/users/bob/messages", json={"messages": CAROLINE})).status_code == 201
        found = await bob.post("/v1/users/bob/retrieve", json={"query": SECRET})
        assert SECRET in found.text


HOSTILE = ["..", ".", "a%2Fb", "..%2F..%2Fetc", "%2e%2e", "%5C..", "%00", "%0a", "a%5cb", "%7f"]


@pytest.mark.parametrize("user_id", HOSTILE)
async def test_ids_that_climb_are_refused_by_every_route_and_leave_nothing(
    user_id: str, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    async with world(store) as app:
        for method, path in routes(app):
            if "{" in path:
                found = await raw(app, method, filled(path, **dict.fromkeys(NAMES, user_id)))
                assert 400 <= found < 500, (method, path, found)
    assert not store.exists() or not contents(store)


@pytest.mark.parametrize("size", [5000, 300_000])
async def test_huge_ids_are_refused_by_every_route_and_leave_nothing(size: int, tmp_path: Path) -> None:
    store = tmp_path / "store"
    async with world(store) as app:
        for method, path in routes(app):
            if "{" in path:
                found = await raw(app, method, filled(path, **dict.fromkeys(NAMES, "x" * size)))
                assert 400 <= found < 500, (method, path, found)
    assert not store.exists() or not contents(store)


async def raw(app: object, method: str, path: str) -> int:
    """The status of a request whose address no client has tidied up."""
    from urllib.parse import unquote

    body = json.dumps({"messages": CAROLINE, "text": "x", "topic": "a", "slot": "b"}).encode()
    sent: list[dict[str, object]] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"memory"), (b"content-type", b"application/json")],
        "server": ("memory", 80),
        "client": ("127.0.0.1", 1),
    }

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await app(scope, receive, send)  # type: ignore[operator]
    return int(sent[0]["status"])  # type: ignore[call-overload]
