"""Reading a case: one markdown file that tells what a person did to a memory folder, and what comes of it.

The README beside this file says how a case is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edit_world import Known

FOLDER = Path(__file__).parent
FENCE = re.compile(r"(```|~~~~~~)(.*)")
KNOWN = re.compile(
    r"(?P<id>\w+) (?P<topic>\w+)/(?P<slot>[^:]+?) (?P<said>[\d-]+)"
    r"(?: (?P<status>superseded|retracted))?(?: when (?P<when>[\d-]+))?"
    r"(?: from (?P<parents>[\w ]+))?: (?P<text>.*)"
)
EDIT = re.compile(r"(?P<kind>\w+) (?P<path>.+?)(?::(?P<line>\d+))?(?: \^(?P<item>\w+))?")
STATE = re.compile(r"(?P<id>\w+) (?P<status>\w+) (?P<origin>\w+) (?P<place>[^:]*): (?P<text>.*)")
ESCAPE = re.compile(rb"\\(x[0-9a-f]{2}|t|r|n|\\)")
FLAGS = ("bom", "crlf", "no-final-newline", "escaped")


@dataclass(frozen=True)
class ExpectedEdit:
    """An edit that the report must name; `text` and `before` are None where the case does not say."""

    kind: str
    path: str
    line: int
    item: str
    text: str | None = None
    before: str | None = None


@dataclass(frozen=True)
class ExpectedItem:
    id: str
    status: str
    origin: str
    place: str
    text: str


@dataclass(frozen=True)
class Replaced:
    """Words of one line of the only file that fits `pattern`; `new` is None where the line is taken out."""

    pattern: str
    old: bytes
    new: bytes | None


@dataclass
class Round:
    """What the person left, and what the sync that follows must make of it."""

    title: str
    files: dict[str, bytes] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    edits: list[ExpectedEdit] | None = None
    confirm: bool = False
    held: list[ExpectedEdit] = field(default_factory=list)
    items: list[ExpectedItem] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    error: str = ""
    replaced: list[Replaced] = field(default_factory=list)
    synced: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Case:
    """`later` is where a fact about pets goes that is learnt after all this, where the case says so.

    `nowhere` are words that no record may hold.
    """

    path: Path
    title: str = ""
    known: list[Known] = field(default_factory=list)
    before: dict[str, bytes] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)
    later: str = ""
    nowhere: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.stem}"


def case_files() -> list[Path]:
    return sorted(path for path in FOLDER.glob("*/*.md") if not path.name.startswith("."))


def read_case(path: Path) -> Case:
    """Raises ValueError, with the place, for what is no case."""
    text = path.read_bytes().decode()
    case = Case(path, title=text.partition("\n")[0].removeprefix("# "))
    for heading, info, body in _blocks(text):
        try:
            _take(case, heading, info.split(), body)
        except (ValueError, IndexError) as error:
            raise ValueError(f"{case.name}: block {info!r} under {heading!r}: {error}") from error
    if not case.rounds or any(one.edits is None and not one.error for one in case.rounds):
        raise ValueError(f"{case.name}: each heading after the first needs an `edits` block")
    return case


def _blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """(the heading above, info string, content) of each fenced block."""
    heading = ""
    lines = iter(text.split("\n"))
    for line in lines:
        fence = FENCE.fullmatch(line)
        if line.startswith("## "):
            heading = line[3:]
        if fence:
            body: list[str] = []
            while (inner := next(lines)) != fence.group(1):
                body.append(inner)
            yield heading, fence.group(2), "".join(line + "\n" for line in body)


def _take(case: Case, heading: str, info: list[str], body: str) -> None:
    kind = info[1] if info[0] in ("markdown", "text", "diff") else info[0]
    if kind == "memory":
        case.known = [_known(line) for line in body.splitlines()]
    elif kind == "before":
        path, flags = _path(info[2:])
        case.before[path] = _content(body, flags)
    elif kind == "later":
        case.later = body.strip()
    elif kind == "nowhere":
        case.nowhere = body.splitlines()
    else:
        if not case.rounds or case.rounds[-1].title != heading:
            case.rounds.append(Round(heading))
        _take_round(case.rounds[-1], kind, info, body)


def _take_round(one: Round, kind: str, info: list[str], body: str) -> None:
    if kind == "after":
        path, flags = _path(info[2:])
        one.files[path] = _content(body, flags)
    elif kind == "synced":
        path, flags = _path(info[2:])
        one.synced[path] = _content(body, flags)
    elif kind == "gone":
        one.gone += body.split("\n")[:-1]
    elif kind == "edits":
        one.edits, one.confirm = list(_edits(body)), "confirm" in info
    elif kind == "held":
        one.held = list(_edits(body))
    elif kind == "items":
        one.items = [ExpectedItem(**_matched(STATE, line)) for line in body.splitlines()]
    elif kind == "replace":
        one.replaced.append(_replaced(info[2], body))
    elif kind == "error":
        one.error = body.strip()
    elif kind == "problems":
        one.problems = body.splitlines()
    else:
        raise ValueError("no such block")


def _path(words: list[str]) -> tuple[str, list[str]]:
    """A file's name, which may have spaces in it, and the flags behind it."""
    end = next((at for at, word in enumerate(words) if word in FLAGS), len(words))
    return " ".join(words[:end]), words[end:]


def _matched(pattern: re.Pattern[str], line: str) -> dict[str, str]:
    found = pattern.fullmatch(line)
    if found is None:
        raise ValueError(f"cannot read {line!r}")
    return {name: value or "" for name, value in found.groupdict().items()}


def _known(line: str) -> Known:
    values = _matched(KNOWN, line)
    parents = tuple(values.pop("parents").split())
    status = values.pop("status") or "active"
    return Known(**values, parents=parents, status=status)


def _edits(body: str) -> Iterator[ExpectedEdit]:
    """`kind path:line ^item`, and below it, indented, `was` and `now` with what the bullet said and says."""
    lines = body.splitlines()
    starts = [at for at, line in enumerate(lines) if not line.startswith("  ")]
    for start, end in zip(starts, [*starts, len(lines)][1:], strict=True):
        values = _matched(EDIT, lines[start])
        said = {line[2:5]: line[6:].replace("\\n", "\n") for line in lines[start + 1 : end]}
        if said.keys() - {"was", "now"}:
            raise ValueError(f"below an edit stand `was` and `now`, not {sorted(said)}")
        line = int(values.pop("line") or 0)
        yield ExpectedEdit(**values, line=line, text=said.get("now"), before=said.get("was"))


def _replaced(pattern: str, body: str) -> Replaced:
    old, *new = body.encode().split(b"\n")[:-1]
    if not old.startswith(b"- ") or any(not line.startswith(b"+ ") for line in new) or len(new) > 1:
        raise ValueError("give what stood there after `- `, and what stands there after `+ `")
    return Replaced(pattern, old[2:], new[0][2:] if new else None)


def _content(body: str, flags: list[str]) -> bytes:
    unknown = set(flags) - set(FLAGS)
    if unknown:
        raise ValueError(f"flags are {', '.join(FLAGS)}, not {', '.join(unknown)}")
    data = body.encode()
    if "no-final-newline" in flags:
        data = data.removesuffix(b"\n")
    if "crlf" in flags:
        data = data.replace(b"\n", b"\r\n")
    if "escaped" in flags:
        data = ESCAPE.sub(_unescaped, data)
    return b"\xef\xbb\xbf" * ("bom" in flags) + data


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found.group(1)
    if code.startswith(b"x"):
        return bytes.fromhex(code[1:].decode())
    return {b"t": b"\t", b"r": b"\r", b"n": b"\n", b"\\": b"\\"}[code]


def filled(data: bytes, ids: Mapping[str, str]) -> bytes:
    """The content with the ids that its NEW1, NEW2 stand for."""
    for name, found in ids.items():
        data = re.sub(rb"\b%s\b" % name.encode(), found.encode(), data)
    return data
