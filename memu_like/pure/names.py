"""A user id as a folder name and back: one rule, safe on Linux, macOS and Windows.

Two ids never share a folder, not even where the file system ignores case or normalises Unicode, because a
name is made of `a-z 0-9 _ - . @ + % ~` only, and every id has exactly one name:

| in the id | in the name |
|---|---|
| `a-z 0-9 _ @`, `-` but not first, `.` but not first, last or after another kept `.` | itself |
| `A-Z` | `+` and the small letter: `Caroline` is `+caroline` |
| anything else | each byte of its UTF-8 as `%` and two hex digits: `a/b` is `a%2fb` |
| a name that Windows reserves, or that the store uses itself | its first letter as `%` and hex digits |

A name that would be over 120 characters keeps 80 of them, then `~` and 32 hex digits of the id's sha256.
Such a name cannot be turned back; the full id stands in the folder's `user.json`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from ..errors import InvalidUserId

MAX_ID = 1024
"""Characters of a user id."""
MAX_NAME = 120
"""Characters of a folder name: leaves room for the paths below it where Windows allows 260 in all."""
_KEPT_OF_LONG = 80

_UNIT = re.compile(r"\+[a-z]|%[0-9a-f]{2}|[a-z0-9_@.-]")
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file; the superscript forms are encoded anyway.
_WINDOWS = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))]
)
_STORE = frozenset(
    ["memory.toml", "prompts", "tests", "docs", "exports", "readme", "readme.md", "license", "license.md"]
)


def folder_name(user_id: str) -> str:
    """The folder of a user within the store. Raises InvalidUserId where the id cannot have one."""
    _check(user_id)
    name = "".join(_units(user_id))
    if name.split(".")[0] in _WINDOWS or name in _STORE:
        name = _encoded(name[0]) + name[1:]
    if len(name) <= MAX_NAME:
        return name
    digest = hashlib.sha256(user_id.encode()).hexdigest()[:32]
    return f"{_cut(name)}~{digest}"


def is_reserved(name: str) -> bool:
    """Whether Windows keeps this file name, whatever its ending, for a device."""
    return name.split(".")[0].casefold() in _WINDOWS


def user_id_of(folder: str) -> str | None:
    """The id that `folder_name` turns into this name.

    None for a folder that belongs to no user, and for the shortened name of a long id.
    """
    units = _UNIT.findall(folder)
    if not units or "".join(units) != folder:
        return None
    try:
        user_id = b"".join(_byte(unit) for unit in units).decode()
        return user_id if folder_name(user_id) == folder else None
    except (UnicodeDecodeError, InvalidUserId):
        return None  # not a name that the rule makes


def _check(user_id: object) -> None:
    if not isinstance(user_id, str):
        raise InvalidUserId(user_id, "it must be a string")
    if not user_id:
        raise InvalidUserId(user_id, "it is empty")
    if len(user_id) > MAX_ID:
        raise InvalidUserId(user_id, f"it is longer than {MAX_ID} characters")
    for char in user_id:
        category = unicodedata.category(char)
        if category == "Cc":
            raise InvalidUserId(user_id, "it holds a control character")
        if category == "Cs":
            raise InvalidUserId(user_id, "it holds half of a surrogate pair, which is no character")


def _units(user_id: str) -> list[str]:
    units: list[str] = []
    for at, char in enumerate(user_id):
        if char.isascii() and char.isupper():
            units.append("+" + char.lower())
        elif _is_kept(char, at, user_id, units):
            units.append(char)
        else:
            units.append(_encoded(char))
    return units


def _is_kept(char: str, at: int, user_id: str, units: list[str]) -> bool:
    if char == ".":
        return 0 < at < len(user_id) - 1 and units[-1] != "."
    if char == "-":
        return at > 0
    return char.isascii() and (char.isdigit() or char.islower() or char in "_@")


def _encoded(char: str) -> str:
    return "".join(f"%{byte:02x}" for byte in char.encode())


def _byte(unit: str) -> bytes:
    if unit[0] == "%":
        return bytes.fromhex(unit[1:])
    return (unit[1].upper() if unit[0] == "+" else unit).encode()


def _cut(name: str) -> str:
    """The first 80 characters or a few less: an escape is not cut in two."""
    end = 0
    for unit in _UNIT.finditer(name):
        if unit.end() > _KEPT_OF_LONG:
            break
        end = unit.end()
    return name[:end]
