"""A ChatGPT data export: `conversations.json`, each conversation a tree of which one branch is current."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import LoadError
from ...models import Loaded, Message
from .base import Reading, optional_title
from .jsonfile import JsonValue
from .messages import ROLES

FORMAT = "chatgpt"

# What the model thought and what the settings said were not said in the conversation.
_NOT_SAID = frozenset(("thoughts", "reasoning_recap", "user_editable_context", "model_editable_context"))
_POINTERS = {
    "image_asset_pointer": "[image]",
    "audio_asset_pointer": "[audio]",
    "real_time_user_audio_video_asset_pointer": "[audio]",
    "video_container_asset_pointer": "[video]",
}


def load_chatgpt(values: Sequence[JsonValue], reading: Reading) -> tuple[Loaded, ...]:
    """Each conversation's current branch, root first. One in which nothing was said is left out."""
    loaded = tuple(
        one
        for value in values
        if (one := _conversation(value.value, value.place(reading.name, "conversation"), reading))
    )
    if not loaded:
        raise LoadError(reading.name, "holds no conversation in which anything was said")
    return loaded


def _conversation(raw: Any, place: str, reading: Reading) -> Loaded | None:
    if not isinstance(raw, dict) or not isinstance(raw.get("mapping"), dict):
        raise LoadError(place, "has no mapping of messages; is this the export's conversations.json?")
    messages = [
        message
        for node in _branch(raw["mapping"], raw.get("current_node"), place)
        if (message := _message(node.get("message"), place, reading))
    ]
    if not messages:
        return None
    return reading.conversation(
        messages,
        format=FORMAT,
        title=optional_title(raw.get("title"), place),
        created_at=reading.time(raw.get("create_time"), place),
        fragment=raw.get("conversation_id") or raw.get("id"),
    )


def _branch(mapping: dict[str, Any], current: Any, place: str) -> list[dict[str, Any]]:
    """The nodes from the root to the current one. LoadError for a cycle or a parent that is not there."""
    key = _latest_leaf(mapping) if current is None else current
    seen: dict[str, dict[str, Any]] = {}
    while key is not None:
        node = mapping.get(key) if isinstance(key, str) else None
        if not isinstance(node, dict):
            raise LoadError(place, f"refers to message {str(key)[:60]!r}, which is not in it")
        if key in seen:
            raise LoadError(place, f"goes round in a circle at message {key[:60]!r}")
        seen[key] = node
        key = node.get("parent")
    return list(reversed(seen.values()))


def _latest_leaf(mapping: dict[str, Any]) -> str | None:
    """Where an export names no current message: the last-written message that nothing answers."""
    leaves = [key for key, node in mapping.items() if isinstance(node, dict) and not node.get("children")]
    return max(leaves, key=lambda key: _written(mapping[key]), default=None)


def _written(node: dict[str, Any]) -> float:
    message = node.get("message")
    time = message.get("create_time") if isinstance(message, dict) else None
    return time if isinstance(time, int | float) else 0.0


def _message(raw: Any, place: str, reading: Reading) -> Message | None:
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise LoadError(place, f"has a message of type {type(raw).__name__}; it must be an object")
    identifier = raw.get("id") if isinstance(raw.get("id"), str) else None
    here = f"{place}: message {identifier[:60]!r}" if identifier else place
    metadata = _object(raw.get("metadata"))
    content = _content(raw.get("content"), here)
    if metadata.get("is_visually_hidden_from_conversation") or not content.strip():
        return None
    author = _object(raw.get("author"))
    time = reading.time(raw.get("create_time"), here)
    fields = {
        "role": _role(author.get("role"), here),
        "name": author.get("name"),
        "content": content,
        "id": identifier,
        "created_at": time and time.isoformat(),
        "model": metadata.get("model_slug"),
    }
    return reading.message({key: value for key, value in fields.items() if value is not None}, here)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _role(role: Any, place: str) -> str:
    if isinstance(role, str) and role in ROLES:
        return role
    raise LoadError(place, f"has the author role {str(role)[:40]!r}; it must be one of {', '.join(ROLES)}")


def _content(content: Any, place: str) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, dict):
        raise LoadError(place, "has no content")
    if content.get("content_type") in _NOT_SAID:
        return ""
    parts = content.get("parts")
    if isinstance(parts, list):
        return "\n".join(text for part in parts if (text := _part(part)))
    # Code, a tool's output and a quoted page keep their text in one field.
    texts = (content.get(key) for key in ("text", "result"))
    return next((text for text in texts if isinstance(text, str)), "")


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return ""
    kind = part.get("content_type")
    if isinstance(kind, str) and kind in _POINTERS:
        return _POINTERS[kind]
    text = part.get("text")
    if isinstance(text, str):
        return text
    return f"[{' '.join(kind.split())[:40]}]" if isinstance(kind, str) else ""
