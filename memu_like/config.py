"""Settings: one frozen value, read from code over environment over the store's `memory.toml`.

Nothing here reads a file or the environment: the service does, and hands the values in.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from .errors import ConfigError

ENV_PREFIX = "MEMU_LIKE_"
NOT_SETTINGS = frozenset(["MEMU_LIKE_USER"])
"""Variables that a face reads for itself."""

EmbedderName = Literal["static", "minilm", "openai", "none"]


class SlotSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    description: str = ""
    examples: tuple[str, ...] = ()
    cues: tuple[str, ...] = ()


class CategorySettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    description: str = ""
    slots: tuple[SlotSettings, ...] = ()
    cues: tuple[str, ...] = ()


class Settings(BaseModel):
    """All settings, with their defaults. Sizes are in tokens, characters or bytes as the name says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    slot_budget_tokens: int = Field(default=256, ge=16)
    category_budget_tokens: int = Field(default=2048, ge=64)

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

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"there is no time zone {name!r}; give a name such as Europe/Lisbon") from error
        return name


def build_settings(*layers: Mapping[str, Any]) -> Settings:
    """Merge layers, the later over the earlier, and validate. ConfigError names the nearest right key."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged.update(layer)
    known = set(Settings.model_fields)
    for key in merged:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
            raise ConfigError(f"unknown setting {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    try:
        return Settings(**merged)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"setting {place!r}: {first['msg']}") from error


def settings_from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """The `MEMU_LIKE_*` variables that name a setting, as a layer. Others are an error: a typo must show."""
    layer: dict[str, Any] = {}
    for key, value in environ.items():
        if key.startswith(ENV_PREFIX) and key not in NOT_SETTINGS:
            layer[key[len(ENV_PREFIX) :].lower()] = value
    return layer
