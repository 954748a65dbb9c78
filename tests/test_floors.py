"""The floors: a module imports only from lower ones, and importing does nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "memu_like"

WORDS, PURE, EDGES, USE_CASES, SERVICE, FACES = range(6)

# Neighbours that one module stands on, and why that is plain. A new pair needs a line and a reason here.
STANDS_ON: dict[str, tuple[set[str], str]] = {
    "pure.dates": (
        {"pure.dates_english", "pure.dates_chinese", "pure.intervals"},
        "the dates of all languages are those of each",
    ),
    "pure.dates_english": ({"pure.english_times", "pure.intervals"}, "a reader makes intervals"),
    "pure.dates_chinese": ({"pure.intervals"}, "a reader makes intervals"),
    "pure.english_times": (
        {"pure.intervals", "pure.tenses"},
        "a reader makes intervals; the tense says on which side of now",
    ),
    "pure.client_names": (
        {"pure.entering", "pure.names", "pure.rendering"},
        "what a client names becomes a name that a person could enter",
    ),
    "pure.choosing": ({"pure.client_names"}, "topics are asked for by the names that clients give them"),
    "pure.commit_messages": ({"pure.markdown"}, "an edit is told by the bullets it changed"),
    "pure.markdown": ({"pure.lines"}, "a document is made of lines"),
    "pure.memobase_records": (
        {"pure.blobs", "pure.names"},
        "a user and a blob of Memobase's have ids that a client's could have",
    ),
    "pure.merging": (
        {"pure.lines", "pure.markdown", "pure.rendering"},
        "a merge parses one document and renders another",
    ),
    "pure.three_way": (
        {"pure.lines", "pure.markdown", "pure.sequences", "pure.three_way_parts"},
        "two documents are merged part by part, in an order and line by line",
    ),
    "pure.three_way_parts": ({"pure.lines", "pure.markdown"}, "the parts of a document are its blocks"),
    "pure.pages": (
        {"pure.entering", "pure.lines", "pure.markdown", "pure.rendering", "pure.secrets"},
        "a page holds bullets, and what one says becomes an item as one that is entered by hand",
    ),
    "pure.edits": (
        {
            "pure.extracting",
            "pure.markdown",
            "pure.merging",
            "pure.pages",
            "pure.reasons",
            "pure.reconciling",
            "pure.rendering",
        },
        "an edit is a bullet that differs from what was rendered, and an item as one that is entered by hand",
    ),
    "pure.untouched": (
        {"pure.markdown", "pure.merging", "pure.pages"},
        "an entry is untouched where the bullet of its page stands in its slot",
    ),
    "pure.tidying": ({"pure.markdown"}, "wordings are bullets of a document"),
    "pure.settling": (
        {"pure.rearranging", "pure.records", "pure.selecting"},
        "a revision is known by its record; one of two near-identical items is merged into the other",
    ),
    "pure.entering": (
        {"pure.markdown", "pure.names", "pure.rendering", "pure.secrets"},
        "what a person enters must survive as a bullet, a heading, a file name, and without secrets",
    ),
    "pure.extracting": (
        {
            "pure.dates",
            "pure.fiction",
            "pure.quoted_orders",
            "pure.secrets",
            "pure.sentences",
            "pure.small_talk",
        },
        "an extract is a sentence that is no small talk, story or order, dated, without secrets",
    ),
    "pure.extraction_call": (
        {"pure.fencing", "pure.rendering", "pure.turns"},
        "a prompt shows turns and what is known with its date, fenced",
    ),
    "pure.extraction_reply": (
        {
            "pure.extracting",
            "pure.extraction_call",
            "pure.extraction_slots",
            "pure.quoted_orders",
            "pure.replies",
            "pure.secrets",
            "pure.source_lines",
            "pure.statements",
        },
        "a reply is held to its call and to its source lines, and weighed as a sentence is",
    ),
    "pure.extraction_slots": (
        {"pure.entering", "pure.extraction_call", "pure.secrets"},
        "a new slot is one that a person could enter",
    ),
    "pure.source_lines": (
        {"pure.dates", "pure.secrets", "pure.sentences", "pure.terms", "pure.turns"},
        "a statement shares terms and dates with turns, and not their secrets",
    ),
    "pure.statements": (
        {"pure.fencing", "pure.quoted_orders", "pure.rendering", "pure.secrets"},
        "a statement is a plain line without orders, special tokens and secrets",
    ),
    "pure.changes": (
        {"pure.markdown", "pure.merging", "pure.pages", "pure.reconciling", "pure.rendering"},
        "a state is read from category files; a change is told as a bullet is, from what replaced it",
    ),
    "pure.dated_text": ({"pure.dates"}, "what is written out is what the text's dates are"),
    "pure.passages": ({"pure.dates", "pure.terms"}, "a passage has dates and terms"),
    "pure.history": ({"pure.rendering", "pure.terms"}, "turns on one line; a query is filled up with terms"),
    "pure.navigation": ({"pure.rendering", "pure.replies"}, "what a model asks for is a reply, on one line"),
    "pure.query_steps": ({"pure.rendering", "pure.replies"}, "a verdict is a reply, on one line"),
    "pure.sufficiency": ({"pure.terms"}, "a question is covered by its terms"),
    "pure.questions": ({"pure.dates", "pure.terms"}, "a question has dates and terms"),
    "pure.ranking": ({"pure.passages", "pure.questions"}, "a ranking sets passages against a question"),
    "pure.reconciling": (
        {"pure.rearranging", "pure.selecting", "pure.terms"},
        "of two that say the same one stays, or what it was merged into; a rewording shares terms",
    ),
    "pure.grounding": ({"pure.terms"}, "a wording says what its texts say where it has their terms"),
    "pure.reorganising": (
        {
            "pure.entering",
            "pure.fencing",
            "pure.grounding",
            "pure.quoted_orders",
            "pure.rendering",
            "pure.replies",
            "pure.secrets",
        },
        "entries are shown fenced; a reply is read, grounded in them, and holds no secret or order",
    ),
    "pure.slotting": ({"pure.terms"}, "cues are matched by their terms"),
    "pure.replies": ({"pure.lenient_json"}, "a reply is JSON, leniently read"),
    "pure.summarising": ({"pure.rendering", "pure.terms"}, "a summary is a rendered line with few words"),
    "pure.baselines": ({"pure.scoring", "pure.terms"}, "a baseline finds turns by their terms"),
    "edges.run_file": ({"edges.files"}, "an evaluation's lines are appended to a file"),
    "edges.folder": (
        {"edges.files", "edges.recording"},
        "a folder is made of files; what is written to them is recorded, to be committed",
    ),
    "edges.store": ({"edges.files", "edges.folder"}, "a store is made of folders"),
    "edges.archive": ({"edges.files"}, "an archive holds files"),
    "edges.blob_places": ({"edges.files", "edges.folder"}, "blobs stand in the folder's resources"),
    "edges.buffer": ({"edges.files", "edges.folder"}, "the buffer is a file of the folder"),
    "edges.import_state": (
        {"edges.files", "edges.folder"},
        "how far an import has come is a file of the store",
    ),
    "edges.insert_counts": ({"edges.files", "edges.folder"}, "the counts are files of the store"),
    "edges.pending": ({"edges.folder"}, "the runs that wait are a file of the folder"),
    "edges.git": ({"edges.files"}, "git's own records are read as any file is"),
    "edges.journal": ({"edges.files", "edges.folder"}, "the journal is a file of the folder"),
    "edges.index": (
        {"edges.embedders", "edges.files", "edges.folder", "edges.loaders"},
        "the index is derived from the folder's messages, embedded, and kept in files",
    ),
    "edges.embedders": (
        {"edges.minilm", "edges.openai_embedder", "edges.static_model", "edges.tokens"},
        "the maker of embedders makes each kind",
    ),
    "edges.llm": (
        {"edges.files", "edges.folder", "edges.tokens"},
        "what calls took is counted in tokens and kept in the user's folder",
    ),
    "edges.minilm": ({"edges.static_model"}, "all embedders check their vectors alike"),
    "edges.openai_embedder": (
        {"edges.static_model", "edges.tokens"},
        "checks vectors; a request has a budget",
    ),
    "edges.config_yaml": ({"edges.files"}, "a store's config.yaml is one of its files"),
    "edges.prompts": ({"edges.files", "edges.templates"}, "a prompt is a template in a file"),
    "edges.watcher": ({"edges.folder"}, "what is watched are the files of the folders"),
    "edges.vector_cache": ({"edges.embedders", "edges.static_model"}, "the cache is an embedder around one"),
}
# What every neighbour may stand on: it knows nothing of memory.
BELOW_ALL = frozenset(["pure.patterns"])
CONSTRUCTORS = frozenset(["make_embedder", "make_counter", "Index", "UserFolder", "StaticEmbedder"])
# A use case that needs a second one of what the service gave it, made of the same edges, and why.
MAKES_A_SECOND = {
    "usecases.doctor": "an index made anew in memory, to hold the stored one against",
    "usecases.transfer": "the staging folder of an import, which no user has yet",
}


@dataclass(frozen=True)
class Import:
    """`module` of memu_like imports `target` of memu_like, both without the package's name."""

    module: str
    target: str
    for_typing: bool = False

    def __str__(self) -> str:
        return f"{self.module} -> {self.target}"


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def floor(module: str) -> int:
    top = module.partition(".")[0]
    floors = {
        **{
            "pure": PURE,
            "edges": EDGES,
            "usecases": USE_CASES,
            "building": SERVICE,
            "config_verbs": SERVICE,
            "configuring": SERVICE,
            "committer": SERVICE,
            "fenced": SERVICE,  # beside the service: how a face hands on what is remembered
            "intake_verbs": SERVICE,
            "profile_verbs": SERVICE,
            "reading": SERVICE,
            "service": SERVICE,
            "workshop": SERVICE,
            "merge_driver": SERVICE,  # beside the service: git runs it, on three files
            "faces": FACES,
        },
        "evaluation": SERVICE,  # beside the service: it builds the edges of an evaluation
    }
    return floors.get(top, WORDS)


def imports(module: str) -> Iterator[Import]:
    """Every import of our own modules, those for type checking and those within functions included."""
    path = MODULES[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    package = [part for part in package if part]
    tree = ast.parse(path.read_text("utf-8"))
    blocks = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    typing = {id(node) for block in blocks for node in ast.walk(block)}
    for node in ast.walk(tree):
        found: Iterable[str] = ()
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found = (".".join(parts[1:]) for parts in names if parts[0] == "memu_like")
        elif isinstance(node, ast.ImportFrom):
            found = targets(node, package)
        yield from (Import(module, target, id(node) in typing) for target in found)


def targets(node: ast.ImportFrom, package: list[str]) -> Iterator[str]:
    if node.level == 0:
        parts = (node.module or "").split(".")
        if parts[0] != "memu_like":
            return
        base = parts[1:]
    else:
        up = node.level - 1
        base = package[: len(package) - up] + (node.module.split(".") if node.module else [])
    for alias in node.names:
        inner = ".".join([*base, alias.name])
        yield inner if inner in MODULES else ".".join(base)


def unit(module: str) -> str:
    """What counts as one neighbour on its floor: a module, or a package such as `edges.index`."""
    return ".".join(module.split(".")[:2])


ALL = [one for module in MODULES if module for one in imports(module)]


def test_the_reader_of_imports_sees_the_imports_there_are() -> None:
    assert len(MODULES) > 30
    assert Import("service", "usecases.editing") in ALL
    assert Import("usecases.desk", "edges.index.index") in ALL
    assert Import("edges.folder", "edges.files") in ALL
    assert Import("faces.cli.app", "service", for_typing=True) in ALL


def test_the_package_itself_stands_above_all_but_the_faces() -> None:
    # Two apart: the scripted model, which an application hands to the service in its own tests, and the one
    # face that is a function to call.
    apart = ("edges.llm.scripted", "faces.openai_patch")
    found = [one.target for one in imports("") if one.target not in apart]
    assert {floor(target) for target in found} <= {WORDS, SERVICE}


def test_a_module_imports_only_from_lower_floors() -> None:
    wrong = [
        one
        for one in ALL
        if floor(one.target) > floor(one.module)
        or (
            floor(one.module) == WORDS
            and one.target not in ("", "chat", "errors", "models", "results", "config")
        )
    ]
    assert not wrong, f"upwards: {', '.join(map(str, wrong))}"


def test_neighbours_do_not_import_each_other_unless_one_stands_on_the_other() -> None:
    found = {
        (unit(one.module), unit(one.target))
        for one in ALL
        if floor(one.module) == floor(one.target)
        and floor(one.module) in (PURE, EDGES)
        and unit(one.module) != unit(one.target)
        and one.target not in BELOW_ALL
    }
    allowed = {(module, target) for module, (below, _) in STANDS_ON.items() for target in below}
    assert not found - allowed, f"sideways: {sorted(found - allowed)}"
    assert not allowed - found, f"listed and no longer there: {sorted(allowed - found)}"


def test_nothing_stands_on_what_stands_on_it() -> None:
    graph: dict[str, set[str]] = {}
    for one in ALL:
        graph.setdefault(one.module, set()).add(one.target)

    def reaches(start: str, goal: str) -> bool:
        seen, waiting = set(), list(graph.get(start, ()))
        while waiting:
            module = waiting.pop()
            if module == goal:
                return True
            if module not in seen:
                seen.add(module)
                waiting.extend(graph.get(module, ()))
        return False

    circular = [
        module for module in graph if module.split(".")[0] in ("pure", "edges") and reaches(module, module)
    ]
    assert not circular


def test_faces_hold_no_edge_and_call_no_use_case() -> None:
    faces = [one for one in ALL if floor(one.module) == FACES]
    wrong = [one for one in faces if floor(one.target) in (EDGES, PURE)]
    wrong += [one for one in faces if floor(one.target) == USE_CASES and not one.for_typing]
    assert not wrong, f"a face reaches past the service: {', '.join(map(str, wrong))}"


def test_pure_code_never_awaits() -> None:
    for module, path in MODULES.items():
        if floor(module) == PURE:
            nodes = ast.walk(ast.parse(path.read_text("utf-8")))
            assert not any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in nodes), module


def test_pure_code_opens_nothing_and_reads_no_clock() -> None:
    banned = {"os", "pathlib", "asyncio", "time", "socket", "subprocess", "random", "secrets", "aiofiles"}
    for module, path in MODULES.items():
        if floor(module) == PURE:
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
                assert not banned & {name.split(".")[0] for name in names}, module
                called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
                assert called not in ("open", "datetime.now", "date.today", "datetime.utcnow"), module


def test_only_the_service_constructs_edges() -> None:
    found: dict[str, list[str]] = {}
    for module, path in MODULES.items():
        if floor(module) not in (EDGES, SERVICE):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                called = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
                if called in CONSTRUCTORS:
                    found.setdefault(module, []).append(f"{called}, line {node.lineno}")  # type: ignore[attr-defined]
    assert found.keys() == MAKES_A_SECOND.keys(), found


@pytest.mark.parametrize("module", ["memu_like", "memu_like.service", "memu_like.faces.cli"])
def test_importing_does_nothing(module: str, tmp_path: Path) -> None:
    heavy = ["openai", "jinja2", "tiktoken", "pypdf", "onnxruntime", "tokenizers"]
    code = (
        f"import os, sys; before = dict(os.environ); import {module};"
        f"bad = [name for name in {heavy} if name in sys.modules];"
        "assert not bad, bad; assert dict(os.environ) == before"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_importing_the_package_and_the_command_line_waits_for_no_heavy_library(tmp_path: Path) -> None:
    for module in ("memu_like", "memu_like.faces.cli"):
        code = (
            f"import sys, {module}; print([n for n in ('numpy', 'filelock', 'openai') if n in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.stdout.strip() == "[]", f"{module}: {done.stdout}{done.stderr}"


def test_the_public_names_are_sorted_there_and_typed() -> None:
    import memu_like

    assert memu_like.__all__ == sorted(memu_like.__all__)
    assert all(getattr(memu_like, name) is not None for name in memu_like.__all__)
    typed = {
        alias.name
        for node in ast.walk(ast.parse((PACKAGE / "__init__.py").read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }
    assert typed == set(memu_like.__all__) - {"__version__"}
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        memu_like.nonsense  # noqa: B018


def test_every_error_is_a_public_name() -> None:
    import memu_like
    from memu_like import errors

    kinds = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and kind.__module__ == errors.__name__
    }
    assert kinds <= set(memu_like.__all__)


def test_the_version_is_that_of_the_project() -> None:
    import memu_like

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert memu_like.__version__ == project["version"]
