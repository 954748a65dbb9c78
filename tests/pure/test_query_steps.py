"""Decisions and verdicts, read from a model's replies."""

from __future__ import annotations

import pytest

from memu_like.pure.query_steps import (
    MAX_QUERY,
    Decision,
    Verdict,
    decision_schema,
    read_decision,
    read_verdict,
)
from memu_like.pure.replies import ReplyError


def test_a_decision_is_read_with_what_was_asked_for_only() -> None:
    reply = 'Sure:\n```json\n{"needed": "no", "query": "When did Oscar come?"}\n```'
    assert read_decision(reply, "when?", decide=True, rewrite=True) == Decision(False, "When did Oscar come?")
    assert read_decision(reply, "when?", decide=False, rewrite=True).needed
    assert read_decision(reply, "when?", decide=True, rewrite=False).query == "when?"
    assert set(decision_schema(True, False).schema["properties"]) == {"needed"}


def test_an_empty_or_strange_rewriting_leaves_the_query() -> None:
    for value in ('""', "null", "7", '["a"]'):
        assert read_decision(f'{{"query": {value}}}', "when?", decide=False, rewrite=True).query == "when?"


def test_a_rewriting_is_one_line_of_bounded_length() -> None:
    found = read_decision('{"query": "a\\nb ' + "x" * 9_000 + '"}', "q", decide=False, rewrite=True)
    assert found.query.startswith("a b x")
    assert len(found.query) == MAX_QUERY


def test_a_verdict_searches_for_what_is_missing() -> None:
    assert read_verdict('{"enough": true, "missing": "x", "query": "y"}') == Verdict(True)
    assert read_verdict('{"enough": false, "missing": "the year"}') == Verdict(False, "the year", "the year")
    assert read_verdict('[{"enough": 0}]') == Verdict(False)


@pytest.mark.parametrize("reply", ["", "no", "[]", "[1]", "{}", '{"enough": "maybe"}', '{"enough": null}'])
def test_a_verdict_that_says_nothing_is_refused(reply: str) -> None:
    with pytest.raises(ReplyError):
        read_verdict(reply)
