from __future__ import annotations

from typing import Any

import pytest

from memu_like.errors import LoadError

ANDROID = (
    "12/31/23, 10:15\u202fPM - Messages and calls are end-to-end encrypted. Tap to learn more.\n"
    '12/31/23, 10:15\u202fPM - Ada created group "Trip: Rome"\n'
    "12/31/23, 10:15\u202fPM - Ada Li: Happy new year\nto all: of you\n"
    "12/31/23, 10:16\u202fPM - Bo: <Media omitted>\n"
    "12/31/23, 10:17\u202fPM - Ada added Cy\n"
    "1/1/24, 12:05\u202fAM - +49 170 0000000: Signal is end-to-end encrypted too\n"
)
IOS = (
    "[31/12/2023, 22:15:30] Trip: \u200eMessages and calls are end-to-end encrypted.\r\n"
    "\u200e[31/12/2023, 22:15:31] Ada: \u200eimage omitted\r\n"
    "[31/12/2023, 22:15:40] Ada: \u200eAda added Bo\r\n"
    "[31/12/2023, 22:16:00] ~\u202fBo: our hotel \u200e<attached: 0001-PHOTO.jpg>\r\n"
    "[31/12/2023, 22:17:00] ~\u202fBo: it is nice \u200e<This message was edited>\r\n"
)


def said(read: Any, text: str) -> list[tuple[str, str, str]]:
    return [
        (message.name, f"{message.created_at:%Y-%m-%d %H:%M:%S}", message.content)
        for loaded in read(text, "WhatsApp Chat.txt")
        for message in loaded.messages
    ]


def test_android_month_first(read: Any) -> None:
    assert said(read, ANDROID) == [
        ("Ada Li", "2023-12-31 22:15:00", "Happy new year\nto all: of you"),
        ("Bo", "2023-12-31 22:16:00", "[media]"),
        ("+49 170 0000000", "2024-01-01 00:05:00", "Signal is end-to-end encrypted too"),
    ]


def test_ios_day_first(read: Any) -> None:
    assert said(read, IOS) == [
        ("Ada", "2023-12-31 22:15:31", "[media]"),
        ("Bo", "2023-12-31 22:16:00", "our hotel [media]"),
        ("Bo", "2023-12-31 22:17:00", "it is nice"),
    ]


def test_raw_is_a_message_with_its_time(read: Any) -> None:
    (loaded,) = read(IOS)
    assert loaded.format == "whatsapp"
    assert dict(loaded.messages[0].raw) == {
        "role": "user",
        "name": "Ada",
        "content": "[media]",
        "created_at": "2023-12-31T22:15:31+00:00",
    }


@pytest.mark.parametrize(
    ("dates", "months"),
    [
        (["13/1/24", "2/2/24"], [1, 2]),  # a first number above 12: day first
        (["1/13/24", "2/2/24"], [1, 2]),  # a second number above 12: month first
        (["5/3/24", "6/3/24", "1/4/24"], [3, 3, 4]),  # only day first runs forward
        (["3/5/24", "3/6/24", "4/1/24"], [3, 3, 4]),  # only month first runs forward
        (["1/2/24", "2/3/24"], [2, 3]),  # neither tells: day first
    ],
)
def test_day_or_month_first_is_decided_for_the_whole_file(
    read: Any, dates: list[str], months: list[int]
) -> None:
    text = "\n".join(f"{date}, 10:15 - Ada: x" for date in dates)
    assert [int(time[5:7]) for _, time, _ in said(read, text)] == months


@pytest.mark.parametrize(
    "line",
    [
        "5/3/24, 14:02 - Ada: x",
        "05.03.24, 14:02 - Ada: x",
        "05-03-2024 14:02 - Ada: x",
        "[05.03.24, 14:02:00] Ada: x",
        "[5/3/24, 2:02:00 PM] Ada: x",
        "5/3/24, 2:02 p.m. - Ada: x",
        "05/03/2024 14.02 - Ada: x",
        "2024/3/5 下午2:02 - Ada: x",
        "[2024/3/5 下午2:02:00] Ada: x",
        "2024-03-05, 14:02 - Ada: x",
    ],
)
def test_shapes_of_dates_and_clocks(read: Any, line: str) -> None:
    assert said(read, f"{line}\n{line}") == [("Ada", "2024-03-05 14:02:00", "x")] * 2


def test_noon_and_midnight_of_twelve_hours(read: Any) -> None:
    text = "5/3/24, 12:00 AM - Ada: a\n5/3/24, 12:30 PM - Ada: b\n5/3/24, 上午12:10 - Ada: c"
    assert [time[11:16] for _, time, _ in said(read, text)] == ["00:00", "12:30", "00:10"]


def test_a_silence_cuts_a_session(read: Any) -> None:
    assert len(read("1/2/24, 10:00 - Ada: a\n2/2/24, 10:00 - Ada: b")) == 2


def test_a_sentence_about_an_omitted_image_stays(read: Any) -> None:
    assert said(read, "13/2/24, 10:00 - Ada: the image omitted the dog")[0][2] == "the image omitted the dog"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("hello", "c.txt: holds no lines of the form"),
        ("13/1/24, 10:00 - Ada: a\n1/13/24, 10:00 - Bo: b", "c.txt:2: the date can only be month first"),
        ("30/2/24, 10:00 - Ada: a", "c.txt:1: there is no such time as 2024-02-30"),
        ("1/2/24, 25:00 - Ada: a", "c.txt:1: there is no such time"),
        ("1/2/9999, 10:00 - Ada: a", "c.txt:1: time 9999-02-01T10:00:00+00:00 lies outside"),
        ("1/2/24, 10:00 - Ada added Bo", "c.txt: holds no message of a person"),
        (f"1/2/24, 10:00 - Ada: a\n1/2/24, 10:00 - {'B' * 70}: {'b' * 100_001}", "c.txt:2: is larger"),
    ],
)
def test_a_bad_export_says_where(read: Any, text: str, error: str) -> None:
    with pytest.raises(LoadError) as caught:
        read(text, "c.txt", format="whatsapp")
    assert str(caught.value).startswith(error)
