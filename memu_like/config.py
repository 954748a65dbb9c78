"""Settings: one frozen value, read from code over environment over the store's `memory.toml`.

Nothing here reads a file or the environment: the service does, and hands the values in.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_origin
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from .errors import ConfigError
from .models import ItemType

ENV_PREFIX = "MEMU_LIKE_"
NOT_SETTINGS = frozenset(["MEMU_LIKE_USER", "MEMU_LIKE_TOKEN"])
"""Variables that a face reads for itself."""

EmbedderName = Literal["static", "minilm", "openai", "none"]


class SlotSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    description: str = ""
    examples: tuple[str, ...] = ()
    cues: tuple[str, ...] = ()
    update_description: str = ""
    """Told to a model: how new facts change what stands here, such as "keep the latest only"."""


class CategorySettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    description: str = ""
    slots: tuple[SlotSettings, ...] = ()
    cues: tuple[str, ...] = ()
    update_description: str = ""


class NamedSettings(BaseModel):
    """A name with what it means: an event tag, an item type."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(min_length=1, max_length=60)
    description: str = ""


class PriceSettings(BaseModel):
    """What a model costs, in any currency, per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    input: float = Field(ge=0)
    output: float = Field(ge=0)


class Settings(BaseModel):
    """All settings, with their defaults. Sizes are in tokens, characters or bytes as the name says."""

    # A value that is refused may be a key.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    store: Path = Path("memory_store")
    timezone: str = "UTC"
    """IANA name; naive times that come in are read in it."""

    embedder: EmbedderName = "static"
    embedder_model: str | None = None
    """For `openai`: the model's name at the endpoint."""
    embedder_base_url: str | None = None
    embedder_api_key: str | None = Field(default=None, repr=False)
    embedder_dimensions: int | None = Field(default=None, gt=0, le=8192)

    encoding: str = "cl100k_base"
    """The tiktoken encoding that budgets are counted in."""

    categories: tuple[CategorySettings, ...] = ()
    """Replaces the ten default categories where it is not empty."""
    additional_categories: tuple[CategorySettings, ...] = ()
    """Beside those. One of a name that is there already adds its slots to it."""
    slot_budget_tokens: int = Field(default=256, ge=16)
    category_budget_tokens: int = Field(default=2048, ge=64)

    llm_model: str | None = None
    """The model's name at the endpoint. None: no language model is called."""
    llm_model_extract: str | None = None
    llm_model_reorganise: str | None = None
    llm_model_judge: str | None = None
    llm_model_navigate: str | None = None
    llm_model_reply: str | None = None
    llm_base_url: str | None = None
    """Any OpenAI-compatible endpoint; None is OpenAI's own."""
    llm_api_key: str | None = Field(default=None, repr=False)
    llm_headers: dict[str, str] = Field(default_factory=dict, repr=False)
    llm_query: dict[str, str] = Field(default_factory=dict, repr=False)
    """Sent with every request, such as an api-version."""
    llm_timeout_seconds: float = Field(default=120.0, gt=0)
    llm_retries: int = Field(default=3, ge=0, le=20)
    """Repeats of a call that failed by rate limit, timeout or a server's fault, with growing pauses."""
    llm_concurrency: int = Field(default=4, ge=1, le=256)
    llm_temperature: float | None = Field(default=0.0, ge=0, le=2)
    """None: the endpoint's own. Left out by itself where the endpoint refuses it."""
    llm_output_tokens: int | None = Field(default=None, ge=16)
    """Of one reply at most, where a step would allow more: for a small context, or a model that rambles."""
    llm_output: Literal["auto", "json_schema", "json_object", "text"] = "auto"
    """How structured replies are asked for; auto finds out what the endpoint takes, once."""
    llm_prices: dict[str, PriceSettings] = Field(default_factory=dict)
    llm_run_token_cap: int | None = Field(default=None, ge=1)
    llm_run_cost_cap: float | None = Field(default=None, gt=0)
    llm_day_token_cap: int | None = Field(default=None, ge=1)
    llm_day_cost_cap: float | None = Field(default=None, gt=0)
    """Caps, off by default: of one run (or one retrieval or reply), and of the store in one day (UTC)."""

    language: Literal["auto", "en", "zh"] = "auto"
    """The language of prompts and of what a model writes; auto is that of the conversation."""
    extract_tokens: int = Field(default=12_000, ge=200)
    """Turns of one extraction call at most; a longer resource takes several calls in one run."""
    known_tokens: int = Field(default=300, ge=0)
    """What memory already says, in an extraction prompt."""
    max_items_per_call: int = Field(default=100, ge=1, le=1000)
    profile_strict: bool = False
    """A model may use the configured slots only."""
    profile_validate: bool = True
    """Empty and meaningless values ("unknown", "n/a") are refused."""
    event_theme: str = ""
    """What an event's summary should dwell on."""
    event_tags: tuple[NamedSettings, ...] = ()
    item_types: tuple[NamedSettings, ...] = ()
    """Beside the six that every store has."""
    propose_categories: Literal["off", "suggest", "on"] = "off"
    """New categories where items fit none: never, as a finding in the event, or made at once."""
    reorganise: bool = True
    """A category or slot over its budget gets one more call that reorganises it."""
    reorganise_loss: float = Field(default=0.25, ge=0, le=1)
    """The share of entries that a reorganisation may drop from view at most."""

    retrieve_method: Literal["rag", "llm"] = "rag"
    retrieve_decide: bool = False
    """A model decides whether a query needs memory at all; else a rule for small talk does."""
    retrieve_rewrite: bool = False
    """A model rewrites the query with the conversation's history."""
    retrieve_judge: bool = False
    """A model judges after each tier whether what was found is enough; else a score rule does."""
    navigate_steps: int = Field(default=8, ge=1, le=50)
    navigate_tokens: int = Field(default=16_000, ge=500)
    """Budgets of a retrieval by reading (method "llm"): model calls, and tokens of what it is shown."""

    max_chat_blob_buffer_token_size: int = Field(default=1024, ge=1)
    """In the background, a buffer is flushed once it has more tokens than this; by Memobase's name."""
    buffer_flush_interval: float = Field(default=3600.0, gt=0)
    """In the background, a buffer is flushed once nothing was added to it for so many seconds."""
    flush_on_close: bool = False
    """Closing the service flushes the buffers that it has added to; else they stay as they are."""
    background_workers: int = Field(default=4, ge=1, le=64)
    """How many users' buffers are flushed at once in the background."""
    flush_retry_seconds: float = Field(default=30.0, gt=0)
    """The pause before a flush that failed is tried again; it doubles each time, up to an hour."""
    flush_retries: int = Field(default=8, ge=0)
    """How often a run is tried whose replies cannot be used; then it waits for a flush with retry."""

    mask_secrets: bool = True
    """Keep API keys, passwords and card numbers out of items and categories, and mask them in hits."""

    session_gap_hours: float = Field(default=6.0, gt=0)
    """A silence this long between two messages starts a new resource."""
    max_message_bytes: int = Field(default=16 * 1024 * 1024, gt=0)
    max_file_bytes: int = Field(default=256 * 1024 * 1024, gt=0)
    lock_timeout_seconds: float = Field(default=60.0, ge=0)
    open_folders: int = Field(default=64, ge=1)
    """How many users' indexes stay in memory at once; the least recently used is closed."""

    top_k: int = Field(default=10, ge=1, le=1000)

    git: Literal["auto", "on", "off"] = "auto"
    """Commit each run: where the store is the top of a repository (auto), wherever one holds it, or never."""
    git_author: str = "memu-like <memu-like@localhost>"
    """Who commits the machine's own changes, as "name <address>"."""
    sync_hold_share: float = Field(default=0.3, gt=0, le=1)
    """Where more than this share of all entries is gone at once, nothing is retracted until confirmed."""
    sync_hold_least: int = Field(default=5, ge=1)
    """Fewer entries than this are never held back, except where no category file is left."""
    watch_debounce_seconds: float = Field(default=0.3, gt=0, le=60)
    """A watched folder is synced once nothing in it has changed for so long."""

    def type_names(self) -> tuple[str, ...]:
        """Every item type of this store."""
        return (*(kind.value for kind in ItemType), *(kind.name for kind in self.item_types))

    @field_validator(
        *("llm_model", "llm_model_extract", "llm_model_reorganise", "llm_model_judge"),
        *("llm_model_navigate", "llm_model_reply", "llm_base_url", "llm_api_key"),
        mode="before",
    )
    @classmethod
    def _stripped(cls, value: object) -> object:
        """An empty variable in the environment takes back what the store's file says."""
        return (value.strip() or None) if isinstance(value, str) else value

    @field_validator("llm_temperature", mode="before")
    @classmethod
    def _no_temperature(cls, value: object) -> object:
        """The file and the environment have no null: "none" says it there."""
        return None if isinstance(value, str) and value.lower() == "none" else value

    @field_validator("llm_base_url")
    @classmethod
    def _plain_url(cls, url: str | None) -> str | None:
        """An address is shown in errors, so nothing secret may stand in it."""
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("give an address such as http://localhost:8080/v1")
        if parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError(
                "no query or password can stand in it: use llm_query, llm_api_key or llm_headers"
            )
        return url.rstrip("/")

    @field_validator("git_author")
    @classmethod
    def _name_and_address(cls, author: str) -> str:
        if not re.fullmatch(r"[^<>\n]*[^<>\s][^<>\n]*<[^<>\s]+>", author):
            raise ValueError("give a name and an address, such as memu-like <memu-like@localhost>")
        return author

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"there is no time zone {name!r}; give a name such as Europe/Lisbon") from error
        return name


def build_settings(*layers: Mapping[str, Any], origins: Mapping[str, str] | None = None) -> Settings:
    """Merge layers, the later over the earlier, and validate. ConfigError names the nearest right key.

    `origins` says where a setting was given, for the error.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        merged.update(layer)
    known = set(Settings.model_fields)
    for key in merged:
        if key not in known:
            raise ConfigError(f"unknown setting {key!r}{_did_you_mean(key, known)}{_from(key, origins)}")
    try:
        return Settings(**merged)
    except ValidationError as error:
        # A wrong name explains what is missing under the right one.
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        loc = [str(part) for part in first["loc"]]
        said = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            said = f"unknown key {loc[-1]!r}{_did_you_mean(loc[-1], _keys_within(loc))}"
        # Not "from error": that one holds the values, keys among them.
        raise ConfigError(f"setting {'.'.join(loc)!r}: {said}{_from(loc[0], origins)}") from None


def _did_you_mean(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, [*known], n=1, cutoff=0.4)
    return f"; did you mean {near[0]!r}?" if near else ""


def _from(key: str, origins: Mapping[str, str] | None) -> str:
    return f" (from {origins[key]})" if origins and key in origins else ""


def _keys_within(loc: Sequence[str]) -> Iterable[str]:
    """Those of the table that an unknown key stands in."""
    table: type[BaseModel] = NamedSettings
    if loc[0].endswith("categories"):
        table = SlotSettings if "slots" in loc else CategorySettings
    elif loc[0] == "llm_prices":
        table = PriceSettings
    return table.model_fields


def settings_from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """The `MEMU_LIKE_*` variables that name a setting, as a layer. Others are an error: a typo must show.

    Lists and tables are given as JSON. Raises ConfigError where one is not.
    """
    layer: dict[str, Any] = {}
    for key, value in environ.items():
        if key.startswith(ENV_PREFIX) and key not in NOT_SETTINGS:
            name = key[len(ENV_PREFIX) :].lower()
            layer[name] = _from_json(key, value) if _is_structured(name) else value
    return layer


def _is_structured(name: str) -> bool:
    field = Settings.model_fields.get(name)
    return field is not None and get_origin(field.annotation) in (dict, tuple)


def _from_json(variable: str, text: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict | list):
        raise ConfigError(f'{variable} must be JSON, such as {{"name": "value"}} or [{{"name": "value"}}]')
    return value
