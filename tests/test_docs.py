"""What the pages say, held where that is cheap: files, fields, commands, links and code."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import inspect
import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import typer

from memu_like import models, results
from memu_like.config import Settings
from memu_like.faces.cli.app import app
from memu_like.pure.names import folder_name
from memu_like.pure.ranking import WEIGHTS
from memu_like.service import MemoryService
from memu_like.usecases import listing

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
IDS = [page.relative_to(ROOT).as_posix() for page in PAGES]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_FIELDS = re.compile(r"<!-- fields: (\w+) -->\n((?:\|.*\n)+)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"memu-like((?: +[a-z][a-z-]*)+)")
_UPDATED_AT = re.compile(r"^updated_at: .*$", re.M)


def blocks(page: Path, language: str) -> list[str]:
    return [code for found, code in _FENCE.findall(page.read_text("utf-8")) if found == language]


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `memu-like demo` leaves: the shipped sample, memorized file by file."""
    store = tmp_path_factory.mktemp("demo")
    sample = resources.files("memu_like") / "data" / "sample"

    async def memorize() -> None:
        async with MemoryService(Settings(store=store)) as memory:
            await memory.init()
            for name in ("chat.jsonl", "notes.md"):
                await memory.user("maya").memorize((sample / name).read_bytes(), name=name)

    asyncio.run(memorize())
    return store / "maya"


# -- README


def test_the_category_file_in_the_readme_is_what_the_demo_writes(demo_folder: Path) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    found = re.search(r"<!-- file: (\S+) -->\n```markdown\n(.*?)^```$", text, re.M | re.S)
    assert found is not None
    written = (demo_folder / found[1]).read_bytes().decode()
    shown, wanted = (_UPDATED_AT.sub("updated_at:", text) for text in (found[2], written))
    assert shown == wanted, "python scripts/refresh_readme.py puts the file into the README again"


def test_the_tree_in_the_readme_is_what_the_demo_leaves(demo_folder: Path) -> None:
    tree = next(code for code in blocks(ROOT / "README.md", "") if code.startswith("memory_store/\n"))
    for path in _tree_paths(tree):
        assert (demo_folder.parent / path).exists(), f"README's tree has {path}"


def _tree_paths(tree: str) -> Iterator[Path]:
    """Each path of an indented tree, below its first line."""
    above: list[tuple[int, str]] = []
    for line in tree.splitlines()[1:]:
        indent = len(line) - len(line.lstrip())
        above = [part for part in above if part[0] < indent]
        above.append((indent, line.split()[0]))
        yield Path(*(name for _, name in above))


def test_the_readme_begins_with_the_two_commands() -> None:
    assert blocks(ROOT / "README.md", "")[0] == "pip install . && memu-like demo\nmake test\n"
    assert re.search(r"^test:", (ROOT / "Makefile").read_text(), re.M)


# -- every page


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    for target in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        place = page.parent / name if name else page
        assert place.exists(), f"{target}: no such file"
        if anchor:
            assert anchor in _anchors(place), f"{target}: no such heading"


def _anchors(page: Path) -> set[str]:
    """Headings as GitHub names them."""
    text = _FENCE.sub("", page.read_text("utf-8"))
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_python_compiles_and_imports_names_that_exist(page: Path) -> None:
    for code in blocks(page, "python"):
        compile(code, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("memu_like"):
                module = __import__(node.module or "", fromlist=["*"])
                assert all(hasattr(module, name.name) for name in node.names)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_json_parses(page: Path) -> None:
    for code in blocks(page, "json"):
        json.loads(code)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    code = [*(body for language, body in _FENCE.findall(text) if language in ("", "sh"))]
    spans = re.findall(r"`(memu-like [^`\n]*)`", text)
    for line in [*"\n".join(code).splitlines(), *spans]:
        if re.match(r"(?:\$ )?(?:pip install \. && )?memu-like ", line):
            _check_command(line)


def _check_command(line: str) -> None:
    found = _COMMAND.search(line)
    if found is None:
        return  # options alone
    command: Any = typer.main.get_command(app)
    for word in found[1].split():
        children = getattr(command, "commands", {})
        if not children:
            return  # an argument
        assert word in children, f"{line!r}: there is no command {word!r}"
        command = children[word]


async def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chat.json").write_text('[{"role": "user", "content": "I have a cat called Miso."}]')
    code = compile(blocks(ROOT / "README.md", "python")[0], "README", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names: dict[str, Any] = {}
    await eval(code, names)  # type: ignore[misc]
    assert names["result"].hits[0].message_ids == ("m1",)
    assert "guinea pig" in names["prompt"]
    assert names["profile"]
    assert names["items"]


# -- tables


def _documented() -> Iterator[tuple[str, str, list[str]]]:
    for page in PAGES:
        for kind, table in _FIELDS.findall(page.read_text("utf-8")):
            yield page.name, kind, re.findall(r"^\| `(\w+)`", table, re.M)


def _fields(kind: str) -> list[str]:
    if kind == "Settings":
        return list(Settings.model_fields)
    found = next(found for place in (models, results, listing) if (found := getattr(place, kind, None)))
    return [field.name for field in dataclasses.fields(found)]


@pytest.mark.parametrize(("page", "kind", "documented"), [*_documented()])
def test_tables_of_fields_are_the_fields_in_their_order(page: str, kind: str, documented: list[str]) -> None:
    assert documented == _fields(kind)


def test_every_record_on_disk_has_its_table() -> None:
    kinds = {kind for page, kind, _ in _documented() if page == "format.md"}
    records = {models.Item, models.Event, models.Resource}
    parts = {models.Source, models.Occurred, models.Segment, models.ProfileDelta, models.Dropped}
    parts |= {models.Usage, models.Reorganised, models.BlobMark}
    assert kinds == {kind.__name__ for kind in records | parts}


def test_choices_of_fields_are_all_named() -> None:
    text = (ROOT / "docs" / "format.md").read_text("utf-8")
    for kind in (models.ItemType, models.Status, models.Origin, models.Modality):
        assert all(f"`{value}`" in text for value in kind)
    for value in (*models.Grain.__args__, *listing.EVENT_KINDS):
        assert f"`{value}`" in text


def test_the_folder_names_in_the_format_are_those_of_the_rule() -> None:
    text = (ROOT / "docs" / "format.md").read_text("utf-8")
    table = text.partition("<!-- folder names -->")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(.+)` \| `(.+)` \|$", table, re.M)
    assert len(rows) > 5
    assert [(user, folder_name(user)) for user, _ in rows] == rows


def test_the_signals_in_the_ranking_page_have_the_weights_of_the_code() -> None:
    text = (ROOT / "docs" / "ranking.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (-?[\d.]+) \| [^|]+ \|$", text, re.M)
    assert {name: float(weight) for name, weight in rows} == dict(WEIGHTS)


def test_every_verb_is_in_the_page_of_the_library() -> None:
    from memu_like.service import UserMemory

    text = (ROOT / "docs" / "python.md").read_text("utf-8")
    for owner, kind in (("user", UserMemory), ("memory", MemoryService)):
        for name, _ in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_") and name != "tools":
                assert f"{owner}.{name}(" in text, f"docs/python.md lacks {owner}.{name}"
