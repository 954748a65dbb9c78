"""What a query takes from the conversation before it: reading the history, and a rule for leaning queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import InvalidInput
from .patterns import lazy
from .rendering import plain_line
from .terms import STOP_WORDS, stem, words

MAX_TURNS = 10
MAX_TOKENS = 1_500
"""Of the history, what is used: its last turns, under a budget. A turn that does not fit keeps its start."""

# A query that leans is filled up from this many of the user's last turns, with this many words at most.
USER_TURNS, MAX_WORDS = 2, 12
# "it" and "that" lean in a short question; in a longer one they mostly refer within it.
FEW_WORDS = 3

_CONTINUES = lazy(
    r"^\W*(?:and|but|or|so|then|also|what about|how about|else)\b|^\W*(?:那|还有|然后|而且|所以)", 2
)
_PERSON = lazy(r"\b(?:he|she|they|him|her|hers|his|them|their|theirs)\b|[他她](?:们)?", 2)
_THING = lazy(
    r"\b(?:it|its|that|this|those|these|there|then|one|ones|same|else)\b|它|那[个些里时边]?|这[个些里时边]?|呢",
    2,
)
_NAME = lazy(r"(?<=[^\W_] )[^\W\d_a-z][^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Turn:
    role: str
    text: str


def read_history(given: object) -> tuple[Turn, ...]:
    """Turns from messages {"role", "content"}; those without text are left out. Raises InvalidInput."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise InvalidInput(
            f"conversation_history must be a list of messages, not {type(given).__name__}: "
            'give [{"role": "user", "content": "..."}, ...]'
        )
    turns = (_turn(number, message) for number, message in enumerate(given, start=1))
    return tuple(turn for turn in turns if turn.text)


def _turn(number: int, message: object) -> Turn:
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise InvalidInput(f'conversation_history, message {number}: it needs a "role" and a "content"')
    content = message.get("content")
    if isinstance(content, Sequence) and not isinstance(content, str | bytes):
        parts = (part.get("text") for part in content if isinstance(part, Mapping))
        content = " ".join(part for part in parts if isinstance(part, str))
    if content is not None and not isinstance(content, str):
        raise InvalidInput(f"conversation_history, message {number}: its content is no text")
    return Turn(message["role"], (content or "").strip())


def recent(
    turns: Sequence[Turn],
    cut: Callable[[str, int], str],
    count: Callable[[str], int],
    max_tokens: int = MAX_TOKENS,
) -> str:
    """The last turns as lines "role: text", oldest first. `cut` and `count` are a token counter's."""
    lines: list[str] = []
    left = max_tokens
    for turn in reversed(turns[-MAX_TURNS:]):
        if left <= 0:
            break
        line = cut(f"{turn.role}: {plain_line(turn.text)}", left)
        lines.append(line)
        left -= count(line) + 1
    return "\n".join(reversed(lines))


def leans(query: str) -> bool:
    """Whether a query is understood only with what was said before: "and when was that?", "那她呢？"."""
    content = {stem(word) for word in words(query) if word not in STOP_WORDS and len(word) > 1}
    if _CONTINUES.search(query) or not content:
        return True
    if _PERSON.search(query) and not _NAME.search(query):
        return True
    return len(content) <= FEW_WORDS and bool(_THING.search(query))


def with_history(query: str, turns: Sequence[Turn]) -> str:
    """A leaning query with the content words of the user's last turns behind it; any other as it is."""
    said = [turn.text for turn in turns[-MAX_TURNS:] if turn.role == "user"][-USER_TURNS:]
    if not said or not leans(query):
        return query
    known = {stem(word) for word in words(query)}
    taken: dict[str, str] = {}
    for text in reversed(said):
        for word in words(text):
            if word not in STOP_WORDS and stem(word) not in known:
                taken.setdefault(stem(word), word)
    added = list(taken.values())[:MAX_WORDS]
    return f"{query} {' '.join(added)}" if added else query
