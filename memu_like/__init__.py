"""Long-term memory for LLM applications, kept as plain files.

Importing this loads nothing: a name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .chat import ChatMessage, ChatReply, ChatRequest
    from .config import Settings
    from .edges.llm.scripted import ScriptedModel
    from .errors import (
        ConfigError,
        Conflict,
        ContextTooLong,
        CorruptFile,
        EmbedderError,
        FormatTooNew,
        GitError,
        InvalidInput,
        InvalidUserId,
        LoadError,
        MemuLikeError,
        MissingExtra,
        ModelError,
        ModelUnavailable,
        NotFound,
        PromptError,
        RemoteError,
        RemoteUnavailable,
        RunsKept,
        SpendCapReached,
        StorageError,
        StoreBusy,
        ToolsRefused,
        Unmergeable,
        UnusableReply,
        UserError,
    )
    from .faces.openai_patch import openai_memory
    from .models import (
        Blob,
        BlobType,
        BufferCount,
        Entry,
        Event,
        Item,
        ItemType,
        Message,
        Modality,
        Occurred,
        Origin,
        ProfileQuery,
        Recorded,
        Resource,
        Source,
        Status,
        Usage,
    )
    from .reading import PastMemory
    from .results import (
        BlameLine,
        CategoryText,
        Change,
        Commit,
        ConfigReport,
        DayUsage,
        Edit,
        EventRecord,
        Gist,
        Hit,
        ImportProblem,
        ImportReport,
        Kept,
        MemorizeReport,
        Operation,
        Past,
        ProfileSlot,
        Rearrangement,
        ReorganiseReport,
        Reply,
        RetrieveResult,
        RevertReport,
        SyncReport,
        TopicProposal,
        UserPage,
        UserRecord,
        UserSummary,
        Visit,
    )
    from .service import MemoryService, UserMemory

__version__ = "0.1.0"

__all__ = [
    "BlameLine",
    "Blob",
    "BlobType",
    "BufferCount",
    "CategoryText",
    "Change",
    "ChatMessage",
    "ChatReply",
    "ChatRequest",
    "Commit",
    "ConfigError",
    "ConfigReport",
    "Conflict",
    "ContextTooLong",
    "CorruptFile",
    "DayUsage",
    "Edit",
    "EmbedderError",
    "Entry",
    "Event",
    "EventRecord",
    "FormatTooNew",
    "Gist",
    "GitError",
    "Hit",
    "ImportProblem",
    "ImportReport",
    "InvalidInput",
    "InvalidUserId",
    "Item",
    "ItemType",
    "Kept",
    "LoadError",
    "MemorizeReport",
    "MemoryService",
    "MemuLikeError",
    "Message",
    "MissingExtra",
    "Modality",
    "ModelError",
    "ModelUnavailable",
    "NotFound",
    "Occurred",
    "Operation",
    "Origin",
    "Past",
    "PastMemory",
    "ProfileQuery",
    "ProfileSlot",
    "PromptError",
    "Rearrangement",
    "Recorded",
    "RemoteError",
    "RemoteUnavailable",
    "ReorganiseReport",
    "Reply",
    "Resource",
    "RetrieveResult",
    "RevertReport",
    "RunsKept",
    "ScriptedModel",
    "Settings",
    "Source",
    "SpendCapReached",
    "Status",
    "StorageError",
    "StoreBusy",
    "SyncReport",
    "ToolsRefused",
    "TopicProposal",
    "Unmergeable",
    "UnusableReply",
    "Usage",
    "UserError",
    "UserMemory",
    "UserPage",
    "UserRecord",
    "UserSummary",
    "Visit",
    "__version__",
    "openai_memory",
]

_MODELS = frozenset(
    """
    Blob BlobType BufferCount Entry Event Item ItemType Message Modality Occurred Origin ProfileQuery
    Recorded Resource Source Status Usage
    """.split()
)
_RESULTS = frozenset(
    """
    BlameLine CategoryText Change Commit ConfigReport DayUsage Edit EventRecord Gist Hit ImportProblem
    ImportReport Kept MemorizeReport Operation Past ProfileSlot Rearrangement ReorganiseReport Reply
    RetrieveResult RevertReport SyncReport TopicProposal UserPage UserRecord UserSummary Visit
    """.split()
)
_MANY = {"models": _MODELS, "results": _RESULTS}
_HOMES = {
    "ChatMessage": "chat",
    "ChatReply": "chat",
    "ChatRequest": "chat",
    "MemoryService": "service",
    "PastMemory": "reading",
    "ScriptedModel": "edges.llm.scripted",
    "Settings": "config",
    "UserMemory": "service",
    "openai_memory": "faces.openai_patch",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES.get(name) or next((h for h, names in _MANY.items() if name in names), "errors")
    return getattr(import_module(f".{home}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
