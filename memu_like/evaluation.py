"""The evaluation that anyone with a key can run: LoCoMo's questions, answered from memory and from baselines.

Beside the service, on its floor: it builds the edges of a run, for which a service's settings name the
endpoint. What is done is kept line by line, so that a run which was stopped goes on where it was.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

from .building import now
from .chat import Step
from .config import Settings
from .configuring import read_settings
from .edges.inputs import read_input
from .edges.llm.base import Model
from .edges.llm.meter import Meter
from .edges.llm.openai_model import make_model
from .edges.loaders.locomo_questions import read_locomo
from .edges.prompts import Prompts
from .edges.run_file import RunFile, write_result
from .edges.tokens import make_counter
from .errors import ConfigError, CorruptFile, NotFound, UserError
from .models import Usage
from .pure.baselines import Found, whole_text
from .pure.scoring import Answered, Checked, Conversation, Cost, Gate, Question, Score, costs, scores
from .service import MemoryService, UserMemory
from .usecases.evaluating import (
    ContextOf,
    Examiner,
    Failed,
    Job,
    Progress,
    answer_questions,
    check_models,
    parse_controls,
)

__all__ = ["Bench", "Evaluation", "Memorized", "Score", "bench_locomo"]

MEMORY, FULL_CONTEXT, BM25 = METHODS = ("memory", "full-context", "bm25")
STEPS: tuple[Step, ...] = get_args(Step)
KEYS = ("corrected", "original")
LANGUAGES = ("en", "zh")
LOCOMO_CONVERSATIONS = 10
"""Of LoCoMo as it was published (locomo10.json)."""
Chosen = tuple[Conversation, list[Question]]
"""A conversation, and those of its questions that are asked."""
# What an answer does not depend on: two runs that differ in these alone go on with each other's answers.
_NO_PART = frozenset(
    [
        *("store", "llm_api_key", "llm_headers", "llm_query", "embedder_api_key", "llm_timeout_seconds"),
        *("llm_retries", "llm_concurrency", "llm_prices", "llm_run_token_cap", "llm_run_cost_cap"),
        *("llm_day_token_cap", "llm_day_cost_cap", "lock_timeout_seconds", "open_folders"),
    ]
)


@dataclass(frozen=True, slots=True)
class Bench:
    """One evaluation. `answerer` and `judge` are models at the endpoint that the settings name, unless a base
    URL of their own is given; `limit` is a number of questions of each conversation, from the first.

    `out` is where the results go; beside it stand the answers (`NAME.answers.jsonl`) and, unless `store` says
    otherwise, the store (`NAME.store`). `context_tokens` is the budget of memory and bm25;
    `max_output_tokens` bounds an answer or a verdict, with what a model thinks before it.
    """

    file: Path
    answerer: str
    judge: str
    out: Path
    store: Path | None = None
    methods: tuple[str, ...] = METHODS
    conversations: tuple[str, ...] = ()
    limit: int | None = None
    context_tokens: int = 1000
    max_output_tokens: int = 2048
    concurrency: int = 4
    key: str = KEYS[0]
    language: str = LANGUAGES[0]
    adversarial: bool = False
    resume: bool = False
    answerer_base_url: str | None = None
    judge_base_url: str | None = None

    @property
    def answers(self) -> Path:
        return self.out.with_name(f"{self.out.stem}.answers.jsonl")

    @property
    def store_path(self) -> Path:
        return self.store or self.out.with_name(f"{self.out.stem}.store")


@dataclass(frozen=True, slots=True)
class Memorized:
    """What it took to memorize a conversation."""

    conversation: str
    messages: int
    items: int
    seconds: float
    usage: Usage
    kept: int = 0
    """Runs that the model could not make, and that wait."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a run found. `reasons` say why it is no result; then `result` is None.

    `partial` has the scores of a part of the questions, where the models passed the gate; where they did not,
    there are no scores at all, for they would say nothing about the memory.
    """

    reasons: tuple[str, ...]
    result: tuple[Score, ...] | None
    partial: tuple[Score, ...] | None
    gate: Gate
    answered: int
    questions: int
    costs: tuple[Cost, ...]
    memorized: tuple[Memorized, ...]
    failed: tuple[Failed, ...]
    notes: tuple[str, ...]
    config: Mapping[str, Any] = field(hash=False)
    out: Path


async def bench_locomo(bench: Bench, progress: Progress) -> Evaluation:
    """Run what is not done yet, score everything, and write the results to `bench.out`.

    Raises UserError for what was asked wrongly, LoadError for the file, ModelError where a model cannot be
    asked; what was answered until then is kept, and `resume` goes on with it.
    """
    _check(bench)
    settings = read_settings(bench.store_path, {})
    data = await read_input(bench.file, settings.max_file_bytes)
    corrected = bench.key == KEYS[0]
    everything = await asyncio.to_thread(read_locomo, data, bench.file.name, corrected=corrected)
    chosen = _chosen(bench, everything)
    async with _examiner(bench, settings) as examiner:
        config = await asyncio.to_thread(_config, bench, settings, data, examiner)
        run = await asyncio.to_thread(_open, bench, _hash(config))
        work = _Work(bench, run, examiner, f"-{config['memory']}", progress)
        await asyncio.to_thread(work.load)
        gate = await work.check()
        async with MemoryService(settings) as memory:
            if MEMORY in bench.methods:
                await work.memorize(memory, chosen)
            await work.answer(memory, chosen)
    evaluation = _evaluation(bench, work, gate, everything, chosen, config)
    await asyncio.to_thread(write_result, bench.out, _as_json(evaluation))
    return evaluation


def _check(bench: Bench) -> None:
    for option, given, known in (
        ("methods", bench.methods or ("",), METHODS),
        ("key", (bench.key,), KEYS),
        ("language", (bench.language,), LANGUAGES),
    ):
        if unknown := [one for one in given if one not in known]:
            raise UserError(f"--{option} {unknown[0]!r}: there are {', '.join(known)}")
    for name, value in (
        ("concurrency", bench.concurrency),
        ("context-tokens", bench.context_tokens),
        ("max-output-tokens", bench.max_output_tokens),
        ("limit", 1 if bench.limit is None else bench.limit),
    ):
        if value < 1:
            raise UserError(f"--{name} must be at least 1, not {value}")


def _chosen(bench: Bench, everything: Sequence[Conversation]) -> dict[str, Chosen]:
    """By name: each conversation that was asked for, and its questions."""
    names = [one.name for one in everything]
    for name in bench.conversations:
        if name not in names:
            raise NotFound("conversation", name, f"{bench.file.name} has {', '.join(names)}")
    wanted = bench.conversations or tuple(names)
    return {one.name: (one, list(one.questions[: bench.limit])) for one in everything if one.name in wanted}


# -- the configuration: what answers depend on


def _config(bench: Bench, settings: Settings, data: bytes, examiner: Examiner) -> dict[str, Any]:
    own = {name: value for name, value in settings.model_dump(mode="json").items() if name not in _NO_PART}
    probes = (*examiner.answer_prompt("q", "c"), *examiner.grade_prompt("q", "g", "a"))
    urls = [bench.answerer_base_url, bench.judge_base_url]
    data_sha256 = hashlib.sha256(data).hexdigest()
    return {
        "data_sha256": data_sha256,
        # What a conversation's memory depends on. Another budget or judge asks the same memory.
        "memory": _hash([data_sha256, own, version("memu-like")])[:6],
        "key": bench.key,
        "answerer": bench.answerer,
        "judge": bench.judge,
        "context_tokens": bench.context_tokens,
        "max_output_tokens": bench.max_output_tokens,
        "language": bench.language,
        "memory_model": settings.llm_model,
        "embedder": settings.embedder,
        # Hashed: an address may hold a name and a password.
        "base_urls_sha256": _hash(urls),
        "prompts_sha256": _hash([message.content for message in probes]),
        "settings_sha256": _hash(own),
        "version": version("memu-like"),
    }


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _open(bench: Bench, config: str) -> RunFile:
    run = RunFile(bench.answers.absolute(), config)
    if run.exists() and not bench.resume:
        raise UserError(f"{run.path} holds answers of an earlier run: add --resume, or remove it")
    run.mend()
    return run


@asynccontextmanager
async def _examiner(bench: Bench, settings: Settings) -> AsyncIterator[Examiner]:
    answerer = _model(settings, bench.answerer, bench.answerer_base_url, bench.concurrency)
    judge = _model(settings, bench.judge, bench.judge_base_url, bench.concurrency)
    try:
        yield Examiner(
            answerer=partial(Meter, answerer, settings, now),
            judge=partial(Meter, judge, settings, now),
            prompts=Prompts(settings.store),
            count=await asyncio.to_thread(lambda: make_counter(settings.encoding).count),
            language=bench.language,
            max_output_tokens=bench.max_output_tokens,
        )
    finally:
        await answerer.close()
        await judge.close()


def _model(settings: Settings, name: str, base_url: str | None, concurrency: int) -> Model:
    """The model called `name`, for every step."""
    steps = dict.fromkeys((f"llm_model_{step}" for step in STEPS), None)
    changes: dict[str, object] = {
        "llm_model": name,
        "llm_base_url": base_url or settings.llm_base_url,
        **steps,
    }
    model = make_model(settings.model_copy(update={**changes, "llm_concurrency": concurrency}))
    if model is None:
        raise ConfigError("name a model for --answerer and --judge")
    return model


# -- the work


class _Work:
    """What a run has done, and what it still has to do."""

    def __init__(
        self, bench: Bench, run: RunFile, examiner: Examiner, users: str, progress: Progress
    ) -> None:
        """`users` ends the user id of a conversation's memory: short, for a context names it."""
        self.bench, self._run, self._examiner, self._progress = bench, run, examiner, progress
        self._users = users
        self.answered: dict[tuple[str, str, int], Answered] = {}
        self.failed: dict[tuple[str, str, int], Failed] = {}
        self.memorized: dict[str, Memorized] = {}
        self._checked: dict[int, Checked] = {}
        self._writing = asyncio.Lock()

    def load(self) -> None:
        """Take up what the run's file holds. Raises CorruptFile."""
        for record in self._run.records():
            values = {name: value for name, value in record.items() if name not in ("config", "kind")}
            try:
                self._load_one(record.get("kind"), values)
            except (KeyError, TypeError) as error:
                raise CorruptFile(self._run.path, None, f"a {record.get('kind')} lacks {error}") from error

    def _load_one(self, kind: object, values: dict[str, Any]) -> None:
        values.update((name, Usage(**values[name])) for name in ("usage", "judging") if name in values)
        match kind:
            case "answer":
                row = Answered(**values)
                self.answered[row.key] = row
            case "memorized":
                one = Memorized(**values)
                self.memorized[one.conversation] = one
            case "control":
                outcome = Checked(**values)
                self._checked[outcome.control] = outcome

    async def _keep(self, kind: str, value: Answered | Failed | Memorized | Checked) -> None:
        async with self._writing:
            await asyncio.to_thread(self._run.append, kind, asdict(value))

    async def check(self) -> Gate:
        """Put the control questions to the models, those that this run has not put to them before."""
        text = (resources.files("memu_like") / "data" / "controls.json").read_text("utf-8")
        return await check_models(
            self._examiner,
            parse_controls(text),
            self._checked,
            partial(self._keep, "control"),
            self.bench.concurrency,
            self._progress,
        )

    async def memorize(self, memory: MemoryService, chosen: Mapping[str, Chosen]) -> None:
        """Each conversation into a folder of its own. What memory holds already is not taken in again."""
        for done, (name, (conversation, _)) in enumerate(chosen.items()):
            self._progress("conversations", done, len(chosen))
            before = self.memorized.get(name)
            user = memory.user(name + self._users)
            if before is None or before.kept or user.user_id not in await memory.users():
                one = await _memorize(user, conversation)
                self.memorized[name] = one
                await self._keep("memorized", one)
        self._progress("conversations", len(chosen), len(chosen))

    async def answer(self, memory: MemoryService, chosen: Mapping[str, Chosen]) -> None:
        contexts = self._contexts(memory, chosen)
        jobs = [
            job
            for _, questions in chosen.values()
            for question in questions
            for method in self.bench.methods
            if (job := Job(method, question)).key not in self.answered
        ]
        if jobs:
            await answer_questions(
                self._examiner, jobs, contexts, self._took, self.bench.concurrency, self._progress
            )

    async def _took(self, outcome: Answered | Failed) -> None:
        if isinstance(outcome, Answered):
            self.answered[outcome.key] = outcome
            await self._keep("answer", outcome)
        else:
            self.failed[outcome.method, outcome.conversation, outcome.number] = outcome
            await self._keep("failed", outcome)

    def _contexts(self, memory: MemoryService, chosen: Mapping[str, Chosen]) -> Mapping[str, ContextOf]:
        whole = cache(lambda name: whole_text(chosen[name][0].turns))
        found = cache(lambda name: Found(chosen[name][0], self._examiner.count))
        budget = self.bench.context_tokens

        async def remembered(question: Question) -> str:
            user = memory.user(question.conversation + self._users)
            return await user.context(max_tokens=budget, query=question.text)

        async def full(question: Question) -> str:
            return whole(question.conversation)

        async def bm25(question: Question) -> str:
            return await asyncio.to_thread(lambda: found(question.conversation).text(question.text, budget))

        return {MEMORY: remembered, FULL_CONTEXT: full, BM25: bm25}

    def rows(self, chosen: Mapping[str, Chosen]) -> list[Answered]:
        """Of the questions and methods that were asked for, in their order."""
        keys = (
            Job(method, question).key
            for method in self.bench.methods
            for _, questions in chosen.values()
            for question in questions
        )
        return [self.answered[key] for key in keys if key in self.answered]


async def _memorize(user: UserMemory, conversation: Conversation) -> Memorized:
    data = json.dumps([conversation.raw]).encode()
    report = await user.memorize(data, format="locomo", name=conversation.name)
    if report.kept:
        again = await user.flush(retry=True)
        report = replace(
            again,
            messages=report.messages,
            items_added=report.items_added + again.items_added,
            seconds=report.seconds + again.seconds,
            usage=report.usage + again.usage,
        )
    return Memorized(
        conversation.name,
        report.messages,
        report.items_added,
        round(report.seconds, 3),
        report.usage,
        len(report.kept),
    )


# -- the outcome


def _evaluation(
    bench: Bench,
    work: _Work,
    gate: Gate,
    everything: Sequence[Conversation],
    chosen: Mapping[str, Chosen],
    config: Mapping[str, Any],
) -> Evaluation:
    rows = work.rows(chosen)
    asked = len(bench.methods) * sum(len(one.questions) for one in everything)
    memorized = tuple(one for name, one in work.memorized.items() if name in chosen)
    weak = gate.reasons()
    reasons = (*weak, *_missing(bench, work, len(rows), asked, memorized))
    means = scores(rows, adversarial=bench.adversarial)
    few = len(everything) < LOCOMO_CONVERSATIONS
    return Evaluation(
        reasons=reasons,
        result=None if reasons else means,
        partial=means if reasons and not weak else None,
        gate=gate,
        answered=len(rows),
        questions=asked,
        costs=costs(rows),
        memorized=memorized,
        failed=tuple(work.failed.values()),
        notes=(f"{bench.file.name} has {len(everything)} of LoCoMo's {LOCOMO_CONVERSATIONS} conversations",)
        if few
        else (),
        config=config,
        out=bench.out,
    )


def _missing(
    bench: Bench, work: _Work, answered: int, asked: int, memorized: Sequence[Memorized]
) -> list[str]:
    found = []
    if answered < asked:
        found.append(f"{answered} of {asked} answers: these are not all questions of {bench.file.name}")
    if work.failed:
        found.append(f"{len(work.failed)} questions could not be answered or judged; run again with --resume")
    if kept := sum(one.kept for one in memorized):
        found.append(f"{kept} runs of memory could not be made, and wait; run again with --resume")
    return found


def _as_json(evaluation: Evaluation) -> dict[str, Any]:
    values = asdict(evaluation)
    values.pop("out")
    # The first thing that a reader of the file sees.
    return {"result": values.pop("result"), "reasons": values.pop("reasons"), **values}
