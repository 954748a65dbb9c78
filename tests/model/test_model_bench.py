"""memu-like bench locomo against the real small model: it runs to its end, and its figures are no result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from exam_server import LOCOMO

from memu_like.evaluation import Bench, bench_locomo

pytestmark = [pytest.mark.model, pytest.mark.slow]


async def test_the_small_model_gets_through_and_its_figures_are_withheld(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMU_LIKE_LLM_BASE_URL", endpoint)
    monkeypatch.setenv("MEMU_LIKE_LLM_TIMEOUT_SECONDS", "300")
    monkeypatch.setenv("MEMU_LIKE_LLM_OUTPUT_TOKENS", "120")
    bench = Bench(
        file=LOCOMO,
        answerer="smollm2",
        judge="smollm2",
        out=tmp_path / "results.json",
        methods=("memory", "bm25"),
        limit=1,
        context_tokens=300,
        max_output_tokens=48,
        concurrency=1,
    )
    evaluation = await bench_locomo(bench, lambda what, done, total: None)
    assert evaluation.result is evaluation.partial is None
    assert evaluation.gate.reasons()
    assert evaluation.answered + len(evaluation.failed) == 2
    values = json.loads(bench.out.read_text("utf-8"))
    assert values["result"] is None
    assert values["reasons"]
