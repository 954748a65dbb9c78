"""Settings: code over environment over file, and a wrong one is named with the right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from memu_like import ConfigError, MemoryService, Settings
from memu_like.config import build_settings, settings_from_environment


def test_later_layers_win() -> None:
    layers = {"top_k": 3, "timezone": "Europe/Lisbon"}, {"top_k": "4"}, {"top_k": 5}
    assert build_settings(*layers[:2]).top_k == 4
    found = build_settings(*layers)
    assert (found.top_k, found.timezone) == (5, "Europe/Lisbon")


@pytest.mark.parametrize(
    ("layer", "part"),
    [
        ({"topk": 3}, "did you mean 'top_k'?"),
        ({"embeder": "none"}, "did you mean 'embedder'?"),
        ({"top_k": 0}, "top_k"),
        ({"embedder": "word2vec"}, "embedder"),
        ({"timezone": "Europe/Atlantis"}, "timezone"),
        ({"session_gap_hours": "often"}, "session_gap_hours"),
        ({"llm_base_url": "nowhere"}, "setting 'llm_base_url': give an address such as http"),
    ],
)
def test_a_wrong_setting_is_one_line(layer: dict[str, object], part: str) -> None:
    with pytest.raises(ConfigError) as raised:
        build_settings(layer)
    assert part in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_environment_names_settings() -> None:
    assert settings_from_environment({"MEMU_LIKE_TOP_K": "7", "HOME": "/"}) == {"top_k": "7"}


async def test_the_store_has_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "memory.toml").write_text('top_k = 2\nembedder = "none"\n')
    async with MemoryService(tmp_path) as memory:
        assert (memory.settings.top_k, memory.settings.embedder) == (2, "none")
        user = memory.user("iris")
        await user.memorize("A: I like tea.\nB: I like rain.\nA: I like snow.\n", format="transcript")
        result = await user.retrieve("tea")
    assert len(result.hits) == 2
    assert result.degraded


def test_a_broken_file_says_where(tmp_path: Path) -> None:
    (tmp_path / "memory.toml").write_text("top_k = ")
    with pytest.raises(ConfigError, match=r"memory\.toml"):
        MemoryService(tmp_path)


def test_a_key_is_not_shown() -> None:
    assert "sk-hidden" not in repr(Settings(embedder_api_key="sk-hidden"))
