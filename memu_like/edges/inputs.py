"""Files that somebody hands in: told from text, checked, and read whole within a limit."""

from __future__ import annotations

import stat
from pathlib import Path

import aiofiles
import aiofiles.os

from ..errors import LoadError

LONGEST_PATH = 4096


def is_path(source: str) -> bool:
    """Whether a `str` names a file rather than being the text itself."""
    if "\n" in source or len(source) > LONGEST_PATH or "\0" in source:
        return False
    path = Path(source)
    try:
        return path.exists() or (" " not in source and bool(path.suffix))
    except OSError:
        return False


async def read_input(path: Path, max_bytes: int) -> bytes:
    """A file that somebody handed in. Raises LoadError."""
    name = str(path)
    try:
        kind = (await aiofiles.os.stat(path)).st_mode
        if stat.S_ISDIR(kind):
            raise LoadError(name, "is a directory; name a file in it")
        if not stat.S_ISREG(kind):
            raise LoadError(name, "is not a regular file; pipe it in, or save it as one")
        async with aiofiles.open(path, "rb") as file:
            data = await file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise LoadError(name, "no such file") from error
    except (OSError, ValueError) as error:
        raise LoadError(name, f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > max_bytes:
        raise LoadError(name, f"has more than {max_bytes} bytes, the limit (setting max_file_bytes)")
    return data
