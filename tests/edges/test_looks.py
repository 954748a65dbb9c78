"""How a file looks from outside, and when that says nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

from memu_like.edges import files

LATER = 10_000_000_000


def look(path: Path, after: int = LATER) -> files.Look | None:
    return files.look(files.entries(path.parent)[path.name], time.time_ns() + after)


def test_a_file_that_has_just_changed_must_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("one")
    assert look(path, 0) is None
    assert look(path) is not None


def test_a_file_rewritten_with_the_same_size_and_time_looks_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("one")
    before, times = look(path), (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    time.sleep(0.03)
    path.write_text("two")
    os.utime(path, ns=times)
    assert before is not None
    after = look(path)
    assert after is not None
    assert after[:3] == before[:3]
    assert after != before


def test_a_replaced_file_looks_otherwise(tmp_path: Path) -> None:
    path, other = tmp_path / "a.md", tmp_path / "b.md"
    path.write_text("one")
    other.write_text("two")
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    before = look(path)
    os.utime(other, ns=times)
    other.replace(path)
    assert look(path) != before


def test_a_link_and_a_folder_must_be_looked_into(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    assert look(tmp_path / "folder") is None
    assert look(tmp_path / "link") is None
