"""A store's `config.yaml`: Memobase's configuration. YAML needs an optional package."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import ConfigError, MissingExtra
from . import files

NAME = "config.yaml"
MAX_BYTES = 256 * 1024
MARK = "# What follows was set by a client, as the profile configuration."


@dataclass(frozen=True, slots=True)
class ConfigYaml:
    """A text with its values by top-level key, and the line (from 1) that each key stands in."""

    text: str
    values: dict[str, Any]
    lines: dict[str, int]
    flow: bool = False
    """The keys stand in braces, and not on lines of their own."""

    @property
    def places(self) -> dict[str, str]:
        return {key: f"{NAME}:{line}" for key, line in self.lines.items()}


def read_yaml(store: Path) -> ConfigYaml:
    """The store's file; empty where there is none. Raises ConfigError, MissingExtra, StorageError."""
    path = store / NAME
    data = files.bytes_or_none(path) if path.exists() else None
    if data is None:
        return ConfigYaml("", {}, {})
    try:
        return parse_yaml(data.decode())
    except UnicodeDecodeError as error:
        raise ConfigError(f"{NAME}: not UTF-8 at byte {error.start}") from error


def write_yaml(store: Path, text: str) -> None:
    files.make_folder(store, store)
    files.write_atomic(store, store / NAME, text.encode())


def parse_yaml(text: str) -> ConfigYaml:
    """Raises ConfigError that names the line, and never what stands there: it may be a key."""
    if not text.strip():
        return ConfigYaml(text, {}, {})
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ConfigError(f"{NAME}: longer than {MAX_BYTES} bytes")
    yaml = _library()
    try:
        _refuse_aliases(yaml, text)
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        values = loader.construct_document(node) if node else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{NAME}:{mark.line + 1}" if mark else NAME
        raise ConfigError(f"{place}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{NAME}: not YAML: a character or a value that cannot be read") from error
    except RecursionError as error:
        raise ConfigError(f"{NAME}: nested too deeply") from error
    if values is None or values == {}:
        return ConfigYaml(text, {}, {})
    if not isinstance(values, dict):
        raise ConfigError(f"{NAME}: give keys and values, such as `language: en`")
    return ConfigYaml(text, values, _lines(node), bool(node.flow_style))


def _library() -> ModuleType:
    try:
        import yaml
    except ImportError as error:
        raise MissingExtra(f"Reading {NAME}", "server") from error
    return yaml


def _refuse_aliases(yaml: ModuleType, text: str) -> None:
    """A few lines with aliases can stand for gigabytes."""
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError(f"{NAME}:{event.start_mark.line + 1}: write it out: aliases (*) are not read")


def _lines(node: Any) -> dict[str, int]:
    """The line of each top-level key. Raises ConfigError for one that is no text, or is given twice."""
    lines: dict[str, int] = {}
    for key, _ in node.value:
        name, line = key.value, key.start_mark.line + 1
        if not isinstance(name, str) or key.tag != "tag:yaml.org,2002:str":
            raise ConfigError(f"{NAME}:{line}: a key must be a word")
        if name in lines:
            raise ConfigError(f"{NAME}:{line}: {name!r} is given twice; it also stands in line {lines[name]}")
        lines[name] = line
    return lines


def part_of(config: ConfigYaml, keys: Collection[str]) -> str:
    """The text of these keys: all of it where there are no others, else without comments, which may hold any.

    What `joined` has put below its mark comes back as it was given.
    """
    if not set(config.values) - set(keys):
        return config.text
    if config.flow:
        return _dumped({key: value for key, value in config.values.items() if key in keys})
    rows = config.text.splitlines(keepends=True)
    end = _mark(config, rows, keys)
    spans = [span for key, span in _spans(config, rows).items() if key in keys and span[0] < end]
    return "".join("".join(rows[a:b]) for a, b in spans) + "".join(rows[end + 1 :])


def joined(config: ConfigYaml, keys: Collection[str], text: str) -> str:
    """The file with `text` in place of these keys. Other keys and all other comments stay as they are."""
    others = {key: value for key, value in config.values.items() if key not in keys}
    if not others:
        return text
    if config.flow:
        return f"{_dumped(others)}{MARK}\n{text}"
    rows = config.text.splitlines(keepends=True)
    end = _mark(config, rows, keys)
    gone = {row for key, (a, b) in _spans(config, rows).items() if key in keys for row in range(a, b)}
    kept = "".join(row for number, row in enumerate(rows[:end]) if number not in gone)
    return f"{kept}{'' if kept.endswith(chr(10)) else chr(10)}{MARK}\n{text}"


def _dumped(values: dict[str, Any]) -> str:
    return str(_library().safe_dump(values, allow_unicode=True, sort_keys=False)) if values else ""


def _mark(config: ConfigYaml, rows: list[str], keys: Collection[str]) -> int:
    """The index of the mark's row; behind the last row where there is none, or one of the others is below."""
    found = next((number for number, row in enumerate(rows) if row.rstrip() == MARK), len(rows))
    below = {key for key, line in config.lines.items() if line - 1 > found}
    return found if below <= set(keys) else len(rows)


def _spans(config: ConfigYaml, rows: list[str]) -> dict[str, tuple[int, int]]:
    """The rows of each key and its value, without the comments and blank lines that follow them."""
    starts = [line - 1 for line in config.lines.values()]
    spans = {}
    for key, start, end in zip(config.lines, starts, [*starts[1:], len(rows)], strict=True):
        while end > start + 1 and (not rows[end - 1].strip() or rows[end - 1].lstrip().startswith("#")):
            end -= 1
        spans[key] = start, end
    return spans
