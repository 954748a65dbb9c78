"""Bodies and ids of records that nobody means well with, at every route: refused, and nothing is written."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import httpx
from fastapi import FastAPI
from rest_world import client, contents, routes, world

USER = "caroline"
CHAT = [{"role": "user", "content": "I spread marmalade on my toast every morning."}]
DEEP = b"[" * 100_000
FIELDS = (
    *("messages", "text", "data", "blob_type", "blob_data", "content", "context", "id", "query", "chats"),
    *("attributes", "profile_config", "event_tags", "topic", "what", "confirm", "dry_run"),
)
BODIES = {
    "no JSON": b"{",
    "deep": DEEP,
    "deep within": b'{"messages": ' + DEEP,
    "not UTF-8": b'{"messages": "\xff\xfe"}',
    "a list": b"[1]",
    "a text": b'"../../etc/passwd"',
    "a number": b"1e999",
    "a huge number": b"9" * 10_000,
    "not a number": b"NaN",
    "other types": json.dumps({name: [[None]] for name in FIELDS}).encode(),
}
TAKE_ANY_TEXT = {("PUT", "/v1/users/{user_id}/categories/{topic}")}
"""A body is the text of a file there; what is asked of it stands in tests of its own."""
TAKE_NONE = {("POST", "/api/v1/users/buffer/{user_id}/{blob_type}")}
RECORDS = [
    "~",
    "-rf",
    "....",
    "C:",
    "CON",
    "*",
    "%252e%252e%252f",
    "$(id)",
    "a;b",
    "x" * 1000,
    "%E2%80%AE",
    "%ED%A0%BD",
]
"""As an address has them."""


def path_of(template: str, record: str = "none") -> str:
    filled = template.replace("{user_id}", USER).replace("{blob_type}", "chat")
    return re.sub(r"{\w+}", lambda _: record, filled)


async def remembered(app: FastAPI, one: httpx.AsyncClient) -> None:
    assert (await one.post(f"/v1/users/{USER}/memorize", json={"messages": CHAT})).status_code == 200


def is_refused(answer: httpx.Response) -> bool:
    """With a 4xx, or in Memobase's envelope, which says so with 200."""
    if answer.status_code == 200 and answer.headers["content-type"] == "application/json":
        found = answer.json()
        return isinstance(found, dict) and 400 <= found.get("errno", 0) < 500
    return 400 <= answer.status_code < 500


def without_locks(store: Path) -> dict[str, bytes]:
    return {name: data for name, data in contents(store).items() if "lock" not in name}


async def test_hostile_bodies_are_refused_by_every_route_that_takes_one(tmp_path: Path) -> None:
    store = tmp_path / "store"
    async with world(store) as app, client(app) as one:
        await remembered(app, one)
        before = without_locks(store)
        taking = [(method, path) for method, path in routes(app) if method in ("POST", "PUT", "PATCH")]
        taking = [one for one in taking if one not in TAKE_ANY_TEXT and one not in TAKE_NONE]
        assert len(taking) > 15
        headers = {"content-type": "application/json", "if-match": "*"}
        for name, body in BODIES.items():
            for method, path in taking:
                answer = await one.request(method, path_of(path), content=body, headers=headers)
                assert is_refused(answer), (name, method, path, answer.status_code, answer.text[:200])
                assert len(answer.content) < 2000, "it quotes what was sent"
        assert without_locks(store) == before


async def test_hostile_ids_of_records_are_of_nothing(tmp_path: Path) -> None:
    store = tmp_path / "store"
    async with world(store) as app, client(app) as one:
        await remembered(app, one)
        before = without_locks(store)
        found = [(method, path) for method, path in routes(app) if "{" in path.replace("{user_id}", "")]
        of_records = [(method, path) for method, path in found if "{blob_type}" not in path]
        assert len(of_records) > 15
        for record in RECORDS:
            for method, path in of_records:
                headers = {"if-match": "*"}
                answer = await one.request(method, path_of(path, record), headers=headers, json=_change(path))
                assert is_refused(answer), (record, method, path, answer.status_code, answer.text[:200])
        assert without_locks(store) == before


def _change(path: str) -> dict[str, object]:
    """A right body, so that the id is all that is wrong."""
    if path.startswith("/api/v1/users/profile"):
        return {"content": "x", "attributes": {"topic": "a", "sub_topic": "b"}}
    if path.startswith("/api/"):
        return {"event_tip": "x"}
    if path.endswith("/rename"):
        return {"topic": "more"}
    return {"text": "I read."} if "/items/" in path else {"title": "x"}


async def test_hostile_ids_in_bodies_make_no_user(tmp_path: Path) -> None:
    store = tmp_path / "store"
    async with world(store) as app, client(app) as one:
        for user_id in ("..", "../up", "a/b", "a\\b", "\0", "x\n", "x" * 2000, "half \ud800", ""):
            body = json.dumps({"id": user_id}).encode()
            headers = {"content-type": "application/json"}
            answer = await one.post("/api/v1/users", content=body, headers=headers)
            assert is_refused(answer), (user_id, answer.text)
    assert not store.exists() or not without_locks(store)
    assert [path.name for path in tmp_path.iterdir() if path != store] == []


async def test_a_name_of_a_file_leads_nowhere_else(tmp_path: Path) -> None:
    """It is a name and no path: it is refused, or what is kept stands in the user's folder."""
    store = tmp_path / "store"
    async with world(store) as app, client(app) as one:
        for name in ("../../up.md", "/etc/passwd", "..\\up.md", ".git/config", "a\0b", "-"):
            data = base64.b64encode(f"# Toast\n\nI spread marmalade {name!r}.\n".encode()).decode()
            answer = await one.post(f"/v1/users/{USER}/memorize", json={"data": data, "name": name})
            assert answer.status_code in (200, 422), (name, answer.text)
    found = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent != store]
    assert found
    assert all(path.is_relative_to(store / USER) for path in found), found


async def test_a_hostile_topic_names_no_other_file(tmp_path: Path) -> None:
    store = tmp_path / "store"
    async with world(store) as app, client(app) as one:
        await remembered(app, one)
        first, url = contents(store), f"/v1/users/{USER}/items"
        item = (await one.get(url)).json()[0]["id"]
        for topic in ("../up", "/etc", "..", ".", "a\0b", "a/b", "\n", "x" * 300, "index.json\\x"):
            before = without_locks(store)
            own = {"text": "I read.", "topic": topic, "slot": "b"}
            assert is_refused(await one.post(url, json=own)), topic
            assert is_refused(await one.patch(f"{url}/{item}", json={"topic": topic})), topic
            assert without_locks(store) == before
            entry = {"content": "x", "attributes": {"topic": topic, "sub_topic": "b"}}
            await one.post(f"/api/v1/users/profile/{USER}", json=entry)  # Memobase's topics are any words
    written = [name for name in contents(store) if name not in first and ".memu/" not in name]
    allowed = re.compile(rf"{USER}/(categories|events|items)/[\w/-]+\.(md|jsonl)")
    assert [name for name in written if not allowed.fullmatch(name)] == []
    assert [path.name for path in tmp_path.iterdir()] == [store.name]
