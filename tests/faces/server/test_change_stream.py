"""The stream of changes, over a real socket: what is recorded, in order, once, and after being away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from serving import served

USER = "/v1/users/caroline"
ITEM = {"topic": "interest", "slot": "music"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("changes") / "store", None, embedder="none") as address:
        yield address


async def messages(answer: httpx.Response) -> AsyncIterator[dict[str, str]]:
    """Each message of the stream, by its fields."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        elif fields:
            yield fields
            fields = {}


async def wanted(answer: httpx.Response, count: int) -> tuple[list[dict[str, Any]], str]:
    """The next `count` events, and the id that stands behind them."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        async for message in messages(answer):
            if "event" in message:
                found.append({"kind": message["event"], **json.loads(message["data"])})
            if "id" in message and len(found) >= count:
                return found, message["id"]
    raise AssertionError("the stream ended")


async def test_what_is_recorded_is_told_once_in_order_and_after_being_away(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as one:
        first = (await one.post(f"{USER}/items", json={"text": "Plays the oboe.", **ITEM})).json()
        async with one.stream("GET", f"{USER}/changes") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            _, begun = await wanted(stream, 0)
            await one.post(f"{USER}/items", json={"text": "Plays the flute.", **ITEM})
        async with one.stream("GET", f"{USER}/changes", headers={"Last-Event-ID": begun}) as stream:
            told, last = await wanted(stream, 1)
            assert [event["kind"] for event in told] == ["edit"]
            assert told[0]["items"] != [first["id"]]
        await one.patch(f"{USER}/items/{first['id']}", json={"text": "Plays the drums."})
        await one.delete(f"{USER}/items/{first['id']}")
        async with one.stream("GET", f"{USER}/changes", headers={"Last-Event-ID": last}) as stream:
            told, _ = await wanted(stream, 2)
            assert [event["items"] for event in told] == [[first["id"]], [first["id"]]]
            assert [event["reason"] for event in told] == ["edited by the user", "deleted by the user"]


async def test_a_user_who_is_forgotten_ends_the_stream(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as one:
        await one.put("/v1/users/melanie", json={})
        async with one.stream("GET", "/v1/users/melanie/changes") as stream, asyncio.timeout(10):
            await one.delete("/v1/users/melanie")
            assert [message async for message in messages(stream)][-1]["event"] == "forgotten"
        assert (await one.get("/v1/users/melanie/changes")).status_code == 404


@pytest.mark.parametrize("cursor", ["nonsense", "2023-05.zz", "../x", "2023-05.1,", "x" * 5000])
async def test_what_is_no_cursor_is_refused(cursor: str, url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as one:
        await one.put(USER, json={})
        found = await one.get(f"{USER}/changes", headers={"Last-Event-ID": cursor})
        assert found.status_code == 422
