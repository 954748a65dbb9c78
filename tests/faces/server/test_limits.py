"""Limits: each is met, refused with its status, and let go again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from rest_world import PROJECT, client, contents, world

from memu_like.faces.server.limits import Limits, Pace

CHAT = {"messages": [{"role": "user", "content": "I have a cat named Bailey."}]}
ADD = "/v1/users/caroline/messages"


async def test_a_body_that_is_too_large_is_refused_by_its_length_and_leaves_nothing(tmp_path: Path) -> None:
    store = tmp_path / "store"
    async with world(store, limits=Limits(body_bytes=1000)) as app, client(app) as one:
        for path in (ADD, "/api/v1/blobs/insert/caroline"):
            found = await one.post(path, content=b"x" * 1001)
            assert found.status_code == 413, found.text
        assert found.json()["errno"] == 413
        assert (await one.post(ADD, json=CHAT)).status_code == 201
    assert contents(store)


async def test_a_body_that_says_nothing_of_its_length_is_counted_as_it_comes(tmp_path: Path) -> None:
    store = tmp_path / "store"

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 100

    async with world(store, limits=Limits(body_bytes=1000)) as app, client(app) as one:
        found = await one.post(ADD, content=pieces())
        assert found.status_code == 413
        assert found.headers["content-type"] == "application/problem+json"
    assert not store.exists() or not contents(store)


async def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    async with world(tmp_path / "store", limits=Limits(body_seconds=0.05)) as app, client(app) as one:
        assert (await one.post(ADD, content=slowly())).status_code == 408


async def test_bodies_together_have_a_limit_too(tmp_path: Path) -> None:
    sending = asyncio.Event()

    async def halting() -> AsyncIterator[bytes]:
        yield b" " * 600
        sending.set()
        await asyncio.sleep(0.2)
        yield b"{}"

    limits = Limits(body_bytes=1000, bodies_bytes=1000)
    async with world(tmp_path / "store", limits=limits) as app, client(app) as one:
        first = asyncio.create_task(one.post(ADD, content=halting()))
        await sending.wait()
        second = await one.post(ADD, content=b" " * 600)
        assert (second.status_code, second.headers["retry-after"]) == (503, "1")
        assert (await first).status_code == 422
        assert (await one.post(ADD, json=CHAT)).status_code == 201


async def test_addresses_and_headers_have_limits(tmp_path: Path) -> None:
    limits = Limits(url_bytes=200, header_bytes=400)
    async with world(tmp_path / "store", limits=limits) as app, client(app) as one:
        assert (await one.get("/v1/users", params={"search": "x" * 200})).status_code == 414
        assert (await one.get("/v1/users", headers={"x-more": "x" * 400})).status_code == 431
        assert (await one.get("/v1/users")).status_code == 200


async def test_a_token_that_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    limits = Limits(requests_per_second=0.1, burst=20.0)
    async with (
        world(tmp_path / "store", PROJECT, "another", limits=limits) as app,
        client(app, PROJECT) as one,
        client(app, "another") as two,
    ):
        statuses = [(await one.get("/v1/users")).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        refused = await one.get("/api/v1/users/caroline")
        assert refused.status_code == refused.json()["errno"] == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 10
        assert (await two.get("/v1/users")).status_code == 200


def test_a_share_comes_back_with_time_and_is_not_saved_up() -> None:
    pace = Pace(rate=2.0, most=2.0, left=2.0, at=0.0)
    assert [pace.wait(0.0) for _ in range(3)] == [0.0, 0.0, 0.5]
    assert pace.wait(0.5) == 0.0
    assert [pace.wait(1000.0) for _ in range(3)] == [0.0, 0.0, 0.5]


async def test_no_more_requests_than_allowed_are_at_work(tmp_path: Path) -> None:
    sending = asyncio.Event()

    async def halting() -> AsyncIterator[bytes]:
        sending.set()
        await asyncio.sleep(0.2)
        yield b"{}"

    async with world(tmp_path / "store", limits=Limits(concurrency=1)) as app, client(app) as one:
        first = asyncio.create_task(one.post(ADD, content=halting()))
        await sending.wait()
        refused = await one.get("/v1/users")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        await first
        assert (await one.get("/v1/users")).status_code == 200


async def test_what_takes_too_long_is_given_up(tmp_path: Path) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        await asyncio.sleep(30)
        yield b"{}"

    async with world(tmp_path / "store", limits=Limits(request_seconds=0.05)) as app, client(app) as one:
        found = await one.post(ADD, content=slowly())
        assert (found.status_code, found.headers["retry-after"]) == (503, "1")
