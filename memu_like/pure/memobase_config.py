"""Memobase's configuration: the keys of its `config.yaml`, read as they are, and which setting each one is.

The keys, their types and defaults are those that Memobase documents under "Self-Hosted Configuration".
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..config import Settings
from ..errors import ConfigError

ENV_PREFIX = "MEMOBASE_"
PROFILE_KEYS = frozenset(
    [
        *("language", "profile_strict_mode", "profile_validate_mode", "additional_user_profiles"),
        *("overwrite_user_profiles", "event_theme_requirement", "event_tags", "enable_event_summary"),
    ]
)
"""What a client may set by Memobase's profile_config. The others are the server's: models, keys, sizes."""

_RENAMED = {
    "use_timezone": "timezone",
    "buffer_flush_interval": "buffer_flush_interval",
    "max_chat_blob_buffer_token_size": "max_chat_blob_buffer_token_size",
    "max_pre_profile_token_size": "slot_budget_tokens",
    "llm_base_url": "llm_base_url",
    "llm_api_key": "llm_api_key",
    "llm_openai_default_query": "llm_query",
    "llm_openai_default_header": "llm_headers",
    "best_llm_model": "llm_model",
    "summary_llm_model": "llm_model_reorganise",
    "thinking_llm_model": "llm_model_judge",
    "embedding_model": "embedder_model",
    "embedding_base_url": "embedder_base_url",
    "embedding_api_key": "embedder_api_key",
    "embedding_dim": "embedder_dimensions",
    "profile_strict_mode": "profile_strict",
    "profile_validate_mode": "profile_validate",
    "event_theme_requirement": "event_theme",
}
_NO_COUNTERPART = {
    "persistent_chat_blobs": "every blob is kept",
    "max_chat_blob_buffer_process_token_size": "a large blob is split; extract_tokens is the size of a part",
    "max_profile_subtopics": "a topic is limited by category_budget_tokens",
    "cache_user_profiles_ttl": "nothing is cached that could be stale",
    "llm_tab_separator": "replies of a model are JSON",
    "llm_style": "any OpenAI-compatible endpoint is asked alike",
    "system_prompt": "prompts are files: `memu-like prompts copy` puts them into the store's prompts/",
    "enable_event_embedding": 'everything is embedded, or nothing (embedder = "none")',
    "embedding_max_token_size": "a text is cut to what the embedding model takes",
    "enable_event_summary": "every event has its summary",
    "minimum_chats_token_size_for_event_summary": "every event has its summary",
    "telemetry_deployment_environment": "there is no telemetry",
}
OPENAI_URL = "https://api.openai.com/v1"
_ENDPOINTS = {
    "openai": None,
    "jina": "https://api.jina.ai/v1",
    "ollama": "http://localhost:11434/v1",
    "lmstudio": "http://localhost:1234/v1",
}
_EMBEDDING = tuple(f"embedding_{part}" for part in ("provider", "model", "base_url", "api_key", "dim"))
_UNFIT = frozenset('/\\:*?"<>|#^')


class _Table(BaseModel):
    # A value that is refused may be a key.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SubTopic(_Table):
    name: str
    description: str = ""
    update_description: str = ""
    validate_value: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else _without_none(value)


class Topic(_Table):
    topic: str
    description: str = ""
    sub_topics: tuple[SubTopic, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _nulls(cls, value: object) -> object:
        return _without_none(value)


class Tag(_Table):
    name: str
    description: str = ""

    @model_validator(mode="before")
    @classmethod
    def _nulls(cls, value: object) -> object:
        return _without_none(value)


def _without_none(value: object) -> object:
    """A null in YAML stands for what is not given."""
    if isinstance(value, Mapping):
        return {key: one for key, one in value.items() if one is not None}
    return value


class MemobaseConfig(_Table):
    """The keys with their types. None is a key that is not given: its default is ours."""

    persistent_chat_blobs: bool | None = None
    use_timezone: str | None = None
    system_prompt: str | None = None
    buffer_flush_interval: float | None = Field(default=None, ge=0)
    max_chat_blob_buffer_token_size: int | None = Field(default=None, ge=1)
    max_chat_blob_buffer_process_token_size: int | None = None
    max_profile_subtopics: int | None = Field(default=None, ge=1)
    max_pre_profile_token_size: int | None = Field(default=None, ge=1)
    cache_user_profiles_ttl: float | None = None
    llm_tab_separator: str | None = None
    language: Literal["en", "zh", "ja"] | None = None
    llm_style: str | None = None
    llm_base_url: str | None = None
    llm_api_key: str | None = None
    llm_openai_default_query: dict[str, str] | None = None
    llm_openai_default_header: dict[str, str] | None = None
    best_llm_model: str | None = None
    thinking_llm_model: str | None = None
    summary_llm_model: str | None = None
    enable_event_embedding: bool | None = None
    embedding_provider: Literal["openai", "jina", "ollama", "lmstudio"] | None = None
    embedding_model: str | None = None
    embedding_base_url: str | None = None
    embedding_api_key: str | None = None
    embedding_dim: int | None = Field(default=None, ge=1)
    embedding_max_token_size: int | None = None
    additional_user_profiles: tuple[Topic, ...] | None = None
    overwrite_user_profiles: tuple[Topic, ...] | None = None
    profile_strict_mode: bool | None = None
    profile_validate_mode: bool | None = None
    event_theme_requirement: str | None = None
    event_tags: tuple[Tag, ...] | None = None
    enable_event_summary: bool | None = None
    minimum_chats_token_size_for_event_summary: int | None = None
    telemetry_deployment_environment: str | None = None


@dataclass(frozen=True, slots=True)
class Translated:
    """A layer of settings; `keys` says by which of Memobase's keys each is. `notes` tell what is not used."""

    values: Mapping[str, Any]
    keys: Mapping[str, str]
    notes: tuple[str, ...]


def own_name(key: str) -> str | None:
    """The setting that a key of Memobase's is, where it is one under another name."""
    found = {**_RENAMED, "additional_user_profiles": "additional_categories"}
    found |= {"overwrite_user_profiles": "categories", "embedding_provider": "embedder"}
    return found.get(key)


def read_config(values: Mapping[str, Any], places: Mapping[str, str]) -> MemobaseConfig:
    """Check the keys and types. `places` says where a key stands. Raises ConfigError with the place."""
    for key in values:
        if key not in MemobaseConfig.model_fields:
            raise ConfigError(f"{places.get(key, key)}: unknown key {key!r}{_near(key)}")
    try:
        return MemobaseConfig.model_validate(dict(values))
    except ValidationError as error:
        # A wrong name explains what is missing under the right one.
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        loc = [str(part) for part in first["loc"]]
        said = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            said = f"unknown key {loc[-1]!r}{_nearest(loc[-1], _names_within(loc))}"
        # Not "from error": that one holds the values, keys among them.
        raise ConfigError(f"{places.get(loc[0], loc[0])}: {'.'.join(loc)}: {said}") from None


def _near(key: str) -> str:
    if key in Settings.model_fields:
        return "; it is a setting of memory.toml"
    return _nearest(key, MemobaseConfig.model_fields)


def _nearest(key: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
    return f"; did you mean {near[0]!r}?" if near else ""


def _names_within(loc: Sequence[str]) -> Sequence[str]:
    if "sub_topics" in loc:
        return [*SubTopic.model_fields]
    return [*(Tag if loc[0] == "event_tags" else Topic).model_fields]


def environment_values(environ: Mapping[str, str]) -> dict[str, Any]:
    """The `MEMOBASE_*` variables that are keys of the configuration; others are a client's, and no mistake.

    As Memobase reads them: what parses as JSON is JSON, anything else a text.
    """
    names = {f"{ENV_PREFIX}{key.upper()}": key for key in MemobaseConfig.model_fields}
    return {key: _json_or_text(environ[name]) for name, key in names.items() if name in environ}


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def translate(config: MemobaseConfig) -> Translated:
    """What a configuration says, in our settings. A key that is null says nothing."""
    given = {key: value for key, value in config if value is not None}
    keys = {ours: theirs for theirs, ours in _RENAMED.items() if theirs in given}
    values: dict[str, Any] = {ours: given[theirs] for ours, theirs in keys.items()}
    notes = [f"{key}: not used: {_NO_COUNTERPART[key]}" for key in given if key in _NO_COUNTERPART]
    if config.language is not None:
        _take_language(config.language, values, keys, notes)
    _take_embedding(config, values, keys, notes)
    _take_topics(config, values, keys, notes)
    return Translated(values, keys, tuple(notes))


def _take_language(language: str, values: dict[str, Any], keys: dict[str, str], notes: list[str]) -> None:
    keys["language"] = "language"
    values["language"] = language
    if language == "ja":
        values["language"] = "auto"
        notes.append("language: there are no Japanese prompts; auto writes in the conversation's language")


def _take_embedding(
    config: MemobaseConfig, values: dict[str, Any], keys: dict[str, str], notes: list[str]
) -> None:
    """Where any of the embedding keys is given, embeddings come from an endpoint, as in Memobase."""
    said = [key for key in _EMBEDDING if getattr(config, key) is not None]
    if not said:
        return
    values["embedder"], keys["embedder"] = "openai", said[0]
    endpoint = _ENDPOINTS[config.embedding_provider or "openai"]
    if config.embedding_base_url is None and endpoint is not None:
        values["embedder_base_url"], keys["embedder_base_url"] = endpoint, "embedding_provider"
    if config.embedding_api_key is None and config.llm_api_key is not None:
        if _endpoint(values.get("embedder_base_url")) == _endpoint(config.llm_base_url):
            values["embedder_api_key"], keys["embedder_api_key"] = config.llm_api_key, "llm_api_key"
        else:
            notes.append("llm_api_key: not sent to another endpoint for embeddings: give embedding_api_key")


def _endpoint(url: str | None) -> str:
    return (url or OPENAI_URL).rstrip("/")


def _take_topics(
    config: MemobaseConfig, values: dict[str, Any], keys: dict[str, str], notes: list[str]
) -> None:
    for theirs, ours in (
        ("overwrite_user_profiles", "categories"),
        ("additional_user_profiles", "additional_categories"),
    ):
        topics: tuple[Topic, ...] | None = getattr(config, theirs)
        if topics is not None:
            keys[ours], values[ours] = theirs, [_category(topic) for topic in topics]
            notes += [f"{theirs}: {note}" for topic in topics for note in _topic_notes(topic)]
    if config.event_tags is not None:
        keys["event_tags"] = "event_tags"
        values["event_tags"] = [tag.model_dump() for tag in config.event_tags]


def _category(topic: Topic) -> dict[str, Any]:
    slots = [
        {"name": unified(sub.name), **sub.model_dump(include={"description", "update_description"})}
        for sub in topic.sub_topics
    ]
    return {"name": unified(topic.topic), "description": topic.description, "slots": slots}


def _topic_notes(topic: Topic) -> list[str]:
    names = [topic.topic, *(sub.name for sub in topic.sub_topics)]
    notes = [f"{name!r} is called {unified(name)!r}" for name in names if _UNFIT & set(name)]
    if any(sub.validate_value is not None for sub in topic.sub_topics):
        notes.append(f"validate_value in {topic.topic!r}: not used: profile_validate holds for all slots")
    return notes


def unified(name: str) -> str:
    """A topic's or sub_topic's name as Memobase stores it, and as a file or a heading can be called."""
    plain = "_".join(name.lower().split())
    return "".join("-" if char in _UNFIT else char for char in plain)
