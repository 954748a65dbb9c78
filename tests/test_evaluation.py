"""An evaluation end to end against a local endpoint: figures, resuming, the gate, and what is no result."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from edges.llm.chat_server import Answer, ChatServer, chat_server, completion, refusal
from exam_server import (
    LOCOMO,
    but,
    context_of,
    good,
    is_control,
    is_judging,
    lenient,
    question_of,
)

from memu_like.errors import CorruptFile, ModelUnavailable, NotFound, UserError
from memu_like.evaluation import Bench, Evaluation, bench_locomo

QUESTIONS, METHODS = 6, 3
CONTROL_CALLS = 12 * 3


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(file=LOCOMO, answerer="answers", judge="judges", out=tmp_path / "results.json")


async def run(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[dict[str, Any]], Answer] = good,
    server: ChatServer | None = None,
) -> tuple[Evaluation, list[dict[str, Any]]]:
    """The evaluation, and the bodies of the requests that it took."""
    monkeypatch.setenv("MEMU_LIKE_LLM_RETRIES", "0")
    with chat_server(answer) as found:
        monkeypatch.setenv("MEMU_LIKE_EMBEDDER", "none")
        monkeypatch.setenv("MEMU_LIKE_LLM_PRICES", '{"answers": {"input": 1, "output": 2}}')
        # The address of the server is part of what answers depend on: here, that of a resumed run is another.
        where = replace(bench, answerer_base_url=found.url, judge_base_url=found.url)
        return await bench_locomo(where, lambda what, done, total: None), found.requests


@dataclass(frozen=True)
class Whole:
    """A run of everything, made once."""

    evaluation: Evaluation
    requests: list[dict[str, Any]]
    bench: Bench


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    bench = Bench(LOCOMO, "answers", "judges", tmp_path_factory.mktemp("whole") / "results.json")
    with pytest.MonkeyPatch.context() as monkeypatch:
        evaluation, requests = asyncio.run(run(bench, monkeypatch))
    return Whole(evaluation, requests, bench)


def test_every_question_is_answered_by_every_method_and_judged(whole: Whole) -> None:
    evaluation, requests = whole.evaluation, whole.requests
    assert evaluation.reasons == ()
    assert evaluation.answered == evaluation.questions == QUESTIONS * METHODS
    assert evaluation.result is not None
    found = {(score.method, score.category): score for score in evaluation.result}
    for method in ("memory", "full-context", "bm25"):
        assert found[method, "single-hop"].accuracy == 0.5  # the number of cups is wrong
        assert found[method, "adversarial"].accuracy == 1.0
        assert (found[method, "overall (1 to 4)"].n, found[method, "overall (1 to 4)"].accuracy) == (5, 0.8)
        assert found[method, "temporal"].f1 == found[method, "temporal"].bleu1 == 1.0
    # An adversarial answer needs no judge.
    assert len(requests) == CONTROL_CALLS + METHODS * (QUESTIONS + QUESTIONS - 1)
    assert {body["model"] for body in requests if is_judging(body)} == {"judges"}
    assert {body["model"] for body in requests if not is_judging(body)} == {"answers"}


def test_tokens_cost_and_context_are_counted(whole: Whole) -> None:
    (memorized,) = whole.evaluation.memorized
    assert (memorized.messages, memorized.kept) == (8, 0)
    assert memorized.items > 0
    for cost in whole.evaluation.costs:
        assert (cost.answering.calls, cost.answering.prompt_tokens) == (6, 6 * 200)
        assert cost.answering.cost == pytest.approx(6 * (200 + 2 * 6) / 1_000_000)
        assert cost.judging.calls == 5
        assert 0 < cost.context_tokens <= 1000
        assert cost.seconds_p95 >= cost.seconds_p50 > 0


def test_the_results_are_written_as_json(whole: Whole) -> None:
    values = json.loads(whole.bench.out.read_text("utf-8"))
    assert list(values)[:2] == ["result", "reasons"]
    assert values["result"][0]["method"] == "memory"
    assert values["config"]["key"] == "corrected"
    assert values["gate"] == {"controls": 12, "judge_right": 12, "answerer_right": 12}
    assert values["notes"] == ["invented_locomo.json has 1 of LoCoMo's 10 conversations"]


async def test_each_method_gives_its_own_material(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    _, requests = await run(replace(bench, context_tokens=80), monkeypatch)
    asked = [
        context_of(body)
        for body in requests
        if not is_judging(body) and question_of(body) == "When did Ines adopt a guinea pig?"
    ]
    assert len(asked) == METHODS
    (memory,) = [text for text in asked if text.startswith("# Memory of")]
    (whole,) = [text for text in asked if text.startswith("## 1:56 pm on 8 May, 2023")]
    (bm25,) = [text for text in asked if text.startswith("[")]
    assert "guinea pig" in memory
    assert "boat school" in whole
    assert "guinea pig yesterday" in bm25
    assert "boat school" not in bm25


async def test_adversarial_questions_count_in_the_overall_figure_if_asked_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation, _ = await run(replace(bench, adversarial=True, methods=("bm25",)), monkeypatch)
    assert evaluation.result is not None
    assert (evaluation.result[-1].category, evaluation.result[-1].n) == ("overall (1 to 5)", 6)


async def test_the_published_key_is_used_if_asked_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    _, corrected = await run(replace(bench, methods=("bm25",)), monkeypatch)
    published = replace(bench, methods=("bm25",), key="original", resume=True)
    _, original = await run(published, monkeypatch)
    for requests, gold in ((corrected, "a bowl, two cups"), (original, "bowl")):
        graded = [b for b in requests if is_judging(b) and question_of(b) == "What has Ines made of clay?"]
        assert f"\n{gold}\n" in graded[0]["messages"][1]["content"]


# -- what is no result


async def test_models_that_fail_the_control_questions_get_no_figures(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation, _ = await run(replace(bench, methods=("bm25",)), monkeypatch, lenient)
    assert (evaluation.result, evaluation.partial) == (None, None)
    assert evaluation.gate.judge_right == 0
    assert evaluation.reasons == ("the judge told right from wrong in 0 of 12 control pairs; it needs 11",)
    assert evaluation.answered == evaluation.questions
    values = json.loads(bench.out.read_text("utf-8"))
    assert values["result"] is values["partial"] is None


async def test_an_answerer_that_cannot_read_gets_no_figures(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    mute = but(lambda body: None if is_judging(body) else completion("I am a small model."))
    evaluation, _ = await run(replace(bench, methods=("bm25",)), monkeypatch, mute)
    assert evaluation.result is None
    assert evaluation.gate.answerer_right == 0
    assert "answerer" in evaluation.reasons[0]


async def test_a_judge_whose_replies_are_no_verdict_fails_the_gate_and_no_question_counts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    rambling = but(lambda body: completion("Well, it depends.") if is_judging(body) else None)
    evaluation, _ = await run(replace(bench, methods=("bm25",)), monkeypatch, rambling)
    assert evaluation.gate.judge_right == 0
    assert len(evaluation.failed) == QUESTIONS - 1
    assert evaluation.result is None


async def test_an_answer_that_was_cut_before_it_began_is_no_wrong_answer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def thinks_too_long(body: dict[str, Any]) -> Answer | None:
        assert 64 in (body.get("max_tokens"), body.get("max_completion_tokens"))
        long = question_of(body) == "When did Ines adopt a guinea pig?" and not is_judging(body)
        return completion("", finish="length") if long else None

    shortened = replace(bench, methods=("bm25",), max_output_tokens=64)
    evaluation, _ = await run(shortened, monkeypatch, but(thinks_too_long))
    (failed,) = evaluation.failed
    assert (failed.number, evaluation.answered) == (2, QUESTIONS - 1)
    assert "--max-output-tokens" in failed.error


async def test_a_part_of_the_questions_is_no_result(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    part = replace(bench, limit=2, conversations=("talk-1",), methods=("bm25",))
    evaluation, _ = await run(part, monkeypatch)
    assert evaluation.result is None
    assert evaluation.partial is not None
    assert (evaluation.answered, evaluation.questions) == (2, 6)
    assert evaluation.reasons[0].startswith("2 of 6 answers")


# -- stopping and going on


async def test_a_run_that_was_stopped_goes_on_where_it_was(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chat_server() as server:
        monkeypatch.setenv("MEMU_LIKE_EMBEDDER", "none")
        where = replace(bench, answerer_base_url=server.url, judge_base_url=server.url, concurrency=2)
        enough = asyncio.Event()

        def progress(what: str, done: int, total: int) -> None:
            if what == "questions" and done == 7:
                enough.set()

        server.answers = [good]
        task = asyncio.ensure_future(bench_locomo(where, progress))
        await enough.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        kept = bench.answers.read_text("utf-8")
        done = kept.count('"kind": "answer"')
        assert 7 <= done < QUESTIONS * METHODS
        bench.answers.write_text(kept + '{"config": "half a li', "utf-8")  # what a kill may leave
        server.requests.clear()
        evaluation = await bench_locomo(replace(where, resume=True), lambda what, done, total: None)
        again = [body for body in server.requests if not is_judging(body)]
        assert len(again) == QUESTIONS * METHODS - done
        assert not any(is_control(body) for body in server.requests)
    assert evaluation.reasons == ()
    assert bench.answers.read_text("utf-8").count('"kind": "answer"') == QUESTIONS * METHODS


async def test_an_earlier_run_is_not_gone_on_with_unless_asked_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(replace(bench, limit=1, methods=("bm25",)), monkeypatch)
    with pytest.raises(UserError, match="--resume"):
        await run(bench, monkeypatch)


async def test_questions_that_failed_are_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with chat_server() as server:
        monkeypatch.setenv("MEMU_LIKE_EMBEDDER", "none")
        monkeypatch.setenv("MEMU_LIKE_LLM_RETRIES", "0")
        where = replace(
            bench, answerer_base_url=server.url, judge_base_url=server.url, methods=("full-context",)
        )
        server.answers = [but(lambda body: refusal(400, "too long") if not is_control(body) else None)]
        first = await bench_locomo(where, lambda what, done, total: None)
        assert (first.answered, len(first.failed), first.result) == (0, QUESTIONS, None)
        server.answers = [good]
        second = await bench_locomo(replace(where, resume=True), lambda what, done, total: None)
        assert (second.answered, second.failed, second.reasons) == (QUESTIONS, (), ())


async def test_answers_of_another_configuration_are_not_taken(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bm25 = replace(bench, methods=("bm25",))
    await run(bm25, monkeypatch)
    evaluation, requests = await run(replace(bm25, context_tokens=500, resume=True), monkeypatch)
    assert len(requests) == CONTROL_CALLS + QUESTIONS + QUESTIONS - 1
    assert evaluation.answered == QUESTIONS


async def test_memory_made_under_other_settings_is_not_asked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = replace(bench, methods=("memory",), limit=1)
    await run(memory, monkeypatch)
    await run(replace(memory, context_tokens=500, resume=True), monkeypatch)
    assert len(list(bench.store_path.glob("talk-1-*"))) == 1
    monkeypatch.setenv("MEMU_LIKE_SLOT_BUDGET_TOKENS", "64")
    await run(replace(memory, resume=True), monkeypatch)
    assert len(list(bench.store_path.glob("talk-1-*"))) == 2


async def test_an_endpoint_that_is_down_ends_the_run_and_keeps_what_was_done(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = but(lambda body: None if is_control(body) else refusal(401, "who are you?"))
    with pytest.raises(ModelUnavailable):
        await run(replace(bench, methods=("bm25",)), monkeypatch, down)
    assert bench.answers.read_text("utf-8").count('"kind": "control"') == 12


async def test_control_questions_are_not_put_twice(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMU_LIKE_LLM_RETRIES", "0")
    with chat_server() as server:
        where = replace(
            bench, answerer_base_url=server.url, judge_base_url=server.url, methods=("bm25",), concurrency=1
        )
        server.answers = [*[good] * 10, refusal(401, "who are you?")]
        with pytest.raises(ModelUnavailable):
            await bench_locomo(where, lambda what, done, total: None)
        server.answers = [good]
        server.requests.clear()
        await bench_locomo(replace(where, resume=True), lambda what, done, total: None)
        assert len([body for body in server.requests if is_control(body)]) == CONTROL_CALLS - 9


async def test_a_broken_line_of_answers_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.answers.write_text("{]\n", "utf-8")
    with pytest.raises(CorruptFile, match=r"results\.answers\.jsonl:1"):
        await run(replace(bench, resume=True), monkeypatch)


# -- what is refused


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({"methods": ("memory", "magic")}, UserError, "--methods 'magic'"),
        ({"methods": ()}, UserError, "--methods"),
        ({"key": "golden"}, UserError, "--key 'golden'"),
        ({"language": "de"}, UserError, "--language 'de'"),
        ({"concurrency": 0}, UserError, "--concurrency must be at least 1"),
        ({"limit": 0}, UserError, "--limit must be at least 1"),
        ({"conversations": ("talk-2",)}, NotFound, "'talk-2'"),
    ],
)
async def test_what_was_asked_wrongly_is_said_before_any_call(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    kind: type[Exception],
    reason: str,
) -> None:
    with pytest.raises(kind, match=reason):
        await run(replace(bench, **changes), monkeypatch)
    assert not bench.answers.exists()


async def test_no_key_and_no_address_is_written(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMU_LIKE_LLM_API_KEY", "sk-very-secret-key")
    await run(replace(bench, methods=("bm25",)), monkeypatch)
    for path in (bench.out, bench.answers):
        text = path.read_text("utf-8")
        assert "very-secret" not in text
        assert "127.0.0.1" not in text
