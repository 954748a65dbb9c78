"""The merge driver: git runs it for a file that both sides changed. `memu-like init --git` tells git of it.

It starts in the time that Python takes: nothing is imported that a merge of texts does not need.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from .edges.git.merging import merge_text
from .errors import MemuLikeError, Unmergeable
from .pure.record_merging import merged_records, merged_values
from .pure.three_way import merge_categories

MERGED, CONFLICT = 0, 1
USAGE = "usage: memu-like merge-driver [--union] BASE OURS THEIRS PATH"


def merge_file(base: Path, ours: Path, theirs: Path, path: str, *, union: bool = False) -> str:
    """Merge into `ours`, as git's `%O %A %B %P` has them; "" or why there is a conflict, as one line.

    A conflict leaves `ours` as git's own merge would, with its markers. With `union`, a file that is none of
    ours is merged as git's own driver of that name does.
    """
    try:
        merged = _merged(path, *(file.read_bytes() for file in (base, ours, theirs)))
    except (Unmergeable, ValueError) as error:
        merge_text(base, ours, theirs)
        return str(error) if isinstance(error, Unmergeable) else f"{path}: {error}"
    if merged is not None:
        ours.write_bytes(merged)
        return ""
    conflicts = merge_text(base, ours, theirs, union=union)
    return f"{path}: {conflicts} conflicts" if conflicts else ""


def _merged(path: str, base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """None for a file that is none of ours. Raises Unmergeable, ValueError."""
    place = PurePosixPath(path)
    folder = place.parent.name
    if folder == "categories" and place.suffix == ".md":
        texts = base.decode(), ours.decode(), theirs.decode()
        return merge_categories(texts[0] if base else None, *texts[1:], path).encode()
    if folder in ("items", "events") and place.suffix == ".jsonl":
        return merged_records(base, ours, theirs)
    if place.name == "user.json" or place.name.endswith(".meta.json"):
        return merged_values(base, ours, theirs)
    return None


def main(arguments: Sequence[str]) -> int:
    """Run as git does; returns the exit code that git wants: 0 for merged, 1 for a conflict, 129 for no call.

    Above 128 git takes the merge for failed and leaves the file alone.
    """
    gc.disable()  # one file and out: collecting takes a quarter of the time of a large one
    union = arguments[:1] == ["--union"]
    files = arguments[1:] if union else arguments
    if len(files) != 4:
        sys.stderr.write(f"{USAGE}\n")
        return 129
    base, ours, theirs = (Path(name) for name in files[:3])
    try:
        problem = merge_file(base, ours, theirs, files[3], union=union)
    except (MemuLikeError, OSError) as error:
        sys.stderr.write(f"error: {files[3]}: {error}\n")
        return 129
    if problem:
        sys.stderr.write(f"conflict: {problem}\n")
    return CONFLICT if problem else MERGED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
