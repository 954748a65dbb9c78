from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from memu_like.edges.loaders import load_messages, parse_message
from memu_like.errors import InvalidInput, LoadError

SETTINGS: dict[str, Any] = {"session_gap": timedelta(hours=6), "max_message_bytes": 1000}
CHAT = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "name": "Ada", "content": "Hello", "created_at": "2024-03-05T14:02:00Z", "id": 7},
    {"role": "assistant", "content": "Hi Ada", "created_at": "2024-03-05T14:02:09Z", "id": "m-2"},
]


def parse(raw: Any, **keywords: Any) -> Any:
    return parse_message(raw, "message 1", **({"timezone": UTC, "max_message_bytes": 1000} | keywords))


def user(**fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": "x"} | fields


def test_an_array_of_messages_is_one_conversation(read: Any) -> None:
    (loaded,) = read(CHAT, "chat.json")
    assert (loaded.format, loaded.source, loaded.suffix) == ("openai", "chat.json", ".jsonl")
    assert [message.speaker for message in loaded.messages] == ["system", "Ada", "assistant"]
    assert [message.id for message in loaded.messages] == [None, "7", "m-2"]
    assert loaded.created_at == datetime(2024, 3, 5, 14, 2, tzinfo=UTC)


def test_raw_is_the_object_as_given(read: Any) -> None:
    odd = user(custom={"deep": [1, 2.5, None, True]}, 备注="好")
    (loaded,) = read([odd])
    assert loaded.messages[0].raw == odd
    assert list(loaded.messages[0].raw) == list(odd)


def test_an_object_with_messages_gives_title_and_time(read: Any) -> None:
    messages = [{"role": "user", "content": "hi"}]
    whole = {"title": " Trip\nplans ", "id": "c1", "created_at": 1709647320, "messages": messages}
    (loaded,) = read(whole, "chat.json")
    assert (loaded.title, loaded.source) == ("Trip plans", "chat.json#c1")
    assert loaded.created_at == datetime(2024, 3, 5, 14, 2, tzinfo=UTC)
    assert loaded.messages[0].created_at is None


def test_jsonl_of_messages_is_one_conversation(read: Any) -> None:
    text = "\n".join(json.dumps(message) for message in CHAT) + "\n\n"
    for name in ("chat.jsonl", "chat", "chat.json"):
        (loaded,) = read(text, name)
        assert len(loaded.messages) == 3


def test_jsonl_of_conversations_is_one_each(read: Any) -> None:
    text = "\n".join(json.dumps({"messages": CHAT}) for _ in range(3))
    assert [len(one.messages) for one in read(text, "tune.jsonl")] == [3, 3, 3]


def test_an_array_of_conversations_is_one_each(read: Any) -> None:
    assert len(read([{"messages": CHAT}, {"messages": CHAT}])) == 2
    assert len(read([CHAT, CHAT])) == 2


def test_a_line_separator_inside_a_message_does_not_end_the_jsonl_line(read: Any) -> None:
    text = '{"role":"user","content":"a\u2028b"}\n{"role":"user","content":"c"}'
    (loaded,) = read(text, "chat.jsonl")
    assert [message.content for message in loaded.messages] == ["a\u2028b", "c"]


def test_a_silence_cuts_the_list(read: Any) -> None:
    times = ["2024-03-05T10:00:00Z", "2024-03-05T11:00:00Z", "2024-03-06T10:00:00Z"]
    loaded = read([user(created_at=time) for time in times])
    assert [len(one.messages) for one in loaded] == [2, 1]
    assert loaded[1].created_at == datetime(2024, 3, 6, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-03-05T14:02:00Z", datetime(2024, 3, 5, 14, 2, tzinfo=UTC)),
        ("2024-03-05T14:02:00.250+08:00", datetime(2024, 3, 5, 6, 2, 0, 250_000, tzinfo=UTC)),
        ("2024-03-05 14:02:00 UTC", datetime(2024, 3, 5, 14, 2, tzinfo=UTC)),
        ("2024-03-05 14:02:00 +0100", datetime(2024, 3, 5, 13, 2, tzinfo=UTC)),
        ("2024/3/5 14:02", datetime(2024, 3, 5, 14, 2, tzinfo=UTC)),
        ("2024-03-05", datetime(2024, 3, 5, tzinfo=UTC)),
        ("Tue, 05 Mar 2024 14:02:00 +0000", datetime(2024, 3, 5, 14, 2, tzinfo=UTC)),
        (1709647320, datetime(2024, 3, 5, 14, 2, tzinfo=UTC)),
        (1709647320.5, datetime(2024, 3, 5, 14, 2, 0, 500_000, tzinfo=UTC)),
        (1709647320000, datetime(2024, 3, 5, 14, 2, tzinfo=UTC)),
        ("1709647320", datetime(2024, 3, 5, 14, 2, tzinfo=UTC)),
        (-86400, datetime(1969, 12, 31, tzinfo=UTC)),
    ],
)
def test_times_are_read(value: object, expected: datetime) -> None:
    assert parse(user(created_at=value)).created_at == expected


@pytest.mark.parametrize("key", ["created_at", "timestamp", "create_time", "time", "date"])
def test_the_usual_names_of_the_time_are_known(key: str) -> None:
    assert parse(user(**{key: 1709647320})).created_at.year == 2024


def test_a_naive_time_is_in_the_given_zone() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    message = parse(user(created_at="2024-03-05T14:02:00"), timezone=zone)
    assert message.created_at == datetime(2024, 3, 5, 6, 2, tzinfo=UTC)


def test_a_date_and_a_clock_in_two_fields_are_one_time() -> None:
    assert parse(user(date="2024-03-05", time="14:02")).created_at == datetime(2024, 3, 5, 14, 2, tzinfo=UTC)


def test_a_datetime_from_a_program_becomes_iso_text() -> None:
    message = parse(user(created_at=datetime(2024, 3, 5, tzinfo=timezone(timedelta(hours=8)))))
    assert message.raw["created_at"] == "2024-03-05T00:00:00+08:00"


@pytest.mark.parametrize(
    "value",
    [
        "0000-01-01",
        "0999-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
        "3000-01-01",
        "yesterday",
        "14:02",
        10**400,
        -(10**400),
        1e300,
        99999999999999,
        True,
        [],
        {},
        "2024-02-30",
        "2024-03-05T25:00",
    ],
)
def test_a_time_that_cannot_be_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(LoadError, match=r"^message 1: .*(time|years)"):
        parse(user(created_at=value))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "a"}, {"type": "input_text", "text": "b"}], "a\nb"),
        ([{"type": "image_url", "image_url": {"url": "https://x/y.png"}}], "[image]"),
        (
            [{"type": "image_url", "image_url": {"url": "u", "alt": "a red\nbicycle"}}],
            "[image: a red bicycle]",
        ),
        ([{"type": "input_image", "caption": "a cat"}], "[image: a cat]"),
        ([{"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}], "[audio]"),
        ([{"type": "file", "file": {"filename": "plan.pdf"}}], "[file: plan.pdf]"),
        ([{"type": "hologram", "data": 1}], "[hologram]"),
        (["plain", {"type": "refusal", "refusal": "no"}], "plain\nno"),
    ],
)
def test_content_parts_become_text(content: list[Any], text: str) -> None:
    assert parse(user(content=content)).content == text


def test_a_message_that_only_calls_a_tool_says_which() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}]
    assert parse({"role": "assistant", "content": None, "tool_calls": calls}).content == (
        "[tool call: get_weather]"
    )


def test_a_name_stands_in_for_a_missing_role() -> None:
    message = parse({"speaker": "Ada", "text": "hi", "dia_id": "D1:2", "blip_caption": "a photo"})
    assert (message.role, message.name, message.id, message.caption) == ("user", "Ada", "D1:2", "a photo")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("hello", "must be an object with role and content, not str"),
        ({"content": "x"}, "has no role; it must be one of system, developer, user"),
        (user(role="boss"), "has the role 'boss'; it must be one of"),
        (user(role=3), "has the role 3"),
        ({"role": "user"}, "has no content"),
        (user(content=None), "has no content"),
        (user(content={"a": 1}), "must be text or a list of parts"),
        (user(content=[3]), "has the content part 3"),
        (user(content=[{"type": "text"}]), "has a content part of type text without text"),
        (user(name=["Ada"]), "a name must be text"),
        (user(name="A" * 201), "has a name of more than 200 characters"),
        (user(id={"a": 1}), "an id must be text or a whole number"),
        (user(caption=3), "a caption must be text"),
        (user(content="a\0b"), "holds a NUL character"),
        (user(meta={"x": ["\0"]}), "holds a NUL character"),
        (user(content="\ud800"), "holds a lone surrogate"),
        (user(meta={"\udc00": 1}), "holds a lone surrogate"),
        (user(x=float("nan")), "holds nan"),
        (user(x=10**5000), "more than 4,000 digits"),
        (user(x={1, 2}), "holds a value of type set"),
        (user(x={1: 2}), "has a key of type int"),
        (user(content="x" * 2000), "is larger than 1000 bytes, the limit (max_message_bytes)"),
        (user(content="好" * 400), "is larger than 1000 bytes"),
        (user(x=["y" * 100] * 11), "is larger than 1000 bytes"),
    ],
)
def test_a_bad_message_is_refused_with_its_place(raw: Any, reason: str) -> None:
    with pytest.raises(LoadError) as caught:
        parse(raw)
    assert str(caught.value).startswith("message 1: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_message_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.extend((loop, loop))
    with pytest.raises(LoadError, match=r"larger than|levels deep"):
        parse(user(x=loop))


def test_messages_of_a_program_are_loaded_and_named_in_errors() -> None:
    assert len(load_messages(CHAT, **SETTINGS)[0].messages) == 3
    with pytest.raises(LoadError, match=r"^message 2: has no role"):
        load_messages([CHAT[0], {"content": "x"}], **SETTINGS)


@pytest.mark.parametrize("messages", [[], "hello", {"role": "user"}, None, 3, [user(content=" ")]])
def test_what_is_no_list_of_messages_is_refused(messages: Any) -> None:
    with pytest.raises(InvalidInput):
        load_messages(messages, **SETTINGS)


@pytest.mark.parametrize(
    ("text", "name", "error"),
    [
        ("[]", "a.json", "a.json: holds no messages"),
        ('{"messages": []}', "a.json", "a.json: holds no messages"),
        ('{"messages": 3}', "a.json", "a.json: has no list of messages"),
        ('[{"role": "user", "content": " "}]', "a.json", "a.json: holds no text"),
        ('[\n  {"role": "user",}\n]', "a.json", "a.json:2: is not valid JSON"),
        ('[{"role": "user", "content": "x"}, 3]', "a.json", "a.json: message 2: must be an object"),
        ('{"role":"user","content":"x"}\n{"role":\n', "a.jsonl", "a.jsonl:2: is not valid JSON"),
        ('{"role":"user","content":"x"}\n\n{"role":"x"}\n', "a.jsonl", "a.jsonl:3: has the role 'x'"),
        ('[{"messages":[{"role":"x"}]}]', "a.json", "a.json: message 1: has the role 'x'"),
    ],
)
def test_a_bad_file_says_where(read: Any, text: str, name: str, error: str) -> None:
    with pytest.raises(LoadError) as caught:
        read(text, name)
    assert str(caught.value).startswith(error)


def test_a_broken_seventh_line_is_named(read: Any) -> None:
    lines = [json.dumps(user())] * 9
    lines[6] = lines[6][:-3]
    with pytest.raises(LoadError, match=r"^chat\.jsonl:7: is not valid JSON: .* at column \d+$"):
        read("\n".join(lines), "chat.jsonl")


def test_ids_that_occur_twice_are_kept(read: Any) -> None:
    (loaded,) = read([user(id="a"), user(id="a")])
    assert [message.id for message in loaded.messages] == ["a", "a"]
