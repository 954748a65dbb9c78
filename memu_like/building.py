"""What a service is built from: its settings, and the edges that all users share."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any

from .config import Settings, build_settings, settings_from_environment
from .edges.embedders import Embedder, make_embedder
from .edges.git.repository import Repository
from .edges.index.reading import embed_rows
from .edges.llm.base import Model
from .edges.prompts import Prompts
from .edges.tokens import make_counter
from .errors import ConfigError
from .models import Category
from .pure.categories import categories_from_settings, parse_categories
from .pure.slotting import SlotTable, build_slot_table
from .usecases.desk import Tools

SETTINGS_FILE = "memory.toml"
OPENAI_KEY = "OPENAI_API_KEY"


def read_settings(store: str | Path | None, overrides: Mapping[str, Any]) -> Settings:
    """Code over environment over the store's `memory.toml`.

    OPENAI_API_KEY is for OpenAI's own endpoint: it is not sent to an address that a setting names.
    """
    environment = settings_from_environment(os.environ)
    place = Path(store or overrides.get("store") or environment.get("store") or Settings().store)
    layers = _settings_file(place / SETTINGS_FILE), environment, {**overrides, "store": place}
    kinds = [kind for kind in ("embedder", "llm") if not any(one.get(f"{kind}_base_url") for one in layers)]
    key = os.environ.get(OPENAI_KEY)
    shared = {f"{kind}_api_key": key for kind in kinds} if key else {}
    return build_settings(shared, *layers)


def _settings_file(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error


def build_tools(settings: Settings, model: Model | None = None) -> Tools:
    """Every edge that all users share. Blocking: it loads the embedder's model."""
    embedder = make_embedder(settings)
    words = _word_embedder(settings, embedder)
    categories = _categories(settings)
    return Tools(
        settings=settings,
        embedder=embedder,
        words=words,
        counter=cache(partial(make_counter, settings.encoding)),
        categories=categories,
        slot_table=cache(partial(_slot_table, categories, words)),
        now=now,
        prompts=Prompts(settings.store.absolute()),
        model=_model(settings) if model is None else model,
        repository=partial(_repository, settings),
    )


def _repository(settings: Settings) -> Repository | None:
    return None if settings.git == "off" else Repository.find(settings.store)


def _model(settings: Settings) -> Model | None:
    if settings.llm_model is None:
        return None
    from .edges.llm.openai_model import make_model

    return make_model(settings)


def _word_embedder(settings: Settings, embedder: Embedder | None) -> Embedder | None:
    """Soft matches need vectors of single words at no cost: the shipped model gives them beside any other."""
    if embedder is None or embedder.cheap_words:
        return embedder
    return make_embedder(settings.model_copy(update={"embedder": "static"}))


def _slot_table(categories: Sequence[Category], words: Embedder | None) -> SlotTable:
    return build_slot_table(categories, partial(embed_rows, embedder=words) if words else None)


def _categories(settings: Settings) -> tuple[Category, ...]:
    if settings.categories:
        return categories_from_settings(settings.categories)
    data = resources.files("memu_like") / "data" / "categories.toml"
    return parse_categories(data.read_text("utf-8"))


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
