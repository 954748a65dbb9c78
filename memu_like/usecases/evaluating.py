"""Evaluate: questions are answered from what a method gives, and the answers judged, several at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from ..chat import ChatMessage, ChatRequest, OutputSchema
from ..edges.llm.meter import Meter
from ..edges.prompts import Prompts
from ..errors import ModelError, ModelUnavailable, SpendCapReached, UnusableReply
from ..models import Usage
from ..pure.fencing import Data, Value
from ..pure.replies import ReplyError, parse_reply
from ..pure.scoring import (
    ADVERSARIAL,
    Answered,
    Checked,
    Control,
    Gate,
    Question,
    holds_answer,
    score_bleu1,
    score_f1,
)
from .asking import ask

NO_ANSWER = {"en": "No information available", "zh": "没有相关信息"}
VERDICT = OutputSchema(
    "verdict",
    {
        "type": "object",
        "properties": {"verdict": {"type": "string", "enum": ["CORRECT", "WRONG"]}},
        "required": ["verdict"],
        "additionalProperties": False,
    },
)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Examiner:
    """Who answers and who judges; `answerer` and `judge` give a new meter for a call."""

    answerer: Callable[[], Meter]
    judge: Callable[[], Meter]
    prompts: Prompts
    count: Callable[[str], int]
    language: str = "en"
    max_output_tokens: int = 2048

    def answer_prompt(self, question: str, context: str) -> tuple[ChatMessage, ...]:
        variables: Mapping[str, Value] = {
            "context": Data(context),
            "question": Data(question, inline=True),
            "no_answer": NO_ANSWER[self.language],
        }
        return self.prompts.render("answer", self.language, variables)

    def grade_prompt(self, question: str, gold: str, answer: str) -> tuple[ChatMessage, ...]:
        variables: Mapping[str, Value] = {
            "question": Data(question, inline=True),
            "gold": Data(gold),
            "answer": Data(answer),
        }
        return self.prompts.render("grade", self.language, variables)

    async def answer(self, question: str, context: str) -> tuple[str, Usage]:
        """Raises ModelError. An answer that was cut before it began is none."""
        messages = await asyncio.to_thread(self.answer_prompt, question, context)
        meter = self.answerer()
        limit = self.max_output_tokens
        reply = await meter.chat(ChatRequest("reply", messages, max_output_tokens=limit))
        if reply.cut and not reply.text.strip():
            raise UnusableReply(f"{limit} tokens were used up before an answer: raise --max-output-tokens")
        return reply.text.strip(), meter.usage

    async def grade(self, question: str, gold: str, answer: str) -> tuple[bool, Usage]:
        """Whether the judge calls `answer` right. Raises ModelError."""
        messages = await asyncio.to_thread(self.grade_prompt, question, gold, answer)
        meter = self.judge()
        request = ChatRequest("judge", messages, VERDICT, max_output_tokens=self.max_output_tokens)
        return await ask(meter, request, read_verdict), meter.usage


def read_verdict(reply: str) -> bool:
    """Whether a judge's reply says CORRECT. Raises ReplyError."""
    found = parse_reply(reply)
    verdict = found.get("verdict") if isinstance(found, dict) else None
    if isinstance(verdict, str) and verdict.strip().upper() in ("CORRECT", "WRONG"):
        return verdict.strip().upper() == "CORRECT"
    raise ReplyError('"verdict" must be "CORRECT" or "WRONG"')


# -- the gate


def parse_controls(text: str) -> tuple[Control, ...]:
    return tuple(Control(**{**one, "accept": tuple(one["accept"])}) for one in json.loads(text))


async def check_models(
    examiner: Examiner,
    controls: Sequence[Control],
    done: Mapping[int, Checked],
    keep: Callable[[Checked], Awaitable[None]],
    concurrency: int,
    progress: Progress,
) -> Gate:
    """Put to both models the control questions that are not `done`, and hand each outcome to `keep` at once.

    A reply that cannot be used counts as a wrong one. Raises ModelUnavailable and SpendCapReached.
    """
    found = dict(done)

    async def one(numbered: tuple[int, Control]) -> None:
        number, control = numbered
        answered = await _usable(_answers(examiner, control))
        found[number] = Checked(number, await _usable(_tells(examiner, control)), answered)
        await keep(found[number])
        progress("control questions", len(found), len(controls))

    waiting = [numbered for numbered in enumerate(controls, start=1) if numbered[0] not in done]
    await at_once(waiting, concurrency, one)
    outcomes = found.values()
    told, answered = (sum(o.judge_right for o in outcomes), sum(o.answerer_right for o in outcomes))
    return Gate(len(controls), told, answered)


async def _answers(examiner: Examiner, control: Control) -> bool:
    answer, _ = await examiner.answer(control.question, control.context)
    return holds_answer(answer, control.accept)


async def _tells(examiner: Examiner, control: Control) -> bool:
    right, _ = await examiner.grade(control.question, control.answer, control.right)
    wrong, _ = await examiner.grade(control.question, control.answer, control.wrong)
    return right and not wrong


async def _usable(outcome: Awaitable[bool]) -> bool:
    try:
        return await outcome
    except (ModelUnavailable, SpendCapReached):
        raise
    except ModelError:
        return False


# -- the questions


@dataclass(frozen=True, slots=True)
class Job:
    method: str
    question: Question

    @property
    def key(self) -> tuple[str, str, int]:
        return self.method, self.question.conversation, self.question.number


@dataclass(frozen=True, slots=True)
class Failed:
    """A question that could not be answered or judged; it is tried again when the run is resumed."""

    method: str
    conversation: str
    number: int
    error: str


ContextOf = Callable[[Question], Awaitable[str]]


async def answer_questions(
    examiner: Examiner,
    jobs: Sequence[Job],
    contexts: Mapping[str, ContextOf],
    keep: Callable[[Answered | Failed], Awaitable[None]],
    concurrency: int,
    progress: Progress,
) -> None:
    """Answer and judge each job, and hand what came of it to `keep` at once.

    Raises ModelUnavailable and SpendCapReached, for all later calls would fail alike.
    """
    done = 0

    async def one(job: Job) -> None:
        nonlocal done
        try:
            outcome: Answered | Failed = await _answered(examiner, job, contexts[job.method])
        except (ModelUnavailable, SpendCapReached):
            raise
        except ModelError as error:
            outcome = Failed(*job.key, str(error))
        await keep(outcome)
        done += 1
        progress("questions", done, len(jobs))

    await at_once(jobs, concurrency, one)


async def _answered(examiner: Examiner, job: Job, context_of: ContextOf) -> Answered:
    question = job.question
    started = perf_counter()
    context = await context_of(question)
    seconds = perf_counter() - started
    answer, usage = await examiner.answer(question.text, context)
    correct, judging = await _judged(examiner, question, answer)
    return Answered(
        *job.key,
        category=question.category,
        answer=answer,
        correct=correct,
        f1=round(score_f1(question, answer), 4),
        bleu1=round(score_bleu1(question, answer), 4),
        context_tokens=await asyncio.to_thread(examiner.count, context),
        context_seconds=round(seconds, 4),
        usage=usage,
        judging=judging,
    )


async def _judged(examiner: Examiner, question: Question, answer: str) -> tuple[bool, Usage]:
    """An adversarial question is right where it is said to have no answer; nothing said is wrong."""
    if question.category == ADVERSARIAL or question.answer is None:
        return bool(score_f1(question, answer)), Usage()
    if not answer:
        return False, Usage()
    return await examiner.grade(question.text, question.answer, answer)


async def at_once(jobs: Iterable[Any], concurrency: int, work: Callable[[Any], Awaitable[None]]) -> None:
    """`work` on each job, at most `concurrency` at a time. The first error ends all and is raised itself."""
    waiting = iter(jobs)

    async def worker() -> None:
        for job in waiting:
            await work(job)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(worker())
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
