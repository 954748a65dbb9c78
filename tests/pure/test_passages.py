"""Chunks of a document, and what a text gives to search."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from memu_like.pure.passages import ASKS, HAS_QUESTION, TEMPORAL, chunks, passage

LINES = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=60), max_size=40
)


@given(LINES)
def test_chunks_cover_the_text_and_stand_where_they_say(lines: list[str]) -> None:
    body = "\n".join(lines)
    data = body.encode()
    found = list(chunks(body))
    for chunk in found:
        assert data[chunk.offset : chunk.offset + chunk.length].decode().strip() == chunk.text
        assert chunk.first <= chunk.last <= max(len(lines), 1)
    assert "".join("".join(c.text for c in found).split()) == "".join(body.split())


def test_a_heading_goes_with_what_follows() -> None:
    found = list(chunks("# Tea\n\nGreen.\n\n# Rain\n\nWet.\n"))
    assert [(chunk.heading, chunk.first) for chunk in found] == [("Tea", 1), ("Rain", 5)]


def test_what_a_message_gives() -> None:
    said = datetime(2026, 1, 10, tzinfo=UTC)
    asks = passage("Did you see Rui yesterday?", said_at=said, known_names=frozenset({"iris"}))
    assert asks.flags == ASKS | HAS_QUESTION | TEMPORAL
    assert asks.names == 1
    assert asks.first_day == asks.last_day == date(2026, 1, 9).toordinal()
    assert passage("A picture", caption="a red boat").text == "A picture [image: a red boat]"
    assert "boat" in passage("A picture", caption="a red boat").terms
