"""The shipped sample keeps the shape that the demo and the benchmarks build on."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

SAMPLE = Path(__file__).parent.parent / "memu_like" / "data" / "sample"
KINDS = {"single", "multi", "temporal", "changed", "chinese", "absent"}


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLE / name).read_text(encoding="utf-8").splitlines()]


CHAT = rows("chat.jsonl")
QUESTIONS = rows("questions.jsonl")
TIMES = [datetime.fromisoformat(message["created_at"]) for message in CHAT]


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


def test_the_chat_is_long_and_its_ids_are_unique() -> None:
    assert len(CHAT) >= 150
    assert len({message["id"] for message in CHAT}) == len(CHAT)


def test_every_message_has_a_role_a_text_and_a_time_with_an_offset() -> None:
    assert {message["role"] for message in CHAT} == {"user", "assistant"}
    assert all(message["content"].strip() == message["content"] != "" for message in CHAT)
    assert all(time.tzinfo is not None for time in TIMES)


def test_times_increase_over_half_a_year_in_at_least_twelve_sessions() -> None:
    gaps = [later - earlier for earlier, later in pairwise(TIMES)]
    assert min(gaps) > timedelta(0)
    assert sum(gap >= timedelta(hours=6) for gap in gaps) + 1 >= 12
    assert TIMES[-1] - TIMES[0] > timedelta(days=180)


def test_she_writes_some_chinese() -> None:
    assert sum(message["role"] == "user" and is_chinese(message["content"]) for message in CHAT) >= 5


def test_questions_are_of_every_kind_and_point_at_messages_that_exist() -> None:
    ids = {message["id"] for message in CHAT}
    assert len(QUESTIONS) >= 25
    assert {question["kind"] for question in QUESTIONS} == KINDS
    for question in QUESTIONS:
        assert set(question["evidence"]) <= ids
        assert bool(question["evidence"]) == (question["kind"] != "absent"), question["question"]
        assert question["answer"]


def test_the_five_questions_of_the_demo_show_change_time_chinese_and_several_sessions() -> None:
    assert {"changed", "temporal", "chinese", "multi"} <= {q["kind"] for q in QUESTIONS[:5]}
