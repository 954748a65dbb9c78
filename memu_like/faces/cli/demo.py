"""The demo: the shipped sample as a memory folder, and questions to it."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ...results import Hit, MemorizeReport
from .app import Call, command
from .output import one_line, plain, remembered

if TYPE_CHECKING:
    from rich.tree import Tree

    from ...service import UserMemory
    from .rendering import Profile

DEMO_USER = "maya"
SAMPLE_FILES = ("chat.jsonl", "notes.md")
QUESTIONS = 5
FEW = 4
SHOWN_CATEGORY = "relationships"
SHOWN_LINES = 24
"""Lines of the category file that the demo prints."""


@dataclass(frozen=True, slots=True)
class Answer:
    question: str
    expected: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo did: as JSON, what `--json` prints."""

    store: str
    store_named: bool
    user: str
    reports: tuple[MemorizeReport, ...]
    files: tuple[str, ...]
    category_file: str
    category_text: str
    answers: tuple[Answer, ...]


@command("demo")
async def demo(
    call: Call,
    with_people: Annotated[
        bool,
        typer.Option("--people", help="The story of a person, the service and git at one memory instead."),
    ] = False,
) -> None:
    """Memorize the shipped sample, show the folder, and ask it five questions."""
    if with_people:
        from .people import people

        await people(call)
        return
    async with call.service() as service:
        await service.init()
        user = service.user(call.user_id or DEMO_USER)
        reports = [await _memorize(user, name) for name in SAMPLE_FILES]
        category = _category(await user.profile())
        done = Demo(
            store=str(service.store),
            store_named=call.store is not None,
            user=user.user_id,
            reports=tuple(reports),
            files=tuple(_files(user)),
            category_file=f"categories/{category}.md",
            category_text=_read(user, f"categories/{category}.md"),
            answers=tuple([await _ask(user, line) for line in _questions()]),
        )
    call.show(done, lambda out: _print(out, done))


def _category(profile: Profile) -> str:
    """The one to show: `SHOWN_CATEGORY`, and in a store with categories of its own the largest."""
    sizes = {topic: sum(map(len, slots.values())) for topic, slots in profile.items()}
    return (
        SHOWN_CATEGORY
        if SHOWN_CATEGORY in sizes
        else max(sizes, key=sizes.__getitem__, default=SHOWN_CATEGORY)
    )


def _read(user: UserMemory, name: str) -> str:
    """A file of the folder; nothing where a person has deleted it."""
    return (user.folder.read_or_none(name) or b"").decode("utf-8", "replace")


async def _memorize(user: UserMemory, name: str) -> MemorizeReport:
    return await user.memorize(_sample(name), name=name)


def _sample(name: str) -> bytes:
    return (resources.files("memu_like") / "data" / "sample" / name).read_bytes()


def _questions() -> list[dict[str, str]]:
    lines = _sample("questions.jsonl").decode().splitlines()
    return [json.loads(line) for line in lines[:QUESTIONS]]


async def _ask(user: UserMemory, line: dict[str, str]) -> Answer:
    result = await user.retrieve(line["question"], top_k=3)
    return Answer(line["question"], line["answer"], result.hits)


def _files(user: UserMemory) -> list[str]:
    root = user.folder.root
    found = (path for path in root.rglob("*") if path.is_file())
    names = (path.relative_to(root).as_posix() for path in found)
    return sorted(name for name in names if not name.startswith(".memu/"))


def _print(out: Console, done: Demo) -> None:
    _print_reports(out, done)
    out.print(_tree(done))
    lines = done.category_text.splitlines()
    out.print(Text(f"\n{done.user}/{done.category_file}", style="bold"))
    for line in lines[:SHOWN_LINES]:
        _indented(out, Text(plain(line), overflow="fold"))
    if len(lines) > SHOWN_LINES:
        out.print(f"  ... {len(lines) - SHOWN_LINES} more lines", style="dim")
    for answer in done.answers:
        _print_answer(out, answer)
    _print_next(out, done)


def _print_reports(out: Console, done: Demo) -> None:
    from .rendering import report_line

    if not any(report.messages for report in done.reports):
        out.print("The sample is in this store already: nothing was added.\n")
        return
    for name, report in zip(SAMPLE_FILES, done.reports, strict=True):
        out.print(Text.assemble(f"{name}: ", report_line(report)))
    out.print()


def _tree(done: Demo) -> Tree:
    """The folder; of files that there is one of for each month or session, the first and how many."""
    from rich.tree import Tree

    tree = Tree(remembered(f"{done.store}/{done.user}/", "bold"), guide_style="dim")
    groups: dict[str, list[str]] = {}
    for name in done.files:
        folder, _, rest = name.partition("/")
        groups.setdefault(folder if rest else "", []).append(rest or name)
    for folder, names in groups.items():
        branch = tree.add(remembered(f"{folder}/", "cyan")) if folder else tree
        few = names if len(names) <= FEW or folder == "categories" else names[:FEW]
        for name in few:
            branch.add(remembered(name))
        if len(few) < len(names):
            branch.add(Text(f"... {len(names) - len(few)} more", style="dim"))
    return tree


def _print_answer(out: Console, answer: Answer) -> None:
    from .rendering import day

    out.print(Text.assemble("\n", (f"? {answer.question}", "bold")))
    for hit in answer.hits[:1]:
        where = ", ".join(part for part in (hit.speaker, day(hit.date), hit.place) if part)
        _indented(out, remembered(hit.text))
        _indented(out, remembered(where, "dim"))
    if not answer.hits:
        _indented(out, Text("nothing found"))
    _indented(out, Text.assemble("expected: ", remembered(answer.expected, "green")))


def _indented(out: Console, text: Text) -> None:
    out.print(Padding(text, (0, 0, 0, 2)))


def _print_next(out: Console, done: Demo) -> None:
    options = shlex.join([*(["-s", done.store] if done.store_named else []), "-u", done.user])
    out.print(Text("\nTry next", style="bold"))
    for line in (
        f'memu-like retrieve "what does she like to eat?" --explain {options}',
        f"memu-like show {options}",
        f"memu-like items list --topic {done.category_file[11:-3]} {options}",
        f"memu-like context --max-tokens 400 {options}",
    ):
        out.print(Text(f"  {one_line(line)}"), soft_wrap=True)  # to be copied: no line break within a path
