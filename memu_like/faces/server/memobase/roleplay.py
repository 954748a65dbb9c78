"""What an application that speaks first might bring up."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, Field

from ....results import TopicProposal
from ..requests import User
from .envelope import answer
from .reading import or_nothing
from .selecting import Limits, NpmLimits, Size, Tokens, Topics, selection

router = APIRouter(prefix="/users/roleplay", tags=["roleplay"])


class Conversation(BaseModel):
    messages: list[dict[str, Any]]
    agent_context: Annotated[str | None, Field(description="What the application is about.")] = None


@router.post("/proactive/{user_id}")
async def propose_topic(
    user: User,
    body: Conversation,
    topk: Size = None,
    max_token_size: Tokens = None,
    prefer_topics: Topics = None,
    only_topics: Topics = None,
    max_subtopic_size: Size = None,
    topic_limits_json: Limits = None,
    topic_limits: NpmLimits = None,
) -> Response:
    """Whether the user goes on with what is spoken of; if not, what of their profile to turn to. By rules."""
    chosen = await selection(prefer_topics, only_topics, max_subtopic_size, topic_limits_json, topic_limits)
    found = user.propose_topic(
        body.messages,
        agent_context=body.agent_context or "",
        query=chosen.query(max_token_size, topk),
    )
    proposal = await or_nothing(found, TopicProposal("new_topic"))
    return answer({"action": proposal.action, "topic_prompt": proposal.prompt})
