"""Anthropic's memory tool (`memory_20250818`) over a user's category files, which stand under /memories.

    tool = MemoryTool(memory.user("maya"))
    result = await tool.run(block.input)    # {"command": "view", "path": "/memories"}
    answer = {"type": "tool_result", "tool_use_id": block.id, "content": result.text,
              "is_error": result.is_error}

The six commands, their arguments and what they answer are those of
https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/memory-tool. What the files become is what they
become when a person saves them: new bullets get ids, and the sync takes them in. There is one directory.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import Conflict, InvalidInput, NotFound
from ..results import CategoryText
from ..service import UserMemory

ROOT = "/memories"
MAX_LINES = 999_999
"""What the tool's documentation allows a file that is viewed."""
TRIES = 5
"""Somebody else may save the file between reading and writing; then it is read again."""
AROUND = 4
"""Lines before and after an edit that its answer shows."""
_ENDING = re.compile(r"\.(md|markdown|txt|text|xml|json|ya?ml|csv)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The text of a tool's result, and whether it tells of an error."""

    text: str
    is_error: bool = False


class _Refused(Exception):
    """What the model is told in place of a success."""


class MemoryTool:
    """One user's category files as the directory /memories. `/memories/work.md` is the topic `work`.

    A path that leads anywhere else is refused. Any ending of a text file may stand in place of `.md`.
    """

    def __init__(self, user: UserMemory) -> None:
        self._user = user
        self._commands: dict[str, Callable[[_Arguments], Awaitable[str]]] = {
            "view": self._view,
            "create": self._create,
            "str_replace": self._replace,
            "insert": self._insert,
            "delete": self._delete,
            "rename": self._rename,
        }

    async def run(self, given: Mapping[str, Any]) -> ToolResult:
        """Run what a model asked for: the input of its tool use. A model's mistake is a result, no exception.

        Raises StorageError where the disk refuses, and what else is no mistake of the model.
        """
        arguments = _Arguments(given)
        try:
            work = self._commands.get(arguments.text("command"))
            if work is None:
                raise _Refused(f"Error: there is no command but {', '.join(self._commands)}")
            return ToolResult(await work(arguments))
        except _Refused as refused:
            return ToolResult(str(refused), is_error=True)
        except (InvalidInput, NotFound, Conflict) as error:
            return ToolResult(f"Error: {error}", is_error=True)

    # -- reading

    async def _view(self, given: _Arguments) -> str:
        path = given.path("path")
        if path == ROOT:
            return await self._listing()
        found = await self._read(path)
        if found is None:
            raise _Refused(f"The path {path} does not exist. Please provide a valid path.")
        lines = found.text.split("\n")
        if len(lines) > MAX_LINES:
            raise _Refused(f"File {path} exceeds maximum line limit of {MAX_LINES:,} lines.")
        first, last = given.span("view_range", len(lines))
        return f"Here's the content of {path} with line numbers:\n{_numbered(lines, first, last)}"

    async def _listing(self) -> str:
        files = [(path_of(one.topic), len(one.text.encode())) for one in await self._files()]
        rows = [(ROOT, sum(size for _, size in files)), *files]
        told = "\n".join(f"{_size(size)}\t{path}" for path, size in rows)
        return (
            f"Here're the files and directories up to 2 levels deep in {ROOT}, excluding hidden items and"
            f" node_modules:\n{told}"
        )

    async def _files(self) -> list[CategoryText]:
        try:
            topics = list(await self._user.profile())
        except NotFound:
            return []  # a user of whom nothing is known yet
        found = [await self._topic(topic) for topic in topics]
        return [one for one in found if one is not None]

    async def _read(self, path: str) -> CategoryText | None:
        return await self._topic(_topic_of(path))

    async def _topic(self, topic: str) -> CategoryText | None:
        try:
            return await self._user.category(topic)
        except NotFound:
            return None

    async def _existing(self, path: str, refusal: str) -> CategoryText:
        found = None if path == ROOT else await self._read(path)
        if found is None:
            raise _Refused(refusal)
        return found

    # -- writing

    async def _create(self, given: _Arguments) -> str:
        path, text = given.path("path"), given.text("file_text")
        if path == ROOT:
            raise _Refused(f"Error: File {path} already exists")
        try:
            made = await self._user.write_category(_topic_of(path), text, expected=None)
        except Conflict:
            raise _Refused(f"Error: File {path} already exists") from None
        return f"File created successfully at: {path_of(made.topic)}"

    async def _replace(self, given: _Arguments) -> str:
        path, old, new = given.path("path"), given.text("old_str"), given.text("new_str", "")
        missing = f"Error: The path {path} does not exist. Please provide a valid path."

        def replaced(text: str) -> tuple[str, int]:
            return _replaced(text, old, new, path)

        after, line = await self._change(path, missing, replaced)
        lines = after.text.split("\n")
        last = line + new.count("\n") + AROUND
        return f"The memory file has been edited.\n{_numbered(lines, max(1, line - AROUND), last)}"

    async def _insert(self, given: _Arguments) -> str:
        path, at, text = given.path("path"), given.number("insert_line"), given.text("insert_text")

        def inserted(before: str) -> tuple[str, int]:
            return _inserted(before, at, text), at

        await self._change(path, f"Error: The path {path} does not exist", inserted)
        return f"The file {path} has been edited."

    async def _change(
        self, path: str, missing: str, change: Callable[[str], tuple[str, int]]
    ) -> tuple[CategoryText, int]:
        """Read, change, and write where it still stands so. Returns what stands then, and the line."""
        for left in reversed(range(TRIES)):
            found = await self._existing(path, missing)
            text, line = change(found.text)
            try:
                return await self._user.write_category(found.topic, text, expected=found.hash), line
            except Conflict:
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    async def _delete(self, given: _Arguments) -> str:
        path = given.path("path")
        if path == ROOT:
            raise _Refused(f"Error: {ROOT} itself cannot be deleted")
        found = await self._existing(path, f"Error: The path {path} does not exist")
        await self._user.delete_category(found.topic, expected=found.hash)
        return f"Successfully deleted {path}"

    async def _rename(self, given: _Arguments) -> str:
        old, new = given.path("old_path"), given.path("new_path")
        found = await self._existing(old, f"Error: The path {old} does not exist")
        if new == ROOT or await self._read(new) is not None:
            raise _Refused(f"Error: The destination {new} already exists")
        moved = await self._user.rename_category(found.topic, _topic_of(new), expected=found.hash)
        return f"Successfully renamed {old} to {path_of(moved.topic)}"


class _Arguments:
    """What a model gave, read as what a command needs."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def text(self, name: str, default: str | None = None) -> str:
        value = self._given.get(name, default)
        if not isinstance(value, str):
            raise _Refused(f"Error: Invalid `{name}` parameter: it must be a string")
        return value

    def number(self, name: str) -> int:
        value = self._given.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _Refused(f"Error: Invalid `{name}` parameter: it must be a whole number")
        return value

    def path(self, name: str) -> str:
        """ROOT, or ROOT/name; whatever leads elsewhere is refused."""
        path = self.text(name)
        head, _, rest = path.removesuffix("/").partition(f"{ROOT}/")
        if path in (ROOT, f"{ROOT}/"):
            return ROOT
        if head or not rest or re.search(r"[/\\%\x00-\x1f]", rest) or rest.startswith("."):
            raise _Refused(f"Error: Invalid `{name}` parameter: give {ROOT} or {ROOT}/NAME.md, without more")
        return path

    def span(self, name: str, count: int) -> tuple[int, int]:
        """The lines [first, last] to show, from 1; all where none are named. A last of -1 is the end."""
        value = self._given.get(name)
        if value is None:
            return 1, count
        whole = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2
        if not whole or not all(isinstance(one, int) for one in value):
            raise _Refused(f"Error: Invalid `{name}` parameter: it must be two line numbers")
        first, last = value[0], count if value[1] == -1 else value[1]
        if not 1 <= first <= count or last < first:
            raise _Refused(f"Error: Invalid `{name}` parameter: {list(value)}. There are {count} lines")
        return first, min(last, count)


def path_of(topic: str) -> str:
    """The path of a topic's file."""
    return f"{ROOT}/{topic}.md"


def _topic_of(path: str) -> str:
    """The topic of a path, which `_Arguments.path` has checked: its name without its ending."""
    return _ENDING.sub("", path.removeprefix(f"{ROOT}/").removesuffix("/")).lower()


def _replaced(text: str, old: str, new: str, path: str) -> tuple[str, int]:
    """The text with the one `old` as `new`, and the line it began in."""
    count = text.count(old) if old else 0
    if not count:
        raise _Refused(f"No replacement was performed, old_str `{old}` did not appear verbatim in {path}.")
    if count > 1:
        lines = ", ".join(
            str(text.count("\n", 0, found.start()) + 1) for found in re.finditer(re.escape(old), text)
        )
        raise _Refused(
            f"No replacement was performed. Multiple occurrences of old_str `{old}` in lines: {lines}."
            " Please ensure it is unique"
        )
    at = text.index(old)
    return text[:at] + new + text[at + len(old) :], text.count("\n", 0, at) + 1


def _inserted(text: str, at: int, new: str) -> str:
    """The text with `new` behind line `at`; 0 is the beginning."""
    lines = text.removesuffix("\n").split("\n") if text else []
    if not 0 <= at <= len(lines):
        raise _Refused(
            f"Error: Invalid `insert_line` parameter: {at}. It should be within the range of lines of the"
            f" file: [0, {len(lines)}]"
        )
    return "\n".join([*lines[:at], new.removesuffix("\n"), *lines[at:]]) + "\n"


def _numbered(lines: Sequence[str], first: int, last: int) -> str:
    shown = enumerate(lines[first - 1 : last], start=first)
    return "\n".join(f"{number:6}\t{line}" for number, line in shown)


def _size(count: int) -> str:
    """Bytes as `du -h` says them, such as 1.5K."""
    size, units = float(count), iter(("", "K", "M", "G"))
    unit = next(units)
    while size >= 1024 and (larger := next(units, "")):
        size, unit = size / 1024, larger
    return f"{size:.1f}{unit}" if unit else str(count)
