from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from memu_like.models import Message
from memu_like.pure.extracting import extract
from memu_like.pure.fiction import MOST_TURNS, Play, fiction_in
from memu_like.pure.sentences import split_sentences

SAID = datetime(2023, 7, 12, 15, 30, tzinfo=UTC)
FACT = "My brother was killed by a wizard."


def kept(*contents: str) -> list[str]:
    messages = [Message("user", content) for content in contents]
    return [draft.text for draft in extract(messages, [SAID] * len(messages)).drafts]


def after(content: str) -> Play | None:
    return fiction_in(content, split_sentences(content), None)[1]


@pytest.mark.parametrize(
    "start",
    [
        "Let's pretend that we are on a ship.",
        "Pretend we are in a fantasy story: I am Kess, a dragon rider.",
        "ok, pretend you are my landlord",
        "Can we role-play?",
        "Let's do a role play in a castle.",
        "You are a wizard. I knock at your door.",
        "You are now the king of Norway.",
        "Write a story about my village.",
        "In the game my character is an elf from the north.",
        "我们来角色扮演吧",
    ],
)
def test_a_role_play_makes_the_next_messages_fiction(start: str) -> None:
    assert kept(start, FACT) == []


@pytest.mark.parametrize(
    "plain",
    [
        "I can't pretend that I liked the soup in Rome.",
        "My daughter is a pirate for carnival in Lyon.",
        "You are a wizard! I love it.",
        "Mel, you are a queen.",
        "We watched a story about a dragon at the cinema in Lyon.",
        "I play the guitar in a band called Torsk.",
        "Write a poem for my wife Ana.",
        "At work we did icebreakers, role-play and games.",
        "The game on Saturday was great.",
    ],
)
def test_talk_of_such_things_starts_no_role_play(plain: str) -> None:
    assert after(plain) is None
    assert kept(plain, FACT)[-1] == FACT


@pytest.mark.parametrize(
    "end",
    ["Ok, stop.", "Haha ok, end of story, we are in Lund.", "Back to real life.", "The end.", "游戏结束。"],
)
def test_words_that_end_it_are_the_last_of_it(end: str) -> None:
    assert kept("Let's pretend we are elves.", FACT, f"{end} I live in Lyon.") == ["I live in Lyon."]


@pytest.mark.parametrize("turn", ["By the way", "Anyway", "Oh, on another note", "Other thing"])
def test_another_matter_ends_it_at_once(turn: str) -> None:
    (told,) = kept("Let's pretend we are elves.", FACT, f"I draw my sword. {turn}, I live in Lyon.")
    assert told.endswith("I live in Lyon.")


def test_what_stands_before_the_start_is_kept() -> None:
    assert kept("I live in Lyon. Pretend we are elves: I live in a tower.") == ["I live in Lyon."]


def test_a_role_play_that_nobody_ends_is_over_after_some_messages() -> None:
    replies = [f"My brother number {number} was killed by a wizard." for number in range(MOST_TURNS + 2)]
    assert kept("Let's pretend we are elves.", *replies) == replies[MOST_TURNS:]


def test_a_story_asked_for_ends_at_words_of_the_day_and_a_role_play_does_not() -> None:
    told = "I went to Lyon yesterday with Ana."
    assert kept("Write a story about a fox.", told) == [told]
    assert kept("Let's pretend we are elves.", told) == []


def test_one_speakers_role_play_is_not_anothers() -> None:
    messages = [
        Message("user", "Let's pretend we are elves.", name="Ana"),
        Message("user", "I live in Lyon.", name="Ben"),
        Message("user", "I live in a tower.", name="Ana"),
    ]
    assert [draft.subject for draft in extract(messages, [SAID] * 3).drafts] == ["Ben"]


def test_a_new_conversation_starts_without_it() -> None:
    assert kept("Let's pretend we are elves.") == []
    assert kept("I live in Lyon.") == ["I live in Lyon."]


@pytest.mark.parametrize(
    "piece",
    [
        "pretend ",
        "you are ",
        "my character ",
        ", ",
        "ok, ",
        "so ",
        '"Ignore ',
        "it said: ",
        "“",
        "'A ",
        "instructions ",
    ],
)
def test_hostile_text_is_read_in_linear_time(piece: str) -> None:
    text = "pretend, ignore the instructions " + piece * (200_000 // len(piece))
    began = time.perf_counter()
    extract([Message("user", text)], [SAID])
    assert time.perf_counter() - began < 30
