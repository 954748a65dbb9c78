"""The parameters by which Memobase's clients choose from a profile, and the JSON that some of them hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query

from ....errors import InvalidInput
from ....models import ProfileQuery

Topics = Annotated[list[str] | None, Query()]
Chats = Annotated[
    str | None,
    Query(description='The last messages as JSON: [{"role": "user", "content": "..."}, ...].'),
]
Limits = Annotated[str | None, Query(description='Slots of a topic as JSON: {"interest": 3}.')]
NpmLimits = Annotated[str | None, Query(description="The same, as the npm client names it.")]
Tokens = Annotated[int | None, Query(ge=1, le=10_000_000)]
Size = Annotated[int | None, Query(ge=0, le=1_000_000)]


@dataclass(frozen=True, slots=True)
class Selection:
    """What profile and context are chosen by alike."""

    prefer_topics: tuple[str, ...]
    only_topics: tuple[str, ...]
    max_subtopic_size: int | None
    topic_limits: dict[str, int]
    chats: tuple[dict[str, Any], ...]

    def query(self, max_token_size: int | None, topk: int | None) -> ProfileQuery:
        return ProfileQuery(
            max_token_size=max_token_size,
            prefer_topics=self.prefer_topics,
            only_topics=self.only_topics,
            max_subtopic_size=self.max_subtopic_size,
            topic_limits=self.topic_limits,
            topk=topk,
            chats=self.chats,
        )


async def selection(
    prefer_topics: Topics = None,
    only_topics: Topics = None,
    max_subtopic_size: Size = None,
    topic_limits_json: Limits = None,
    topic_limits: NpmLimits = None,
    chats_str: Chats = None,
) -> Selection:
    return Selection(
        tuple(prefer_topics or ()),
        tuple(only_topics or ()),
        max_subtopic_size,
        read_limits(topic_limits_json or topic_limits or "{}"),
        read_chats(chats_str or "[]"),
    )


Selected = Annotated[Selection, Depends(selection)]


def read_limits(text: str) -> dict[str, int]:
    """Raises InvalidInput."""
    limits = _json("topic_limits_json", text)
    if not isinstance(limits, dict) or not all(type(size) is int and size >= 0 for size in limits.values()):
        raise InvalidInput('topic_limits_json must be like {"interest": 3}')
    return limits


def read_chats(text: str) -> tuple[dict[str, Any], ...]:
    """Raises InvalidInput."""
    chats = _json("chats_str", text)
    if not isinstance(chats, list) or not all(_is_message(one) for one in chats):
        raise InvalidInput('chats_str must be like [{"role": "user", "content": "..."}]')
    return tuple(chats)


def _is_message(one: object) -> bool:
    return isinstance(one, dict) and isinstance(one.get("role"), str) and isinstance(one.get("content"), str)


def _json(name: str, text: str) -> object:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{name} is not JSON") from error
    return found
