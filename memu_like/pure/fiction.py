"""Fiction: which parts of what a person writes belong to a story or a role-play, and are no facts of theirs.

A role-play ("let's pretend", "you are a wizard") makes the speaker's next messages fiction until it is ended
("ok, stop", "end of story"), another matter comes up ("by the way"), or MOST_TURNS messages have passed. One
that was only told of or asked for ("write a story", "my character in the game") also ends at a word of thanks
or of the day, so that what a person tells beside it is kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .patterns import lazy

#: A role-play that nobody ended is over after this many messages of the person.
MOST_TURNS = 8

#: "You are a wizard" sets a scene; "you are a queen" may be praise, and needs a "now".
_CHARACTER = (
    r"(?:an?|the|my)\s(?:\w+\s){0,2}(?:wizard|witch|dragon|pirate|vampire|elf|orc|goblin|troll|sorcerer|sorceress|"
    r"necromancer|dungeon\smaster|game\smaster|narrator|innkeeper|werewolf|mermaid|talking\s\w+)\b(?!!)"
)
_ROLE = (
    r"(?:an?|the|my)\s(?:\w+\s){0,2}(?:knight|king|queen|prince|princess|robot|alien|ghost|monster|giant|villain|hero|"
    r"detective|captain)\b"
)
_CALLS = (
    r"(?:^\W*(?:(?:haha|hey|ok(?:ay)?|alright|now|so|and|please)\W+){0,2}|\b(?:let['’]?s|let\sus|(?:can|could)\s(?:we|you)|"
    r"please|wanna|want\sto|like\sto)\s)"
)
_STARTS = lazy(
    rf"{_CALLS}(?:pretend\s(?:that\b|to\sbe\b)|(?:(?:do|start|play|have)\s(?:(?:an?|some|this)\s)?)?role[\s-]?play|"
    r"play\s(?:pretend|make[\s-]believe|an?\s(?:text\s)?adventure))"
    rf"|(?:{_CALLS}|[:;…]\s?)pretend\s(?:you|i|we|it)\b|(?:{_CALLS}|[:;,]\s)you\sare\s(?:now\s)?{_CHARACTER}"
    rf"|(?:{_CALLS}|[:;,]\s)you\sare\snow\s{_ROLE}"
    r"|(?:我们|我們|咱们|来|來|玩)角色扮演|假装(?:你|我|我们)(?:是|在)|(?:你(?:现在)?扮演|你现在是一?[个位名条只])",
    re.IGNORECASE,
)
_TELLS = lazy(
    r"\b(?:write|tell|create|continue|make\sup)\b.{0,20}\b(?:story|poem|scene|song|dialogue|novel|script|fable|lyrics|"
    r"screenplay|haiku|limerick)\b|\brole-?play|once\supon\sa\stime|(?:写|编|讲).{0,6}(?:故事|诗|小说|剧本)|角色扮演",
    re.IGNORECASE,
)
#: What was asked for is a text that the person may go on with, sentence by sentence.
_GOES_ON = lazy(
    r"\b(?:story|scene|novel|dialogue|script|fable|screenplay)\b|once\supon|故事|小说|剧本", re.IGNORECASE
)
_IN_A_GAME = lazy(
    r"\bmy\scharacter(?:['’]s|\s(?:is|was|has|had|lives?|lived|can|will|went|got|named|called))\b|\b(?:in|for)\s(?:the|this|our|my)\s(?:game|campaign|story|role-?play|d&d|rpg)\b[^.!?]{0,40}\bi\s(?:am|play)\b",
    re.IGNORECASE,
)
_SENTENCE = lazy(
    r"\bonce\supon\sa\stime\b|\b(?:role-?play|pretend(?:ing)?\s(?:that|to\sbe|you|i|we)|imagine\s(?:that\s|if\s)?(?:you|"
    r"i|we|a)\b|hypothetically|suppose\s(?:that\s)?(?:i|you|we)|fan\s?fiction|in\sthis\s(?:scenario|story)|"
    r"act\sas\s(?:if|a|an|my)|you\sare\s(?:a|an|now)\b)|从前|很久以前|角色扮演|假设我|假如我|假装|扮演",
    re.IGNORECASE,
)
#: The sentence that ends a role-play still belongs to it.
_ENDS = lazy(
    r"\bend\s(?:of\s)?(?:the\s|this\s)?(?:story|role-?play|game|scene)\b|^\W*the\send\b|\bback\sto\s(?:real|normal|business|work|"
    r"earth|life)|\b(?:ok(?:ay)?|alright|enough|please|now)[,!.\s]+(?:let['’]?s\s)?stop\b|^\W*stop\b|\bstop\s(?:the\s|this\s|playing|"
    r"pretending|role)|\blet['’]?s\s(?:stop|pause|end|leave\sit)\b|\bgame\sover\b|\bout\sof\scharacter\b|\booc\b|"
    r"\benough\s(?:of\s)?(?:that|this|pretend\w*|role-?play\w*|games?|stor\w+)|故事(?:结束|讲完)|游戏结束|不玩了|停下|到此为止",
    re.IGNORECASE,
)
#: A sentence that turns to something else is real again.
_TURNS = lazy(
    r"\W*(?:(?:haha|ok(?:ay)?|oh|so|and|well)\W+){0,2}(?:by\sthe\sway|btw|anyways?\b|on\sanother\snote|(?:an)?other\sthing|"
    r"one\smore\sthing|chang(?:e|ing)\s(?:of\s|the\s)?(?:topic|subject)|(?:different|new)\s(?:topic|question|subject)|"
    r"speaking\sof|unrelated|update\b|(?:big\s|good\s|bad\s)?news\b|good\smorning|real\squestion|in\sreal\slife|irl\b|"
    r"(?:back\s)?in\sreality|jokes?\saside|seriously\snow|for\sreal\b|对了|顺便|说真的|言归正传|换个话题|回到现实)",
    re.IGNORECASE,
)
_OF_THE_DAY = lazy(
    r"\b(?:thanks|thank\syou|yesterday|today|tonight|tomorrow|(?:last|this|next)\s(?:week(?:end)?|month|year|night|morning|"
    r"\w+day)|on\s(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b|谢谢|昨天|今天|明天|上周|下周",
    re.IGNORECASE,
)
#: Every start and request has one of these, in lower case: a cheap look that most messages do not pass.
_SIGNS = (
    *(
        "pretend",
        "role",
        "adventure",
        "make-believe",
        "make believe",
        "you are ",
        "my character",
        "game",
        "campaign",
    ),
    *(
        "d&d",
        "rpg",
        "story",
        "poem",
        "scene",
        "song",
        "dialogue",
        "novel",
        "script",
        "fable",
        "lyrics",
        "screenplay",
    ),
    *("haiku", "limerick", "once upon", "装", "扮", "写", "编", "讲", "你现在是"),
)
#: The same for a single sentence.
_SENTENCE_SIGNS = (
    *("once upon", "role", "pretend", "imagine", "hypothetical", "suppose", "fiction", "in this s", "act as"),
    *("you are a", "you are now", "从前", "很久以前", "扮", "假"),
)


@dataclass(frozen=True, slots=True)
class Play:
    """A role-play under way: how many more messages it may last, and whether words must say that it ends."""

    turns: int
    firm: bool


def is_fiction(sentence: str) -> bool:
    """Whether a sentence by itself supposes or tells what is not so."""
    lowered = sentence.lower()
    return any(sign in lowered for sign in _SENTENCE_SIGNS) and bool(_SENTENCE.search(sentence))


def fiction_in(
    text: str, sentences: Sequence[tuple[int, int]], play: Play | None
) -> tuple[tuple[bool, ...], Play | None]:
    """Whether each sentence of a message is fiction, and the role-play that goes on after it."""
    flags: list[bool] = []
    lowered = text.lower()
    if play is None and not any(sign in lowered for sign in _SIGNS):
        return (False,) * len(sentences), None
    asked = bool(_TELLS.search(text[:200]))  # all of such a message is the request or its story
    play = Play(play.turns - 1, play.firm) if play and play.turns > 0 else None
    for start, end in sentences:
        sentence = text[start:end]
        over = play is not None and bool(_ENDS.search(sentence))
        if play and (_TURNS.match(sentence) or (not play.firm and _OF_THE_DAY.search(sentence))):
            play = None
        if _STARTS.search(sentence):
            play = Play(MOST_TURNS, firm=True)
        elif play is None and _IN_A_GAME.search(sentence):
            play = Play(MOST_TURNS, firm=False)
        flags.append(asked or play is not None)
        play = None if over else play
    if asked and play is None and _GOES_ON.search(text[:200]):
        play = Play(MOST_TURNS, firm=False)
    return tuple(flags), play
