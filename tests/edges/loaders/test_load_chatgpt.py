from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from memu_like.errors import LoadError

START = 1709647320.25


def node(
    key: str, parent: str | None, role: str = "user", content: Any = "", **message: Any
) -> dict[str, Any]:
    if isinstance(content, str):
        content = {"content_type": "text", "parts": [content]}
    fields = {"id": key, "author": {"role": role, "name": None, "metadata": {}}, "content": content}
    return {"id": key, "parent": parent, "children": [], "message": fields | {"metadata": {}} | message}


def export(*nodes: dict[str, Any], current: str | None = "d", **fields: Any) -> dict[str, Any]:
    mapping = {one["id"]: one for one in nodes}
    for one in nodes:
        if one["parent"] in mapping:
            mapping[one["parent"]]["children"].append(one["id"])
    whole = {"title": "Garden", "create_time": START, "mapping": mapping, "current_node": current}
    return whole | {"conversation_id": "c-1"} | fields


def garden(**fields: Any) -> dict[str, Any]:
    root = {"id": "root", "parent": None, "children": [], "message": None}
    return export(
        root,
        node("a", "root", "system"),
        node("hidden", "a", "user", "settings", metadata={"is_visually_hidden_from_conversation": True}),
        node("b", "hidden", "user", "When do I plant tomatoes?", create_time=START),
        node("old", "b", "assistant", "An answer that was regenerated"),
        node("c", "b", "assistant", "In May.", create_time=START + 9, metadata={"model_slug": "gpt-4"}),
        node("d", "c", "user", "Thanks", create_time=None),
        **fields,
    )


def test_the_current_branch_is_one_conversation_from_the_root_on(read: Any) -> None:
    (loaded,) = read([garden()], "conversations.json")
    assert (loaded.format, loaded.title, loaded.source) == ("chatgpt", "Garden", "conversations.json#c-1")
    said = [(message.role, message.content) for message in loaded.messages]
    assert said == [("user", "When do I plant tomatoes?"), ("assistant", "In May."), ("user", "Thanks")]
    assert loaded.created_at == datetime(2024, 3, 5, 14, 2, 0, 250_000, tzinfo=UTC)
    assert dict(loaded.messages[1].raw) == {
        "role": "assistant",
        "content": "In May.",
        "id": "c",
        "created_at": "2024-03-05T14:02:09.250000+00:00",
        "model": "gpt-4",
    }


def test_each_conversation_is_one_session_however_long_it_was_silent(read: Any) -> None:
    late = export(node("a", None, content="x", create_time=0), node("d", "a", content="y", create_time=START))
    assert [len(one.messages) for one in read([late, garden()])] == [2, 3]


def test_a_conversation_in_which_nothing_was_said_is_left_out(read: Any) -> None:
    assert len(read([export(node("d", None)), garden()])) == 1
    with pytest.raises(LoadError, match="no conversation in which anything was said"):
        read([export(node("d", None))], "conversations.json")


def test_without_a_current_message_the_latest_leaf_is_taken(read: Any) -> None:
    (loaded,) = read(
        [
            export(
                node("a", None, content="root", create_time=1),
                node("b", "a", content="new", create_time=3),
                node("c", "a", content="old", create_time=2),
                current=None,
            )
        ]
    )
    assert [message.content for message in loaded.messages] == ["root", "new"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"content_type": "code", "language": "python", "text": "print(1)"}, "print(1)"),
        ({"content_type": "execution_output", "text": "1"}, "1"),
        (
            {
                "content_type": "multimodal_text",
                "parts": [{"content_type": "image_asset_pointer", "asset_pointer": "x"}, "what is this?"],
            },
            "[image]\nwhat is this?",
        ),
        (
            {
                "content_type": "multimodal_text",
                "parts": [{"content_type": "audio_transcription", "text": "hi"}],
            },
            "hi",
        ),
        ({"content_type": "multimodal_text", "parts": [{"content_type": "smell"}]}, "[smell]"),
    ],
)
def test_kinds_of_content_become_text(read: Any, content: dict[str, Any], text: str) -> None:
    (loaded,) = read([export(node("d", None, content=content))])
    assert loaded.messages[0].content == text


def test_thoughts_are_not_what_was_said(read: Any) -> None:
    thoughts = node("b", "a", "assistant", {"content_type": "thoughts", "thoughts": [{"content": "hm"}]})
    (loaded,) = read([export(node("a", None, content="x"), thoughts, node("d", "b", content="y"))])
    assert [message.content for message in loaded.messages] == ["x", "y"]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (export(node("a", "d", content="x"), node("d", "a", content="y")), "goes round in a circle"),
        (export(node("d", "gone", content="y")), "refers to message 'gone', which is not in it"),
        (garden(current="nowhere"), "refers to message 'nowhere'"),
        (garden(current=3), "refers to message '3'"),
        (garden(title=3), "a title must be text"),
        (garden(title="\ud800"), "holds a lone surrogate"),
        (export(node("d", None, content="a\0b")), "holds a NUL character"),
        (export(node("d", None, "wizard", "x")), "has the author role 'wizard'"),
        (export(node("d", None, content="x", create_time="soon")), "time 'soon' cannot be read"),
        (export({"id": "d", "parent": None, "message": 3}), "has a message of type int"),
        (export({"id": "d", "parent": None, "message": {"id": "d"}}), "has no content"),
    ],
)
def test_a_broken_conversation_is_named(read: Any, broken: dict[str, Any], reason: str) -> None:
    with pytest.raises(LoadError) as caught:
        read([garden(), broken], "conversations.json")
    assert str(caught.value).startswith("conversations.json: conversation 2")
    assert reason in str(caught.value)


def test_a_long_branch_does_not_recurse(read: Any) -> None:
    nodes = [node(str(n), str(n - 1) if n else None, content="x") for n in range(5000)]
    (loaded,) = read([export(*nodes, current="4999")])
    assert len(loaded.messages) == 5000
