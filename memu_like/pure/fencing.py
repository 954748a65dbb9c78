"""Data within a prompt: what was remembered, or came in, told apart from what a model is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Data:
    """Text that is data. In a prompt it always stands in a fence that it cannot close, whoever wrote the
    template; `inline` is for a short text within a sentence, which becomes one quoted line."""

    text: str
    inline: bool = False

    def fenced(self) -> str:
        raise NotImplementedError


Value = str | int | float | bool | None | Data | tuple["Value", ...] | Mapping[str, "Value"]
"""What a template gets: the owner's text and figures as they are, everything else as Data."""
