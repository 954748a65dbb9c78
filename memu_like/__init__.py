"""Long-term memory for LLM applications, kept as plain files.

Importing this loads nothing: a name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .config import Settings
    from .errors import (
        ConfigError,
        Conflict,
        CorruptFile,
        EmbedderError,
        FormatTooNew,
        InvalidInput,
        InvalidUserId,
        LoadError,
        MemuLikeError,
        MissingExtra,
        NotFound,
        StorageError,
        StoreBusy,
        Unmergeable,
        UserError,
    )
    from .models import (
        Entry,
        Event,
        Hit,
        Item,
        ItemType,
        MemorizeReport,
        Message,
        Modality,
        Occurred,
        Origin,
        Rearrangement,
        ReorganiseReport,
        Resource,
        RetrieveResult,
        Source,
        Status,
    )
    from .service import MemoryService, UserMemory

__version__ = "0.1.0"

__all__ = [
    "ConfigError",
    "Conflict",
    "CorruptFile",
    "EmbedderError",
    "Entry",
    "Event",
    "FormatTooNew",
    "Hit",
    "InvalidInput",
    "InvalidUserId",
    "Item",
    "ItemType",
    "LoadError",
    "MemorizeReport",
    "MemoryService",
    "MemuLikeError",
    "Message",
    "MissingExtra",
    "Modality",
    "NotFound",
    "Occurred",
    "Origin",
    "Rearrangement",
    "ReorganiseReport",
    "Resource",
    "RetrieveResult",
    "Settings",
    "Source",
    "Status",
    "StorageError",
    "StoreBusy",
    "Unmergeable",
    "UserError",
    "UserMemory",
    "__version__",
]

_MODELS = frozenset(
    [
        *("Entry", "Event", "Hit", "Item", "ItemType", "MemorizeReport", "Message", "Modality"),
        *(
            "Occurred",
            "Origin",
            "Rearrangement",
            "ReorganiseReport",
            "Resource",
            "RetrieveResult",
            "Source",
            "Status",
        ),
    ]
)
_HOMES = {"MemoryService": "service", "UserMemory": "service", "Settings": "config"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES.get(name, "models" if name in _MODELS else "errors")
    return getattr(import_module(f".{home}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
