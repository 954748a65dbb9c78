"""What holds for every format: telling them apart, and never failing but with a clear error."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memu_like.edges.loaders import FORMATS, load, sniff
from memu_like.errors import InvalidInput, LoadError, MissingExtra
from memu_like.models import Loaded, Modality

MESSAGE = {"role": "user", "content": "Hi", "id": "é1", "created_at": "2024-03-05T14:02:00Z"}
LINES = json.dumps(MESSAGE)
CHATGPT = {
    "title": "t",
    "current_node": "b",
    "mapping": {
        "a": {"parent": None, "message": None},
        "b": {"parent": "a", "message": {"author": {"role": "user"}, "content": {"parts": ["x"]}}},
    },
}
LOCOMO = {
    "session_1_date_time": "1:56 pm on 8 May, 2022",
    "session_1": [{"speaker": "Ines", "dia_id": "D1:1", "text": "Hi"}],
}
SAMPLES = {
    "openai": json.dumps([MESSAGE]),
    "chatgpt": json.dumps([CHATGPT]),
    "locomo": json.dumps([{"conversation": LOCOMO}]),
    "transcript": "[2024-03-05 14:02] Ada: Hi\n[2024-03-05 14:03] Bo: Hello\n",
    "whatsapp": "31/12/23, 22:15 - Ada: Hi\n31/12/23, 22:16 - Bo: Hello\n",
    "html": "<!doctype html><p>Hi",
}


def read(data: bytes, name: str = "x", **keywords: Any) -> tuple[Loaded, ...] | None:
    """What was loaded; None where it was refused in one line."""
    try:
        return load(data, name, session_gap=timedelta(hours=6), max_message_bytes=10_000, **keywords)
    except (InvalidInput, MissingExtra) as error:
        check_one_line(str(error))
        return None


def check_one_line(text: str) -> None:
    assert "\n" not in text
    assert text.encode()  # can be printed


@pytest.mark.parametrize(("format", "text"), SAMPLES.items())
def test_the_content_tells_the_format_whatever_the_name(format: str, text: str) -> None:
    for name in ("x", "x.txt", "", "x.md"):
        assert sniff(text.encode(), name) == format
        loaded = read(text.encode(), name)
        assert loaded is not None
        assert {one.format for one in loaded} == {format}


@pytest.mark.parametrize(
    ("text", "name", "format"),
    [
        (LINES, "x.jsonl", "openai"),
        (f"{LINES}\n{LINES}", "x.txt", "openai"),
        ("plain words", "x", "text"),
        ("plain words", "x.log", "text"),
        ("# plain", "x.MD", "markdown"),
        ("<p>plain", "x.htm", "html"),
        ("[a link](http://x.y) in prose", "x.md", "markdown"),
        ("[[a wiki link]]", "x.md", "markdown"),
        ("{ braces } in prose", "x.txt", "text"),
        ("%PDF-1.4", "x", "pdf"),
        ("\n%PDF-1.4", "x.txt", "pdf"),
    ],
)
def test_the_name_decides_where_the_content_does_not(text: str, name: str, format: str) -> None:
    assert sniff(text.encode(), name) == format


@pytest.mark.parametrize("text", ['{"a": 1}', "3", '"x"', "[1, 2]", "null"])
def test_json_of_no_known_format_lists_the_formats(text: str) -> None:
    with pytest.raises(LoadError, match="name it with --format, one of openai, chatgpt, locomo"):
        sniff(text.encode(), "x.json")


def test_formats_are_named() -> None:
    assert set(FORMATS) == {*SAMPLES, "markdown", "text", "pdf"}
    with pytest.raises(InvalidInput, match="there is no format 'docx'; the formats are openai"):
        load(b"x", "x", format="docx", session_gap=timedelta(1), max_message_bytes=1)


@pytest.mark.parametrize(
    ("text", "keywords", "reason"),
    [
        (
            LINES,
            {"modality": Modality.DOCUMENT},
            "is read as openai, which is a conversation, not a document",
        ),
        (
            "x",
            {"modality": Modality.CONVERSATION, "format": "text"},
            "which is a document, not a conversation",
        ),
        ("%PDF-1.4", {"modality": Modality.CONVERSATION}, "is read as pdf, which is a document"),
        ("<html>x", {"modality": Modality.CONVERSATION}, "is read as html, which is a document"),
    ],
)
def test_a_modality_that_contradicts_the_format_is_refused(
    text: str, keywords: dict[str, Any], reason: str
) -> None:
    with pytest.raises(LoadError, match=reason):
        load(text.encode(), "x", session_gap=timedelta(1), max_message_bytes=1000, **keywords)


def test_a_named_format_overrides_the_content() -> None:
    loaded = read(LINES.encode(), "x.jsonl", format="text")
    assert loaded is not None
    assert (loaded[0].format, loaded[0].body) == ("text", LINES)


@pytest.mark.parametrize("format", SAMPLES)
def test_a_sample_cut_or_spoiled_at_any_byte_is_read_or_refused(format: str) -> None:
    data = SAMPLES[format].encode()
    for at in range(len(data)):
        for spoiled in (
            data[:at],
            data[:at] + b"\x00" + data[at + 1 :],
            data[:at] + b"\xff" + data[at + 1 :],
        ):
            for named in (None, format):
                read(spoiled, "x.json", format=named)
        for byte in b'{}[]",:0\\u':
            read(data[:at] + bytes([byte]) + data[at + 1 :], format=format)


@pytest.mark.parametrize("format", ["openai", "chatgpt", "locomo"])
def test_json_cut_at_any_byte_is_refused(format: str) -> None:
    data = SAMPLES[format].encode()
    assert [at for at in range(len(data)) if read(data[:at], "x.json")] == []


@given(
    st.binary(max_size=200), st.sampled_from((None, *FORMATS)), st.sampled_from(("x", "x.json", "x.jsonl"))
)
@settings(max_examples=300)
def test_any_bytes_are_read_or_refused(data: bytes, format: str | None, name: str) -> None:
    read(data, name, format=format)


KEYS = sorted(
    {*MESSAGE, *CHATGPT, *LOCOMO, "messages", "text", "name", "parts", "author", "tool_calls", "type"}
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(KEYS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from((None, "openai", "chatgpt", "locomo")))
@settings(max_examples=300)
def test_any_json_is_read_or_refused(value: Any, format: str | None) -> None:
    read(json.dumps(value).encode(), "x.json", format=format)


@pytest.mark.parametrize("format", ["openai", "chatgpt", "locomo"])
@given(data=st.data())
@settings(max_examples=60)
def test_a_field_of_another_kind_is_read_or_refused(format: str, data: st.DataObject) -> None:
    whole = json.loads(SAMPLES[format])
    holder, key = data.draw(st.sampled_from(list(places(whole))))
    holder[key] = data.draw(JSON)
    read(json.dumps(whole).encode(), "x.json", format=format)


def places(value: Any) -> Any:
    """Every (container, key) of a JSON value."""
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(child, dict | list):
            yield from places(child)


LINE = st.sampled_from(
    [
        "Ada: x",
        "[2024-03-05 14:02] Bo: y",
        "2024-03-05",
        "[99:99] Cy: z",
        "31/12/23, 22:15 - Ada: x",
        "",
        " a",
        "12/31/23, 9:15 PM - Bo: <Media omitted>",
        "[1/2/2024, 3:04:05] Di: \u200eimage omitted",
        "---",
        "# h",
    ]
)


@given(
    st.lists(LINE | st.text(max_size=20), max_size=12),
    st.sampled_from((None, "transcript", "whatsapp", "markdown", "html")),
)
@settings(max_examples=300)
def test_any_lines_are_read_or_refused(lines: list[str], format: str | None) -> None:
    text = "\n".join(lines)
    loaded = read(text.encode("utf-8", "surrogatepass"), format=format)
    for message in (message for one in loaded or () for message in one.messages):
        json.dumps(dict(message.raw), allow_nan=False).encode()


@pytest.mark.parametrize(
    ("depth", "text"),
    [(100_000, "["), (100_000, '{"a":'), (500, '[{"role":"user","content":"x","x":')],
)
def test_json_nested_without_end_is_refused(depth: int, text: str) -> None:
    with pytest.raises(LoadError, match=r"nested|not valid JSON"):
        load((text * depth).encode(), "x.json", session_gap=timedelta(1), max_message_bytes=1000)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 300000,
        "a " * 150000,
        "Ada: " * 60000,
        "1/1/24, 10:00 - " * 20000,
        "[" * 300000,
        "# " + " " * 300000 + "x",
        "<" + "omis" * 75000,
        "2024-03-05 " * 30000,
        "`" * 300000,
        "*" * 300000,
    ],
)
def test_one_long_line_takes_no_more_than_linear_time(text: str) -> None:
    started = time.perf_counter()
    for format in (None, "transcript", "whatsapp", "markdown"):
        read(text.encode(), "x.md", format=format)
    assert time.perf_counter() - started < 30
