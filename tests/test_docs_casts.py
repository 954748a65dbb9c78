"""The pictures of docs/editing.md are what the commands print."""

from __future__ import annotations

import html
import importlib.util
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "casts"
_PIECE = re.compile(r'<text class="[^"]*" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', re.S)

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("git") is None, reason="a pseudo-terminal and git"
)


def shown(svg: str) -> list[str]:
    """The lines of a picture, without where on them each piece stands."""
    lines: dict[float, str] = {}
    for _, y, piece in _PIECE.findall(svg):
        text = html.unescape(piece).replace("\xa0", " ").rstrip("\n")
        lines[float(y)] = lines.get(float(y), "") + text
    return [" ".join(line.split()) for _, line in sorted(lines.items())]


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_casts", ROOT / "scripts" / "docs_casts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_pictures_show_what_the_commands_print() -> None:
    made = {cast.name: shown(cast.svg()) for cast in script().casts()}
    kept = {path.stem: shown(path.read_text("utf-8")) for path in PICTURES.glob("*.svg")}
    assert kept == made, "`make docs-casts` draws them anew"


@pytest.mark.parametrize("path", sorted(PICTURES.glob("*.svg")), ids=lambda path: path.stem)
def test_a_picture_shows_no_machine_and_fetches_nothing(path: Path) -> None:
    svg = path.read_text("utf-8")
    assert "url(http" not in svg
    assert "@font-face" not in svg
    text = "\n".join(shown(svg))
    assert not re.search(r"/(?:tmp|root|home|work|Users)/", text)
    assert text.startswith("$ ")
