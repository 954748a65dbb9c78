"""Memobase's config.yaml: its keys are read as they are, and a client may change its own part of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like import ConfigError, MemoryService, Settings
from memu_like.configuring import configured, profile_config_of, with_profile_config
from memu_like.edges.config_yaml import MARK, MAX_BYTES, parse_yaml
from memu_like.pure.memobase_config import MemobaseConfig, read_config, translate

DOCUMENTED = """\
# Storage and performance
persistent_chat_blobs: false
buffer_flush_interval: 1800
max_chat_blob_buffer_token_size: 512
max_profile_subtopics: 15
max_pre_profile_token_size: 128
cache_user_profiles_ttl: 1200

use_timezone: "Asia/Tokyo"

language: "zh"
llm_style: "openai"
llm_base_url: "http://localhost:8080/v1/"
llm_api_key: "sk-hidden"
llm_openai_default_query: {api-version: "1"}
llm_openai_default_header: {x-team: "blue"}
best_llm_model: "gpt-4o-mini"
summary_llm_model: null

additional_user_profiles:
  - topic: "Gaming"
    description: "What they play"
    sub_topics:
      - "Soul-Like"
      - name: "RPG"
        description: "Role playing"
overwrite_user_profiles: null
profile_strict_mode: true
profile_validate_mode: false
event_theme_requirement: "Dwell on feelings."
event_tags:
  - name: emotion
    description: "How the user feels"
"""


def store_with(tmp_path: Path, yaml: str = "", toml: str = "") -> Path:
    (tmp_path / "config.yaml").write_text(yaml)
    (tmp_path / "memory.toml").write_text(toml)
    return tmp_path


def origins(store: Path, **code: Any) -> dict[str, tuple[Any, str]]:
    report = configured(store, code).report()
    return {one.name: (one.value, one.origin) for one in report.settings}


# -- reading


def test_each_key_that_memobase_documents_is_read(tmp_path: Path) -> None:
    found = configured(store_with(tmp_path, DOCUMENTED), {})
    settings = found.settings
    assert settings.buffer_flush_interval == 1800
    assert settings.max_chat_blob_buffer_token_size == 512
    assert settings.slot_budget_tokens == 128
    assert settings.timezone == "Asia/Tokyo"
    assert settings.language == "zh"
    assert settings.llm_model == "gpt-4o-mini"
    assert (settings.llm_base_url, settings.llm_api_key) == ("http://localhost:8080/v1", "sk-hidden")
    assert (settings.llm_query, settings.llm_headers) == ({"api-version": "1"}, {"x-team": "blue"})
    assert (settings.profile_strict, settings.profile_validate) == (True, False)
    assert settings.event_theme == "Dwell on feelings."
    assert [tag.name for tag in settings.event_tags] == ["emotion"]
    assert settings.categories == ()
    assert [slot.name for slot in settings.additional_categories[0].slots] == ["soul-like", "rpg"]
    assert {note.split(":")[1].strip() for note in found.notes} == {
        *("persistent_chat_blobs", "max_profile_subtopics", "cache_user_profiles_ttl", "llm_style"),
    }


async def test_topics_are_added_to_the_default_ones_or_replace_them(tmp_path: Path) -> None:
    text = (
        "additional_user_profiles:\n  - topic: gaming\n  - {topic: Interests/Hobbies, sub_topics: [chess]}\n"
    )
    async with MemoryService(store_with(tmp_path, text)) as memory:
        names = [category.name for category in (await memory.tools()).categories]
        assert len(names) == 12
        assert names[-2:] == ["gaming", "interests-hobbies"]
    text = "overwrite_user_profiles: [{topic: gaming, sub_topics: [rpg]}]\n"
    async with MemoryService(store_with(tmp_path, text)) as memory:
        assert [category.name for category in (await memory.tools()).categories] == ["gaming"]


async def test_a_topic_that_is_there_gets_the_slots_it_lacks(tmp_path: Path) -> None:
    text = "additional_user_profiles: [{topic: personal_info, sub_topics: [name, shoe size]}]\n"
    async with MemoryService(store_with(tmp_path, text)) as memory:
        categories = (await memory.tools()).categories
    info = next(category for category in categories if category.name == "personal_info")
    slots = {slot.name: slot for slot in info.slots}
    assert len(categories) == 10
    assert info.description
    assert slots["name"].examples, "a bare name takes nothing from the slot that is known"
    assert slots["shoe_size"].examples == ()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("languge: en\n", "config.yaml:1: unknown key 'languge'; did you mean 'language'?"),
        ("\nprofile_strict_mode: perhaps\n", "config.yaml:2: profile_strict_mode:"),
        ("language: fr\n", "config.yaml:1: language:"),
        ("use_timezone: Europe/Atlantis\n", "(from config.yaml:1 (use_timezone))"),
        ("top_k: 3\n", "config.yaml:1: unknown key 'top_k'; it is a setting of memory.toml"),
        ("event_tags: [{name: a, descripton: b}]\n", "did you mean 'description'?"),
        ("additional_user_profiles: [{topic: a, subtopics: [b]}]\n", "did you mean 'sub_topics'?"),
        ("additional_user_profiles: [{topic: a, sub_topics: [{nam: b}]}]\n", "did you mean 'name'?"),
        ("language: en\nlanguage: zh\n", "config.yaml:2: 'language' is given twice"),
        ("a: &x [1]\nb: *x\n", "config.yaml:2: write it out"),
        ("a: [1\n", "config.yaml:2: not YAML"),
        ("just words\n", "give keys and values"),
        ("language: !!python/object/apply:os.system [ls]\n", "config.yaml:1: not YAML"),
        ("1: 2\n", "config.yaml:1: a key must be a word"),
        ("a: " + "[" * 3000 + "]" * 3000, "nested too deeply"),
        ("#" * (MAX_BYTES + 1), "longer than"),
    ],
)
def test_what_cannot_be_used_is_one_line_that_says_where(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(ConfigError) as raised:
        configured(store_with(tmp_path, text), {})
    assert part in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_error_never_shows_a_value_that_may_be_a_key(tmp_path: Path) -> None:
    for text in ("llm_api_key: [sk-hidden]\n", "llm_api_key: sk-hidden: x\n", "llm_api_key: @sk-hidden\n"):
        with pytest.raises(ConfigError) as raised:
            configured(store_with(tmp_path, text), {})
        assert "hidden" not in str(raised.value)


def test_memory_toml_names_its_own_key_for_one_of_memobase(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="here it is 'profile_strict'"):
        configured(store_with(tmp_path, toml="profile_strict_mode = true\n"), {})


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "{}", "---\n", "null\n", "language: null\n"])
def test_a_file_that_says_nothing_changes_nothing(tmp_path: Path, text: str) -> None:
    assert configured(store_with(tmp_path, text), {}).settings == Settings(store=tmp_path)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    refused = ""
    try:
        found = parse_yaml(text)
        read_config(found.values, found.places)
    except ConfigError as error:
        refused = str(error)
    assert "\n" not in refused


# -- embeddings


def test_a_key_is_not_sent_to_another_endpoint() -> None:
    told = translate(MemobaseConfig(llm_api_key="k", llm_base_url="http://a/v1", embedding_provider="jina"))
    assert "embedder_api_key" not in told.values
    assert told.values["embedder_base_url"] == "https://api.jina.ai/v1"
    assert "llm_api_key" in told.notes[0]
    told = translate(MemobaseConfig(llm_api_key="k", embedding_dim=256))
    assert (told.values["embedder"], told.values["embedder_api_key"]) == ("openai", "k")
    assert "embedder" not in translate(MemobaseConfig(llm_api_key="k")).values


# -- which place wins


def test_code_over_environment_over_toml_over_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yaml = "language: zh\nbest_llm_model: of-yaml\nuse_timezone: Asia/Tokyo\nllm_api_key: sk-hidden\n"
    toml = 'llm_model = "of-toml"\ntop_k = 4\ntimezone = "Europe/Lisbon"\n'
    monkeypatch.setenv("MEMOBASE_USE_TIMEZONE", "Europe/London")
    monkeypatch.setenv("MEMOBASE_BEST_LLM_MODEL", "of-their-variable")
    monkeypatch.setenv("MEMOBASE_API_KEY", "a client's")
    monkeypatch.setenv("MEMU_LIKE_LLM_MODEL", "of-our-variable")
    found = origins(store_with(tmp_path, yaml, toml), session_gap_hours=2)
    assert found["language"] == ("zh", "config.yaml:1 (language)")
    assert found["llm_model"] == ("of-our-variable", "MEMU_LIKE_LLM_MODEL")
    assert found["timezone"] == ("Europe/London", "MEMOBASE_USE_TIMEZONE")
    assert found["top_k"] == (4, "memory.toml")
    assert found["session_gap_hours"] == (2.0, "code")
    assert found["git"] == ("auto", "default")
    assert found["llm_api_key"] == ("***", "config.yaml:4 (llm_api_key)")
    assert found["store"] == (str(tmp_path), "code")


def test_a_wrong_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMOBASE_PROFILE_STRICT_MODE", "perhaps")
    with pytest.raises(ConfigError, match="MEMOBASE_PROFILE_STRICT_MODE"):
        configured(tmp_path, {})


async def test_complete_settings_come_from_code(tmp_path: Path) -> None:
    async with MemoryService(Settings(store=tmp_path, top_k=3)) as memory:
        found = {one.name: one.origin for one in (await memory.config()).settings}
        assert (found["top_k"], found["git"]) == ("code", "default")
        with pytest.raises(ConfigError, match="complete Settings"):
            await memory.set_profile_config("language: en\n")


# -- what a client may change


async def test_a_profile_configuration_is_kept_as_given_and_counts_at_once(tmp_path: Path) -> None:
    text = "# ours\nlanguage: zh\nprofile_strict_mode: true\noverwrite_user_profiles:\n  - topic: gaming\n"
    async with MemoryService(tmp_path / "new") as memory:
        assert await memory.profile_config() == ""
        user = memory.user("iris")
        await user.memorize("A: I like tea.\nB: I like rain.\nA: I moved.\n", format="transcript")
        report = await memory.set_profile_config(text)
        assert await memory.profile_config() == text
        assert memory.settings.profile_strict
        assert [category.name for category in (await memory.tools()).categories] == ["gaming"]
        assert (
            next(s.origin for s in report.settings if s.name == "categories")
            == "config.yaml:4 (overwrite_user_profiles)"
        )
        await user.memorize("A: I like chess.\nB: I like snow.\nA: I cook.\n", format="transcript")
        new = [item for item in await user.items() if "chess" in item.text or "cook" in item.text]
        assert {item.topic for item in new} <= {"gaming"}
    async with MemoryService(tmp_path / "new") as memory:
        assert memory.settings.language == "zh"
        await memory.set_profile_config("")
        assert await memory.profile_config() == ""
        assert memory.settings.language == "auto"


async def test_the_keys_of_the_server_stay_and_are_not_told(tmp_path: Path) -> None:
    own = "# of the server\n\nllm_api_key: sk-1\n# llm_api_key: sk-2\nlanguage: en # sure\n\n"
    own += "# m\nbest_llm_model: m"
    async with MemoryService(store_with(tmp_path, own)) as memory:
        assert await memory.profile_config() == "language: en # sure\n"
        given = "# of a client\n\nlanguage: zh # too\n# the end"
        await memory.set_profile_config(given)
        assert await memory.profile_config() == given
        assert memory.settings.llm_api_key == "sk-1"
    kept = "# of the server\n\nllm_api_key: sk-1\n# llm_api_key: sk-2\n\n# m\nbest_llm_model: m\n"
    assert (tmp_path / "config.yaml").read_text() == f"{kept}{MARK}\n{given}"


async def test_what_a_person_adds_below_is_the_server_s_where_it_is_one_of_its_keys(tmp_path: Path) -> None:
    text = f"llm_api_key: sk-1\n{MARK}\n# of a client\nlanguage: zh\n# sk-2\nbest_llm_model: m\n"
    async with MemoryService(store_with(tmp_path, text)) as memory:
        assert await memory.profile_config() == "language: zh\n"


@pytest.mark.parametrize(
    "text",
    [
        "llm_base_url: http://elsewhere/v1\n",
        "llm_api_key: sk-other\n",
        "language: klingon\n",
        "languge: en\n",
        "overwrite_user_profiles: [{topic: .., sub_topics: []}]\n",
        "language: [\n",
    ],
)
async def test_what_a_client_may_not_set_is_refused_and_nothing_is_written(tmp_path: Path, text: str) -> None:
    before = "best_llm_model: m\nlanguage: zh\n"
    async with MemoryService(store_with(tmp_path, before)) as memory:
        with pytest.raises(ConfigError):
            await memory.set_profile_config(text)
        assert memory.settings.language == "zh"
    assert (tmp_path / "config.yaml").read_text() == before


def test_keys_in_braces_are_parted_too() -> None:
    found = parse_yaml("{language: en, best_llm_model: m}")
    assert profile_config_of(found) == "language: en\n"
    assert with_profile_config(found, "language: zh\n").values == {"best_llm_model": "m", "language": "zh"}


KEYS = st.sampled_from(
    ["language: en", "llm_api_key: k", "event_tags:\n  - name: a", "best_llm_model: m\n", "# c"]
)


@given(st.lists(KEYS, unique_by=lambda line: line.split(":")[0], max_size=5))
def test_parting_and_joining_loses_no_key(lines: list[str]) -> None:
    found = parse_yaml("".join(f"{line}\n" for line in lines))
    again = with_profile_config(found, profile_config_of(found))
    assert again.values == found.values
    assert parse_yaml(profile_config_of(again)).values == parse_yaml(profile_config_of(found)).values
    once = profile_config_of(again)
    assert profile_config_of(with_profile_config(again, once)) == once
