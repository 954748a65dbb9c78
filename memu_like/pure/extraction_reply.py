"""What a model's extraction reply is worth: drafts that hold up, and a reason for each that does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..models import Draft, Dropped
from .extraction_call import ExtractionCall


@dataclass(frozen=True, slots=True)
class ProposedCategory:
    """A topic that the model would add; `slot` may be "". `drafts` are indices of ModelExtraction.drafts."""

    name: str
    slot: str
    drafts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelExtraction:
    """A reply, checked. Drafts have `topic` "" where no configured slot was named: the slotter places them.

    `title`, `summary` ("" where none was given) and `tags` are the event's, each one plain line.
    """

    drafts: tuple[Draft, ...]
    dropped: tuple[Dropped, ...] = ()
    title: str = ""
    summary: str = ""
    tags: tuple[str, ...] = ()
    proposed: tuple[ProposedCategory, ...] = ()


def read_extraction(text: str, call: ExtractionCall) -> ModelExtraction:
    """Read the reply to `call`. Raises ReplyError where it is no such reply at all.

    Single items that cannot be used are dropped with their reason, and the rest is kept.
    """
    raise NotImplementedError


def join(parts: Sequence[ModelExtraction]) -> ModelExtraction:
    """The replies to the calls of one resource as one, in order; the same statement counts once."""
    raise NotImplementedError
