"""No key reaches an error, a log, a file or a repr: also where the endpoint gives it back."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from edges.llm.chat_server import Answer, Body, ChatServer, completion, raw, refusal, streamed

from memu_like.chat import ChatMessage, ChatRequest
from memu_like.config import Settings, build_settings, settings_from_environment
from memu_like.configuring import read_settings
from memu_like.edges.llm.connection import Endpoint
from memu_like.edges.llm.meter import Meter
from memu_like.errors import ConfigError, ModelError
from memu_like.service import MemoryService

KEY = "sk-secret-1234567890"
HEADER = 'header "secret"/77'
QUERY = "query secret+88"
SECRETS = (KEY, HEADER, QUERY, "hdr-bearer-99")
SAY = ChatRequest("reply", (ChatMessage("user", "Say hello."),))
GIVEN = {
    "headers": {"x-key": HEADER, "x-authorization": "Bearer hdr-bearer-99"},
    "query": {"token": QUERY},
    "retries": 1,
}


def echo(status: int) -> Any:
    """An endpoint that gives back all that it got."""

    def answer(body: Body) -> Answer:
        return refusal(status, f"you sent {KEY}, {HEADER}, hdr-bearer-99 and {QUERY} (query+secret%2B88)")

    return answer


async def whole(model: Any) -> list[object]:
    return [piece async for piece in model.stream(SAY)]


def everything(error: BaseException) -> str:
    """All that a traceback, a log of it and its chain can print."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None:
        chain.append(current)
        current = current.__cause__ or current.__context__
    told = [repr(one) + str(one) + repr(one.args) for one in chain]
    return "\n".join([*told, *traceback.format_exception(error)])


@pytest.mark.parametrize(
    "answer",
    [
        *(echo(status) for status in (307, 400, 401, 403, 404, 418, 429, 500)),
        raw(f"<html>{KEY} {HEADER} {QUERY} hdr-bearer-99</html>"),
        raw(json.dumps({"error": {"message": f"{KEY} {HEADER} {QUERY}", "code": 500}})),
        raw(json.dumps({"error": f"Bearer hdr-bearer-99 {HEADER}"}), 400),
        raw(f"{KEY} {json.dumps(HEADER)} {QUERY}", 422, "text/plain"),
        completion(None, refusal=f"I will not say {KEY} and {QUERY}"),
        raw(f'{{"choices": "{KEY}"', broken=True),
        raw(f"data: {json.dumps({'error': {'message': KEY + QUERY}})}\n\n"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_an_endpoint_that_gives_the_key_back_is_not_quoted(
    server: ChatServer, model: Any, caplog: pytest.LogCaptureFixture, answer: Any, stream: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers = [answer]
    made = model(**GIVEN)
    with pytest.raises(ModelError) as raised:
        await (whole(made) if stream else made.chat(SAY))
    told = everything(raised.value) + repr(made) + repr(vars(made)) + caplog.text
    for secret in (*SECRETS, "query+secret", "query%20secret"):
        assert secret not in told
    assert server.url in str(raised.value)


async def test_no_log_has_the_query_and_other_addresses_are_logged_as_before(
    server: ChatServer, model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = model(**GIVEN)
    await made.chat(SAY)
    assert f"{server.url}/chat/completions" in caplog.text
    assert "secret" not in caplog.text
    assert "query" not in caplog.text
    log = logging.getLogger(
        next(r.name for r in caplog.records if "HTTP Request: POST http" in r.getMessage())
    )
    before = len(log.filters)
    log.info("HTTP Request: %s", "http://elsewhere/?a=b")
    assert "http://elsewhere/?a=b" in caplog.text
    await made.close()
    assert len(log.filters) == before - 1


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "iris" / ".memu").mkdir(parents=True)
    (tmp_path / "iris" / "user.json").write_text("{}")
    return tmp_path


async def test_no_file_has_a_key(server: ChatServer, model: Any, settings: Any, files: Path) -> None:
    server.answers = [completion(KEY), echo(400), streamed(KEY)]
    kept = settings(**GIVEN).model_copy(update={"store": files})
    meter = Meter(model(**GIVEN), kept, lambda: datetime(2024, 5, 1, tzinfo=UTC), ledger=files / "iris/.memu")
    await meter.chat(SAY)
    with pytest.raises(ModelError):
        await meter.chat(SAY)
    assert [piece async for piece in meter.stream(SAY)]
    written = "".join(path.read_text() for path in files.rglob("*") if path.is_file())
    assert '"calls":1' in written
    assert not [secret for secret in SECRETS if secret in written]


def test_settings_do_not_show_keys() -> None:
    made = Settings(llm_api_key=KEY, llm_headers={"x-key": HEADER}, llm_query={"token": QUERY})
    assert not [secret for secret in SECRETS if secret in repr(made) + str(made)]
    assert KEY not in repr(Endpoint("http://h/v1", KEY, {"a": KEY}, {"b": KEY}))


@pytest.mark.parametrize(
    "layer",
    [
        {"llm_api_key": [KEY]},
        {"llm_headers": KEY},
        {"llm_headers": {"x-key": [KEY]}},
        {"llm_query": {"token": {"a": KEY}}},
        {"llm_base_url": f"http://user:{KEY}@host/v1"},
        {"llm_base_url": f"http://host/v1?key={KEY}"},
    ],
)
def test_a_wrong_setting_is_refused_without_its_value(layer: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as raised:
        build_settings(layer)
    assert KEY not in everything(raised.value)


# -- the environment


def test_tables_and_lists_come_from_the_environment_as_json() -> None:
    environ = {
        "MEMU_LIKE_LLM_HEADERS": '{"api-key": "k"}',
        "MEMU_LIKE_LLM_QUERY": '{"api-version": "2024-10-21"}',
        "MEMU_LIKE_LLM_PRICES": '{"m": {"input": 0.15, "output": 0.6}}',
        "MEMU_LIKE_EVENT_TAGS": '[{"name": "health"}]',
        "MEMU_LIKE_LLM_TEMPERATURE": "none",
        "MEMU_LIKE_LLM_RUN_TOKEN_CAP": "1000",
    }
    made = build_settings(settings_from_environment(environ))
    assert made.llm_headers == {"api-key": "k"}
    assert made.llm_query == {"api-version": "2024-10-21"}
    assert made.llm_prices["m"].output == 0.6
    assert made.event_tags[0].name == "health"
    assert made.llm_temperature is None
    assert made.llm_run_token_cap == 1000


@pytest.mark.parametrize("text", ["api-key: k-secret", "", "[", "7", "null", "[" * 100_000])
def test_a_table_that_is_no_json_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(ConfigError, match="MEMU_LIKE_LLM_HEADERS must be JSON") as raised:
        settings_from_environment({"MEMU_LIKE_LLM_HEADERS": text})
    assert "k-secret" not in everything(raised.value)


def test_the_key_of_openai_is_for_openai_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert read_settings(tmp_path, {}).embedder_api_key == KEY
    assert read_settings(tmp_path, {"embedder_base_url": "http://h/v1"}).embedder_api_key is None
    assert read_settings(tmp_path, {}).llm_api_key == KEY
    assert read_settings(tmp_path, {"llm_api_key": "own"}).llm_api_key == "own"
    assert read_settings(tmp_path, {"llm_base_url": "http://h/v1"}).llm_api_key is None
    monkeypatch.setenv("MEMU_LIKE_LLM_BASE_URL", "http://h/v1")
    assert read_settings(tmp_path, {}).llm_api_key is None
    monkeypatch.delenv("MEMU_LIKE_LLM_BASE_URL")
    (tmp_path / "memory.toml").write_text('llm_base_url = "http://h/v1"\n')
    assert read_settings(tmp_path, {}).llm_api_key is None
    (tmp_path / "memory.toml").write_text('llm_api_key = "of-the-file"\n')
    assert read_settings(tmp_path, {}).llm_api_key == "of-the-file"


async def test_an_empty_variable_takes_the_model_of_the_file_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.toml").write_text('llm_model = "m"\nembedder = "none"\n')
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    async with MemoryService(tmp_path) as memory:
        with pytest.raises(ConfigError, match="llm_api_key"):
            await memory.tools()
    monkeypatch.setenv("MEMU_LIKE_LLM_MODEL", "")
    async with MemoryService(tmp_path) as memory:
        assert (await memory.tools()).model is None
