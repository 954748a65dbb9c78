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
    """The lines of these keys, with the comments above each, as they stand; all if they are all there is."""
    if not set(config.values) - set(keys):
        return config.text
    if config.flow:
        return _dumped({key: value for key, value in config.values.items() if key in keys})
    return "".join(text for key, text in _blocks(config) if key in keys)


def rest_of(config: ConfigYaml, keys: Collection[str]) -> str:
    """The lines of the other keys, ended by a line end; "" if there are none."""
    if not set(config.values) - set(keys):
        return ""
    if config.flow:
        return _dumped({key: value for key, value in config.values.items() if key not in keys})
    text = "".join(text for key, text in _blocks(config) if key not in keys)
    return text if text.endswith("\n") else text + "\n"


def _dumped(values: dict[str, Any]) -> str:
    return str(_library().safe_dump(values, allow_unicode=True, sort_keys=False)) if values else ""


def _blocks(config: ConfigYaml) -> list[tuple[str, str]]:
    """The lines of each key with the comments above it; what stands before the first has the key ""."""
    rows = config.text.splitlines(keepends=True)
    starts = [(_with_comments(rows, line), key) for key, line in config.lines.items()]
    ends = [start for start, _ in starts[1:]] + [len(rows)]
    blocks = [(key, "".join(rows[start:end])) for (start, key), end in zip(starts, ends, strict=True)]
    return [("", "".join(rows[: starts[0][0]])), *blocks]


def _with_comments(rows: list[str], line: int) -> int:
    """The index of the first of the comment lines above a key's line (from 1)."""
    first = line - 1
    while first > 0 and rows[first - 1].startswith("#"):
        first -= 1
    return first
