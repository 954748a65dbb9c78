"""The routes under /v1: what each does, its statuses, and compare and swap."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from rest_world import client, world

CAT = {"role": "user", "content": "I adopted a cat named Bailey in May.", "name": "Caroline"}
USER = "/v1/users/caroline"


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with world(tmp_path / "store") as app, client(app) as asked:
        yield asked


@pytest.fixture
async def caroline(one: httpx.AsyncClient) -> httpx.AsyncClient:
    """Who has a profile."""
    assert (await one.post(f"{USER}/messages", json={"messages": [CAT]})).status_code == 201
    report = (await one.post(f"{USER}/flush")).json()
    assert report["items_added"] >= 1
    return one


# -- users


async def test_users_are_made_listed_and_forgotten(one: httpx.AsyncClient) -> None:
    made = await one.put(USER, json={"data": {"plan": "free"}})
    assert (made.status_code, made.json()["data"]) == (200, {"plan": "free"})
    assert (await one.put(USER, json={})).json()["data"] == {"plan": "free"}
    assert (await one.put(USER, json={"data": {}})).json()["data"] == {}
    assert [user["record"]["id"] for user in (await one.get("/v1/users")).json()["users"]] == ["caroline"]
    assert (await one.delete(USER)).status_code == 204
    assert (await one.get(USER)).status_code == 404


async def test_what_is_not_there_is_a_problem_with_its_status(one: httpx.AsyncClient) -> None:
    for path in (
        "",
        "/profile",
        "/items",
        "/events",
        "/stats",
        "/doctor",
        "/history",
        "/categories/interest",
    ):
        found = await one.get(USER + path)
        assert found.status_code == 404, path
        assert found.headers["content-type"] == "application/problem+json"
        assert found.json() == {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "no user 'caroline'",
        }
    assert (await one.get("/v1/nothing")).status_code == 404
    assert (await one.patch("/v1/users")).status_code == 405


# -- intake and finding


async def test_messages_are_found_before_and_after_their_run(one: httpx.AsyncClient) -> None:
    added = await one.post(f"{USER}/messages", json={"messages": [CAT]})
    assert (added.status_code, added.json()) == (201, {"added": 1})
    for _ in range(2):
        found = (await one.post(f"{USER}/retrieve", json={"query": "cat"})).json()
        assert "Bailey" in found["hits"][0]["text"]
        told = (await one.post(f"{USER}/context", json={"query": "cat", "max_tokens": 200})).json()
        assert "Bailey" in told["context"]
        await one.post(f"{USER}/flush", json={"model": False})


async def test_a_text_is_memorized_and_is_never_the_path_of_a_file(
    one: httpx.AsyncClient, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("I keep the key under the mat.")
    report = await one.post(f"{USER}/memorize", json={"text": str(secret)})
    assert report.status_code == 200
    assert "under the mat" not in (await one.post(f"{USER}/retrieve", json={"query": "key mat"})).text
    data = base64.b64encode(b"# Notes\n\nI play the cello on Sundays.\n").decode()
    report = await one.post(f"{USER}/memorize", json={"data": data, "name": "notes.md"})
    assert report.json()["resources"]
    assert "cello" in (await one.post(f"{USER}/retrieve", json={"query": "cello"})).text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "a", "messages": []},
        {"data": "***"},
        {"text": "a", "format": "nonsense"},
        {"messages": [1]},
    ],
)
async def test_what_cannot_be_memorized_is_422_and_makes_no_user(
    body: dict[str, object], one: httpx.AsyncClient
) -> None:
    assert (await one.post(f"{USER}/memorize", json=body)).status_code == 422
    assert (await one.get(USER)).status_code == 404


async def test_a_name_that_no_body_has_is_refused(one: httpx.AsyncClient) -> None:
    found = await one.post(f"{USER}/messages", json={"messages": [CAT], "mesages": []})
    assert (found.status_code, found.json()["detail"]) == (
        422,
        "body.mesages: Extra inputs are not permitted",
    )


# -- items and events


async def test_an_item_is_changed_under_its_etag(caroline: httpx.AsyncClient) -> None:
    made = await caroline.post(
        f"{USER}/items", json={"text": "Plays the oboe.", "topic": "interest", "slot": "music"}
    )
    assert (made.status_code, made.headers["etag"]) == (201, f'"{made.json()["rev"]}"')
    path, etag = f"{USER}/items/{made.json()['id']}", made.headers["etag"]
    read = await caroline.get(path)
    assert (read.headers["etag"], read.json()["text"]) == (etag, "Plays the oboe.")
    assert (await caroline.get(path, headers={"If-None-Match": etag})).status_code == 304
    changed = await caroline.patch(path, json={"text": "Plays the flute."}, headers={"If-Match": etag})
    assert (changed.status_code, changed.json()["text"]) == (200, "Plays the flute.")
    late = await caroline.patch(path, json={"text": "Plays the drums."}, headers={"If-Match": etag})
    assert late.status_code == 412
    assert (await caroline.get(path)).json()["text"] == "Plays the flute."
    assert len((await caroline.get(f"{path}/history")).json()) == 2
    assert (await caroline.delete(path, headers={"If-Match": etag})).status_code == 412
    assert (await caroline.delete(path)).json()["status"] == "retracted"
    assert (await caroline.patch(path, json={"text": "x"})).status_code == 422


async def test_items_are_listed_by_filters(caroline: httpx.AsyncClient) -> None:
    everything = (await caroline.get(f"{USER}/items")).json()
    topic = everything[0]["categories"][0]
    assert (await caroline.get(f"{USER}/items", params={"topic": topic})).json()
    assert (await caroline.get(f"{USER}/items", params={"topic": "nonsense"})).json() == []
    assert (await caroline.get(f"{USER}/items", params={"limit": 0})).json() == []
    for wrong in ({"status": "gone"}, {"limit": -1}, {"since": "whenever"}, {"type": "x"}):
        assert (await caroline.get(f"{USER}/items", params=wrong)).status_code == 422, wrong


async def test_an_event_is_changed_under_its_etag(caroline: httpx.AsyncClient) -> None:
    event = (await caroline.get(f"{USER}/events")).json()[0]
    path = f"{USER}/events/{event['id']}"
    etag = (await caroline.get(path)).headers["etag"]
    changed = await caroline.patch(path, json={"summary": "A cat came."}, headers={"If-Match": etag})
    assert changed.json()["summary"] == "A cat came."
    assert (await caroline.patch(path, json={"summary": "x"}, headers={"If-Match": etag})).status_code == 412
    assert (await caroline.delete(path)).status_code == 200
    assert (await caroline.get(path)).status_code == 404


# -- categories


async def test_a_category_file_is_edited_as_a_text_under_its_etag(caroline: httpx.AsyncClient) -> None:
    topic = (await caroline.get(f"{USER}/categories")).json()[0]["topic"]
    path = f"{USER}/categories/{topic}"
    read = await caroline.get(path)
    etag = read.headers["etag"]
    assert read.headers["content-type"] == "text/markdown; charset=utf-8"
    assert (await caroline.get(path, headers={"If-None-Match": f'W/{etag}, "x"'})).status_code == 304
    edited = read.text.replace("Bailey", "Biscuit").encode()
    assert (await caroline.put(path, content=edited)).status_code == 428
    markdown = {"Content-Type": "text/markdown"}
    written = await caroline.put(path, content=edited, headers={"If-Match": etag, **markdown})
    assert written.status_code == 200, written.text
    assert "changed" in [edit["kind"] for edit in written.json()["report"]["edits"]]
    for stale in (etag, f"W/{written.headers['etag']}", '"x"'):
        late = await caroline.put(path, content=read.content, headers={"If-Match": stale, **markdown})
        assert late.status_code == 412
    assert "Biscuit" in (await caroline.get(path)).text
    assert "Biscuit" in (await caroline.get(f"{path}/blame")).text
    assert (await caroline.delete(path)).status_code == 428
    assert (await caroline.delete(path, headers={"If-Match": "*"})).status_code == 200
    assert (await caroline.get(path)).status_code == 404


async def test_a_new_file_is_made_where_there_is_none(caroline: httpx.AsyncClient) -> None:
    path = f"{USER}/categories/garden"
    new = {"If-None-Match": "*", "Content-Type": "text/markdown"}
    text = "# garden\n\n## trees\n- Planted a pear tree.\n"
    made = await caroline.put(path, content=text, headers=new)
    assert made.status_code == 201, made.text
    assert (await caroline.put(path, content=text, headers=new)).status_code == 412
    moved = await caroline.post(
        f"{path}/rename", json={"topic": "orchard"}, headers={"If-Match": made.headers["etag"]}
    )
    assert moved.json()["topic"] == "orchard"
    wrong = {"If-Match": "*", "Content-Type": "text/markdown"}
    orchard = f"{USER}/categories/orchard"
    assert (await caroline.put(orchard, content=b"\xff", headers=wrong)).status_code == 422
    assert (await caroline.put(f"{USER}/categories/none", content=b"x", headers=wrong)).status_code == 404


# -- history and housekeeping


async def test_a_run_is_told_and_taken_back(caroline: httpx.AsyncClient) -> None:
    past = (await caroline.get(f"{USER}/history")).json()
    run = past[0]["run"]
    preview = (await caroline.post(f"{USER}/revert", json={"what": run, "dry_run": True})).json()
    assert preview["changes"]
    assert (await caroline.get(f"{USER}/items")).json()
    assert (await caroline.post(f"{USER}/revert", json={"what": run})).status_code == 200
    assert (await caroline.get(f"{USER}/items")).json() == []
    for unknown in ("nonsense", "-x", "--help"):
        assert (await caroline.post(f"{USER}/revert", json={"what": unknown})).status_code in (404, 409, 422)


async def test_a_difference_needs_a_repository_and_says_so(caroline: httpx.AsyncClient) -> None:
    assert (await caroline.get(f"{USER}/diff")).status_code == 409


async def test_resources_are_listed_read_and_forgotten(caroline: httpx.AsyncClient) -> None:
    found = (await caroline.get(f"{USER}/resources")).json()[0]
    path = f"{USER}/resources/{found['id']}"
    assert (await caroline.get(path)).json() == found
    assert "Bailey" in (await caroline.get(f"{path}/lines", params={"first": 1, "last": 1})).json()[0]
    assert (await caroline.delete(path)).json()["items"] >= 1
    assert (await caroline.get(path)).status_code == 404


async def test_the_folder_is_synced_counted_and_looked_over(caroline: httpx.AsyncClient) -> None:
    assert (await caroline.post(f"{USER}/sync")).json()["edits"] == []
    assert (await caroline.get(f"{USER}/stats")).json()["messages"] == 1
    assert (await caroline.get(f"{USER}/doctor")).json() == []
    assert "Bailey" in (await caroline.get(f"{USER}/profile")).text


async def test_the_document_and_the_page_tell_of_every_route(one: httpx.AsyncClient) -> None:
    document = (await one.get("/openapi.json")).json()
    page = (await one.get("/docs")).text
    assert len(document["paths"]) > 40
    assert [path for path in document["paths"] if path not in page] == []
    assert "<script" not in page
    assert "http" not in page.replace("httpx", "")
