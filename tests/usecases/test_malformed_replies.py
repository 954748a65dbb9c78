"""Whatever a model answers, a run is stored or kept or refused in one clear line, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conversations import MAY
from malformed_replies import CELLO, GOOD, TALK, replies
from soundness import assert_sound, look

from benchmarks.replay import FailureKind, ReplayServer, read_replay
from memu_like.chat import ChatRequest
from memu_like.config import Settings
from memu_like.edges.llm.scripted import ScriptedModel
from memu_like.errors import MemuLikeError
from memu_like.results import MemorizeReport
from memu_like.service import MemoryService, UserMemory

REPLIES = replies()
INVENTED = Path(__file__).parent.parent / "data" / "replayed_locomo.json"
FIRST_REPLY = """{"title": "Oscar", "summary": "The user moved to Lisbon and has a guinea pig.", "items": [
{"text": "The user has a guinea pig named Oscar, who loves carrots.", "lines": [1],
 "slot": "relationships/pets"},
{"text": "The user moved to Lisbon in June 2022 with her sister Ottilie.", "lines": [3],
 "slot": "personal_info/location"}]}"""
LARGEST_FOLDER = 1_000_000
"""Bytes of all files of the folder at most, after one run of three messages."""


@dataclass
class Answering:
    """A model whose reply can be changed from one call to the next."""

    reply: str = FIRST_REPLY
    asked: int = 0

    def __call__(self, request: ChatRequest) -> str:
        self.asked += 1
        return self.reply


@dataclass
class World:
    store: Path
    model: Answering
    memory: MemoryService

    @property
    def user(self) -> UserMemory:
        return self.memory.user("caroline")

    @property
    def root(self) -> Path:
        return self.store / "caroline"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a store that knows two things, and a third that a person wrote by hand."""
    store = tmp_path_factory.mktemp("prepared") / "store"

    async def prepare() -> None:
        model = ScriptedModel(Answering())
        async with MemoryService(Settings(store=store, embedder="none"), model=model) as memory:
            user = memory.user("caroline")
            report = await user.memorize(MAY)
            assert report.items_added == 2
            file = store / "caroline" / "categories" / "relationships.md"
            text = file.read_text("utf-8")
            assert "- " in text
            file.write_text(text.rstrip("\n") + "\n- Writes to her aunt Wilhelmina every Sunday.\n", "utf-8")
            await user.flush()

    asyncio.run(prepare())
    yield store
    shutil.rmtree(store)


@pytest.fixture
async def world(prepared: Path, tmp_path: Path) -> AsyncIterator[World]:
    store = tmp_path / "store"
    shutil.copytree(prepared, store)
    model = Answering()
    settings = Settings(store=store, embedder="none", item_types=())
    async with MemoryService(settings, model=ScriptedModel(model)) as memory:
        yield World(store, model, memory)


async def tried(world: World, reply: str) -> MemorizeReport | MemuLikeError:
    world.model.reply = reply
    try:
        return await world.user.memorize(TALK)
    except MemuLikeError as error:
        return error


@pytest.mark.parametrize("name", REPLIES)
async def test_a_malformed_reply_stores_no_garbage_and_loses_nothing(world: World, name: str) -> None:
    before, events = look(world.root), len(await world.user.events())
    ended = await tried(world, REPLIES[name]())
    findings = await assert_sound(world.user, before, LARGEST_FOLDER)
    stored = b"".join(look(world.root).resources.values())
    assert all(json.dumps(message["content"])[1:-1].encode() in stored for message in TALK)
    if isinstance(ended, MemuLikeError):
        assert "\n" not in str(ended)
        return
    assert bool(ended.kept) != bool(ended.runs)
    assert any("flush --retry" in finding for finding in findings) == bool(ended.kept)
    assert len(await world.user.events()) == events + len(ended.runs)
    for kept in ended.kept:
        assert "\n" not in kept.error
        assert 0 < len(kept.error) < 1_000
    await mended(world, ended)
    if ended.kept:
        assert await assert_sound(world.user, before, LARGEST_FOLDER) == []


async def mended(world: World, ended: MemorizeReport) -> None:
    """A good reply makes the run that was kept, and changes nothing where none was."""
    known = await world.user.items()
    world.model.reply = GOOD
    again = await world.user.flush(retry=True)
    assert again.kept == ()
    assert len(again.runs) == len(ended.kept)
    texts = [item.text for item in await world.user.items()]
    assert CELLO in texts if ended.kept else len(texts) == len(known)


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("wrapped: fenced, with prose around", 2),
        ("wrapped: Python literals", 2),
        ("wrapped: two objects", 2),
        ("wrapped: JSON lines", 2),
        ("types: lines is a number as text", 1),
        ("types: items holds null", 1),
        ("sources: good and invented lines", 1),
        ("paths: an absolute path", 1),
        ("markdown: front matter", 1),
        ("texts: no width", 1),
        ("sources: nothing that was said", 0),
        ("texts: orders as a system", 0),
    ],
)
async def test_what_is_usable_of_a_reply_is_stored_in_one_run(world: World, name: str, texts: int) -> None:
    asked, known = world.model.asked, len(await world.user.items())
    ended = await tried(world, REPLIES[name]())
    assert isinstance(ended, MemorizeReport)
    assert ended.kept == ()
    assert len(await world.user.items()) - known == ended.items_added == texts
    assert world.model.asked - asked == 1


@pytest.mark.parametrize(
    "name", ["empty: empty", "wrapped: two objects that differ", "cut: cut at byte 200", "sizes: deep lists"]
)
async def test_what_cannot_be_used_is_asked_for_once_more_and_then_kept(world: World, name: str) -> None:
    asked = world.model.asked
    ended = await tried(world, REPLIES[name]())
    assert isinstance(ended, MemorizeReport)
    assert len(ended.kept) == 1
    assert ended.usage.calls in (0, 2)
    assert world.model.asked - asked == 2


def test_the_corpus_is_as_large_as_it_says() -> None:
    assert len(REPLIES) >= 60
    assert len([name for name in REPLIES if name.startswith("cut")]) >= 20


async def test_a_kept_run_is_asked_for_again_only_when_told_to(world: World) -> None:
    ended = await tried(world, "no")
    assert isinstance(ended, MemorizeReport)
    assert len(ended.kept) == 1
    assert ended.kept[0].attempts == 1
    asked = world.model.asked
    still = await world.user.flush()
    assert still.kept == ended.kept
    assert world.model.asked == asked
    once_more = await world.user.flush(retry=True)
    assert once_more.kept[0].attempts == 2
    world.model.reply = GOOD
    done = await world.user.flush(retry=True)
    assert done.kept == ()
    assert done.items_added == 2


async def test_what_a_kept_run_holds_is_found_by_search(world: World) -> None:
    ended = await tried(world, "no")
    assert isinstance(ended, MemorizeReport)
    assert ended.kept
    found = await world.user.retrieve("cello", top_k=3)
    assert any("cello" in hit.text for hit in found.hits)


def endpoint(store: Path, server: ReplayServer, **more: object) -> Settings:
    return Settings(
        store=store, embedder="none", llm_model="replay", llm_base_url=server.url, llm_api_key="none", **more
    )


@pytest.mark.parametrize("failure", ["malformed", "cut", "empty", "500", "429"])
@pytest.mark.parametrize("every", [1, 2])
async def test_a_conversation_through_a_faulty_endpoint_is_stored_or_kept_whole(
    tmp_path: Path, failure: FailureKind, every: int
) -> None:
    """Where every second call fails, asking again mends it; where all do, the runs wait for a better day."""
    store = tmp_path / "store"
    replay = read_replay(INVENTED)
    with ReplayServer(replay, fail_every=every, failure=failure) as server:
        async with MemoryService(endpoint(store, server, llm_retries=1)) as memory:
            user = memory.user("ottilie")
            report = await user.memorize(INVENTED, format="locomo")
            assert len(report.runs) + len(report.kept) == 3
            if every == 2:
                assert report.kept == ()
                assert server.totals.failed > 0
            else:
                assert len(report.kept) == 3
            assert not [finding for finding in await user.doctor() if finding.level == "error"]
            server.fail_every = 0
            done = await user.flush(retry=True)
            assert done.kept == ()
            assert len(report.runs) + len(done.runs) == 3
            assert len(await user.items()) == 14
            assert not await user.doctor()


async def test_a_slow_endpoint_is_waited_for_no_longer_than_told(tmp_path: Path) -> None:
    replay = read_replay(INVENTED)
    with ReplayServer(replay, fail_every=1, failure="slow", seconds=12) as server:
        settings = endpoint(tmp_path / "store", server, llm_retries=0, llm_timeout_seconds=0.3)
        async with MemoryService(settings) as memory:
            report = await memory.user("ottilie").memorize(INVENTED, format="locomo")
    assert report.runs == ()
    assert len(report.kept) == 3
    assert report.seconds < 12  # what the endpoint would take for one reply
