"""Settings from every place that they are given in, each with where it came from.

Code over `MEMU_LIKE_*` over `MEMOBASE_*` variables over the store's `memory.toml` over its `config.yaml` over
the defaults.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .config import ENV_PREFIX, Settings, build_settings, settings_from_environment
from .edges.config_yaml import ConfigYaml, joined, parse_yaml, part_of, read_yaml
from .errors import ConfigError
from .pure import memobase_config as memobase
from .results import ConfigReport, Setting

SETTINGS_FILE = "memory.toml"
OPENAI_KEY = "OPENAI_API_KEY"
MASK = "***"


@dataclass(frozen=True, slots=True)
class Configured:
    """Settings, and where each one that is not the default came from. `notes` tell what is not used."""

    settings: Settings
    origins: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def report(self) -> ConfigReport:
        """Every setting with its origin. A secret is masked."""
        values = self.settings.model_dump(mode="json")
        shown = [
            Setting(name, _masked(name, value), self.origins.get(name, "default"))
            for name, value in values.items()
        ]
        return ConfigReport(tuple(shown), self.notes)


def _masked(name: str, value: Any) -> Any:
    """Settings that stay out of a repr are secrets; of headers and query parameters the names are none."""
    if Settings.model_fields[name].repr or not value:
        return value
    return dict.fromkeys(value, MASK) if isinstance(value, dict) else MASK


@dataclass(frozen=True, slots=True)
class _Layer:
    values: Mapping[str, Any]
    origins: Mapping[str, str]
    notes: tuple[str, ...] = ()


def configured(
    store: str | Path | Settings | None, overrides: Mapping[str, Any], yaml: ConfigYaml | None = None
) -> Configured:
    """Read the files and the environment. `yaml` stands for the store's `config.yaml`, where it is given.

    OPENAI_API_KEY is for OpenAI's own endpoint: it is not sent to an address that a setting names.
    """
    if isinstance(store, Settings):
        return Configured(store, dict.fromkeys(store.model_fields_set, "code"))
    environment = settings_from_environment(os.environ)
    place = Path(store or overrides.get("store") or environment.get("store") or Settings().store)
    in_code = {**overrides, "store": place} if store else overrides
    code = _Layer({**overrides, "store": place}, dict.fromkeys(in_code, "code"))
    layers = [
        _memobase_layer(read_yaml(place) if yaml is None else yaml),
        _toml_layer(place / SETTINGS_FILE),
        _memobase_environment(),
        _Layer(environment, {key: f"{ENV_PREFIX}{key.upper()}" for key in environment}),
        code,
    ]
    layers = [_openai_key(layers), *layers]
    origins = {key: origin for layer in layers for key, origin in layer.origins.items()}
    settings = build_settings(*(layer.values for layer in layers), origins=origins)
    return Configured(settings, origins, tuple(note for layer in layers for note in layer.notes))


def read_settings(store: str | Path | None, overrides: Mapping[str, Any]) -> Settings:
    """The same without where they came from."""
    return configured(store, overrides).settings


def _openai_key(layers: list[_Layer]) -> _Layer:
    key = os.environ.get(OPENAI_KEY)
    if not key:
        return _Layer({}, {})
    own = [k for k in ("embedder", "llm") if not any(layer.values.get(f"{k}_base_url") for layer in layers)]
    names = [f"{kind}_api_key" for kind in own]
    return _Layer(dict.fromkeys(names, key), dict.fromkeys(names, OPENAI_KEY))


def _toml_layer(path: Path) -> _Layer:
    if not path.is_file():
        return _Layer({}, {})
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    for key in values:
        own = memobase.own_name(key)
        if key not in Settings.model_fields and own:
            raise ConfigError(f"{path}: {key!r} is a key of Memobase's config.yaml; here it is {own!r}")
    return _Layer(values, dict.fromkeys(values, SETTINGS_FILE))


def _memobase_layer(found: ConfigYaml) -> _Layer:
    said = memobase.translate(memobase.read_config(found.values, found.places))
    origins = {ours: f"{found.places[theirs]} ({theirs})" for ours, theirs in said.keys.items()}
    return _Layer(said.values, origins, tuple(f"config.yaml: {note}" for note in said.notes))


def _memobase_environment() -> _Layer:
    found = memobase.environment_values(os.environ)
    names = {key: f"{memobase.ENV_PREFIX}{key.upper()}" for key in found}
    said = memobase.translate(memobase.read_config(found, names))
    origins = {ours: names[theirs] for ours, theirs in said.keys.items()}
    return _Layer(said.values, origins, tuple(f"{memobase.ENV_PREFIX}*: {note}" for note in said.notes))


# -- the part of config.yaml that a client may read and write


def profile_config_of(found: ConfigYaml) -> str:
    """The text of the keys of a profile configuration: the others are the server's, keys among them."""
    return part_of(found, memobase.PROFILE_KEYS)


def with_profile_config(found: ConfigYaml, text: str) -> ConfigYaml:
    """`config.yaml` with another profile configuration. Raises ConfigError for what a client may not set."""
    wanted = parse_yaml(text)
    refused = [key for key in wanted.values if key not in memobase.PROFILE_KEYS]
    memobase.read_config(wanted.values, wanted.places)
    if refused:
        raise ConfigError(
            f"{wanted.places[refused[0]]}: {refused[0]!r} is the server's: only its config.yaml can set it;"
            f" a profile configuration may have {', '.join(sorted(memobase.PROFILE_KEYS))}"
        )
    return parse_yaml(joined(found, memobase.PROFILE_KEYS, text))
