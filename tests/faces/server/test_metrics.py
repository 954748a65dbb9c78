"""Figures for Prometheus, and the log: routes and statuses, and nothing that anybody said."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from rest_world import BOB, PROJECT, SECRET, client, world

from memu_like.faces.server.metrics import Metrics

LINE = re.compile(
    r"# (HELP \w+ .+|TYPE \w+ (counter|gauge|histogram))"
    r'|\w+(\{(\w+="(\\.|[^"\\\n])*",?)*\})? [0-9.e+-]+'
)


async def test_every_line_is_of_the_text_format(tmp_path: Path) -> None:
    async with world(tmp_path / "store") as app, client(app) as one:
        await one.get("/v1/users")
        await one.get("/v1/users/nobody")
        found = await one.get("/metrics")
    assert found.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = found.text.splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert 'memu_like_requests_total{method="GET",route="/v1/users",status="200"} 1' in lines
    assert 'memu_like_requests_total{method="GET",route="/v1/users/{user_id}",status="404"} 1' in lines
    assert 'memu_like_errors_total{kind="NotFound"} 1' in lines
    assert 'memu_like_request_seconds_count{route="/v1/users"} 1' in lines


async def test_neither_labels_nor_the_log_hold_ids_texts_or_tokens(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = (PROJECT, f"{BOB} bob")
    async with world(tmp_path / "store", *tokens) as app, client(app, PROJECT) as one:
        for user in ("gustavo", "gustavo?x", "gusta%23vo", "gustavo%3Fy=1", "gusta vo"):
            await one.post(
                f"/v1/users/{user}/messages", json={"messages": [{"role": "user", "content": SECRET}]}
            )
            await one.post(f"/v1/users/{user}/retrieve", json={"query": SECRET}, params={"q": SECRET})
            await one.get(f"/api/v1/users/event/search/{user}", params={"query": SECRET})
            await one.post(f"/v1/users/{user}/flush", content=SECRET)
            await one.get(f"/v1/{SECRET}")
            await one.request(SECRET.upper(), "/v1/users")
        figures = (await one.get("/metrics")).text
    ours = "\n".join(f"{one.message} {one.exc_text}" for one in caplog.records if one.name.startswith("memu"))
    assert "POST /v1/users/{user_id}/messages 201" in ours
    for word in ("gusta", SECRET, PROJECT, BOB):
        assert word not in figures.lower(), word
        assert word not in ours.lower(), word


def test_a_histogram_adds_up() -> None:
    metrics = Metrics()
    for seconds in (0.0005, 0.001, 0.02, 100.0):
        metrics.answered("GET", "/x", 200, seconds)
    text = metrics.text()
    counts = [int(line.rsplit(" ", 1)[1]) for line in text.splitlines() if "_bucket" in line]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (2, 4)
    assert 'memu_like_request_seconds_count{route="/x"} 4' in text
    assert 'memu_like_request_seconds_sum{route="/x"} 100.021500' in text
