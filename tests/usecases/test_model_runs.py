"""Memorize through a language model: what is stored, what is kept for later, and what is never lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from memu_like.chat import ChatRequest
from memu_like.config import Settings
from memu_like.edges.llm.scripted import Line, ScriptedModel
from memu_like.errors import ModelError, ModelUnavailable, SpendCapReached
from memu_like.models import Item, Status, Usage
from memu_like.service import MemoryService, UserMemory

WORK = [
    {
        "role": "user",
        "name": "Ines",
        "content": "I work as a nurse in Porto.",
        "created_at": "2024-01-10T10:00Z",
    },
    {"role": "assistant", "content": "How long have you been a nurse?", "created_at": "2024-01-10T10:01Z"},
    {"role": "user", "name": "Ines", "content": "For six years.", "created_at": "2024-01-10T10:02Z"},
]
NEWS = [
    {
        "role": "user",
        "name": "Ines",
        "content": "I left nursing last week and opened a bakery in Braga.",
        "created_at": "2024-06-03T10:00Z",
    },
]
WORK_REPLY = {
    "items": [{"text": "Ines works as a nurse in Porto.", "slot": "work_life/job", "lines": [1]}],
    "title": "Work",
    "summary": "Ines tells of her work as a nurse.",
}


def reply(*items: dict[str, Any], **more: Any) -> str:
    return json.dumps({"items": list(items), "title": "t", "summary": "Ines talks.", **more})


def news_reply(request: ChatRequest) -> str:
    """The news corrects the known entry, under whatever handle the prompt gave it."""
    prompt = request.messages[-1].content
    assert "k1 Ines works as a nurse" in prompt, prompt
    item = {"text": "Ines runs a bakery in Braga.", "slot": "work_life/job", "lines": [1]}
    return reply({**item, "known": "k1", "bearing": "corrects"})


def service(store: Path, script: Sequence[Line], **settings: Any) -> MemoryService:
    return MemoryService(Settings(store=store, **settings), model=ScriptedModel(script))


async def texts(user: UserMemory, status: str = "active") -> list[str]:
    return [item.text for item in await user.items(status=status)]


async def test_one_call_a_run_writes_items_with_their_source_and_the_event(store: Path) -> None:
    async with service(store, [json.dumps(WORK_REPLY)]) as memory:
        user = memory.user("ines")
        report = await user.memorize(WORK)
        assert (report.items_added, report.kept, report.usage.calls) == (1, (), 1)
        (item,) = await user.items()
        assert (item.text, item.topic, item.slot, item.model) == (
            "Ines works as a nurse in Porto.", "work_life", "job", "scripted",
        )  # fmt: skip
        assert item.source is not None
        assert (item.source.first, item.source.last) == (1, 1)
        (event,) = await user.events()
        assert (event.summary, event.title, event.model) == (WORK_REPLY["summary"], "Work", "scripted")
        assert event.usage is not None
        assert event.usage.calls == 1
        assert (await user.profile())["work_life"]["job"][0].id == item.id


@pytest.mark.parametrize(("user_id", "told"), [("ines", True), ("ines-7d41@mail.example", False)])
async def test_a_user_id_under_which_nobody_speaks_is_not_sent(store: Path, user_id: str, told: bool) -> None:
    model = ScriptedModel([json.dumps(WORK_REPLY)])
    async with MemoryService(Settings(store=store), model=model) as memory:
        await memory.user(user_id).memorize(WORK)
    sent = " ".join(message.content or "" for message in model.requests[0].messages)
    assert ('owner: "Ines"' in sent) is told
    assert "mail.example" not in sent


async def test_a_correction_supersedes_keeps_history_and_the_old_value_is_found(store: Path) -> None:
    async with service(store, [json.dumps(WORK_REPLY), news_reply]) as memory:
        user = memory.user("ines")
        await user.memorize(WORK)
        report = await user.memorize(NEWS)
        assert report.superseded == 1
        assert await texts(user) == ["Ines runs a bakery in Braga."]
        (old,) = await user.items(status="superseded")
        (new,) = await user.items()
        assert (new.supersedes, new.reason) == (old.id, "corrects")
        revisions = await user.item_history(old.id)
        assert [revision.status for revision in revisions] == [Status.ACTIVE, Status.SUPERSEDED]
        shown = [entry.text for entry in (await user.profile())["work_life"]["job"]]
        assert [text.partition(" (")[0] for text in shown] == ["Ines runs a bakery in Braga."]
        found = await user.retrieve("where did Ines work before?")
        assert any("Porto" in hit.text for hit in found.hits)


async def test_what_a_person_changed_is_never_superseded(store: Path) -> None:
    async with service(store, [json.dumps(WORK_REPLY), news_reply]) as memory:
        user = memory.user("ines")
        await user.memorize(WORK)
        (item,) = await user.items()
        await user.update_item(item.id, text="Ines works as a nurse in Porto, on nights.")
        await user.memorize(NEWS)
        assert "Ines works as a nurse in Porto, on nights." in await texts(user)
        assert "Ines runs a bakery in Braga." in await texts(user)
        (event,) = [event for event in await user.events() if event.dropped]
        assert any("person" in dropped.reason for dropped in event.dropped)


async def test_what_a_person_took_back_is_not_learnt_again(store: Path) -> None:
    again = {"text": "Ines works as nurse in Porto.", "slot": "work_life/job", "lines": [1]}
    said_again = [{**WORK[0], "created_at": "2024-02-02T09:00Z"}]
    async with service(store, [json.dumps(WORK_REPLY), reply(again)]) as memory:
        user = memory.user("ines")
        await user.memorize(WORK)
        (item,) = await user.items()
        await user.delete_item(item.id)
        await user.memorize(said_again)
        assert await texts(user) == []


async def test_a_dry_run_prints_operations_and_writes_nothing(store: Path) -> None:
    async with service(store, [json.dumps(WORK_REPLY), news_reply]) as memory:
        user = memory.user("ines")
        await user.memorize(WORK)
        before = tree(store)
        report = await user.memorize(NEWS, dry_run=True)
        assert report.dry_run
        assert [(one.op, one.text) for one in report.operations] == [
            ("correct", "Ines runs a bakery in Braga.")
        ]
        (old,) = await user.items()
        assert report.operations[0].target == old.id
        assert tree(store) == before


async def test_a_dry_run_of_a_new_user_makes_no_folder(store: Path) -> None:
    async with service(store, [json.dumps(WORK_REPLY)]) as memory:
        report = await memory.user("ines").memorize(WORK, dry_run=True)
        assert [one.op for one in report.operations] == ["add"]
    async with MemoryService(Settings(store=store)) as memory:
        report = await memory.user("ines").memorize(WORK, dry_run=True)
        assert "add" in [one.op for one in report.operations]
    assert not (store / "ines").exists()


def tree(root: Path) -> dict[str, bytes]:
    """Every file that is not derived."""
    files = (path for path in root.rglob("*") if path.is_file() and ".memu" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


async def test_an_unusable_reply_is_asked_for_once_more_and_then_kept(store: Path) -> None:
    model = ScriptedModel(["no JSON here", "still none", json.dumps(WORK_REPLY)])
    async with MemoryService(Settings(store=store), model=model) as memory:
        user = memory.user("ines")
        report = await user.memorize(WORK)
        assert len(model.requests) == 2
        (kept,) = report.kept
        assert (kept.resource, kept.attempts) == (report.resources[0], 1)
        assert await texts(user) == []
        assert (await user.retrieve("nurse")).hits[0].text == WORK[0]["content"]
        (finding,) = await user.doctor()
        assert "waits for a language model" in finding.message
        assert finding.fix == "memu-like flush --retry"
        assert (await user.flush()).runs == ()
        assert len(model.requests) == 2
        report = await user.flush(retry=True)
        assert (len(report.runs), report.kept) == (1, ())
        assert await texts(user) == ["Ines works as a nurse in Porto."]
        assert await user.doctor() == []


async def test_a_second_reply_that_is_good_is_used(store: Path) -> None:
    model = ScriptedModel(["{", json.dumps(WORK_REPLY)])
    async with MemoryService(Settings(store=store), model=model) as memory:
        report = await memory.user("ines").memorize(WORK)
        assert (report.items_added, report.usage.calls) == (1, 2)
        assert len(model.requests[1].messages) > len(model.requests[0].messages)


async def test_a_model_that_is_down_degrades_add_and_retrieve_and_context_not_at_all(store: Path) -> None:
    down = ModelUnavailable("the model is down")
    async with service(store, [down, json.dumps(WORK_REPLY), reply()]) as memory:
        user = memory.user("ines")
        await user.add(WORK)
        report = await user.flush()
        assert [kept.attempts for kept in report.kept] == [0]
        assert "the model is down" in report.degraded[0]
        assert await user.add(NEWS) == 1
        found = await user.retrieve("nurse in Porto")
        assert found.hits[0].text == WORK[0]["content"]
        assert found.degraded == ()
        assert "nurse" in await user.context(query="nurse")
        # It is up again: a plain flush makes the run that waits, first in first out.
        report = await user.flush()
        assert len(report.runs) == 2
        assert [event.summary for event in await user.events()] == [WORK_REPLY["summary"], "Ines talks."]


@pytest.mark.parametrize("error", [ModelUnavailable("down"), SpendCapReached("used up")])
async def test_when_the_next_call_would_fail_alike_it_is_not_made(store: Path, error: ModelError) -> None:
    model = ScriptedModel([error])
    async with MemoryService(Settings(store=store), model=model) as memory:
        user = memory.user("ines")
        later = [{**message, "created_at": f"2024-03-0{n}T10:00Z"} for n, message in enumerate(WORK, start=1)]
        report = await user.memorize(later)
        assert len(report.resources) == len(report.kept) == 3
        assert len(model.requests) == 1


async def test_without_the_model_kept_runs_can_be_made_by_quoting(store: Path) -> None:
    async with service(store, ["x", "y"]) as memory:
        await memory.user("ines").memorize(WORK)
    async with MemoryService(Settings(store=store)) as memory:
        user = memory.user("ines")
        assert (await user.flush()).runs == ()
        assert len((await user.flush(retry=True)).runs) == 1
        assert any("nurse" in text for text in await texts(user))


async def test_runs_that_wait_survive_the_loss_of_what_is_derived(store: Path) -> None:
    import shutil

    async with service(store, ["x", "y"]) as memory:
        await memory.user("ines").memorize(WORK)
    shutil.rmtree(store / "ines" / ".memu")
    async with service(store, [json.dumps(WORK_REPLY)]) as memory:
        user = memory.user("ines")
        report = await user.flush()
        assert (len(report.runs), report.kept) == (1, ())


async def test_an_edit_does_not_wait_for_a_model_that_thinks(store: Path) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    class Slow(ScriptedModel):
        async def chat(self, request: ChatRequest):  # type: ignore[no-untyped-def]
            asked.set()
            await go_on.wait()
            return await super().chat(request)

    async with MemoryService(Settings(store=store), model=Slow([json.dumps(WORK_REPLY)])) as memory:
        user = memory.user("ines")
        running = asyncio.create_task(user.memorize(WORK))
        await asyncio.wait_for(asked.wait(), 10)
        await asyncio.wait_for(user.add_item("Likes rye bread.", topic="preferences", slot="food"), 5)
        await asyncio.wait_for(user.add(NEWS), 5)
        assert (await asyncio.wait_for(user.retrieve("rye bread"), 5)).hits
        go_on.set()
        assert (await running).items_added == 1
        assert set(await texts(user)) == {"Likes rye bread.", "Ines works as a nurse in Porto."}


async def test_two_flushes_at_once_ask_once_for_each_resource(store: Path) -> None:
    model = ScriptedModel(lambda request: json.dumps(WORK_REPLY))
    async with MemoryService(Settings(store=store), model=model) as memory:
        user = memory.user("ines")
        await user.add(WORK)
        reports = await asyncio.gather(*(user.flush() for _ in range(4)))
        assert sum(len(report.runs) for report in reports) == 1
        assert len(model.requests) == 1


async def test_a_resource_that_is_forgotten_while_the_model_thinks_stays_forgotten(store: Path) -> None:
    memory_of: list[UserMemory] = []

    class Forgetting(ScriptedModel):
        async def chat(self, request: ChatRequest):  # type: ignore[no-untyped-def]
            (resource,) = await memory_of[0].resources()
            await memory_of[0].forget_resource(resource.id)
            return await super().chat(request)

    async with MemoryService(Settings(store=store), model=Forgetting([json.dumps(WORK_REPLY)])) as memory:
        user = memory.user("ines")
        memory_of.append(user)
        report = await user.memorize(WORK)
        assert (report.items_added, report.runs, report.kept) == (0, (), ())
        assert await texts(user) == []
        assert not (await user.retrieve("nurse")).hits
        assert not any(finding.level == "error" for finding in await user.doctor())


async def test_a_long_conversation_takes_several_calls_in_one_run(store: Path) -> None:
    long = [
        {
            "role": "user",
            "name": "Ines",
            "content": f"On day {n} I baked {n} loaves of rye bread with walnuts for the market.",
            "created_at": "2024-01-10T10:00Z",
        }
        for n in range(1, 61)
    ]

    def each(request: ChatRequest) -> str:
        numbers = [
            n for n in range(1, 61) if f"On day {n} I baked {n} loaves" in request.messages[-1].content
        ]
        return reply(
            *(
                {
                    "text": f"On day {n} Ines baked {n} loaves of rye bread.",
                    "slot": "activities/hobbies",
                    "lines": [n],
                }
                for n in numbers
            )
        )

    model = ScriptedModel(each)
    settings = Settings(store=store, extract_tokens=400)
    async with MemoryService(settings, model=model) as memory:
        user = memory.user("ines")
        report = await user.memorize(long)
        assert len(model.requests) > 2
        assert len(report.runs) == 1
        found: list[Item] = await user.items()
        lines = {item.source.first for item in found if item.source} | {
            source.first for item in found for source in item.corroborations
        }
        assert lines == set(range(1, 61))


async def test_a_documents_items_stand_at_its_lines(store: Path) -> None:
    body = "# Notes\n\n\nI keep bees in my garden.\n\n## Work\n\nI work as a nurse in Porto.\n"
    item = {"text": "Ines works as a nurse in Porto.", "slot": "work_life/job", "lines": [6]}
    async with service(store, [reply(item)]) as memory:
        user = memory.user("ines")
        await user.memorize(body, modality="document")
        (found,) = await user.items()
        assert found.source is not None
        assert found.source.first <= 8 <= found.source.last
    async with MemoryService(Settings(store=store)) as memory:
        user = memory.user("quoting")
        await user.memorize(body, modality="document")
        place = {item.text: item.source.first for item in await user.items() if item.source}
        assert place["I keep bees in my garden."] == 4
        assert place["I work as a nurse in Porto."] == 8


async def test_usage_of_all_calls_is_in_the_event_and_the_report(store: Path) -> None:
    from memu_like.chat import ChatReply

    used = Usage(calls=1, prompt_tokens=100, completion_tokens=10, seconds=0.5, cost=0.25)
    script = [ChatReply("no", usage=used), ChatReply(json.dumps(WORK_REPLY), usage=used)]
    async with service(store, script) as memory:
        user = memory.user("ines")
        report = await user.memorize(WORK)
        assert report.usage == used + used
        (event,) = await user.events()
        assert event.usage == used + used


async def test_a_topic_that_the_model_proposes_becomes_a_category_only_where_that_is_on(store: Path) -> None:
    item = {"text": "Ines restores old clocks.", "slot": "horology/clocks", "lines": [1]}
    said = [
        {
            "role": "user",
            "name": "Ines",
            "content": "I restore old clocks.",
            "created_at": "2024-01-10T10:00Z",
        }
    ]
    shown = {}
    for choice in ("off", "suggest", "on"):
        async with service(store.with_name(choice), [reply(item)], propose_categories=choice) as memory:
            user = memory.user("ines")
            await user.memorize(said)
            (event,) = await user.events()
            shown[choice] = ("horology" in await user.profile(), event.suggested)
    assert shown == {"off": (False, ()), "suggest": (False, ("horology",)), "on": (True, ("horology",))}
