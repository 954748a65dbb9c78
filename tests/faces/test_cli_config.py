"""The command config: what is set, and where."""

from __future__ import annotations

import json
from pathlib import Path

from command_running import Run, shell


def test_config_show_says_where_each_value_comes_from(tmp_path: Path, run: Run) -> None:
    (tmp_path / "config.yaml").write_text("language: zh\nllm_style: openai\nllm_api_key: sk-hidden\n")
    (tmp_path / "memory.toml").write_text("top_k = 3\n")
    store = tmp_path
    shown = run("config", "show", "--store", str(store))
    assert shown.code == 0
    assert "config.yaml:1 (language)" in shown.out
    assert "memory.toml" in shown.out
    assert "sk-hidden" not in shown.out
    assert "llm_style: not used" in shown.err
    assert "session_gap_hours" not in shown.out
    assert "session_gap_hours" in run("config", "show", "--all", "--store", str(store)).out
    told = json.loads(run("config", "show", "--json", "--store", str(store)).out)
    assert {"name": "top_k", "value": 3, "origin": "memory.toml"} in told["settings"]


def test_the_command_names_a_variable(tmp_path: Path) -> None:
    ran = shell("config", "show", "--store", str(tmp_path), env={"MEMU_LIKE_TOP_K": "7"})
    assert "MEMU_LIKE_TOP_K" in ran.stdout
