"""Regular expressions that are compiled when they are first used.

The extractor's and the loaders' patterns take some 60 ms to compile, and a search needs few of them.
"""

from __future__ import annotations

import re
from typing import Any, cast


class _Lazy:
    """Stands for a compiled pattern; its methods are the pattern's own from the first use on."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._source = pattern, flags

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(*self._source)
        for method in ("search", "match", "fullmatch", "finditer", "findall", "split", "sub", "pattern"):
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def lazy(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """As `re.compile`, at the first use. A pattern with a fault shows it then: tests use each one."""
    return cast("re.Pattern[str]", _Lazy(pattern, flags))
