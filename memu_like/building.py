"""What a service is built from: the edges that all users share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from importlib import resources

from .config import Settings
from .edges.embedders import Embedder, make_embedder
from .edges.git.repository import Repository
from .edges.index.reading import embed_rows
from .edges.llm.base import Model
from .edges.prompts import Prompts
from .edges.tokens import make_counter
from .models import Category
from .pure.categories import categories_from_settings, parse_categories, with_additional
from .pure.slotting import SlotTable, build_slot_table
from .usecases.desk import Tools


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
        configured = categories_from_settings(settings.categories)
    else:
        data = resources.files("memu_like") / "data" / "categories.toml"
        configured = parse_categories(data.read_text("utf-8"))
    return with_additional(configured, settings.additional_categories)


def rebuilt_tools(tools: Tools, settings: Settings) -> Tools:
    """The same edges under other settings of the profile and the prompts. Blocking. Raises ConfigError."""
    categories = _categories(settings)
    slot_table = cache(partial(_slot_table, categories, tools.words))
    return replace(tools, settings=settings, categories=categories, slot_table=slot_table)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
