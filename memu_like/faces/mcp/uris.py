"""The addresses of category files: memory://USER/categories/TOPIC, both names percent-encoded."""

from __future__ import annotations

from urllib.parse import quote, unquote, urlsplit

from ...errors import NotFound

SCHEME = "memory"
PLACE = "/categories/"


def category_uri(user_id: str, topic: str) -> str:
    """The address of a category file."""
    return f"{SCHEME}://{quote(user_id, safe='')}{PLACE}{quote(topic, safe='')}"


def place_of(uri: str) -> tuple[str, str]:
    """The user and the topic of an address. Raises NotFound for any other."""
    try:
        parts = urlsplit(uri)
        names = [unquote(name, errors="strict") for name in (parts.netloc, parts.path.removeprefix(PLACE))]
    except ValueError:
        raise _unknown(uri) from None
    plain = not parts.query and not parts.fragment and "/" not in parts.path.removeprefix(PLACE)
    if parts.scheme != SCHEME or not parts.path.startswith(PLACE) or not plain or not all(names):
        raise _unknown(uri)
    return names[0], names[1]


def _unknown(uri: str) -> NotFound:
    return NotFound("resource", uri[:200], f"they are {SCHEME}://USER{PLACE}TOPIC, as the list has them")
