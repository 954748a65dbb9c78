"""Retrieval as it is asked for, and with no model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conversations import MAY

from memu_like.config import Settings
from memu_like.edges.llm.scripted import ScriptedModel
from memu_like.errors import ConfigError, InvalidInput, NotFound
from memu_like.results import RetrieveResult
from memu_like.service import MemoryService, UserMemory

QUERY = "What is the guinea pig called?"


async def test_the_plain_call_searches_and_says_whether_it_found_enough(caroline: UserMemory) -> None:
    found = await caroline.retrieve(QUERY)
    assert found.method == "rag"
    assert [visit.action for visit in found.path] == ["search", "judge"]
    assert found.sufficient is True
    assert found.usage.calls == 0
    assert (await caroline.retrieve("Who repaired the spaceship's engine?")).sufficient is False


async def test_a_dict_configures_a_call_and_yields_to_arguments(caroline: UserMemory) -> None:
    one = await caroline.retrieve(QUERY, retrieve_config={"method": "rag", "top_k": 1})
    two = await caroline.retrieve(QUERY, top_k=2, retrieve_config={"method": "rag", "top_k": 1})
    assert (len(one.hits), len(two.hits)) == (1, 2)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"retrieve_config": {"topk": 3}}, "did you mean 'top_k'"),
        ({"retrieve_config": {"methods": "rag"}}, "did you mean 'method'"),
        ({"retrieve_config": ["rag"]}, "must be a dict"),
        ({"retrieve_config": {"method": "lm"}}, "did you mean 'llm'"),
        ({"method": "graph"}, "unknown method 'graph'"),
        ({"top_k": 0}, "between 1 and 1000"),
        ({"retrieve_config": {"top_k": "5"}}, "between 1 and 1000"),
        ({"top_k": True}, "between 1 and 1000"),
        ({"conversation_history": "hello"}, "must be a list"),
        ({"conversation_history": [{"role": "user", "content": 5}]}, "message 1"),
        ({"method": "llm", "without": ("lex",)}, "without"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    caroline: UserMemory, arguments: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidInput, match=told.replace("(", r"\(")):
        await caroline.retrieve(QUERY, **arguments)


async def test_an_empty_query_is_refused(caroline: UserMemory) -> None:
    with pytest.raises(InvalidInput, match="query is empty"):
        await caroline.retrieve(" ")


@pytest.mark.parametrize("settings", [{"retrieve_judge": True}, {"retrieve_decide": True}, {}])
async def test_a_step_for_a_model_without_one_says_what_to_set(store: Path, settings: dict[str, Any]) -> None:
    async with MemoryService(Settings(store=store, **settings)) as memory:
        await memory.user("caroline").memorize(MAY)
        method: Any = None if settings else "llm"
        with pytest.raises(ConfigError, match="llm_model"):
            await memory.user("caroline").retrieve(QUERY, method=method)


async def test_the_method_may_be_set_for_the_store(store: Path) -> None:
    async with MemoryService(Settings(store=store, retrieve_method="llm")) as memory:
        await memory.user("caroline").memorize(MAY)
        with pytest.raises(ConfigError, match="llm_model"):
            await memory.user("caroline").retrieve(QUERY)
        assert (await memory.user("caroline").retrieve(QUERY, method="rag")).hits


async def test_a_configured_model_that_no_step_needs_is_not_asked(store: Path) -> None:
    plain = await _retrieved(store, None)
    model = ScriptedModel([])
    assert await _retrieved(store, model) == plain
    assert not model.requests


async def _retrieved(store: Path, model: ScriptedModel | None) -> RetrieveResult:
    async with MemoryService(Settings(store=store), model=model) as memory:
        user = memory.user("caroline")
        if model is None:
            await user.memorize(MAY)
        history = [{"role": "user", "content": "hm"}]
        return await user.retrieve(QUERY, conversation_history=history)


async def test_a_leaning_query_is_filled_up_from_the_history(caroline: UserMemory) -> None:
    history = [
        {"role": "user", "content": "Tell me about my sister Ottilie."},
        {"role": "assistant", "content": "You moved with her."},
    ]
    found = await caroline.retrieve("And when was that?", conversation_history=history)
    assert found.original_query == "And when was that?"
    assert "ottilie" in found.rewritten_query
    assert [visit.action for visit in found.path] == ["rewrite", "search", "judge"]
    assert "Ottilie" in found.hits[0].text


async def test_small_talk_needs_nothing_even_with_a_history(caroline: UserMemory) -> None:
    history = [{"role": "user", "content": "Tell me about Oscar."}]
    found = await caroline.retrieve("Thanks!", conversation_history=history)
    assert not found.needs_retrieval
    assert not found.hits
    assert [visit.action for visit in found.path] == ["decide"]


async def test_a_user_without_a_folder_is_not_found_before_a_model_is_asked(store: Path) -> None:
    model = ScriptedModel([])
    async with MemoryService(Settings(store=store), model=model) as memory:
        with pytest.raises(NotFound):
            await memory.user("nobody").retrieve(QUERY, method="llm")
    assert not model.requests
