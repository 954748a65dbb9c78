"""Bearer tokens: read from the command line, the environment or a file, and held against a request's.

A token opens the whole store, or one user of it. One that is written `sha256:HEX` is told by its hash alone,
so that a file of tokens holds no secret. Nothing here logs a token, and no error quotes one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigError
from .access import Access, HashedAccess, Scope

if TYPE_CHECKING:
    from ...service import MemoryService

ENVIRONMENT = "MEMU_LIKE_TOKEN"
"""Tokens of the whole store, with blanks or commas between them."""
MAX_FILE_BYTES = 1024 * 1024
_HASH = re.compile(r"sha256:([0-9a-f]{64})")
_TOKEN = re.compile(r"[\x21-\x7e]{1,512}")
_HELP = "a line is TOKEN or sha256:HEX, and after a blank the id of the one user that it opens"


@dataclass(frozen=True, slots=True)
class Grant:
    """The sha256 of a token, what it opens (`user` None: the whole store), and a name for logs and limits."""

    digest: bytes
    name: str
    user: str | None = None


def read_tokens(
    given: Iterable[str] = (), environment: str | None = None, file: Path | None = None
) -> tuple[Grant, ...]:
    """The tokens of `--token`, of the variable, and of the file. Raises ConfigError, which quotes none."""
    found = [_grant(token, f"--token {number}") for number, token in enumerate(given, start=1)]
    words = (environment or "").replace(",", " ").split()
    found += [_grant(token, f"{ENVIRONMENT} {number}") for number, token in enumerate(words, start=1)]
    if file is not None:
        found += _from_file(file)
    opened: dict[bytes, Grant] = {}
    for grant in found:
        if opened.setdefault(grant.digest, grant).user != grant.user:
            raise ConfigError(f"{grant.name}: the same token is given twice, and opens something else there")
    return tuple(opened.values())


def _from_file(path: Path) -> Sequence[Grant]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read the tokens in {path}: {error.strerror}") from error
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"{path}: more than {MAX_FILE_BYTES} bytes are no file of tokens")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8") from None
    found = []
    for number, line in enumerate(lines, start=1):
        if (text := line.strip()) and not text.startswith("#"):
            token, _, user = text.partition(" ")
            found.append(_grant(token, f"{path.name}:{number}", user.strip() or None))
    if not found:
        raise ConfigError(f"{path} has no token: {_HELP}")
    return found


def _grant(token: str, name: str, user: str | None = None) -> Grant:
    if not _TOKEN.fullmatch(token) or (token.startswith("sha256:") and not _HASH.fullmatch(token)):
        raise ConfigError(f"{name}: not a token: up to 512 letters, digits and signs of ASCII; {_HELP}")
    return Grant(digest_of(token), name, user)


def digest_of(token: str) -> bytes:
    """The sha256 of a token, or the one that it is given as."""
    hashed = _HASH.fullmatch(token)
    return bytes.fromhex(hashed[1]) if hashed else hashlib.sha256(token.encode()).digest()


def make_access(memory: MemoryService, grants: Sequence[Grant]) -> Access | None:
    """What `grants` open of `memory`; None with none, and then the server is for this machine alone."""
    if not grants:
        return None
    scopes = {
        grant.digest: Scope(memory, None if grant.user is None else frozenset([grant.user]), grant.name)
        for grant in grants
    }
    return HashedAccess(scopes)
