"""Compare and swap: a change is made only where what stands there is what its caller has read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..errors import Conflict, InvalidInput
from ..pure.rendering import fingerprint


@dataclass(frozen=True, slots=True)
class Expected:
    """What a caller read: a text, the number of a revision, the hash of a text; each None where not given."""

    text: str | None = None
    rev: int | None = None
    hash: str | None = None

    def __post_init__(self) -> None:
        for name, value, kind in (
            ("expected", self.text, str),
            ("expected_rev", self.rev, int),
            ("expected_hash", self.hash, str),
        ):
            if value is not None and not isinstance(value, kind):
                raise InvalidInput(f"{name} must be {kind.__name__}, not {type(value).__name__}")

    @property
    def tells_text(self) -> bool:
        return self.text is not None or self.hash is not None

    def check(self, what: str, texts: Collection[str], rev: int, current: str) -> None:
        """Raises Conflict, which tells `current`, where it is none of `texts`, or not revision `rev`."""
        if (
            (self.text is not None and self.text not in texts)
            or (self.rev is not None and self.rev != rev)
            or (self.hash is not None and self.hash not in map(fingerprint, texts))
        ):
            raise Conflict(what, current, rev)


NOTHING = Expected()
"""A caller who has read nothing, or takes what comes."""
