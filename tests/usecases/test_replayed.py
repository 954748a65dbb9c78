"""Whole conversations through a real server that replays what people observed in them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from soundness import assert_sound, look

from benchmarks.replay import Replay, ReplayServer, read_replay
from memu_like.config import Settings
from memu_like.service import MemoryService

ROOT = Path(__file__).parents[2]
INVENTED = ROOT / "tests" / "data" / "replayed_locomo.json"
LOCOMO = Path(os.environ.get("LOCOMO") or ROOT.parent / "shared" / "locomo" / "dev.json")
SESSIONS, OBSERVATIONS = 3, 14


def settings(store: Path, server: ReplayServer, **more: Any) -> Settings:
    endpoint = {"llm_model": "replay", "llm_base_url": server.url, "llm_api_key": "none", "llm_retries": 0}
    return Settings(store=store, **endpoint, **more)


def observed() -> dict[str, list[int]]:
    """Each observation of the file with the places of its turns in their session."""
    found = {}
    for of_session in json.loads(INVENTED.read_text("utf-8"))[0]["observation"].values():
        for text, turns in (pair for pairs in of_session.values() for pair in pairs):
            named = turns if isinstance(turns, list) else [turns]
            found[text] = sorted(int(turn.partition(":")[2]) for turn in named)
    return found


async def test_every_observation_becomes_an_item_of_its_turns_at_one_call_a_session(tmp_path: Path) -> None:
    with ReplayServer(read_replay(INVENTED)) as server:
        async with MemoryService(settings(tmp_path / "store", server)) as memory:
            user = memory.user("ottilie")
            report = await user.memorize(INVENTED, format="locomo")
            assert (len(report.runs), report.items_added, report.kept) == (SESSIONS, OBSERVATIONS, ())
            assert server.totals.all.calls == report.usage.calls == SESSIONS
            assert server.totals.all.prompt_tokens == report.usage.prompt_tokens
            assert server.totals.all.completion_tokens == report.usage.completion_tokens
            events = await user.events()
            assert [event.usage.calls for event in events if event.usage] == [1] * SESSIONS
            assert {event.model for event in events} == {"replay"}
            wanted = observed()
            for item in await user.items():
                assert item.model == "replay"
                assert item.source
                assert [item.source.first, item.source.last] == [wanted[item.text][0], wanted[item.text][-1]]
            found = await user.retrieve("Where does Renzo keep bees now?", top_k=3)
            assert any("Guarda" in hit.text for hit in found.hits)
            await assert_sound(user, look(user.folder.root), 1_000_000)


async def test_a_session_in_several_calls_gives_the_same_items_in_one_run(tmp_path: Path) -> None:
    with ReplayServer(read_replay(INVENTED)) as server:
        async with MemoryService(settings(tmp_path / "store", server, extract_tokens=200)) as memory:
            user = memory.user("ottilie")
            report = await user.memorize(INVENTED, format="locomo")
            assert len(report.runs) == SESSIONS
            assert server.totals.all.calls > SESSIONS
            lines = {item.text: item.source.first for item in await user.items() if item.source}
            assert lines == {text: places[0] for text, places in observed().items()}


async def test_what_was_memorized_is_not_asked_for_again(tmp_path: Path) -> None:
    with ReplayServer(read_replay(INVENTED)) as server:
        async with MemoryService(settings(tmp_path / "store", server)) as memory:
            user = memory.user("ottilie")
            await user.memorize(INVENTED, format="locomo")
            again = await user.memorize(INVENTED, format="locomo")
            assert again.runs == again.kept == ()
            assert server.totals.all.calls == SESSIONS


@pytest.mark.slow
@pytest.mark.skipif(not LOCOMO.is_file(), reason="needs LoCoMo's dev.json: set LOCOMO to its path")
async def test_a_long_conversation_keeps_to_what_it_may_cost(tmp_path: Path) -> None:
    sample = json.loads(LOCOMO.read_text("utf-8"))[0]
    with ReplayServer(Replay(sample)) as server:
        async with MemoryService(settings(tmp_path / "store", server)) as memory:
            user = memory.user("caroline")
            report = await user.memorize(json.dumps([sample]).encode(), format="locomo")
            counted = server.totals.all
            assert report.kept == ()
            assert counted.calls <= 1.1 * len(report.runs)
            assert counted.prompt_tokens <= 40_000
            assert counted.completion_tokens <= 12_000
            await assert_sound(user, look(user.folder.root), 20_000_000)
