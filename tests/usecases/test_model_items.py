"""Items worded by a model in search: their words find the lines that they were taken from."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from memu_like.chat import ChatRequest
from memu_like.config import Settings
from memu_like.edges.llm.scripted import ScriptedModel
from memu_like.results import Hit
from memu_like.service import MemoryService, UserMemory

SAMPLE = (resources.files("memu_like") / "data" / "sample" / "chat.jsonl").read_text(encoding="utf-8")
DOG = [
    {"role": "user", "name": "Ines", "content": content, "created_at": f"2024-01-10T10:0{minute}Z"}
    for minute, content in enumerate(
        ["Good morning, how is it going?", "We went and got Pixel at last!", "The weather is fine in Porto."]
    )
]
DOG_ITEM = {"text": "Ines adopted a puppy named Pixel.", "slot": "relationships/pets", "lines": [2]}
JOB = [
    {
        "role": "user",
        "name": "Ines",
        "content": "I work as a nurse in Porto.",
        "created_at": "2024-01-10T10:00Z",
    }
]
NEW_JOB = [
    {
        "role": "user",
        "name": "Ines",
        "content": "I left nursing and opened a bakery in Braga.",
        "created_at": "2024-06-03T10:00Z",
    }
]


def reply(*items: dict[str, Any]) -> str:
    return json.dumps({"items": list(items), "title": "t", "summary": "Ines talks."})


def service(store: Path, *script: str, **settings: Any) -> MemoryService:
    return MemoryService(Settings(store=store, **settings), model=ScriptedModel(script))


async def found(user: UserMemory, query: str, **how: Any) -> tuple[Hit, ...]:
    return (await user.retrieve(query, **how)).hits


@pytest.mark.parametrize("embedder", ["static", "none"])
async def test_a_line_is_found_by_a_word_that_only_its_item_has(store: Path, embedder: str) -> None:
    async with service(store, reply(DOG_ITEM), embedder=embedder) as memory:
        user = memory.user("ines")
        await user.memorize(DOG)
        result = await user.retrieve("adopted a puppy", explain=True)
        first = result.hits[0]
        assert (first.tier, first.text) == ("resource", "We went and got Pixel at last!")
        assert first.signals["item"] > 0.5
        assert (result.items[0].text, result.items[0].item_ids) == (DOG_ITEM["text"], first.item_ids)
        assert len({hit.place for hit in result.hits}) == len(result.hits) == 3, "one place for both"
        without = await found(user, "adopted a puppy", explain=True, without=["item"])
        assert {hit.signals["item"] for hit in without} == {0.0}


async def test_what_is_replaced_is_found_and_marked(store: Path) -> None:
    def news(request: ChatRequest) -> str:
        item = {"text": "Ines runs a bakery in Braga.", "slot": "work_life/job", "lines": [1]}
        return reply({**item, "known": "k1", "bearing": "corrects"})

    old = reply({"text": "Ines earns her living as a nurse in Porto.", "slot": "work_life/job", "lines": [1]})
    model = ScriptedModel([old, news])
    async with MemoryService(Settings(store=store), model=model) as memory:
        user = memory.user("ines")
        await user.memorize(JOB)
        await user.memorize(NEW_JOB)
        assert len(await user.items(status="superseded")) == 1
        marks = {
            hit.text: hit.superseded for hit in await found(user, "what did she do for a living before?")
        }
        assert marks == {JOB[0]["content"]: True, NEW_JOB[0]["content"]: False}
        by_item = await user.retrieve("living")
        assert by_item.hits[0].text == JOB[0]["content"]
        assert by_item.items[0].superseded
        lines = (await user.context(query="what does she do for a living?")).splitlines()
        assert f"- Ines: {JOB[0]['content']} (until 2024-06-03)" in lines
        assert f"- Ines: {NEW_JOB[0]['content']}" in lines


async def test_what_a_person_has_taken_back_is_not_found(store: Path) -> None:
    async with service(store, reply(DOG_ITEM)) as memory:
        user = memory.user("ines")
        await user.memorize(DOG)
        await user.delete_item((await user.items())[0].id)
        result = await user.retrieve("adopted a puppy", explain=True)
        assert result.items == ()
        assert "We went and got Pixel at last!" not in [hit.text for hit in result.hits]
        assert {hit.signals["item"] for hit in result.hits} == {0.0}


async def test_an_item_that_a_person_rewords_stands_for_itself(store: Path) -> None:
    async with service(store, reply(DOG_ITEM)) as memory:
        user = memory.user("ines")
        await user.memorize(DOG)
        await user.update_item((await user.items())[0].id, text="Ines has a beagle called Pixel.")
        by_new, by_old = await found(user, "beagle"), await found(user, "puppy", explain=True)
        assert (by_new[0].tier, by_new[0].text) == ("item", "Ines has a beagle called Pixel.")
        assert {hit.signals["item"] for hit in by_old} == {0.0}, "what it said before counts no more"


async def test_a_memory_of_nothing_but_what_was_taken_back_finds_nothing(memory: MemoryService) -> None:
    user = memory.user("ines")
    item = await user.add_item("Ines likes tea.", topic="preferences", slot="drinks")
    assert await found(user, "tea")
    await user.delete_item(item.id)
    assert await found(user, "tea") == ()
    assert "tea" not in await user.context(query="tea")


async def test_an_item_of_a_forgotten_resource_is_gone(store: Path) -> None:
    async with service(store, reply(DOG_ITEM), reply()) as memory:
        user = memory.user("ines")
        await user.memorize(DOG)
        await user.memorize(JOB)
        (first, *_) = await user.resources()
        await user.forget_resource(first.id)
        assert [hit.text for hit in await found(user, "adopted a puppy")] == [JOB[0]["content"]]


async def test_in_a_large_memory_an_item_brings_its_line_among_the_candidates(store: Path) -> None:
    """Of more rows than are scored exactly, those are chosen that look best, or whose items do."""
    chance = random.Random(4)
    words = ["rain", "tea", "bread", "train", "river", "stone", "lamp", "paper", "music", "window"]
    start = datetime(2020, 1, 1, tzinfo=UTC)
    many = [
        {
            "role": "user",
            "name": "Bo",
            "content": " ".join(chance.choices(words, k=8)) + ".",
            "created_at": (start + timedelta(minutes=n, hours=8 * (n // 40))).isoformat(),
        }
        for n in range(3000)
    ]
    async with service(store, reply(DOG_ITEM)) as memory:
        user = memory.user("ines")
        await user.memorize(many, model=False)
        await user.memorize(DOG)
        hits = await found(user, "who adopted a puppy by the river, with music, tea and bread?")
        assert "We went and got Pixel at last!" in [hit.text for hit in hits]


# -- the index


INVENTED = ["harbour", "festival", "quiet", "violin", "marathon", "orchard", "cousin", "lighthouse"]


def worded(request: ChatRequest) -> str:
    """An item for every third line that is shown, with a word that the line has not; always the same ones."""
    lines = re.findall(r"^\[(\d+)\] (\w+): (.{20,})", request.messages[-1].content, re.MULTILINE)[::3]
    return reply(
        *(
            {
                "text": f"{who} of the {INVENTED[len(said) % len(INVENTED)]}: {said[:80]}",
                "slot": "activities/arts",
                "lines": [int(line)],
            }
            for line, who, said in lines
        )
    )


async def searched(user: UserMemory, queries: Sequence[str]) -> list[list[tuple[str, int, str, object]]]:
    results = [await user.retrieve(query, top_k=10) for query in queries]
    return [
        [(h.path, h.line, f"{h.score:.3f}", (h.item_ids, h.superseded)) for h in one.hits] for one in results
    ]


@pytest.mark.parametrize("embedder", ["static", "none"])
async def test_an_index_grown_bit_by_bit_is_that_built_at_once(tmp_path: Path, embedder: str) -> None:
    messages = [json.loads(line) for line in SAMPLE.splitlines() if line.strip()]
    queries = ["a quiet harbour", "violin festival", "who has a lighthouse?", "orchard cousin in May", "dog"]
    settings = Settings(store=tmp_path, embedder=embedder, reorganise=False)
    async with MemoryService(settings, model=ScriptedModel(worded)) as memory:
        user = memory.user("mara")
        for start in range(0, len(messages), 60):
            await user.memorize(messages[start : start + 60])
            items = [item for item in await user.items() if item.model]
            await user.update_item(items[0].id, text=f"{items[0].text} Or so it was.")
            await user.delete_item(items[1].id)
        await user.forget_resource((await user.resources())[1].id)
        before = await searched(user, queries)
        assert sum(item.model is not None for item in await user.items()) > 20
        assert any(
            hit.signals["item"] > 0.3 for hit in await found(user, "violin festival", explain=True, top_k=30)
        )
        await user.reindex()
        assert await searched(user, queries) == before
    shutil.rmtree(tmp_path / "mara" / ".memu")
    async with MemoryService(settings) as memory:
        assert await searched(memory.user("mara"), queries) == before


async def test_items_that_quote_leave_the_ranking_as_it_is(tmp_path: Path) -> None:
    """With and without quotes (a reply without items) a memory ranks the same, score for score."""
    messages = [json.loads(line) for line in SAMPLE.splitlines() if line.strip()]
    queries = ["what pets are there?", "the harbour in June", "when did she move?"]
    rankings = []
    for name, model in (("quotes", None), ("none", ScriptedModel(lambda request: reply()))):
        async with MemoryService(Settings(store=tmp_path / name), model=model) as memory:
            user = memory.user("mara")
            await user.memorize(messages)
            assert len(await user.items(status="active")) > 10 or model
            results = [await found(user, query, explain=True) for query in queries]
            rankings.append([[(hit.text, hit.score) for hit in hits] for hits in results])
            assert {hit.signals["item"] for hits in results for hit in hits} == {0.0}
    assert rankings[0] == rankings[1]
