"""The verbs of the configuration: what it is, where it came from, and the part that a client may change."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .config import Settings
from .configuring import configured, profile_config_of, with_profile_config
from .edges.config_yaml import read_yaml, write_yaml
from .edges.llm.base import Model
from .errors import ConfigError
from .results import ConfigReport
from .workshop import Workshop


class ConfigVerbs:
    """A service's settings. `store` and `overrides` as MemoryService takes them. Raises ConfigError."""

    def __init__(
        self, store: str | Path | Settings | None, overrides: Mapping[str, Any], model: Model | None
    ) -> None:
        self._given, self._overrides = store, overrides
        self._configured = configured(store, overrides)
        self.settings = self._configured.settings
        self.store = self.settings.store.absolute()
        self._shop = Workshop(self.settings, model)
        self._configuring = asyncio.Lock()

    async def config(self) -> ConfigReport:
        """Every setting with its value and where it came from; a secret is masked."""
        return self._configured.report()

    async def profile_config(self) -> str:
        """What the store's `config.yaml` says of profiles, events and their language, as it stands there.

        That is Memobase's profile_config; the file's other keys are not told. Raises ConfigError.
        """
        return profile_config_of(await self._shop.blocking(partial(read_yaml, self.store)))

    async def set_profile_config(self, text: str) -> ConfigReport:
        """Replace that part of the store's `config.yaml`; it counts from the next call on.

        Raises ConfigError for YAML, a key or a value that cannot be used, and where the service was given
        complete Settings; then nothing is written.
        """
        if isinstance(self._given, Settings):
            raise ConfigError("this service was given complete Settings: no file of the store is read")
        async with self._configuring:
            found = await self._shop.blocking(partial(read_yaml, self.store))
            wanted = with_profile_config(found, text)
            new = configured(self._given, self._overrides, wanted)
            tools = await self._shop.rebuilt(new.settings)
            await self._shop.blocking(partial(write_yaml, self.store, wanted.text))
            await self._shop.use(tools)
            self._configured, self.settings = new, new.settings
        return new.report()
