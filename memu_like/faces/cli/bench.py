"""The command that measures: bench locomo."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from .app import Call, command, group
from .output import note, remembered

if TYPE_CHECKING:
    from ...evaluation import Evaluation, Score
    from ...models import Usage

bench = group("bench", "Measure: LoCoMo's questions, answered and judged by models of yours.", lists=False)
NO_RESULT = "NOT A RESULT"


FileArgument = Annotated[Path, typer.Argument(help="LoCoMo's conversations with their questions, as JSON.")]
AnswererOption = Annotated[str, typer.Option("--answerer", metavar="MODEL", help="The model that answers.")]
JudgeOption = Annotated[str, typer.Option("--judge", metavar="MODEL", help="The model that judges.")]
OutOption = Annotated[
    Path, typer.Option("--out", help="Where the results go; the answers and the store stand beside it.")
]
MethodsOption = Annotated[str, typer.Option("--methods", help="What questions are answered from.")]
ConversationsOption = Annotated[
    str, typer.Option("--conversations", metavar="A,B", help="These only, by sample_id. Default: all.")
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", help="The first so many questions of each conversation.")
]
ContextOption = Annotated[int, typer.Option("--context-tokens", help="The budget of memory and of bm25.")]
OutputOption = Annotated[
    int, typer.Option("--max-output-tokens", help="Of an answer or a verdict, thinking included.")
]
KeyOption = Annotated[str, typer.Option("--key", help="corrected, where the file has it, or original.")]
LanguageOption = Annotated[str, typer.Option("--language", help="Of the prompts: en or zh.")]
AdversarialOption = Annotated[
    bool, typer.Option("--with-adversarial", help="Count category 5 in the overall figures.")
]
ConcurrencyOption = Annotated[int, typer.Option("--concurrency", help="Questions under way at once.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with the answers of an earlier run.")]
AnswererUrlOption = Annotated[
    str | None, typer.Option("--answerer-base-url", help="Where it is not llm_base_url.")
]
JudgeUrlOption = Annotated[str | None, typer.Option("--judge-base-url", help="Where it is not llm_base_url.")]


@command("locomo", to=bench)
async def locomo(
    call: Call,
    file: FileArgument,
    answerer: AnswererOption,
    judge: JudgeOption,
    out: OutOption = Path("locomo-results.json"),
    methods: MethodsOption = "memory,full-context,bm25",
    conversations: ConversationsOption = "",
    limit: LimitOption = None,
    context_tokens: ContextOption = 1000,
    max_output_tokens: OutputOption = 2048,
    key: KeyOption = "corrected",
    language: LanguageOption = "en",
    with_adversarial: AdversarialOption = False,
    concurrency: ConcurrencyOption = 4,
    resume: ResumeOption = False,
    answerer_base_url: AnswererUrlOption = None,
    judge_base_url: JudgeUrlOption = None,
) -> None:
    """LoCoMo's questions from memory, from the whole conversation and from BM25, answered and judged."""
    from ...evaluation import Bench, bench_locomo
    from .progress import progress_bar

    asked = Bench(
        file=file,
        answerer=answerer,
        judge=judge,
        out=out,
        store=call.store,
        methods=_names(methods),
        conversations=_names(conversations),
        limit=limit,
        context_tokens=context_tokens,
        max_output_tokens=max_output_tokens,
        concurrency=concurrency,
        key=key,
        language=language,
        adversarial=with_adversarial,
        resume=resume,
        answerer_base_url=answerer_base_url,
        judge_base_url=judge_base_url,
    )
    with progress_bar() as progress:
        evaluation = await bench_locomo(asked, progress)
    call.show(evaluation, lambda out: print_evaluation(out, evaluation))
    note(f"written: {evaluation.out}; the answers: {asked.answers}")


def _names(written: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in written.split(",") if name.strip()))


def print_evaluation(out: Console, evaluation: Evaluation) -> None:
    """The scores, headed by why they are no result where they are none, and what the answers took."""
    for reason in evaluation.reasons:
        out.print(remembered(f"{NO_RESULT}: {reason}", "bold red"))
    for text in evaluation.notes:
        out.print(remembered(f"note: {text}"))
    config = evaluation.config
    out.print(
        remembered(
            f"answers by {config['answerer']}, judged by {config['judge']}, {config['key']} key, "
            f"context of {config['context_tokens']} tokens"
        )
    )
    if scores := evaluation.result or evaluation.partial:
        out.print()
        out.print(_scores(scores))
    out.print()
    out.print("tokens: of the context (mean), read, written, for judging; seconds: of an answer")
    out.print(_costs(evaluation))
    for line in _memorized(evaluation):
        out.print(remembered(line))


def _table(text: Sequence[str], figures: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in text:
        table.add_column(name, no_wrap=True)
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _scores(scores: Sequence[Score]) -> Table:
    table = _table(("method", "questions"), ("n", "judged right", "F1", "BLEU-1"))
    for one in scores:
        figures = (f"{value:.3f}" for value in (one.accuracy, one.f1, one.bleu1))
        table.add_row(one.method, one.category, str(one.n), *figures)
    return table


def _costs(evaluation: Evaluation) -> Table:
    table = _table(("method",), ("n", "context", "read", "written", "judging", "cost", "p50 s", "p95 s"))
    for one in evaluation.costs:
        usage, judging = one.answering, one.judging
        counts = (round(one.context_tokens), usage.prompt_tokens, usage.completion_tokens)
        table.add_row(
            one.method,
            str(one.n),
            *map(str, (*counts, judging.prompt_tokens + judging.completion_tokens)),
            _cost(usage + judging),
            f"{one.seconds_p50:.2f}",
            f"{one.seconds_p95:.2f}",
        )
    return table


def _memorized(evaluation: Evaluation) -> Iterator[str]:
    for one in evaluation.memorized:
        if not one.messages:
            yield f"memory of {one.conversation}: made by an earlier run"
            continue
        taken = f"{one.messages} messages, {one.items} items, {one.seconds:.2f} s, {one.usage.calls} calls"
        tokens = one.usage.prompt_tokens + one.usage.completion_tokens
        yield f"memorized {one.conversation}: {taken}, {tokens} tokens {_cost(one.usage)}".rstrip()


def _cost(usage: Usage) -> str:
    return "" if usage.cost is None else f"{usage.cost:.4f}"
