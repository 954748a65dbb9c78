"""The prompt templates as files: shipped ones, and those that a store puts in their place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..chat import ChatMessage
from ..errors import InvalidInput, NotFound, PromptError, StorageError
from ..pure.fencing import Value
from .files import Stamp, explained, guard, read_bytes, stamp, write_atomic
from .templates import Sample, Template, parse_template

MAX_BYTES = 64 * 1024
FALLBACK = "en"
FOLDER = "prompts"
FILE_NAME = re.compile(r"([a-z][a-z_]{0,59})(?:\.([a-z]{2}))?\.md")


@dataclass(frozen=True, slots=True)
class PromptFile:
    """A template's file. `language` is "" where it serves all; `own` says that it is the store's."""

    name: str
    language: str
    path: Path
    own: bool

    @property
    def shown(self) -> str:
        """The file as errors name it: from the store's folder, or by its name where it is shipped."""
        return f"{FOLDER}/{self.path.name}" if self.own else self.path.name


@dataclass(frozen=True, slots=True)
class PromptProblem:
    """What is wrong with a template."""

    path: Path
    line: int | None
    reason: str


class Prompts:
    """Finds and renders templates. `store` is the store's folder, whose own `prompts/` come first.

    A prompt is looked for as `<name>.<language>.md` and `<name>.md` in the store's `prompts/`, then among
    the shipped ones, then in English in the same order.
    """

    def __init__(self, store: Path | None = None) -> None:
        self._store = store
        self._parsed: dict[Path, tuple[Stamp, Template]] = {}

    def render(self, name: str, language: str, variables: Mapping[str, Value]) -> tuple[ChatMessage, ...]:
        """The messages of a step's prompt ("extract") in a language ("en", "zh").

        Raises PromptError, which names the file and line, for a variable that is undefined or a template
        that does not parse, NotFound for a name that is none.
        """
        return self._template(self.find(name, language)).render(variables)

    def names(self) -> list[str]:
        """The names of the shipped templates: those that a step asks for."""
        return sorted({file.name for file in self._shipped()})

    def files(self) -> list[PromptFile]:
        """All templates, the shipped ones and then the store's own."""
        return [*self._shipped(), *self._own()]

    def find(self, name: str, language: str) -> PromptFile:
        """The file that a prompt is rendered from. Raises NotFound, StorageError."""
        for folder, wanted, own in self._places(language):
            file = f"{name}.{wanted}.md" if wanted else f"{name}.md"
            if FILE_NAME.fullmatch(file):
                with explained("read", folder / file):
                    there = stamp(folder / file)
                if there:
                    return PromptFile(name, wanted, folder / file, own)
        raise NotFound("prompt", name[:60], f"there are {', '.join(self.names())}")

    def source(self, name: str, language: str) -> tuple[str, Path]:
        """A template's text, and the file that it stands in. Raises NotFound and PromptError."""
        file = self.find(name, language)
        return self._read(file), file.path

    def copy(self, name: str, language: str | None = None, *, force: bool = False) -> list[Path]:
        """Copy shipped templates (of all languages, or one) into the store, to be edited there.

        Returns the store's files. Raises NotFound, and InvalidInput where other text stands there already,
        unless `force`; then nothing is written.
        """
        if self._store is None:
            raise InvalidInput("there is no store to copy a prompt to")
        shipped = [f for f in self._shipped() if f.name == name and language in (None, f.language)]
        if not shipped:
            raise NotFound("prompt", name[:60], f"there are {', '.join(self.names())}, in en and zh")
        copies = [(self._store / FOLDER / file.path.name, file.path.read_bytes()) for file in shipped]
        for path, data in copies:
            if not force and stamp(path) and read_bytes(self._store, path) != data:
                raise InvalidInput(f"{path} is there already; --force puts the shipped one in its place")
        for path, data in copies:
            write_atomic(self._store, path, data)
        return [path for path, _ in copies]

    def check(self) -> list[PromptProblem]:
        """What is wrong with any template: it does not parse, does not say what it returns and is given,
        uses what it is not given, or cannot be rendered with sample values."""
        given = {file.name: self._given(file) for file in self._shipped()}
        return [problem for file in self.files() for problem in self._problems(file, given.get(file.name))]

    def _given(self, file: PromptFile) -> frozenset[str]:
        """The variables that a shipped template is given, in the words of its comment."""
        try:
            notes = self._template(file).notes
        except PromptError:
            return frozenset()  # a problem of its own, which `check` names
        return frozenset(notes.get("variables", "").replace(",", " ").split())

    def _problems(self, file: PromptFile, given: frozenset[str] | None) -> Iterator[PromptProblem]:
        if given is None:
            yield PromptProblem(file.path, None, f"no step asks for it; there are {', '.join(self.names())}")
            return
        try:
            template = self._template(file)
            if unknown := sorted(template.uses - given):
                yield PromptProblem(file.path, None, f"uses {', '.join(unknown)}, which it is not given")
            for full in (True, False):
                template.render(dict.fromkeys(template.uses, Sample(full=full)))
        except PromptError as error:
            yield PromptProblem(file.path, error.line, error.reason)
            return
        except StorageError as error:
            yield PromptProblem(file.path, None, str(error))
            return
        for note in ("returns", "variables"):
            if not file.own and not template.notes.get(note):
                yield PromptProblem(file.path, 1, f"has no {{# {note}: ... #}}")

    def _places(self, language: str) -> Iterator[tuple[Path, str, bool]]:
        for wanted in dict.fromkeys((language, FALLBACK)):
            if self._store:
                yield self._store / FOLDER, wanted, True
            if self._store and wanted == language:
                yield self._store / FOLDER, "", True
            yield shipped_folder(), wanted, False

    def _shipped(self) -> list[PromptFile]:
        return [file for file in _files(shipped_folder(), own=False) if file.language]

    def _own(self) -> list[PromptFile]:
        if self._store is None:
            return []
        return _files(guard(self._store, self._store / FOLDER), own=True)

    def _template(self, file: PromptFile) -> Template:
        """The parsed template, anew where its file has changed."""
        found = stamp(file.path) or (0, 0, 0)
        known = self._parsed.get(file.path)
        if known is None or known[0] != found:
            known = self._parsed[file.path] = found, parse_template(file.shown, self._read(file))
        return known[1]

    def _read(self, file: PromptFile) -> str:
        """Raises StorageError where the store's file is a link that leads out of it."""
        root = self._store if file.own and self._store else file.path.parent
        with explained("read", file.path):
            size = guard(root, file.path).stat().st_size
        if size > MAX_BYTES:
            raise PromptError(file.shown, None, f"a template has at most {MAX_BYTES // 1024} KB")
        try:
            text = read_bytes(root, file.path).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise PromptError(file.shown, None, "the file is not UTF-8") from error
        return text.replace("\r\n", "\n")


def shipped_folder() -> Path:
    """In a wheel `memu_like/data/prompts`; in a work tree the folder beside the package."""
    package = Path(__file__).parent.parent
    inside = package / "data" / FOLDER
    return inside if inside.is_dir() else package.parent / FOLDER


def _files(folder: Path, *, own: bool) -> list[PromptFile]:
    if not folder.is_dir():
        return []
    with explained("read", folder):
        named = [(FILE_NAME.fullmatch(path.name), path) for path in sorted(folder.iterdir())]
    return [PromptFile(found[1], found[2] or "", path, own) for found, path in named if found]
