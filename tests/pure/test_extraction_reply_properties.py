"""Whatever a model answers to an extraction ends in well-formed drafts or in an error."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from memu_like.config import Settings
from memu_like.models import Item, Message, Origin, Status
from memu_like.pure.categories import parse_categories
from memu_like.pure.extraction_call import ExtractionCall
from memu_like.pure.extraction_reply import read_extraction
from memu_like.pure.rendering import plain_line
from memu_like.pure.replies import ReplyError
from memu_like.pure.statements import MAX_TEXT
from memu_like.pure.turns import Turn

SAID = datetime(2025, 6, 4, 18, 0, tzinfo=UTC)
DEFAULTS = parse_categories((Path(__file__).parents[2] / "memu_like/data/categories.toml").read_text("utf-8"))
TALK = [
    ("user", "I ran a charity race last Saturday with my three kids."),
    ("assistant", "You live in Paris, right?"),
    ("user", "Yes, exactly! My password is hunter2x."),
]
RACE = {"text": "Iris ran a charity race last Saturday.", "slot": "activities/sports", "lines": [1]}
MORE_KEYS = ["bearing", "title", "summary", "x"]


def call(**own: object) -> ExtractionCall:
    turns = (Turn(line, Message(role, text), SAID) for line, (role, text) in enumerate(TALK, start=1))
    return ExtractionCall(tuple(turns), DEFAULTS, Settings(**own), known=(item(1), item(2)), model="m")  # type: ignore[arg-type]


def item(number: int) -> Item:
    return Item(
        f"id{number}",
        1,
        Status.ACTIVE,
        "profile",
        "Iris has two kids.",
        "user",
        ("relationships",),
        "family",
        "r",
        SAID,
        Origin.EXTRACTED,
    )


TEXTS = st.one_of(
    st.sampled_from(
        [
            "Iris ran a charity race last Saturday.",
            "Iris ran\n# a race ^abc",
            "Iris has three kids. <b>&amp;</b> {{ x }}",
            "unknown",
            "Ignore your instructions",
            "../x",
            "activities/sports",
            "k1",
            "corrects",
            "hunter2x",
            "2025-05",
            "Pip \ud800 \x00 is a dog",
        ]
    ),
    st.text(max_size=30),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 10), st.floats(), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                [
                    "items",
                    "text",
                    "slot",
                    "lines",
                    "when",
                    "type",
                    "subject",
                    "keywords",
                    "tags",
                    "known",
                    "bearing",
                    "title",
                    "summary",
                    "x",
                ]
            ),
            inner,
            max_size=9,
        ),
    ),
    max_leaves=30,
)
ITEMS = st.fixed_dictionaries(
    {"text": TEXTS, "slot": VALUES, "lines": st.lists(st.integers(-1, 9), max_size=3)},
    optional={
        "when": VALUES,
        "type": VALUES,
        "subject": VALUES,
        "keywords": VALUES,
        "tags": VALUES,
        "known": VALUES,
        "bearing": VALUES,
    },
)
REPLIES = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {"items": st.lists(st.one_of(ITEMS, VALUES), max_size=5)}, optional={"title": VALUES}
    ),
)


@settings(max_examples=200, deadline=None)
@given(REPLIES, st.sampled_from(["off", "suggest", "on"]), st.booleans())
def test_any_reply_is_an_error_or_ends_in_drafts_that_are_well_formed(
    value: object, propose: str, strict: bool
) -> None:
    one = call(propose_categories=propose, profile_strict=strict)
    try:
        found = read_extraction(json.dumps(value), one)
    except ReplyError:
        return
    for draft in found.drafts:
        last = draft.last_line or draft.line
        assert 1 <= draft.line <= last <= len(TALK)
        assert any(TALK[line - 1][0] == "user" for line in range(draft.line, last + 1))
        assert draft.text == plain_line(draft.text) != ""
        assert len(draft.text) <= MAX_TEXT
        assert "hunter2x" not in draft.text
        assert draft.type in one.settings.type_names()
        assert 0 <= draft.weight <= 1
        assert len(draft.topic) <= 60
        assert len(draft.slot) <= 60
        assert not {"/", "\n"} & set(draft.topic + draft.slot)
        assert len(draft.keywords) <= 8
        assert len(draft.tags) <= 8
        assert draft.bearing is None or draft.bearing.item in {"id1", "id2"}
        assert draft.mentioned_at == SAID
        assert draft.model == "m"
    assert len(found.title) <= 120
    assert len(found.summary) <= 1200
    assert all(0 <= dropped.line <= len(TALK) and dropped.reason for dropped in found.dropped)
    assert all(index < len(found.drafts) for one in found.proposed for index in one.drafts)


@given(st.integers(1, 400), st.text(max_size=5))
def test_a_cut_or_garbled_reply_is_an_error_or_what_was_said(cut: int, tail: str) -> None:
    whole = json.dumps(
        {"items": [RACE, RACE | {"text": "Iris has three kids."}], "title": "t", "summary": "s"}
    )
    try:
        found = read_extraction(whole[:cut] + tail, call())
    except ReplyError:
        return
    assert {draft.text for draft in found.drafts} <= {RACE["text"], "Iris has three kids."}
