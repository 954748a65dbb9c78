"""What a model is asked about a query, and its answers: is memory needed, in which words, is it enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..chat import OutputSchema
from .rendering import plain_line
from .replies import ReplyError, parse_reply

MAX_QUERY = 500
"""Characters of a query that a model wrote; a question is shorter."""
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether memory is needed, and what to search for."""

    needed: bool
    query: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether what was found is enough; if not, what is missing and what to search for next ("": nothing)."""

    enough: bool
    missing: str = ""
    query: str = ""


def decision_schema(decide: bool, rewrite: bool) -> OutputSchema:
    wanted = {"needed": {"type": "boolean"}} if decide else {}
    return _schema("decision", {**wanted, **({"query": {"type": "string"}} if rewrite else {})})


def read_decision(reply: str, query: str, decide: bool, rewrite: bool) -> Decision:
    """Raises ReplyError. An empty rewriting leaves the query as it is."""
    found = _object(reply)
    needed = _truth(found, "needed") if decide else True
    return Decision(needed, (_line(found, "query") if rewrite else "") or query)


def verdict_schema() -> OutputSchema:
    text = {"type": "string"}
    return _schema("verdict", {"enough": {"type": "boolean"}, "missing": text, "query": text})


def read_verdict(reply: str) -> Verdict:
    """Raises ReplyError."""
    found = _object(reply)
    if _truth(found, "enough"):
        return Verdict(True)
    missing = _line(found, "missing")
    return Verdict(False, missing, _line(found, "query") or missing)


def _schema(name: str, properties: Mapping[str, Any]) -> OutputSchema:
    return OutputSchema(
        name,
        {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        },
    )


def _object(reply: str) -> Mapping[str, Any]:
    found = parse_reply(reply)
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, Mapping):
        raise ReplyError("the reply must be one JSON object")
    return found


def _truth(found: Mapping[str, Any], key: str) -> bool:
    value = found.get(key)
    truth = value if isinstance(value, bool) else _TRUTHS.get(str(value).strip().lower())
    if truth is None:
        raise ReplyError(f'"{key}" must be true or false')
    return truth


def _line(found: Mapping[str, Any], key: str) -> str:
    value = found.get(key)
    return plain_line(value)[:MAX_QUERY] if isinstance(value, str) else ""
