"""LoCoMo's questions, beside the conversations that `locomo` loads: for measuring, not for memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ...errors import LoadError
from ...pure.scoring import ADVERSARIAL, CATEGORIES, Conversation, Question, Turn
from .jsonfile import JsonValue, parse_json
from .locomo import SESSION, is_locomo
from .text import decode

_TURN_ID = re.compile(r"D\d+:\d+")


def read_locomo(data: bytes, name: str, *, corrected: bool = True) -> tuple[Conversation, ...]:
    """The conversations of a LoCoMo file with their questions.

    A corrected key has, where a question's `audit` gives them, its `correct_answer` and
    `correct_evidence` in place of the published ones. Raises LoadError.
    """
    values = parse_json(decode(data, name), name)
    found = tuple(_conversation(value, value.place(name, "sample"), corrected) for value in values)
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        raise LoadError(name, "has two conversations with the same sample_id")
    if not any(one.questions for one in found):
        raise LoadError(name, "holds no questions: a LoCoMo file has them in `qa`")
    return found


def _conversation(value: JsonValue, place: str, corrected: bool) -> Conversation:
    sample = value.value
    if not is_locomo(sample):
        raise LoadError(place, "has no session_1, session_2, ... as LoCoMo has")
    name = sample.get("sample_id")
    if not isinstance(name, str) or not name.strip():
        raise LoadError(place, "has no sample_id to call it by")
    turns = tuple(_turns(sample.get("conversation", sample), place))
    ids = {turn.id for turn in turns}
    entries = sample.get("qa", [])
    if not isinstance(entries, list):
        raise LoadError(place, "has a qa that is not a list of questions")
    questions = tuple(
        _question(entry, name, number, f"{place}: question {number}", corrected, ids)
        for number, entry in enumerate(entries, start=1)
    )
    return Conversation(name, sample, turns, questions)


def _turns(conversation: dict[str, Any], place: str) -> Iterator[Turn]:
    numbers = sorted(int(found[1]) for name in conversation if (found := SESSION.fullmatch(name)))
    for number in numbers:
        session = conversation[f"session_{number}"]
        if not isinstance(session, list) or not all(isinstance(turn, dict) for turn in session):
            raise LoadError(place, f"has a session_{number} that is not a list of turns")
        when = str(conversation.get(f"session_{number}_date_time", ""))
        for turn in session:
            caption = f" [image: {turn['blip_caption']}]" if turn.get("blip_caption") else ""
            text = f"{turn.get('speaker', '')}: {turn.get('text', '')}{caption}"
            yield Turn(str(turn.get("dia_id", "")), number, when, text)


def _question(entry: Any, name: str, number: int, place: str, corrected: bool, ids: set[str]) -> Question:
    if not isinstance(entry, dict) or not isinstance(entry.get("question"), str):
        raise LoadError(place, "must be an object with a question")
    category = entry.get("category")
    if not isinstance(category, int) or category not in CATEGORIES:
        raise LoadError(place, f"has category {category!r}; LoCoMo's are 1 to {len(CATEGORIES)}")
    audit = entry.get("audit") if corrected else None
    given = {**entry, **_corrections(audit if isinstance(audit, dict) else {})}
    answer = given.get("answer")
    if category == ADVERSARIAL:
        answer = None  # two of them have one in the data; there is nothing to find all the same
    elif answer is None:
        raise LoadError(place, "has no answer")
    # Some of the data's evidence is malformed: "D8:6; D9:17" is two ids.
    evidence = dict.fromkeys(_TURN_ID.findall(" ".join(map(str, given.get("evidence") or []))))
    return Question(
        conversation=name,
        number=number,
        text=entry["question"],
        answer=None if answer is None else str(answer),
        category=category,
        evidence=tuple(one for one in evidence if one in ids),
    )


def _corrections(audit: dict[str, Any]) -> dict[str, Any]:
    names = {"correct_answer": "answer", "correct_evidence": "evidence"}
    return {names[name]: value for name, value in audit.items() if name in names and value is not None}
