"""The meter: what calls took is counted, kept in two ledgers, and held to caps."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from memu_like.chat import ChatMessage, ChatReply, ChatRequest
from memu_like.config import Settings
from memu_like.edges.llm.ledger import USAGE_FILE, Line, read_spend, read_usage, spend_file
from memu_like.edges.llm.meter import Meter
from memu_like.edges.llm.scripted import ScriptedModel
from memu_like.errors import ModelError, ModelUnavailable, SpendCapReached, StorageError
from memu_like.models import Usage

NOW = datetime(2024, 5, 1, 23, 30, tzinfo=UTC)
DAY = date(2024, 5, 1)
SAY = ChatRequest("extract", (ChatMessage("user", "Say hello."),))
COST = Usage(1, 100, 20, 1.5, 0.25)
Make = Callable[..., Meter]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    folder = tmp_path / "store" / "iris"
    folder.mkdir(parents=True)
    (folder / "user.json").write_text("{}")
    return folder / ".memu"


@pytest.fixture
def store(ledger: Path) -> Path:
    return ledger.parent.parent


@pytest.fixture
def make(store: Path, ledger: Path) -> Make:
    """A meter on a model whose every reply takes COST; keywords are settings without their `llm_`."""

    def meter(model: Any = None, when: datetime = NOW, **given: Any) -> Meter:
        model = model or ScriptedModel(lambda request: ChatReply("hello", usage=COST))
        caps = {f"llm_{name}": value for name, value in given.items()}
        return Meter(model, Settings(store=store, **caps), lambda: when, ledger=ledger)

    return meter


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# -- counting


async def test_each_call_is_counted_and_is_a_line_in_both_ledgers(
    make: Make, ledger: Path, store: Path
) -> None:
    meter = make()
    await meter.chat(SAY)
    await meter.chat(replace(SAY, step="judge"))
    assert meter.usage == Usage(2, 200, 40, 3.0, 0.5)
    assert (ledger / USAGE_FILE).read_text().splitlines()[0] == (
        '{"at":"2024-05-01T23:30:00Z","step":"extract","model":"scripted","calls":1,'
        '"prompt_tokens":100,"completion_tokens":20,"seconds":1.5,"cost":0.25}'
    )
    assert lines(spend_file(store, DAY)) == lines(ledger / USAGE_FILE)
    assert "iris" not in spend_file(store, DAY).read_text()
    assert read_usage(ledger) == {"extract": COST, "judge": COST}
    assert read_spend(store, DAY) == COST + COST
    assert read_spend(store, DAY + timedelta(days=1)) == Usage()


async def test_an_unknown_cost_and_an_estimate_are_kept_as_such(make: Make, ledger: Path) -> None:
    usage = Usage(1, 3, 4, 0.1, None, True)
    await make(ScriptedModel([ChatReply("x", usage=usage)])).chat(SAY)
    assert read_usage(ledger) == {"extract": usage}


async def test_a_failed_call_that_took_something_is_counted(make: Make, ledger: Path) -> None:
    failure = ModelError("its reply holds nothing")
    failure.usage = COST
    meter = make(ScriptedModel([failure, ModelUnavailable("down")]))
    for _ in range(2):
        with pytest.raises(ModelError):
            await meter.chat(SAY)
    assert meter.usage == COST
    assert len(lines(ledger / USAGE_FILE)) == 1


async def test_a_stream_is_counted_at_its_end(make: Make, ledger: Path) -> None:
    meter = make(ScriptedModel([ChatReply("one\ntwo", usage=COST)]))
    pieces = [piece async for piece in meter.stream(SAY)]
    assert pieces[:-1] == ["one\n", "two"]
    assert meter.usage == COST
    assert len(lines(ledger / USAGE_FILE)) == 1


async def test_a_stream_that_is_left_is_estimated(make: Make, ledger: Path) -> None:
    meter = make(ScriptedModel([ChatReply("one two three\nfour", usage=COST)]))
    stream = meter.stream(SAY)
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert meter.usage.estimated
    assert meter.usage.completion_tokens == 4
    assert lines(ledger / USAGE_FILE)[0]["estimated"] is True


# -- caps


async def test_a_run_ends_where_its_cap_on_tokens_is_used_up(make: Make) -> None:
    meter = make(run_token_cap=200)
    await meter.chat(SAY)
    await meter.chat(SAY)
    with pytest.raises(
        SpendCapReached, match="llm_run_token_cap is used up: this run took 240 tokens of 200"
    ):
        await meter.chat(SAY)
    with pytest.raises(SpendCapReached):
        await anext(meter.stream(SAY))
    assert len(meter.model.requests) == 2  # type: ignore[attr-defined]
    await make(run_token_cap=200).chat(SAY)


async def test_a_run_ends_where_its_cap_on_cost_is_used_up(make: Make) -> None:
    meter = make(run_cost_cap=0.25)
    await meter.chat(SAY)
    with pytest.raises(SpendCapReached, match=r"llm_run_cost_cap is used up: this run cost 0\.25 of 0\.25"):
        await meter.chat(SAY)


@pytest.mark.parametrize("cap", [{"day_token_cap": 240}, {"day_cost_cap": 0.5}])
async def test_a_days_cap_is_of_the_store_and_of_the_day(make: Make, cap: dict[str, Any]) -> None:
    for _ in range(2):
        await make(**cap).chat(SAY)
    with pytest.raises(SpendCapReached, match="is used up: this day"):
        await make(**cap).chat(SAY)
    await make(when=NOW + timedelta(hours=1), **cap).chat(SAY)


async def test_a_days_cap_counts_what_another_process_wrote(make: Make, store: Path) -> None:
    meter = make(day_token_cap=1000)
    await meter.chat(SAY)
    with spend_file(store, DAY).open("a") as file:
        file.write(json.dumps({**lines(spend_file(store, DAY))[0], "prompt_tokens": 5000}) + "\n")
    with pytest.raises(SpendCapReached):
        await meter.chat(SAY)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root writes everywhere")
async def test_a_days_cap_that_cannot_be_kept_is_said_before_the_call(make: Make, store: Path) -> None:
    store.chmod(0o500)
    try:
        await _unkept(make)
    finally:
        store.chmod(0o700)


async def test_a_file_where_the_folder_should_be(make: Make, store: Path) -> None:
    (store / ".memu").write_text("")
    await _unkept(make)


async def _unkept(make: Make) -> None:
    meter = make(day_token_cap=10)
    with pytest.raises(StorageError):
        await meter.chat(SAY)
    assert meter.model.requests == []  # type: ignore[attr-defined]
    meter = make()
    assert (await meter.chat(SAY)).text == "hello"
    assert "could not be counted" in meter.degraded[0]
    assert meter.usage == COST


# -- the files


async def test_a_ledger_never_makes_a_user(make: Make, ledger: Path, store: Path) -> None:
    (ledger.parent / "user.json").unlink()
    await make().chat(SAY)
    assert not ledger.exists()
    assert read_usage(ledger) == {}
    assert read_spend(store, DAY) == COST
    (ledger.parent).rmdir()
    await make().chat(SAY)
    assert not ledger.parent.exists()


async def test_nothing_is_kept_where_there_is_no_store(tmp_path: Path) -> None:
    model = ScriptedModel(["hello"])
    await Meter(model, Settings(store=tmp_path / "none"), lambda: NOW).chat(SAY)
    assert list(tmp_path.iterdir()) == []


async def test_lines_that_are_torn_or_foreign_are_skipped(make: Make, ledger: Path) -> None:
    await make().chat(SAY)
    whole = (ledger / USAGE_FILE).read_bytes()
    foreign = [b"[]", b"7", b'{"step":"x"}', whole.strip().replace(b"100", b"-1"), b"[" * 100_000, b"\xff"]
    (ledger / USAGE_FILE).write_bytes(b"\n".join([*foreign, whole]) + whole[:40])
    assert read_usage(ledger) == {"extract": COST}


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
async def test_a_link_is_not_written_through(make: Make, ledger: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    ledger.symlink_to(outside)
    meter = make()
    await meter.chat(SAY)
    assert meter.degraded
    assert list(outside.iterdir()) == []
    with pytest.raises(StorageError):
        read_usage(ledger)


async def test_old_days_go_when_a_new_one_begins(make: Make, store: Path) -> None:
    folder = spend_file(store, DAY).parent
    folder.mkdir(parents=True)
    ages = {age: spend_file(store, DAY - timedelta(days=age)) for age in (1, 40, 41, 400)}
    for path in ages.values():
        path.write_text("")
    (folder / "notes.txt").write_text("")
    meter = make()
    await meter.chat(SAY)
    assert [age for age, path in ages.items() if path.exists()] == [1, 40]
    assert (folder / "notes.txt").exists()
    ages[400].write_text("")
    await meter.chat(SAY)
    assert ages[400].exists(), "only a new day's file clears up"


async def test_calls_side_by_side_leave_whole_lines(make: Make, ledger: Path, store: Path) -> None:
    meters = [make() for _ in range(40)]
    await asyncio.gather(*(meter.chat(SAY) for meter in meters))
    assert len(lines(ledger / USAGE_FILE)) == len(lines(spend_file(store, DAY))) == 40


def test_a_day_is_read_on_from_where_it_was_read_and_anew_where_it_was_replaced(store: Path) -> None:
    path = spend_file(store, DAY)
    path.parent.mkdir(parents=True)
    line = Line(NOW, "extract", "m", COST).render()
    path.write_bytes(line + line[:30])
    assert read_spend(store, DAY) == COST
    path.write_bytes(line + line + line[:30])
    assert read_spend(store, DAY) == COST + COST
    path.write_bytes(line)
    assert read_spend(store, DAY) == COST
    other = path.with_name("other")
    other.write_bytes(line * 3)
    other.replace(path)
    assert read_spend(store, DAY).calls == 3
    path.unlink()
    assert read_spend(store, DAY) == Usage()


def test_what_10_000_calls_took_is_the_same_at_a_second_look(store: Path) -> None:
    path = spend_file(store, DAY)
    path.parent.mkdir(parents=True)
    path.write_bytes(Line(NOW, "extract", "m", COST).render() * 10_000)
    assert read_spend(store, DAY) == read_spend(store, DAY)
    assert read_spend(store, DAY).calls == 10_000
