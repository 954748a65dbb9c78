from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from memu_like.errors import LoadError
from memu_like.models import Modality


def said(loaded: Any) -> list[tuple[str | None, str]]:
    return [(message.name, message.content) for message in loaded.messages]


def times(loaded: Any) -> list[str | None]:
    return [message.created_at and f"{message.created_at:%m-%d %H:%M}" for message in loaded.messages]


def test_names_and_lines_without_one(read: Any) -> None:
    text = "Ada: Hello\nBo Li: Hi!\n  indented: yes\nand a line\n\nand another\nAda: Bye\n"
    (loaded,) = read(text, "chat.txt")
    assert (loaded.format, loaded.modality) == ("transcript", Modality.CONVERSATION)
    assert said(loaded) == [
        ("Ada", "Hello"),
        ("Bo Li", "Hi!\n  indented: yes\nand a line\n\nand another"),
        ("Ada", "Bye"),
    ]
    assert dict(loaded.messages[0].raw) == {"role": "user", "name": "Ada", "content": "Hello"}


@pytest.mark.parametrize(
    "line",
    [
        "[2024-03-05 14:02] Ada: Hello",
        "2024-03-05 14:02 Ada: Hello",
        "2024-03-05 14:02:00 - Ada: Hello",
        "2024/3/5 2:02 PM Ada: Hello",
        "(2024-03-05 14:02) **Ada:** Hello",
        "Ada (2024-03-05 14:02): Hello",
        "[2024-03-05T14:02:00Z] Ada: Hello",
        "[2024-03-05T15:02:00+01:00] Ada： Hello",
    ],
)
def test_times_in_the_common_shapes(read: Any, line: str) -> None:
    (loaded,) = read(f"{line}\n{line}", "chat.txt")
    assert said(loaded)[0] == ("Ada", "Hello")
    assert loaded.messages[0].created_at == datetime(2024, 3, 5, 14, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "date",
    [
        "2024-03-05",
        "## 2024-03-05",
        "5 March 2024",
        "=== 2024年3月5日 ===",
        "--- March 5th, 2024 ---",
        "Tuesday, 5 March 2024",
        "## Session 1 (5 Mar 2024)",
        "2024/3/5 星期二",
    ],
)
def test_a_line_that_is_a_date_begins_a_session(read: Any, date: str) -> None:
    first, second = read(f"{date}\nAda (14:02): a\nBo (14:03): b\n\n2024-03-07\nAda: c\nBo: d", "chat.txt")
    assert times(first) == ["03-05 14:02", "03-05 14:03"]
    assert times(second) == ["03-07 00:00", "03-07 00:00"]


def test_a_clock_without_any_date_gives_no_time(read: Any) -> None:
    (loaded,) = read("Ada [00:01:23]: Hello\nBo [00:01:30]: Hi", "chat.txt")
    assert times(loaded) == [None, None]


def test_a_clock_that_falls_back_by_half_a_day_has_passed_midnight(read: Any) -> None:
    (loaded,) = read("2024-02-28\n[23:58] Ada: a\n[00:03] Bo: b\n[00:05] Ada: c", "chat.txt")
    assert times(loaded) == ["02-28 23:58", "02-29 00:03", "02-29 00:05"]


def test_a_silence_cuts_a_session(read: Any) -> None:
    assert len(read("[2024-03-05 08:00] Ada: a\n[2024-03-05 20:00] Ada: b", "chat.txt")) == 2


def test_where_times_are_the_rule_a_bare_name_is_a_continuation(read: Any) -> None:
    text = "[2024-03-05 14:02] Ada: shopping\nMilk: two\n[2024-03-05 14:03] Bo: ok"
    assert said(read(text, "chat.txt")[0]) == [("Ada", "shopping\nMilk: two"), ("Bo", "ok")]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("http://example.org is good", None),
        ("Note: bring a coat", None),
        ("Subject: x", None),
        ("He said this to me: go", None),
        ("Cy: I was late", "Cy"),
        ("remember: milk", None),
    ],
)
def test_what_stands_before_a_colon_is_not_always_a_name(read: Any, line: str, name: str | None) -> None:
    (loaded,) = read(f"Ada: a\nBo: b\nAda: c\n{line}\nBo: d", "chat.txt")
    assert (loaded.messages[3].name == name) if name else (loaded.messages[2].content == f"c\n{line}")


@pytest.mark.parametrize(
    ("name", "role", "kept"),
    [
        ("Assistant", "assistant", None),
        ("AI", "assistant", "AI"),
        ("chatgpt", "assistant", "chatgpt"),
        ("助手", "assistant", None),
        ("System", "system", None),
        ("User", "user", None),
        ("Human", "user", None),
        ("用户", "user", None),
        ("Ada", "user", "Ada"),
    ],
)
def test_roles_by_name(read: Any, name: str, role: str, kept: str | None) -> None:
    (loaded,) = read(f"{name}: x\nBo: y\n{name}: z", "chat.txt")
    assert (loaded.messages[0].role, loaded.messages[0].name) == (role, kept)


def test_long_answers_of_an_assistant_are_a_transcript_still(read: Any) -> None:
    answer = "\n".join(f"step {n} of the recipe" for n in range(12))
    (loaded,) = read(f"User: How?\nAssistant: So.\n{answer}\nUser: Thanks\nAssistant: Fine.", "chat.md")
    assert [message.role for message in loaded.messages] == ["user", "assistant"] * 2
    assert loaded.messages[1].content.endswith("step 11 of the recipe")


def test_chinese_speakers_and_colons(read: Any) -> None:
    (loaded,) = read("张三：你好\n李雷：他说：来吧\n张三：好", "chat.txt")
    assert said(loaded) == [("张三", "你好"), ("李雷", "他说：来吧"), ("张三", "好")]


def test_one_line_before_the_first_message_is_the_title(read: Any) -> None:
    (loaded,) = read("# Chat with Bo\n\nAda: a\nBo: b\nAda: c", "chat.txt")
    assert loaded.title == "Chat with Bo"


def test_several_lines_before_the_first_message_are_kept(read: Any) -> None:
    (loaded,) = read("Recorded in the park.\nRain later.\nAda: a\nBo: b\nAda: c", "chat.txt")
    assert (loaded.messages[0].role, loaded.messages[0].content) == (
        "system",
        "Recorded in the park.\nRain later.",
    )


@pytest.mark.parametrize(
    "text",
    [
        "Just a line",
        "Ada: one line only",
        "Note: a\nNote: b\nNote: c",
        "Name: Bo\nCity: Rome\nJob: clerk",
        "A story.\nIt is long.\nAda: hi\nIt goes on.\nAnd on.\nBo: yo\nAnd on.\nMore.\nEnd.",
        "Ingredients: eggs\nMethod: boil",
        "# Tool\n\n## Install\n\nRun: pip install x\n\nUsage: run it\nUsage: again\n",
        "Dear all,\nhttp://a.b\nhttp://a.c\nhttp://a.d",
    ],
)
def test_prose_is_a_document(read: Any, text: str) -> None:
    (loaded,) = read(text, "notes.txt")
    assert (loaded.format, loaded.body) == ("text", text)


def test_a_wanted_conversation_is_read_from_one_line(read: Any) -> None:
    (loaded,) = read("Ada: one line only", "x.txt", modality=Modality.CONVERSATION)
    assert said(loaded) == [("Ada", "one line only")]


def test_a_wanted_document_keeps_a_transcript_as_text(read: Any) -> None:
    (loaded,) = read("Ada: a\nBo: b\nAda: c", "x.md", modality=Modality.DOCUMENT)
    assert loaded.format == "markdown"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("nobody speaks", "chat.txt: holds no lines of the form `Name: text`"),
        ("Ada: ok\n[2024-13-05 14:02] Ada: x\n[2024-01-05 14:02] Bo: y", "chat.txt:2: there is no such time"),
        ("[9999-01-05 14:02] Ada: x", "chat.txt:1: time 9999-01-05T14:02:00+00:00 lies outside"),
        ("0000-01-01\nAda: x\nBo: y", "chat.txt:1: there is no such time"),
        ("[2024-01-05 25:02] Ada: x", "chat.txt:1: there is no such time"),
        ("Ada: \nBo:\n", "chat.txt: holds no text"),
        (f"Ada: x\nBo: {'y' * 100_001}\nAda: z", "chat.txt:2: is larger than 100000 bytes"),
    ],
)
def test_a_bad_transcript_says_where(read: Any, text: str, error: str) -> None:
    with pytest.raises(LoadError) as caught:
        read(text, "chat.txt", format="transcript")
    assert str(caught.value).startswith(error)
