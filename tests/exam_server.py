"""A local endpoint that answers and judges as a good model would, for what the tests ask: from a list."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

from edges.llm.chat_server import Answer, completion

LOCOMO = Path(__file__).parent / "data" / "invented_locomo.json"
CONTROLS: list[dict[str, Any]] = json.loads(
    (resources.files("memu_like") / "data" / "controls.json").read_text("utf-8")
)
KNOWN = {
    "What has Ines made of clay?": "a bowl, two cups",
    "When did Ines adopt a guinea pig?": "7 May 2023",
    "Would Tomas enjoy a holiday by a lake?": "Likely yes",
    "What is the name of Ines's guinea pig?": "Pip",
    "How many cups did Ines make?": "three",
    "What did Tomas make at the pottery course?": "No information available",
    **{control["question"]: control["accept"][0] for control in CONTROLS},
}
RIGHT = {control["right"] for control in CONTROLS}
WRONG = {control["wrong"] for control in CONTROLS} | {"three"}
_BLOCK = re.compile(r"<data (\d+)>\n(.*?)\n</data \1>", re.DOTALL)
_QUESTION = re.compile(r'^Question: (".*")$', re.MULTILINE)


def question_of(body: dict[str, Any]) -> str:
    found = _QUESTION.search(body["messages"][1]["content"])
    assert found is not None
    return str(json.loads(found[1]))


def context_of(body: dict[str, Any]) -> str:
    found = _BLOCK.search(body["messages"][1]["content"])
    return "" if found is None else found[2]


def is_judging(body: dict[str, Any]) -> bool:
    return "You grade an answer" in body["messages"][0]["content"]


def is_control(body: dict[str, Any]) -> bool:
    return any(question_of(body) == control["question"] for control in CONTROLS)


def verdict(correct: bool) -> Answer:
    return completion(json.dumps({"verdict": "CORRECT" if correct else "WRONG"}), usage=(60, 8))


def good(body: dict[str, Any]) -> Answer:
    """Answers right but for the number of cups, and judges right."""
    if not is_judging(body):
        return completion(KNOWN[question_of(body)], usage=(200, 6))
    answer = [found[1] for found in _BLOCK.findall(body["messages"][1]["content"])][1]
    return verdict(answer not in WRONG)


def lenient(body: dict[str, Any]) -> Answer:
    """A judge that calls everything right."""
    return verdict(True) if is_judging(body) else good(body)


def but(
    special: Callable[[dict[str, Any]], Answer | None], otherwise: Callable[[dict[str, Any]], Answer] = good
) -> Callable[[dict[str, Any]], Answer]:
    """`special`, where it gives an answer, else `otherwise`."""
    return lambda body: special(body) or otherwise(body)
