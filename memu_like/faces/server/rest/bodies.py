"""The bodies that routes take. A name that none of them has is an error: a typo must show."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ....models import Modality

MAX_TOKENS = 1_000_000
MAX_WORDS = 1000
Text = Annotated[str, Field(max_length=16 * 1024 * 1024)]
Name = Annotated[str, Field(min_length=1, max_length=256)]
Chat = Annotated[
    list[dict[str, Any]],
    Field(
        description='Messages, {"role", "content", "name"?, "created_at"?, "id"?} each.',
        max_length=100_000,
        examples=[[{"role": "user", "content": "I adopted a cat named Bailey."}]],
    ),
]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewUser(Body):
    data: Annotated[dict[str, Any] | None, Field(description="What the application keeps.")] = None


class Messages(Body):
    messages: Chat


class Source(Body):
    """What to memorize: messages, or a text, or a file's bytes in base64 with its name. One of the three."""

    messages: Chat | None = None
    text: Text | None = None
    data: Annotated[str | None, Field(description="base64")] = None
    name: Annotated[Name | None, Field(description="Such as notes.md: its ending tells the format.")] = None
    format: Name | None = None
    modality: Modality | None = None
    model: Annotated[bool, Field(description="Whether a configured language model may be used.")] = True
    dry_run: Annotated[bool, Field(description="Tell what would be done, and write nothing.")] = False


class Flush(Body):
    model: bool = True
    dry_run: bool = False
    retry: Annotated[bool, Field(description="Also make the runs that were kept for later.")] = False


class Query(Body):
    query: Text
    method: Literal["rag", "llm"] | None = None
    top_k: Annotated[int | None, Field(ge=1, le=1000)] = None
    conversation_history: Annotated[list[dict[str, Any]], Field(max_length=MAX_WORDS)] = []
    explain: Annotated[bool, Field(description="Tell what each signal gave.")] = False


class Context(Body):
    """The options of Memobase's context call have its meaning."""

    max_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS)] = 1000
    query: Text | None = None
    prefer_topics: list[str] | None = None
    only_topics: list[str] | None = None
    max_subtopic_size: Annotated[int | None, Field(ge=0, le=MAX_TOKENS)] = None
    topic_limits: dict[str, Annotated[int, Field(ge=0, le=MAX_TOKENS)]] | None = None
    profile_event_ratio: Annotated[float | None, Field(ge=0, le=1)] = None
    require_event_summary: bool | None = None
    chats: Chat | None = None
    event_similarity_threshold: Annotated[float | None, Field(ge=-1, le=1)] = None
    time_range_in_days: Annotated[int | None, Field(ge=0, le=MAX_TOKENS)] = None
    full_profile_and_only_search_event: bool | None = None
    fill_window_with_events: bool | None = None
    customize_context_prompt: Text | None = None


Words = Annotated[list[Annotated[str, Field(max_length=256)]], Field(max_length=MAX_WORDS)]


class NewItem(Body):
    text: Text
    topic: Name
    slot: Name
    type: Name | None = None
    subject: Name | None = None
    keywords: Words | None = None
    tags: Words | None = None


class ItemChanges(Body):
    text: Text | None = None
    topic: Name | None = None
    slot: Name | None = None
    type: Name | None = None
    subject: Name | None = None
    keywords: Words | None = None
    tags: Words | None = None


class EventChanges(Body):
    summary: Text | None = None
    title: Text | None = None
    tags: Words | None = None


class Rename(Body):
    topic: Name


class Revert(Body):
    what: Annotated[str, Field(description="A run's id, or a commit.", min_length=1, max_length=256)]
    dry_run: bool = False


class Sync(Body):
    confirm: Annotated[bool, Field(description="Retract entries even where many are gone at once.")] = False


def given(body: Body) -> dict[str, Any]:
    """The fields that a client has set to something."""
    return body.model_dump(exclude_none=True, exclude_unset=True)
