"""The prompt templates: shipped ones, and those that a store puts in their place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..models import ChatMessage
from ..pure.fencing import Value


class Prompts:
    """Renders templates. `store` is the store's folder, whose own `prompts/` come first."""

    def __init__(self, store: Path | None = None) -> None:
        self._store = store

    def render(self, name: str, language: str, variables: Mapping[str, Value]) -> tuple[ChatMessage, ...]:
        """The messages of a step's prompt ("extract") in a language ("en", "zh").

        Raises PromptError, which names the file and line, for a variable that is undefined or a template
        that does not parse, NotFound for a name that is none.
        """
        raise NotImplementedError
